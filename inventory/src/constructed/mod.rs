//! Variables and groups that expressions make of the variables hosts have: `compose`, `groups`, `keyed_groups`.

pub(crate) mod file;

use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};
use clouder_lang::{Diagnostic, Span};
use serde_json::Value;

use crate::expressions::Expressions;
use crate::{Inventory, Variables, options};

/// What a keyed group may say of itself.
const KEYED: [&str; 6] =
    ["key", "prefix", "separator", "parent_group", "default_value", "trailing_separator"];

/// What is made of the variables of hosts.
pub(crate) struct Constructed {
    /// Variables by name, with their expressions.
    pub compose: Vec<(Arc<str>, Node)>,
    /// Groups by name, with their conditions.
    pub groups: Vec<(Arc<str>, Node)>,
    /// Groups named by what variables hold.
    pub keyed: Vec<Keyed>,
    /// Whether expressions without a value are errors.
    pub strict: bool,
    /// Whether names without a prefix begin with the separator.
    pub leading_separator: bool,
    /// Whether names keep their dashes.
    pub keep_dashes: bool,
}

/// Groups named by what a variable holds.
pub(crate) struct Keyed {
    key: Node,
    prefix: Arc<str>,
    separator: Arc<str>,
    parent: Option<Node>,
    default: Option<Arc<str>>,
    trailing_separator: bool,
}

impl Keyed {
    /// Reads the list `keyed_groups`; an element without a key makes no groups.
    pub(crate) fn read(settings: &Mapping) -> Result<Vec<Self>, Diagnostic> {
        let mut all = Vec::new();
        for node in options::list(settings, "keyed_groups")?.unwrap_or_default() {
            let Some(keyed) = node.as_mapping() else {
                let message = format!("a keyed group is a mapping, not {}", node.kind());
                return Err(Diagnostic::error(message, &node.span).hint("write {key: …, prefix: …}"));
            };
            options::refuse_unknown(keyed, &KEYED, "a keyed group")?;
            if keyed.get("default_value").is_some() && keyed.get("trailing_separator").is_some() {
                let message = "default_value and trailing_separator exclude each other";
                return Err(Diagnostic::error(message, &node.span));
            }
            let Some(key) = keyed.get("key").filter(|key| !key.is_null()) else { continue };
            let own = |name: &str| keyed.get(name).filter(|node| !node.is_null());
            all.push(Self {
                key: key.clone(),
                prefix: own("prefix").map_or_else(|| Arc::from(""), Node::to_text),
                separator: own("separator").map_or_else(|| Arc::from("_"), Node::to_text),
                parent: own("parent_group").cloned(),
                default: own("default_value").map(Node::to_text),
                trailing_separator: options::flag(keyed, "trailing_separator", true)?,
            });
        }
        Ok(all)
    }

    /// What comes after the prefix in the names of groups.
    fn names(&self, value: &Value, host: &str) -> Result<Vec<String>, Diagnostic> {
        let or_default = |text: &str| match &self.default {
            Some(default) if text.is_empty() => default.to_string(),
            _ => text.to_owned(),
        };
        Ok(match value {
            Value::String(_) | Value::Null => {
                let name = or_default(value.as_str().unwrap_or_default());
                if name.is_empty() {
                    let message = format!("`{}` is empty for host {host}", self.key.to_text());
                    return Err(Diagnostic::error(message, &self.key.span)
                        .hint("give it a default_value, or write `… | default('none', true)`"));
                }
                vec![name]
            }
            Value::Array(items) => items.iter().map(|item| or_default(&plain(item))).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|(name, value)| match plain(value) {
                    value if value.is_empty() && !self.trailing_separator => name.clone(),
                    value => [name.as_str(), &self.separator, &or_default(&value)].concat(),
                })
                .collect(),
            Value::Bool(_) | Value::Number(_) => Vec::new(),
        })
    }
}

/// A value as Python prints it.
fn plain(value: &Value) -> String {
    Node::from_json(value, &Span::of_text("", "")).to_text().to_string()
}

impl Constructed {
    /// The variables that a host's variables make.
    ///
    /// # Errors
    /// When an expression has no value, and that is an error.
    pub(crate) fn compose(
        &self,
        host: &str,
        known: &Variables,
        expressions: &dyn Expressions,
    ) -> Result<Variables, Diagnostic> {
        let mut composed = Variables::new();
        for (name, expression) in &self.compose {
            if expression.as_str().is_none() {
                let message = format!("`{name}` is to be {}, not an expression", expression.kind());
                let wrong = Diagnostic::error(message, &expression.span).hint("quote it");
                self.heeded::<()>(Err(Box::new(wrong)), host)?;
                continue;
            }
            if let Some(value) = self.heeded(expressions.value(expression, known), host)? {
                // What an expression gives is no template.
                let node = Node::from_json(&value, &expression.span).into_raw();
                composed.insert(Arc::clone(name), node);
            }
        }
        Ok(composed)
    }

    /// Puts a host into the groups that its variables make.
    ///
    /// # Errors
    /// When an expression has no value, and that is an error; when a key is no text.
    pub(crate) fn group(
        &self,
        host: &str,
        known: &Variables,
        inventory: &mut Inventory,
        expressions: &dyn Expressions,
    ) -> Result<(), Diagnostic> {
        // What is known of the host by itself is seen by groups, but is no variable of the inventory.
        let mut seen = known.clone();
        seen.insert(
            Arc::from("inventory_hostname"),
            Node::text(host, Span::of_text("host", host)).into_raw(),
        );
        for (name, condition) in &self.groups {
            if self.heeded(expressions.holds(condition, &seen), host)? == Some(true) {
                inventory.add_to_group(host, &self.safe(name));
            }
        }
        for keyed in &self.keyed {
            self.key(keyed, host, &seen, inventory, expressions)?;
        }
        Ok(())
    }

