//! Values checked against an argument specification (`meta/argument_specs.yml`), with Ansible's messages.

mod convert;
#[cfg(test)]
mod tests;

use clouder_lang::yaml::{Node, to_json};
use serde_json::{Map, Value};

use convert::{convert, same, text, type_name};

/// What is wrong with values, by the options of a specification (`req: {type: str, required: true}`).
pub fn validate(options: &Node, provided: &Map<String, Value>) -> Vec<String> {
    let Value::Object(options) = to_json(options) else { return Vec::new() };
    let mut checker = Checker { context: Vec::new(), errors: Vec::new(), unsupported: Vec::new() };
    checker.level(&Level { options: &options, constraints: None }, provided.clone());
    let Checker { mut errors, unsupported, .. } = checker;
    errors.extend(unsupported);
    errors
}

/// The options of a specification, or of one option that is a mapping.
struct Level<'a> {
    options: &'a Map<String, Value>,
    /// Where `mutually_exclusive`, `required_if` … of these options stand.
    constraints: Option<&'a Value>,
}

struct Checker {
    /// The options that led here.
    context: Vec<String>,
    errors: Vec<String>,
    unsupported: Vec<String>,
}

impl Checker {
    fn level(&mut self, level: &Level<'_>, given: Map<String, Value>) {
        let mut values = self.known(level, given);
        self.groups(level, "mutually_exclusive", &values, |names, values| {
            let count = names.iter().filter(|name| values.contains_key(**name)).count();
            (count > 1).then(|| format!("parameters are mutually exclusive: {}", names.join("|")))
        });
        let required = level.options.iter().filter(|(_, option)| is_true(option.get("required")));
        let missing: Vec<&str> =
            required.map(|(name, _)| name.as_str()).filter(|name| !values.contains_key(*name)).collect();
        if !missing.is_empty() {
            let mut missing = missing;
            missing.sort_unstable();
            self.error(format!("missing required arguments: {}", missing.join(", ")));
        }
        for (name, option) in level.options {
            if let Some(value) = values.get(name)
                && let Some(converted) = self.value(name, option, value)
            {
                values.insert(name.clone(), converted);
            }
        }
        for (name, option) in level.options {
            if let Some(value) = values.get(name) {
                self.choices(name, option, value);
            }
        }
        for (name, option) in level.options {
            if let Some(default) = option.get("default").filter(|default| !default.is_null()) {
                values.entry(name.clone()).or_insert_with(|| default.clone());
            }
        }
        self.requirements(level, &values);
        for (name, option) in level.options {
            if let (Some(value), Some(Value::Object(options))) = (values.get(name), option.get("options")) {
                self.below(name, option, options, value);
            }
        }
    }

    /// The values by their options' first names; others are noted.
    fn known(&mut self, level: &Level<'_>, given: Map<String, Value>) -> Map<String, Value> {
        let mut values = Map::new();
        let mut strange = Vec::new();
        for (name, value) in given {
            let option =
                level.options.iter().find(|(option, spec)| **option == name || has_alias(spec, &name));
            match option {
                Some((option, _)) => drop(values.insert(option.clone(), value)),
                None => {
                    strange.push(self.context.iter().chain([&name]).cloned().collect::<Vec<_>>().join("."));
                }
            }
        }
        if !strange.is_empty() {
            let mut known: Vec<&str> = level.options.keys().map(String::as_str).collect();
            known.sort_unstable();
            strange.sort_unstable();
            let message =
                format!("{}. Supported parameters include: {}.", strange.join(", "), known.join(", "));
            self.unsupported.push(message);
        }
        values
    }

    /// The value as its option's type; an error is noted.
    fn value(&mut self, name: &str, option: &Value, value: &Value) -> Option<Value> {
        // Nothing stands for an option that need not be there.
        let optional = !is_true(option.get("required")) && option.get("default").is_none_or(Value::is_null);
        if value.is_null() && optional {
            return Some(Value::Null);
        }
        let wanted = option.get("type").and_then(Value::as_str).unwrap_or("str");
        let converted = match convert(wanted, value) {
            Ok(converted) => converted,
            Err(reason) => {
                let found = if self.context.is_empty() {
                    String::new()
                } else {
                    format!(" found in '{}'.", self.context.join(" -> "))
                };
                self.errors.push(format!(
                    "argument '{name}' is of type {}{found} and we were unable to convert to {wanted}: {reason}",
                    type_name(value)
                ));
                return None;
            }
        };
        let Some(element) = option.get("elements").and_then(Value::as_str) else { return Some(converted) };
        let Value::Array(items) = &converted else { return Some(converted) };
        let mut elements = Vec::new();
        for item in items {
            match convert(element, item) {
                Ok(converted) => elements.push(converted),
                Err(reason) => self.error(format!(
                    "Elements value for option '{name}' is of type {} and we were unable to convert to {element}: {reason}",
                    type_name(item)
                )),
            }
        }
        Some(Value::Array(elements))
    }

