//! Filters, tests and lookups in Python: those that playbooks, roles and collections bring along, and those of ansible-core
//! that clouder lacks.
//!
//! One Python of this machine runs them all ([`Python`]); it is started when the first is asked for, and lives as long as the
//! run. Requests and answers are lines of JSON (`helper.py`).

mod helper;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use minijinja::{Error, Value};
use serde_json::{Map, Value as Json, json};

use self::helper::Helper;
use super::evaluation::scope;
use super::filters::wrong;
use super::{from_json, to_json};
use crate::config::{self, Config};
use crate::foreign::{Brought, Python};

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Filter,
    Test,
    Lookup,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Test => "test",
            Self::Lookup => "lookup",
        }
    }
}

/// Where plugins are looked for.
#[derive(Clone, Debug, Default)]
pub struct PluginFolders {
    /// Folders of playbooks and roles.
    pub brought: Brought,
    /// Folders that hold an `ansible_collections`.
    pub collections: Vec<PathBuf>,
    filters: Vec<PathBuf>,
    tests: Vec<PathBuf>,
    lookups: Vec<PathBuf>,
}

impl PluginFolders {
    /// Those that settings name, and those of playbooks and roles.
    pub fn new(brought: Brought, collections: Vec<PathBuf>, config: &Config) -> Self {
        let there = |setting| {
            let mut folders = config.paths(setting);
            folders.retain_mut(|folder| match std::fs::canonicalize(&*folder) {
                Ok(path) => {
                    *folder = path;
                    true
                }
                Err(_) => false,
            });
            folders
        };
        Self {
            brought,
            collections,
            filters: there(&config::DEFAULT_FILTER_PLUGIN_PATH),
            tests: there(&config::DEFAULT_TEST_PLUGIN_PATH),
            lookups: there(&config::DEFAULT_LOOKUP_PLUGIN_PATH),
        }
    }

    fn of(&self, kind: Kind) -> Vec<PathBuf> {
        let settings = match kind {
            Kind::Filter => &self.filters,
            Kind::Test => &self.tests,
            Kind::Lookup => &self.lookups,
        };
        let name = match kind {
            Kind::Filter => "filter_plugins",
            Kind::Test => "test_plugins",
            Kind::Lookup => "lookup_plugins",
        };
        settings.iter().cloned().chain(self.brought.named(name)).collect()
    }

    /// Whether a collection is installed.
    fn has_collection(&self, namespace: &str, name: &str) -> bool {
        let inside = PathBuf::from("ansible_collections").join(namespace).join(name);
        self.collections.iter().any(|folder| folder.join(&inside).is_dir())
    }
}

/// Plugins in Python.
#[derive(Default)]
pub(super) struct Plugins {
    folders: PluginFolders,
    helper: Mutex<Option<Helper>>,
    found: Mutex<HashMap<(Kind, String, usize), Found>>,
}

/// What is known of a plugin.
#[derive(Clone, Debug)]
struct Found {
    /// Its file; `None` when there is none.
    path: Option<PathBuf>,
    /// Whether it wants to see all variables.
    wants_variables: bool,
}

/// Namespaces of collections whose plugins clouder has itself, by the last part of their names.
const OURS: [&str; 2] = ["ansible", "community"];

impl Plugins {
    pub(super) fn new(folders: PluginFolders) -> Self {
        Self { folders, ..Self::default() }
    }

    /// Whether a plugin that was brought along goes before one of ours of that name.
    pub(super) fn stands_for(&self, kind: Kind, name: &str) -> Result<bool, Error> {
        let mut parts = name.splitn(3, '.');
        if let (Some(namespace), Some(collection), Some(_)) = (parts.next(), parts.next(), parts.next()) {
            let is_there = !OURS.contains(&namespace) && self.folders.has_collection(namespace, collection);
            return Ok(is_there && self.find(kind, name)?.path.is_some());
        }
        let folders = self.folders.of(kind);
        if folders.is_empty() {
            return Ok(false);
        }
        let path = self.find(kind, name)?.path;
        Ok(path.is_some_and(|path| folders.iter().any(|folder| path.starts_with(folder))))
    }

    /// Whether there is one at all, for a name that is not ours.
    pub(super) fn has(&self, kind: Kind, name: &str) -> bool {
        self.find(kind, name).is_ok_and(|found| found.path.is_some())
    }

    /// Calls one. A filter's and a test's first argument is what they are applied to.
    pub(super) fn call(
        &self,
        kind: Kind,
        name: &str,
        arguments: &[Value],
        named: &[(String, Value)],
    ) -> Result<Value, Error> {
        let wants_variables = kind == Kind::Lookup || self.find(kind, name)?.wants_variables;
        let named: Map<String, Json> =
            named.iter().map(|(name, value)| (name.clone(), to_json(value))).collect();
        let answer = self.ask(json!({
            "do": "call",
            "kind": kind.name(),
            "name": name,
            "arguments": arguments.iter().map(to_json).collect::<Vec<_>>(),
            "named": named,
            "variables": if wants_variables { variables() } else { Map::new() },
        }));
        let value = answer
            .map_err(|error| wrong(format!("the {} `{name}` in Python failed: {error}", kind.name())))?;
        Ok(from_json(value))
    }

    fn find(&self, kind: Kind, name: &str) -> Result<Found, Error> {
        // Roles that are read later may bring more along.
        let key = (kind, name.to_owned(), self.folders.of(kind).len());
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(found.clone());
        }
        let answer = self.ask(json!({"do": "find", "kind": kind.name(), "name": name})).map_err(wrong)?;
        let found = Found {
            path: answer["path"].as_str().map(PathBuf::from),
            wants_variables: answer["wants"] == true,
        };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        Ok(found)
    }

    fn ask(&self, mut request: Json) -> Result<Json, String> {
        let folders = [Kind::Filter, Kind::Test, Kind::Lookup].into_iter().flat_map(|kind| {
            self.folders.of(kind).into_iter().map(move |folder| json!([kind.name(), folder]))
        });
        request["folders"] = folders.collect();
        request["collections"] = json!(self.folders.collections);
        let mut helper = self.helper.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match &mut *helper {
            Some(running) => running,
            none => none.insert(Helper::start(Python::find()?)?),
        };
        let answer = running.ask(&request);
        if answer.is_err() && running.has_ended() {
            *helper = None;
        }
        answer
    }
}

/// All variables of the task that have a value, but not those that hold the variables of all hosts.
fn variables() -> Map<String, Json> {
    let Some(scope) = scope() else { return Map::new() };
    let names = scope.names().into_iter().filter(|name| !matches!(&**name, "hostvars" | "vars"));
    let value = |name: &str| std::sync::Arc::clone(&scope).variable(name)?.ok();
    names.filter_map(|name| Some((name.to_string(), to_json(&value(&name)?)))).collect()
}
