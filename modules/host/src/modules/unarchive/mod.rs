//! `unarchive`: unpacks archives.

mod entry;
mod tar;
mod zip;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::attributes::{self, AttributeChange, FileAttributes};
use crate::system::command::Finished;
use crate::system::http::{self, HttpOptions, Request};
use crate::system::zip::directory;
use crate::system::{expand, file};
use crate::{Context, Diff, Module, ModuleError, Outcome};
use entry::Entry;

/// How long the server of an archive may be silent.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Unpacks a zip archive, or a tar archive, plain or compressed with gzip, bzip2, xz or zstd, below a folder. An archive
/// whose content is all there, with its times and permissions, is not unpacked again. Tar archives need GNU tar on the
/// host, and the program that compressed them.
#[derive(Arguments)]
#[arguments(exclusive("copy", "remote_src"), exclusive("include", "exclude"))]
pub struct UnarchiveArgs {
    /// The archive: on the controller, or on the host with `remote_src`, or an address that the host fetches it from.
    src: String,
    /// The folder it is unpacked in, which must be there.
    dest: PathBuf,
    /// The archive is on the host.
    #[arg(default = "false")]
    remote_src: bool,
    /// The archive is on the controller; the opposite of `remote_src`.
    copy: Option<bool>,
    /// Nothing is done when this path is there.
    creates: Option<PathBuf>,
    /// Tell the names of what is in the archive.
    #[arg(default = "false")]
    list_files: bool,
    /// Leave these out; patterns with `*` and `?`.
    exclude: Option<Vec<String>>,
    /// Unpack only these; folders of a tar archive with all that is in them.
    include: Option<Vec<String>>,
    /// Leave files alone that are as new as those in the archive, or newer.
    #[arg(default = "false")]
    keep_newer: bool,
    /// Further options for `tar` or `unzip`.
    extra_opts: Option<Vec<String>>,
    /// Check the certificate of the server that the archive is fetched from.
    #[arg(default = "true")]
    validate_certs: bool,
    /// Decrypt an archive that is a vault file; the controller does.
    #[arg(default = "true")]
    #[expect(dead_code, reason = "the controller reads it")]
    decrypt: bool,
    /// How many bytes are read at once; without effect.
    #[arg(default = "65536")]
    io_buffer_size: u64,
    /// Owner, mode and the like of all that is unpacked.
    #[arg(flatten)]
    attributes: FileAttributes,
    /// SHA-256 of an archive that the controller has.
    #[arg(name = "_sha256")]
    sha256: Option<String>,
    /// Its length.
    #[arg(name = "_size", default = "0")]
    size: u64,
    /// Its name.
    #[arg(name = "_name")]
    name: Option<String>,
}

/// The `unarchive` module.
pub struct Unarchive;

impl Module for Unarchive {
    type Args = UnarchiveArgs;
    const NAME: &'static str = "unarchive";
    const SUMMARY: &'static str = "Unpacks an archive";

    fn run(args: UnarchiveArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        // How it is read, and what the controller calls it, makes no difference here.
        let _ = (args.io_buffer_size, args.size, &args.name);
        if let Some(path) = args.creates.as_ref().filter(|path| path.exists()) {
            let skipped = Outcome { skipped: true, ..Outcome::new(false) };
            return Ok(skipped.message(format!("skipped, since {} exists", path.display())));
        }
        let source = args.source(context)?;
        let path = source.path().to_owned();
        if !args.dest.is_dir() && !context.check {
            return Err(ModuleError::new(format!("dest '{}' must be an existing dir", args.dest.display())));
        }
        let archive = Archive::open(&path, &args, context)?;
        let outcome = args.unpack(&archive, context);
        let told = |error: ModuleError| {
            let error = error.with("dest", args.dest.to_string_lossy()).with("src", path.to_string_lossy());
            error.with("handler", archive.handler())
        };
        let outcome = outcome.map_err(told)?;
        Ok(outcome.with("src", path.to_string_lossy()).with("handler", archive.handler()))
    }
}

/// Where the archive is, for as long as it is needed.
enum Source {
    There(PathBuf),
    Fetched(tempfile::NamedTempFile),
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Self::There(path) => path,
            Self::Fetched(file) => file.path(),
        }
    }
}

impl UnarchiveArgs {
    fn source(&self, context: &mut Context) -> Result<Source, ModuleError> {
        if self.src.contains("://") {
            return fetch(&self.src, self.validate_certs, context).map(Source::Fetched);
        }
        if self.remote_src || self.copy == Some(false) {
            let path = PathBuf::from(expand::path(&self.src));
            return match file::look_through(&path)? {
                Some(found) if found.is_file() => Ok(Source::There(path)),
                Some(_) => Err(ModuleError::new(format!("Source '{}' is not a file", self.src))),
                None => Err(ModuleError::new(format!("Source '{}' does not exist", self.src))),
            };
        }
        let sha256 = self.sha256.as_deref().ok_or_else(|| {
            ModuleError::new("unarchive: the controller sent no archive (src, without remote_src)")
        })?;
        context.exchange.blob(sha256).map(Source::There)
    }

