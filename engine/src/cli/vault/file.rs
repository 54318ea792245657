//! The files of these commands; `-` is standard input and output.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_modules::system::attributes::{FileAttributes, Mode};
use clouder_modules::system::file::{follow, replace};
use clouder_modules::{Context, NoExchange};
use clouder_vault::{Keyring, Opened};

use super::super::Failure;
use super::WRONG_OPTIONS;

/// What a file may be done by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Access {
    /// Its owner alone may read it.
    Private,
    /// What it was before.
    Kept,
}

/// Whether standard input or output is meant.
pub(super) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// The files that are named, or standard input.
pub(super) fn or_standard(files: &[PathBuf]) -> Vec<PathBuf> {
    if files.is_empty() { vec![PathBuf::from("-")] } else { files.to_vec() }
}

/// Refuses one output for several inputs.
pub(super) fn one_output(inputs: usize, output: Option<&Path>) -> Result<(), Failure> {
    if output.is_some() && inputs > 1 {
        let message = "--output takes what comes of one input, not of several";
        return Err(Failure::new(message, "give them one by one").code(WRONG_OPTIONS));
    }
    Ok(())
}

/// Reads a file, or standard input, of which `what` is expected.
pub(super) fn read(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    if !is_standard(path) {
        return fs::read(path).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
                _ => error.to_string(),
            };
            Failure::plain(format!("cannot read {}: {why}", path.display()))
        });
    }
    if io::stdin().is_terminal() {
        note(&format!("Reading {what} from standard input; ctrl-d ends it"));
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens what is encrypted.
pub(super) fn open<'a>(keyring: &'a Keyring, bytes: &[u8], path: &Path) -> Result<Opened<'a>, Failure> {
    keyring.open(bytes).map_err(|error| {
        let name = if is_standard(path) { "standard input".into() } else { path.to_string_lossy() };
        Failure::new(format!("cannot decrypt {name}: {error}"), error.hint())
    })
}

/// Writes a file whole or not at all, or to standard output. A link is followed; the owner stays the same.
pub(super) fn write(path: &Path, bytes: &[u8], access: Access) -> Result<(), Failure> {
    if is_standard(path) {
        let mut out = io::stdout().lock();
        // A reader that went away is no failure.
        let _ = out.write_all(bytes).and_then(|()| out.flush());
        return Ok(());
    }
    let told = |why: String| Failure::plain(format!("cannot write {}: {why}", path.display()));
    let target = std::path::absolute(follow(path)).map_err(|error| told(error.to_string()))?;
    let old = fs::metadata(&target).ok();
    if old.is_some_and(|old| !old.is_file()) {
        // A device or a pipe is written to; a folder refuses.
        let opened = File::options().write(true).open(&target);
        return opened.and_then(|mut file| file.write_all(bytes)).map_err(|error| told(error.to_string()));
    }
    let mode = (access == Access::Private).then(|| Mode("0600".to_owned()));
    let attributes = FileAttributes { mode, ..FileAttributes::default() };
    replace(&target, bytes, &attributes, &context()).map_err(|error| told(error.to_string()))
}

/// Replaces a file that holds a secret by another content, so that the secret does not stay on the disk.
pub(super) fn replace_secret(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let old = File::options().write(true).open(path);
    let old = old.and_then(|old| old.metadata().map(|metadata| (old, metadata)));
    write(path, bytes, Access::Private)?;
    let Ok((old, metadata)) = old else { return Ok(()) };
    if metadata.nlink() > 1 {
        note(&format!("{} has other names (hard links), under which it is not encrypted", path.display()));
        return Ok(());
    }
    // Some file systems keep what is overwritten; more cannot be done.
    let _ = wipe(&old, metadata.len());
    Ok(())
}

/// Overwrites a file.
pub(super) fn wipe(file: &File, length: u64) -> io::Result<()> {
    let mut file = file;
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_data()
}

/// Tells something that is no result: on standard error.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Tells that it is done, where somebody looks on.
pub(super) fn done(text: &str) {
    if io::stdout().is_terminal() {
        note(text);
    }
}

/// The surroundings of a file that is replaced here.
fn context() -> Context {
    Context {
        check: false,
        diff: false,
        environment: BTreeMap::new(),
        scratch: PathBuf::new(),
        cancelled: Arc::default(),
        exchange: Box::new(NoExchange),
    }
}