    fn key(
        &self,
        keyed: &Keyed,
        host: &str,
        seen: &Variables,
        inventory: &mut Inventory,
        expressions: &dyn Expressions,
    ) -> Result<(), Diagnostic> {
        let Some(value) = self.heeded(expressions.value(&keyed.key, seen), host)? else { return Ok(()) };
        if value.is_boolean() || value.is_number() {
            let message =
                format!("`{}` is {value} for host {host}: no text, list or mapping", keyed.key.to_text());
            return Err(Diagnostic::error(message, &keyed.key.span).hint("write `… | string`"));
        }
        let Some(names) = self.heeded(keyed.names(&value, host).map_err(Box::new), host)? else {
            return Ok(());
        };
        let parent = match &keyed.parent {
            Some(node) => self.heeded(expressions.text(node, seen), host)?.unwrap_or_default(),
            None => String::new(),
        };
        let separator =
            if keyed.prefix.is_empty() && !self.leading_separator { "" } else { &keyed.separator };
        for name in names {
            let group = self.safe(&[&keyed.prefix, separator, &name].concat());
            inventory.add_to_group(host, &group);
            if !parent.is_empty() {
                inventory.add_child(&self.safe(&parent), &group);
            }
        }
        Ok(())
    }

    /// A result; errors count if they are to.
    fn heeded<T>(&self, result: Result<T, Box<Diagnostic>>, host: &str) -> Result<Option<T>, Diagnostic> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.strict => {
                let error = *error;
                Err(Diagnostic { message: format!("host {host}: {}", error.message), ..error })
            }
            Err(_) => Ok(None),
        }
    }

    /// The name of a group with what no variable may have in its name replaced.
    fn safe(&self, name: &str) -> String {
        let keeps = |at: usize, letter: char| {
            if self.keep_dashes {
                letter.is_ascii_alphanumeric() || "_-".contains(letter)
            } else {
                letter == '_' || letter.is_alphanumeric() && (at > 0 || !letter.is_numeric())
            }
        };
        name.chars().enumerate().map(|(at, letter)| if keeps(at, letter) { letter } else { '_' }).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Plain;

    /// The groups that ansible-core 2.19 makes of the same.
    fn groups(keyed: &str, strict: bool, leading_separator: bool) -> Result<Vec<String>, String> {
        let source = clouder_lang::Source::new("test", format!("keyed_groups: {keyed}"));
        let document = clouder_lang::yaml::load_file(&source).unwrap().document.unwrap();
        let constructed = Constructed {
            compose: Vec::new(),
            groups: Vec::new(),
            keyed: Keyed::read(document.as_mapping().unwrap()).map_err(|error| error.message)?,
            strict,
            leading_separator,
            keep_dashes: false,
        };
        let variables = json!({
            "n": 5, "s": "x-y z", "l": [1, "two", ""], "m": {"k": "v", "e": "", "n": 3}, "z": "", "nn": null, "d": "1st", "u": "münchen",
        });
        let known = variables.as_object().unwrap().iter();
        let span = Span::of_text("test", "");
        let known =
            known.map(|(name, value)| (Arc::from(name.as_str()), Node::from_json(value, &span))).collect();
        let mut inventory = Inventory::default();
        inventory.add_host("a");
        constructed.group("a", &known, &mut inventory, &Plain).map_err(|error| error.message)?;
        Ok(inventory.groups_of("a").iter().map(ToString::to_string).collect())
    }

    #[test]
    fn groups_are_named_by_texts_lists_and_mappings() {
        let made = |keyed: &str| groups(keyed, true, true).unwrap().join(" ");
        assert_eq!(made("[{key: l, prefix: l}]"), "l_ l_1 l_two");
        assert_eq!(made("[{key: l, prefix: ld, default_value: dd}]"), "ld_1 ld_dd ld_two");
        assert_eq!(made("[{key: m, prefix: m}]"), "m_e_ m_k_v m_n_3");
        assert_eq!(made("[{key: m, prefix: mm, default_value: dd}]"), "mm_e_dd mm_k_v mm_n_3");
        assert_eq!(made("[{key: m, prefix: mt, trailing_separator: false}]"), "mt_e mt_k_v mt_n_3");
        assert_eq!(made("[{key: d}, {key: u}, {key: s}]"), "_1st _münchen _x_y_z");
        assert_eq!(made("[{key: z, prefix: zz, default_value: dd}, {prefix: x}]"), "zz_dd");
        assert_eq!(groups("[{key: s}, {key: d}]", true, false).unwrap().join(" "), "_st x_y_z");
        assert_eq!(groups("[{key: s, parent_group: p-q}]", true, true).unwrap(), ["p_q", "_x_y_z"]);
    }

    #[test]
    fn what_has_no_value_is_an_error_only_if_it_is_to_be() {
        assert_eq!(groups("[{key: nope}, {key: z}]", false, true).unwrap(), ["ungrouped"]);
        assert!(groups("[{key: nope}]", true, true).unwrap_err().contains("host a: `nope` is not defined"));
        assert!(groups("[{key: z}]", true, true).unwrap_err().contains("`z` is empty"));
        assert!(groups("[{key: n}]", false, true).unwrap_err().contains("no text, list or mapping"));
        assert!(groups("[{key: s, prefx: p}]", true, true).unwrap_err().contains("no option `prefx`"));
    }
}
