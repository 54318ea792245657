//! Expressions in sources of an inventory: the engine's templates evaluate them.

use clouder_lang::Diagnostic;
use clouder_lang::yaml::Node;
use serde_json::{Map, Value};

/// The variables an expression sees.
pub type Known = Map<String, Value>;

/// Evaluates what sources of an inventory leave open.
pub trait Expressions: Send + Sync {
    /// The value of a bare expression.
    ///
    /// # Errors
    /// When it has none.
    fn value(&self, expression: &Node, known: &Known) -> Result<Value, Box<Diagnostic>>;

    /// Whether a condition holds.
    ///
    /// # Errors
    /// When it has no value, or that is no boolean.
    fn holds(&self, condition: &Node, known: &Known) -> Result<bool, Box<Diagnostic>>;

    /// A text with the templates in it evaluated.
    ///
    /// # Errors
    /// When a template has no value.
    fn text(&self, text: &Node, known: &Known) -> Result<String, Box<Diagnostic>>;
}
