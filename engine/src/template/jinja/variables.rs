//! The names that a template sets for itself, and where it finds all others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::Value;
use minijinja::machinery::Span;

use super::objects::Module;
use super::{Flow, Interpreter, natives};
use crate::template::evaluation::reading;
use crate::template::python::{Missing, changeable, is_missing};

/// Names set in one block of a template; blocks within see them, too.
#[derive(Debug)]
pub(super) struct Names {
    parent: Option<Arc<Self>>,
    values: Mutex<Vec<(&'static str, Value)>>,
    /// Whether variables are copied before the template sees them, because it changes them.
    changes: bool,
    /// Copies of variables, in the outermost block only.
    copies: Mutex<Vec<(&'static str, Value)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Names {
    /// Names below others, or the outermost ones.
    pub(super) fn new(parent: Option<Arc<Self>>, changes: bool) -> Arc<Self> {
        Arc::new(Self { parent, values: Mutex::default(), changes, copies: Mutex::default() })
    }

    /// A name as set here or further out.
    fn get(&self, name: &str) -> Option<Value> {
        let mut names = self;
        loop {
            if let Some((_, value)) = locked(&names.values).iter().rev().find(|(known, _)| *known == name) {
                return Some(value.clone());
            }
            names = names.parent.as_deref()?;
        }
    }

    /// Sets a name here.
    pub(super) fn set(&self, name: &'static str, value: Value) {
        let mut values = locked(&self.values);
        match values.iter_mut().find(|(known, _)| *known == name) {
            Some(slot) => slot.1 = value,
            None => values.push((name, value)),
        }
    }

    /// All that is set here, as a module has it.
    pub(super) fn exported(&self) -> Vec<(&'static str, Value)> {
        locked(&self.values).clone()
    }

    fn outermost(&self) -> &Self {
        let mut names = self;
        while let Some(parent) = names.parent.as_deref() {
            names = parent;
        }
        names
    }
}

impl Interpreter<'_> {
    /// Opens a block of names.
    pub(super) fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Flow<T>) -> Flow<T> {
        let names = Names::new(Some(Arc::clone(&self.names)), false);
        let outer = std::mem::replace(&mut self.names, names);
        let result = work(self);
        self.names = outer;
        result
    }

    /// The value of a name; missing when there is none.
    pub(super) fn read(&mut self, name: &'static str, span: Span) -> Flow<Value> {
        if let Some(value) = self.names.get(name) {
            return Ok(value);
        }
        let outermost = self.names.outermost();
        if outermost.changes
            && let Some((_, copy)) = locked(&outermost.copies).iter().find(|(known, _)| *known == name)
        {
            return Ok(copy.clone());
        }
        let found = reading(self.scope, name).map_err(|fault| fault.at(span, self.file()))?;
        let value = match found {
            Some(Ok(value)) => value,
            Some(Err(error)) if error.undefined.is_some() || error.sealed.is_some() => {
                return Ok(Missing::failed(error));
            }
            Some(Err(error)) => {
                let mut fault: Box<super::Fault> = error.into();
                fault = fault.at(span, self.file());
                return Err(fault);
            }
            None => match name {
                "caller" | "loop" | "self" | "super" | "varargs" | "kwargs" => {
                    return Ok(Missing::variable(name));
                }
                _ => {
                    let function = natives::named(name).or_else(|| self.state.lookup(name));
                    return Ok(function.unwrap_or_else(|| Missing::variable(name)));
                }
            },
        };
        let outermost = self.names.outermost();
        if outermost.changes && !is_missing(&value) && value.downcast_object_ref::<Module>().is_none() {
            // `vars` and `hostvars` are too much to copy, and nobody changes them.
            if !matches!(name, "vars" | "hostvars") {
                let copy = changeable(&value);
                locked(&outermost.copies).push((name, copy.clone()));
                return Ok(copy);
            }
        }
        Ok(value)
    }
}
