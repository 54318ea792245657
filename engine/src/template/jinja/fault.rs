//! Why a template has no value.

use std::ops::Range;
use std::sync::Arc;

use clouder_lang::Source;
use minijinja::machinery::Span;
use minijinja::{Error, ErrorKind, Value};

use crate::template::TemplateError;
use crate::template::python::Missing;

/// Why a template has no value.
#[derive(Debug)]
pub(in crate::template) struct Fault {
    /// What is wrong.
    pub(in crate::template) message: String,
    /// The variable that is not defined, if that is what is wrong.
    pub(in crate::template) undefined: Option<String>,
    /// Where in the text.
    pub(in crate::template) range: Option<Range<usize>>,
    /// The file, when it is not the text itself.
    pub(in crate::template) file: Option<Arc<Source>>,
    /// What went wrong further in, at a place of its own.
    pub(in crate::template) inner: Option<TemplateError>,
}

/// A value, or why there is none.
pub(in crate::template) type Flow<T> = Result<T, Box<Fault>>;

impl Fault {
    /// Something wrong, without a place yet.
    pub(in crate::template) fn new(message: impl Into<String>) -> Box<Self> {
        Box::new(Self { message: message.into(), undefined: None, range: None, file: None, inner: None })
    }

    /// The error of using what is missing.
    pub(in crate::template) fn missing(value: &Value) -> Box<Self> {
        match value.downcast_object_ref::<Missing>() {
            Some(missing) => Box::new(Self {
                message: missing.message.clone(),
                undefined: Some(missing.name.clone().unwrap_or_else(|| missing.message.clone())),
                range: None,
                file: None,
                inner: missing.error.clone(),
            }),
            None => {
                let mut fault = Self::new("an attribute is not defined");
                fault.undefined = Some(fault.message.clone());
                fault
            }
        }
    }

    /// The same at a place, unless it has one.
    #[must_use]
    pub(super) fn at(mut self: Box<Self>, span: Span, file: Option<&Arc<Source>>) -> Box<Self> {
        if self.range.is_none() && self.inner.is_none() {
            self.range = Some(span.start_offset as usize..span.end_offset as usize);
            self.file = file.cloned();
        }
        self
    }
}

impl From<TemplateError> for Box<Fault> {
    fn from(error: TemplateError) -> Self {
        Self::new(Fault {
            message: error.to_string(),
            undefined: error.undefined.clone(),
            range: None,
            file: None,
            inner: Some(error),
        })
    }
}

impl From<Error> for Box<Fault> {
    fn from(error: Error) -> Self {
        let mut innermost: &(dyn std::error::Error + 'static) = &error;
        while let Some(inner) = innermost.source() {
            innermost = inner;
        }
        if let Some(inner) = innermost.downcast_ref::<TemplateError>() {
            return inner.clone().into();
        }
        let Some(innermost) = innermost.downcast_ref::<Error>() else {
            return Fault::new(innermost.to_string());
        };
        let detail = innermost.detail().map_or_else(|| innermost.kind().to_string(), str::to_owned);
        Fault::new(match innermost.kind() {
            ErrorKind::UnknownFilter => format!("there is no filter like this: {detail}"),
            ErrorKind::UnknownTest => format!("there is no test like this: {detail}"),
            ErrorKind::MissingArgument => format!("an argument is missing: {detail}"),
            ErrorKind::TooManyArguments => format!("there are too many arguments: {detail}"),
            _ => detail,
        })
    }
}

/// A fault as an error that filters of minijinja hand on.
impl From<Box<Fault>> for Error {
    fn from(fault: Box<Fault>) -> Self {
        let error = Self::new(ErrorKind::InvalidOperation, fault.message.clone());
        match fault.inner {
            Some(inner) => error.with_source(inner),
            None => error,
        }
    }
}
