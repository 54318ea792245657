//! `vars_files`: files of variables that a play names, the same for all hosts or each host's own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use clouder_inventory::Variables;
use clouder_lang::Diagnostic;
use clouder_lang::yaml::Node;

use super::host::PlayHost;
use super::play::PlayRun;
use crate::playbook::Loader;
use crate::template::Scope;
use crate::vars::{FileVariables, TaskVariables, mapping_of};

impl PlayRun<'_> {
    /// Reads the files that all hosts share.
    pub(super) fn shared_vars_files(&self) -> Result<(), Box<Diagnostic>> {
        for (index, node) in self.play.vars_files.iter().enumerate() {
            let choices = choices(node);
            if choices.iter().any(|choice| choice.is_template()) {
                continue;
            }
            let names: Vec<_> = choices.iter().map(|choice| choice.to_text().to_string()).collect();
            if let Some(variables) = self.first_of(&names, node, true)? {
                self.variables.set_file(index, FileVariables::All(variables));
            }
        }
        Ok(())
    }

    /// Reads the files whose names depend on the host. `last` says that no more will be known of it: what is missing then is
    /// worth a warning.
    pub(super) fn own_vars_files(&self, hosts: &[Arc<PlayHost>], last: bool) -> Result<(), Box<Diagnostic>> {
        for (index, node) in self.play.vars_files.iter().enumerate() {
            let choices = choices(node);
            if !choices.iter().any(|choice| choice.is_template()) {
                continue;
            }
            let mut of_hosts = HashMap::new();
            for host in hosts {
                let mut scope = TaskVariables::of_host(&self.run.variables, &host.state);
                scope.play = Some(Arc::clone(&self.variables));
                scope.layer = Some(Arc::clone(&self.play.layer));
                let scope: Arc<dyn Scope> = Arc::new(scope);
                let names: Result<Vec<_>, _> =
                    choices.iter().map(|choice| self.run.templates.evaluate_text(choice, &scope)).collect();
                match names {
                    Ok(names) => {
                        let variables = self.first_of(&names, node, last)?;
                        of_hosts.extend(variables.map(|variables| (Arc::clone(host.name()), variables)));
                    }
                    Err(error) if last => self
                        .run
                        .warn(Diagnostic { severity: clouder_lang::Severity::Warning, ..*error.diagnostic }),
                    // It may name a fact that is not gathered yet.
                    Err(_) => {}
                }
            }
            self.variables.set_file(index, FileVariables::ByHost(of_hosts));
        }
        Ok(())
    }

    /// The variables of the first file that is there.
    fn first_of(
        &self,
        names: &[String],
        node: &Node,
        warn: bool,
    ) -> Result<Option<Variables>, Box<Diagnostic>> {
        let found = first_file(&self.run.loader, &self.play.folder, names)?;
        if found.is_none() && warn {
            let message = format!("there is no file of variables `{}`", names.join("` or `"));
            self.run.warn(Diagnostic::warning(message, &node.span));
        }
        Ok(found)
    }
}

/// The variables of the first file that is there, for a play of a folder.
///
/// # Errors
/// When it cannot be read or holds no mapping.
pub(crate) fn first_file(
    loader: &Loader,
    folder: &Path,
    names: &[String],
) -> Result<Option<Variables>, Box<Diagnostic>> {
    let Some(path) = names.iter().find_map(|name| loader.find_vars_file(folder, name)) else {
        return Ok(None);
    };
    Ok(Some(mapping_of(loader.load_vars(&path)?.as_ref())))
}

/// The names of an entry: of a list in the list, the first that exists counts.
pub(crate) fn choices(node: &Node) -> Vec<&Node> {
    node.as_sequence().map_or_else(|| vec![node], |choices| choices.iter().collect())
}
