//! Running commands of the host.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{Context, ModuleError};

/// How often a running command is asked whether it should be stopped.
const CANCEL_POLL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// How many commands have been asked to end and are waited for, whoever gave up their requests.
static ENDING: AtomicUsize = AtomicUsize::new(0);

/// What writes a command's standard input.
type Input = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// A command to run, in a process group of its own, ended when the request is cancelled.
pub struct Command {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    input: Option<Input>,
    cancelled: Arc<AtomicBool>,
    asked_to_end: bool,
}

/// What a finished command left.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Context {
    /// A command with the task's environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        Command {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            folder: None,
            input: None,
            cancelled: Arc::clone(&self.cancelled),
            asked_to_end: false,
        }
    }

    /// A command whose output will be read by the module: messages in plain English. A bare name is also looked for
    /// where the tools of the system are, which is not in everyone's `PATH`.
    pub fn tool(&self, program: impl AsRef<OsStr>) -> Command {
        let program = program.as_ref();
        let found =
            program.to_str().filter(|name| !name.contains('/')).and_then(|name| self.find_program(name));
        let command = match found {
            Some(path) => self.command(path),
            None => self.command(program),
        };
        command.environment("LC_ALL", "C").environment("LANGUAGE", "C")
    }

    /// The path of a program, looked for in the task's `PATH` and in the places of system tools.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let path =
            self.environment.get("PATH").cloned().or_else(|| std::env::var("PATH").ok()).unwrap_or_default();
        let folders = path.split(':').chain([
            "/usr/local/sbin",
            "/usr/local/bin",
            "/usr/sbin",
            "/usr/bin",
            "/sbin",
            "/bin",
        ]);
        folders
            .filter(|folder| !folder.is_empty())
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
    }
}

impl Command {
    /// Adds one argument.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn environment(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs it in this folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Writes this to its standard input; otherwise that is `/dev/null`.
    #[must_use]
    pub fn input(self, input: impl Into<Vec<u8>>) -> Self {
        let input = input.into();
        self.input_by(move |pipe| pipe.write_all(&input))
    }

    /// Lets this write its standard input, which need not fit into memory then.
    #[must_use]
    pub fn input_by(mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> Self {
        self.input = Some(Box::new(write));
        self
    }

    /// If the request is cancelled, asks it to end (by SIGINT) and waits until it does, instead of killing it: for what may have to
    /// finish what it is at, as apt-get while dpkg runs. The agent stays for as long.
    #[must_use]
    pub fn asked_to_end(mut self) -> Self {
        self.asked_to_end = true;
        self
    }

    /// The command line, for messages.
    pub fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end, whatever its exit status. `seen` is shown output while it comes.
    ///
    /// # Errors
    /// When it cannot be started, or the request was cancelled (the whole process group is then killed, unless it is
    /// [asked to end](Self::asked_to_end)).
    pub fn run_watched(self, seen: &mut dyn FnMut(&[u8])) -> Result<Finished, ModuleError> {
        let line = self.line();
        let mut command = std::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn().map_err(|error| {
            ModuleError::new(format!("cannot run `{line}`: {error}"))
                .with("cmd", line.as_str())
                .with("rc", error.raw_os_error().unwrap_or(2))
                .with("stdout", "")
                .with("stderr", "")
        })?;
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), self.input) {
            // A command that does not read its input to the end is no failure.
            std::thread::spawn(move || drop(input(&mut pipe)));
        }
        let mut stdout = Stream::of(child.stdout.take().map(OwnedFd::from));
        let mut stderr = Stream::of(child.stderr.take().map(OwnedFd::from));
        let group = Pid::from_child(&child);
        let wrong =
            |what: &str, error: io::Error| ModuleError::new(format!("cannot {what} `{line}`: {error}"));
        let mut exited: Option<ExitStatus> = None;
        let mut ending: Option<Ending> = None;
        while stdout.open() || stderr.open() {
            let some =
                read_ready([&mut stdout, &mut stderr], seen).map_err(|error| wrong("read from", error))?;
            if ending.is_none() && self.cancelled.load(Ordering::Relaxed) {
                if self.asked_to_end {
                    ending = Some(Ending::ask(Pid::from_child(&child)));
                    continue;
                }
                // The group may have ended by itself in the meantime.
                let _ = kill_process_group(group, Signal::KILL);
                let _ = child.wait();
                return Err(ModuleError::new(format!("`{line}` was cancelled")));
            }
            if some {
                continue;
            }
            // A daemon that the command left behind may hold the pipes open for ever: the command's own end counts,
            // once all that it wrote before has been read.
            if exited.is_some() {
                break;
            }
            exited = child.try_wait().map_err(|error| wrong("wait for", error))?;
        }
        let status = match exited {
            Some(status) => status,
            None => child.wait().map_err(|error| wrong("wait for", error))?,
        };
        if ending.is_some() {
            return Err(ModuleError::new(format!("`{line}` was cancelled")));
        }
        Ok(Finished { status, stdout: stdout.said, stderr: stderr.said })
    }

    /// Runs it to its end, whatever its exit status.
    ///
    /// # Errors
    /// As [`Self::run_watched`].
    pub fn run(self) -> Result<Finished, ModuleError> {
        self.run_watched(&mut |_| {})
    }

    /// Runs it and takes any exit status but 0 for a failure.
    ///
    /// # Errors
    /// As [`Self::run_watched`], and when it fails: then with its output.
    pub fn succeed(self) -> Result<Finished, ModuleError> {
        let line = self.line();
        let finished = self.run()?;
        if finished.status.success() {
            Ok(finished)
        } else {
            Err(finished.failure(&format!("`{line}` failed")))
        }
    }
}

