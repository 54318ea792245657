//! Templates as Ansible has them: Jinja expressions and texts over lazily evaluated variables.

mod error;
mod scope;

pub use error::TemplateError;
pub use minijinja::Value;
pub use scope::Scope;
