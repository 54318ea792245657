//! What stands for a value that is not there.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use crate::template::TemplateError;

/// Something that is not defined, or a variable whose template failed. It is no error until it is used: `default` and
/// `is defined` may ask for it.
#[derive(Debug)]
pub(in crate::template) struct Missing {
    /// What is wrong once it is used.
    pub(in crate::template) message: String,
    /// The variable that is not defined.
    pub(in crate::template) name: Option<String>,
    /// What went wrong further in.
    pub(in crate::template) error: Option<TemplateError>,
}

impl Missing {
    /// A variable that is not defined.
    pub(in crate::template) fn variable(name: &str) -> Value {
        Value::from_object(Self {
            message: format!("'{name}' is undefined"),
            name: Some(name.to_owned()),
            error: None,
        })
    }

    /// Something else that is not there.
    pub(in crate::template) fn because(message: impl Into<String>) -> Value {
        Value::from_object(Self { message: message.into(), name: None, error: None })
    }

    /// A value that cannot be made.
    pub(in crate::template) fn failed(error: TemplateError) -> Value {
        Value::from_object(Self {
            message: error.to_string(),
            name: error.undefined.clone(),
            error: Some(error),
        })
    }

    /// Whether it is merely not defined, so that a default may stand for it.
    pub(in crate::template) fn is_undefined(&self) -> bool {
        self.error.as_ref().is_none_or(|error| error.undefined.is_some())
    }
}

impl Object for Missing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Undefined")
    }
}

/// Whether a value is missing.
pub(in crate::template) fn is_missing(value: &Value) -> bool {
    value.is_undefined() || value.downcast_object_ref::<Missing>().is_some()
}
