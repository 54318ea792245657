//! Compiling and evaluating.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Source, Span};
use clouder_vault::Keyring;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior, Value};

use super::convert::is_omit;
use super::evaluation::within;
use super::jinja::{Fault, Flow, Program};
use super::lazy::{LazyList, LazyMapping, finished};
use super::lookups::Lookups;
use super::plugins::{PluginFolders, Plugins};
use super::python::is_missing;
use super::vault::Vault;
use super::{Scope, TemplateError, filters, lookups, syntax, testing, to_text};
use crate::config::Config;

/// Reads a file for includes and lookups; built-in files too.
pub type ReadFile = dyn Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync;

/// What evaluating depends on.
#[derive(Clone)]
pub struct TemplateOptions {
    /// Reads files.
    pub read: Arc<ReadFile>,
    /// Passwords of what is encrypted.
    pub keyring: Arc<Keyring>,
    /// Conditions may be of any type, as before ansible-core 2.19.
    pub lenient_conditions: bool,
    /// Settings, for those who look them up.
    pub config: Arc<Config>,
    /// Where plugins in Python are.
    pub plugins: PluginFolders,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            read: Arc::new(|path: &Path| std::fs::read(path)),
            keyring: Arc::default(),
            lenient_conditions: false,
            config: Arc::default(),
            plugins: PluginFolders::default(),
        }
    }
}

/// How a file is rendered.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// The line break after a block is removed.
    pub trim_blocks: bool,
    /// Blanks in front of a block are removed.
    pub lstrip_blocks: bool,
    /// What ends lines.
    pub newline_sequence: String,
    /// What begins an expression.
    pub variable_start: Option<String>,
    /// What ends an expression.
    pub variable_end: Option<String>,
    /// What begins a statement.
    pub block_start: Option<String>,
    /// What ends a statement.
    pub block_end: Option<String>,
    /// What begins a comment.
    pub comment_start: Option<String>,
    /// What ends a comment.
    pub comment_end: Option<String>,
    /// Where the text goes, for `template_destpath`.
    pub dest: Option<String>,
}

/// Compiles templates once per run and evaluates them per host.
pub struct Templates {
    /// Lives as long as the program: compiled templates point into it.
    pub(super) environment: &'static Environment<'static>,
    options: TemplateOptions,
    lookups: Lookups,
    texts: Programs<Arc<str>>,
    expressions: Programs<Arc<str>>,
    files: Programs<(PathBuf, Arc<str>, String)>,
}

/// Templates that were read.
type Programs<K> = RwLock<HashMap<K, Arc<Program>>>;

/// A template that was read before, or is read now.
fn remembered<K: Clone + Eq + std::hash::Hash>(
    programs: &Programs<K>,
    key: &K,
    read: impl FnOnce() -> Result<Program, Error>,
) -> Result<Arc<Program>, Error> {
    if let Some(program) = programs.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return Ok(Arc::clone(program));
    }
    let program = Arc::new(read()?);
    programs.write().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), Arc::clone(&program));
    Ok(program)
}

