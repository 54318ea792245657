//! Roles: what they bring to a play, and when they run again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use clouder_lang::yaml::{Mapping, Node};

use super::host::{PlayHost, contains};
use super::play::{PlayRun, synthetic};
use super::walk::Around;
use crate::playbook::{Block, Item, Keywords, RoleUse, Task};
use crate::vars::mapping_of;

/// The roles that hosts came through, told apart by what they were used with.
#[derive(Debug, Default)]
pub(super) struct FinishedRoles(Mutex<HashSet<(Arc<str>, String)>>);

impl FinishedRoles {
    fn contains(&self, host: &PlayHost, key: &str) -> bool {
        let finished = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        finished.contains(&(Arc::clone(host.name()), key.to_owned()))
    }

    fn add(&self, hosts: &[Arc<PlayHost>], key: &str) {
        let mut finished = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        finished.extend(hosts.iter().map(|host| (Arc::clone(host.name()), key.to_owned())));
    }
}

impl PlayRun<'_> {
    /// Takes in what the roles among some tasks bring: variables that the whole play sees, and handlers.
    pub(super) fn adopt(&self, items: &[Item]) {
        for item in items {
            let Item::Block(block) = item else { continue };
            if let Some(used) = &block.role {
                self.variables.use_role(&used.role.name);
                self.adopt_role(block, !used.private);
            } else {
                self.adopt(&block.items);
            }
            self.adopt(&block.rescue);
            self.adopt(&block.always);
        }
    }

    /// Takes in the handlers of a role and of those it depends on; `public` shows their variables to the whole play.
    pub(super) fn adopt_role(&self, block: &Block, public: bool) {
        let Some(used) = &block.role else { return };
        let (dependencies, own) = parts(block, used);
        for dependency in dependencies {
            let Item::Block(dependency) = dependency else { continue };
            if let Some(used) = &dependency.role {
                self.variables.depend_on(&used.role.name);
            }
            self.adopt_role(dependency, public);
        }
        if public {
            self.variables.expose(&used.role);
        }
        self.add_handlers(&used.handlers);
        self.adopt(own);
    }

    /// Runs a role: those it depends on, the check of its variables, its tasks. A host that came through the same role
    /// with the same parameters does not do so again, unless the role allows it.
    pub(super) async fn role(
        &self,
        block: &Block,
        used: &RoleUse,
        hosts: Vec<Arc<PlayHost>>,
        around: Around,
    ) -> Vec<Arc<PlayHost>> {
        let key = key(used);
        let (done, entering): (Vec<_>, Vec<_>) = hosts
            .iter()
            .cloned()
            .partition(|host| !used.role.allow_duplicates && self.finished_roles.contains(host, &key));
        let (dependencies, own) = parts(block, used);
        let mut through = self.items(dependencies, entering, around).await;
        if let Some(task) = validation(used) {
            through = self.items(&[Item::Task(task)], through, around).await;
        }
        through = self.items(own, through, around).await;
        self.finished_roles.add(&through, &key);
        let mut survivors = hosts;
        survivors.retain(|host| contains(&done, host) || contains(&through, host));
        survivors
    }
}

/// The roles it depends on, and its own tasks.
pub(crate) fn parts<'a>(block: &'a Block, used: &RoleUse) -> (&'a [Item], &'a [Item]) {
    block.items.split_at(used.role.dependencies.len().min(block.items.len()))
}

/// What tells one use of a role from another: parameters, conditions, tags, and which of its tasks.
fn key(used: &RoleUse) -> String {
    let parameters: Vec<_> = mapping_of(used.keywords.vars.as_ref())
        .into_iter()
        .map(|(name, node)| (name, format!("{:?}", node.value)))
        .collect();
    let texts = |nodes: &[Node]| nodes.iter().map(|node| node.to_text().to_string()).collect::<Vec<_>>();
    let keywords = (texts(&used.keywords.when), texts(&used.keywords.tags), &used.parameters);
    let file = used.tasks.first().map(|item| match item {
        Item::Task(task) => task.file.clone(),
        Item::Block(block) => block.span.source().name().to_owned(),
    });
    format!("{:?}", (&used.role.path, &used.role.name, parameters, keywords, used.by_task, file))
}

/// The task that checks a role's variables against its argument specification, before its first task.
fn validation(used: &RoleUse) -> Option<Arc<Task>> {
    let specification = used.role.argument_spec.as_ref()?;
    let mut arguments = Mapping::default();
    arguments.insert(Node::text("argument_spec", specification.span.clone()), specification.clone());
    let keywords = Keywords { tags: vec![Node::text("always", used.span.clone())], ..Keywords::default() };
    let name = format!("Validating arguments against arg spec {}", used.role.argument_spec_title);
    Some(Arc::new(synthetic(&name, "validate_argument_spec", arguments, keywords, &used.layer, &used.span)))
}
