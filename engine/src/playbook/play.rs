//! Playbooks and plays.

use std::path::PathBuf;
use std::sync::Arc;

use clouder_lang::Span;
use clouder_lang::yaml::Node;

use super::{Item, Layer, RoleUse};

/// A file of plays, its `import_playbook`s put in place.
#[derive(Debug)]
pub struct Playbook {
    /// The file.
    pub path: PathBuf,
    /// Its plays.
    pub plays: Vec<Arc<Play>>,
}

/// One play: which hosts, and what is done with them.
#[derive(Debug)]
pub struct Play {
    /// Its name; the host pattern if it has none.
    pub name: Option<Node>,
    /// The host pattern, or a list of them.
    pub hosts: Node,
    /// Its keywords (`layer.origin` is [`super::Origin::Play`]).
    pub layer: Arc<Layer>,
    /// Whether facts are gathered first.
    pub gather_facts: Option<Node>,
    /// Which.
    pub gather_subset: Option<Node>,
    /// Seconds a fact may take.
    pub gather_timeout: Option<Node>,
    /// The folder of local facts.
    pub fact_path: Option<Node>,
    /// Batches: a number, a percentage, or a list of them.
    pub serial: Option<Node>,
    /// `linear`, `free`, `host_pinned`, `debug`.
    pub strategy: Option<Node>,
    /// The order of hosts.
    pub order: Option<Node>,
    /// How many per cent of a batch may fail.
    pub max_fail_percentage: Option<Node>,
    /// Handlers run even on hosts that failed.
    pub force_handlers: Option<Node>,
    /// Files of variables; each may be a list of which the first that exists counts.
    pub vars_files: Vec<Node>,
    /// Variables to ask for.
    pub vars_prompt: Vec<Node>,
    /// Tasks before the roles.
    pub pre_tasks: Vec<Item>,
    /// The roles, dependencies not yet in front.
    pub roles: Vec<RoleUse>,
    /// The tasks.
    pub tasks: Vec<Item>,
    /// Tasks after them.
    pub post_tasks: Vec<Item>,
    /// The play's own handlers; those of roles are in the roles.
    pub handlers: Vec<Item>,
    /// The folder relative paths start from.
    pub folder: PathBuf,
    /// Where it was written.
    pub span: Span,
}
