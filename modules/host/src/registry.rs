//! The list of all task modules that act on a host.

use serde_json::{Map, Value};

use crate::args::{ArgumentError, Schema};
use crate::{Arguments as _, Context, Module, Outcome, modules};

/// A module without its type.
pub struct Entry {
    /// The name without a collection.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// Its parameters.
    pub schema: fn() -> &'static Schema,
    /// Reads the arguments and runs it; every failure is an outcome.
    pub run: fn(Map<String, Value>, &mut Context) -> Outcome,
    /// Reads the arguments and says what is wrong with them.
    pub check: fn(Map<String, Value>) -> Result<(), ArgumentError>,
}

impl Entry {
    /// Whether only the engine calls it, for a part of what it does itself.
    pub fn is_internal(&self) -> bool {
        self.name.starts_with('_')
    }
}

const fn entry<M: Module>() -> Entry {
    Entry {
        name: M::NAME,
        summary: M::SUMMARY,
        aliases: M::ALIASES,
        schema: M::Args::schema,
        run: |arguments, context| match M::Args::read(arguments) {
            Ok(arguments) => M::run(arguments, context).unwrap_or_else(|error| error.into_outcome()),
            Err(error) => Outcome::failed(error.to_string()),
        },
        check: |arguments| M::Args::read(arguments).map(drop),
    }
}

/// All of them, by name.
pub fn registry() -> &'static [Entry] {
    const MODULES: &[Entry] = &[
        entry::<modules::apt::Apt>(),
        entry::<modules::apt_key::AptKey>(),
        entry::<modules::apt_repository::AptRepository>(),
        entry::<modules::archive::Archive>(),
        entry::<modules::assemble::Assemble>(),
        entry::<modules::authorized_key::AuthorizedKey>(),
        entry::<modules::blockinfile::Blockinfile>(),
        entry::<modules::checkpoint_image::CheckpointImage>(),
        entry::<modules::checkpoint_info::CheckpointInfo>(),
        entry::<modules::command::Command>(),
        entry::<modules::copy::Copy>(),
        entry::<modules::cron::Cron>(),
        entry::<modules::deb822_repository::Deb822Repository>(),
        entry::<modules::dpkg_selections::DpkgSelections>(),
        entry::<modules::fetch::Fetch>(),
        entry::<modules::file::File>(),
        entry::<modules::find::Find>(),
        entry::<modules::get_url::GetUrl>(),
        entry::<modules::getent::Getent>(),
        entry::<modules::git::Git>(),
        entry::<modules::group::Group>(),
        entry::<modules::hostname::Hostname>(),
        entry::<modules::ini_file::IniFile>(),
        entry::<modules::known_hosts::KnownHosts>(),
        entry::<modules::lineinfile::Lineinfile>(),
        entry::<modules::modprobe::Modprobe>(),
        entry::<modules::mount::Mount>(),
        entry::<modules::own_module::RunOwnModule>(),
        entry::<modules::package::Package>(),
        entry::<modules::package_facts::PackageFacts>(),
        entry::<modules::ping::Ping>(),
        entry::<modules::raw::Raw>(),
        entry::<modules::replace::Replace>(),
        entry::<modules::script::Script>(),
        entry::<modules::service::Service>(),
        entry::<modules::service_facts::ServiceFacts>(),
        entry::<modules::setup::Setup>(),
        entry::<modules::shell::Shell>(),
        entry::<modules::slurp::Slurp>(),
        entry::<modules::stat::Stat>(),
        entry::<modules::sysctl::Sysctl>(),
        entry::<modules::systemd::Systemd>(),
        entry::<modules::tempfile::Tempfile>(),
        entry::<modules::unarchive::Unarchive>(),
        entry::<modules::uri::Uri>(),
        entry::<modules::user::User>(),
        entry::<modules::wait_for::WaitFor>(),
    ];
    MODULES
}

/// The module of a name without a collection.
pub fn find(name: &str) -> Option<&'static Entry> {
    registry().iter().find(|entry| entry.name == name || entry.aliases.contains(&name))
}