    fn choices(&mut self, name: &str, option: &Value, value: &Value) {
        let Some(choices) = option.get("choices").and_then(Value::as_array) else { return };
        let allowed = |value: &Value| choices.iter().any(|choice| same(choice, value));
        let all = choices.iter().map(text).collect::<Vec<_>>().join(", ");
        match value {
            Value::Array(items) => {
                let strange: Vec<String> = items.iter().filter(|item| !allowed(item)).map(text).collect();
                if !strange.is_empty() {
                    let strange = strange.join(", ");
                    self.error(format!(
                        "value of {name} must be one or more of: {all}. Got no match for: {strange}"
                    ));
                }
            }
            value if !allowed(value) && !convert::is_word_of(value, choices) => {
                self.error(format!("value of {name} must be one of: {all}, got: {}", text(value)));
            }
            _ => {}
        }
    }

    fn requirements(&mut self, level: &Level<'_>, values: &Map<String, Value>) {
        self.groups(level, "required_together", values, |names, values| {
            let count = names.iter().filter(|name| values.contains_key(**name)).count();
            (count > 0 && count < names.len())
                .then(|| format!("parameters are required together: {}", names.join(", ")))
        });
        self.groups(level, "required_one_of", values, |names, values| {
            (!names.iter().any(|name| values.contains_key(*name)))
                .then(|| format!("one of the following is required: {}", names.join(", ")))
        });
        let get = |key: &str| level.constraints.and_then(|constraints| constraints.get(key));
        for rule in get("required_if").and_then(Value::as_array).into_iter().flatten() {
            let Some([name, value, needed, any @ ..]) = rule.as_array().map(Vec::as_slice) else { continue };
            let name = text(name);
            if !values.get(&name).is_some_and(|given| same(given, value)) {
                continue;
            }
            let needed = words(needed);
            let missing: Vec<&str> =
                needed.iter().copied().filter(|needed| !values.contains_key(*needed)).collect();
            let any = is_true(any.first());
            if if any { missing.len() == needed.len() } else { !missing.is_empty() } {
                let how = if any { "any" } else { "all" };
                let missing = missing.join(", ");
                self.error(format!(
                    "{name} is {} but {how} of the following are missing: {missing}",
                    text(value)
                ));
            }
        }
        for (name, needed) in get("required_by").and_then(Value::as_object).into_iter().flatten() {
            let missing: Vec<&str> =
                words(needed).into_iter().filter(|needed| !values.contains_key(*needed)).collect();
            if values.contains_key(name) && !missing.is_empty() {
                self.error(format!("missing parameter(s) required by '{name}': {}", missing.join(", ")));
            }
        }
    }

    /// Checks each group of names that a constraint lists.
    fn groups(
        &mut self,
        level: &Level<'_>,
        constraint: &str,
        values: &Map<String, Value>,
        check: impl Fn(&[&str], &Map<String, Value>) -> Option<String>,
    ) {
        let groups = level.constraints.and_then(|constraints| constraints.get(constraint)?.as_array());
        let Some(groups) = groups else { return };
        // One group may be written without the list around it.
        let single =
            groups.iter().all(Value::is_string).then(|| groups.iter().filter_map(Value::as_str).collect());
        let all: Vec<Vec<&str>> = match single {
            Some(single) => vec![single],
            None => groups.iter().map(words).collect(),
        };
        for names in all {
            if let Some(message) = check(&names, values) {
                self.error(message);
            }
        }
    }

    /// Checks the options inside of an option that is a mapping, or a list of them.
    fn below(&mut self, name: &str, option: &Value, options: &Map<String, Value>, value: &Value) {
        let level = Level { options, constraints: Some(option) };
        let items = match value {
            Value::Array(items) => items.iter().collect(),
            single => vec![single],
        };
        self.context.push(name.to_owned());
        for item in items {
            match item {
                Value::Object(mapping) => self.level(&level, mapping.clone()),
                Value::Null => {}
                _ => self.errors.push(format!("value of '{name}' must be of type dict or list of dicts")),
            }
        }
        self.context.pop();
    }

    fn error(&mut self, message: String) {
        let context = self.context.join(" -> ");
        self.errors.push(if context.is_empty() { message } else { format!("{message} found in {context}") });
    }
}

fn has_alias(option: &Value, name: &str) -> bool {
    option.get("aliases").is_some_and(|aliases| words(aliases).contains(&name))
}

/// A list of names, or one.
fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::String(word) => vec![word],
        _ => Vec::new(),
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(|value| convert("bool", value).is_ok_and(|value| value == Value::Bool(true)))
}
