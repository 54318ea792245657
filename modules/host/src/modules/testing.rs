//! What the tests of modules share.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::context::NoExchange;
use crate::system::checksum::Algorithm;
use crate::{Arguments as _, Context, Exchange, Module, ModuleError, Outcome};

/// A context of a run without a controller, that shows differences.
pub(crate) fn context() -> Context {
    Context {
        check: false,
        diff: true,
        environment: BTreeMap::new(),
        scratch: std::env::temp_dir(),
        cancelled: Arc::default(),
        exchange: Box::new(NoExchange),
    }
}

/// A controller that has some contents, and takes what it is given.
pub(crate) struct Contents {
    folder: tempfile::TempDir,
    /// What was asked for, by hash.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// What was given.
    pub(crate) given: Arc<Mutex<Vec<PathBuf>>>,
}

impl Contents {
    pub(crate) fn of(contents: &[&[u8]]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for content in contents {
            std::fs::write(folder.path().join(Algorithm::Sha256.of_bytes(content)), content).unwrap();
        }
        Self { folder, asked: Arc::default(), given: Arc::default() }
    }
}

impl Exchange for Contents {
    fn blob(&mut self, sha256: &str) -> Result<PathBuf, ModuleError> {
        self.asked.lock().unwrap().push(sha256.to_owned());
        let path = self.folder.path().join(sha256);
        if path.exists() { Ok(path) } else { Err(ModuleError::new(format!("no content {sha256}"))) }
    }

    fn give(&mut self, path: &Path) -> Result<(), ModuleError> {
        self.given.lock().unwrap().push(path.to_owned());
        Ok(())
    }

    fn output(&mut self, _bytes: &[u8]) {}
}

/// A context whose controller has one content, and the content's hash.
pub(crate) fn context_with(content: &[u8]) -> (Context, String) {
    let mut context = context();
    context.exchange = Box::new(Contents::of(&[content]));
    (context, Algorithm::Sha256.of_bytes(content))
}

/// Runs a module in a context of the test's own.
pub(crate) fn run_in<M: Module>(arguments: Value, context: &mut Context) -> Outcome {
    let Value::Object(arguments) = arguments else { panic!("arguments are a mapping") };
    match M::Args::read(arguments) {
        Ok(arguments) => M::run(arguments, context).unwrap_or_else(|error| error.into_outcome()),
        Err(error) => Outcome::failed(error.to_string()),
    }
}

/// Runs a module with arguments as a playbook would give them.
pub(crate) fn run<M: Module>(arguments: Value, check: bool) -> Outcome {
    let mut context = context();
    context.check = check;
    run_in::<M>(arguments, &mut context)
}

/// The contract of every module: check mode predicts the change and makes none, the run makes it, a second run
/// changes nothing. Returns the outcome of the run that changed.
pub(crate) fn changes_once<M: Module>(arguments: &Value) -> Outcome {
    let predicted = run::<M>(arguments.clone(), true);
    assert!(!predicted.failed && predicted.changed, "check mode predicts a change: {predicted:?}");
    let again = run::<M>(arguments.clone(), true);
    assert!(again.changed, "check mode changed something: {again:?}");
    let first = run::<M>(arguments.clone(), false);
    assert!(!first.failed && first.changed, "the run changes: {first:?}");
    let second = run::<M>(arguments.clone(), false);
    assert!(!second.failed && !second.changed, "the second run does not: {second:?}");
    let check = run::<M>(arguments.clone(), true);
    assert!(!check.changed, "nor is a change predicted then: {check:?}");
    first
}

/// A folder that goes with the returned value, and its path without symbolic links.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

/// The permissions of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

/// Why a module does not do its work.
pub(crate) fn refusal<M: Module>(arguments: &Value) -> String {
    let outcome = run::<M>(arguments.clone(), false);
    assert!(outcome.failed && !outcome.changed, "{arguments}: {outcome:?}");
    outcome.msg.unwrap()
}
