//! Statements.

use std::sync::Arc;

use minijinja::Value;
use minijinja::machinery::ast::{self, Expr, Stmt};

use super::calls::Arguments;
use super::objects::Macro;
use super::variables::Names;
use super::{Fault, Flow, Interpreter};
use crate::template::evaluation::deeper;
use crate::template::python::{Dict, List, Missing};

/// How it goes on after a statement.
pub(super) enum Next {
    /// With the next one.
    On,
    /// After the loop.
    Break,
    /// With the next turn of the loop.
    Continue,
}

impl Interpreter<'_> {
    pub(super) fn run(&mut self, statements: &'static [Stmt<'static>]) -> Flow<Next> {
        for statement in statements {
            match deeper(|| self.statement(statement))? {
                Next::On => {}
                other => return Ok(other),
            }
        }
        Ok(Next::On)
    }

    fn statement(&mut self, statement: &'static Stmt<'static>) -> Flow<Next> {
        match statement {
            Stmt::Template(template) => return self.run(&template.children),
            Stmt::EmitRaw(text) => {
                if !text.raw.is_empty() && !self.blocks.is_silent() {
                    self.output.push(Value::from(text.raw));
                }
            }
            Stmt::EmitExpr(emit) => {
                if self.blocks.is_silent() {
                    return Ok(Next::On);
                }
                let value = self.value(&emit.expr)?;
                // An inline `if` without `else` is nothing.
                let value = if value.is_undefined() && matches!(emit.expr, Expr::IfExpr(_)) {
                    Value::from("")
                } else {
                    self.used(value, emit.expr.span())?
                };
                self.output.push(value);
            }
            Stmt::IfCond(choice) => {
                let holds = self.present(&choice.expr)?.is_true();
                return self.run(if holds { &choice.true_body } else { &choice.false_body });
            }
            Stmt::ForLoop(block) => return self.for_loop(block, 0),
            Stmt::WithBlock(block) => {
                return self.nested(|this| {
                    for (target, expression) in &block.assignments {
                        let value = this.value(expression)?;
                        this.assign(target, value)?;
                    }
                    this.run(&block.body)
                });
            }
            Stmt::Set(set) => {
                let value = self.value(&set.expr)?;
                self.assign(&set.target, value)?;
            }
            Stmt::SetBlock(block) => {
                let mut value = self.captured(|this| this.nested(|this| this.run(&block.body).map(drop)))?;
                if let Some(filter) = &block.filter {
                    value = self.filtered(filter, value)?;
                }
                self.assign(&block.target, value)?;
            }
            Stmt::FilterBlock(block) => {
                let value = self.captured(|this| this.nested(|this| this.run(&block.body).map(drop)))?;
                let value = self.filtered(&block.filter, value)?;
                self.output.push(value);
            }
            Stmt::AutoEscape(block) => return self.run(&block.body),
            Stmt::Do(block) => drop(self.call(&block.call)?),
            Stmt::Break(_) => return Ok(Next::Break),
            Stmt::Continue(_) => return Ok(Next::Continue),
            Stmt::Macro(declaration) => {
                let function = self.macro_of(declaration);
                self.names.set(declaration.name, function);
            }
            Stmt::CallBlock(block) => {
                let caller = self.macro_of(&block.macro_decl);
                let value = self.call_with_caller(&block.call, caller)?;
                self.output.push(value);
            }
            Stmt::Block(block) => self.block(block)?,
            Stmt::Extends(extends) => self.extends(extends)?,
            Stmt::Include(include) => self.include(include)?,
            Stmt::Import(import) => {
                let module = self.import(&import.expr)?;
                self.assign(&import.name, module)?;
            }
            Stmt::FromImport(import) => {
                let module = self.import(&import.expr)?;
                for (name, alias) in &import.names {
                    let Expr::Var(var) = name else { continue };
                    let value = self.attribute(&module, var.id);
                    self.assign(alias.as_ref().unwrap_or(name), value)?;
                }
            }
        }
        Ok(Next::On)
    }

    /// What some work puts out, instead of it going on.
    pub(super) fn captured(&mut self, work: impl FnOnce(&mut Self) -> Flow<()>) -> Flow<Value> {
        let outer = std::mem::take(&mut self.output);
        let result = work(self);
        let inner = std::mem::replace(&mut self.output, outer).take();
        result.map(|()| if inner.is_none() { Value::from("") } else { inner })
    }

    /// A chain of filters whose innermost value is given.
    fn filtered(&mut self, filter: &'static Expr<'static>, value: Value) -> Flow<Value> {
        let Expr::Filter(filter) = filter else { return Ok(value) };
        let value = match &filter.expr {
            Some(inner) => self.filtered(inner, value)?,
            None => value,
        };
        self.filter(filter, value)
    }

    fn macro_of(&self, declaration: &'static ast::Macro<'static>) -> Value {
        Value::from_object(Macro {
            declaration,
            text: self.text,
            names: Arc::clone(&self.names),
            scope: Arc::clone(self.scope),
            engine: Arc::downgrade(self.engine),
            source: self.source.clone(),
            blocks: self.blocks.clone(),
        })
    }

    fn call_with_caller(
        &mut self,
        call: &'static ast::Spanned<ast::Call<'static>>,
        caller: Value,
    ) -> Flow<Value> {
        let function = match &call.expr {
            Expr::GetAttr(attribute) => {
                let module = self.present(&attribute.expr)?;
                self.attribute(&module, attribute.name)
            }
            other => self.value(other)?,
        };
        let function = self.used(function, call.span())?;
        let Some(function) = function.downcast_object_ref::<Macro>() else {
            return Err(Fault::new("a call block needs a macro").at(call.span(), self.file()));
        };
        let mut arguments = self.arguments(&call.args)?;
        arguments.named.push(("caller".to_owned(), caller));
        self.call_macro(function, arguments)
    }

    /// Calls a macro: its text, or its value when that is all it puts out.
    pub(super) fn call_macro(&mut self, function: &Macro, arguments: Arguments) -> Flow<Value> {
        let engine = function.engine.upgrade().ok_or_else(|| Fault::new("the template engine is gone"))?;
        let names = Names::new(Some(Arc::clone(&function.names)), false);
        let mut within =
            Interpreter::new(&engine, &function.scope, names, function.source.clone(), function.text);
        within.blocks = function.blocks.clone();
        let Arguments { positional, mut named } = arguments;
        let mut positional = positional.into_iter();
        let declaration = function.declaration;
        let first_default = declaration.args.len() - declaration.defaults.len();
        for (index, parameter) in declaration.args.iter().enumerate() {
            let Expr::Var(parameter) = parameter else { continue };
            let by_name = named.iter().position(|(name, _)| name == parameter.id);
            let given = match (positional.next(), by_name) {
                (Some(_), Some(_)) => {
                    let (name, argument) = (declaration.name, parameter.id);
                    return Err(Fault::new(format!(
                        "macro '{name}' got multiple values for argument '{argument}'"
                    )));
                }
                (given, None) => given,
                (None, Some(at)) => Some(named.remove(at).1),
            };
            let default = index.checked_sub(first_default).and_then(|at| declaration.defaults.get(at));
            let value = match (given, default) {
                (Some(value), Some(default)) if value.is_undefined() => within.value(default)?,
                (Some(value), _) => value,
                (None, Some(default)) => within.value(default)?,
                (None, None) => Missing::because(format!("parameter '{}' was not provided", parameter.id)),
            };
            within.names.set(parameter.id, value);
        }
        if let Some(at) = named.iter().position(|(name, _)| name == "caller") {
            within.names.set("caller", named.remove(at).1);
        }
        let (name, count) = (declaration.name, declaration.args.len());
        if positional.len() > 0 && !function.word("varargs") {
            return Err(Fault::new(format!("macro '{name}' takes not more than {count} argument(s)")));
        }
        if let Some((unknown, _)) = named.first().filter(|_| !function.word("kwargs")) {
            return Err(Fault::new(format!("macro '{name}' takes no keyword argument '{unknown}'")));
        }
        within.names.set("varargs", List::value(positional.collect()));
        within
            .names
            .set("kwargs", Dict::value(named.into_iter().map(|(name, value)| (Value::from(name), value))));
        within.captured(|this| this.run(&declaration.body).map(drop))
    }
}
