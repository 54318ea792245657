//! What systemd says of units.

use serde_json::{Map, Value};

use super::Scope;
use crate::system::command::{Command, Finished};
use crate::{Context, ModuleError};

/// `systemctl` for one scope.
pub(super) struct Systemctl<'a> {
    pub(super) scope: Scope,
    pub(super) context: &'a Context,
}

/// Whether a unit starts when the host does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Enablement {
    Enabled,
    Disabled,
    /// Neither: it has no say in that, and cannot be given one.
    Fixed,
}

impl Systemctl<'_> {
    fn command(&self) -> Command {
        let command = self.context.tool("systemctl");
        match self.scope {
            Scope::System => command,
            Scope::User => self.of_user(command),
            Scope::Global => command.argument("--global"),
        }
    }

    /// Where the user's systemd listens is not known without a login.
    fn of_user(&self, command: Command) -> Command {
        const VARIABLE: &str = "XDG_RUNTIME_DIR";
        let command = command.argument("--user");
        if self.context.environment.contains_key(VARIABLE) || std::env::var_os(VARIABLE).is_some() {
            return command;
        }
        let user = rustix::process::geteuid().as_raw();
        command.environment(VARIABLE, format!("/run/user/{user}"))
    }

    /// Runs a command that must succeed.
    pub(super) fn act(&self, words: &[&str], what: &str) -> Result<Finished, ModuleError> {
        let finished = self.command().arguments(words).run()?;
        if finished.status.success() { Ok(finished) } else { Err(finished.failure(what)) }
    }

    /// All properties of a unit.
    pub(super) fn show(&self, name: &str) -> Result<Unit, ModuleError> {
        let finished = self.act(&["show", "--no-pager", name], &format!("systemd does not know {name}"))?;
        let out = finished.out();
        let mut properties = Map::new();
        for line in out.lines() {
            if let Some((key, value)) = line.split_once('=') {
                properties.insert(key.to_owned(), value.into());
            }
        }
        Ok(Unit(properties))
    }

    /// Whether a unit starts when the host does; `wanted` is whether it should.
    pub(super) fn enablement(
        &self,
        name: &str,
        unit: &Unit,
        wanted: bool,
    ) -> Result<Enablement, ModuleError> {
        let asked = || -> Result<(bool, String), ModuleError> {
            let finished = self.command().arguments(["is-enabled", name]).run()?;
            Ok((finished.status.success(), finished.out().trim().to_owned()))
        };
        let by = |is_enabled: bool| if is_enabled { Enablement::Enabled } else { Enablement::Disabled };
        match unit.get("UnitFileState").unwrap_or_default() {
            "enabled" | "enabled-runtime" | "alias" => Ok(Enablement::Enabled),
            "static" | "transient" => Ok(Enablement::Fixed),
            "indirect" => self.indirect(unit, wanted).map(by),
            // Made from a script of System V, which can be enabled, or from a line of fstab, which cannot.
            "generated" => match asked()? {
                (_, word) if word == "generated" => Ok(Enablement::Fixed),
                (is_enabled, _) => Ok(by(is_enabled)),
            },
            // Scripts of System V may have no unit; systemctl asks for them.
            "" => match asked()? {
                (_, word) if matches!(word.as_str(), "static" | "transient") => Ok(Enablement::Fixed),
                (is_enabled, _) => Ok(by(is_enabled)),
            },
            _ => Ok(Enablement::Disabled),
        }
    }

    /// Whether a unit that enables others in its place has done so: all of them, or when it should not, any.
    fn indirect(&self, unit: &Unit, wanted: bool) -> Result<bool, ModuleError> {
        let text =
            unit.get("FragmentPath").map(std::fs::read_to_string).and_then(Result::ok).unwrap_or_default();
        let mut states = Vec::new();
        for other in also(&text) {
            let finished = self.command().arguments(["is-enabled", other]).run()?;
            states.push(finished.out().trim().to_owned());
        }
        let mut deciding = states.iter().filter(|state| *state != "static").peekable();
        let is_enabled = |state: &String| matches!(state.as_str(), "enabled" | "enabled-runtime");
        Ok(match wanted {
            true => deciding.peek().is_some() && deciding.all(is_enabled),
            false => deciding.any(is_enabled),
        })
    }
}

/// The units that a unit's file says are enabled with it.
fn also(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("Also"));
    lines.filter_map(|rest| rest.trim_start().strip_prefix('=')).flat_map(str::split_whitespace)
}

/// What `systemctl show` says of a unit.
pub(super) struct Unit(Map<String, Value>);

impl Unit {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.get("ActiveState"), Some("active" | "activating" | "reloading" | "refreshing"))
    }

    /// Its own name, of which the one that is asked for may be an alias: only that one can be enabled.
    pub(super) fn own_name<'a>(&'a self, asked: &'a str) -> &'a str {
        match self.get("Id") {
            Some(id) if !id.is_empty() && !asked.contains('/') => id,
            _ => asked,
        }
    }

    pub(super) fn into_properties(self) -> Map<String, Value> {
        self.0
    }
}