    /// Brings what is in the archive to the folder.
    fn unpack(&self, archive: &Archive<'_>, context: &mut Context) -> Result<Outcome, ModuleError> {
        let entries = archive.entries();
        let mut changes = Changes::new();
        for entry in entries {
            let differences = entry.differences(&self.dest, &self.attributes, self.keep_newer)?;
            if !differences.is_empty() {
                changes.insert(entry.path.clone(), differences);
            }
        }
        // Contents are compared last: when the archive is unpacked anyway, only for the sake of showing them.
        if changes.is_empty() || (context.diff && changes.len() < entries.len()) {
            archive.compare_contents(&self.dest, &mut changes, context)?;
        }
        let mut result = Map::new();
        if !changes.is_empty() && !context.check {
            let finished = archive.extract(&self.dest, &changes, context)?;
            result.insert("extract_results".to_owned(), finished);
        }
        let is_extracted = !changes.is_empty();
        let mut attributes = AttributesChanged::default();
        if self.attributes.asks() {
            // What is deep inside first: a folder may be closed by its new mode.
            let mut paths = entry::with_folders(entries);
            paths.reverse();
            for path in paths {
                let full = self.dest.join(&path);
                let change = self.attributes.apply(&full, false, context)?;
                attributes.add(&path, &full, &change, is_extracted);
            }
        }
        let mut outcome = Outcome::new(is_extracted || attributes.changed);
        if context.diff && is_extracted {
            let lines = changes
                .iter()
                .map(|(path, differences)| format!("{}: {}", shown(path), differences.join(", ")));
            outcome.diff.push(Diff::note(lines.collect::<Vec<_>>().join("\n")));
        }
        if context.diff {
            outcome.diff.extend(attributes.diff);
        }
        outcome.result = result;
        outcome.result.extend(attributes::describe(&self.dest, context)?);
        if self.list_files {
            outcome = outcome.with("files", archive.names());
        }
        Ok(outcome.with("dest", self.dest.to_string_lossy()))
    }

    fn options(&self) -> &[String] {
        self.extra_opts.as_deref().unwrap_or_default()
    }
}

/// Paths below the folder that are not as in the archive, and in which respects.
type Changes = BTreeMap<PathBuf, Vec<&'static str>>;

/// How a path below the folder is shown.
fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

/// What the attributes asked for changed.
#[derive(Default)]
struct AttributesChanged {
    changed: bool,
    diff: Vec<Diff>,
}

impl AttributesChanged {
    fn add(&mut self, path: &Path, full: &Path, change: &AttributeChange, is_extracted: bool) {
        if change.changed() {
            self.changed = true;
            // What was just unpacked is shown as such; its attributes are part of that.
            if !is_extracted || path.as_os_str().is_empty() {
                self.diff.push(change.diff(full));
            }
        }
    }
}

/// An archive of one kind.
enum Archive<'a> {
    Tar(tar::Tar<'a>),
    Zip(zip::Zip<'a>),
}

impl<'a> Archive<'a> {
    /// Finds out what it is and reads what is in it.
    fn open(path: &'a Path, args: &'a UnarchiveArgs, context: &Context) -> Result<Self, ModuleError> {
        let mut start = Vec::new();
        let failed = || format!("cannot read {}", path.display());
        File::open(path).doing(failed)?.take(8).read_to_end(&mut start).doing(failed)?;
        let format = tar::Format::of(&start);
        // Programs that unpack themselves have something in front of the archive; its list is at the end.
        if start.starts_with(b"PK") || (format == tar::Format::Plain && directory::is_zip(path)) {
            return zip::Zip::open(path, args).map(Self::Zip);
        }
        tar::Tar::open(path, format, args, context).map(Self::Tar)
    }

    fn handler(&self) -> &'static str {
        match self {
            Self::Tar(tar) => tar.format.handler(),
            Self::Zip(_) => "ZipArchive",
        }
    }

    fn entries(&self) -> &[Entry] {
        match self {
            Self::Tar(tar) => &tar.entries,
            Self::Zip(zip) => &zip.entries,
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Tar(tar) => tar.names.clone(),
            Self::Zip(zip) => zip.entries.iter().map(|entry| entry.name.clone()).collect(),
        }
    }

    /// Adds files that differ only in their content.
    fn compare_contents(
        &self,
        dest: &Path,
        changes: &mut Changes,
        context: &Context,
    ) -> Result<(), ModuleError> {
        match self {
            Self::Tar(tar) => tar.compare_contents(dest, changes, context),
            Self::Zip(zip) => zip.compare_contents(dest, changes),
        }
    }

    /// Unpacks it; tells how.
    fn extract(&self, dest: &Path, changes: &Changes, context: &mut Context) -> Result<Value, ModuleError> {
        match self {
            Self::Tar(tar) => tar.extract(dest, context),
            Self::Zip(zip) => zip.extract(dest, changes, context),
        }
    }
}

/// What a program did, as results tell it.
fn told(line: &str, finished: &Finished) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    json!({"cmd": words, "rc": finished.code(), "out": finished.out(), "err": finished.err()})
}

/// Fetches an archive.
fn fetch(url: &str, validate_certs: bool, context: &Context) -> Result<tempfile::NamedTempFile, ModuleError> {
    let mut options = HttpOptions::read(Map::new()).map_err(|error| ModuleError::new(error.to_string()))?;
    options.validate_certs = validate_certs;
    let mut response = http::send(&Request::get(url, FETCH_TIMEOUT), &options, context)?;
    if !(200..=299).contains(&response.status) {
        let (status, reason) = (response.status, &response.reason);
        return Err(ModuleError::new(format!("cannot fetch the archive {url}: {status} {reason}")));
    }
    let failed = || format!("cannot write in {}", context.scratch.display());
    let mut stored =
        tempfile::Builder::new().prefix("unarchive-").tempfile_in(&context.scratch).doing(failed)?;
    response.copy_to(stored.as_file_mut(), context)?;
    Ok(stored)
}

#[cfg(test)]
mod tests;
