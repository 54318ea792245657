//! What is remembered while a template is evaluated: variables that are missing, errors of variables, how deep we are.
//!
//! A variable that is missing is no error yet: `default` and `is defined` may ask for it. So each one is noted when it is
//! read, taken off the notes by those that tolerate it, and an error if it is still there at the end.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, Value};

use super::{Scope, TemplateError};

/// How deep variables may lead to variables.
const DEPTH: usize = 60;

/// One evaluation under way.
struct Frame {
    scope: Arc<dyn Scope>,
    missing: Vec<(u64, String, Option<TemplateError>)>,
    error: Option<TemplateError>,
}

#[derive(Default)]
struct Stack {
    frames: Vec<Frame>,
    next: u64,
}

thread_local! {
    static STACK: RefCell<Stack> = RefCell::default();
}

/// Evaluates something in a scope; what is still missing at its end is its error.
pub(super) fn within<T>(
    scope: &Arc<dyn Scope>,
    evaluate: impl FnOnce() -> Result<T, Error>,
) -> Result<Result<T, Error>, TemplateFailure> {
    let depth = STACK.with_borrow_mut(|stack| {
        stack.frames.push(Frame { scope: Arc::clone(scope), missing: Vec::new(), error: None });
        stack.frames.len()
    });
    let result = if depth > DEPTH {
        Err(Error::new(
            ErrorKind::InvalidOperation,
            "variables lead to variables without an end (a recursive loop)",
        ))
    } else {
        evaluate()
    };
    let frame = STACK.with_borrow_mut(|stack| stack.frames.pop());
    let Some(frame) = frame else { return Ok(result) };
    if let Some(error) = frame.error.filter(|_| result.is_err()) {
        return Err(TemplateFailure::Inner(Box::new(error)));
    }
    match frame.missing.into_iter().next() {
        Some((_, _, Some(error))) => Err(TemplateFailure::Inner(Box::new(error))),
        Some((_, name, None)) => Err(TemplateFailure::Missing(name)),
        None => Ok(result),
    }
}

/// Why an evaluation has no value, besides an error of the template itself.
pub(super) enum TemplateFailure {
    /// A variable that is not there.
    Missing(String),
    /// The error of a variable that was read.
    Inner(Box<TemplateError>),
}

/// The folders files are looked for in, of the innermost evaluation.
pub(super) fn search_path() -> Vec<PathBuf> {
    scope().map(|scope| scope.search_path()).unwrap_or_default()
}

/// The scope of the innermost evaluation.
pub(super) fn scope() -> Option<Arc<dyn Scope>> {
    STACK.with_borrow(|stack| stack.frames.last().map(|frame| Arc::clone(&frame.scope)))
}

/// The variables of a scope, for minijinja.
pub(super) struct Root {
    pub(super) scope: Arc<dyn Scope>,
    /// Names that are functions unless a variable hides them.
    pub(super) functions: &'static [&'static str],
}

impl fmt::Debug for Root {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("variables")
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if self.functions.contains(&name) {
            return None;
        }
        match self.scope.variable(name) {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) if error.undefined.is_some() => Some(missing(name, Some(error))),
            Some(Err(error)) => {
                let told = Value::from(Error::new(ErrorKind::InvalidOperation, error.to_string()));
                STACK.with_borrow_mut(|stack| {
                    if let Some(frame) = stack.frames.last_mut() {
                        frame.error.get_or_insert(error);
                    }
                });
                Some(told)
            }
            None => Some(missing(name, None)),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.scope.names().iter().map(|name| Value::from(name.as_ref())).collect())
    }
}

/// A variable that is missing, or a part of one.
#[derive(Debug)]
struct Missing {
    note: u64,
}

impl Object for Missing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    /// What is missing has no parts: those are missing, too, as one with it.
    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::from_object(Self { note: self.note }))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn missing(name: &str, error: Option<TemplateError>) -> Value {
    let note = STACK.with_borrow_mut(|stack| {
        stack.next += 1;
        let note = stack.next;
        if let Some(frame) = stack.frames.last_mut() {
            frame.missing.push((note, name.to_owned(), error));
        }
        note
    });
    Value::from_object(Missing { note })
}

/// Whether a value is missing; if so, that is no error.
pub(super) fn tolerate(value: &Value) -> bool {
    if let Some(missing) = value.downcast_object_ref::<Missing>() {
        STACK.with_borrow_mut(|stack| {
            if let Some(frame) = stack.frames.last_mut() {
                frame.missing.retain(|(note, _, _)| *note != missing.note);
            }
        });
        return true;
    }
    value.is_undefined()
}

/// Whether a value is missing.
pub(super) fn is_missing(value: &Value) -> bool {
    value.is_undefined() || value.downcast_object_ref::<Missing>().is_some()
}
