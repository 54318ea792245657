//! Evaluating Jinja with Python's rules.
//!
//! minijinja reads templates and holds values and filters; walking its syntax tree is ours, because Ansible's templates
//! depend on what its own evaluator leaves out: lists that change, what is undefined being an error wherever it is used,
//! and Python's complaints.

mod calls;
mod chains;
mod expressions;
mod fault;
mod inheritance;
mod loops;
mod natives;
mod objects;
mod output;
mod selection;
mod spelling;
mod statements;
mod variables;

use std::borrow::Cow;
use std::sync::Arc;

use clouder_lang::Source;
use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::machinery::{parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Error, State, Value};

pub(super) use fault::{Fault, Flow};
use inheritance::Blocks;
pub(super) use objects::Namespace;
use output::Output;
use variables::Names;

use super::syntax::raw_breaks;
use super::{RenderOptions, Scope, Templates};

/// A template that was read. It lives as long as the program: there are no more of them than texts in playbooks.
pub(super) struct Program {
    body: &'static Tree,
    text: &'static str,
    /// The file it is, and how it is read; texts of YAML have their own places.
    source: Option<File>,
    /// Whether it changes lists or mappings in place, so that variables must be copied before it sees them.
    changes: bool,
}

/// A file, and how it is read.
type File = (Arc<Source>, RenderOptions);

/// What was read.
enum Tree {
    Expression(Expr<'static>),
    Statements(Stmt<'static>),
}

/// The methods that change their object.
const CHANGING: [&str; 12] = [
    ".append",
    ".update",
    ".extend",
    ".pop",
    ".insert",
    ".remove",
    ".setdefault",
    ".clear",
    ".sort",
    ".reverse",
    "__setitem__",
    "__delitem__",
];

fn changes(text: &str) -> bool {
    CHANGING.iter().any(|method| text.contains(method))
}

fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// The text as it can be read, if another spelling makes that so.
fn readable(
    text: &str,
    is_expression: bool,
    syntax: &SyntaxConfig,
    is_read: impl Fn(&str) -> bool,
) -> Option<Cow<'static, str>> {
    let other = spelling::respelled(text, is_expression, syntax)?;
    let is_short = chains::check(&other, is_expression, syntax).is_ok();
    (is_short && is_read(&other)).then_some(Cow::Owned(other))
}

impl Program {
    /// Reads one expression.
    pub(super) fn expression(text: &str) -> Result<Self, Error> {
        chains::check(text, true, &SyntaxConfig::default())?;
        // The text is kept only when it can be read: it is the syntax tree that points into it.
        let text = match parse_expr(text) {
            Ok(_) => Cow::Borrowed(text),
            Err(error) => readable(text, true, &SyntaxConfig::default(), |text| parse_expr(text).is_ok())
                .ok_or(error)?,
        };
        let text = kept(&text);
        let body = Tree::Expression(parse_expr(text)?);
        Ok(Self { body: Box::leak(Box::new(body)), text, source: None, changes: changes(text) })
    }

    /// Reads a text with templates in it.
    pub(super) fn template(text: &str, source: Option<File>, syntax: &SyntaxConfig) -> Result<Self, Error> {
        let name = source.as_ref().map_or_else(String::new, |(file, _)| file.name().display().to_string());
        chains::check(text, false, syntax)?;
        let text = &*raw_breaks(text);
        let text = match parse(text, &name, syntax.clone()) {
            Ok(_) => Cow::Borrowed(text),
            Err(error) => {
                let is_read = |text: &str| parse(text, &name, syntax.clone()).is_ok();
                readable(text, false, syntax, is_read).ok_or(error)?
            }
        };
        let text = kept(&text);
        let body = Tree::Statements(parse(text, kept(&name), syntax.clone())?);
        Ok(Self { body: Box::leak(Box::new(body)), text, source, changes: changes(text) })
    }

    /// Whether it is one expression.
    pub(super) fn is_expression(&self) -> bool {
        matches!(self.body, Tree::Expression(_))
    }

    /// Evaluates to a value: of an expression or a template that is one, it keeps its type.
    pub(super) fn evaluate(&self, engine: &Arc<Templates>, scope: &Arc<dyn Scope>) -> Flow<Value> {
        let names = Names::new(None, self.changes);
        let mut interpreter = Interpreter::new(engine, scope, names, self.source.clone(), self.text);
        match self.body {
            Tree::Expression(expression) => interpreter.value(expression),
            Tree::Statements(statements) => {
                interpreter.run_template(statements)?;
                Ok(interpreter.output.take())
            }
        }
    }
}

/// Walks one syntax tree.
struct Interpreter<'a> {
    engine: &'a Arc<Templates>,
    scope: &'a Arc<dyn Scope>,
    state: State<'static, 'static>,
    names: Arc<Names>,
    output: Output,
    source: Option<File>,
    text: &'static str,
    blocks: Blocks,
}

impl<'a> Interpreter<'a> {
    fn new(
        engine: &'a Arc<Templates>,
        scope: &'a Arc<dyn Scope>,
        names: Arc<Names>,
        source: Option<File>,
        text: &'static str,
    ) -> Self {
        let state = engine.environment.empty_state();
        Self {
            engine,
            scope,
            state,
            names,
            output: Output::default(),
            source,
            text,
            blocks: Blocks::default(),
        }
    }

    /// The file that is evaluated, for places.
    fn file(&self) -> Option<&Arc<Source>> {
        self.source.as_ref().map(|(file, _)| file)
    }
}
