//! Why a template has no value.

use std::fmt;
use std::sync::Arc;

use clouder_lang::{Diagnostic, Span};
use clouder_vault::VaultError;

/// Why a template has no value.
#[derive(Clone, Debug)]
pub struct TemplateError {
    /// What is wrong and where.
    pub diagnostic: Box<Diagnostic>,
    /// The variable that is not defined, if that is what is wrong.
    pub undefined: Option<String>,
    /// The ciphertext that cannot be decrypted, if that is what is wrong.
    pub sealed: Option<Arc<str>>,
}

impl From<Diagnostic> for TemplateError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Box::new(diagnostic), undefined: None, sealed: None }
    }
}

impl TemplateError {
    /// An error at a place.
    pub fn new(message: impl Into<String>, span: &Span) -> Self {
        Diagnostic::error(message, span).into()
    }

    /// A variable that is not defined.
    pub fn undefined(name: impl Into<String>, span: &Span) -> Self {
        let name = name.into();
        let diagnostic = Diagnostic::error(format!("'{name}' is undefined"), span);
        Self { undefined: Some(name), ..diagnostic.into() }
    }

    /// A text that no password opens.
    pub fn undecryptable(error: &VaultError, sealed: Arc<str>, span: &Span) -> Self {
        let diagnostic = Diagnostic::error(format!("cannot decrypt this value: {error}"), span);
        Self { sealed: Some(sealed), ..diagnostic.hint(error.hint()).into() }
    }
}

impl std::error::Error for TemplateError {}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.message.fmt(formatter)
    }
}
