//! `replace`: all matches of a pattern in a file.

use std::path::PathBuf;

use crate::args::Arguments;
use crate::system::edit::{EditOptions, Editing};
use crate::system::regex::{Options, Pattern, Template};
use crate::{Context, Module, ModuleError, Outcome};

/// Replaces all matches of a Python regular expression in a file. The pattern should not match what it is replaced by,
/// so that a second run changes nothing.
#[derive(Arguments)]
pub struct ReplaceArgs {
    /// The file.
    #[arg(alias = "dest", alias = "destfile", alias = "name")]
    path: PathBuf,
    /// What is replaced: a Python regular expression over the whole file, in which `^` and `$` match at every line.
    regexp: String,
    /// What it is replaced by, with `\1` or `\g<name>` for what groups matched; nothing unless given.
    #[arg(default = "")]
    replace: String,
    /// Replace only after what this Python regular expression matches first; `.` matches newlines in it.
    after: Option<String>,
    /// Replace only before what this matches: the first after `after`, or the last without `after`.
    before: Option<String>,
    /// Encoding of the file: `utf-8`, or another that has ASCII in it (then pattern and replacement must be ASCII).
    #[arg(default = "utf-8")]
    encoding: String,
    /// Backup, validation, owner, mode.
    #[arg(flatten)]
    options: EditOptions,
}

/// The `replace` module.
pub struct Replace;

impl Module for Replace {
    type Args = ReplaceArgs;
    const NAME: &'static str = "replace";
    const SUMMARY: &'static str = "Replaces all matches of a pattern in a file";

    fn run(args: ReplaceArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let editing = Editing::open(&args.path, &args.options)?;
        let mut letters = letters_of(&args)?;
        // A file that is not what its encoding says is still bytes.
        letters.ascii |= std::str::from_utf8(editing.content()).is_err();
        let pattern = Pattern::new(&args.regexp, Options { multi_line: true, ..letters })?;
        let template = Template::new(&args.replace, &pattern)?;
        editing.must_exist("")?;
        let text = editing.content();
        let section = match section_of(&args, letters)? {
            None => (0, text.len()),
            Some(section) => match section.find(text)?.and_then(|found| found.named_range("subsection")) {
                Some(range) => range,
                None => {
                    let message = "Pattern for before/after params did not match the given file";
                    let message = format!("{message}: {}", section.source());
                    return Ok(Outcome::new(false).with("rc", 0).message(message));
                }
            },
        };
        let (from, to) = section;
        let (replaced, count) = pattern.replace_all(&text[from..to], &template)?;
        let after = [&text[..from], &replaced, &text[to..]].concat();
        let outcome = editing.finish(&after, &format!("{count} replacements made"), context)?;
        Ok(outcome.with("rc", 0))
    }
}

/// What letters patterns know in this file.
fn letters_of(args: &ReplaceArgs) -> Result<Options, ModuleError> {
    let name = args.encoding.to_lowercase().replace(['_', ' '], "-");
    let is_utf8 = matches!(name.as_str(), "utf-8" | "utf8");
    let has_ascii = ["ascii", "us-ascii", "latin", "iso-8859", "iso8859", "cp125", "windows-125", "koi8"]
        .iter()
        .any(|family| name.starts_with(family));
    if !is_utf8 && !has_ascii {
        let message =
            format!("encoding {} is not known; known are utf-8 and those of one byte", args.encoding);
        return Err(ModuleError::new(message));
    }
    let is_ascii = args.regexp.is_ascii() && args.replace.is_ascii();
    if !is_utf8 && !is_ascii {
        let message = format!("with encoding {}, regexp and replace must be ASCII", args.encoding);
        return Err(ModuleError::new(message));
    }
    Ok(Options { ascii: !is_utf8, ..Options::default() })
}

/// The pattern whose group `subsection` is the part of the file to work on.
fn section_of(args: &ReplaceArgs, letters: Options) -> Result<Option<Pattern>, ModuleError> {
    let source = match (&args.after, &args.before) {
        (Some(after), Some(before)) => format!("{after}(?P<subsection>.*?){before}"),
        (Some(after), None) => format!("{after}(?P<subsection>.*)"),
        (None, Some(before)) => format!("(?P<subsection>.*){before}"),
        (None, None) => return Ok(None),
    };
    Pattern::new(&source, Options { dot_all: true, ..letters }).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Replace;
    use crate::Outcome;
    use crate::modules::testing::{changes_once, run};

    fn edited(content: &[u8], arguments: &Value) -> (Vec<u8>, Outcome) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        let mut arguments = arguments.clone();
        arguments["path"] = json!(path);
        let outcome = changes_once::<Replace>(&arguments);
        (std::fs::read(&path).unwrap(), outcome)
    }

    #[test]
    fn every_match_is_replaced() {
        let (after, outcome) =
            edited(b"a=1\nb=2\na=3\n", &json!({"regexp": "^a=(\\d)$", "replace": "A: \\1"}));
        assert_eq!(after, b"A: 1\nb=2\nA: 3\n");
        assert_eq!(outcome.msg.as_deref(), Some("2 replacements made"));
        assert_eq!(outcome.result["rc"], 0);
        assert_eq!(edited(b"a # b\n", &json!({"regexp": "\\s*#.*$"})).0, b"a\n");
        assert_eq!(edited("grün\n".as_bytes(), &json!({"regexp": "ü", "replace": "ue"})).0, b"gruen\n");
    }

    #[test]
    fn only_a_section_is_worked_on_when_asked() {
        let text = b"x\n[one]\nx\n[two]\nx\n";
        for (arguments, expected) in [
            (json!({"after": "\\[one\\]"}), "x\n[one]\ny\n[two]\ny\n"),
            (json!({"before": "\\[two\\]"}), "y\n[one]\ny\n[two]\nx\n"),
            (json!({"after": "\\[one\\]", "before": "\\[two\\]"}), "x\n[one]\ny\n[two]\nx\n"),
        ] {
            let mut arguments = arguments.clone();
            arguments["regexp"] = "x".into();
            arguments["replace"] = "y".into();
            assert_eq!(edited(text, &arguments).0, expected.as_bytes(), "{arguments}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        let outcome = run::<Replace>(json!({"path": path, "regexp": "x", "after": "none"}), false);
        assert!(!outcome.changed && !outcome.failed && outcome.msg.unwrap().contains("did not match"));
    }

    #[test]
    fn bytes_of_other_encodings_stay() {
        let arguments = json!({"regexp": "a", "replace": "b", "encoding": "ISO-8859-1"});
        assert_eq!(edited(b"\xe4 a\n", &arguments).0, b"\xe4 b\n");
        assert_eq!(edited(b"\xe4 a\n", &json!({"regexp": ". a", "replace": "b"})).0, b"b\n");
    }

    #[test]
    fn wrong_arguments_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "a").unwrap();
        for arguments in [
            json!({"path": folder.path().join("none"), "regexp": "a"}),
            json!({"path": folder.path(), "regexp": "a"}),
            json!({"path": path, "regexp": "("}),
            json!({"path": path, "regexp": "a", "replace": "\\1"}),
            json!({"path": path, "regexp": "a", "encoding": "utf-16"}),
            json!({"path": path, "regexp": "ü", "encoding": "latin-1"}),
        ] {
            assert!(run::<Replace>(arguments.clone(), false).failed, "{arguments}");
        }
    }
}
