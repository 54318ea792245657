//! `apt_repository`: sources of packages, a line each.

mod ppa;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::modules::apt::lists;
use crate::modules::group::State;
use crate::system::attributes::{FileAttributes, Mode};
use crate::system::{file, folder};
use crate::{Context, Diff, Module, ModuleError, Outcome};
use ppa::Ppa;
use source::Source;

/// Seconds to wait for another program that holds apt's lock while lists are fetched.
const LOCK_TIMEOUT: u64 = 60;

/// Adds sources of packages to apt, and removes them, in their one-line form. A source that is there already, in whatever
/// file, is not added again; one that is commented out is taken into use.
#[derive(Arguments)]
pub struct AptRepositoryArgs {
    /// The source: `deb http://deb.debian.org/debian trixie main`, or `ppa:OWNER/NAME` for one of Launchpad's, whose key is
    /// fetched, too.
    repo: String,
    /// Whether it is there.
    #[arg(default = "present")]
    state: State,
    /// Name of the file for a new source, without `.list`; made from its address unless given.
    filename: Option<String>,
    /// Mode of a file that is made.
    mode: Option<Mode>,
    /// Fetch the lists of packages when something changes. If that fails, the change is taken back.
    #[arg(default = "true", alias = "update-cache")]
    update_cache: bool,
    /// How often fetching is tried again.
    #[arg(default = "5")]
    update_cache_retries: u32,
    /// Seconds between those tries, at most.
    #[arg(default = "12")]
    update_cache_retry_max_delay: u64,
    /// Check certificates when the key of a PPA is fetched.
    #[arg(default = "true")]
    validate_certs: bool,
    /// Release of a PPA; the host's unless given.
    codename: Option<String>,
    /// Install what Ansible needs; nothing is needed.
    #[arg(default = "true")]
    install_python_apt: bool,
}

/// Where things are.
struct Places {
    /// apt's folder.
    apt: PathBuf,
    /// Launchpad's interface for programs.
    launchpad: String,
    /// The server that has the keys of PPAs.
    keyserver: String,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            apt: PathBuf::from("/etc/apt"),
            launchpad: "https://api.launchpad.net/1.0".to_owned(),
            keyserver: "hkps://keyserver.ubuntu.com".to_owned(),
        }
    }
}

/// The `apt_repository` module.
pub struct AptRepository;

impl Module for AptRepository {
    type Args = AptRepositoryArgs;
    const NAME: &'static str = "apt_repository";
    const SUMMARY: &'static str = "Manages sources of packages, a line each";

    fn run(args: AptRepositoryArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        // Files of apt are read without any help.
        let _ = args.install_python_apt;
        let fetch = |context: &Context| {
            let (retries, delay) = (args.update_cache_retries, args.update_cache_retry_max_delay);
            lists::fetch(retries, delay, LOCK_TIMEOUT, context)
        };
        manage(&args, &Places::default(), &fetch, context)
    }
}

fn manage(
    args: &AptRepositoryArgs,
    places: &Places,
    fetch: &dyn Fn(&Context) -> Result<(), ModuleError>,
    context: &Context,
) -> Result<Outcome, ModuleError> {
    let ppa = match args.repo.trim().strip_prefix("ppa:") {
        Some(name) => Some(Ppa::of(name, args.codename.as_deref(), &places.apt)?),
        None => None,
    };
    let source = match &ppa {
        Some(ppa) => ppa.source(),
        None => Source::read(&args.repo).filter(|source| source.is_enabled).ok_or_else(|| {
            let hint = "it looks like `deb [OPTIONS] ADDRESS RELEASE COMPONENT` or `ppa:OWNER/NAME`";
            ModuleError::new(format!("Invalid repository string: {}: {hint}", args.repo))
        })?,
    };
    let mut files = read(&places.apt)?;
    let is_it = |other: &Source| match &ppa {
        // The key may be named differently, or be trusted for all.
        Some(_) => other.same_but_options(&source),
        None => other.same(&source),
    };
    let mut changes = Changes { args, places, files: Vec::new() };
    match args.state {
        State::Present => {
            if !files.iter_mut().any(|file| file.enable(&is_it)) {
                let name = args.filename.clone().unwrap_or_else(|| source.file_name());
                let path = places.apt.join("sources.list.d").join(format!("{name}.list"));
                match files.iter_mut().find(|file| file.path == path) {
                    Some(file) => file.append(&source),
                    None => {
                        let mut file = ListFile { path, before: None, lines: Vec::new() };
                        file.append(&source);
                        files.push(file);
                    }
                }
            }
        }
        State::Absent => {
            for file in &mut files {
                file.lines.retain(|line| {
                    !Source::read(line).is_some_and(|found| found.is_enabled && is_it(&found))
                });
            }
        }
    }
    let left = |path: &Path| {
        let name = path.to_string_lossy().into_owned();
        files.iter().any(|file| file.lines.iter().any(|line| line.contains(&name)))
    };
    let key_to_remove = ppa
        .as_ref()
        .map(|ppa| ppa.key_file.clone())
        .filter(|path| args.state == State::Absent && path.exists() && !left(path));
    changes.files = files.into_iter().filter(ListFile::is_changed).collect();
    changes.carry_out(ppa.as_ref(), key_to_remove.as_deref(), fetch, context)
}

/// All that changes.
struct Changes<'a> {
    args: &'a AptRepositoryArgs,
    places: &'a Places,
    files: Vec<ListFile>,
}

