//! `systemd`: units of systemd.

mod unit;

use serde_json::Value;

use crate::args::{Arguments, Choice};
use crate::system::glob;
use crate::{Context, Module, ModuleError, Outcome};
use unit::{Enablement, Systemctl, Unit};

/// Starts, stops, enables and masks units.
#[derive(Arguments)]
#[arguments(required_by("state", "name"), required_by("enabled", "name"), required_by("masked", "name"))]
pub struct SystemdArgs {
    /// The unit; `.service` is added to a name without an ending.
    #[arg(alias = "service", alias = "unit")]
    name: Option<String>,
    /// How it should be now. `restarted` and `reloaded` always act.
    state: Option<State>,
    /// Whether it starts when the host does.
    enabled: Option<bool>,
    /// Replace links that are in the way of enabling.
    #[arg(default = "false")]
    force: bool,
    /// Whether it cannot be started at all.
    masked: Option<bool>,
    /// Read unit files again first.
    #[arg(default = "false", alias = "daemon-reload")]
    daemon_reload: bool,
    /// Start systemd itself anew first.
    #[arg(default = "false", alias = "daemon-reexec")]
    daemon_reexec: bool,
    /// Whose units.
    #[arg(default = "system")]
    scope: Scope,
    /// Do not wait until it is done.
    #[arg(default = "false")]
    no_block: bool,
}

/// How a unit should be now.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum State {
    /// With its configuration read again; started if it is not.
    Reloaded,
    /// Started anew.
    Restarted,
    /// Running.
    #[choice(alias = "running")]
    Started,
    /// Not running.
    Stopped,
}

/// Whose units.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum Scope {
    /// The host's.
    System,
    /// The user's.
    User,
    /// All users'.
    Global,
}

/// The `systemd` module.
pub struct Systemd;

impl Module for Systemd {
    type Args = SystemdArgs;
    const NAME: &'static str = "systemd";
    const SUMMARY: &'static str = "Manages units of systemd";
    const ALIASES: &'static [&'static str] = &["systemd_service"];

    fn run(args: SystemdArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        if let Some(name) = args.name.as_ref().filter(|name| glob::is_pattern(name)) {
            return Err(ModuleError::new(format!(
                "`{name}` is a pattern, which may mean many units: name one, and use a loop for more"
            )));
        }
        let systemctl = Systemctl { scope: args.scope, context };
        if !context.check {
            if args.daemon_reload {
                systemctl.act(&["daemon-reload"], "failure during daemon-reload")?;
            }
            if args.daemon_reexec {
                systemctl.act(&["daemon-reexec"], "failure during daemon-reexec")?;
            }
        }
        let mut outcome = Outcome::new(false);
        let Some(name) = &args.name else { return Ok(outcome) };
        outcome.result.insert("name".to_owned(), name.as_str().into());
        let mut unit = systemctl.show(name)?;
        if let Some(masked) = args.masked {
            let is_masked = unit.get("LoadState") == Some("masked")
                || unit.get("UnitFileState").is_some_and(|state| state.starts_with("masked"));
            if masked != is_masked {
                outcome.changed = true;
                if !context.check {
                    let verb = if masked { "mask" } else { "unmask" };
                    systemctl.act(&[verb, name], &format!("failure to {verb} service {name}"))?;
                    unit = systemctl.show(name)?;
                }
            }
        }
        if args.enabled.is_some() || args.state.is_some() {
            let may_appear = context.check && args.masked == Some(false);
            let is_missing = unit.get("LoadState") == Some("not-found") && !unit.is_running();
            if is_missing && !may_appear && args.masked != Some(true) {
                // In check mode an earlier task of the real run may have installed it.
                if context.check {
                    outcome.changed = true;
                    outcome.warnings.push(format!(
                        "the unit {name} is not there (yet): what would become of it is not known"
                    ));
                    return Ok(outcome);
                }
                return Err(ModuleError::new(format!("Could not find the requested service {name}: host")));
            }
        }
        if let Some(enabled) = args.enabled {
            outcome.result.insert("enabled".to_owned(), enabled.into());
            let now = systemctl.enablement(name, &unit, enabled)?;
            let wanted = if enabled { Enablement::Enabled } else { Enablement::Disabled };
            if now != wanted && now != Enablement::Fixed {
                outcome.changed = true;
                if !context.check {
                    let verb = if enabled { "enable" } else { "disable" };
                    let unit = unit.own_name(name);
                    let words: Vec<&str> =
                        if args.force { vec![verb, "--force", unit] } else { vec![verb, unit] };
                    systemctl.act(&words, &format!("Unable to {verb} service {name}"))?;
                }
            }
        }
        if let Some(state) = args.state {
            set_state(&args, name, state, &unit, &systemctl, &mut outcome)?;
        }
        if !context.check {
            unit = systemctl.show(name)?;
        }
        outcome.result.insert("status".to_owned(), Value::Object(unit.into_properties()));
        Ok(outcome)
    }
}

fn set_state(
    args: &SystemdArgs,
    name: &str,
    state: State,
    unit: &Unit,
    systemctl: &Systemctl<'_>,
    outcome: &mut Outcome,
) -> Result<(), ModuleError> {
    let shown = match state {
        State::Stopped => "stopped",
        State::Started | State::Restarted | State::Reloaded => "started",
    };
    outcome.result.insert("state".to_owned(), shown.into());
    let verb = match (state, unit.is_running()) {
        (State::Started, false) | (State::Reloaded, false) => "start",
        (State::Stopped, true) => "stop",
        (State::Reloaded, true) => "reload",
        (State::Restarted, true) => "restart",
        (State::Restarted, false) => "start",
        (State::Started, true) | (State::Stopped, false) => return Ok(()),
    };
    outcome.changed = true;
    if systemctl.context.check {
        return Ok(());
    }
    let words: Vec<&str> = if args.no_block { vec![verb, "--no-block", name] } else { vec![verb, name] };
    systemctl.act(&words, &format!("Unable to {verb} service {name}")).map(drop)
}

#[cfg(test)]
mod tests;
