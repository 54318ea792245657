//! `lineinfile`: a line of a file is there, or is not.

use std::path::PathBuf;

use crate::args::{Arguments, Choice};
use crate::system::edit::{EditOptions, Editing, bare, end_last_line, with_backup_field};
use crate::system::regex::{Match, Options, Pattern, Template};
use crate::{Context, Module, ModuleError, Outcome};

/// Makes sure that a line is in a file, in place of one that looks like it if need be, or that no such line is. For
/// several lines together there is `blockinfile`, for parts of lines `replace`.
#[derive(Arguments)]
#[arguments(exclusive("regexp", "search_string"), exclusive("insertafter", "insertbefore"))]
#[arguments(exclusive("backrefs", "search_string"), required_if("state", "present", "line"))]
#[arguments(required_if("state", "absent", "line", "regexp", "search_string"))]
pub struct LineinfileArgs {
    /// The file.
    #[arg(alias = "dest", alias = "destfile", alias = "name")]
    path: PathBuf,
    /// What the line looks like now, as a Python regular expression that may match a part of it. The last line that
    /// matches is replaced; it should match the new line too, so that a second run finds it. With state `absent` all
    /// that match go.
    #[arg(alias = "regex")]
    regexp: Option<String>,
    /// A text that the line has in it now; as `regexp`, with nothing special in it.
    search_string: Option<String>,
    /// Whether the line should be there.
    #[arg(default = "present")]
    state: State,
    /// The line as it should be.
    #[arg(alias = "value")]
    line: Option<String>,
    /// Replace `\1` and `\g<name>` in `line` by what the groups of `regexp` matched. When nothing matches nothing is
    /// done.
    #[arg(default = "false")]
    backrefs: bool,
    /// Where a new line goes: after the last line that this matches, or `EOF`, the end.
    insertafter: Option<String>,
    /// Where a new line goes: before the last line that this matches, or `BOF`, the beginning.
    insertbefore: Option<String>,
    /// Make the file, and its folder, when it is missing.
    #[arg(default = "false")]
    create: bool,
    /// Of several lines that match take the first, for `regexp`, `insertafter` and `insertbefore`.
    #[arg(default = "false")]
    firstmatch: bool,
    /// Backup, validation, owner, mode.
    #[arg(flatten)]
    options: EditOptions,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    Present,
    Absent,
}

/// The `lineinfile` module.
pub struct Lineinfile;

impl Module for Lineinfile {
    type Args = LineinfileArgs;
    const NAME: &'static str = "lineinfile";
    const SUMMARY: &'static str = "Makes sure that a line is in a file, or is not";

    fn run(args: LineinfileArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        if args.backrefs && args.regexp.is_none() && args.state == State::Present {
            return Err(ModuleError::new("regexp is required with backrefs=true"));
        }
        let mut editing = Editing::open(&args.path, &args.options)?;
        match args.state {
            State::Present => present(&args, editing, context),
            State::Absent if !editing.exists() => Ok(Outcome::new(false).message("file not present")),
            State::Absent => absent(&args, &mut editing).and_then(|(after, found)| {
                let outcome = editing.finish(&after, &format!("{found} line(s) removed"), context)?;
                Ok(with_backup_field(outcome.with("found", found)))
            }),
        }
    }
}

/// What the line looks like now.
enum Search<'a> {
    Pattern(Pattern),
    Text(&'a str),
}

impl<'a> Search<'a> {
    fn of(args: &'a LineinfileArgs) -> Result<Option<Self>, ModuleError> {
        match (&args.regexp, &args.search_string) {
            (Some(regexp), _) => compiled(regexp).map(|pattern| Some(Self::Pattern(pattern))),
            (None, Some(text)) => Ok(Some(Self::Text(text))),
            (None, None) => Ok(None),
        }
    }

    fn is_in(&self, line: &[u8]) -> Result<bool, ModuleError> {
        match self {
            Self::Pattern(pattern) => pattern.is_match(line),
            Self::Text(text) => {
                Ok(text.is_empty() || line.windows(text.len()).any(|part| part == text.as_bytes()))
            }
        }
    }
}

fn compiled(pattern: &str) -> Result<Pattern, ModuleError> {
    Pattern::new(pattern, Options { ascii: true, ..Options::default() })
}

