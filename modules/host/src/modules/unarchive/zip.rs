//! Zip archives. Their list of contents, at the end of the file, tells all that comparing takes.

mod unpack;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::entry::{Entry, Kind, path_of};
use super::{Changes, UnarchiveArgs, told};
use crate::system::glob;
use crate::system::zip::directory::{self, Record};
use crate::{Context, ModuleError};

/// A zip archive whose list has been read. Entries and records go together.
pub(super) struct Zip<'a> {
    pub(super) entries: Vec<Entry>,
    records: Vec<Record>,
    path: &'a Path,
    args: &'a UnarchiveArgs,
}

impl<'a> Zip<'a> {
    /// Reads the list of an archive.
    pub(super) fn open(path: &'a Path, args: &'a UnarchiveArgs) -> Result<Self, ModuleError> {
        let mut records = directory::read(path)?;
        if let Some(include) = args.include.as_ref().filter(|include| !include.is_empty()) {
            let is_in = |pattern: &String| records.iter().any(|record| glob::matches(pattern, &record.name));
            if let Some(missing) = include.iter().find(|pattern| !is_in(pattern)) {
                let name = path.display();
                return Err(ModuleError::new(format!(
                    "{name} has nothing that matches `{missing}` of include"
                )));
            }
            records.retain(|record| include.iter().any(|pattern| glob::matches(pattern, &record.name)));
        }
        let exclude = args.exclude.as_deref().unwrap_or_default();
        records.retain(|record| !exclude.iter().any(|pattern| glob::matches(pattern, &record.name)));
        let flat = args.options().iter().any(|option| option == "-j");
        if flat {
            records.retain(|record| !record.is_folder());
        }
        let mut zip = Self { entries: Vec::new(), records: Vec::new(), path, args };
        for record in records {
            let name = if flat { record.name.rsplit('/').next().unwrap_or_default() } else { &record.name };
            let below = path_of(name.as_ref()).ok_or_else(|| {
                ModuleError::new(format!(
                    "{} has the name `{name}`, which leads out of the folder",
                    path.display()
                ))
            })?;
            zip.entries.push(Entry {
                name: record.name.clone(),
                path: below,
                kind: kind(&record),
                size: record.size,
                mode: record.mode,
                uid: None,
                gid: None,
                modified: Some(record.modified),
                target: None,
                is_kept: false,
                count: 1,
            });
            zip.records.push(record);
        }
        // Where a link leads to is its content.
        for index in 0..zip.entries.len() {
            if zip.entries[index].kind == Kind::Link && zip.is_plain() {
                let target = unpack::content(path, &zip.records[index])?;
                zip.entries[index].target =
                    Some(PathBuf::from(String::from_utf8_lossy(&target).into_owned()));
            }
        }
        Ok(zip)
    }

    /// Whether it can be unpacked without help.
    fn is_plain(&self) -> bool {
        self.args.options().is_empty() && self.records.iter().all(Record::is_plain)
    }

    /// Adds files that differ only in their content.
    pub(super) fn compare_contents(&self, dest: &Path, changes: &mut Changes) -> Result<(), ModuleError> {
        for (entry, record) in self.entries.iter().zip(&self.records) {
            let path = dest.join(&entry.path);
            if entry.kind != Kind::File || changes.contains_key(&entry.path) {
                continue;
            }
            let found = crate::system::file::look(&path)?;
            if found.is_some_and(|found| entry.stays(&found, self.args.keep_newer)) {
                continue;
            }
            if directory::checksum(&path)? != record.checksum {
                changes.insert(entry.path.clone(), vec!["content"]);
            }
        }
        Ok(())
    }

    /// Unpacks what differs, or all of it where that needs the host's `unzip`.
    pub(super) fn extract(
        &self,
        dest: &Path,
        changes: &Changes,
        context: &mut Context,
    ) -> Result<Value, ModuleError> {
        if self.is_plain() {
            let parts = self.entries.iter().zip(&self.records);
            let differing = parts.filter(|(entry, _)| changes.contains_key(&entry.path));
            unpack::unpack(self.path, dest, differing, context)?;
            return Ok(json!({"rc": 0, "out": "", "err": ""}));
        }
        if context.find_program("unzip").is_none() {
            return Err(ModuleError::new(format!(
                "unpacking {} needs unzip, which this host has not: install the package unzip",
                self.path.display()
            )));
        }
        let mut command = context
            .tool("unzip")
            .argument(if self.args.keep_newer { "-uo" } else { "-o" })
            .arguments(self.args.options())
            .argument(self.path)
            .arguments(self.args.include.iter().flatten());
        if let Some(exclude) = self.args.exclude.as_ref().filter(|exclude| !exclude.is_empty()) {
            command = command.argument("-x").arguments(exclude);
        }
        let command = command.argument("-d").argument(dest);
        let line = command.line();
        let finished = command.run()?;
        if finished.status.success() {
            return Ok(told(&line, &finished));
        }
        let what = format!("failed to unpack {} to {}", self.path.display(), dest.display());
        Err(finished.failure(&what).with("extract_results", told(&line, &finished)))
    }
}

fn kind(record: &Record) -> Kind {
    match (record.is_link, record.is_folder()) {
        (true, _) => Kind::Link,
        (false, true) => Kind::Directory,
        (false, false) => Kind::File,
    }
}