/// Whether commands are waited for that were asked to end.
pub(crate) fn are_ending() -> bool {
    ENDING.load(Ordering::Acquire) > 0
}

/// A command that was asked to end, until it has.
struct Ending;

impl Ending {
    fn ask(command: Pid) -> Self {
        ENDING.fetch_add(1, Ordering::AcqRel);
        // Not the group: what the command has started, it sees to. It may have ended by itself in the meantime.
        let _ = kill_process(command, Signal::INT);
        Self
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        ENDING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a command writes, while it does.
struct Stream {
    /// Until its end was read.
    pipe: Option<File>,
    said: Vec<u8>,
}

impl Stream {
    fn of(pipe: Option<OwnedFd>) -> Self {
        Self { pipe: pipe.map(File::from), said: Vec::new() }
    }

    fn open(&self) -> bool {
        self.pipe.is_some()
    }
}

/// Reads from the streams that have something, or have ended; waits no longer than [`CANCEL_POLL`] for it. Tells whether
/// one had.
fn read_ready(streams: [&mut Stream; 2], seen: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
    let mut open: Vec<&mut Stream> = streams.into_iter().filter(|stream| stream.open()).collect();
    let mut watched: Vec<PollFd<'_>> = open
        .iter()
        .filter_map(|stream| stream.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)))
        .collect();
    match rustix::event::poll(&mut watched, Some(&CANCEL_POLL)) {
        Ok(0) => return Ok(false),
        // Whether there was something is not known.
        Err(Errno::INTR) => return Ok(true),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let ready: Vec<bool> = watched.iter().map(|one| !one.revents().is_empty()).collect();
    let mut buffer = [0; 16 * 1024];
    for (stream, _) in open.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
        let Some(pipe) = &mut stream.pipe else { continue };
        match pipe.read(&mut buffer) {
            Ok(0) => stream.pipe = None,
            Ok(length) => {
                let piece = buffer.get(..length).unwrap_or_default();
                seen(piece);
                stream.said.extend_from_slice(piece);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

impl Finished {
    /// The exit code, or minus the signal's number.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| -self.status.signal().unwrap_or(1))
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Its failure: what was being done, the last lines it said, and all of its output as fields.
    pub fn failure(&self, what: &str) -> ModuleError {
        let said = if self.stderr.is_empty() { self.out() } else { self.err() };
        let lines: Vec<&str> = said.trim_end().lines().collect();
        let last = lines[lines.len().saturating_sub(10)..].join("\n");
        ModuleError::new(format!("{what} (exit status {}): {last}", self.code()))
            .with("rc", self.code())
            .with("stdout", self.out())
            .with("stderr", self.err())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::modules::testing::context;

    #[test]
    fn both_streams_and_the_exit_code_are_kept() {
        let finished = context()
            .command("sh")
            .arguments(["-c", "cat; echo two >&2; exit 3"])
            .input("one")
            .run()
            .unwrap();
        assert_eq!((finished.out().as_str(), finished.err().as_str(), finished.code()), ("one", "two\n", 3));
    }

    #[test]
    fn a_daemon_holding_the_pipes_does_not_hold_the_command() {
        let started = std::time::Instant::now();
        let finished = context().command("sh").arguments(["-c", "sleep 30 & echo started"]).run().unwrap();
        assert_eq!(finished.out(), "started\n");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_was_said_last_is_kept_when_it_is_much() {
        let slow = |_: &[u8]| std::thread::sleep(Duration::from_millis(60));
        let command =
            context().command("sh").arguments(["-c", "sleep 3 & head -c 200000 /dev/zero; echo end"]);
        let finished = command.run_watched(&mut { slow }).unwrap();
        assert_eq!(finished.stdout.len(), 200_004);
        assert!(finished.stdout.ends_with(b"end\n"));
    }

    #[test]
    fn cancelling_kills_the_whole_group() {
        let context = context();
        context.cancelled.store(true, Ordering::Relaxed);
        let error = context.command("sh").arguments(["-c", "sleep 30; true"]).run().unwrap_err();
        assert!(error.to_string().contains("cancelled"), "{error}");
    }

    #[test]
    fn what_is_asked_to_end_finishes_what_it_is_at() {
        let folder = tempfile::tempdir().unwrap();
        let done = folder.path().join("done");
        let line = format!("trap 'asked=yes' INT; echo ready; sleep 1; echo $asked >{}", done.display());
        let context = context();
        let cancelled = Arc::clone(&context.cancelled);
        let command = context.command("sh").arguments(["-c", &line]).asked_to_end();
        let error = command.run_watched(&mut |_| cancelled.store(true, Ordering::Relaxed)).unwrap_err();
        assert!(error.to_string().contains("cancelled"), "{error}");
        assert_eq!(std::fs::read_to_string(&done).unwrap(), "yes\n");
    }
}
