//! What is wrong with a schedule, and where.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, from the outside in; a number is a place in a list.
    pub path: Vec<String>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => write!(out, "{}", self.reason),
            false => write!(out, "{}: {}", self.path.join("."), self.reason),
        }
    }
}
