//! `assemble`: a file from the pieces in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::edit::EditOptions;
use crate::system::placement::{self, Content, Placement};
use crate::system::regex::{Options, Pattern};
use crate::{Context, Module, ModuleError, Outcome};

/// Makes a file of all files in a folder, one after the other in the order of their names.
#[derive(Arguments)]
pub struct AssembleArgs {
    /// The folder of the pieces.
    src: PathBuf,
    /// The file to make.
    dest: PathBuf,
    /// What comes between two pieces; `\n` and the like are understood, and a newline follows it.
    delimiter: Option<String>,
    /// The folder is on the host; otherwise the controller has it.
    #[arg(default = "true")]
    remote_src: bool,
    /// Take only files whose name this Python regular expression matches somewhere.
    regexp: Option<String>,
    /// Leave out files whose name begins with a dot.
    #[arg(default = "false")]
    ignore_hidden: bool,
    /// Decrypt pieces that are vault files; the controller does.
    #[arg(default = "true")]
    #[expect(dead_code, reason = "the controller reads it")]
    decrypt: bool,
    /// Backup, validation, owner, mode.
    #[arg(flatten)]
    options: EditOptions,
}

/// The `assemble` module.
pub struct Assemble;

impl Module for Assemble {
    type Args = AssembleArgs;
    const NAME: &'static str = "assemble";
    const SUMMARY: &'static str = "Makes a file from the pieces in a folder";

    fn run(args: AssembleArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        if !args.remote_src {
            return Err(ModuleError::new(
                "assemble: with remote_src off the controller puts the pieces together",
            ));
        }
        if !args.src.is_dir() {
            return Err(ModuleError::new(format!("Source ({}) is not a directory", args.src.display())));
        }
        let regexp =
            args.regexp.as_deref().map(|source| Pattern::new(source, Options::default())).transpose()?;
        let read = |path: &Path| fs::read(path);
        let delimiter = args.delimiter.as_deref();
        let whole = assembled(&args.src, delimiter, regexp.as_ref(), args.ignore_hidden, &read)?;
        let placed = Placement {
            backup: args.options.backup,
            validate: args.options.validate.as_deref(),
            after_header: Some(args.src.to_string_lossy().into_owned()),
            ..Placement::new(&args.dest, &args.options.attributes)
        }
        .place(&Content::Bytes(&whole), context)?;
        let is_there = !(context.check && placed.content_changed);
        let mut outcome = placed.outcome(&args.dest, context)?.message("OK");
        if is_there {
            let digests = placement::digests(&args.dest)?;
            outcome = outcome.with("checksum", digests.sha1).with("md5sum", digests.md5);
        }
        Ok(outcome.with("dest", args.dest.to_string_lossy()).with("src", args.src.to_string_lossy()))
    }
}

/// Puts the pieces in a folder together; `read` gives what is in one.
///
/// # Errors
/// When one cannot be read.
pub fn assembled(
    folder: &Path,
    delimiter: Option<&str>,
    regexp: Option<&Pattern>,
    ignore_hidden: bool,
    read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
) -> Result<Vec<u8>, ModuleError> {
    let failed = || format!("cannot read {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).doing(failed)? {
        paths.push(entry.doing(failed)?.path());
    }
    paths.sort();
    let mut whole: Vec<u8> = Vec::new();
    let mut is_first = true;
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_wanted = match regexp {
            Some(regexp) => regexp.is_match(name.as_bytes())?,
            None => true,
        };
        if !is_wanted || (ignore_hidden && name.starts_with('.')) || !path.is_file() {
            continue;
        }
        if !is_first {
            if !whole.ends_with(b"\n") {
                whole.push(b'\n');
            }
            if let Some(delimiter) = delimiter.filter(|delimiter| !delimiter.is_empty()) {
                whole.extend(unescaped(delimiter).into_bytes());
                if !whole.ends_with(b"\n") {
                    whole.push(b'\n');
                }
            }
        }
        is_first = false;
        whole.extend(read(&path).doing(|| format!("cannot read {}", path.display()))?);
    }
    Ok(whole)
}

/// A text with `\n`, `\t`, `\r` and `\\` as what they stand for.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('\\') | None => plain.push('\\'),
            Some(other) => plain.extend(['\\', other]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Assemble;
    use crate::modules::testing::{changes_once, run};

    #[test]
    fn pieces_come_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("pieces");
        std::fs::create_dir_all(source.join("20-folder")).unwrap();
        for (name, text) in [("30-c", "c\n"), ("10-a", "a\n"), ("20-b", "b"), (".hidden", "h\n")] {
            std::fs::write(source.join(name), text).unwrap();
        }
        let dest = folder.path().join("whole");
        for (extra, expected) in [
            (json!({}), "h\na\nb\nc\n"),
            (json!({"ignore_hidden": true}), "a\nb\nc\n"),
            (json!({"regexp": "^[12]0"}), "a\nb"),
            (json!({"ignore_hidden": true, "delimiter": "---"}), "a\n---\nb\n---\nc\n"),
            (json!({"regexp": "a|b$", "delimiter": "\\n# \\\\t\\n"}), "a\n\n# \\t\nb"),
        ] {
            let mut arguments = json!({"src": source, "dest": dest, "mode": "0600"});
            arguments.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let outcome = changes_once::<Assemble>(&arguments);
            assert_eq!(std::fs::read_to_string(&dest).unwrap(), expected, "{extra}");
            assert_eq!((&outcome.result["mode"], &outcome.result["dest"]), (&json!("0600"), &json!(dest)));
            assert!(outcome.result.contains_key("checksum"));
        }
    }

    #[test]
    fn a_missing_folder_is_refused() {
        let outcome = run::<Assemble>(json!({"src": "/no/such", "dest": "/tmp/x"}), false);
        assert!(outcome.failed && outcome.msg.unwrap().contains("/no/such"));
    }
}
