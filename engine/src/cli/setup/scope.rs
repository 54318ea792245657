//! What a task of a play sees of a host, as far as that is known without running anything.

use std::sync::Arc;

use clouder_inventory::Variables;
use clouder_lang::yaml::Node;

use super::super::Failure;
use super::Setup;
use crate::playbook::{Item, Play, Task, role_block};
use crate::run::{choices, first_file, parts};
use crate::template::Scope;
use crate::vars::{FileVariables, PlayVariables, TaskVariables};

impl Setup {
    /// What is seen of a host from outside of any play.
    pub(in crate::cli) fn scope_of_host(&self, host: &str) -> Result<TaskVariables, Failure> {
        if !self.variables.knows(host) {
            let hosts = self.variables.host_names();
            let hint = match clouder_lang::nearest(host, hosts.iter().map(|host| &**host)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "`clouder inventory --graph` shows all hosts".to_owned(),
            };
            return Err(Failure::new(format!("there is no host `{host}`"), hint));
        }
        Ok(TaskVariables::of_host(&self.variables, &self.variables.host(host)))
    }

    /// What a task sees of a host; without one, what a task of the play sees that has no variables itself. All roles of the
    /// play have been through; nothing has been set, asked for or gathered.
    pub(in crate::cli) fn scope_of_play(
        &self,
        play: &Play,
        items: &[Item],
        host: &str,
        task: Option<&Task>,
    ) -> Result<TaskVariables, Failure> {
        let hosts = self.select(&self.pattern(play)?)?;
        let mut variables = PlayVariables::of(&play.layer.keywords, &play.folder);
        variables.name = play.name.as_ref().map(|name| name.to_text().to_string()).unwrap_or_default();
        variables.all_hosts.clone_from(&hosts);
        let variables = Arc::new(variables);
        variables.set_hosts(hosts.clone(), hosts);
        expose(items, &variables, true);
        let mut scope = self.scope_of_host(host)?;
        scope.play = Some(Arc::clone(&variables));
        scope.layer = Some(Arc::clone(&play.layer));
        for (index, node) in play.vars_files.iter().enumerate() {
            if let Some(file) = self.vars_file(play, node, &scope)? {
                variables.set_file(index, FileVariables::All(file));
            }
        }
        if let Some(task) = task {
            scope.layer = Some(Arc::clone(&task.layer));
            scope.keywords = Some(Arc::clone(&task.keywords));
            scope.task_folder = task.file.parent().map(std::path::Path::to_owned);
        }
        Ok(scope)
    }

    /// The variables of an entry of `vars_files`; a name that cannot be known yet names no file.
    fn vars_file(
        &self,
        play: &Play,
        node: &Node,
        scope: &TaskVariables,
    ) -> Result<Option<Variables>, Failure> {
        let scope: Arc<dyn Scope> = Arc::new(scope.clone());
        let names =
            choices(node).into_iter().filter_map(|name| self.templates.evaluate_text(name, &scope).ok());
        Ok(first_file(&self.loader, &play.folder, &names.collect::<Vec<_>>())?)
    }
}

/// All that a play does, in order; its roles stand for what they bring.
pub(in crate::cli) fn items_of(play: &Play) -> Vec<Item> {
    let roles = play.roles.iter().map(|used| Item::Block(role_block(used.clone(), &used.span)));
    let own = play.tasks.iter().chain(&play.post_tasks).chain(&play.handlers).cloned();
    play.pre_tasks.iter().cloned().chain(roles).chain(own).collect()
}

/// Shows the play the variables of the roles among some tasks, as a run does.
fn expose(items: &[Item], play: &PlayVariables, public: bool) {
    for item in items {
        let Item::Block(block) = item else { continue };
        if let Some(used) = &block.role {
            let public = public && !used.private;
            let (dependencies, own) = parts(block, used);
            expose(dependencies, play, public);
            if public {
                play.expose(&used.role);
            }
            expose(own, play, true);
        } else {
            expose(&block.items, play, true);
        }
        expose(&block.rescue, play, true);
        expose(&block.always, play, true);
    }
}
