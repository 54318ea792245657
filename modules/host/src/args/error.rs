//! What can be wrong with a module's arguments.

use thiserror::Error;

/// Why arguments were refused.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum ArgumentError {
    /// No parameter has this name.
    #[error("unknown argument `{name}`; known are: {known}")]
    Unknown {
        /// As written.
        name: String,
        /// All known names.
        known: String,
    },
    /// A required one is absent.
    #[error("missing argument `{name}`")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A value that cannot be read as what it should be.
    #[error("argument `{name}` must be {expected}, not {found}")]
    Type {
        /// The parameter.
        name: String,
        /// What it should be: "a boolean", "one of: present, absent".
        expected: String,
        /// What was written.
        found: String,
    },
    /// Two names of one parameter, or two parameters that exclude each other.
    #[error("arguments {names} cannot be given together")]
    Together {
        /// Their names.
        names: String,
    },
    /// One of several is needed.
    #[error("one of the arguments {names} is required{reason}")]
    OneOf {
        /// Their names.
        names: String,
        /// " when state is present", or empty.
        reason: String,
    },
}

impl ArgumentError {
    /// The argument to point at, if there is one.
    pub fn argument(&self) -> Option<&str> {
        match self {
            Self::Unknown { name, .. } | Self::Type { name, .. } | Self::Missing { name } => Some(name),
            Self::Together { .. } | Self::OneOf { .. } => None,
        }
    }
}
