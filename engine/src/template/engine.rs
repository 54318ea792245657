//! Compiling and evaluating.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Source, Span};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Expression, Template, UndefinedBehavior, Value};

use super::convert::is_omit;
use super::evaluation::{Root, TemplateFailure, is_missing, within};
use super::lookups::Lookups;
use super::{Scope, TemplateError, filters, lookups, syntax, testing, to_text};

/// Reads a file for includes and lookups; built-in files too.
pub type ReadFile = dyn Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync;

/// Turns the text of `!vault` into its plain text.
pub type Unvault = dyn Fn(&str) -> Result<String, String> + Send + Sync;

/// What evaluating depends on.
#[derive(Clone)]
pub struct TemplateOptions {
    /// Reads files.
    pub read: Arc<ReadFile>,
    /// Decrypts.
    pub unvault: Arc<Unvault>,
    /// Conditions may be of any type, as before ansible-core 2.19.
    pub lenient_conditions: bool,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            read: Arc::new(|path: &Path| std::fs::read(path)),
            unvault: Arc::new(|_: &str| Err("there is no vault password".to_owned())),
            lenient_conditions: false,
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

/// A compiled text.
enum Compiled {
    /// One expression: its value keeps its type.
    Expression(Expression<'static, 'static>),
    /// Text with templates in it.
    Text(Template<'static, 'static>),
}

/// Compiles templates once per run and evaluates them per host.
pub struct Templates {
    /// Lives as long as the program: compiled templates point into it.
    environment: &'static Environment<'static>,
    options: TemplateOptions,
    lookups: Lookups,
    texts: RwLock<HashMap<Arc<str>, Arc<Compiled>>>,
    expressions: RwLock<HashMap<Arc<str>, Arc<Expression<'static, 'static>>>>,
}

/// Whether a text may hold templates.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl Templates {
    /// An engine with all filters, tests and lookups.
    pub fn new(options: TemplateOptions) -> Arc<Self> {
        Arc::new_cyclic(|engine| {
            let lookups = Lookups { read: Arc::clone(&options.read), engine: Weak::clone(engine) };
            let environment = Box::leak(Box::new(environment(&options, &lookups)));
            Self { environment, options, lookups, texts: RwLock::default(), expressions: RwLock::default() }
        })
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
                let plain = (self.options.unvault)(text);
                plain
                    .map(Value::from)
                    .map_err(|reason| TemplateError::new(format!("cannot decrypt: {reason}"), &node.span))
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
            let key = self.evaluate(&entry.key, scope)?;
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

    /// The value of a text with templates.
    fn text(&self, text: &Arc<str>, span: &Span, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        let compiled = self.compile(text).map_err(|error| self.told(&error, span))?;
        let result = within(scope, || match compiled.as_ref() {
            Compiled::Expression(expression) => expression.eval(root(scope)),
            Compiled::Text(template) => template.render(root(scope)).map(Value::from),
        });
        let value = self.judged(result, span)?;
        if value.is_undefined() { Err(TemplateError::undefined(inner_of(text), span)) } else { Ok(value) }
    }

    /// What an evaluation came to.
    fn judged(
        &self,
        result: Result<Result<Value, Error>, TemplateFailure>,
        span: &Span,
    ) -> Result<Value, TemplateError> {
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.told(&error, span)),
            Err(TemplateFailure::Missing(name)) => Err(TemplateError::undefined(name, span)),
            Err(TemplateFailure::Inner(mut error)) => {
                error.diagnostic.trail.push(("used in".to_owned(), span.clone()));
                Err(*error)
            }
        }
    }

    /// An error of minijinja at its place.
    fn told(&self, error: &Error, span: &Span) -> TemplateError {
        TemplateError { diagnostic: Box::new(syntax::diagnostic(error, span)), undefined: None }
    }

    fn compile(&self, text: &Arc<str>) -> Result<Arc<Compiled>, Error> {
        if let Some(compiled) = self.texts.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(Arc::clone(compiled));
        }
        let literal = syntax::literal_backslashes(text);
        let expression = single_expression(&literal)
            .and_then(|inner| self.environment.compile_expression_owned(inner.to_owned()).ok());
        let compiled = Arc::new(match expression {
            Some(expression) => Compiled::Expression(expression),
            // Compiled once per run, so what is leaked is no more than the playbooks themselves.
            None => Compiled::Text(
                self.environment.template_from_str(Box::leak(literal.into_owned().into_boxed_str()))?,
            ),
        });
        self.texts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Arc::clone(text), Arc::clone(&compiled));
        Ok(compiled)
    }

    /// The value of a bare expression.
    ///
    /// # Errors
    /// When it has none.
    pub fn expression(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        let text = node.to_text();
        let known = self.expressions.read().unwrap_or_else(PoisonError::into_inner).get(&text).cloned();
        let expression = match known {
            Some(expression) => expression,
            None => {
                let compiled = self
                    .environment
                    .compile_expression_owned(text.to_string())
                    .map_err(|error| self.told(&error, &node.span))?;
                let compiled = Arc::new(compiled);
                self.expressions
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(Arc::clone(&text), Arc::clone(&compiled));
                compiled
            }
        };
        let value = self.judged(within(scope, || expression.eval(root(scope))), &node.span)?;
        if is_missing(&value) { Err(TemplateError::undefined(text.as_ref(), &node.span)) } else { Ok(value) }
    }

    /// Whether a condition holds: a boolean, an expression, or a text with templates that becomes one.
    ///
    /// # Errors
    /// When it has no value, or that is no boolean.
    pub fn condition(&self, node: &Node, scope: &Arc<dyn Scope>) -> Result<bool, TemplateError> {
        let value = match &node.value {
            Yaml::Bool(value) => return Ok(*value),
            Yaml::String(text) if is_template(text) => {
                let value = self.text(text, &node.span, scope)?;
                // A template that makes an expression is evaluated as one.
                match value.as_str() {
                    Some(inner) => self.expression(&Node::text(inner, node.span.clone()), scope)?,
                    None => value,
                }
            }
            Yaml::String(text) if text.trim().is_empty() => return Ok(true),
            Yaml::String(_) => self.expression(node, scope)?,
            _ => self.evaluate(node, scope)?,
        };
        let kind = value.kind();
        if kind == minijinja::value::ValueKind::Bool || self.options.lenient_conditions {
            return Ok(value.is_true());
        }
        let message = format!(
            "Conditional result ({}) was derived from value of type '{}'. Conditionals must have a boolean result.",
            if value.is_true() { "True" } else { "False" },
            testing::type_name(&value)
        );
        Err(TemplateError {
            diagnostic: Box::new(
                Diagnostic::error(message, &node.span)
                    .hint("compare it, or say `| bool`, `is truthy`, `| length > 0`"),
            ),
            undefined: None,
        })
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
        let span = Span::new(Arc::clone(source), 0, source.text().len());
        let (overrides, body) = syntax::header(source.text(), options);
        let mut environment = self.environment.clone();
        environment.set_syntax(custom_syntax(&overrides).map_err(|error| self.told(&error, &span))?);
        let name = source.name().display().to_string();
        // Above the body stands the header line, if there is one: places are counted from the whole text.
        let body_span = span.part(source.text().len() - body.len(), source.text().len());
        let template = environment
            .template_from_named_str(&name, body)
            .map_err(|error| self.told(&error, &body_span))?;
        let rendered = within(scope, || template.render(root(scope)).map(Value::from));
        let text = to_text(&self.judged(rendered, &body_span)?);
        Ok(match options.newline_sequence.as_str() {
            "" | "\n" => text,
            sequence => text.replace('\n', sequence),
        })
    }

    /// The list that `with_LOOKUP` goes through.
    ///
    /// # Errors
    /// When the lookup is not known or fails.
    pub fn lookup_loop(
        &self,
        name: &str,
        terms: &Value,
        span: &Span,
        scope: &Arc<dyn Scope>,
    ) -> Result<Vec<Value>, TemplateError> {
        let result = within(scope, || lookups::for_loop(&self.lookups, name, terms).map(Value::from));
        let value = self.judged(result, span)?;
        Ok(value.try_iter().map(Iterator::collect).unwrap_or_default())
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
                match self.environment.compile_expression_owned(text.to_owned()) {
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
        let (overrides, body) =
            syntax::header(source.text(), &RenderOptions { trim_blocks: true, ..RenderOptions::default() });
        let mut environment = self.environment.clone();
        let Ok(custom) = custom_syntax(&overrides) else { return Vec::new() };
        environment.set_syntax(custom);
        let body_span = span.part(source.text().len() - body.len(), source.text().len());
        match environment.template_from_named_str("template", body) {
            Ok(_) => Vec::new(),
            Err(error) => vec![syntax::diagnostic(&error, &body_span)],
        }
    }
}

