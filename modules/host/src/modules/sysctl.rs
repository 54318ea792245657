//! `sysctl`: settings of the kernel.

use std::path::{Path, PathBuf};

use super::group::State;
use crate::args::Arguments;
use crate::system::attributes::FileAttributes;
use crate::system::file;
use crate::{Context, Diff, Module, ModuleError, Outcome};

/// Sets a value in a file that is read when the host starts, and, if asked for, in the running kernel.
#[derive(Arguments)]
pub struct SysctlArgs {
    /// The setting: `net.ipv4.ip_forward`.
    #[arg(alias = "key")]
    name: String,
    /// Its value.
    #[arg(alias = "val")]
    value: Option<String>,
    /// Whether the file has it.
    #[arg(default = "present")]
    state: State,
    /// Take settings that the kernel does not know for no failure.
    #[arg(default = "false")]
    ignoreerrors: bool,
    /// Have the kernel read the file after a change.
    #[arg(default = "true")]
    reload: bool,
    /// Set the running kernel, too, if it has another value.
    #[arg(default = "false")]
    sysctl_set: bool,
    /// The file.
    #[arg(default = "/etc/sysctl.conf")]
    sysctl_file: PathBuf,
}

/// The `sysctl` module.
pub struct Sysctl;

impl Module for Sysctl {
    type Args = SysctlArgs;
    const NAME: &'static str = "sysctl";
    const SUMMARY: &'static str = "Manages settings of the kernel";

    fn run(args: SysctlArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let name = args.name.trim();
        if name.is_empty() {
            return Err(ModuleError::new("name must not be empty"));
        }
        let value = args.value.as_deref().map(canonical);
        if args.state == State::Present && value.is_none() {
            return Err(ModuleError::new("value is needed when state is present"));
        }
        let before = file::read(&args.sysctl_file)?;
        let text = String::from_utf8_lossy(before.as_deref().unwrap_or_default()).into_owned();
        let wanted = value.as_deref().filter(|_| args.state == State::Present);
        let after = rewritten(&text, name, wanted);
        let file_differs = after != text;
        let live =
            wanted.filter(|_| args.sysctl_set).filter(|wanted| current(name).as_deref() != Some(wanted));
        let mut outcome = Outcome::new(file_differs || live.is_some());
        if context.diff && file_differs {
            outcome.diff.push(Diff::text(
                args.sysctl_file.display().to_string(),
                text.as_str(),
                after.as_str(),
            ));
        }
        if context.check {
            return Ok(outcome);
        }
        if let Some(value) = live {
            let set = context
                .tool("sysctl")
                .arguments(args.ignoreerrors.then_some("-e"))
                .arguments(["-w", &format!("{name}={value}")])
                .run()?;
            if !set.status.success() && !args.ignoreerrors {
                return Err(set.failure(&format!("setting {name} failed")));
            }
        }
        if file_differs {
            file::replace(&args.sysctl_file, after.as_bytes(), &FileAttributes::default(), context)?;
            if args.reload {
                let loaded = context
                    .tool("sysctl")
                    .arguments(args.ignoreerrors.then_some("-e"))
                    .argument("-p")
                    .argument(&args.sysctl_file)
                    .run()?;
                if !loaded.status.success() && !args.ignoreerrors {
                    return Err(loaded.failure("Failed to reload sysctl"));
                }
            }
        }
        Ok(outcome)
    }
}

/// A value as the kernel prints it: booleans as numbers, blanks between numbers as one.
fn canonical(value: &str) -> String {
    match value.trim() {
        "True" | "true" | "yes" => "1".to_owned(),
        "False" | "false" | "no" => "0".to_owned(),
        other => other.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The value the running kernel has.
fn current(name: &str) -> Option<String> {
    // A dot within a name (an interface eth0.5) is written as a slash, and slashes as dots.
    let path = if name.contains('/') { name.to_owned() } else { name.replace('.', "/") };
    std::fs::read_to_string(Path::new("/proc/sys").join(path)).ok().map(|value| canonical(&value))
}

/// The file with the setting as it should be: in its first place, and in no other.
fn rewritten(text: &str, name: &str, value: Option<&str>) -> String {
    let key_of = |line: &str| {
        let line = line.trim_start_matches('-').trim();
        (!line.starts_with(['#', ';']))
            .then(|| line.split_once('=').map(|(key, value)| (key.trim().to_owned(), canonical(value))))
            .flatten()
    };
    let mut lines: Vec<String> = Vec::new();
    let mut placed = false;
    for line in text.lines() {
        match key_of(line) {
            Some((key, old)) if key == name => match value {
                Some(value) if !placed => {
                    placed = true;
                    lines.push(if old == value { line.to_owned() } else { format!("{name}={value}") });
                }
                _ => {}
            },
            _ => lines.push(line.to_owned()),
        }
    }
    if let Some(value) = value.filter(|_| !placed) {
        lines.push(format!("{name}={value}"));
    }
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Sysctl, rewritten};
    use crate::modules::testing::changes_once;

    #[test]
    fn the_setting_is_in_the_file_once() {
        for (text, value, expected) in [
            ("", Some("1"), "a.b=1\n"),
            ("# c\na.b = 0\nx=1\n", Some("1"), "# c\na.b=1\nx=1\n"),
            ("a.b = 1\na.b=2\n", Some("1"), "a.b = 1\n"),
            ("a.b=1\nx=1\n", None, "x=1\n"),
            ("#a.b=1\n", None, "#a.b=1\n"),
        ] {
            assert_eq!(rewritten(text, "a.b", value), expected, "{text}");
        }
    }

    #[test]
    fn a_file_is_changed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.conf");
        changes_once::<Sysctl>(
            &json!({"name": "kernel.ostype", "value": "Linux", "sysctl_file": path, "reload": false}),
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kernel.ostype=Linux\n");
        changes_once::<Sysctl>(
            &json!({"name": "kernel.ostype", "state": "absent", "sysctl_file": path, "reload": false}),
        );
    }
}
