//! Values that only templates have: macros, modules, loops, namespaces, functions.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use indexmap::IndexMap;
use minijinja::machinery::ast;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, Value};

use super::inheritance::Blocks;
use super::variables::Names;
use crate::template::python::{equal, int_of, raise};
use crate::template::{Scope, Templates};

/// A function that templates call by name.
#[derive(Debug)]
pub(super) struct Native(pub(super) &'static str);

/// A macro, or the body of a `call` block.
pub(super) struct Macro {
    pub(super) declaration: &'static ast::Macro<'static>,
    /// The whole template.
    pub(super) text: &'static str,
    /// What it sees besides its arguments.
    pub(super) names: Arc<Names>,
    pub(super) scope: Arc<dyn Scope>,
    pub(super) engine: Weak<Templates>,
    pub(super) source: Option<super::File>,
    pub(super) blocks: Blocks,
}

/// What a template exports.
#[derive(Debug)]
pub(super) struct Module(pub(super) IndexMap<&'static str, Value>);

impl Module {
    /// What is exported under a name.
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

/// `namespace()`: its attributes can be set.
#[derive(Debug)]
pub(in crate::template) struct Namespace(Mutex<IndexMap<String, Value>>);

impl Namespace {
    pub(super) fn new(values: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self(Mutex::new(values.into_iter().collect()))
    }

    /// Sets an attribute.
    pub(super) fn set(&self, name: &str, value: Value) {
        self.values().insert(name.to_owned(), value);
    }

    fn values(&self) -> MutexGuard<'_, IndexMap<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `loop` within a turn of a `for` block.
pub(super) struct Loop {
    pub(super) items: Arc<Vec<Value>>,
    pub(super) index: usize,
    pub(super) depth: usize,
    /// What `loop.changed` last saw.
    pub(super) seen: Arc<Mutex<Option<Vec<Value>>>>,
    /// The block itself, when it is recursive.
    pub(super) recursive: Option<&'static ast::ForLoop<'static>>,
    pub(super) names: Arc<Names>,
}

impl Loop {
    /// A method.
    pub(super) fn method(&self, name: &str, args: &[Value]) -> Result<Value, Error> {
        match name {
            "cycle" if args.is_empty() => Err(raise("no items for cycling given")),
            "cycle" => Ok(args[self.index % args.len()].clone()),
            "changed" => {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let same = seen.as_ref().is_some_and(|seen| {
                    seen.len() == args.len() && seen.iter().zip(args).all(|(one, two)| equal(one, two))
                });
                *seen = Some(args.to_vec());
                Ok(Value::from(!same))
            }
            _ => Err(raise(format!("'LoopContext' object has no attribute '{name}'"))),
        }
    }
}

/// `cycler(…)` and `joiner(…)`.
#[derive(Debug)]
pub(super) struct Cycle {
    items: Vec<Value>,
    at: Mutex<usize>,
    /// A joiner says nothing once, then always the same.
    joins: bool,
}

impl Cycle {
    pub(super) fn new(items: Vec<Value>, joins: bool) -> Self {
        Self { items, at: Mutex::default(), joins }
    }

    /// A method.
    pub(super) fn method(&self, name: &str) -> Result<Value, Error> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        match name {
            "next" => {
                let current = self.items.get(*at % self.items.len().max(1)).cloned().unwrap_or_default();
                *at += 1;
                Ok(current)
            }
            "reset" => {
                *at = 0;
                Ok(Value::from(()))
            }
            _ => Err(raise(format!("'Cycler' object has no attribute '{name}'"))),
        }
    }

    /// What a joiner says this time.
    pub(super) fn joined(&self) -> Option<Value> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        *at += 1;
        let first = *at == 1;
        self.joins
            .then(|| if first { Value::from("") } else { self.items.first().cloned().unwrap_or_default() })
    }
}

impl Object for Native {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

impl Macro {
    /// Whether a word stands in the template, so that the macro may use it.
    pub(super) fn word(&self, word: &str) -> bool {
        self.text.contains(word)
    }
}

impl fmt::Debug for Macro {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<Macro '{}'>", self.declaration.name)
    }
}

impl Object for Macro {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "name" => Value::from(self.declaration.name),
            "arguments" => {
                let name = |argument: &ast::Expr<'_>| match argument {
                    ast::Expr::Var(var) => Some(Value::from(var.id)),
                    _ => None,
                };
                Value::from(self.declaration.args.iter().filter_map(name).collect::<Vec<_>>())
            }
            "catch_varargs" => Value::from(self.word("varargs")),
            "catch_kwargs" => Value::from(self.word("kwargs")),
            "caller" => Value::from(self.word("caller")),
            _ => return None,
        })
    }
}

impl Object for Module {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key.as_str()?)
    }
}

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.values().get(key.as_str()?).cloned()
    }
}

impl Object for Cycle {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        (key.as_str()? == "current").then(|| self.items.get(at % self.items.len().max(1)).cloned())?
    }
}

impl fmt::Debug for Loop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<LoopContext {}/{}>", self.index + 1, self.items.len())
    }
}

impl Object for Loop {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (index, length) = (self.index, self.items.len());
        Some(match key.as_str()? {
            "index" => Value::from(index + 1),
            "index0" => Value::from(index),
            "revindex" => Value::from(length - index),
            "revindex0" => Value::from(length - index - 1),
            "first" => Value::from(index == 0),
            "last" => Value::from(index + 1 == length),
            "length" => Value::from(length),
            "depth" => Value::from(self.depth + 1),
            "depth0" => Value::from(self.depth),
            "previtem" => self.items.get(index.checked_sub(1)?)?.clone(),
            "nextitem" => self.items.get(index + 1)?.clone(),
            _ => return None,
        })
    }
}

/// `range(…)`.
#[derive(Debug)]
pub(super) struct Range {
    start: i128,
    step: i128,
    length: usize,
}

impl Range {
    /// A range of so many numbers.
    pub(super) fn from_arguments(args: &[Value]) -> Result<Value, Error> {
        const MOST: i128 = 10_000_000;
        let number = |at: usize| {
            let value = args.get(at).ok_or_else(|| raise("range expected at least 1 argument, got 0"))?;
            int_of(value).ok_or_else(|| {
                let name = crate::template::python::type_name(value);
                raise(format!("'{name}' object cannot be interpreted as an integer"))
            })
        };
        let (start, stop, step) = match args.len() {
            0 | 1 => (0, number(0)?, 1),
            2 => (number(0)?, number(1)?, 1),
            _ => (number(0)?, number(1)?, number(2)?),
        };
        if step == 0 {
            return Err(raise("range() arg 3 must not be zero"));
        }
        let distance = if step > 0 { stop - start } else { start - stop };
        let length = if distance <= 0 { 0 } else { (distance - 1) / step.abs() + 1 };
        if length > MOST {
            return Err(raise("the range is too long"));
        }
        let length = usize::try_from(length).unwrap_or(0);
        Ok(Value::from_object(Self { start, step, length }))
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = key.as_usize().filter(|at| *at < self.length)?;
        let number = self.start + self.step * i128::try_from(at).ok()?;
        Some(i64::try_from(number).map_or_else(|_| Value::from(number), Value::from))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.length)
    }
}
