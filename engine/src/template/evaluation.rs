//! What is remembered while a template is evaluated: whose variables it sees, and how deep we are.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::Value;

use super::jinja::{Fault, Flow};
use super::{Scope, TemplateError};

/// How deep variables may lead to variables.
const DEPTH: usize = 60;

/// How deep expressions and statements may be inside of each other, through includes, macros and variables. The stack of
/// the program's main thread ([`crate::cli::STACK`]) holds this many.
const LEVELS: usize = 2000;

const ENDLESS: &str = "variables lead to variables without an end (a recursive loop)";

#[derive(Default)]
struct Stack {
    scopes: Vec<Arc<dyn Scope>>,
    /// The variables that are being read, each with where its scope is in memory.
    reading: Vec<(usize, String)>,
    /// Whether it went too deep: then nothing more is read until it is all over, or each way out would try others.
    exhausted: bool,
}

thread_local! {
    static STACK: RefCell<Stack> = RefCell::default();
    static LEVEL: Cell<usize> = const { Cell::new(0) };
}

/// Evaluates an expression or statement, unless it is too deep inside of others.
pub(super) fn deeper<T>(evaluate: impl FnOnce() -> Flow<T>) -> Flow<T> {
    let level = LEVEL.get();
    if level >= LEVELS {
        return Err(Fault::new("templates lead to templates without an end"));
    }
    LEVEL.set(level + 1);
    let result = evaluate();
    LEVEL.set(level);
    result
}

/// Evaluates something in a scope.
pub(super) fn within<T>(scope: &Arc<dyn Scope>, evaluate: impl FnOnce() -> Flow<T>) -> Flow<T> {
    let exhausted = STACK.with_borrow_mut(|stack| {
        stack.scopes.push(Arc::clone(scope));
        stack.exhausted |= stack.scopes.len() > DEPTH;
        stack.exhausted
    });
    let result = if exhausted { Err(Fault::new(ENDLESS)) } else { evaluate() };
    STACK.with_borrow_mut(|stack| {
        stack.scopes.pop();
        stack.exhausted &= !stack.scopes.is_empty();
    });
    result
}

/// Reads a variable; one that is being read already leads back to itself, and never has a value.
pub(super) fn reading(scope: &Arc<dyn Scope>, name: &str) -> Flow<Option<Result<Value, TemplateError>>> {
    let place = Arc::as_ptr(scope).cast::<()>().addr();
    STACK.with_borrow_mut(|stack| {
        if stack.exhausted {
            return Err(Fault::new(ENDLESS));
        }
        let same = |(at, read): &(usize, String)| *at == place && read == name;
        if let Some(start) = stack.reading.iter().position(same) {
            let names = stack.reading.iter().skip(start).map(|(_, name)| name.as_str());
            let chain: Vec<&str> = names.chain([name]).collect();
            return Err(Fault::new(format!("variables lead to themselves: {}", chain.join(" → "))));
        }
        stack.reading.push((place, name.to_owned()));
        Ok(())
    })?;
    let found = Arc::clone(scope).variable(name);
    STACK.with_borrow_mut(|stack| stack.reading.pop());
    Ok(found)
}

/// The folders files are looked for in, of the innermost evaluation.
pub(super) fn search_path() -> Vec<PathBuf> {
    scope().map(|scope| scope.search_path()).unwrap_or_default()
}

/// The scope of the innermost evaluation.
pub(super) fn scope() -> Option<Arc<dyn Scope>> {
    STACK.with_borrow(|stack| stack.scopes.last().cloned())
}
