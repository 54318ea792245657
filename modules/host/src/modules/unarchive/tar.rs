//! Tar archives, through the host's GNU tar: it lists them, compares contents, and unpacks them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::entry::{Entry, Kind, path_of};
use super::{Changes, UnarchiveArgs, told};
use crate::system::command::Command;
use crate::system::tar::{self, LIST_OPTIONS, Listed, unescaped};
use crate::system::{account, file};
use crate::{Context, ModuleError};

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    Plain,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Format {
    /// By the first bytes of the file.
    pub(super) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// What results call it.
    pub(super) fn handler(self) -> &'static str {
        match self {
            Self::Plain => "TarArchive",
            Self::Gzip => "TgzArchive",
            Self::Bzip2 => "TarBzipArchive",
            Self::Xz => "TarXzArchive",
            Self::Zstd => "TarZstdArchive",
        }
    }

    /// The program that tar starts to read it, and the package it is usually in.
    fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some(("gzip", "gzip")),
            Self::Bzip2 => Some(("bzip2", "bzip2")),
            Self::Xz => Some(("xz", "xz-utils")),
            Self::Zstd => Some(("zstd", "zstd")),
        }
    }
}

/// A tar archive that has been listed.
pub(super) struct Tar<'a> {
    pub(super) format: Format,
    /// What it comes to: of what is in it several times, the last.
    pub(super) entries: Vec<Entry>,
    /// All names, as they come.
    pub(super) names: Vec<String>,
    program: PathBuf,
    path: &'a Path,
    args: &'a UnarchiveArgs,
}

impl<'a> Tar<'a> {
    /// Lists an archive.
    pub(super) fn open(
        path: &'a Path,
        format: Format,
        args: &'a UnarchiveArgs,
        context: &Context,
    ) -> Result<Self, ModuleError> {
        let program = tar::program(context)?;
        if let Some((name, package)) =
            format.program().filter(|(name, _)| context.find_program(name).is_none())
        {
            return Err(ModuleError::new(format!(
                "{} is compressed with {name}, which this host has not: install the package {package}",
                path.display()
            )));
        }
        let mut archive = Self { format, entries: Vec::new(), names: Vec::new(), program, path, args };
        let listed = archive.list(false, context)?;
        let rules = Rules::of(args);
        let mut ids = Ids::new(context);
        let mut numbers: Option<Vec<Listed>> = None;
        for (index, line) in listed.iter().enumerate() {
            let Some(mut entry) = rules.entry(line) else { continue };
            if rules.same_owner {
                let (mut uid, mut gid) = (ids.user(&line.owner), ids.group(&line.group));
                if uid.is_none() || gid.is_none() {
                    // Names that this host does not know: tar takes the numbers that the archive also has.
                    let numbers = match &mut numbers {
                        Some(numbers) => numbers,
                        missing => missing.insert(archive.list(true, context)?),
                    };
                    let numeric = numbers.get(index);
                    uid = uid.or_else(|| numeric.and_then(|line| line.owner.parse().ok()));
                    gid = gid.or_else(|| numeric.and_then(|line| line.group.parse().ok()));
                }
                (entry.uid, entry.gid) = (uid, gid);
            }
            archive.entries.push(entry);
        }
        archive.names = archive.entries.iter().map(|entry| entry.name.clone()).collect();
        archive.entries = last_of_each(archive.entries);
        Ok(archive)
    }

    fn command(&self, what: &str, context: &Context) -> Command {
        let exclude = self.args.exclude.iter().flatten().map(|pattern| format!("--exclude={pattern}"));
        let mut command = tar::command(&self.program, what, context)
            .arguments(self.args.options())
            .argument("--show-transformed-names")
            .arguments(exclude);
        if self.args.keep_newer && what == "--extract" {
            command = command.argument("--keep-newer-files");
        }
        command
    }

    /// The end of a command line: the archive, and what of it.
    fn finish(&self, command: Command) -> Command {
        let command = command.argument("-f").argument(self.path);
        match self.args.include.as_deref().unwrap_or_default() {
            [] => command,
            include => command.argument("--").arguments(include),
        }
    }

