//! What is remembered while a template is evaluated: whose variables it sees, and how deep we are.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use super::Scope;
use super::jinja::{Fault, Flow};

/// How deep variables may lead to variables.
const DEPTH: usize = 60;

thread_local! {
    static SCOPES: RefCell<Vec<Arc<dyn Scope>>> = RefCell::default();
}

/// Evaluates something in a scope.
pub(super) fn within<T>(scope: &Arc<dyn Scope>, evaluate: impl FnOnce() -> Flow<T>) -> Flow<T> {
    let depth = SCOPES.with_borrow_mut(|scopes| {
        scopes.push(Arc::clone(scope));
        scopes.len()
    });
    let result = if depth > DEPTH {
        Err(Fault::new("variables lead to variables without an end (a recursive loop)"))
    } else {
        evaluate()
    };
    SCOPES.with_borrow_mut(Vec::pop);
    result
}

/// The folders files are looked for in, of the innermost evaluation.
pub(super) fn search_path() -> Vec<PathBuf> {
    scope().map(|scope| scope.search_path()).unwrap_or_default()
}

/// The scope of the innermost evaluation.
pub(super) fn scope() -> Option<Arc<dyn Scope>> {
    SCOPES.with_borrow(|scopes| scopes.last().cloned())
}
