//! Modules that are no part of clouder: what a playbook, a role or a collection brings along, or ansible-core has.
//!
//! The module travels as it is, by content hash, and its arguments as Ansible gives them. Python ones take what they import
//! from `ansible.module_utils` along, in one archive that a host keeps.

mod packages;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use clouder_modules::system::words;
use serde_json::{Map, Value as Json, json};

pub use self::packages::Packages;
use super::local_file::content;
use super::{LocalFile, Payload};
use crate::foreign::Python;
use crate::playbook::OwnModule;
use crate::run::{Step, StepError};
use crate::template::{Scope, from_json, to_text};
use crate::vars::TaskVariables;

/// The module of hosts that runs them.
pub const RUNNER: &str = "_run_module";

/// How a module takes its arguments, as the module of hosts calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Words,
    Json,
    Inside,
    Python,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Json => "json",
            Self::Inside => "inside",
            Self::Python => "python",
        }
    }

    /// As Ansible tells it from a module's content.
    fn of(content: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(content) else { return Self::Json };
        if content.contains(&0) {
            return Self::Json;
        }
        if text.lines().any(imports_utilities) {
            Self::Python
        } else if text.contains("<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>") {
            Self::Inside
        } else if text.contains("WANT_JSON") {
            Self::Json
        } else {
            Self::Words
        }
    }
}

fn imports_utilities(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some("from" | "import"), Some(package)) = (words.next(), words.next()) else { return false };
    let is =
        |name: &str| package == name || package.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    is("ansible.module_utils")
        || (package.starts_with("ansible_collections.") && package.contains(".module_utils"))
        || (package.starts_with("..") && package.contains("module_utils"))
        || (package == "ansible" && words.next() == Some("import") && words.next() == Some("module_utils"))
}

/// What the module of hosts is to be asked for: its arguments, and the contents that go with them.
///
/// # Errors
/// When the module cannot be read, or what it needs is not on this machine.
pub fn request(
    module: &OwnModule,
    arguments: Map<String, Json>,
    step: &Step<'_>,
) -> Result<(Map<String, Json>, Arc<Payload>), StepError> {
    let failed = |path: &Path, error: std::io::Error| {
        StepError::Failed(format!("cannot read {}: {error}", path.display()))
    };
    let bytes = fs::read(&module.path).map_err(|error| failed(&module.path, error))?;
    let kind = Kind::of(&bytes);
    let mut payload = Payload::default();
    let file =
        content(step.run.loader.files(), &module.path, true).map_err(|error| failed(&module.path, error))?;
    let (sha256, _) = payload.add(file, &step.run.digests).map_err(|error| failed(&module.path, error))?;
    let mut request = Map::new();
    request.insert("sha256".to_owned(), sha256.into());
    request.insert("file".to_owned(), module.path.file_name().unwrap_or_default().to_string_lossy().into());
    request.insert("kind".to_owned(), kind.name().into());
    if kind == Kind::Python {
        let python = Python::find().map_err(|error| StepError::Failed(error.to_owned()))?;
        let packages = step.run.packages.of(module, &bytes, python, step.run.loader.files());
        let packages = packages.map_err(|error| {
            StepError::Failed(format!("cannot pack what {} imports: {error}", module.qualified))
        })?;
        let (sha256, _) = payload
            .add(LocalFile::Bytes(packages), &step.run.digests)
            .map_err(|error| StepError::Failed(format!("cannot pack packages: {error}")))?;
        request.insert("packages".to_owned(), sha256.into());
        request.insert("qualified".to_owned(), module.qualified.clone().into());
    }
    if let Some(interpreter) = interpreter(kind, &bytes, step)? {
        request.insert("interpreter".to_owned(), interpreter.into());
    }
    let mut arguments = arguments;
    let text = arguments.remove("_raw_params");
    if let Some(text) = text {
        arguments.insert("_raw_params".to_owned(), text);
    }
    arguments.extend(internals(module, step));
    if kind == Kind::Words {
        request.insert("words".to_owned(), as_words(&arguments).into());
    }
    request.insert("arguments".to_owned(), arguments.into());
    Ok((request, Arc::new(payload)))
}

