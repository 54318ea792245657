//! The arguments of tasks against the parameters of modules.

use clouder_lang::yaml::{Mapping, Node, Yaml, to_json};
use clouder_lang::{Diagnostic, nearest};
use clouder_modules::args::{ArgumentError, Constraint, Kind, Parameter, Schema};
use serde_json::{Map, Value};

use super::{Checker, entries};
use crate::playbook::names::{Parameters, parameters, unknown_argument};
use crate::playbook::{Keywords, Task};

impl Checker<'_> {
    pub(super) fn arguments(&mut self, task: &Task) {
        let invocation = &task.invocation;
        // What a module that the playbook brings along takes, only that knows.
        let Some(parameters) = parameters(&invocation.name).filter(|_| invocation.own.is_none()) else {
            return;
        };
        let schema = (parameters.schema)();
        // What `meta` takes is not an argument, and is checked as a word.
        if invocation.arguments.as_mapping().is_none() || &*invocation.name == "meta" {
            return;
        }
        let mut given: Vec<(&'static Parameter, &Node)> = Vec::new();
        for (name, value, span) in entries(task) {
            if name == "_variable_params" {
                continue;
            }
            let Some(parameter) = schema.find(name) else {
                if !parameters.open {
                    self.find(unknown_argument(&invocation.name, name, span, schema), &task.layer);
                }
                continue;
            };
            if value.is_null() {
                continue;
            }
            if let Some((_, before)) = given.iter().find(|(other, _)| other.name == parameter.name) {
                let message = format!("`{name}` and another name of `{}` are both given", parameter.name);
                self.find(Diagnostic::error(message, span).via("also given here", &before.span), &task.layer);
            }
            given.push((parameter, value));
        }
        if let (Some(text), Some(parameter)) = (&invocation.free_form, schema.free_form()) {
            given.push((parameter, text));
        }
        for (parameter, value) in &given {
            self.value(task, &parameters, parameter, value);
        }
        self.constraints(task, schema, &given);
        // Includes without a name are told of where they are looked into.
        if !has_defaults(task) && !invocation.name.starts_with("include_") {
            self.missing(task, schema, &given);
        }
    }

    /// A literal value that its parameter cannot take.
    fn value(&mut self, task: &Task, parameters: &Parameters, parameter: &Parameter, value: &Node) {
        if holds_templates(value) {
            return;
        }
        let mut arguments = filled((parameters.schema)(), parameter.name);
        arguments.insert(parameter.name.to_owned(), to_json(value));
        if let Err(ArgumentError::Type { name, expected, found }) = (parameters.check)(arguments)
            && name == parameter.name
        {
            let message = format!("`{name}` of `{}` must be {expected}, not {found}", task.invocation.name);
            let mut finding = Diagnostic::error(message, &value.span);
            if let (Kind::Choice(words), Some(text)) = (parameter.kind, value.as_str())
                && let Some(nearest) = nearest(text, words.iter().copied())
            {
                finding = finding.hint(format!("did you mean `{nearest}`?"));
            }
            self.find(finding, &task.layer);
        }
    }

    /// Required parameters that no argument is given for.
    fn missing(&mut self, task: &Task, schema: &Schema, given: &[(&Parameter, &Node)]) {
        let is_given = |name: &str| given.iter().any(|(parameter, _)| parameter.name == name);
        let required =
            schema.all().into_iter().filter(|parameter| parameter.required && !is_given(parameter.name));
        for parameter in required {
            let message = if parameter.free_form && parameter.name.starts_with('_') {
                format!("`{}` needs a text after it", task.invocation.name)
            } else {
                format!("`{}` needs the argument `{}`", task.invocation.name, parameter.name)
            };
            self.find(Diagnostic::error(message, &task.invocation.written.span), &task.layer);
        }
        for constraint in schema.all_constraints() {
            let (needed, reason): (&[&str], String) = match constraint {
                Constraint::OneOf(names) => (names, String::new()),
                Constraint::RequiredIf { parameter, value, needed } => {
                    if literal(schema, given, parameter).as_deref() != Some(*value) {
                        continue;
                    }
                    (needed, format!(" when `{parameter}` is `{value}`"))
                }
                Constraint::RequiredBy { parameter, needed } if is_given(parameter) => {
                    for name in needed.iter().filter(|name| !is_given(name)) {
                        let message =
                            format!("`{}` needs `{name}` when `{parameter}` is given", task.invocation.name);
                        self.find(Diagnostic::error(message, &task.invocation.written.span), &task.layer);
                    }
                    continue;
                }
                Constraint::RequiredBy { .. } | Constraint::Exclusive(_) => continue,
            };
            if !needed.iter().any(|name| is_given(name)) {
                let message = format!("`{}` needs {}{reason}", task.invocation.name, one_of(needed));
                self.find(Diagnostic::error(message, &task.invocation.written.span), &task.layer);
            }
        }
    }

    /// Arguments that exclude each other. One of them may be left out by a template, so that only literal ones count.
    fn constraints(&mut self, task: &Task, schema: &Schema, given: &[(&Parameter, &Node)]) {
        for constraint in schema.all_constraints() {
            let Constraint::Exclusive(names) = constraint else { continue };
            let both: Vec<_> = given
                .iter()
                .filter(|(parameter, value)| names.contains(&parameter.name) && !holds_templates(value))
                .collect();
            if let [(first, before), (second, value), ..] = both.as_slice() {
                let message = format!("`{}` and `{}` exclude each other", first.name, second.name);
                let finding = Diagnostic::error(message, &value.span).via("the other one", &before.span);
                self.find(finding, &task.layer);
            }
        }
    }
}

