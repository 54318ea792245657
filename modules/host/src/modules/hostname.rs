//! `hostname`: the host's name.

use std::path::Path;

use serde_json::json;

use crate::args::Arguments;
use crate::system::attributes::FileAttributes;
use crate::system::file;
use crate::{Context, Diff, Module, ModuleError, Outcome};

/// Sets the host's name, now and for when it starts.
#[derive(Arguments)]
pub struct HostnameArgs {
    /// The name.
    name: String,
    /// How it is set; `systemd`, or a file alone. The host's own way if nothing is said.
    #[arg(name = "use")]
    strategy: Option<String>,
}

/// The `hostname` module.
pub struct Hostname;

impl Module for Hostname {
    type Args = HostnameArgs;
    const NAME: &'static str = "hostname";
    const SUMMARY: &'static str = "Manages the host's name";

    fn run(args: HostnameArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let valid = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
        if args.name.is_empty() || args.name.len() > 64 || !args.name.chars().all(valid) {
            return Err(ModuleError::new(format!(
                "`{}` cannot be a host's name: up to 64 letters, digits, dashes and dots",
                args.name
            )));
        }
        let running = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let path = Path::new("/etc/hostname");
        let written = file::read(path)?
            .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
            .unwrap_or_default();
        let changed = running != args.name || written != args.name;
        if changed && !context.check {
            if written != args.name {
                file::replace(
                    path,
                    format!("{}\n", args.name).as_bytes(),
                    &FileAttributes::default(),
                    context,
                )?;
            }
            if running != args.name {
                let by_systemd = args.strategy.as_deref() == Some("systemd")
                    && context.find_program("hostnamectl").is_some();
                let command = if by_systemd {
                    context.tool("hostnamectl").arguments(["set-hostname", &args.name])
                } else {
                    context.tool("hostname").argument(&args.name)
                };
                command.succeed()?;
            }
        }
        let mut outcome = Outcome::new(changed).with("name", args.name.as_str());
        let short = args.name.split('.').next().unwrap_or_default();
        let domain = args.name.split_once('.').map_or("", |(_, domain)| domain);
        if let serde_json::Value::Object(facts) = json!({"ansible_hostname": short, "ansible_nodename": args.name, "ansible_fqdn": args.name, "ansible_domain": domain})
        {
            outcome.ansible_facts = facts;
        }
        if context.diff && changed {
            outcome.diff.push(Diff::text("hostname", format!("{running}\n"), format!("{}\n", args.name)));
        }
        Ok(outcome)
    }
}