/// The arguments as words of a shell, their values as Python writes them.
fn as_words(arguments: &Map<String, Json>) -> String {
    let word = |(name, value): (&String, &Json)| {
        format!("{name}={} ", words::quote(&to_text(&from_json(value.clone()))))
    };
    arguments.iter().map(word).collect()
}

/// What every module is told besides its arguments.
fn internals(module: &OwnModule, step: &Step<'_>) -> Map<String, Json> {
    let version =
        step.run.variables.constants.get("ansible_version").and_then(|version| version.get_attr("full").ok());
    let told = json!({
        "_ansible_check_mode": step.settings.check,
        "_ansible_no_log": step.settings.no_log,
        "_ansible_debug": false,
        "_ansible_diff": step.settings.diff,
        "_ansible_verbosity": step.run.options.verbosity,
        "_ansible_version": version.map(|version| to_text(&version)).unwrap_or_default(),
        "_ansible_module_name": module.qualified.rsplit('.').next().unwrap_or_default(),
        "_ansible_syslog_facility": "LOG_USER",
        "_ansible_selinux_special_fs": ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"],
        "_ansible_socket": null,
        "_ansible_shell_executable": "/bin/sh",
        "_ansible_keep_remote_files": false,
        "_ansible_remote_tmp": "~/.ansible/tmp",
        "_ansible_ignore_unknown_opts": false,
        "_ansible_target_log_info": null,
        "_ansible_tracebacks_for": [],
    });
    match told {
        Json::Object(told) => told,
        _ => Map::new(),
    }
}

/// The program that is to run the module, if a variable names one: `ansible_python_interpreter` for Python, and so on for
/// what else its first line names.
fn interpreter(kind: Kind, content: &[u8], step: &Step<'_>) -> Result<Option<String>, StepError> {
    let first = content.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"#!"));
    let first = first.map(|line| String::from_utf8_lossy(line).into_owned()).unwrap_or_default();
    let mut words = first.split_whitespace();
    let mut program = words.next().unwrap_or_default();
    if program.ends_with("/env") {
        program = words.find(|word| !word.starts_with('-')).unwrap_or_default();
    }
    let program = program.rsplit('/').next().unwrap_or_default();
    let is_python = kind == Kind::Python || program.starts_with("python");
    if program.is_empty() && !is_python {
        return Ok(None);
    }
    let name = if is_python {
        "ansible_python_interpreter".to_owned()
    } else {
        format!("ansible_{program}_interpreter")
    };
    let there: Arc<dyn Scope> = match &step.settings.delegate_to {
        Some(host) => Arc::new(TaskVariables::of_host(&step.run.variables, &step.run.variables.host(host))),
        None => Arc::clone(&step.scope),
    };
    let named = there.variable(&name).transpose()?.map(|value| to_text(&value));
    let named = named.or_else(|| step.run.options.python.clone().filter(|_| is_python));
    Ok(named.filter(|named| !named.is_empty() && !named.starts_with("auto")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Kind, as_words};

    #[test]
    fn kinds_are_told_by_content() {
        for (content, kind) in [
            (&b"#!/bin/sh\necho '{}'"[..], Kind::Words),
            (b"#!/bin/sh\n# WANT_JSON\n", Kind::Json),
            (b"\x7fELF\0\0", Kind::Json),
            (b"#!/bin/sh\necho <<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>", Kind::Inside),
            (b"from ansible.module_utils.basic import AnsibleModule", Kind::Python),
            (b"if True:\n    import ansible.module_utils.basic", Kind::Python),
            (b"from ansible import module_utils", Kind::Python),
            (b"from ..module_utils.own import x", Kind::Python),
            (b"from ansible_collections.a.b.plugins.module_utils.c import d", Kind::Python),
            (b"#!/usr/bin/python\nimport json", Kind::Words),
        ] {
            assert_eq!(Kind::of(content), kind, "{}", String::from_utf8_lossy(content));
        }
    }

    #[test]
    fn words_are_quoted_and_as_python_writes_them() {
        let arguments = json!({"a": [1, "b"], "t": true, "n": null, "s": "x y"});
        let words = as_words(arguments.as_object().unwrap());
        assert_eq!(
            clouder_modules::system::words::split(&words).unwrap(),
            ["a=[1, 'b']", "t=True", "n=None", "s=x y"]
        );
    }
}
