//! Where templates find variables.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::Value;

use super::TemplateError;

/// The variables that one task of one host sees. A variable costs when it is read: it is evaluated then, and not
/// before.
pub trait Scope: Debug + Send + Sync + 'static {
    /// The value of a variable, its own templates evaluated; `None` when there is no such variable.
    fn variable(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>>;

    /// The names of all variables.
    fn names(&self) -> Vec<Arc<str>>;

    /// The folders in which lookups and includes look for files, most specific first; each is tried with the kind of
    /// file (`files`, `templates`, `vars`, `tasks`) below it and by itself.
    fn search_path(&self) -> Vec<PathBuf>;

    /// Whether this is a run that only predicts.
    fn check_mode(&self) -> bool {
        false
    }
}