/// The inside of a text that is one expression and nothing else.
fn single_expression(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    Some(inner.strip_suffix(['-', '+']).unwrap_or(inner))
}

/// What an expression is about, for messages.
fn inner_of(text: &str) -> String {
    single_expression(text).map_or_else(|| text.to_owned(), |inner| inner.trim().to_owned())
}

fn root(scope: &Arc<dyn Scope>) -> Value {
    Value::from_object(Root { scope: Arc::clone(scope), functions: FUNCTIONS })
}

/// Functions of templates.
const FUNCTIONS: &[&str] = &[
    "range",
    "dict",
    "lookup",
    "query",
    "q",
    "namespace",
    "cycler",
    "joiner",
    "lipsum",
    "now",
    "undef",
    "debug",
];

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

fn environment(options: &TemplateOptions, lookups: &Lookups) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    if let Ok(syntax) = custom_syntax(&RenderOptions { trim_blocks: true, ..RenderOptions::default() }) {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(|out, _state, value| {
        if value.is_undefined() {
            return Err(Error::new(ErrorKind::UndefinedError, "an attribute is not defined"));
        }
        out.write_str(&to_text(value)).map_err(Error::from)
    });
    environment.set_path_join_callback(|name, parent| syntax::included(name, parent).into());
    let read = Arc::clone(&options.read);
    environment.set_loader(move |name| match read(Path::new(name)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::new(ErrorKind::InvalidOperation, format!("cannot read {name}: {error}"))),
    });
    filters::add(&mut environment);
    testing::add(&mut environment);
    lookups::add(&mut environment, lookups);
    environment
}
