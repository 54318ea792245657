//! `meta`: what steers the run itself.

use std::sync::Arc;

use clouder_lang::Diagnostic;

use super::StepError;
use super::host::{PlayHost, drop_lost};
use super::play::PlayRun;
use super::walk::Around;
use crate::playbook::Task;
use crate::template::Scope;

impl PlayRun<'_> {
    /// Does a `meta` task; returns the hosts that go on.
    pub(super) async fn meta(
        &self,
        task: &Task,
        hosts: Vec<Arc<PlayHost>>,
        around: Around,
    ) -> Vec<Arc<PlayHost>> {
        let action = task.invocation.free_form.as_ref().map(|node| node.to_text()).unwrap_or_default();
        let mut concerned = Vec::new();
        let mut survivors = hosts.clone();
        // What concerns the whole run is asked of the first host, for all.
        let for_each = matches!(
            action.as_ref(),
            "noop" | "flush_handlers" | "end_host" | "end_role" | "reset_connection"
        );
        for host in hosts.iter().take(if for_each { hosts.len() } else { 1 }) {
            let scope: Arc<dyn Scope> = Arc::new(self.variables(task, host));
            match self.run.false_condition(task, &scope) {
                Ok(None) if for_each => concerned.push(Arc::clone(host)),
                Ok(None) => concerned.clone_from(&hosts),
                Ok(Some(_)) => {}
                Err(error) => {
                    self.run.break_off(match error {
                        StepError::Template(error) => *error.diagnostic,
                        other => Diagnostic::error(other.to_string(), &task.span),
                    });
                    return Vec::new();
                }
            }
        }
        if concerned.is_empty() {
            return survivors;
        }
        match action.as_ref() {
            "noop" => {}
            "flush_handlers" => {
                // Handlers of the play are owed by hosts whether or not a condition of this task holds for others.
                let through = self.flush(concerned.clone(), around).await;
                drop_lost(&mut survivors, &concerned, &through);
            }
            "end_play" => {
                self.end();
                survivors.iter().for_each(|host| host.send_home());
                survivors.clear();
            }
            "end_batch" => {
                survivors.iter().for_each(|host| host.send_home());
                survivors.clear();
            }
            "end_host" => {
                concerned.iter().for_each(|host| host.send_home());
                self.variables.lose(|name| concerned.iter().any(|host| host.name() == name));
                survivors.retain(|host| host.is_present());
            }
            "end_role" => concerned.iter().for_each(|host| host.end_role(&task.layer)),
            "clear_facts" => {
                self.variables.all_hosts.iter().for_each(|host| self.run.variables.host(host).clear_facts());
            }
            "clear_host_errors" => {
                for host in &self.batch {
                    if host.is_lost() {
                        survivors.push(Arc::clone(host));
                    }
                    host.forgive();
                }
                self.run.forgive(&self.variables.all_hosts);
            }
            "reset_connection" => {
                for host in &concerned {
                    self.run.connections.reset(host.name()).await;
                }
            }
            "refresh_inventory" => self.refresh_inventory(task),
            other => {
                let known = [
                    "clear_facts",
                    "clear_host_errors",
                    "end_batch",
                    "end_host",
                    "end_play",
                    "end_role",
                    "flush_handlers",
                    "noop",
                    "refresh_inventory",
                    "reset_connection",
                ];
                let hint = clouder_lang::nearest(other, known)
                    .map_or_else(|| known.join(", "), |word| format!("did you mean `{word}`?"));
                self.run.warn(
                    Diagnostic::warning(format!("meta does not know `{other}`"), &task.span).hint(hint),
                );
            }
        }
        survivors
    }

    fn refresh_inventory(&self, task: &Task) {
        let read = (self.run.options.reload_inventory.0)().and_then(|inventory| {
            self.run.variables.replace_inventory(inventory).map_err(|error| error.to_string())
        });
        match read {
            Ok(()) => {}
            Err(reason) => self.run.warn(Diagnostic::warning(
                format!("the inventory cannot be read again: {reason}"),
                &task.span,
            )),
        }
    }
}
