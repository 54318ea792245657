//! The keywords of a task as they hold for one host: inherited, evaluated, ready to use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clouder_lang::yaml::Node;
use indexmap::IndexSet;

use super::{Run, StepError};
use crate::connection::{Become, BecomeMethod, ContainerEngine, Secret, SshTarget, Target, Transport};
use crate::playbook::{Keywords, Task};
use crate::template::{Scope, TemplateError, Value, to_tags, to_text};
use crate::vars::TaskVariables;

/// The keywords of a task for one host.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Only predict.
    pub check: bool,
    /// Show differences.
    pub diff: bool,
    /// Show nothing of arguments and results.
    pub no_log: bool,
    /// A failure does not count.
    pub ignore_errors: bool,
    /// Nor does an unreachable host.
    pub ignore_unreachable: bool,
    /// Variables for commands.
    pub environment: BTreeMap<String, String>,
    /// The host it runs on, if another.
    pub delegate_to: Option<Arc<str>>,
    /// Facts belong to that host.
    pub delegate_facts: bool,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

/// The value of a keyword: the task's own, or that of the innermost layer that has it.
pub(super) fn keyword<'a>(
    task: &'a Task,
    pick: impl Fn(&'a Keywords) -> Option<&'a Node>,
) -> Option<&'a Node> {
    pick(&task.keywords).or_else(|| task.layer.chain().find_map(|layer| pick(&layer.keywords)))
}

/// The tags of a task and of all around it.
pub(super) fn tags(
    task: &Task,
    run: &Run,
    scope: &Arc<dyn Scope>,
) -> Result<IndexSet<String>, TemplateError> {
    let layers = task.layer.chain().flat_map(|layer| &layer.keywords.tags);
    let mut tags = IndexSet::new();
    for node in task.keywords.tags.iter().chain(layers) {
        tags.extend(to_tags(&run.templates.evaluate(node, scope)?));
    }
    Ok(tags)
}

