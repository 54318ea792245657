//! The arguments of one task while they are being read.

use serde_json::{Map, Value};

use super::{ArgumentError, Constraint, FromArgument, Parameter, Schema};

/// The arguments that have not been taken yet, under their parameters' first names.
pub struct ArgumentSource {
    given: Map<String, Value>,
}

impl ArgumentSource {
    /// Resolves aliases and checks names and constraints. `null` counts as not given, as in Ansible.
    pub(super) fn new(arguments: Map<String, Value>, schema: &Schema) -> Result<Self, ArgumentError> {
        let mut given = Map::new();
        for (name, value) in arguments {
            let Some(parameter) = schema.find(&name) else {
                let all = schema.all();
                let shown = all.iter().filter(|parameter| !parameter.name.starts_with('_'));
                let known = shown.map(|parameter| parameter.name).collect::<Vec<_>>().join(", ");
                return Err(ArgumentError::Unknown { name, known });
            };
            if !value.is_null() && given.insert(parameter.name.to_owned(), value).is_some() {
                let names = std::iter::once(parameter.name).chain(parameter.aliases.iter().copied());
                return Err(ArgumentError::Together { names: quoted(names) });
            }
        }
        let source = Self { given };
        for constraint in schema.all_constraints() {
            source.check(constraint, schema)?;
        }
        Ok(source)
    }

    fn check(&self, constraint: &Constraint, schema: &Schema) -> Result<(), ArgumentError> {
        let count = |names: &[&str]| names.iter().filter(|name| self.given.contains_key(**name)).count();
        let one_of = |names: &[&'static str], reason: String| {
            Err(ArgumentError::OneOf { names: quoted(names.iter().copied()), reason })
        };
        match constraint {
            Constraint::Exclusive(names) if count(names) > 1 => {
                Err(ArgumentError::Together { names: quoted(names.iter().copied()) })
            }
            Constraint::OneOf(names) if count(names) == 0 => one_of(names, String::new()),
            Constraint::RequiredIf { parameter, value, needed }
                if count(needed) == 0 && self.text_of(parameter, schema).as_deref() == Some(*value) =>
            {
                one_of(needed, format!(" when {parameter} is {value}"))
            }
            Constraint::RequiredBy { parameter, needed } if self.given.contains_key(*parameter) => {
                match needed.iter().find(|name| !self.given.contains_key(**name)) {
                    Some(missing) => one_of(&[*missing], format!(" when {parameter} is given")),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What a parameter says, given or by default.
    fn text_of(&self, parameter: &str, schema: &Schema) -> Option<String> {
        match self.given.get(parameter) {
            Some(value) => match value {
                Value::Bool(value) => Some(value.to_string()),
                other => String::from_argument(other),
            },
            None => schema.find(parameter).and_then(|parameter| parameter.default).map(str::to_owned),
        }
    }

    /// Takes one argument, or its default.
    ///
    /// # Errors
    /// [`ArgumentError::Type`] when it cannot be read as `T`.
    pub fn take<T: FromArgument>(&mut self, parameter: &Parameter) -> Result<Option<T>, ArgumentError> {
        let value = match (self.given.remove(parameter.name), parameter.default) {
            (Some(value), _) => value,
            (None, Some(default)) => Value::from(default),
            (None, None) => return Ok(None),
        };
        let wrong = |value: &Value| ArgumentError::Type {
            name: parameter.name.to_owned(),
            expected: T::KIND.describe(),
            found: if parameter.secret { "what was given".to_owned() } else { shorten(&value.to_string()) },
        };
        T::from_argument(&value).map(Some).ok_or_else(|| wrong(&value))
    }

    /// Takes one argument that must be there.
    ///
    /// # Errors
    /// [`ArgumentError::Missing`], or [`ArgumentError::Type`].
    pub fn take_required<T: FromArgument>(&mut self, parameter: &Parameter) -> Result<T, ArgumentError> {
        self.take(parameter)?.ok_or_else(|| ArgumentError::Missing { name: parameter.name.to_owned() })
    }

    /// Takes all that is left, unread: for arguments that are passed on.
    pub fn take_all(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.given)
    }

    /// Makes sure nothing is left.
    pub(super) fn finish(self) -> Result<(), ArgumentError> {
        match self.given.into_iter().next() {
            Some((name, _)) => Err(ArgumentError::Unknown { name, known: String::new() }),
            None => Ok(()),
        }
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn shorten(text: &str) -> String {
    const LIMIT: usize = 60;
    match text.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
