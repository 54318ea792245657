//! `file`: files, folders and links, and their attributes.

mod folder;
mod link;
mod times;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::args::{Arguments, Choice};
use crate::module::Doing as _;
use crate::system::attributes::{self, AttributeChange, FileAttributes};
use crate::system::file;
use crate::{Context, Module, ModuleError, Outcome};
use times::{Time, Times};

/// How many paths below a folder that goes are listed in a difference.
const MOST_LISTED: usize = 1000;

/// Makes, changes and removes files, folders and links. Contents are for `copy` and `template`.
#[derive(Arguments)]
pub struct FileArgs {
    /// The path.
    #[arg(alias = "dest", alias = "name")]
    path: PathBuf,
    /// What should be there: `file` (only attributes are changed, nothing is made), `directory` (made with all above
    /// it), `link`, `hard`, `touch` (an empty file if nothing is there, else new times), or `absent` (folders go with
    /// all in them). Unless given, what is there; `file` when nothing is, and `directory` with `recurse`.
    state: Option<State>,
    /// What a link leads to. Of a symbolic link the text itself: relative to the folder the link is in.
    src: Option<PathBuf>,
    /// Give all below a folder the same attributes.
    #[arg(default = "false")]
    recurse: bool,
    /// Make a link though its source is absent, or in place of a file, a link or an empty folder.
    #[arg(default = "false")]
    force: bool,
    /// Follow a symbolic link at the path, and with `recurse` those below it.
    #[arg(default = "true")]
    follow: bool,
    /// Modification time: `preserve`, `now`, or a time in `modification_time_format`. Unless given, `now` for `touch`
    /// and else `preserve`.
    modification_time: Option<String>,
    /// How `modification_time` is written, in the directives of `strftime`.
    #[arg(default = "%Y%m%d%H%M.%S")]
    modification_time_format: String,
    /// Access time; as `modification_time`.
    access_time: Option<String>,
    /// How `access_time` is written.
    #[arg(default = "%Y%m%d%H%M.%S")]
    access_time_format: String,
    /// Owner, mode and the like.
    #[arg(flatten)]
    attributes: FileAttributes,
}

/// What should be at a path.
#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    Absent,
    Directory,
    File,
    Hard,
    Link,
    Touch,
}

/// The `file` module.
pub struct File;

impl Module for File {
    type Args = FileArgs;
    const NAME: &'static str = "file";
    const SUMMARY: &'static str = "Makes, changes and removes files, folders and links";

    fn run(args: FileArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let mut path = file::tidy(&args.path);
        // A slash after a link to a folder means the folder.
        let means_folder = path.is_dir() && args.path.to_string_lossy().ends_with('/');
        if means_folder && !matches!(args.state, Some(State::Absent | State::Link)) {
            path = file::follow(&path);
        }
        let found = file::look(&path)?;
        let state = args.state.unwrap_or(match &found {
            Some(found) if found.is_symlink() => State::Link,
            Some(found) if found.is_dir() => State::Directory,
            Some(found) if attributes::state(found) == "hard" => State::Hard,
            _ if args.recurse => State::Directory,
            _ => State::File,
        });
        if args.recurse && state != State::Directory {
            return Err(refused(&path, "recurse option requires state to be 'directory'"));
        }
        if args.src.is_some() && !matches!(state, State::Link | State::Hard) {
            return Err(refused(&path, "src option requires state to be 'link' or 'hard'"));
        }
        let unset = if state == State::Touch { Time::Now } else { Time::Preserve };
        let times = Times {
            access: Time::read(args.access_time.as_deref(), &args.access_time_format, unset)?,
            modification: Time::read(
                args.modification_time.as_deref(),
                &args.modification_time_format,
                unset,
            )?,
        };
        let mut task = Task { shown: args.path.clone(), path, times, args: &args };
        match state {
            State::Absent => absent(&task, context),
            State::Directory => folder::directory(&mut task, context),
            State::File => task.file(context),
            State::Hard => {
                // A folder given as the place of a file means a place in it.
                if let (true, Some(name)) =
                    (task.path.is_dir(), args.src.as_deref().and_then(Path::file_name))
                {
                    task.path.push(name);
                    task.shown.clone_from(&task.path);
                }
                link::hard(&task, context)
            }
            State::Link => link::symbolic(&task, context),
            State::Touch => task.touch(context),
        }
    }
}

