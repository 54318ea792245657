//! `for` blocks.

use std::sync::{Arc, Mutex};

use minijinja::Value;
use minijinja::machinery::ast::{Expr, ForLoop};

use super::objects::Loop;
use super::statements::Next;
use super::{Fault, Flow, Interpreter};
use crate::template::python;

impl Interpreter<'_> {
    pub(super) fn for_loop(&mut self, block: &'static ForLoop<'static>, depth: usize) -> Flow<Next> {
        let list = self.present(&block.iter)?;
        let list = self.placed(python::iterate(&list), block.iter.span())?;
        self.turns(block, list, depth)
    }

    fn turns(&mut self, block: &'static ForLoop<'static>, list: Vec<Value>, depth: usize) -> Flow<Next> {
        let mut items = list;
        if let Some(condition) = &block.filter_expr {
            let mut kept = Vec::new();
            for item in items {
                let keep = self.nested(|this| {
                    this.assign(&block.target, item.clone())?;
                    Ok(this.present(condition)?.is_true())
                })?;
                if keep {
                    kept.push(item);
                }
            }
            items = kept;
        }
        if items.is_empty() {
            return self.nested(|this| this.run(&block.else_body));
        }
        let items = Arc::new(items);
        let seen = Arc::new(Mutex::new(None));
        for (index, item) in items.iter().enumerate() {
            let turn = Loop {
                items: Arc::clone(&items),
                index,
                depth,
                seen: Arc::clone(&seen),
                recursive: block.recursive.then_some(block),
                names: Arc::clone(&self.names),
            };
            let next = self.nested(|this| {
                this.assign(&block.target, item.clone())?;
                this.names.set("loop", Value::from_object(turn));
                this.run(&block.body)
            })?;
            if matches!(next, Next::Break) {
                break;
            }
        }
        Ok(Next::On)
    }

    /// `loop(items)` in a recursive block.
    pub(super) fn call_loop(&mut self, this: &Loop, items: Option<&Value>) -> Flow<Value> {
        let block = this.recursive.ok_or_else(|| {
            Fault::new("the loop must have the 'recursive' marker to be called recursively")
        })?;
        let items = python::iterate(items.unwrap_or(&Value::UNDEFINED))?;
        let depth = this.depth + 1;
        if depth > 100 {
            return Err(Fault::new("the loop calls itself without an end"));
        }
        let names = std::mem::replace(&mut self.names, Arc::clone(&this.names));
        let result = self.captured(|this| this.turns(block, items, depth).map(drop));
        self.names = names;
        result
    }

    /// Gives names their values: one, several at once, or an attribute of a namespace.
    pub(super) fn assign(&mut self, target: &'static Expr<'static>, value: Value) -> Flow<()> {
        let targets = match target {
            Expr::Var(var) => {
                self.names.set(var.id, value);
                return Ok(());
            }
            Expr::GetAttr(attribute) => {
                let object = self.present(&attribute.expr)?;
                let namespace = object.downcast_object_ref::<super::Namespace>().ok_or_else(|| {
                    Fault::new("cannot assign attribute on non-namespace object")
                        .at(attribute.span(), self.file())
                })?;
                namespace.set(attribute.name, value);
                return Ok(());
            }
            Expr::List(list) => &list.items,
            Expr::Tuple(tuple) => &tuple.items,
            other => {
                return Err(Fault::new("this cannot be assigned to").at(other.span(), self.file()));
            }
        };
        let value = self.used(value, target.span())?;
        let values = self.placed(python::iterate(&value), target.span())?;
        if values.len() != targets.len() {
            let (expected, got) = (targets.len(), values.len());
            let message = if got > expected {
                format!("too many values to unpack (expected {expected})")
            } else {
                format!("not enough values to unpack (expected {expected}, got {got})")
            };
            return Err(Fault::new(message).at(target.span(), self.file()));
        }
        for (target, value) in targets.iter().zip(values) {
            self.assign(target, value)?;
        }
        Ok(())
    }
}
