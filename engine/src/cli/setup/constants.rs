//! Magic variables that are the same for all hosts.

use indexmap::IndexMap;

use super::super::tools;
use crate::config::Config;
use crate::run::RunOptions;
use crate::template::Value;

/// Magic variables that are the same for all.
pub(in crate::cli) fn constants(config: &Config, options: &RunOptions) -> IndexMap<&'static str, Value> {
    let version = Value::from_pairs([
        ("full", Value::from(tools::ANSIBLE)),
        ("major", Value::from(2)),
        ("minor", Value::from(19)),
        ("revision", Value::from(0)),
        ("string", Value::from(tools::ANSIBLE)),
    ]);
    let list = |items: &[String]| Value::from_iter(items.iter().map(|item| Value::from(item.as_str())));
    let all = ["all".to_owned()];
    let mut constants: IndexMap<&'static str, Value> = [
        ("ansible_version", version),
        ("clouder_version", Value::from(env!("CARGO_PKG_VERSION"))),
        ("ansible_check_mode", Value::from(options.check)),
        ("ansible_diff_mode", Value::from(options.diff)),
        ("ansible_forks", Value::from(options.forks)),
        ("ansible_verbosity", Value::from(options.verbosity)),
        ("ansible_run_tags", list(if options.tags.is_empty() { &all } else { &options.tags })),
        ("ansible_skip_tags", list(&options.skip_tags)),
    ]
    .into_iter()
    .collect();
    let python = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|path| path.is_file())
    });
    if let Some(python) = python {
        constants.insert("ansible_playbook_python", Value::from(python.display().to_string()));
    }
    let file = config.file.as_ref().map(|path| Value::from(path.display().to_string()));
    constants.insert("ansible_config_file", file.unwrap_or(Value::from(())));
    if let Some(limit) = &options.limit {
        constants.insert("ansible_limit", Value::from(limit.as_str()));
    }
    constants
}
