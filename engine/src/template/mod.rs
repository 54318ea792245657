//! Templates as Ansible has them: Jinja expressions and texts over lazily evaluated variables.
//!
//! [`Templates`] compiles each text once per run and evaluates it per host. Only what was written in playbooks and
//! variable files is a template; values are never evaluated again.

mod convert;
mod emit;
mod engine;
mod error;
mod evaluation;
mod filters;
#[cfg(test)]
mod fuzz;
mod jinja;
mod lazy;
mod lookups;
mod plugins;
mod python;
mod scope;
mod syntax;
mod table;
mod testing;
mod text;
mod vault;
mod versions;

pub use convert::{from_json, is_omit, omit, to_json};
pub use emit::to_yaml;
pub use engine::{RenderOptions, TemplateOptions, Templates, is_template};
pub use error::TemplateError;
pub(crate) use filters::encrypted;
pub use lazy::failed;
pub use lookups::NAMES as LOOKUPS;
pub use minijinja::Value;
pub use plugins::PluginFolders;
pub use scope::Scope;
pub use text::{to_tags, to_text, to_texts};

/// The time it is, as a value whose methods templates may call.
pub fn current_moment() -> Value {
    Value::from_object(python::now(false))
}