impl Changes<'_> {
    fn carry_out(
        &self,
        ppa: Option<&Ppa>,
        key_to_remove: Option<&Path>,
        fetch: &dyn Fn(&Context) -> Result<(), ModuleError>,
        context: &Context,
    ) -> Result<Outcome, ModuleError> {
        let mut outcome = Outcome::new(!self.files.is_empty() || key_to_remove.is_some());
        if context.diff {
            outcome.diff.extend(self.files.iter().map(ListFile::diff));
        }
        if !self.files.is_empty() && !context.check {
            if let Some(ppa) = ppa.filter(|_| self.args.state == State::Present) {
                ppa.fetch_key(self.places, self.args.validate_certs, context)?;
            }
            self.write(context)?;
            if self.args.update_cache
                && let Err(error) = fetch(context)
            {
                // A source that cannot be used would be in the way of every later task.
                for file in &self.files {
                    file.restore(context)?;
                }
                return Err(error);
            }
        }
        if let Some(path) = key_to_remove.filter(|_| !context.check) {
            fs::remove_file(path).doing(|| format!("cannot remove {}", path.display()))?;
        }
        let paths = |which: &dyn Fn(&ListFile) -> bool| {
            let files = self.files.iter().filter(|file| which(file));
            files.map(|file| file.path.display().to_string()).collect::<Vec<_>>()
        };
        Ok(outcome
            .with("repo", self.args.repo.as_str())
            .with("state", if self.args.state == State::Present { "present" } else { "absent" })
            .with("sources_added", paths(&|file| file.before.is_none()))
            .with("sources_removed", paths(&ListFile::is_gone)))
    }

    fn write(&self, context: &Context) -> Result<(), ModuleError> {
        for list in &self.files {
            if list.is_gone() {
                fs::remove_file(&list.path).doing(|| format!("cannot remove {}", list.path.display()))?;
                continue;
            }
            let mode =
                list.before.is_none().then(|| self.args.mode.clone().unwrap_or(Mode("0644".to_owned())));
            list.write(&list.text(), mode, context)?;
        }
        Ok(())
    }
}

/// A file with sources, and the lines it is to have.
#[derive(Debug)]
struct ListFile {
    path: PathBuf,
    /// `None` for one that is not there.
    before: Option<String>,
    lines: Vec<String>,
}

impl ListFile {
    /// Takes a source that is there into use; whether it is there.
    fn enable(&mut self, is_it: &dyn Fn(&Source) -> bool) -> bool {
        let found: Vec<(usize, Source)> = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| Source::read(line).filter(is_it).map(|source| (at, source)))
            .collect();
        if found.iter().any(|(_, source)| source.is_enabled) {
            return true;
        }
        match found.into_iter().next() {
            Some((at, source)) => {
                self.lines[at] = Source { is_enabled: true, ..source }.to_string();
                true
            }
            None => false,
        }
    }

    fn append(&mut self, source: &Source) {
        self.lines.push(Source { remark: None, ..source.clone() }.to_string());
    }

    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn is_changed(&self) -> bool {
        let before: Vec<&str> = self.before.as_deref().unwrap_or_default().lines().collect();
        self.lines != before
    }

    /// Whether nothing is left in a file that only sources are in.
    fn is_gone(&self) -> bool {
        self.before.is_some()
            && self.lines.is_empty()
            && self.path.extension().is_some_and(|ending| ending == "list")
            && self.path.parent().is_some_and(|folder| folder.ends_with("sources.list.d"))
    }

    fn diff(&self) -> Diff {
        let header = self.path.display().to_string();
        let mut diff = Diff::text(header, self.before.clone().unwrap_or_default(), self.text());
        if self.before.is_none() {
            diff.before_header = Some("/dev/null".to_owned());
        }
        if self.is_gone() {
            diff.after_header = Some("/dev/null".to_owned());
        }
        diff
    }

    fn write(&self, text: &str, mode: Option<Mode>, context: &Context) -> Result<(), ModuleError> {
        let parent = self.path.parent().unwrap_or(Path::new("/"));
        folder::make(parent, &FileAttributes::default(), context)?;
        let attributes = FileAttributes { mode, ..FileAttributes::default() };
        file::replace(&file::follow(&self.path), text.as_bytes(), &attributes, context)
    }

    fn restore(&self, context: &Context) -> Result<(), ModuleError> {
        match &self.before {
            Some(before) => {
                let mode = (!self.path.exists()).then(|| Mode("0644".to_owned()));
                self.write(before, mode, context)
            }
            None => fs::remove_file(&self.path).doing(|| format!("cannot remove {}", self.path.display())),
        }
    }
}

/// All files of apt with sources in the one-line form.
fn read(apt: &Path) -> Result<Vec<ListFile>, ModuleError> {
    let parts = apt.join("sources.list.d");
    let mut paths = Vec::new();
    if parts.is_dir() {
        let failed = || format!("cannot read {}", parts.display());
        for entry in fs::read_dir(&parts).doing(failed)? {
            paths.push(entry.doing(failed)?.path());
        }
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "list") && path.is_file());
    paths.sort();
    paths.insert(0, apt.join("sources.list"));
    let mut files = Vec::new();
    for path in paths {
        if let Some(bytes) = file::read(&path)? {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            files.push(ListFile {
                path,
                lines: text.lines().map(str::to_owned).collect(),
                before: Some(text),
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