fn present(
    args: &LineinfileArgs,
    editing: Editing<'_>,
    context: &mut Context,
) -> Result<Outcome, ModuleError> {
    if !args.create {
        editing.must_exist(" (create is off)")?;
    }
    let text = args.line.as_deref().unwrap_or_default();
    let line = text.strip_suffix('\n').unwrap_or(text).as_bytes();
    let mut lines = editing.lines();
    let search = Search::of(args)?;
    let mut message = "line replaced";
    if let Some(at) = found_at(&lines, search.as_ref(), args.firstmatch)? {
        let new = match &search {
            Some(Search::Pattern(pattern)) if args.backrefs => {
                let template = Template::new(&String::from_utf8_lossy(line), pattern)?;
                pattern.find(&lines[at])?.map(|found: Match<'_>| template.expand(&found)).unwrap_or_default()
            }
            _ => line.to_vec(),
        };
        if lines[at] != [new.as_slice(), b"\n"].concat() {
            lines[at] = [new.as_slice(), b"\n"].concat();
        }
    } else if !args.backrefs && !lines.iter().any(|there| bare(there) == line) {
        message = "line added";
        let at = place_of_new(args, &lines)?;
        if at == lines.len() {
            end_last_line(&mut lines);
        }
        // The neighbour may be the line already, with what `bare` leaves out.
        lines.insert(at, [line, b"\n"].concat());
    }
    let after = lines.concat();
    Ok(with_backup_field(editing.finish(&after, message, context)?))
}

/// The line that matches: the last, unless the first is asked for.
fn found_at(
    lines: &[Vec<u8>],
    search: Option<&Search<'_>>,
    first: bool,
) -> Result<Option<usize>, ModuleError> {
    let Some(search) = search else { return Ok(None) };
    let mut found = None;
    for (at, line) in lines.iter().enumerate() {
        if search.is_in(line)? {
            found = Some(at);
            if first {
                break;
            }
        }
    }
    Ok(found)
}

/// Where a line goes that is not there yet.
fn place_of_new(args: &LineinfileArgs, lines: &[Vec<u8>]) -> Result<usize, ModuleError> {
    let (neighbour, after) = match (&args.insertafter, &args.insertbefore) {
        (Some(pattern), _) => (pattern, 1),
        (None, Some(pattern)) => (pattern, 0),
        (None, None) => return Ok(lines.len()),
    };
    match neighbour.as_str() {
        "BOF" => Ok(0),
        "EOF" => Ok(lines.len()),
        pattern => {
            let search = Search::Pattern(compiled(pattern)?);
            let found = found_at(lines, Some(&search), args.firstmatch)?;
            Ok(found.map_or(lines.len(), |at| at + after))
        }
    }
}

/// The content without the lines that match, and how many those are.
fn absent(args: &LineinfileArgs, editing: &mut Editing<'_>) -> Result<(Vec<u8>, usize), ModuleError> {
    let search = Search::of(args)?;
    let line = args.line.as_deref().unwrap_or_default();
    let line = line.strip_suffix('\n').unwrap_or(line).as_bytes();
    let (mut after, mut found) = (Vec::new(), 0);
    for there in editing.lines() {
        let matches = match &search {
            Some(search) => search.is_in(&there)?,
            None => bare(&there) == line,
        };
        if matches {
            found += 1;
        } else {
            after.extend(there);
        }
    }
    Ok((after, found))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::{Value, json};

    use super::Lineinfile;
    use crate::Outcome;
    use crate::modules::testing::{changes_once, run};

    /// Runs on a file with this content, to be changed once; gives the new content.
    fn edited(content: &str, arguments: &Value) -> (String, Outcome) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        let outcome = changes_once::<Lineinfile>(&on(&path, arguments));
        (std::fs::read_to_string(&path).unwrap(), outcome)
    }

    fn on(path: &PathBuf, arguments: &Value) -> Value {
        let mut arguments = arguments.clone();
        arguments["path"] = json!(path);
        arguments
    }

    #[test]
    fn lines_are_added_where_they_belong() {
        for (arguments, expected) in [
            (json!({"line": "x"}), "a=1\nb=2\na=3\nx\n"),
            (json!({"line": "x", "insertafter": "EOF"}), "a=1\nb=2\na=3\nx\n"),
            (json!({"line": "x", "insertbefore": "BOF"}), "x\na=1\nb=2\na=3\n"),
            (json!({"line": "x", "insertafter": "^a="}), "a=1\nb=2\na=3\nx\n"),
            (json!({"line": "x", "insertafter": "^a=", "firstmatch": true}), "a=1\nx\nb=2\na=3\n"),
            (json!({"line": "x", "insertbefore": "^a="}), "a=1\nb=2\nx\na=3\n"),
            (json!({"line": "x", "insertbefore": "^a=", "firstmatch": true}), "x\na=1\nb=2\na=3\n"),
            (json!({"line": "x", "insertbefore": "^none"}), "a=1\nb=2\na=3\nx\n"),
            (json!({"line": "x", "regexp": "^x", "insertafter": "^b"}), "a=1\nb=2\nx\na=3\n"),
        ] {
            let (after, outcome) = edited("a=1\nb=2\na=3\n", &arguments);
            assert_eq!(
                (after.as_str(), outcome.msg.as_deref()),
                (expected, Some("line added")),
                "{arguments}"
            );
        }
        assert_eq!(edited("no newline", &json!({"line": "x"})).0, "no newline\nx\n");
        assert_eq!(edited("", &json!({"line": "x\n"})).0, "x\n");
    }

    #[test]
    fn lines_that_match_are_replaced() {
        for (arguments, expected) in [
            (json!({"line": "a=9", "regexp": "^a="}), "a=1\nb=2\na=9\n"),
            (json!({"line": "a=9", "regexp": "^a=", "firstmatch": true}), "a=9\nb=2\na=3\n"),
            (json!({"line": "c=9", "search_string": "b=2", "insertafter": "a"}), "a=1\nc=9\na=3\n"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            std::fs::write(&path, "a=1\nb=2\na=3\n").unwrap();
            let outcome = run::<Lineinfile>(on(&path, &arguments), false);
            assert_eq!(outcome.msg.as_deref(), Some("line replaced"));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected, "{arguments}");
        }
        let there = json!({"line": "b=2", "regexp": "^nothing"});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "b=2\r\n").unwrap();
        assert!(!run::<Lineinfile>(on(&path, &there), false).changed);
    }

    #[test]
    fn groups_come_back_in_the_line() {
        let arguments = json!({
            "regexp": r"^#?(?P<key>max)\s*=\s*(\d+)$", "line": r"\g<key> = \2 # was \2", "backrefs": true,
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x\n#max=10\n").unwrap();
        assert!(run::<Lineinfile>(on(&path, &arguments), false).changed);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\nmax = 10 # was 10\n");
        let again = run::<Lineinfile>(on(&path, &arguments), false);
        assert!(!again.changed && !again.failed, "without a match nothing is added");
    }

    #[test]
    fn lines_are_removed() {
        let (after, outcome) = edited("a=1\nb=2\na=3\n", &json!({"regexp": "^a", "state": "absent"}));
        assert_eq!((after.as_str(), outcome.msg.as_deref()), ("b=2\n", Some("2 line(s) removed")));
        assert_eq!(outcome.result["found"], 2);
        assert_eq!(edited("a\nb\n", &json!({"line": "b", "state": "absent"})).0, "a\n");
        assert_eq!(edited("a b\nc\n", &json!({"search_string": " ", "state": "absent"})).0, "c\n");
    }

    #[test]
    fn the_file_is_made_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file");
        let outcome = run::<Lineinfile>(on(&path, &json!({"line": "x"})), false);
        assert!(outcome.failed && outcome.msg.unwrap().contains("does not exist"));
        let absent = run::<Lineinfile>(on(&path, &json!({"line": "x", "state": "absent"})), false);
        assert!(!absent.failed && !absent.changed);
        let arguments = on(&path, &json!({"line": "x", "create": true, "mode": "0600"}));
        let outcome = changes_once::<Lineinfile>(&arguments);
        assert!(outcome.msg.unwrap().contains("line added"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
        let folder_itself = run::<Lineinfile>(json!({"path": folder.path(), "line": "x"}), false);
        assert!(folder_itself.failed && folder_itself.msg.unwrap().contains("is a directory"));
    }

    #[test]
    fn links_stay_and_backups_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, "a\n").unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        let outcome = changes_once::<Lineinfile>(&on(&link, &json!({"line": "b", "backup": true})));
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(outcome.result["backup"].as_str().unwrap()).unwrap(), "a\n");
    }

    #[test]
    fn wrong_arguments_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        for arguments in [
            json!({}),
            json!({"state": "absent"}),
            json!({"line": "x", "regexp": "a", "search_string": "a"}),
            json!({"line": "x", "insertafter": "a", "insertbefore": "a"}),
            json!({"line": "x", "backrefs": true}),
            json!({"line": "x", "regexp": "("}),
        ] {
            assert!(run::<Lineinfile>(on(&path, &arguments), false).failed, "{arguments}");
        }
    }
}
