//! Ansible's tools by their names: where this program is called `ansible-playbook` (a link is enough), it takes that
//! tool's command line.

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgMatches, Args as _, FromArgMatches as _};

use super::{Command, adhoc, config, doc, inventory, run, vault};
use crate::config::Config;

/// The release of Ansible whose language this is; what asks for a version wants to hear this one.
pub(crate) const ANSIBLE: &str = "2.19.0";

/// What the command line says, if the program is called by the name of one of Ansible's tools. Wrong use ends the
/// program, as clap does.
pub(super) fn command(mut arguments: impl Iterator<Item = OsString>) -> Option<Command> {
    let called = arguments.next()?;
    let name = Path::new(&called).file_name()?.to_str()?.to_owned();
    let arguments: Vec<OsString> = std::iter::once(OsString::from(&name)).chain(arguments).collect();
    let tool = |add: fn(clap::Command) -> clap::Command| -> ArgMatches {
        let base =
            clap::Command::new(name.clone()).bin_name(name.clone()).version(version()).max_term_width(100);
        add(base).get_matches_from(&arguments)
    };
    let read = match name.as_str() {
        "ansible-playbook" => {
            let matches = tool(run::RunCommand::augment_args);
            run::RunCommand::from_arg_matches(&matches).map(|command| Command::Run(Box::new(command)))
        }
        "ansible" => {
            let matches = tool(adhoc::AdhocCommand::augment_args);
            adhoc::AdhocCommand::from_arg_matches(&matches).map(|command| Command::Adhoc(Box::new(command)))
        }
        "ansible-inventory" => {
            let matches = tool(inventory::InventoryCommand::augment_args);
            inventory::InventoryCommand::from_arg_matches(&matches).map(Command::Inventory)
        }
        "ansible-vault" => {
            let matches = tool(vault::VaultCommand::augment_args);
            vault::VaultCommand::from_arg_matches(&matches).map(|command| Command::Vault(Box::new(command)))
        }
        "ansible-config" => {
            let matches = tool(config::ConfigCommand::augment_args);
            config::ConfigCommand::from_arg_matches(&matches).map(Command::Config)
        }
        "ansible-doc" => {
            let matches = tool(doc::DocCommand::augment_args);
            doc::DocCommand::from_arg_matches(&matches).map(Command::Doc)
        }
        _ => return None,
    };
    Some(read.unwrap_or_else(|error| error.exit()))
}

/// What `--version` says behind the tool's name, in the form that programs look for.
fn version() -> String {
    let file = std::env::current_dir().ok().and_then(|folder| Config::load(&folder).ok());
    let file = file
        .and_then(|(config, _)| config.file)
        .map_or_else(|| "None".to_owned(), |path| path.display().to_string());
    let program = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    format!(
        "[core {ANSIBLE}]\n  config file = {file}\n  executable location = {program}\n  clouder version = {}",
        env!("CARGO_PKG_VERSION")
    )
}
