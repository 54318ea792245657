//! Templates that use others: `include`, `import`, `extends` and `block`.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::machinery::ast::{self, Expr, Stmt};

use super::objects::Module;
use super::variables::Names;
use super::{Fault, Flow, Interpreter, Program, Tree};
use crate::template::{python, to_text};

/// The blocks of a template and those it extends, most derived first.
#[derive(Clone, Default)]
pub(super) struct Blocks {
    known: HashMap<&'static str, Vec<&'static ast::Block<'static>>>,
    /// The template that this one extends: what this one puts out outside of blocks is dropped.
    parent: Option<Arc<Program>>,
    /// The blocks that are being put out, with how far up each one is.
    current: Vec<(&'static str, usize)>,
}

impl Blocks {
    /// Whether what is put out is dropped.
    pub(super) fn is_silent(&self) -> bool {
        self.parent.is_some() && self.current.is_empty()
    }

    /// Notes all blocks in some statements.
    fn collect(&mut self, statements: &'static [Stmt<'static>]) {
        for statement in statements {
            match statement {
                Stmt::Template(template) => self.collect(&template.children),
                Stmt::Block(block) => {
                    self.known.entry(block.name).or_default().push(block);
                    self.collect(&block.body);
                }
                Stmt::IfCond(choice) => {
                    self.collect(&choice.true_body);
                    self.collect(&choice.false_body);
                }
                Stmt::ForLoop(block) => self.collect(&block.body),
                Stmt::WithBlock(block) => self.collect(&block.body),
                Stmt::FilterBlock(block) => self.collect(&block.body),
                Stmt::AutoEscape(block) => self.collect(&block.body),
                _ => {}
            }
        }
    }
}

impl Interpreter<'_> {
    /// Puts out a whole template, and the one it extends.
    pub(super) fn run_template(&mut self, statements: &'static Stmt<'static>) -> Flow<()> {
        self.blocks.collect(std::slice::from_ref(statements));
        self.run(std::slice::from_ref(statements))?;
        for _ in 0..100 {
            let Some(parent) = self.blocks.parent.take() else { return Ok(()) };
            let Tree::Statements(statements) = parent.body else { return Ok(()) };
            self.source.clone_from(&parent.source);
            self.text = parent.text;
            self.blocks.collect(std::slice::from_ref(statements));
            self.run(std::slice::from_ref(statements))?;
        }
        Err(Fault::new("templates extend each other without an end"))
    }

    pub(super) fn extends(&mut self, extends: &'static ast::Spanned<ast::Extends<'static>>) -> Flow<()> {
        let name = self.present(&extends.name)?;
        let program = self.load(&name).map_err(|fault| fault.at(extends.span(), self.file()))?;
        let program = program.ok_or_else(|| self.not_found(&name))?;
        self.blocks.parent = Some(program);
        Ok(())
    }

    pub(super) fn block(&mut self, block: &'static ast::Block<'static>) -> Flow<()> {
        if self.blocks.is_silent() {
            return Ok(());
        }
        self.put_out_block(block.name, 0)
    }

    fn put_out_block(&mut self, name: &'static str, level: usize) -> Flow<()> {
        let block = self.blocks.known.get(name).and_then(|blocks| blocks.get(level)).copied();
        let block = block.ok_or_else(|| Fault::new(format!("there is no parent block called '{name}'")))?;
        if self.blocks.current.len() > 50 {
            return Err(Fault::new("blocks lead to blocks without an end"));
        }
        self.blocks.current.push((name, level));
        let result = self.nested(|this| this.run(&block.body).map(drop));
        self.blocks.current.pop();
        result
    }

    /// `self.name()`.
    pub(super) fn capture_block(&mut self, name: &'static str) -> Flow<Value> {
        self.captured(|this| this.put_out_block(name, 0))
    }

    /// `super()`.
    pub(super) fn super_block(&mut self) -> Flow<Value> {
        let Some((name, level)) = self.blocks.current.last().copied() else {
            return Err(Fault::new("'super' is undefined"));
        };
        self.captured(|this| this.put_out_block(name, level + 1))
    }

    pub(super) fn include(&mut self, include: &'static ast::Spanned<ast::Include<'static>>) -> Flow<()> {
        let names = self.present(&include.name)?;
        let list = if python::is_list(&names) { python::iterate(&names)? } else { vec![names.clone()] };
        for name in &list {
            let Some(program) = self.load(name)? else { continue };
            let Tree::Statements(statements) = program.body else { continue };
            let inner = Names::new(Some(Arc::clone(&self.names)), program.changes);
            let mut within =
                Interpreter::new(self.engine, self.scope, inner, program.source.clone(), program.text);
            within.output = std::mem::take(&mut self.output);
            let result = within.run_template(statements);
            self.output = within.output;
            return result;
        }
        if include.ignore_missing {
            return Ok(());
        }
        Err(self.not_found(&names).at(include.span(), self.file()))
    }

    /// The module that a template is.
    pub(super) fn import(&mut self, name: &'static Expr<'static>) -> Flow<Value> {
        let named = self.present(name)?;
        let program = self.load(&named).map_err(|fault| fault.at(name.span(), self.file()))?;
        let program = program.ok_or_else(|| self.not_found(&named).at(name.span(), self.file()))?;
        let Tree::Statements(statements) = program.body else { return Ok(Value::from(())) };
        let inner = Names::new(Some(Arc::clone(&self.names)), program.changes);
        let mut within = Interpreter::new(
            self.engine,
            self.scope,
            Arc::clone(&inner),
            program.source.clone(),
            program.text,
        );
        within.run_template(statements)?;
        let exported = inner.exported().into_iter().filter(|(name, _)| !name.starts_with('_'));
        Ok(Value::from_object(Module(exported.collect())))
    }

    fn load(&self, name: &Value) -> Flow<Option<Arc<Program>>> {
        self.engine.included(&to_text(name), self.source.as_ref())
    }

    fn not_found(&self, name: &Value) -> Box<Fault> {
        Fault::new(format!("no such file: {}", to_text(name)))
    }
}
