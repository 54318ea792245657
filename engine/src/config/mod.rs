//! Settings: from `ansible.cfg`, `clouder.toml` and the environment, each with where it came from.
//!
//! What the command line says is stronger than all of them.

mod ini;
mod load;
mod table;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

pub use table::*;

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name, as `clouder config` and the lookup `config` know it.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is when nobody says so; empty for nothing.
    pub default: &'static str,
    /// Sections and keys of `ansible.cfg`; the section `clouder` is the whole of `clouder.toml`.
    pub ini: &'static [(&'static str, &'static str)],
    /// Variables of the environment; the last one set wins.
    pub env: &'static [&'static str],
    /// What it is for.
    pub about: &'static str,
}

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Flag,
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// Texts, separated by commas.
    List,
    /// A path; relative ones start at the file's folder.
    Path,
    /// Paths, separated by colons.
    Paths,
    /// Paths, or lists of hosts, separated by commas.
    Sources,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said so.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => path.display().fmt(formatter),
            Self::Environment(name) => write!(formatter, "env: {name}"),
        }
    }
}

/// All settings, as they hold.
#[derive(Clone, Debug)]
pub struct Config {
    values: HashMap<&'static str, (Value, Origin)>,
    /// The `ansible.cfg` that was read.
    pub file: Option<PathBuf>,
}

impl Config {
    /// The value of a setting, and where it came from.
    pub fn get(&self, setting: &'static Setting) -> (&Value, &Origin) {
        static NOTHING: (Value, Origin) = (Value::Null, Origin::Default);
        let (value, origin) = self.values.get(setting.name).unwrap_or(&NOTHING);
        (value, origin)
    }

    /// Whether somebody has said what it is.
    pub fn is_set(&self, setting: &'static Setting) -> bool {
        *self.get(setting).1 != Origin::Default
    }

    /// A text; `None` if it is nothing.
    pub fn text(&self, setting: &'static Setting) -> Option<String> {
        self.get(setting).0.as_str().map(str::to_owned)
    }

    /// A path; `None` if it is nothing.
    pub fn path(&self, setting: &'static Setting) -> Option<PathBuf> {
        self.get(setting).0.as_str().map(PathBuf::from)
    }

    /// A flag.
    pub fn flag(&self, setting: &'static Setting) -> bool {
        self.get(setting).0.as_bool().unwrap_or_default()
    }

    /// A whole number; 0 if it is nothing.
    pub fn integer(&self, setting: &'static Setting) -> u64 {
        self.get(setting).0.as_u64().unwrap_or_default()
    }

    /// A list of texts.
    pub fn list(&self, setting: &'static Setting) -> Vec<String> {
        let items = self.get(setting).0.as_array();
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A list of paths.
    pub fn paths(&self, setting: &'static Setting) -> Vec<PathBuf> {
        self.list(setting).into_iter().map(PathBuf::from).collect()
    }
}