impl Run {
    /// The settings of a task for one host.
    pub(super) fn settings(&self, task: &Task, scope: &Arc<dyn Scope>) -> Result<Settings, StepError> {
        let flag = |pick: fn(&Keywords) -> Option<&Node>, default: bool| match keyword(task, pick) {
            Some(node) => self.flag(node, scope),
            None => Ok(default),
        };
        let text = |pick: fn(&Keywords) -> Option<&Node>| match keyword(task, pick) {
            Some(node) => self.templates.evaluate(node, scope).map(|value| usable_text(&value)),
            None => Ok(None),
        };
        Ok(Settings {
            check: flag(|keywords| keywords.check_mode.as_ref(), self.options.check)?,
            diff: flag(|keywords| keywords.diff.as_ref(), self.options.diff)?,
            no_log: flag(|keywords| keywords.no_log.as_ref(), self.options.no_log)?,
            ignore_errors: flag(|keywords| keywords.ignore_errors.as_ref(), false)?,
            ignore_unreachable: flag(|keywords| keywords.ignore_unreachable.as_ref(), false)?,
            environment: self.environment(task, scope)?,
            delegate_to: self.delegate_to(task, scope)?,
            delegate_facts: flag(|keywords| keywords.delegate_facts.as_ref(), false)?,
            timeout: match text(|keywords| keywords.timeout.as_ref())? {
                Some(seconds) => seconds.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs),
                None => self.options.task_timeout,
            },
        })
    }

    /// The host that a task is delegated to.
    fn delegate_to(&self, task: &Task, scope: &Arc<dyn Scope>) -> Result<Option<Arc<str>>, StepError> {
        let Some(node) = keyword(task, |keywords| keywords.delegate_to.as_ref()) else { return Ok(None) };
        let value = self.templates.evaluate(node, scope)?;
        if value.as_str() == Some("") {
            return Err(TemplateError::new("`delegate_to` names no host: it is empty", &node.span).into());
        }
        Ok(usable_text(&value).map(Arc::from))
    }

    /// A task's variables, with those of the connection that only keywords or the command line say.
    pub(super) fn with_connection(&self, task: &Task, variables: TaskVariables) -> TaskVariables {
        let scope: Arc<dyn Scope> = Arc::new(variables.clone());
        let known = |name: &str| Arc::clone(&scope).variable(name);
        let written = |node: Option<&Node>, usual: Option<&str>| {
            let keyword = node.and_then(|node| self.templates.evaluate(node, &scope).ok());
            keyword.filter(|value| usable_text(value).is_some()).or_else(|| usual.map(Value::from))
        };
        let mut found: Vec<(&str, Value)> = Vec::new();
        let users = ["ansible_user", "ansible_ssh_user"].map(|name| (name, known(name)));
        let user = users.iter().find_map(|(_, user)| user.as_ref()?.as_ref().ok().cloned());
        let usual = self.options.remote_user.as_deref();
        let user = user.or_else(|| written(keyword(task, |keywords| keywords.remote_user.as_ref()), usual));
        for (name, _) in users.iter().filter(|(_, known)| known.is_none()) {
            found.extend(user.clone().map(|user| (*name, user)));
        }
        if known("ansible_connection").is_none() {
            let usual = self.options.connection.as_deref().filter(|name| *name != "smart").or(Some("ssh"));
            let connection = written(keyword(task, |keywords| keywords.connection.as_ref()), usual);
            found.extend(connection.map(|connection| ("ansible_connection", connection)));
        }
        if known("ansible_host").is_none() {
            found.push(("ansible_host", Value::from(&*variables.host.name)));
        }
        found.into_iter().fold(variables, |variables, (name, value)| variables.with_local(name, value))
    }

    /// A keyword that is a boolean, or a template of one.
    pub(crate) fn flag(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<bool, StepError> {
        if let Some(value) = node.as_bool() {
            return Ok(value);
        }
        let value = self.templates.evaluate(node, scope)?;
        if value.kind() == minijinja::value::ValueKind::Bool {
            return Ok(value.is_true());
        }
        let text = Node::text(to_text(&value), node.span.clone());
        text.as_bool().ok_or_else(|| {
            TemplateError::new(format!("expected a boolean, found `{}`", to_text(&value)), &node.span).into()
        })
    }

    /// `environment` of the task and of all around it; inner ones win.
    fn environment(
        &self,
        task: &Task,
        scope: &Arc<dyn Scope>,
    ) -> Result<BTreeMap<String, String>, StepError> {
        let layers = task.layer.chain().filter_map(|layer| layer.keywords.environment.as_ref());
        let mut nodes: Vec<&Node> = task.keywords.environment.iter().chain(layers).collect();
        nodes.reverse();
        let mut environment = BTreeMap::new();
        for node in nodes {
            let value = self.templates.evaluate(node, scope)?;
            let parts = if value.kind() == minijinja::value::ValueKind::Seq {
                value.try_iter().map(Iterator::collect).unwrap_or_default()
            } else {
                vec![value]
            };
            for part in parts {
                let Ok(names) = part.try_iter() else { continue };
                for name in names {
                    let value = part.get_item(&name).unwrap_or_default();
                    environment.insert(to_text(&name), to_text(&value));
                }
            }
        }
        Ok(environment)
    }

    /// How the host of a task is reached, and as whom.
    pub(super) fn target(
        &self,
        task: &Task,
        variables: &TaskVariables,
        delegate: Option<&Arc<str>>,
    ) -> Result<Target, StepError> {
        let own: Arc<dyn Scope> = Arc::new(variables.clone());
        // Who to become is the task's business; how to get there is the delegated host's.
        let there: Arc<dyn Scope> = match delegate {
            Some(name) => {
                if !self.variables.knows(name) {
                    self.variables.with_inventory(true, |inventory| inventory.add_implicit_host(name));
                }
                Arc::new(TaskVariables::of_host(&self.variables, &self.variables.host(name)))
            }
            None => Arc::clone(&own),
        };
        let host = delegate.unwrap_or(&variables.host.name);
        let reach = Reach { run: self, task, own: &own, there: &there, host };
        reach.target()
    }
}