/// Whether a text may hold templates.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl Templates {
    /// An engine with all filters, tests and lookups.
    pub fn new(options: TemplateOptions) -> Arc<Self> {
        Arc::new_cyclic(|engine| {
            let lookups = Lookups {
                read: Arc::clone(&options.read),
                engine: Weak::clone(engine),
                vault: Arc::new(Vault::new(Arc::clone(&options.keyring))),
                plugins: Arc::new(Plugins::new(options.plugins.clone())),
                config: Arc::clone(&options.config),
            };
            let environment = Box::leak(Box::new(environment(&lookups)));
            Self {
                environment,
                options,
                lookups,
                texts: RwLock::default(),
                expressions: RwLock::default(),
                files: RwLock::default(),
            }
        })
    }

    /// Filters, tests and lookups in Python.
    pub(super) fn plugins(&self) -> &Plugins {
        &self.lookups.plugins
    }

    /// What was encrypted.
    pub(super) fn vault(&self) -> &Vault {
        &self.lookups.vault
    }

    /// The value of a node: its templates evaluated, all the way down. Elements that are `omit` are left out.
    ///
    /// # Errors
    /// When a template has no value.
    pub fn evaluate(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        match &node.value {
            Yaml::Null => Ok(Value::from(())),
            Yaml::Bool(value) => Ok(Value::from(*value)),
            Yaml::Int(number) => {
                Ok(i64::try_from(*number).map_or_else(|_| Value::from(*number), Value::from))
            }
            Yaml::Float(number) => Ok(Value::from(*number)),
            Yaml::Raw(text) => Ok(Value::from(Arc::clone(text))),
            Yaml::String(text) if is_template(text) => self.text(text, &node.span, scope),
            Yaml::String(text) => Ok(Value::from(Arc::clone(text))),
            Yaml::Vault(text) => {
                let opened = self.lookups.vault.open(text);
                opened.map_err(|error| TemplateError::undecryptable(&error, Arc::clone(text), &node.span))
            }
            Yaml::Sequence(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items.iter() {
                    let value = self.evaluate(item, scope)?;
                    if !is_omit(&value) {
                        values.push(value);
                    }
                }
                Ok(Value::from(values))
            }
            Yaml::Mapping(mapping) => self.mapping(mapping, scope),
        }
    }

    fn mapping(&self, mapping: &Mapping, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        let mut pairs = Vec::with_capacity(mapping.len());
        for (_, entry) in mapping.iter() {
            let key = key_of(&entry.key);
            let value = self.evaluate(&entry.value, scope)?;
            if !is_omit(&value) {
                pairs.push((key, value));
            }
        }
        Ok(Value::from_pairs(pairs))
    }

    /// The value of a node as text.
    ///
    /// # Errors
    /// When a template has no value.
    pub fn evaluate_text(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<String, TemplateError> {
        self.evaluate(node, scope).map(|value| to_text(&value))
    }

    /// The value of a node whose lists and mappings are evaluated when they are read.
    ///
    /// # Errors
    /// When a template has no value.
    pub fn lazy(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        match &node.value {
            Yaml::String(text) if is_template(text) => self.open_text(text, &node.span, scope),
            Yaml::Sequence(items) => Ok(LazyList::value(items, scope, &self.lookups.engine)),
            Yaml::Mapping(mapping) => Ok(LazyMapping::value(mapping, scope, &self.lookups.engine)),
            _ => self.evaluate(node, scope),
        }
    }

    /// The value of a text with templates.
    fn text(&self, text: &Arc<str>, span: &Span, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        let value = self.open_text(text, span, scope)?;
        finished(value).map_err(|fault| syntax::fault(*fault, span, single_expression(text).is_some()))
    }

    /// The same, which may still hold what is missing.
    fn open_text(
        &self,
        text: &Arc<str>,
        span: &Span,
        scope: &Arc<dyn Scope>,
    ) -> Result<Value, TemplateError> {
        let program = self.compile(text).map_err(|error| self.told(&error, span))?;
        let value = self.run(&program, scope, span)?;
        Ok(ended_as(value, text))
    }

    /// Evaluates what was read.
    fn run(&self, program: &Program, scope: &Arc<dyn Scope>, span: &Span) -> Result<Value, TemplateError> {
        let Some(engine) = self.lookups.engine.upgrade() else {
            return Err(TemplateError::new("the template engine is gone", span));
        };
        let result = within(scope, || program.evaluate(&engine, scope));
        result.map_err(|fault| syntax::fault(*fault, span, program.is_expression()))
    }

    /// An error of reading at its place.
    fn told(&self, error: &Error, span: &Span) -> TemplateError {
        syntax::diagnostic(error, span).into()
    }

    fn compile(&self, text: &Arc<str>) -> Result<Arc<Program>, Error> {
        remembered(&self.texts, text, || {
            let literal = syntax::literal_backslashes(text);
            let literal = literal.strip_suffix('\n').unwrap_or(&literal);
            match single_expression(literal).map(Program::expression) {
                Some(Ok(program)) => Ok(program),
                _ => Program::template(literal, None, &usual_syntax()?),
            }
        })
    }

    /// The value of a bare expression.
    ///
    /// # Errors
    /// When it has none.
    pub fn expression(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        let value = self.open_expression(node, scope)?;
        finished(value).map_err(|fault| syntax::fault(*fault, &node.span, false))
    }

    fn open_expression(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        let text = node.to_text();
        let program = remembered(&self.expressions, &text, || Program::expression(&text))
            .map_err(|error| self.told(&error, &node.span))?;
        self.run(&program, scope, &node.span)
    }

    /// Whether a condition holds: a boolean, an expression, or a text with templates that becomes one.
    ///
    /// # Errors
    /// When it has no value, or that is no boolean.
    pub fn condition(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<bool, TemplateError> {
        let value = match &node.value {
            Yaml::Bool(value) => return Ok(*value),
            Yaml::String(text) if is_template(text) => {
                let value = self.open_text(text, &node.span, scope)?;
                // A template that makes an expression is evaluated as one.
                match value.as_str() {
                    Some(inner) => self.open_expression(&Node::text(inner, node.span.clone()), scope)?,
                    None => value,
                }
            }
            Yaml::String(text) if text.trim().is_empty() => Value::from(""),
            Yaml::String(_) => self.open_expression(node, scope)?,
            _ => self.evaluate(node, scope)?,
        };
        if is_missing(&value) {
            let fault = Fault::missing(&value);
            return Err(syntax::fault(*fault, &node.span, false));
        }
        let kind = value.kind();
        if kind == minijinja::value::ValueKind::Bool || self.options.lenient_conditions {
            return Ok(value.is_true());
        }
        let message = format!(
            "Conditional result ({}) was derived from value of type '{}'. Conditionals must have a boolean result.",
            if value.is_true() { "True" } else { "False" },
            crate::template::python::type_name(&value)
        );
        let hint = "compare it, or say `| bool`, `is truthy`, `| length > 0`";
        Err(Diagnostic::error(message, &node.span).hint(hint).into())
    }

    /// Renders the text of a file.
    ///
    /// # Errors
    /// When a template in it has no value.
    pub fn render(
        &self,
        source: &Arc<Source>,
        scope: &Arc<dyn Scope>,
        options: &RenderOptions,
    ) -> Result<String, TemplateError> {
        let value = self.render_value(source, scope, options)?;
        let text = if value.is_none() { String::new() } else { to_text(&value) };
        let text = text_ended_as(&text, source.text()).into_owned();
        Ok(match options.newline_sequence.as_str() {
            "" | "\n" => text,
            sequence => text.replace('\n', sequence),
        })
    }

    /// The value of a file: that of its only expression, if there is nothing else in it.
    ///
    /// # Errors
    /// When a template in it has no value.
    pub fn render_value(
        &self,
        source: &Arc<Source>,
        scope: &Arc<dyn Scope>,
        options: &RenderOptions,
    ) -> Result<Value, TemplateError> {
        let span = Span::new(Arc::clone(source), 0, source.text().len());
        let program = self.file(source, options).map_err(|error| self.told(&error, &span))?;
        let value = self.run(&program, scope, &span)?;
        let value = finished(value).map_err(|fault| syntax::fault(*fault, &span, false))?;
        Ok(ended_as(value, source.text()))
    }

    /// Reads a template that is a file.
    fn file(&self, source: &Arc<Source>, options: &RenderOptions) -> Result<Arc<Program>, Error> {
        let key = (
            source.name().to_owned(),
            Arc::from(source.text()),
            format!("{:?}", RenderOptions { dest: None, ..options.clone() }),
        );
        remembered(&self.files, &key, || {
            let (overrides, body) = syntax::header(source.text(), options)?;
            // The last line break is put back where the text ends.
            let body = body.strip_suffix('\n').unwrap_or(body);
            Program::template(body, Some((Arc::clone(source), options.clone())), &custom_syntax(&overrides)?)
        })
    }

    /// The template that another one includes, imports or extends; none when there is no such file.
    pub(super) fn included(
        &self,
        name: &str,
        parent: Option<&(Arc<Source>, RenderOptions)>,
    ) -> Flow<Option<Arc<Program>>> {
        let beside = parent.map(|(source, _)| source.name().display().to_string());
        let path = PathBuf::from(syntax::included(name, beside.as_deref().unwrap_or_default()));
        let content = match self.lookups.read(&path) {
            Ok(content) => content,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(Fault::new(format!("cannot read {name}: {error}"))),
        };
        let source = content.source(&path).map_err(TemplateError::from)?;
        let usual = RenderOptions { trim_blocks: true, ..RenderOptions::default() };
        let options = parent.map_or(&usual, |(_, options)| options);
        let span = Span::new(Arc::clone(&source), 0, source.text().len());
        let program = self.file(&source, options).map_err(|error| self.told(&error, &span))?;
        Ok(Some(program))
    }

    /// The list that `with_LOOKUP` goes through.
    ///
    /// # Errors
    /// When the lookup is not known or fails.
    pub fn lookup_loop(
        &self,
        name: &str,
        terms: &Value,
        folder: &str,
        span: &Span,
        scope: &Arc<dyn Scope>,
    ) -> Result<Vec<Value>, TemplateError> {
        let found = within(scope, || {
            let found = lookups::for_loop(&self.lookups, name, terms, folder)?;
            found.into_iter().map(finished).collect::<Flow<Vec<_>>>()
        });
        found.map_err(|fault| syntax::fault(*fault, span, false))
    }

    /// What is wrong with a text that may hold templates.
    pub fn check_text(&self, node: &Node) -> Vec<Diagnostic> {
        match node.as_str() {
            Some(text) if is_template(text) => match self.compile(&Arc::from(text)) {
                Ok(_) => Vec::new(),
                Err(error) => vec![syntax::diagnostic(&error, &node.span)],
            },
            _ => Vec::new(),
        }
    }

    /// What is wrong with a bare expression.
    pub fn check_expression(&self, node: &Node) -> Vec<Diagnostic> {
        match node.as_str() {
            Some(text) if is_template(text) => self.check_text(node),
            Some(text) if !text.trim().is_empty() => {
                match remembered(&self.expressions, &Arc::from(text), || Program::expression(text)) {
                    Ok(_) => Vec::new(),
                    Err(error) => vec![syntax::diagnostic(&error, &node.span)],
                }
            }
            _ => Vec::new(),
        }
    }

    /// What is wrong with a file that is a template.
    pub fn check_source(&self, source: &Arc<Source>) -> Vec<Diagnostic> {
        let span = Span::new(Arc::clone(source), 0, source.text().len());
        let options = RenderOptions { trim_blocks: true, ..RenderOptions::default() };
        let body = syntax::header(source.text(), &options).map_or_else(|_| source.text(), |(_, body)| body);
        let body_span = span.part(source.text().len() - body.len(), source.text().len());
        match self.file(source, &options) {
            Ok(_) => Vec::new(),
            Err(error) => vec![syntax::diagnostic(&error, &body_span)],
        }
    }
}

/// A text with at least as many line breaks at its end as its template has.
fn text_ended_as<'a>(text: &'a str, template: &str) -> Cow<'a, str> {
    let breaks = |text: &str| text.len() - text.trim_end_matches('\n').len();
    match breaks(template).saturating_sub(breaks(text)) {
        0 => Cow::Borrowed(text),
        lost => Cow::Owned([text, &"\n".repeat(lost)].concat()),
    }
}

