//! `service`: services, whatever starts them.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::systemd::{self, Systemd};
use crate::args::{Arguments, Choice as _};
use crate::{Context, Module, ModuleError, Outcome};

/// Starts, stops and enables services: through systemd where it runs, else through init scripts.
#[derive(Arguments)]
#[arguments(one_of("state", "enabled"))]
pub struct ServiceArgs {
    /// The service.
    name: String,
    /// How it should be now. `restarted` and `reloaded` always act.
    state: Option<systemd::State>,
    /// Whether it starts when the host does.
    enabled: Option<bool>,
    /// Seconds between stopping and starting, where init scripts restart.
    sleep: Option<u64>,
    /// A text that shows in the list of processes that it runs, where an init script cannot tell.
    pattern: Option<String>,
    /// Run levels; only for OpenRC.
    #[arg(default = "default")]
    runlevel: String,
    /// More arguments for the init script.
    #[arg(alias = "args")]
    arguments: Option<String>,
    /// `auto`, `systemd`, `sysvinit`.
    #[arg(name = "use", default = "auto")]
    manager: String,
    /// Read unit files again first, where systemd runs.
    #[arg(default = "false", alias = "daemon-reload")]
    daemon_reload: bool,
    /// Whether it cannot be started at all, where systemd runs.
    masked: Option<bool>,
}

/// The `service` module.
pub struct Service;

impl Module for Service {
    type Args = ServiceArgs;
    const NAME: &'static str = "service";
    const SUMMARY: &'static str = "Manages services";
    const ALIASES: &'static [&'static str] = &["sysvinit"];

    fn run(args: ServiceArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        // Run levels are OpenRC's; where that does not run they mean nothing.
        let _ = &args.runlevel;
        let systemd_runs = Path::new("/run/systemd/system").exists();
        match args.manager.as_str() {
            "systemd" => through_systemd(&args, context),
            "auto" if systemd_runs => through_systemd(&args, context),
            "auto" | "sysvinit" | "service" => through_script(&args, context),
            other => Err(ModuleError::new(format!(
                "clouder does not manage services with `{other}`; it does with systemd and sysvinit"
            ))),
        }
    }
}

fn through_systemd(args: &ServiceArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
    let mut given = Map::new();
    given.insert("name".to_owned(), args.name.as_str().into());
    if let Some(state) = args.state {
        given.insert("state".to_owned(), word(state).into());
    }
    for (name, value) in [("enabled", args.enabled), ("masked", args.masked)] {
        if let Some(value) = value {
            given.insert(name.to_owned(), value.into());
        }
    }
    given.insert("daemon_reload".to_owned(), args.daemon_reload.into());
    let read = <Systemd as Module>::Args::read(given).map_err(|error| ModuleError::new(error.to_string()))?;
    Systemd::run(read, context)
}

fn word(state: systemd::State) -> &'static str {
    let is_it = |word: &&&str| systemd::State::from_word(word) == Some(state);
    systemd::State::WORDS.iter().find(is_it).copied().unwrap_or("started")
}

fn through_script(args: &ServiceArgs, context: &Context) -> Result<Outcome, ModuleError> {
    let script = Path::new("/etc/init.d").join(&args.name);
    if !script.exists() {
        return Err(ModuleError::new(format!("Could not find the requested service {}: host", args.name)));
    }
    let call = |verb: &str| {
        context
            .tool(&script)
            .arguments(args.arguments.iter().flat_map(|text| text.split_whitespace()))
            .argument(verb)
            .run()
    };
    let mut outcome = Outcome::new(false).with("name", args.name.as_str());
    if let Some(enabled) = args.enabled {
        let is_enabled = (2..=5).any(|level| {
            let entries = std::fs::read_dir(format!("/etc/rc{level}.d")).into_iter().flatten().flatten();
            entries.into_iter().any(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                name.starts_with('S') && name.get(3..) == Some(args.name.as_str())
            })
        });
        outcome.result.insert("enabled".to_owned(), enabled.into());
        if enabled != is_enabled {
            outcome.changed = true;
            if !context.check {
                let verb = if enabled { "enable" } else { "disable" };
                context.tool("update-rc.d").arguments([args.name.as_str(), "defaults"]).succeed()?;
                context.tool("update-rc.d").arguments([args.name.as_str(), verb]).succeed()?;
            }
        }
    }
    if let Some(state) = args.state {
        let is_running = match &args.pattern {
            Some(pattern) => context.tool("pgrep").arguments(["-f", pattern]).run()?.status.success(),
            None => call("status")?.status.success(),
        };
        let verbs: &[&str] = match (state, is_running) {
            (systemd::State::Started, false) | (systemd::State::Reloaded, false) => &["start"],
            (systemd::State::Stopped, true) => &["stop"],
            (systemd::State::Reloaded, true) => &["reload"],
            (systemd::State::Restarted, _) if args.sleep.is_some() => &["stop", "start"],
            (systemd::State::Restarted, _) => &["restart"],
            _ => &[],
        };
        outcome.changed |= !verbs.is_empty();
        outcome.result.insert(
            "state".to_owned(),
            json!(if state == systemd::State::Stopped { "stopped" } else { "started" }),
        );
        for (index, verb) in verbs.iter().enumerate().filter(|_| !context.check) {
            if let Some(seconds) = args.sleep.filter(|_| index > 0) {
                std::thread::sleep(std::time::Duration::from_secs(seconds));
            }
            let finished = call(verb)?;
            if !finished.status.success() && *verb != "stop" {
                return Err(finished.failure(&format!("Unable to {verb} service {}", args.name)));
            }
        }
    }
    outcome.result.entry("status").or_insert(Value::Object(Map::new()));
    Ok(outcome)
}