/// A value as text, unless it is nothing or to be left out.
fn usable_text(value: &Value) -> Option<String> {
    if value.is_none() || value.is_undefined() || crate::template::is_omit(value) {
        return None;
    }
    Some(to_text(value)).filter(|text| !text.is_empty())
}

/// Works out how to reach a host.
struct Reach<'a> {
    run: &'a Run,
    task: &'a Task,
    own: &'a Arc<dyn Scope>,
    there: &'a Arc<dyn Scope>,
    host: &'a Arc<str>,
}

impl<'a> Reach<'a> {
    /// The first of some connection variables that has a value.
    fn variable(&self, names: &[&str]) -> Result<Option<String>, StepError> {
        for name in names {
            if let Some(value) = Arc::clone(self.there).variable(name)
                && let Some(text) = usable_text(&value?)
            {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// A keyword's text.
    fn keyword(&self, pick: impl Fn(&'a Keywords) -> Option<&'a Node>) -> Result<Option<String>, StepError> {
        match keyword(self.task, pick) {
            Some(node) => Ok(usable_text(&self.run.templates.evaluate(node, self.own)?)),
            None => Ok(None),
        }
    }

    fn target(&self) -> Result<Target, StepError> {
        Ok(Target {
            host: Arc::clone(self.host),
            transport: self.transport()?,
            become_: self.become_()?,
            timeout: match self.number("ansible_ssh_timeout")? {
                Some(seconds) => Duration::from_secs(seconds),
                None => self.run.options.timeout,
            },
        })
    }

    /// A connection variable that is a whole number.
    fn number(&self, name: &str) -> Result<Option<u64>, StepError> {
        let Some(text) = self.variable(&[name])? else { return Ok(None) };
        let wrong = |_| StepError::Failed(format!("`{name}` must be a whole number, not `{text}`"));
        text.trim().parse().map(Some).map_err(wrong)
    }

    fn transport(&self) -> Result<Transport, StepError> {
        let options = &self.run.options;
        let connection = self
            .variable(&["ansible_connection"])?
            .or(self.keyword(|keywords| keywords.connection.as_ref())?)
            .or_else(|| options.connection.clone())
            .unwrap_or_else(|| "ssh".to_owned());
        let user = |keyword: Option<String>| -> Result<Option<String>, StepError> {
            Ok(self
                .variable(&["ansible_user", "ansible_ssh_user"])?
                .or(keyword)
                .or_else(|| options.remote_user.clone()))
        };
        let remote_user = self.keyword(|keywords| keywords.remote_user.as_ref())?;
        match connection.rsplit('.').next().unwrap_or(&connection) {
            "local" => Ok(Transport::Local),
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" | "openssh" => self.ssh(user(remote_user)?),
            engine @ ("docker" | "podman") => Ok(Transport::Container {
                engine: if engine == "docker" { ContainerEngine::Docker } else { ContainerEngine::Podman },
                name: self
                    .variable(&["ansible_docker_host", "ansible_podman_host", "ansible_host"])?
                    .unwrap_or_else(|| self.host.to_string()),
                user: user(remote_user)?,
            }),
            other => Err(StepError::Failed(format!(
                "the connection `{other}` is not known; known are ssh, local, docker and podman"
            ))),
        }
    }

    fn ssh(&self, user: Option<String>) -> Result<Transport, StepError> {
        let options = &self.run.options;
        let port_keyword = self.keyword(|keywords| keywords.port.as_ref())?;
        let port = self.variable(&["ansible_port", "ansible_ssh_port"])?.or(port_keyword);
        let port = match port {
            Some(port) => {
                Some(port.parse().map_err(|_| StepError::Failed(format!("`{port}` is no port number")))?)
            }
            None => options.port,
        };
        let mut arguments = Vec::new();
        for (name, usual) in [
            ("ansible_ssh_args", &options.ssh_args),
            ("ansible_ssh_common_args", &options.ssh_common_args),
            ("ansible_ssh_extra_args", &options.ssh_extra_args),
        ] {
            if let Some(text) = self.variable(&[name])?.or_else(|| usual.clone()) {
                let words = crate::playbook::split_words(&text)
                    .map_err(|error| StepError::Failed(format!("{name}: {error}")))?;
                arguments.extend(words);
            }
        }
        let checking = match self.variable(&["ansible_host_key_checking", "ansible_ssh_host_key_checking"])? {
            Some(text) => !matches!(text.to_lowercase().as_str(), "false" | "no" | "0" | "off"),
            None => options.host_key_checking,
        };
        let key =
            self.variable(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?.map(Into::into);
        let password = self
            .variable(&["ansible_password", "ansible_ssh_password", "ansible_ssh_pass"])?
            .map(Secret::new);
        let passphrase = self
            .variable(&["ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"])?
            .map(Secret::new);
        let retries = self.number("ansible_ssh_retries")?.unwrap_or(options.ssh_retries);
        Ok(Transport::Ssh(SshTarget {
            passphrase,
            executable: self
                .variable(&["ansible_ssh_executable"])?
                .or_else(|| options.ssh_executable.clone()),
            retries: u32::try_from(retries).unwrap_or(u32::MAX),
            address: self
                .variable(&["ansible_host", "ansible_ssh_host"])?
                .unwrap_or_else(|| self.host.to_string()),
            port,
            user,
            private_key: key.or_else(|| options.private_key.clone()),
            arguments,
            host_key_checking: checking,
            password: password.or_else(|| options.connection_password.clone()),
        }))
    }

    fn become_(&self) -> Result<Option<Become>, StepError> {
        let options = &self.run.options;
        let wanted = match self.variable(&["ansible_become"])? {
            Some(text) => Node::text(text, self.task.span.clone()).as_bool().unwrap_or(false),
            None => match keyword(self.task, |keywords| keywords.become_.as_ref()) {
                Some(node) => self.run.flag(node, self.own)?,
                None => options.become_,
            },
        };
        if !wanted {
            return Ok(None);
        }
        let method = self
            .variable(&["ansible_become_method"])?
            .or(self.keyword(|keywords| keywords.become_method.as_ref())?)
            .or_else(|| options.become_method.clone())
            .unwrap_or_else(|| "sudo".to_owned());
        let name = method.rsplit('.').next().unwrap_or(&method).to_owned();
        let method = BecomeMethod::from_name(&name).ok_or_else(|| {
            StepError::Failed(format!("the become method `{name}` is not known; known are sudo and su"))
        })?;
        let names = |what: &str| [format!("ansible_{name}_{what}"), format!("ansible_become_{what}")];
        let of = |what: &str| {
            let names = names(what);
            self.variable(&[&names[1], &names[0]])
        };
        let user = of("user")?
            .or(self.keyword(|keywords| keywords.become_user.as_ref())?)
            .or_else(|| options.become_user.clone());
        let password = of("password")?.or(of("pass")?).map(Secret::new);
        Ok(Some(Become {
            method,
            user: user.unwrap_or_else(|| "root".to_owned()),
            password: password.or_else(|| options.become_password.clone()),
            exe: of("exe")?
                .or(self.keyword(|keywords| keywords.become_exe.as_ref())?)
                .or_else(|| options.become_exe.clone()),
            flags: of("flags")?
                .or(self.keyword(|keywords| keywords.become_flags.as_ref())?)
                .or_else(|| options.become_flags.clone()),
        }))
    }
}