/// The same of a value, if it is a text.
fn ended_as(value: Value, template: &str) -> Value {
    match value.as_str().map(|text| text_ended_as(text, template)) {
        Some(Cow::Owned(text)) => Value::from(text),
        _ => value,
    }
}

/// The key of a mapping: it stands for itself, whatever it looks like.
pub(super) fn key_of(key: &Node) -> Value {
    match &key.value {
        Yaml::String(text) => Value::from(Arc::clone(text)),
        _ => super::from_json(clouder_lang::yaml::to_json(key)),
    }
}

/// The inside of a text that is one expression and nothing else.
fn single_expression(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    Some(inner.strip_suffix(['-', '+']).unwrap_or(inner))
}

/// The delimiters of texts in YAML.
fn usual_syntax() -> Result<SyntaxConfig, Error> {
    custom_syntax(&RenderOptions { trim_blocks: true, ..RenderOptions::default() })
}

fn custom_syntax(options: &RenderOptions) -> Result<SyntaxConfig, Error> {
    let pick =
        |given: &Option<String>, usual: &'static str| given.clone().unwrap_or_else(|| usual.to_owned());
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(options.trim_blocks)
        .lstrip_blocks(options.lstrip_blocks)
        .variable_delimiters(pick(&options.variable_start, "{{"), pick(&options.variable_end, "}}"))
        .block_delimiters(pick(&options.block_start, "{%"), pick(&options.block_end, "%}"))
        .comment_delimiters(pick(&options.comment_start, "{#"), pick(&options.comment_end, "#}"))
        .build()
}

/// The filters, tests and functions.
fn environment(lookups: &Lookups) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    filters::add(&mut environment, &lookups.vault);
    testing::add(&mut environment);
    lookups::add(&mut environment, lookups);
    environment
}
