//! `setup`: what is known about a host.

mod collectors;
mod date;
mod devices;
mod distribution;
mod dmi;
mod dns;
mod files;
mod kernel;
mod local;
mod managers;
mod memory;
mod mounts;
mod network;
mod platform;
mod processor;
mod python;
mod security;
mod ssh_keys;
mod storage;
mod subset;
mod user;
mod virtualization;

use std::path::PathBuf;
use std::time::Duration;

use crate::args::Arguments;
use crate::system::glob;
use crate::{Context, Module, ModuleError, Outcome};

use collectors::{Gathered, Host};
use files::Files;

/// Gathers facts about a host. They are read from the kernel and from files, so gathering them starts next to no
/// process; what only other programs know (`facter`, `ohai`, `ethtool`) is left out.
#[derive(Arguments)]
pub struct SetupArgs {
    /// Which facts to gather: `all`, `min`, `hardware`, `network`, `virtual`, or the name of a fact or of a smaller
    /// source such as `date_time`; with `!` in front, which not to. The minimal ones come along unless `!min` is given.
    #[arg(default = "all")]
    gather_subset: Vec<String>,
    /// Give back only facts whose name matches one of these patterns (`*`, `?`, `[…]`); names may be written with or
    /// without `ansible_` in front.
    #[arg(default = "")]
    filter: Vec<String>,
    /// Seconds that one slow source, such as a mount whose server does not answer, may take.
    #[arg(default = "10")]
    gather_timeout: u32,
    /// Folder of facts the host's administrators provide: `*.fact` files in JSON or INI, or programs that print either.
    /// They become `ansible_local`.
    #[arg(default = "/etc/ansible/facts.d")]
    fact_path: PathBuf,
}

/// The `setup` module.
pub struct Setup;

impl Module for Setup {
    type Args = SetupArgs;
    const NAME: &'static str = "setup";
    const SUMMARY: &'static str = "Gathers facts about a host";
    const ALIASES: &'static [&'static str] = &["gather_facts"];

    fn run(args: SetupArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let selected = subset::select(&args.gather_subset)?;
        let host = Host {
            files: Files::below("/"),
            context,
            fact_path: args.fact_path,
            patience: Duration::from_secs(args.gather_timeout.into()),
        };
        let mut gathered = Gathered::default();
        for collector in selected {
            (collector.collect)(&host, &mut gathered);
        }
        gathered.set("gather_subset", args.gather_subset);
        gathered.set("module_setup", true);
        let mut facts = gathered.facts;
        let filter: Vec<&String> = args.filter.iter().filter(|pattern| !pattern.is_empty()).collect();
        if !filter.is_empty() {
            facts.retain(|name, _| filter.iter().any(|pattern| selects(pattern, name)));
        }
        let mut outcome = Outcome::new(false);
        outcome.ansible_facts = facts.into_iter().map(|(name, value)| (in_plays(name), value)).collect();
        outcome.warnings = gathered.warnings;
        Ok(outcome)
    }
}

/// The name that plays read a fact by.
fn in_plays(name: String) -> String {
    let is_whole = name.starts_with("ansible_") || ["gather_subset", "module_setup"].contains(&name.as_str());
    if is_whole { name } else { format!("ansible_{name}") }
}

fn selects(pattern: &str, name: &str) -> bool {
    glob::matches(pattern, name) || glob::matches(pattern, &format!("ansible_{name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Setup;
    use crate::modules::testing::run;

    #[test]
    fn every_host_has_the_facts_that_playbooks_branch_on() {
        let outcome = run::<Setup>(json!({}), true);
        assert!(!outcome.failed && !outcome.changed, "{outcome:?}");
        for fact in [
            "os_family",
            "distribution",
            "distribution_major_version",
            "distribution_release",
            "hostname",
            "fqdn",
            "architecture",
            "kernel",
            "service_mgr",
            "pkg_mgr",
            "env",
            "user_id",
            "date_time",
            "memtotal_mb",
            "processor_vcpus",
            "interfaces",
            "default_ipv4",
            "mounts",
            "devices",
            "virtualization_type",
            "ansible_local",
            "selinux",
            "uptime_seconds",
        ] {
            let name = super::in_plays(fact.to_owned());
            assert!(outcome.ansible_facts.contains_key(&name), "{fact} is missing");
        }
    }

    #[test]
    fn the_filter_takes_both_forms_of_a_name() {
        for pattern in ["ansible_os_*", "os_family"] {
            let outcome = run::<Setup>(json!({"gather_subset": "!all", "filter": pattern}), false);
            let names: Vec<&String> = outcome.ansible_facts.keys().collect();
            assert_eq!(names, ["ansible_os_family"], "{pattern}");
        }
    }

    #[test]
    fn only_what_is_asked_for_is_gathered() {
        let outcome = run::<Setup>(json!({"gather_subset": ["!all", "!min", "fips"]}), false);
        let names: Vec<&String> = outcome.ansible_facts.keys().collect();
        assert_eq!(names, ["ansible_fips", "gather_subset", "module_setup"]);
    }
}
