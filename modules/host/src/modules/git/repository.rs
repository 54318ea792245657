//! The repository on this host, and the program that works on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::remote::{Kind, Target};
use super::{GitArgs, same_address};
use crate::context::NoExchange;
use crate::module::Doing as _;
use crate::system::command::Command;
use crate::system::{file, words};
use crate::{Context, ModuleError};

pub(super) struct Repository<'a> {
    pub(super) args: &'a GitArgs,
    pub(super) context: &'a Context,
    /// Where it comes from: a path as the address it is, so that `depth` holds for it too.
    pub(super) url: String,
    dest: PathBuf,
    program: PathBuf,
    umask: Option<String>,
}

impl<'a> Repository<'a> {
    pub(super) fn new(args: &'a GitArgs, context: &'a Context) -> Result<Self, ModuleError> {
        let program = args.executable.clone().or_else(|| context.find_program("git"));
        let program = program
            .ok_or_else(|| ModuleError::new("this host has no program git; install the package git"))?;
        let url =
            if args.repo.starts_with('/') { format!("file://{}", args.repo) } else { args.repo.clone() };
        let umask = match &args.umask {
            None | Some(Value::Null) => None,
            // YAML reads 022 as the octal number it is.
            Some(Value::Number(number)) => number.as_u64().map(|umask| format!("{umask:o}")),
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                return Err(ModuleError::new(format!("umask must be an octal integer, not {other}")));
            }
        };
        if let Some(umask) = umask.as_ref().filter(|umask| u32::from_str_radix(umask, 8).is_err()) {
            return Err(ModuleError::new(format!("umask must be an octal integer, not {umask}")));
        }
        Ok(Self { args, context, url, dest: file::tidy(&args.dest), program, umask })
    }

    /// Whether the folder is a repository.
    pub(super) fn is_there(&self) -> bool {
        if self.args.bare { self.dest.join("config").is_file() } else { self.dest.join(".git").exists() }
    }

    /// A command in the repository.
    pub(super) fn git(&self, arguments: &[&str]) -> Command {
        self.git_anywhere(arguments).folder(&self.dest)
    }

    /// A command in no folder in particular.
    pub(super) fn git_anywhere(&self, arguments: &[&str]) -> Command {
        let command = match &self.umask {
            Some(umask) => {
                let script = format!("umask {umask}; exec \"$0\" \"$@\"");
                self.context.tool("/bin/sh").argument("-c").argument(script).argument(&self.program)
            }
            None => self.context.tool(&self.program),
        };
        // Nobody is there to answer a question.
        command
            .arguments(arguments)
            .environment("GIT_TERMINAL_PROMPT", "0")
            .environment("GIT_SSH_COMMAND", self.ssh())
    }

    fn ssh(&self) -> String {
        let variable =
            |name: &str| self.context.environment.get(name).cloned().or_else(|| std::env::var(name).ok());
        let mut command =
            variable("GIT_SSH_COMMAND").or_else(|| variable("GIT_SSH")).unwrap_or_else(|| "ssh".to_owned());
        command.push_str(" -o BatchMode=yes");
        if self.args.accept_hostkey {
            command.push_str(" -o StrictHostKeyChecking=no");
        } else if self.args.accept_newhostkey {
            command.push_str(" -o StrictHostKeyChecking=accept-new");
        }
        if let Some(key) = &self.args.key_file {
            command.push_str(&format!(" -i {} -o IdentitiesOnly=yes", words::quote(&key.to_string_lossy())));
        }
        if let Some(options) = &self.args.ssh_opts {
            command.push(' ');
            command.push_str(options);
        }
        command
    }

    /// A context for what is not the task's own difference.
    pub(super) fn quiet_context(&self) -> Context {
        Context {
            check: self.context.check,
            diff: false,
            environment: self.context.environment.clone(),
            scratch: self.context.scratch.clone(),
            cancelled: Arc::clone(&self.context.cancelled),
            exchange: Box::new(NoExchange),
        }
    }

    /// The commit that is checked out; `None` in a repository without any.
    pub(super) fn head(&self) -> Result<Option<String>, ModuleError> {
        self.commit_of("HEAD")
    }

    /// The commit a name or the beginning of a hash means here.
    pub(super) fn commit_of(&self, name: &str) -> Result<Option<String>, ModuleError> {
        let name = format!("{name}^{{commit}}");
        let finished = self.git(&["rev-parse", "--verify", "--quiet", &name]).run()?;
        match (finished.code(), finished.stderr.is_empty()) {
            (0, _) => Ok(Some(finished.out().trim().to_owned())),
            (1, true) => Ok(None),
            _ => Err(finished.failure(&format!("cannot read the repository {}", self.dest.display()))),
        }
    }

    /// Whether files that Git knows were changed.
    pub(super) fn has_changes(&self) -> Result<bool, ModuleError> {
        let status = self.git(&["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=none"]);
        let told = status.succeed()?.out();
        // A submodule at another commit is moved back by updating it.
        let submodules = self.submodule_paths()?;
        Ok(told.lines().any(|line| !submodules.iter().any(|path| line.get(3..) == Some(path.as_str()))))
    }

    /// Gives the remote its address, or in check mode says whether it has another.
    pub(super) fn set_url(&self) -> Result<bool, ModuleError> {
        let remote = self.args.remote.as_str();
        let now = self.git(&["config", "--get", &format!("remote.{remote}.url")]).run()?;
        let now = now.out().trim().to_owned();
        if !now.is_empty() && same_address(&now, &self.args.repo) {
            return Ok(false);
        }
        if !self.context.check {
            let verb = if now.is_empty() { "add" } else { "set-url" };
            self.git(&["remote", verb, remote, &self.url]).succeed()?;
        }
        Ok(!now.is_empty())
    }

    pub(super) fn clone_from(&self, target: &Target) -> Result<(), ModuleError> {
        if let Some(parent) = self.dest.parent() {
            fs::create_dir_all(parent).doing(|| format!("cannot make the folder {}", parent.display()))?;
        }
        let depth = self.args.depth.map(|depth| format!("--depth={depth}"));
        let separate =
            self.args.separate_git_dir.as_ref().map(|path| format!("--separate-git-dir={}", path.display()));
        let dest = self.dest.to_string_lossy().into_owned();
        let mut arguments = vec!["clone", "--origin", &self.args.remote];
        if self.args.bare {
            arguments.push("--bare");
        } else {
            arguments.push("--no-checkout");
        }
        if let Kind::Branch(name) | Kind::Tag(name) = &target.kind {
            arguments.extend(["--branch", name]);
            // A commit without a name is found only in the whole history.
            arguments.extend(depth.as_deref());
        }
        if self.args.single_branch {
            arguments.push("--single-branch");
        }
        if let Some(reference) = &self.args.reference {
            arguments.extend(["--reference", reference]);
        }
        arguments.extend(separate.as_deref());
        arguments.extend([self.url.as_str(), &dest]);
        self.git_anywhere(&arguments).succeed()?;
        // A bare clone fetches again only what it is told to.
        if self.args.bare && self.args.remote != "origin" {
            let remote = self.args.remote.as_str();
            let known = self.git(&["config", "--get", &format!("remote.{remote}.url")]).run()?;
            if !known.status.success() {
                self.git(&["remote", "add", remote, &self.url]).succeed()?;
            }
        }
        if self.args.refspec.is_some() || !self.has(target)? {
            self.fetch(target)?;
        }
        Ok(())
    }

    /// Whether the commit of a version is here, and for a branch also under its name.
    pub(super) fn has(&self, target: &Target) -> Result<bool, ModuleError> {
        let name = match &target.kind {
            Kind::Branch(name) if self.args.bare => format!("refs/heads/{name}"),
            Kind::Branch(name) => format!("refs/remotes/{}/{name}", self.args.remote),
            Kind::Tag(name) => format!("refs/tags/{name}"),
            Kind::Other => self.args.version.clone(),
        };
        let found = self.commit_of(&name)?;
        Ok(found.is_some() && (target.commit.is_none() || found == target.commit))
    }

    /// Fetches a version: all branches and tags, or with a depth only what it needs.
    pub(super) fn fetch(&self, target: &Target) -> Result<(), ModuleError> {
        let remote = self.args.remote.as_str();
        let depth = self.args.depth.map(|depth| format!("--depth={depth}"));
        let (from, to) = if self.args.bare {
            ("heads", "heads".to_owned())
        } else {
            ("heads", format!("remotes/{remote}"))
        };
        let only = match &target.kind {
            Kind::Branch(name) => Some(format!("+refs/{from}/{name}:refs/{to}/{name}")),
            Kind::Tag(name) => Some(format!("+refs/tags/{name}:refs/tags/{name}")),
            Kind::Other => None,
        };
        let everything = format!("+refs/{from}/*:refs/{to}/*");
        let fetch = |options: &[&str], refspecs: &[&str]| {
            // A bare repository's own branch is what is fetched into.
            let own = if self.args.bare { &["--update-head-ok"][..] } else { &[] };
            self.git(&[&["fetch", "--force"], own, options, &[remote], refspecs].concat()).succeed()
        };
        match (&depth, &only) {
            (Some(depth), Some(only)) => fetch(&[depth], &[only])?,
            _ => fetch(&["--tags"], &[&everything])?,
        };
        if let Some(refspec) = &self.args.refspec {
            fetch(&[], &[refspec])?;
        }
        if target.kind == Kind::Other && self.commit_of(&self.args.version)?.is_none() {
            // What no branch or tag leads to, servers may still give by its name; a short history may lack it.
            let is_shallow =
                self.git(&["rev-parse", "--is-shallow-repository"]).succeed()?.out().trim() == "true";
            if is_shallow {
                fetch(&["--unshallow", "--tags"], &[&everything])?;
            } else {
                let asked = self.git(&["fetch", "--force", remote, &self.args.version]).run()?;
                if !asked.status.success() {
                    return Err(asked.failure(&format!(
                        "Failed to download remote objects and refs for {}",
                        self.args.version
                    )));
                }
            }
        }
        Ok(())
    }

    /// Checks a version out.
    pub(super) fn switch(&self, target: &Target) -> Result<(), ModuleError> {
        let checked_out = match &target.kind {
            Kind::Branch(name) => {
                let upstream = format!("{}/{name}", self.args.remote);
                let start = format!("refs/remotes/{upstream}");
                // `-B` moves a branch that is there, and makes one that is not.
                let finished = self.git(&["checkout", "--force", "-B", name, &start]).run()?;
                if finished.status.success() {
                    let set = format!("--set-upstream-to={upstream}");
                    self.git(&["branch", &set, name]).succeed()?;
                }
                finished
            }
            Kind::Tag(name) => self.git(&["checkout", "--force", &format!("refs/tags/{name}")]).run()?,
            Kind::Other if self.args.version == "HEAD" && self.head()?.is_none() => return Ok(()),
            Kind::Other => self.git(&["checkout", "--force", &self.args.version]).run()?,
        };
        if checked_out.status.success() {
            return Ok(());
        }
        Err(checked_out.failure(&format!("Failed to checkout {}", self.args.version)))
    }

    /// Checks the signature, when that is asked for.
    pub(super) fn verify(&self, target: &Target) -> Result<(), ModuleError> {
        if !self.args.verify_commit {
            return Ok(());
        }
        let finished = match &target.kind {
            Kind::Tag(name) if self.is_signed_tag(name)? => self.git(&["verify-tag", "--raw", name]).run()?,
            _ => self.git(&["verify-commit", "--raw", "HEAD"]).run()?,
        };
        if !finished.status.success() {
            let what = format!("Failed to verify GPG signature of commit/tag \"{}\"", self.args.version);
            return Err(finished.failure(&what));
        }
        if self.args.gpg_allowlist.is_empty() {
            return Ok(());
        }
        let told = finished.err();
        let fingerprints = told.lines().filter_map(|line| line.strip_prefix("[GNUPG:] VALIDSIG "));
        let mut keys = fingerprints.flat_map(str::split_whitespace);
        if keys.any(|key| self.args.gpg_allowlist.iter().any(|allowed| key.ends_with(allowed.as_str()))) {
            return Ok(());
        }
        Err(ModuleError::new("The gpg_allowlist does not include the public key that signed this commit"))
    }

    /// Whether a tag has a message, and so may have a signature.
    fn is_signed_tag(&self, name: &str) -> Result<bool, ModuleError> {
        Ok(self.git(&["cat-file", "-t", &format!("refs/tags/{name}")]).succeed()?.out().trim() == "tag")
    }

    fn submodule_paths(&self) -> Result<Vec<String>, ModuleError> {
        if !self.dest.join(".gitmodules").is_file() {
            return Ok(Vec::new());
        }
        let listed = self.git(&["config", "--file", ".gitmodules", "--get-regexp", r"\.path$"]).run()?;
        Ok(listed
            .out()
            .lines()
            .filter_map(|line| line.split_once(' ').map(|(_, path)| path.to_owned()))
            .collect())
    }

    /// Whether a submodule is at another commit than the one the repository names, or not there.
    pub(super) fn has_old_submodules(&self) -> Result<bool, ModuleError> {
        if self.submodule_paths()?.is_empty() {
            return Ok(false);
        }
        Ok(self.submodules()?.lines().any(|line| line.starts_with(['-', '+'])))
    }

    fn submodules(&self) -> Result<String, ModuleError> {
        Ok(self.git(&["submodule", "status", "--recursive"]).succeed()?.out())
    }

    /// Brings submodules to their commits; tells whether any moved.
    pub(super) fn update_submodules(&self) -> Result<bool, ModuleError> {
        if self.submodule_paths()?.is_empty() {
            return Ok(false);
        }
        let before = self.submodules()?;
        self.git(&["submodule", "sync", "--recursive"]).succeed()?;
        let mut arguments = vec!["submodule", "update", "--init", "--recursive"];
        if self.args.track_submodules {
            arguments.push("--remote");
        }
        if self.args.force {
            arguments.push("--force");
        }
        self.git(&arguments).succeed()?;
        Ok(self.submodules()? != before)
    }

    /// Moves the repository to a folder of its own, when that is asked for; tells where it was and is.
    pub(super) fn separate(&self) -> Result<Option<(String, String)>, ModuleError> {
        let Some(wanted) = &self.args.separate_git_dir else { return Ok(None) };
        let inside = self.dest.join(".git");
        let now = if inside.is_dir() {
            inside.clone()
        } else {
            let text = fs::read_to_string(&inside).doing(|| format!("cannot read {}", inside.display()))?;
            let named = text.trim().strip_prefix("gitdir:").unwrap_or_default().trim();
            self.dest.join(named)
        };
        if file::follow(&now) == file::follow(wanted) {
            return Ok(None);
        }
        if wanted.exists() {
            return Err(ModuleError::new(format!("separate_git_dir {} exists already", wanted.display())));
        }
        let told = |path: &Path| path.to_string_lossy().into_owned();
        if !self.context.check {
            fs::rename(&now, wanted)
                .doing(|| format!("cannot move {} to {}", now.display(), wanted.display()))?;
            fs::write(&inside, format!("gitdir: {}\n", wanted.display()))
                .doing(|| format!("cannot write {}", inside.display()))?;
        }
        Ok(Some((told(&now), told(wanted))))
    }
}
