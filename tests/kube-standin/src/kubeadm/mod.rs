//! kubeadm: sets a control plane up, and joins nodes to it.

mod certificates;
mod certs;
mod cluster;
mod images;
mod init;
mod join;
mod kubelet;
mod manifests;
mod members;
mod person;
mod preflight;
mod reset;
mod tokens;
mod upgrade;
mod upload;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Client;
use crate::config;
use crate::failure::{Failure, Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::Kubeconfig;
use crate::terminal::say;
use crate::tool::Tool;
use crate::version::Version;
use crate::yaml;

/// Where the control plane's files are.
const FOLDER: &str = "/etc/kubernetes";
/// Where certificates are unless the configuration says otherwise.
const CERTIFICATES: &str = "/etc/kubernetes/pki";
/// How long the API server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs kubeadm.
///
/// # Errors
/// Whatever the real one refuses, with its exit code.
pub fn run(arguments: &[String]) -> Result<()> {
    let version = Tool::Kubeadm.version()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let rest = |count: usize| arguments.get(count..).unwrap_or_default();
    match words.as_slice() {
        ["version", ..] => tell_version(version, rest(1)),
        ["config", "validate", ..] => validate(version, rest(2)),
        ["config", "images", "list", ..] => images::list(version, rest(3)),
        ["config", "images", "pull", ..] => images::pull(version, rest(3)),
        ["init", "phase", "upload-certs", ..] => upload::run(version, rest(3)),
        ["init", "phase", "upload-config", "kubelet", ..] => upload::kubelet_config(version, rest(4)),
        ["init", "phase", other, ..] => {
            refuse!(
                "the stand-in knows only the phases upload-certs and upload-config kubelet of init, not {other}"
            )
        }
        ["init", ..] => init::run(version, rest(1)),
        ["join", ..] => join::run(version, rest(1)),
        ["kubeconfig", "user", ..] => person::run(version, rest(2)),
        ["reset", ..] => reset::run(version, rest(1)),
        ["upgrade", "plan", ..] => upgrade::plan(version, rest(2)),
        ["upgrade", "apply", ..] => upgrade::apply(version, rest(2)),
        ["upgrade", "node", ..] => upgrade::node(version, rest(2)),
        ["certs", "check-expiration", ..] => certs::check(version, rest(2)),
        ["certs", "renew", ..] => certs::renew(version, rest(2)),
        ["token", "create", ..] => tokens::create(rest(2)),
        ["token", "list", ..] => tokens::list(rest(2)),
        ["token", "delete", ..] => tokens::delete(rest(2)),
        ["token", "generate", ..] => say(&tokens::random()),
        _ => refuse!("unknown command {:?} for \"kubeadm\"", words.join(" ")),
    }
}

fn tell_version(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "o/output=")?;
    let whole = json!({"clientVersion": {"major": "1", "minor": version.minor.to_string(), "gitVersion": format!("v{version}"), "platform": "linux/amd64"}});
    match flags.value("output") {
        Some("short") => say(&format!("v{version}")),
        Some("json") => say(&whole.to_string()),
        Some("yaml") => say(yaml::write(&whole)?.trim_end()),
        None => say(&format!(
            "kubeadm version: &version.Info{{Major:\"1\", Minor:\"{}\", GitVersion:\"v{version}\"}}",
            version.minor
        )),
        Some(other) => refuse!("invalid output format: {other}"),
    }
}

fn validate(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "config= allow-experimental-api v/v=")?;
    let Some(path) = flags.value("config") else { refuse!("the --config flag is mandatory") };
    let configuration = config::read_file(path.as_ref(), version.minor)?;
    config::validate(&configuration, version)?;
    say("ok")
}

/// Reads and checks the configuration file that every command here needs.
fn configuration(flags: &Flags, version: Version) -> Result<config::Configuration> {
    let Some(path) = flags.value("config") else { refuse!("the stand-in needs --config") };
    let configuration = config::read_file(path.as_ref(), version.minor)?;
    config::validate(&configuration, version)?;
    Ok(configuration)
}

/// The administrator's client, of `--kubeconfig` or the usual place.
fn administrator(flags: &Flags) -> Result<Client> {
    let path = flags.value("kubeconfig").map_or_else(|| Path::new(FOLDER).join("admin.conf"), PathBuf::from);
    Ok(Client::new(Kubeconfig::read(&path)?, PATIENCE))
}

/// Asks again until it works or the time is over.
fn wait<T>(what: &str, time: Duration, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + time;
    loop {
        match ask() {
            Ok(found) => return Ok(found),
            Err(last) if Instant::now() >= deadline => {
                return Err(Failure::new(format!(
                    "error execution phase {what}: timed out waiting for the condition: {last}"
                )));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}
