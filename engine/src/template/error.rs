//! Why a template has no value.

use std::fmt;

use clouder_lang::{Diagnostic, Span};

/// Why a template has no value.
#[derive(Clone, Debug)]
pub struct TemplateError {
    /// What is wrong and where.
    pub diagnostic: Box<Diagnostic>,
    /// The variable that is not defined, if that is what is wrong.
    pub undefined: Option<String>,
}

impl TemplateError {
    /// An error at a place.
    pub fn new(message: impl Into<String>, span: &Span) -> Self {
        Self { diagnostic: Box::new(Diagnostic::error(message, span)), undefined: None }
    }

    /// A variable that is not defined.
    pub fn undefined(name: impl Into<String>, span: &Span) -> Self {
        let name = name.into();
        let diagnostic = Diagnostic::error(format!("'{name}' is undefined"), span);
        Self { diagnostic: Box::new(diagnostic), undefined: Some(name) }
    }
}

impl From<Diagnostic> for TemplateError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Box::new(diagnostic), undefined: None }
    }
}

impl std::error::Error for TemplateError {}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.message.fmt(formatter)
    }
}