    fn list(&self, numeric: bool, context: &Context) -> Result<Vec<Listed>, ModuleError> {
        let command = self.command("--list", context).arguments(LIST_OPTIONS);
        let command = if numeric { command.argument("--numeric-owner") } else { command };
        let finished = self.finish(command).run()?;
        if !finished.status.success() {
            let what = format!(
                "Failed to find handler for \"{}\": it is no archive that tar or zip can read",
                self.path.display()
            );
            return Err(finished.failure(&what));
        }
        let mut width = 0;
        let lines = finished.stdout.split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| Listed::read(line, &mut width)).collect())
    }

    /// Adds files that differ only in their content.
    pub(super) fn compare_contents(
        &self,
        dest: &Path,
        changes: &mut Changes,
        context: &Context,
    ) -> Result<(), ModuleError> {
        let command =
            self.command("--diff", context).arguments(["--quoting-style=escape", "-C"]).argument(dest);
        let finished = self.finish(command).run()?;
        if finished.status.success() {
            return Ok(());
        }
        let mut reports: HashMap<PathBuf, usize> = HashMap::new();
        let mut report = |name: &[u8]| {
            if let Some(path) = path_of(&unescaped(name)) {
                *reports.entry(path).or_default() += 1;
            }
        };
        for line in finished.stdout.split(|byte| *byte == b'\n') {
            if let Some(name) = line.strip_suffix(b": Contents differ") {
                report(name);
            }
        }
        for line in finished.stderr.split(|byte| *byte == b'\n') {
            // A file that cannot be read for comparison can be replaced nevertheless.
            let line = String::from_utf8_lossy(line);
            let Some((rest, _)) = line.split_once(": Cannot open: ") else { continue };
            report(rest.split_once(": ").map_or(rest, |(_, name)| name).as_bytes());
        }
        for entry in &self.entries {
            // Of what is in the archive several times, all but one differ.
            let is_reported = reports.get(&entry.path).is_some_and(|count| *count >= entry.count);
            if !is_reported || changes.contains_key(&entry.path) {
                continue;
            }
            let Some(found) = file::look(&dest.join(&entry.path))? else { continue };
            if !entry.stays(&found, self.args.keep_newer) {
                changes.insert(entry.path.clone(), vec!["content"]);
            }
        }
        Ok(())
    }

    /// Unpacks the archive.
    pub(super) fn extract(&self, dest: &Path, context: &mut Context) -> Result<Value, ModuleError> {
        let command = self.finish(self.command("--extract", context).argument("-C").argument(dest));
        let line = command.line();
        let exchange = &mut context.exchange;
        let finished = command.run_watched(&mut |piece| exchange.output(piece))?;
        if finished.status.success() {
            return Ok(told(&line, &finished));
        }
        let what = format!("failed to unpack {} to {}", self.path.display(), dest.display());
        Err(finished.failure(&what).with("extract_results", told(&line, &finished)))
    }
}

/// The last entry of each path, with how often it is there.
fn last_of_each(entries: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    for mut entry in entries {
        match places.get(&entry.path) {
            Some(place) => {
                entry.count += kept[*place].count;
                kept[*place] = entry;
            }
            None => {
                places.insert(entry.path.clone(), kept.len());
                kept.push(entry);
            }
        }
    }
    kept
}

/// What tar does with what the archive says of its entries.
struct Rules {
    is_root: bool,
    umask: u32,
    same_owner: bool,
    same_permissions: bool,
    sets_times: bool,
    keeps_old: bool,
    keeps_folders: bool,
}

impl Rules {
    fn of(args: &UnarchiveArgs) -> Self {
        let has = |names: &[&str]| args.options().iter().any(|option| names.contains(&option.as_str()));
        let is_root = rustix::process::geteuid().is_root();
        Self {
            is_root,
            umask: file::umask(),
            same_owner: (is_root || has(&["--same-owner"])) && !has(&["--no-same-owner", "-o"]),
            same_permissions: (is_root || has(&["-p", "--same-permissions", "--preserve-permissions"]))
                && !has(&["--no-same-permissions"]),
            sets_times: !has(&["-m", "--touch"]),
            keeps_old: has(&["-k", "--keep-old-files", "--skip-old-files"]),
            keeps_folders: has(&["--no-overwrite-dir"]),
        }
    }

    /// What a line means for the host; `None` for what is not unpacked.
    fn entry(&self, line: &Listed) -> Option<Entry> {
        let kind = match line.kind {
            b'-' | b'C' => Kind::File,
            b'd' | b'D' => Kind::Directory,
            b'l' => Kind::Link,
            b'h' => Kind::HardLink,
            b'b' | b'c' | b'p' => Kind::Other,
            _ => return None,
        };
        let target = match (kind, &line.target) {
            (Kind::HardLink, Some(target)) => path_of(target),
            (Kind::Link, Some(target)) => Some(PathBuf::from(target)),
            _ => None,
        };
        let mode = if self.same_permissions { line.mode } else { line.mode & 0o777 & !self.umask };
        let keeps_mode = kind == Kind::Directory && self.keeps_folders;
        // Without the owner these bits are lost.
        let is_special = mode & 0o6000 != 0 && !self.is_root;
        Some(Entry {
            name: line.name.to_string_lossy().into_owned(),
            path: path_of(&line.name)?,
            kind,
            size: line.size,
            mode: Some(mode).filter(|_| !keeps_mode && !is_special),
            uid: None,
            gid: None,
            modified: line.modified.filter(|_| self.sets_times),
            target,
            is_kept: self.keeps_old && kind != Kind::Directory,
            count: 1,
        })
    }
}

/// Numbers of users and groups, each name asked for once.
struct Ids<'a> {
    context: &'a Context,
    users: HashMap<String, Option<u32>>,
    groups: HashMap<String, Option<u32>>,
}

impl<'a> Ids<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, users: HashMap::new(), groups: HashMap::new() }
    }

    fn user(&mut self, name: &str) -> Option<u32> {
        let ask = || account::user(self.context, name).map(|user| user.uid);
        *self.users.entry(name.to_owned()).or_insert_with(|| name.parse().ok().or_else(ask))
    }

    fn group(&mut self, name: &str) -> Option<u32> {
        let ask = || account::group(self.context, name).map(|group| group.gid);
        *self.groups.entry(name.to_owned()).or_insert_with(|| name.parse().ok().or_else(ask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        for (start, handler) in [
            (&b"\x1f\x8b\x08\0"[..], "TgzArchive"),
            (b"BZh91AY", "TarBzipArchive"),
            (b"\xfd7zXZ\0\0", "TarXzArchive"),
            (b"\x28\xb5\x2f\xfd\0", "TarZstdArchive"),
            (b"dir/", "TarArchive"),
            (b"", "TarArchive"),
        ] {
            assert_eq!(Format::of(start).handler(), handler);
        }
    }
}