/// One run of the module.
struct Task<'a> {
    path: PathBuf,
    /// The path as results name it: as given, unless it led elsewhere.
    shown: PathBuf,
    times: Times,
    args: &'a FileArgs,
}

impl Task<'_> {
    /// Gives an existing file attributes.
    fn file(&mut self, context: &Context) -> Result<Outcome, ModuleError> {
        if self.args.follow && self.path.is_symlink() {
            self.follow();
        }
        let path = self.path.as_path();
        let state = file::look(path)?.as_ref().map_or("absent", attributes::state);
        if !matches!(state, "file" | "hard") {
            let path_text = path.display();
            let hint = if state == "absent" { "; state=touch makes an empty file" } else { "" };
            return Err(refused(path, &format!("file ({path_text}) is {state}, cannot continue{hint}"))
                .with("state", state));
        }
        let mut change = self.args.attributes.apply(path, self.args.follow, context)?;
        change.extend(self.set_times(path, context)?);
        self.outcome("path", &change, context)
    }

    /// Goes on with what a link leads to.
    fn follow(&mut self) {
        self.path = file::follow(&self.path);
        self.shown.clone_from(&self.path);
    }

    /// Makes an empty file, or gives what is there new times.
    fn touch(&self, context: &Context) -> Result<Outcome, ModuleError> {
        let path = self.path.as_path();
        let mut change = AttributeChange::default();
        if file::look_through(path)?.is_none() && (self.args.follow || !path.is_symlink()) {
            change.note("state", "absent", "touch");
            change.extend(self.args.attributes.compare_new(path, false, context)?);
            if context.check {
                return self.outcome("dest", &change, context);
            }
            let made = fs::OpenOptions::new().create(true).append(true).open(path);
            made.doing(|| format!("cannot make {}", path.display()))?;
            self.set_times(path, context)?;
            self.args.attributes.apply(path, self.args.follow, context)?;
        } else {
            change.extend(self.args.attributes.apply(path, self.args.follow, context)?);
            change.extend(self.set_times(path, context)?);
        }
        self.outcome("dest", &change, context)
    }

    fn set_times(&self, path: &Path, context: &Context) -> Result<AttributeChange, ModuleError> {
        let follow = self.args.follow;
        match if follow { file::look_through(path)? } else { file::look(path)? } {
            Some(found) => self.times.apply(path, &found, follow, context.check),
            None => Ok(AttributeChange::default()),
        }
    }

    /// The result: what changed, and what is there now, with the path under the name Ansible gives it.
    fn outcome(
        &self,
        path_field: &str,
        change: &AttributeChange,
        context: &Context,
    ) -> Result<Outcome, ModuleError> {
        let mut outcome = Outcome::new(change.changed()).with(path_field, self.shown.to_string_lossy());
        outcome.result.extend(attributes::describe(&self.path, context)?);
        if context.diff && change.changed() {
            outcome.diff.push(change.diff(&self.path));
        }
        Ok(outcome)
    }
}

fn absent(task: &Task<'_>, context: &Context) -> Result<Outcome, ModuleError> {
    let path = task.path.as_path();
    let shown = task.shown.to_string_lossy();
    let mut outcome = Outcome::new(false).with("path", shown).with("state", "absent");
    let Some(found) = file::look(path)? else { return Ok(outcome) };
    if path.parent().is_none() {
        return Err(refused(path, "refusing to remove the root folder"));
    }
    outcome.changed = true;
    if context.diff {
        let mut change = AttributeChange::default();
        change.note("state", attributes::state(&found), "absent");
        if found.is_dir() {
            change.before.insert("path_content".to_owned(), content_of(path));
        }
        outcome.diff.push(change.diff(path));
    }
    if !context.check {
        let removed = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.doing(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(outcome)
}

/// The folders and files below a folder, as far as they can be read and are not too many to show.
fn content_of(folder: &Path) -> Value {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if folders.len() + files.len() == MOST_LISTED {
                return json!({"directories": folders, "files": files});
            }
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path.to_string_lossy().into_owned());
                waiting.push(path);
            } else {
                files.push(path.to_string_lossy().into_owned());
            }
        }
    }
    json!({"directories": folders, "files": files})
}

/// A failure that names the path, with what is there in the result.
fn refused(path: &Path, message: &str) -> ModuleError {
    let whole = if message.contains(&*path.to_string_lossy()) {
        message.to_owned()
    } else {
        format!("{}: {message}", path.display())
    };
    ModuleError::new(whole).with("path", path.to_string_lossy())
}

#[cfg(test)]
mod tests;
