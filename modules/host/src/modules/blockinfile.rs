//! `blockinfile`: several lines of a file, between two marking lines.

use std::path::PathBuf;

use crate::args::{Arguments, Choice};
use crate::system::edit::{EditOptions, Editing, bare, end_last_line};
use crate::system::regex::{Options, Pattern};
use crate::{Context, Module, ModuleError, Outcome};

/// Makes sure that lines are in a file, between two marking lines by which a later run finds them again, or that no such
/// block is.
#[derive(Arguments)]
#[arguments(exclusive("insertafter", "insertbefore"))]
pub struct BlockinfileArgs {
    /// The file.
    #[arg(alias = "dest", alias = "destfile", alias = "name")]
    path: PathBuf,
    /// Whether the block should be there.
    #[arg(default = "present")]
    state: State,
    /// The lines between the marking lines; when there are none the block is removed.
    #[arg(default = "", alias = "content")]
    block: String,
    /// The marking lines, with `{mark}` for what tells them apart. Two blocks in one file need different ones.
    #[arg(default = "# {mark} ANSIBLE MANAGED BLOCK")]
    marker: String,
    /// What `{mark}` is in the line before the block.
    #[arg(default = "BEGIN")]
    marker_begin: String,
    /// What `{mark}` is in the line after the block.
    #[arg(default = "END")]
    marker_end: String,
    /// Where a new block goes: after the last line that this Python regular expression matches, or `EOF`, the end. With
    /// `(?m)` in it, it is matched over the whole file, and the first match counts.
    insertafter: Option<String>,
    /// Where a new block goes: before the last line that this matches, or `BOF`, the beginning.
    insertbefore: Option<String>,
    /// Make the file, and its folder, when it is missing.
    #[arg(default = "false")]
    create: bool,
    /// Have an empty line after the block, unless it is at the end of the file.
    #[arg(default = "false")]
    append_newline: bool,
    /// Have an empty line before the block, unless it is at the beginning of the file.
    #[arg(default = "false")]
    prepend_newline: bool,
    /// Backup, validation, owner, mode.
    #[arg(flatten)]
    options: EditOptions,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    Present,
    Absent,
}

/// The `blockinfile` module.
pub struct Blockinfile;

impl Module for Blockinfile {
    type Args = BlockinfileArgs;
    const NAME: &'static str = "blockinfile";
    const SUMMARY: &'static str = "Makes sure that marked lines are in a file, or are not";

    fn run(args: BlockinfileArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let editing = Editing::open(&args.path, &args.options)?;
        if !args.create {
            editing.must_exist(" (create is off)")?;
        }
        let marking = |mark: &str| (args.marker.replace("{mark}", mark) + "\n").into_bytes();
        let (begin, end) = (marking(&args.marker_begin), marking(&args.marker_end));
        let mut block: Vec<Vec<u8>> = Vec::new();
        if args.state == State::Present && !args.block.is_empty() {
            block.push(begin.clone());
            block.extend(args.block.lines().map(|line| [line.as_bytes(), b"\n"].concat()));
            block.push(end.clone());
        }
        if block.is_empty() && !editing.exists() {
            return Ok(Outcome::new(false).message(""));
        }
        let mut lines = editing.lines();
        // A last line that is a marking line is found also without its newline.
        if lines.last().is_some_and(|last| [&begin, &end].iter().any(|mark| bare(last) == bare(mark))) {
            end_last_line(&mut lines);
        }
        let last = |mark: &[u8]| lines.iter().rposition(|line| line == mark);
        let at = match (last(&begin), last(&end)) {
            (Some(begin), Some(end)) => {
                let (first, last) = (begin.min(end), begin.max(end));
                lines.drain(first..=last);
                first
            }
            _ => place_of_new(&args, &lines)?,
        };
        let message = if !editing.exists() {
            "File created"
        } else if block.is_empty() {
            "Block removed"
        } else {
            "Block inserted"
        };
        if !block.is_empty() {
            end_last_line(&mut lines[..at]);
            if args.prepend_newline && at > 0 && !bare(&lines[at - 1]).is_empty() {
                block.insert(0, b"\n".to_vec());
            }
            if args.append_newline && lines.get(at).is_some_and(|next| !bare(next).is_empty()) {
                block.push(b"\n".to_vec());
            }
            lines.splice(at..at, block);
        }
        editing.finish(&lines.concat(), message, context)
    }
}