/// "the argument `a`", or "one of the arguments `a`, `b`"; free text has no name that people write.
fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> =
        names.iter().filter(|name| !name.starts_with('_')).map(|name| format!("`{name}`")).collect();
    let text = if quoted.len() < names.len() { "a text after it, or " } else { "" };
    match quoted.as_slice() {
        [single] => format!("{text}the argument {single}"),
        _ => format!("{text}one of the arguments {}", quoted.join(", ")),
    }
}

/// The text of a parameter that is known without a run: given literally, or not at all and there is a default.
fn literal(schema: &Schema, given: &[(&Parameter, &Node)], name: &str) -> Option<String> {
    match given.iter().find(|(parameter, _)| parameter.name == name) {
        Some((_, value)) if holds_templates(value) => None,
        Some((_, value)) => Some(match to_json(value) {
            Value::String(text) => text,
            other => other.to_string(),
        }),
        None => schema.find(name)?.default.map(str::to_owned),
    }
}

/// Whether any text of a value is a template, or encrypted: what it says is not known before a run.
pub(super) fn holds_templates(node: &Node) -> bool {
    node.is_template()
        || matches!(node.value, Yaml::Vault(_))
        || node.as_sequence().unwrap_or_default().iter().any(holds_templates)
        || node
            .as_mapping()
            .into_iter()
            .flat_map(Mapping::iter)
            .any(|(_, entry)| holds_templates(&entry.value))
}

/// Whether `module_defaults` around the task, or a template, may give it arguments that are not written there.
fn has_defaults(task: &Task) -> bool {
    let invocation = &task.invocation;
    let written = invocation.written.to_text();
    let names = [&*invocation.name, &*written];
    let concerns = |keywords: &Keywords| {
        keywords.module_defaults.iter().any(|node| match node.as_mapping() {
            Some(mapping) => mapping.iter().any(|(name, _)| {
                names.contains(&crate::playbook::short_name(name))
                    || names.contains(&&**name)
                    || name.starts_with("group/")
            }),
            None => true,
        })
    };
    concerns(&task.keywords)
        || task.layer.chain().any(|layer| concerns(&layer.keywords))
        || entries(task).any(|(name, ..)| name == "_variable_params")
}

/// Arguments that satisfy a schema, but for those a value is to be tried with.
fn filled(schema: &Schema, without: &str) -> Map<String, Value> {
    let mut names: Vec<&str> =
        schema.all().iter().filter(|parameter| parameter.required).map(|parameter| parameter.name).collect();
    for constraint in schema.all_constraints() {
        match constraint {
            Constraint::OneOf(needed) | Constraint::RequiredIf { needed, .. }
                if !needed.iter().any(|name| *name == without || names.contains(name)) =>
            {
                names.extend(needed.first());
            }
            Constraint::RequiredBy { parameter, needed } if *parameter == without => names.extend(*needed),
            _ => {}
        }
    }
    let excluded = |name: &str| {
        schema.all_constraints().iter().any(|constraint| {
            matches!(constraint, Constraint::Exclusive(names) if names.contains(&name) && names.contains(&without))
        })
    };
    names.retain(|name| *name != without && !excluded(name));
    names
        .into_iter()
        .filter_map(|name| schema.find(name))
        .map(|parameter| (parameter.name.to_owned(), example(&parameter.kind)))
        .collect()
}

fn example(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Any => Value::from("x"),
        Kind::Boolean => Value::Bool(true),
        Kind::Integer | Kind::Number => Value::from(1),
        Kind::List(element) => Value::Array(vec![example(element)]),
        Kind::Mapping => Value::Object(Map::new()),
        Kind::Choice(words) => Value::from(words.first().copied().unwrap_or_default()),
    }
}
