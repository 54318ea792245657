//! Expressions in sources of an inventory: the engine's templates evaluate them.

use clouder_lang::Diagnostic;
use clouder_lang::yaml::Node;
use serde_json::Value;

use crate::Variables;

/// Evaluates what sources of an inventory leave open.
pub trait Expressions: Send + Sync {
    /// The value of a bare expression.
    ///
    /// # Errors
    /// When it has none.
    fn value(&self, expression: &Node, known: &Variables) -> Result<Value, Box<Diagnostic>>;

    /// Whether a condition holds.
    ///
    /// # Errors
    /// When it has no value, or that is no boolean.
    fn holds(&self, condition: &Node, known: &Variables) -> Result<bool, Box<Diagnostic>>;

    /// A text with the templates in it evaluated.
    ///
    /// # Errors
    /// When a template has no value.
    fn text(&self, text: &Node, known: &Variables) -> Result<String, Box<Diagnostic>>;
}
