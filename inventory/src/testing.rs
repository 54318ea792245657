//! For tests: expressions that are nothing but booleans, names of variables, or `NAME == 'TEXT'`.

use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Node, to_json};
use serde_json::Value;

use crate::Variables;
use crate::expressions::Expressions;

/// Knows names and booleans, and whether they equal a text.
pub(crate) struct Plain;

impl Expressions for Plain {
    fn value(&self, expression: &Node, known: &Variables) -> Result<Value, Box<Diagnostic>> {
        let text = expression.to_text();
        if let Some(value) = expression.as_bool() {
            return Ok(Value::Bool(value));
        }
        if let Some((name, wanted)) = text.split_once(" == ") {
            let value = self.value(&Node::text(name, expression.span.clone()), known)?;
            return Ok(Value::Bool(value.as_str() == Some(wanted.trim_matches('\''))));
        }
        let path = format!("/{}", text.replace('.', "/"));
        let known = known.iter().map(|(name, node)| (name.to_string(), to_json(node))).collect();
        let value = Value::Object(known).pointer(&path).cloned();
        value.ok_or_else(|| Box::new(Diagnostic::error(format!("`{text}` is not defined"), &expression.span)))
    }

    fn holds(&self, condition: &Node, known: &Variables) -> Result<bool, Box<Diagnostic>> {
        Ok(self.value(condition, known)? == Value::Bool(true))
    }

    fn text(&self, text: &Node, _: &Variables) -> Result<String, Box<Diagnostic>> {
        Ok(text.to_text().to_string())
    }
}
