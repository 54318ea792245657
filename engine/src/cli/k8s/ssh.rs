//! `clouder k8s ssh`.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use clap::Args;

use super::super::setup::Setup;
use super::super::{Failure, vault};
use super::{Context, Front, Named, playbook};
use crate::run::RunOptions;
use crate::template::Scope as _;

/// Logs in to a machine of a cluster, or runs a command there.
#[derive(Args)]
pub(super) struct Ssh {
    #[command(flatten)]
    cluster: Named,
    /// The machine
    node: String,
    #[command(flatten)]
    front: Front,
    /// The command; without one, a shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Ssh {
    /// Becomes ssh; returns only if that cannot be.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = context.clusters.find(&self.cluster.cluster)?;
        let keyring = vault::of_run(context.config, &self.front.vault)?;
        let mut options = self.front.inventory(&cluster);
        options.extra_vars.push(serde_json::Value::Object(cluster.variables).to_string());
        options.extra_vars.extend(self.front.extra_vars.iter().cloned());
        let run = RunOptions::new(context.config);
        let setup = Setup::new(context.config, &options, &keyring, &playbook("create-cluster.yml"), run)?;
        let scope = std::sync::Arc::new(setup.scope_of_host(&self.node)?);
        let text = |names: &[&str]| -> Result<Option<String>, Failure> {
            for name in names {
                let value = std::sync::Arc::clone(&scope).variable(name).transpose();
                if let Some(value) = value.map_err(|error| error.diagnostic)?.filter(|value| !value.is_none())
                {
                    return Ok(Some(value.to_string()));
                }
            }
            Ok(None)
        };
        let mut command =
            Command::new(text(&["ansible_ssh_executable"])?.unwrap_or_else(|| "ssh".to_owned()));
        for name in ["ansible_ssh_common_args", "ansible_ssh_extra_args"] {
            let given = text(&[name])?.unwrap_or_default();
            command.args(
                crate::playbook::split_words(&given)
                    .map_err(|why| Failure::plain(format!("{name}: {why}")))?,
            );
        }
        if let Some(port) = text(&["ansible_port", "ansible_ssh_port"])? {
            command.args(["-p", &port]);
        }
        if let Some(user) = text(&["ansible_user", "ansible_ssh_user"])? {
            command.args(["-l", &user]);
        }
        let key = text(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?;
        if let Some(key) =
            self.front.private_key.clone().or_else(|| key.map(|key| crate::playbook::expand_user(&key)))
        {
            command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        command.arg("--").arg(text(&["ansible_host", "ansible_ssh_host"])?.unwrap_or(self.node));
        command.args(&self.command);
        let error = command.exec();
        let hint = "install OpenSSH's client (on Debian: apt-get install openssh-client)";
        Err(Failure::new(format!("cannot start ssh: {error}"), hint))
    }
}
