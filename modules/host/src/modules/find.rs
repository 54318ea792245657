//! `find`: lists files by what they are.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::args::{Arguments, Choice};
use crate::module::Doing as _;
use crate::system::attributes::Mode;
use crate::system::checksum::Algorithm;
use crate::system::regex::{Options, Pattern};
use crate::system::{file, glob, mode, status};
use crate::{Context, Module, ModuleError, Outcome};

/// Lists the files in folders that fit all that is asked for.
#[derive(Arguments)]
pub struct FindArgs {
    /// The folders to look in.
    #[arg(alias = "name", alias = "path")]
    paths: Vec<PathBuf>,
    /// Names to list: shell patterns, or with `use_regex` Python regular expressions that match from the name's
    /// beginning. All names unless given.
    #[arg(default = "", alias = "pattern")]
    patterns: Vec<String>,
    /// Names not to list; as `patterns`.
    #[arg(default = "", alias = "exclude")]
    excludes: Vec<String>,
    /// Take `patterns` and `excludes` for regular expressions.
    #[arg(default = "false")]
    use_regex: bool,
    /// What to list.
    #[arg(default = "file")]
    file_type: FileType,
    /// Look in folders below, too.
    #[arg(default = "false")]
    recurse: bool,
    /// How many levels below to look, with `recurse`.
    depth: Option<usize>,
    /// Look also in folders that symbolic links lead to, with `recurse`.
    #[arg(default = "false")]
    follow: bool,
    /// List names that begin with a dot.
    #[arg(default = "false")]
    hidden: bool,
    /// Only files that old: seconds, or with `m`, `h`, `d`, `w` after the number. Negative: that young.
    age: Option<String>,
    /// Which time `age` is counted from.
    #[arg(default = "mtime")]
    age_stamp: AgeStamp,
    /// Only files that large: bytes, or with `k`, `m`, `g`, `t` after the number. Negative: that small.
    size: Option<String>,
    /// Only with these permissions, octal or symbolic.
    mode: Option<Mode>,
    /// Only exactly these permissions; otherwise at least one of them.
    #[arg(default = "true")]
    exact_mode: bool,
    /// Only files with a line whose beginning this Python regular expression matches.
    contains: Option<String>,
    /// Match `contains` anywhere in the whole content instead.
    #[arg(default = "false")]
    read_whole_file: bool,
    /// Encoding of the files for `contains`; contents are matched as bytes, so only those with ASCII in them make sense.
    #[expect(dead_code, reason = "contents are matched as bytes")]
    encoding: Option<String>,
    /// Tell a digest of each file.
    #[arg(default = "false")]
    get_checksum: bool,
    /// Which digest.
    #[arg(default = "sha1", alias = "checksum", alias = "checksum_algo")]
    checksum_algorithm: Algorithm,
    /// List no more than this many.
    limit: Option<usize>,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum FileType {
    Any,
    Directory,
    File,
    Link,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum AgeStamp {
    Atime,
    Ctime,
    Mtime,
}

/// The `find` module.
pub struct Find;

impl Module for Find {
    type Args = FindArgs;
    const NAME: &'static str = "find";
    const SUMMARY: &'static str = "Lists files by what they are";

    fn run(args: FindArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let mut finding = Finding::new(&args)?;
        for path in &args.paths {
            let path = file::tidy(path);
            if !path.is_dir() {
                let reason = format!("'{}' is not a directory", path.display());
                finding.skip(&path, reason);
            } else if !finding.is_full() {
                finding.walk(&path, 1, &mut Vec::new(), context)?;
            }
        }
        let message = if finding.skipped.is_empty() {
            "All paths examined"
        } else {
            "Not all paths examined, check warnings for details"
        };
        let mut outcome = Outcome::new(false)
            .with("matched", finding.files.len())
            .with("files", finding.files)
            .with("examined", finding.examined)
            .with("skipped_paths", finding.skipped)
            .message(message);
        outcome.warnings = finding.warnings;
        Ok(outcome)
    }
}

struct Finding<'a> {
    args: &'a FindArgs,
    patterns: Names,
    excludes: Names,
    contains: Option<Pattern>,
    age: Option<i64>,
    size: Option<i64>,
    now: i64,
    files: Vec<Value>,
    examined: usize,
    skipped: Map<String, Value>,
    warnings: Vec<String>,
}

/// What names are compared with.
enum Names {
    Globs(Vec<String>),
    Patterns(Vec<Pattern>),
}

impl Names {
    fn new(sources: &[String], use_regex: bool) -> Result<Self, ModuleError> {
        if !use_regex {
            return Ok(Self::Globs(sources.to_vec()));
        }
        let anchored = sources.iter().map(|source| from_beginning(source, Options::default()));
        anchored.collect::<Result<_, _>>().map(Self::Patterns)
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Globs(globs) => globs.is_empty(),
            Self::Patterns(patterns) => patterns.is_empty(),
        }
    }

