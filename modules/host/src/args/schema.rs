//! The parameters of a module as data: for checks, documentation and editors.

use serde_json::{Map, Value, json};

/// All parameters of a module.
#[derive(Debug)]
pub struct Schema {
    /// What the module does at length: the doc comment of its arguments.
    pub doc: &'static str,
    /// Its own parameters.
    pub parameters: &'static [Parameter],
    /// Groups of parameters it takes in from elsewhere.
    pub groups: &'static [fn() -> &'static Self],
    /// What must hold between parameters.
    pub constraints: &'static [Constraint],
}

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in playbooks.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// What it means: the field's doc comment.
    pub doc: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether a task must give it.
    pub required: bool,
    /// What it is when not given, as a playbook would write it.
    pub default: Option<&'static str>,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether free text after the module's name goes here.
    pub free_form: bool,
}

/// What the values of a parameter are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text; other scalars are taken as text.
    Text,
    /// `yes`, `true`, `1` …
    Boolean,
    /// A whole number, also as text.
    Integer,
    /// A number, also as text.
    Number,
    /// A list; text is split at commas, another scalar is a list of one.
    List(&'static Self),
    /// A mapping.
    Mapping,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Anything.
    Any,
}

impl Parameter {
    /// Whether only the controller gives it, to the agent: not for documentation or playbooks.
    pub fn is_internal(&self) -> bool {
        self.name.starts_with('_') && !self.free_form
    }
}

impl Kind {
    /// As JSON Schema has it; any value may also be a template, which is text.
    fn to_json_schema(self) -> Map<String, Value> {
        let schema = match self {
            Self::Text => json!({"type": ["string", "number", "boolean"]}),
            Self::Boolean => json!({"type": ["boolean", "string"]}),
            Self::Integer => json!({"type": ["integer", "string"]}),
            Self::Number => json!({"type": ["number", "string"]}),
            Self::List(element) => json!({"type": ["array", "string"], "items": element.to_json_schema()}),
            Self::Mapping => json!({"type": ["object", "string"]}),
            Self::Choice(words) => {
                json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "\\{\\{"}]})
            }
            Self::Any => json!({}),
        };
        match schema {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }

    /// In words, for messages: "a boolean".
    pub fn describe(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Boolean => "a boolean".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::List(element) => format!("a list ({})", element.describe()),
            Self::Mapping => "a mapping".to_owned(),
            Self::Choice(words) => format!("one of: {}", words.join(", ")),
            Self::Any => "anything".to_owned(),
        }
    }
}

/// What must hold between the parameters of one task.
#[derive(Debug)]
pub enum Constraint {
    /// At most one of these may be given.
    Exclusive(&'static [&'static str]),
    /// At least one of these must be given.
    OneOf(&'static [&'static str]),
    /// When `parameter` has `value`, at least one of `needed` must be given.
    RequiredIf {
        /// The deciding parameter.
        parameter: &'static str,
        /// Its deciding value.
        value: &'static str,
        /// What is then needed: any one of these.
        needed: &'static [&'static str],
    },
    /// When `parameter` is given, all of `needed` must be.
    RequiredBy {
        /// The deciding parameter.
        parameter: &'static str,
        /// What is then needed.
        needed: &'static [&'static str],
    },
}

impl Schema {
    /// What the module does at length; of what is nothing but groups, what the first of them says.
    pub fn about(&self) -> &'static str {
        match (self.doc, self.groups.first()) {
            ("", Some(first)) => first().about(),
            (doc, _) => doc,
        }
    }

    /// Every parameter, its groups' included.
    pub fn all(&self) -> Vec<&'static Parameter> {
        let mut all: Vec<&'static Parameter> = self.parameters.iter().collect();
        for group in self.groups {
            all.extend(group().all());
        }
        all
    }

    /// The same as a JSON Schema, for editors.
    pub fn to_json_schema(&self) -> Value {
        let shown = self.all().into_iter().filter(|parameter| !parameter.name.starts_with('_'));
        let mut properties = Map::new();
        let mut required = Vec::new();
        for parameter in shown {
            let mut property = parameter.kind.to_json_schema();
            property.insert("description".to_owned(), parameter.doc.into());
            if let Some(default) = parameter.default {
                property.insert("default".to_owned(), default.into());
            }
            if parameter.required && parameter.aliases.is_empty() {
                required.push(parameter.name);
            }
            for name in std::iter::once(&parameter.name).chain(parameter.aliases) {
                properties.insert((*name).to_owned(), Value::Object(property.clone()));
            }
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "description": self.about(),
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    /// The parameter that a name or alias means.
    pub fn find(&self, name: &str) -> Option<&'static Parameter> {
        self.all().into_iter().find(|parameter| parameter.name == name || parameter.aliases.contains(&name))
    }

    /// The parameter free text goes to.
    pub fn free_form(&self) -> Option<&'static Parameter> {
        self.all().into_iter().find(|parameter| parameter.free_form)
    }

    /// Every constraint, its groups' included.
    pub fn all_constraints(&self) -> Vec<&'static Constraint> {
        let mut all: Vec<&'static Constraint> = self.constraints.iter().collect();
        for group in self.groups {
            all.extend(group().all_constraints());
        }
        all
    }
}
