//! `cron`: what is done at set times.

mod place;
mod table;

use crate::args::{Arguments, Choice};
use crate::modules::group::State;
use crate::{Context, Diff, Module, ModuleError, Outcome};
use place::Place;
use table::Table;

/// Makes sure of a job of cron, or of a variable that jobs are started with. A job is known by the line before it, which
/// says `#Ansible:` and its name.
#[derive(Arguments)]
pub struct CronArgs {
    /// The job's name, or with `env` the variable's.
    name: String,
    /// The command, or with `env` the variable's value.
    #[arg(alias = "value")]
    job: Option<String>,
    /// Whether it should be there.
    #[arg(default = "present")]
    state: State,
    /// This is about a variable.
    #[arg(default = "false")]
    env: bool,
    /// The variable that a new one is put after.
    insertafter: Option<String>,
    /// The variable that a new one is put before.
    insertbefore: Option<String>,
    /// Whose table it is, or in a `cron_file` who runs the job.
    user: Option<String>,
    /// A file for it, in `/etc/cron.d` unless it is a whole path, instead of a user's table.
    cron_file: Option<String>,
    /// Keep the old table, in a file in the folder for temporary files.
    #[arg(default = "false")]
    backup: bool,
    /// Minute: 0 to 59, `*`, `*/2` and the like.
    #[arg(default = "*")]
    minute: String,
    /// Hour: 0 to 23.
    #[arg(default = "*")]
    hour: String,
    /// Day of the month: 1 to 31.
    #[arg(default = "*", alias = "dom")]
    day: String,
    /// Month: 1 to 12, or a name.
    #[arg(default = "*")]
    month: String,
    /// Day of the week: 0 to 6, 0 is Sunday, or a name.
    #[arg(default = "*", alias = "dow")]
    weekday: String,
    /// A time by its name, instead of all these.
    special_time: Option<SpecialTime>,
    /// Comment the job out.
    #[arg(default = "false")]
    disabled: bool,
}

/// A time that has a name.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum SpecialTime {
    /// Once a year.
    Annually,
    /// Once a day.
    Daily,
    /// Once an hour.
    Hourly,
    /// Once a month.
    Monthly,
    /// When the host has started.
    Reboot,
    /// Once a week.
    Weekly,
    /// Once a year.
    Yearly,
}

impl SpecialTime {
    fn word(self) -> &'static str {
        match self {
            Self::Annually => "@annually",
            Self::Daily => "@daily",
            Self::Hourly => "@hourly",
            Self::Monthly => "@monthly",
            Self::Reboot => "@reboot",
            Self::Weekly => "@weekly",
            Self::Yearly => "@yearly",
        }
    }
}

/// The `cron` module.
pub struct Cron;

impl Module for Cron {
    type Args = CronArgs;
    const NAME: &'static str = "cron";
    const SUMMARY: &'static str = "Manages jobs of cron";

    fn run(args: CronArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        args.check()?;
        let place = Place::of(args.cron_file.as_deref(), args.user.as_deref(), context);
        let mut outcome = Outcome::new(false);
        let before = place.read(&mut outcome, context)?;
        let mut table = Table::read(&before);
        let unchanged = table.clone();
        args.change(&mut table)?;
        let after = table.to_string();
        outcome.changed = table != unchanged;
        if outcome.changed {
            if context.diff {
                outcome.diff.push(Diff::text(place.header(), before.as_str(), after.as_str()));
            }
            if !context.check {
                if args.backup {
                    outcome = outcome.with("backup_file", place::keep(&before)?);
                }
                place.write(&after, context)?;
            }
        }
        if let Some(file) = &args.cron_file {
            outcome = outcome.with("cron_file", file.as_str());
        }
        Ok(outcome.with("jobs", table.jobs()).with("envs", table.variables()))
    }
}

impl CronArgs {
    /// Refuses what does not go together.
    fn check(&self) -> Result<(), ModuleError> {
        let times = [&self.minute, &self.hour, &self.day, &self.month, &self.weekday];
        let is_present = self.state == State::Present;
        let lines = [&Some(self.name.clone()), &self.job, &self.user];
        let has_line_break = |text: &&Option<String>| {
            text.as_ref().is_some_and(|text| text.trim_matches(['\r', '\n']).contains(['\r', '\n']))
        };
        let wrong = if self.special_time.is_some() && times.iter().any(|time| *time != "*") {
            "You cannot combine special_time with any of the time or day/date parameters."
        } else if is_present && self.job.is_none() {
            "You must specify 'job' to install a new cron job or variable"
        } else if is_present && self.cron_file.is_some() && self.user.is_none() {
            "To use cron_file=... parameter you must specify user=... as well"
        } else if (self.insertafter.is_some() || self.insertbefore.is_some()) && !self.env {
            "Insertafter and insertbefore parameters are valid only with env=yes"
        } else if lines.iter().any(has_line_break) {
            "cron: a line break in `name`, `job` or `user` would begin another job; join the lines with `;` or `&&`"
        } else {
            return Ok(());
        };
        Err(ModuleError::new(wrong))
    }

    /// Has the table be as it should be.
    fn change(&self, table: &mut Table) -> Result<(), ModuleError> {
        let value = self.job.as_deref().unwrap_or_default().trim_matches(['\r', '\n']);
        match (self.env, self.state) {
            (true, State::Present) => {
                let (after, before) = (self.insertafter.as_deref(), self.insertbefore.as_deref());
                table
                    .set_variable(&self.name, value, after, before)
                    .map_err(|missing| ModuleError::new(format!("Variable named '{missing}' not found.")))?;
            }
            (true, State::Absent) => table.remove_variable(&self.name),
            (false, State::Present) => table.set_job(&self.name, &self.line(value)),
            (false, State::Absent) => table.remove_job(&self.name),
        }
        Ok(())
    }

    /// The line of a job.
    fn line(&self, job: &str) -> String {
        let disabled = if self.disabled { "#" } else { "" };
        let time = match self.special_time {
            Some(time) => time.word().to_owned(),
            None => [&self.minute, &self.hour, &self.day, &self.month, &self.weekday]
                .map(String::as_str)
                .join(" "),
        };
        match (&self.cron_file, &self.user) {
            (Some(_), Some(user)) => format!("{disabled}{time} {user} {job}"),
            _ => format!("{disabled}{time} {job}"),
        }
    }
}

#[cfg(test)]
mod tests;