    fn match_one(&self, name: &str) -> Result<bool, ModuleError> {
        match self {
            Self::Globs(globs) => Ok(globs.iter().any(|glob| glob::matches(glob, name))),
            Self::Patterns(patterns) => {
                for pattern in patterns {
                    if pattern.is_match(name.as_bytes())? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// A pattern that matches from a text's beginning, as `re.match` does. Flags in front hold for the whole of it.
fn from_beginning(source: &str, options: Options) -> Result<Pattern, ModuleError> {
    let flags = source.strip_prefix("(?").and_then(|rest| rest.split_once(')'));
    match flags.filter(|(flags, _)| flags.chars().all(|flag| flag.is_ascii_alphabetic())) {
        Some((flags, rest)) => Pattern::new(&format!(r"(?{flags})\A(?:{rest})"), options),
        None => Pattern::new(&format!(r"\A(?:{source})"), options),
    }
}

impl<'a> Finding<'a> {
    fn new(args: &'a FindArgs) -> Result<Self, ModuleError> {
        let age_units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];
        let size_units = [("b", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
        let ascii = Options { ascii: true, ..Options::default() };
        let contains = match &args.contains {
            Some(source) if args.read_whole_file => Some(Pattern::new(source, ascii)?),
            Some(source) => Some(from_beginning(source, ascii)?),
            None => None,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(Self {
            args,
            patterns: Names::new(&args.patterns, args.use_regex)?,
            excludes: Names::new(&args.excludes, args.use_regex)?,
            contains,
            age: args.age.as_deref().map(|age| quantity("age", age, &age_units)).transpose()?,
            size: args.size.as_deref().map(|size| quantity("size", size, &size_units)).transpose()?,
            now: i64::try_from(now).unwrap_or(i64::MAX),
            files: Vec::new(),
            examined: 0,
            skipped: Map::new(),
            warnings: Vec::new(),
        })
    }

    fn is_full(&self) -> bool {
        self.args.limit.is_some_and(|limit| self.files.len() >= limit)
    }

    fn skip(&mut self, path: &Path, reason: String) {
        self.warnings.push(format!("Skipped '{}' path due to this access issue: {reason}", path.display()));
        self.skipped.insert(path.to_string_lossy().into_owned(), reason.into());
    }

    /// Looks through a folder, and those below. `above` are the folders on the way, which a link must not lead back to.
    fn walk(
        &mut self,
        folder: &Path,
        level: usize,
        above: &mut Vec<(u64, u64)>,
        context: &Context,
    ) -> Result<(), ModuleError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.skip(folder, error.to_string());
                return Ok(());
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let mut folders = Vec::new();
        for path in paths {
            if context.is_cancelled() {
                return Err(ModuleError::new("find was cancelled"));
            }
            self.examined += 1;
            // What went away meanwhile is not there.
            let Some(found) = file::look(&path)? else { continue };
            if self.is_full() {
                return Ok(());
            }
            if self.fits(&path, &found)? {
                self.files.push(self.told(&path, &found, context)?);
            }
            if found.is_dir() || (self.args.follow && found.is_symlink() && path.is_dir()) {
                folders.push(path);
            }
        }
        if !self.args.recurse || self.args.depth.is_some_and(|depth| level >= depth) {
            return Ok(());
        }
        for path in folders {
            let Some(found) = file::look_through(&path)? else { continue };
            let identity = (found.dev(), found.ino());
            if !above.contains(&identity) {
                above.push(identity);
                self.walk(&path, level + 1, above, context)?;
                above.pop();
            }
        }
        Ok(())
    }

    fn fits(&self, path: &Path, found: &Metadata) -> Result<bool, ModuleError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !self.args.hidden && name.starts_with('.') {
            return Ok(false);
        }
        if !self.patterns.is_empty() && !self.patterns.match_one(&name)? || self.excludes.match_one(&name)? {
            return Ok(false);
        }
        let is_type = match self.args.file_type {
            FileType::Any => true,
            FileType::Directory => found.is_dir(),
            FileType::File => found.is_file(),
            FileType::Link => found.is_symlink(),
        };
        if !is_type || !self.is_old_enough(found) || !self.has_mode(found)? {
            return Ok(false);
        }
        // Size and content are asked of files alone, content only when nothing else is listed.
        if !found.is_file() {
            return Ok(true);
        }
        Ok(self.is_large_enough(found)
            && (self.args.file_type != FileType::File || self.has_content(path)?))
    }

    fn is_old_enough(&self, found: &Metadata) -> bool {
        let Some(age) = self.age else { return true };
        let stamp = match self.args.age_stamp {
            AgeStamp::Atime => found.atime(),
            AgeStamp::Ctime => found.ctime(),
            AgeStamp::Mtime => found.mtime(),
        };
        if age >= 0 { self.now - stamp >= age } else { self.now - stamp <= -age }
    }

    fn is_large_enough(&self, found: &Metadata) -> bool {
        let Some(size) = self.size else { return true };
        let length = i64::try_from(found.len()).unwrap_or(i64::MAX);
        if size >= 0 { length >= size } else { length <= -size }
    }

    fn has_mode(&self, found: &Metadata) -> Result<bool, ModuleError> {
        let Some(Mode(text)) = &self.args.mode else { return Ok(true) };
        let now = found.mode() & 0o7777;
        let wanted = mode::resolve(text, 0, found.is_dir()).map_err(ModuleError::new)?;
        Ok(if self.args.exact_mode { now == wanted } else { now & wanted != 0 })
    }

    fn has_content(&self, path: &Path) -> Result<bool, ModuleError> {
        let Some(pattern) = &self.contains else { return Ok(true) };
        // A file that cannot be read does not contain anything, as far as can be seen.
        let Ok(content) = fs::read(path) else { return Ok(false) };
        if self.args.read_whole_file {
            return pattern.is_match(&content);
        }
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            if pattern.is_match(line)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn told(&self, path: &Path, found: &Metadata, context: &Context) -> Result<Value, ModuleError> {
        let mut facts = status::status(path, found, context);
        if self.args.get_checksum && found.is_file() && !found.file_type().is_fifo() {
            let algorithm = self.args.checksum_algorithm;
            let digest = algorithm.of_file(path).doing(|| format!("cannot read {}", path.display()))?;
            facts.insert("checksum".to_owned(), digest.into());
        }
        Ok(facts.into())
    }
}

/// Reads a number with a unit: `10`, `-2d`.
fn quantity(name: &str, text: &str, units: &[(&str, i64)]) -> Result<i64, ModuleError> {
    let text = text.trim().to_lowercase();
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, *factor)))
        .unwrap_or((&text, 1));
    number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(|| {
        let known = units.iter().map(|(unit, _)| *unit).collect::<Vec<_>>().join(", ");
        ModuleError::new(format!(
            "failed to process {name}: `{text}` is no number with one of {known} after it"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use serde_json::{Value, json};

    use super::Find;
    use crate::modules::testing::run;

    fn prepared() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::create_dir_all(at.join("sub/deep")).unwrap();
        std::fs::create_dir(at.join(".hid")).unwrap();
        for (name, content) in [
            ("a.log", "first\nerror: x\n"),
            ("b.txt", "0123456789"),
            (".c.log", ""),
            ("sub/d.log", "second\n"),
            ("sub/deep/e.log", "third\n"),
            (".hid/f.log", ""),
        ] {
            std::fs::write(at.join(name), content).unwrap();
            std::fs::set_permissions(at.join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        std::fs::set_permissions(at.join("b.txt"), std::fs::Permissions::from_mode(0o600)).unwrap();
        symlink(at, at.join("sub/up")).unwrap();
        folder
    }

    fn found(at: &Path, arguments: Value) -> Vec<String> {
        let mut arguments = arguments;
        arguments["paths"] = json!(at);
        let outcome = run::<Find>(arguments, true);
        assert!(!outcome.failed && !outcome.changed, "{outcome:?}");
        let files = outcome.result["files"].as_array().unwrap();
        assert_eq!(outcome.result["matched"], files.len());
        let at = at.to_string_lossy().into_owned() + "/";
        files
            .iter()
            .map(|file| file["path"].as_str().unwrap().strip_prefix(&*at).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn names_and_places_are_looked_for() {
        let folder = prepared();
        for (arguments, expected) in [
            (json!({}), vec!["a.log", "b.txt"]),
            (json!({"patterns": "*.log"}), vec!["a.log"]),
            (json!({"patterns": "*.log", "hidden": true}), vec![".c.log", "a.log"]),
            (
                json!({"patterns": "*.log", "recurse": true}),
                vec!["a.log", ".hid/f.log", "sub/d.log", "sub/deep/e.log"],
            ),
            (
                json!({"patterns": "*.log", "recurse": true, "depth": 2}),
                vec!["a.log", ".hid/f.log", "sub/d.log"],
            ),
            (json!({"excludes": "*.log,x"}), vec!["b.txt"]),
            (json!({"patterns": "^[ab]\\.(log|txt)$", "use_regex": true}), vec!["a.log", "b.txt"]),
            (json!({"patterns": ["log"], "use_regex": true}), vec![]),
            (json!({"file_type": "directory"}), vec!["sub"]),
            (json!({"file_type": "directory", "recurse": true}), vec!["sub", "sub/deep"]),
            (json!({"file_type": "link", "recurse": true}), vec!["sub/up"]),
            (json!({"file_type": "any"}), vec!["a.log", "b.txt", "sub"]),
            (json!({"limit": 1}), vec!["a.log"]),
        ] {
            assert_eq!(found(folder.path(), arguments.clone()), expected, "{arguments}");
        }
        let through = found(folder.path(), json!({"recurse": true, "follow": true, "patterns": "a.log"}));
        assert_eq!(through, ["a.log", "sub/up/a.log"]);
    }

    #[test]
    fn age_size_mode_and_content_are_looked_at() {
        let folder = prepared();
        for (arguments, expected) in [
            (json!({"size": "11"}), vec!["a.log"]),
            (json!({"size": "-10b"}), vec!["b.txt"]),
            (json!({"size": "1k"}), vec![]),
            (json!({"age": "1d"}), vec![]),
            (json!({"age": "-1d", "age_stamp": "ctime"}), vec!["a.log", "b.txt"]),
            (json!({"mode": "0600"}), vec!["b.txt"]),
            (json!({"mode": "u=rw"}), vec!["b.txt"]),
            (json!({"mode": "0044", "exact_mode": false}), vec!["a.log"]),
            (json!({"contains": "error"}), vec!["a.log"]),
            (json!({"contains": "x"}), vec![]),
            (json!({"contains": "x$", "read_whole_file": true}), vec!["a.log"]),
        ] {
            assert_eq!(found(folder.path(), arguments.clone()), expected, "{arguments}");
        }
        let outcome =
            run::<Find>(json!({"path": folder.path(), "patterns": "a*", "get_checksum": true}), false);
        assert_eq!(outcome.result["files"][0]["checksum"].as_str().map(str::len), Some(40));
        assert_eq!(outcome.result["examined"], 5);
    }

    #[test]
    fn folders_that_are_none_are_told() {
        let outcome = run::<Find>(json!({"paths": ["/no/such", "/etc/passwd"]}), false);
        assert!(!outcome.failed);
        assert_eq!((outcome.warnings.len(), &outcome.result["matched"]), (2, &json!(0)));
        assert!(outcome.result["skipped_paths"].get("/no/such").is_some());
        for arguments in
            [json!({"paths": "/", "age": "1y"}), json!({"paths": "/", "patterns": "(", "use_regex": true})]
        {
            assert!(run::<Find>(arguments, false).failed);
        }
    }
}
