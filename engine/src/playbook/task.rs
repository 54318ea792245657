//! Tasks and blocks.

use std::path::PathBuf;
use std::sync::Arc;

use clouder_lang::Span;
use clouder_lang::yaml::Node;

use super::{Keywords, Layer, OwnModule, RoleUse};

/// What a list of tasks holds.
#[derive(Clone, Debug)]
pub enum Item {
    /// One task.
    Task(Arc<Task>),
    /// Tasks that belong together: a `block`, or what a static import stands for.
    Block(Arc<Block>),
}

/// Tasks that share keywords, and what happens when one of them fails.
#[derive(Debug)]
pub struct Block {
    /// Its name, for messages.
    pub name: Option<Node>,
    /// Its keywords and what stands around.
    pub layer: Arc<Layer>,
    /// The tasks.
    pub items: Vec<Item>,
    /// What is done when one of them failed.
    pub rescue: Vec<Item>,
    /// What is done in any case.
    pub always: Vec<Item>,
    /// The role this stands for, if it is an `import_role` or a dependency of one: `items` are its tasks, and its
    /// handlers and variables count for the whole play.
    pub role: Option<RoleUse>,
    /// Where it was written.
    pub span: Span,
}

/// One task or handler.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name; may hold templates.
    pub name: Option<Node>,
    /// What it calls.
    pub invocation: Invocation,
    /// Its own keywords.
    pub keywords: Arc<Keywords>,
    /// What stands around it.
    pub layer: Arc<Layer>,
    /// What it is repeated for.
    pub loop_: Option<Loop>,
    /// The variable that keeps its result.
    pub register: Option<Arc<str>>,
    /// Repeat until these hold.
    pub until: Vec<Node>,
    /// How often at most.
    pub retries: Option<Node>,
    /// Seconds between.
    pub delay: Option<Node>,
    /// What counts as a change.
    pub changed_when: Vec<Node>,
    /// What counts as a failure.
    pub failed_when: Vec<Node>,
    /// Seconds it may run in the background (`async`).
    pub async_seconds: Option<Node>,
    /// Seconds between looks at it.
    pub poll: Option<Node>,
    /// Keywords for all that an include brings: `apply`.
    pub apply: Option<Arc<Keywords>>,
    /// Topics a handler also answers to.
    pub listen: Vec<Node>,
    /// The file it was written in.
    pub file: PathBuf,
    /// Where it was written.
    pub span: Span,
}

impl Task {
    /// Whom it notifies: what stands nearest counts alone.
    pub fn notified(&self) -> impl Iterator<Item = &Node> {
        let around = self.layer.chain().map(|layer| &layer.keywords.notify);
        std::iter::once(&self.keywords.notify).chain(around).find_map(Option::as_ref).into_iter().flatten()
    }
}

/// What a task calls: `copy: {src: a, dest: b}`.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The module or action, a known collection prefix removed: `copy`, `include_tasks`, or `some.collection.module`
    /// of a collection that is not ours.
    pub name: Arc<str>,
    /// The module that the playbook brings along by that name.
    pub own: Option<Arc<OwnModule>>,
    /// The name as written, and where.
    pub written: Node,
    /// The arguments by name (a mapping, possibly empty); for `key=value` text already taken apart. An `args:`
    /// keyword is merged in. May be one template that makes the whole mapping (`args: "{{ x }}"`).
    pub arguments: Node,
    /// Free text after the module's name, as far as it is not `key=value`: of `command`, `shell`, `meta`,
    /// `include_tasks` …
    pub free_form: Option<Node>,
}

/// What a task is repeated for.
#[derive(Clone, Debug)]
pub struct Loop {
    /// `None` for `loop`, else the lookup of `with_…`: `items`, `dict`, `community.general.filetree`.
    pub lookup: Option<Arc<str>>,
    /// The list, or the terms of the lookup.
    pub items: Node,
    /// Where `with_first_found` looks besides: what the task does with files decides.
    pub folder: &'static str,
    /// How it is repeated.
    pub control: LoopControl,
}

/// `loop_control`.
#[derive(Clone, Debug, Default)]
pub struct LoopControl {
    /// The variable that holds the element; `item` if not said.
    pub loop_var: Option<Node>,
    /// The variable that holds the number of the turn.
    pub index_var: Option<Node>,
    /// What is shown of an element.
    pub label: Option<Node>,
    /// Seconds between turns.
    pub pause: Option<Node>,
    /// Whether there is an `ansible_loop`.
    pub extended: Option<Node>,
    /// Whether that has `allitems`.
    pub extended_allitems: Option<Node>,
    /// Conditions that end the loop.
    pub break_when: Vec<Node>,
}
