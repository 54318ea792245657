//! What one act of loading keeps: its findings, and what led to the file being read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};
use clouder_lang::{Diagnostic, Span};

use super::Loader;
use crate::playbook::words::{self, Place};
use crate::playbook::{Layer, Origin, findings};

/// How deep imports and roles may lead to each other.
const DEPTH: usize = 500;

/// One act of loading.
pub(super) struct Session<'a> {
    pub(super) loader: &'a Loader,
    findings: Vec<Diagnostic>,
    /// How many of them only say that a role is not there, or cannot be reached for a circle.
    absent: usize,
    steps: Vec<Step>,
}

/// One import or role on the way to what is being read.
struct Step {
    /// What two steps of a circle have in common.
    key: String,
    /// In words: "imported at", "role `x` used at".
    words: String,
    span: Span,
}

/// Where tasks stand.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) layer: Arc<Layer>,
    /// Whether they are handlers.
    pub(super) handlers: bool,
    /// The file they are written in.
    pub(super) file: PathBuf,
}

impl Context {
    /// The same place with one more layer around.
    pub(super) fn within(&self, layer: Arc<Layer>) -> Self {
        Self { layer, handlers: self.handlers, file: self.file.clone() }
    }

    pub(super) fn place(&self) -> Place {
        if self.handlers { Place::Handler } else { Place::Task }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(loader: &'a Loader) -> Self {
        Self { loader, findings: Vec::new(), absent: 0, steps: Vec::new() }
    }

    /// Notes something that is wrong or doubtful.
    pub(super) fn find(&mut self, finding: Diagnostic) {
        let finding = self
            .steps
            .iter()
            .rev()
            .fold(finding, |finding, step| finding.via(step.words.clone(), &step.span));
        self.findings.push(finding);
    }

    /// Notes an error at a place.
    pub(super) fn error(&mut self, message: impl Into<String>, span: &Span) {
        self.find(Diagnostic::error(message, span));
    }

    /// Notes that a role is not there, or cannot be reached.
    pub(super) fn absent(&mut self, finding: Diagnostic) {
        self.absent += 1;
        self.find(finding);
    }

    /// Whether something could not be read, other than roles that are not there.
    pub(super) fn is_wrong(&self) -> bool {
        self.findings.iter().filter(|finding| finding.is_error()).count() > self.absent
    }

    /// Everything noted, in the order of places.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        findings::sorted(self.findings)
    }

    /// Goes one step further: `inside` is not entered when the same step was taken before, which would never end.
    pub(super) fn step<T>(
        &mut self,
        key: String,
        words: String,
        span: &Span,
        inside: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        if let Some(at) = self.steps.iter().position(|step| step.key == key) {
            let round: Vec<String> =
                self.steps.iter().skip(at).map(|step| step.key.clone()).chain([key]).collect();
            let finding =
                Diagnostic::error(format!("this goes round in a circle: {}", round.join(" → ")), span);
            self.absent(finding);
            return None;
        }
        if self.steps.len() >= DEPTH {
            let message = format!("imports and roles lead to each other more than {DEPTH} deep");
            self.absent(Diagnostic::error(message, span));
            return None;
        }
        self.steps.push(Step { key, words, span: span.clone() });
        let result = inside(self);
        self.steps.pop();
        Some(result)
    }

    /// The value of a text that must be known while loading.
    pub(super) fn resolve(&mut self, node: &Node, layer: Option<&Arc<Layer>>) -> Option<String> {
        if !node.is_template() {
            return Some(node.to_text().to_string());
        }
        match (self.loader.resolve)(node, layer) {
            Ok(text) => Some(text),
            Err(error) => {
                self.find(error.hint("imports are read before any host is known: use an include here"));
                None
            }
        }
    }

    /// Checks that every key may stand at a place, and that its value has the right form.
    pub(super) fn check_words(&mut self, mapping: &Mapping, place: Place) {
        for (name, entry) in mapping.iter() {
            match words::shape(place, name) {
                None => self.unknown_word(&entry.key, place),
                Some(shape) => {
                    if let Some(expected) = shape.refuses(&entry.value) {
                        let message = format!("`{name}` must be {expected}, not {}", described(&entry.value));
                        self.error(message, &entry.value.span);
                    }
                }
            }
        }
    }

    /// Notes a key that no such thing has.
    pub(super) fn unknown_word(&mut self, key: &Node, place: Place) {
        let word = key.to_text();
        let mut finding = Diagnostic::error(format!("{} has no keyword `{word}`", place.name()), &key.span);
        if let Some(advice) = words::replaced(&word) {
            finding = finding.hint(advice);
        } else if let Some(nearest) = place.nearest(&word) {
            finding = finding.hint(format!("did you mean `{nearest}`?"));
        } else if [Place::Task, Place::Block, Place::Play].iter().any(|other| other.allows(&word)) {
            let other =
                [Place::Task, Place::Block, Place::Play].into_iter().find(|other| other.allows(&word));
            finding = finding.hint(format!("it is a keyword of {}", other.unwrap_or(place).name()));
        }
        self.find(finding);
    }
}

/// A value in a few words: itself when it is short.
pub(super) fn described(node: &Node) -> String {
    match node.as_str() {
        Some(text) if text.len() <= 40 && !text.contains('\n') => format!("`{text}`"),
        _ => node.kind().to_owned(),
    }
}

/// The folder of the playbook a layer belongs to.
pub(super) fn playbook_folder(layer: &Layer) -> &Path {
    let play = layer.chain().find(|layer| matches!(layer.origin, Origin::Play));
    folder_of(play.unwrap_or(layer).span.source().name())
}

/// The folder of a file; `.` for a bare name.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
