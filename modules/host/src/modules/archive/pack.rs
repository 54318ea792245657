//! Comparing an archive with what it should have in it, and making it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use super::Format;
use super::plan::{Member, Plan};
use crate::module::Doing as _;
use crate::system::file;
use crate::system::tar::{self, LIST_OPTIONS, Listed};
use crate::system::zip::{Item, ZipWriter, directory};
use crate::{Context, ModuleError};

/// How many differences are told.
const MOST_TOLD: usize = 100;

/// An archive that should have a plan's content.
pub(super) struct Packed<'a> {
    pub(super) plan: &'a Plan,
    pub(super) format: Format,
    pub(super) context: &'a Context,
}

impl Packed<'_> {
    /// In which respects the archive that is there is another one; nothing when it is as it should be.
    pub(super) fn differences(&self) -> Result<Vec<String>, ModuleError> {
        let dest = &self.plan.dest;
        let Some(found) = file::look(dest)? else { return Ok(vec!["new".to_owned()]) };
        if !found.is_file() {
            return Ok(vec!["is no file".to_owned()]);
        }
        let other = || Ok(vec!["is of another format".to_owned()]);
        let mut start = [0; 6];
        let length = File::open(dest).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
        let fits = match self.format {
            Format::Gz => start.starts_with(&[0x1f, 0x8b]),
            Format::Bz2 => start.starts_with(b"BZh"),
            Format::Xz => start.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
            Format::Zip => start.starts_with(b"PK"),
            Format::Tar => !start.starts_with(b"PK"),
        };
        if !fits || length == 0 {
            return other();
        }
        match (self.format, self.plan.is_archive) {
            (Format::Zip, _) => self.zip_differences(),
            (_, true) => self.tar_differences(),
            (_, false) => self.file_differences(),
        }
    }

    /// Makes it, in a file for now.
    pub(super) fn make(&self) -> Result<NamedTempFile, ModuleError> {
        let scratch = &self.context.scratch;
        let failed = || format!("cannot write in {}", scratch.display());
        let made = tempfile::Builder::new().prefix("archive-").tempfile_in(scratch).doing(failed)?;
        let told = || format!("cannot pack {}", self.plan.dest.display());
        match (self.format, self.plan.is_archive) {
            (Format::Zip, _) => self.zip(made.as_file()).doing(told)?,
            (_, true) => self.tar(made.path())?,
            (_, false) => self.compress(made.as_file())?,
        }
        Ok(made)
    }

    fn tar(&self, to: &Path) -> Result<(), ModuleError> {
        self.needs_program()?;
        let compression = match self.format {
            Format::Gz => Some("--gzip"),
            Format::Bz2 => Some("--bzip2"),
            Format::Xz => Some("--xz"),
            Format::Tar | Format::Zip => None,
        };
        let names: Vec<&[u8]> =
            self.plan.members.iter().map(|member| member.name.as_os_str().as_bytes()).collect();
        let command = tar::command(&tar::program(self.context)?, "--create", self.context)
            .arguments(["--format=posix", "--no-recursion"])
            .arguments(compression)
            .argument("-f")
            .argument(to)
            .argument("-C")
            .argument(&self.plan.root)
            // Names that look like options are none.
            .arguments(["--null", "--verbatim-files-from", "-T", "-"])
            .input(names.join(&0));
        let finished = command.run()?;
        if finished.status.success() {
            return Ok(());
        }
        Err(finished.failure(&format!("cannot pack {}", self.plan.dest.display())))
    }

    fn tar_differences(&self) -> Result<Vec<String>, ModuleError> {
        self.needs_program()?;
        let program = tar::program(self.context)?;
        let tar = |what: &str| tar::command(&program, what, self.context);
        let listed = tar("--list").arguments(LIST_OPTIONS).argument("-f").argument(&self.plan.dest).run()?;
        if !listed.status.success() {
            return Ok(vec!["cannot be read".to_owned()]);
        }
        let mut width = 0;
        let lines = listed.stdout.split(|byte| *byte == b'\n');
        let there: Vec<OsString> =
            lines.filter_map(|line| Listed::read(line, &mut width)).map(|line| line.name).collect();
        let differences = self.name_differences(there.iter().map(OsString::as_os_str));
        if !differences.is_empty() {
            return Ok(differences);
        }
        let compared = tar("--diff")
            .argument("-f")
            .argument(&self.plan.dest)
            .argument("-C")
            .argument(&self.plan.root)
            .run()?;
        if compared.status.success() {
            return Ok(Vec::new());
        }
        let (out, err) = (compared.out(), compared.err());
        // A time alone makes no other archive: making one changes the time of the folder it is in.
        let differs = |line: &&str| !line.ends_with(": Mod time differs") && !line.is_empty();
        let is_remark =
            |line: &&str| line.contains("Removing leading") || line.contains("Exiting with failure");
        let told = out.lines().filter(differs).chain(err.lines().filter(|line| !is_remark(line)));
        Ok(told.take(MOST_TOLD).map(str::to_owned).collect())
    }

    /// Names that are in the archive and should not be, and the other way round.
    fn name_differences<'n>(&self, there: impl Iterator<Item = &'n OsStr>) -> Vec<String> {
        let bare = |name: &OsStr| PathBuf::from(name).components().collect::<PathBuf>();
        let mut names: BTreeMap<PathBuf, bool> =
            self.plan.members.iter().map(|member| (member.name.clone(), false)).collect();
        let mut differences = Vec::new();
        for name in there {
            match names.get_mut(&bare(name)) {
                Some(seen) => *seen = true,
                None => differences.push(format!("{} goes", name.to_string_lossy())),
            }
        }
        let missing = names.iter().filter(|(_, seen)| !**seen);
        differences.extend(missing.map(|(name, _)| format!("{} comes", name.display())));
        differences.truncate(MOST_TOLD);
        differences
    }

    fn zip(&self, to: &File) -> io::Result<()> {
        let mut zip = ZipWriter::new(io::BufWriter::new(to));
        for Member { path, name, metadata } in &self.plan.members {
            let mut name = name.to_string_lossy().into_owned();
            let mut content: Box<dyn Read> = if metadata.is_dir() {
                name.push('/');
                Box::new(io::empty())
            } else if metadata.is_symlink() {
                Box::new(io::Cursor::new(fs::read_link(path)?.as_os_str().as_bytes().to_vec()))
            } else if metadata.is_file() {
                Box::new(File::open(path)?)
            } else {
                return Err(io::Error::other(format!("{} is neither file, folder nor link", path.display())));
            };
            let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
            let length = if metadata.is_file() { metadata.len() } else { 0 };
            zip.add(&Item { name: &name, mode: metadata.mode(), modified, length }, &mut content)?;
        }
        zip.finish()?;
        Ok(())
    }

    fn zip_differences(&self) -> Result<Vec<String>, ModuleError> {
        let Ok(records) = directory::read(&self.plan.dest) else {
            return Ok(vec!["cannot be read".to_owned()]);
        };
        let mut differences = self.name_differences(records.iter().map(|record| OsStr::new(&record.name)));
        let members: BTreeMap<&Path, &Member> =
            self.plan.members.iter().map(|member| (member.name.as_path(), member)).collect();
        for record in records {
            let Some(member) = members.get(Path::new(record.name.trim_end_matches('/'))) else { continue };
            let same_mode = record.mode.is_none_or(|mode| mode == member.metadata.mode() & 0o777);
            if !same_mode || !is_content(&record, &member.path, &member.metadata)? {
                differences.push(format!("{} changes", record.name));
            }
        }
        differences.truncate(MOST_TOLD);
        Ok(differences)
    }

    /// Compresses the one file.
    fn compress(&self, to: &File) -> Result<(), ModuleError> {
        let path = &self.plan.paths[0];
        let failed = || format!("cannot compress {}", path.display());
        let mut from = File::open(path).doing(failed)?;
        let mut to = io::BufWriter::new(to);
        if self.format == Format::Gz {
            let mut encoder = GzEncoder::new(to, Compression::default());
            io::copy(&mut from, &mut encoder).doing(failed)?;
            return encoder.finish().and_then(|mut to| to.flush()).doing(failed);
        }
        let finished = self.run_program(&["-c", "--"], path)?;
        to.write_all(&finished).and_then(|()| to.flush()).doing(failed)
    }

    fn file_differences(&self) -> Result<Vec<String>, ModuleError> {
        let path = &self.plan.paths[0];
        let mut wanted = File::open(path).doing(|| format!("cannot read {}", path.display()))?;
        let dest = &self.plan.dest;
        let mut there: Box<dyn Read> = match self.format {
            Format::Gz => {
                let file = File::open(dest).doing(|| format!("cannot read {}", dest.display()))?;
                Box::new(MultiGzDecoder::new(file))
            }
            _ => Box::new(io::Cursor::new(self.run_program(&["-dc", "--"], dest).unwrap_or_default())),
        };
        // A broken archive is another one.
        let is_same = same_content(&mut there, &mut wanted).unwrap_or(false);
        Ok(if is_same { Vec::new() } else { vec!["content".to_owned()] })
    }

    /// What the program of the format makes of a file.
    fn run_program(&self, words: &[&str], path: &Path) -> Result<Vec<u8>, ModuleError> {
        self.needs_program()?;
        let program = if self.format == Format::Bz2 { "bzip2" } else { "xz" };
        Ok(self.context.tool(program).arguments(words).argument(path).succeed()?.stdout)
    }

    fn needs_program(&self) -> Result<(), ModuleError> {
        let (program, package) = match self.format {
            Format::Bz2 => ("bzip2", "bzip2"),
            Format::Xz => ("xz", "xz-utils"),
            Format::Gz if self.plan.is_archive => ("gzip", "gzip"),
            _ => return Ok(()),
        };
        if self.context.find_program(program).is_some() {
            return Ok(());
        }
        Err(ModuleError::new(format!("this host has no {program}: install the package {package}")))
    }
}

/// Whether a record of a zip archive has what is at a path.
fn is_content(record: &directory::Record, path: &Path, metadata: &Metadata) -> Result<bool, ModuleError> {
    if metadata.is_dir() || metadata.is_symlink() {
        let mut sum = flate2::Crc::new();
        if metadata.is_symlink() {
            let target = fs::read_link(path).doing(|| format!("cannot read {}", path.display()))?;
            sum.update(target.as_os_str().as_bytes());
        }
        return Ok(record.is_folder() == metadata.is_dir()
            && record.is_link == metadata.is_symlink()
            && record.checksum == sum.sum());
    }
    let is_file = !record.is_folder() && !record.is_link;
    Ok(is_file && record.size == metadata.len() && record.checksum == directory::checksum(path)?)
}

fn same_content(one: &mut dyn Read, other: &mut dyn Read) -> io::Result<bool> {
    const PIECE: u64 = 64 * 1024;
    loop {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        one.take(PIECE).read_to_end(&mut left)?;
        other.take(PIECE).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}
