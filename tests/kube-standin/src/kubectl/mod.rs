//! kubectl: as much of it as playbooks call.

mod apply;
mod certificates;
mod create;
mod delete;
mod drain;
mod fields;
mod get;
mod jsonpath;
mod rollout;
mod table;
mod target;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::failure::{Context as _, Failure, Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::Kubeconfig;
use crate::resources::Resource;
use crate::schema::seconds;
use crate::terminal::say;
use crate::tool::Tool;
use crate::yaml;

/// The flags that every command knows.
const COMMON: &str = "kubeconfig= request-timeout= n/namespace= context= v/v= s/server=";

/// A command at work.
struct Kubectl {
    client: Client,
    flags: Flags,
    kinds: Vec<Resource>,
}

/// Runs kubectl.
///
/// # Errors
/// What the API or the command line make it say, with its exit code.
pub fn run(arguments: &[String]) -> Result<()> {
    // Common flags may stand before the command.
    let whole = format!("{COMMON} {}", ALL.iter().map(|(_, flags)| *flags).collect::<Vec<_>>().join(" "));
    let words = Flags::parse(arguments, &whole)?.words;
    let Some(command) = words.first() else { refuse!("kubectl controls the Kubernetes cluster manager") };
    let Some((_, known)) = ALL.iter().find(|(name, _)| name == command) else {
        refuse!("unknown command {command:?} for \"kubectl\"");
    };
    let mut flags = Flags::parse(arguments, &format!("{COMMON} {known}"))?;
    flags.words.remove(0);
    if command == "version" {
        return version(&flags);
    }
    let kubectl = Kubectl::new(flags)?;
    match command.as_str() {
        "get" => get::run(&kubectl),
        "apply" => apply::apply(&kubectl),
        "diff" => apply::diff(&kubectl),
        "create" => create::run(&kubectl),
        "delete" => delete::run(&kubectl),
        "wait" => wait::run(&kubectl),
        "label" | "annotate" | "taint" => fields::run(&kubectl, command),
        "cordon" | "uncordon" | "drain" => drain::run(&kubectl, command),
        "certificate" => certificates::run(&kubectl),
        "rollout" => rollout::run(&kubectl),
        _ => refuse!("unknown command {command:?} for \"kubectl\""),
    }
}

/// The commands and their own flags.
const ALL: [(&str, &str); 15] = [
    ("get", "o/output= A/all-namespaces l/selector= no-headers raw= ignore-not-found show-labels"),
    ("apply", "server-side f/filename= force-conflicts field-manager= dry-run? o/output= wait timeout="),
    ("diff", "server-side f/filename= force-conflicts field-manager="),
    ("create", "duration="),
    ("delete", "f/filename= ignore-not-found all l/selector= wait timeout= force grace-period= now"),
    ("wait", "for= all timeout= A/all-namespaces l/selector="),
    ("label", "overwrite all l/selector="),
    ("annotate", "overwrite all l/selector="),
    ("taint", "overwrite all l/selector="),
    ("cordon", ""),
    ("uncordon", ""),
    (
        "drain",
        "ignore-daemonsets delete-emptydir-data force timeout= grace-period= disable-eviction skip-wait-for-delete-timeout=",
    ),
    ("certificate", ""),
    ("rollout", "timeout= w/watch"),
    ("version", "client o/output= short"),
];

fn version(flags: &Flags) -> Result<()> {
    let own = format!("v{}", Tool::Kubectl.version()?);
    let mut whole = json!({"clientVersion": {"gitVersion": own}});
    if !flags.is_on("client")? {
        whole["serverVersion"] = Kubectl::new(flags.clone())?.client.get("/version")?;
    }
    match flags.value("output") {
        Some("json") => say(&whole.to_string()),
        Some("yaml") => say(yaml::write(&whole)?.trim_end()),
        Some(_) => refuse!("--output must be 'yaml' or 'json'"),
        None => {
            say(&format!("Client Version: {own}"))?;
            match whole["serverVersion"]["gitVersion"].as_str() {
                Some(server) => say(&format!("Server Version: {server}")),
                None => Ok(()),
            }
        }
    }
}

/// Prints a line on standard error.
#[expect(clippy::print_stderr, reason = "a tool talks to whoever calls it")]
fn warn(text: &str) {
    eprintln!("{text}");
}

impl Kubectl {
    fn new(flags: Flags) -> Result<Self> {
        let given = flags.value("kubeconfig").map(PathBuf::from);
        let path = given.or_else(|| std::env::var_os("KUBECONFIG").map(PathBuf::from));
        let path = path.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".kube/config")));
        let Some(path) = path.filter(|path| path.exists()) else {
            refuse!(
                "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
            );
        };
        let timeout = match flags.value("request-timeout") {
            None | Some("0") => 30.0,
            Some(text) => seconds(text).or_else(|| text.parse().ok()).ok_or_else(|| Failure::new(format!("Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h): {text}")))?,
        };
        let mut config = Kubeconfig::read(&path)?;
        if let Some(server) = flags.value("server") {
            config.server = server.to_owned();
        }
        let client = Client::new(config, Duration::from_secs_f64(timeout));
        let kinds = if flags.value("raw").is_some() { Vec::new() } else { kinds(&client)? };
        Ok(Self { client, flags, kinds })
    }

    /// The kind that people call by this word.
    fn kind(&self, word: &str) -> Result<&Resource> {
        self.kinds
            .iter()
            .find(|kind| kind.is_called(word))
            .ok_or_else(|| Failure::new(format!("error: the server doesn't have a resource type {word:?}")))
    }

    /// The namespace to work in.
    fn namespace(&self) -> &str {
        self.flags.value("namespace").unwrap_or("default")
    }

    /// The time that `--timeout` gives.
    fn timeout(&self, default: Duration) -> Result<Duration> {
        match self.flags.value("timeout") {
            None => Ok(default),
            Some("0" | "0s") => Ok(Duration::from_secs(7 * 24 * 3600)),
            Some(text) => match seconds(text) {
                Some(time) if time >= 0.0 => Ok(Duration::from_secs_f64(time)),
                _ => refuse!(
                    "error: invalid argument {text:?} for \"--timeout\" flag: time: invalid duration {text:?}"
                ),
            },
        }
    }
}

fn kinds(client: &Client) -> Result<Vec<Resource>> {
    let found = client.get("/api-resources")?;
    let text = |kind: &Value, key: &str| kind[key].as_str().unwrap_or_default().to_owned();
    let kinds = found.as_array().into_iter().flatten().map(|kind| Resource {
        kind: text(kind, "kind"),
        group: text(kind, "group"),
        version: text(kind, "version"),
        plural: text(kind, "plural"),
        short: text(kind, "short"),
        namespaced: kind["namespaced"] == true,
    });
    let kinds: Vec<Resource> = kinds.collect();
    if kinds.is_empty() { Err("the server named no kinds").doing("error") } else { Ok(kinds) }
}