/// Where a block goes that is not there yet.
fn place_of_new(args: &BlockinfileArgs, lines: &[Vec<u8>]) -> Result<usize, ModuleError> {
    let (neighbour, is_after) = match (&args.insertafter, &args.insertbefore) {
        (Some(pattern), _) => (pattern, true),
        (None, Some(pattern)) => (pattern, false),
        (None, None) => return Ok(lines.len()),
    };
    let source = match (neighbour.as_str(), is_after) {
        ("EOF", true) => return Ok(lines.len()),
        ("BOF", false) => return Ok(0),
        (source, _) => source,
    };
    let pattern = Pattern::new(source, Options { ascii: true, ..Options::default() })?;
    let is_multi_line =
        source.strip_prefix("(?").and_then(|rest| rest.split_once(')')).is_some_and(|(flags, _)| {
            flags.contains('m') && flags.chars().all(|flag| flag.is_ascii_alphabetic())
        });
    if is_multi_line {
        let text = lines.concat();
        let Some(found) = pattern.find(&text)? else { return Ok(lines.len()) };
        let (start, end) = found.range();
        let until = if is_after { end } else { start };
        let before = text[..until].iter().filter(|byte| **byte == b'\n').count();
        // A match that ends within a line puts the block after that line.
        return Ok(if is_after && !text[..until].ends_with(b"\n") {
            lines.len().min(before + 1)
        } else {
            before
        });
    }
    let mut found = None;
    for (at, line) in lines.iter().enumerate() {
        if pattern.is_match(line)? {
            found = Some(at);
        }
    }
    Ok(found.map_or(lines.len(), |at| if is_after { at + 1 } else { at }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Blockinfile;
    use crate::Outcome;
    use crate::modules::testing::{changes_once, run};

    /// Runs on a file with this content, to be changed once; gives the new content.
    fn edited(content: &str, arguments: &Value) -> (String, Outcome) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        let mut arguments = arguments.clone();
        arguments["path"] = json!(path);
        let outcome = changes_once::<Blockinfile>(&arguments);
        (std::fs::read_to_string(&path).unwrap(), outcome)
    }

    fn marked(block: &str) -> String {
        format!("# BEGIN ANSIBLE MANAGED BLOCK\n{block}# END ANSIBLE MANAGED BLOCK\n")
    }

    #[test]
    fn a_block_is_added_changed_and_removed() {
        let (after, outcome) = edited("one\n", &json!({"block": "x\ny"}));
        assert_eq!(
            (after.as_str(), outcome.msg.as_deref()),
            (&*format!("one\n{}", marked("x\ny\n")), Some("Block inserted"))
        );
        let (changed, _) = edited(&format!("one\n{}two\n", marked("x\n")), &json!({"block": "z\n"}));
        assert_eq!(changed, format!("one\n{}two\n", marked("z\n")));
        for arguments in [json!({"state": "absent"}), json!({"block": ""})] {
            let (removed, outcome) = edited(&format!("one\n{}two\n", marked("x\n")), &arguments);
            assert_eq!((removed.as_str(), outcome.msg.as_deref()), ("one\ntwo\n", Some("Block removed")));
        }
        let unended = marked("x\n");
        assert_eq!(edited(unended.trim_end(), &json!({"state": "absent"})).0, "");
    }

    #[test]
    fn a_new_block_goes_where_it_belongs() {
        let block = marked("x\n");
        for (arguments, expected) in [
            (json!({"insertbefore": "BOF"}), format!("{block}a\nb\na\n")),
            (json!({"insertafter": "EOF"}), format!("a\nb\na\n{block}")),
            (json!({"insertafter": "^b"}), format!("a\nb\n{block}a\n")),
            (json!({"insertbefore": "^a"}), format!("a\nb\n{block}a\n")),
            (json!({"insertbefore": "^none"}), format!("a\nb\na\n{block}")),
            (json!({"insertafter": "(?m)^a\nb$"}), format!("a\nb\n{block}a\n")),
            (json!({"insertbefore": "(?m)b\na"}), format!("a\n{block}b\na\n")),
        ] {
            let mut arguments = arguments.clone();
            arguments["block"] = "x".into();
            assert_eq!(edited("a\nb\na\n", &arguments).0, expected, "{arguments}");
        }
        assert_eq!(edited("no newline", &json!({"block": "x"})).0, format!("no newline\n{block}"));
    }

    #[test]
    fn empty_lines_are_kept_around() {
        let block = marked("x\n");
        let around =
            json!({"block": "x", "prepend_newline": true, "append_newline": true, "insertafter": "a"});
        assert_eq!(edited("a\nb\n", &around).0, format!("a\n\n{block}\nb\n"));
        assert_eq!(edited("a\n", &around).0, format!("a\n\n{block}"));
        let first =
            json!({"block": "x", "prepend_newline": true, "append_newline": true, "insertbefore": "BOF"});
        assert_eq!(edited("a\n", &first).0, format!("{block}\na\n"));
    }

    #[test]
    fn markers_are_as_asked() {
        let arguments =
            json!({"block": "x", "marker": "<!-- {mark} it -->", "marker_begin": "from", "marker_end": "to"});
        assert_eq!(edited("", &arguments).0, "<!-- from it -->\nx\n<!-- to it -->\n");
    }

    #[test]
    fn the_file_is_made_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file");
        for arguments in [json!({"path": path, "block": "x"}), json!({"path": path, "state": "absent"})] {
            let outcome = run::<Blockinfile>(arguments, false);
            assert!(outcome.failed);
            assert_eq!(outcome.result["rc"], 257);
        }
        let outcome = changes_once::<Blockinfile>(&json!({"path": path, "block": "x", "create": true}));
        assert_eq!(outcome.msg.as_deref(), Some("File created"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), marked("x\n"));
    }
}
