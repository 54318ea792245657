//! `git`: a working copy at a version.

mod archive;
mod remote;
mod repository;

use std::path::PathBuf;

use serde_json::Value;

use crate::args::Arguments;
use crate::system::file;
use crate::{Context, Diff, Module, ModuleError, Outcome};
use remote::Target;
use repository::Repository;

/// Makes sure that a folder is a working copy of a Git repository at a version. The host needs the program `git`.
#[derive(Arguments)]
pub struct GitArgs {
    /// Where the repository is, as `git clone` takes it.
    #[arg(alias = "name")]
    repo: String,
    /// The folder.
    dest: PathBuf,
    /// Branch, tag or commit. Of a branch the newest commit; `HEAD` is that of the branch that the repository is at.
    #[arg(default = "HEAD")]
    version: String,
    /// What the repository is called in the working copy.
    #[arg(default = "origin")]
    remote: String,
    /// A further ref to fetch, such as `refs/pull/1/head`, so that `version` can be in it.
    refspec: Option<String>,
    /// Throw away changes that were made in the working copy; otherwise they are a failure.
    #[arg(default = "false")]
    force: bool,
    /// Fetch no more than this many commits of history.
    depth: Option<u32>,
    /// Clone the repository when the folder is none; otherwise only tell the version.
    #[arg(default = "true")]
    clone: bool,
    /// Move a working copy that is there to the version; otherwise it stays at the one it has.
    #[arg(default = "true")]
    update: bool,
    /// The program `git`, as an absolute path.
    executable: Option<PathBuf>,
    /// Clone without a working copy.
    #[arg(default = "false")]
    bare: bool,
    /// Clone and update submodules too.
    #[arg(default = "true")]
    recursive: bool,
    /// Have submodules at the newest commit of their branches, not at that which the repository names.
    #[arg(default = "false")]
    track_submodules: bool,
    /// Fetch only the history of `version`.
    #[arg(default = "false")]
    single_branch: bool,
    /// A repository on the host to take objects from instead of fetching them.
    reference: Option<String>,
    /// Folder for the repository itself, apart from the working copy.
    separate_git_dir: Option<PathBuf>,
    /// Check the signature of the commit or tag.
    #[arg(default = "false")]
    verify_commit: bool,
    /// Fingerprints of the only keys that count for `verify_commit`.
    #[arg(default = "", alias = "gpg_whitelist")]
    gpg_allowlist: Vec<String>,
    /// Trust whatever key an SSH server shows, even another than before.
    #[arg(default = "false")]
    accept_hostkey: bool,
    /// Trust the key of an SSH server that was never seen before.
    #[arg(default = "false")]
    accept_newhostkey: bool,
    /// Private key for SSH, on the host.
    key_file: Option<PathBuf>,
    /// Further options for SSH: `-o SomeOption=yes`.
    ssh_opts: Option<String>,
    /// Umask for what Git writes, in octal.
    umask: Option<Value>,
    /// File to pack the version into: `.zip`, `.tar`, `.tar.gz`, `.tgz`.
    archive: Option<PathBuf>,
    /// What all paths in the archive begin with; a slash at the end makes a folder.
    archive_prefix: Option<String>,
}

/// The `git` module.
pub struct Git;

impl Module for Git {
    type Args = GitArgs;
    const NAME: &'static str = "git";
    const SUMMARY: &'static str = "Makes sure that a folder is a working copy of a Git repository";

    fn run(args: GitArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        args.check()?;
        let repository = Repository::new(&args, context)?;
        let state = if repository.is_there() { update(&repository)? } else { clone(&repository)? };
        state.outcome(&repository)
    }
}

impl GitArgs {
    fn check(&self) -> Result<(), ModuleError> {
        if self.bare && self.separate_git_dir.is_some() {
            return Err(ModuleError::new("separate_git_dir and bare are mutually exclusive"));
        }
        if self.archive_prefix.is_some() && self.archive.is_none() {
            return Err(ModuleError::new("archive_prefix needs archive"));
        }
        if self.accept_hostkey && self.accept_newhostkey {
            return Err(ModuleError::new("accept_hostkey and accept_newhostkey are mutually exclusive"));
        }
        Ok(())
    }
}

/// What came of it.
#[derive(Default)]
struct State {
    before: Option<String>,
    after: Option<String>,
    changed: bool,
    /// Only told when there was a working copy to look at.
    remote_url_changed: Option<bool>,
    submodules_changed: bool,
    message: Option<String>,
    git_dir: Option<(String, String)>,
}

