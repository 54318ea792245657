//! A table of cron, line by line.

use std::fmt;

/// What the line before a job begins with.
const MARK: &str = "#Ansible: ";

/// The lines of a table.
#[derive(Clone, PartialEq)]
pub(super) struct Table {
    lines: Vec<String>,
}

impl Table {
    pub(super) fn read(text: &str) -> Self {
        Self { lines: text.lines().map(str::to_owned).collect() }
    }

    /// The names of all jobs that have one.
    pub(super) fn jobs(&self) -> Vec<&str> {
        self.lines.iter().filter_map(|line| line.strip_prefix(MARK)).collect()
    }

    /// The names of all variables.
    pub(super) fn variables(&self) -> Vec<&str> {
        self.lines.iter().filter_map(|line| variable(line)).collect()
    }

    /// Has a job say `line`. A new one is put at the end.
    pub(super) fn set_job(&mut self, name: &str, line: &str) {
        match self.job(name) {
            Some(at) if self.has_job_after(at) => {
                // A line that says the same stays.
                if self.lines[at + 1] != line {
                    line.clone_into(&mut self.lines[at + 1]);
                }
            }
            Some(at) => self.lines.insert(at + 1, line.to_owned()),
            None => self.lines.extend([format!("{MARK}{name}"), line.to_owned()]),
        }
    }

    /// Removes all jobs of a name.
    pub(super) fn remove_job(&mut self, name: &str) {
        while let Some(at) = self.job(name) {
            let end = if self.has_job_after(at) { at + 2 } else { at + 1 };
            self.lines.drain(at..end);
        }
    }

    fn job(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.strip_prefix(MARK) == Some(name))
    }

    /// Whether the line after a mark is its job, and not the mark of another.
    fn has_job_after(&self, at: usize) -> bool {
        self.lines.get(at + 1).is_some_and(|line| !line.starts_with(MARK))
    }

    /// Has a variable be set. A new one is put at the top, or where it is asked to be.
    ///
    /// # Errors
    /// The name of the variable that it should be put beside, when that is not there.
    pub(super) fn set_variable<'a>(
        &mut self,
        name: &str,
        value: &str,
        after: Option<&'a str>,
        before: Option<&'a str>,
    ) -> Result<(), &'a str> {
        let line = declaration(name, value);
        if let Some(at) = self.variable(name) {
            self.lines[at] = line;
            return Ok(());
        }
        let at = match (after, before) {
            (Some(other), _) => self.variable(other).ok_or(other)? + 1,
            (None, Some(other)) => self.variable(other).ok_or(other)?,
            (None, None) => 0,
        };
        self.lines.insert(at, line);
        Ok(())
    }

    /// Removes a variable wherever it is set.
    pub(super) fn remove_variable(&mut self, name: &str) {
        self.lines.retain(|line| variable(line) != Some(name));
    }

    fn variable(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| variable(line) == Some(name))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // cron ignores a last line that does not end.
        self.lines.iter().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

/// The name of the variable that a line sets.
fn variable(line: &str) -> Option<&str> {
    let name = line.split_once('=')?.0.trim();
    let is_name = !name.is_empty() && !name.starts_with('#') && !name.contains(char::is_whitespace);
    is_name.then(|| name.trim_matches(['"', '\'']))
}

/// The line that sets a variable. cron knows quotes, but no way to write one inside of its like.
fn declaration(name: &str, value: &str) -> String {
    let quote = if value.contains('"') && !value.contains('\'') { '\'' } else { '"' };
    format!("{name}={quote}{value}{quote}")
}