impl State {
    fn outcome(self, repository: &Repository<'_>) -> Result<Outcome, ModuleError> {
        let context = repository.context;
        let mut outcome = Outcome::new(self.changed)
            .with("before", self.before.as_deref())
            .with("after", self.after.as_deref());
        if let Some(url_changed) = self.remote_url_changed {
            outcome = outcome.with("remote_url_changed", url_changed);
        }
        if self.submodules_changed {
            outcome = outcome.with("submodules_changed", true);
        }
        if let Some((before, now)) = self.git_dir {
            outcome = outcome.with("git_dir_before", before).with("git_dir_now", now);
        }
        outcome.msg = self.message;
        if context.diff {
            outcome.diff.extend(difference(repository, self.before.as_deref(), self.after.as_deref())?);
        }
        if let (false, true, Some(path)) = (context.check, repository.is_there(), &repository.args.archive) {
            outcome.changed |= archive::pack(repository, path)?;
        }
        Ok(outcome)
    }
}

fn difference(
    repository: &Repository<'_>,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Option<Diff>, ModuleError> {
    let Some(after) = after.filter(|after| before != Some(*after)) else { return Ok(None) };
    let Some(before) = before else { return Ok(Some(Diff::note(format!(">> Newly checked out {after}")))) };
    // In check mode the new commit may not have been fetched.
    let shown = repository.git(&["diff", before, after]).run()?;
    Ok(Some(if shown.status.success() {
        Diff { prepared: Some(shown.out()), ..Diff::default() }
    } else {
        Diff::note(format!(">> From {before} to {after}"))
    }))
}

/// There is no repository yet.
fn clone(repository: &Repository<'_>) -> Result<State, ModuleError> {
    let args = repository.args;
    let target = Target::find(repository)?;
    if repository.context.check || !args.clone {
        return Ok(State { after: target.commit, changed: true, ..State::default() });
    }
    repository.clone_from(&target)?;
    if !args.bare {
        repository.switch(&target)?;
    }
    repository.verify(&target)?;
    if args.recursive && !args.bare {
        repository.update_submodules()?;
    }
    Ok(State { after: repository.head()?, changed: true, ..State::default() })
}

fn update(repository: &Repository<'_>) -> Result<State, ModuleError> {
    let args = repository.args;
    let before = repository.head()?;
    let mut state = State { before: before.clone(), after: before.clone(), ..State::default() };
    if !args.update {
        return Ok(state);
    }
    state.git_dir = repository.separate()?;
    state.changed |= state.git_dir.is_some();
    if !args.bare && repository.has_changes()? {
        let message = format!("Local modifications exist in the destination: {}", args.dest.display());
        if !args.force {
            return Err(ModuleError::new(format!("{message} (force=no).")).with("before", before));
        }
        state.message = Some(message);
        state.changed = true;
        if !repository.context.check {
            repository.git(&["reset", "--hard", "HEAD"]).succeed()?;
        }
    }
    let url_changed = repository.set_url()?;
    state.remote_url_changed = Some(url_changed);
    let target = if before.as_deref() == Some(args.version.as_str()) {
        // Exactly this commit: no server knows more about it.
        Target { commit: before.clone(), kind: remote::Kind::Other }
    } else {
        let mut target = Target::find(repository)?;
        if target.commit.is_none() {
            target.commit = repository.commit_of(&args.version)?;
        }
        target
    };
    if repository.context.check {
        state.after.clone_from(&target.commit);
        state.submodules_changed =
            args.recursive && !args.bare && target.commit == before && repository.has_old_submodules()?;
    } else {
        if target.commit != before || url_changed || !repository.has(&target)? {
            repository.fetch(&target)?;
        }
        if !args.bare {
            repository.switch(&target)?;
        }
        repository.verify(&target)?;
        if args.recursive && !args.bare {
            state.submodules_changed = repository.update_submodules()?;
        }
        state.after = repository.head()?;
    }
    state.changed |= state.after != before || url_changed || state.submodules_changed;
    Ok(state)
}

/// Whether two addresses of a repository are the same: a path and its `file://` address are.
fn same_address(one: &str, other: &str) -> bool {
    let plain = |address: &str| {
        let path = address.strip_prefix("file://").unwrap_or(address).trim_end_matches('/').to_owned();
        if path.starts_with('/') { file::tidy(path.as_ref()).to_string_lossy().into_owned() } else { path }
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests;
