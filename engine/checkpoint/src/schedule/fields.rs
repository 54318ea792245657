//! The fields of a mapping, each looked at once; what is left is unknown.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fault::Fault;

/// The fields of a mapping.
pub(super) struct Fields<'a> {
    path: Vec<String>,
    left: BTreeMap<String, Value>,
    known: Vec<String>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(value: &Value, path: &[&str], faults: &'a mut Vec<Fault>) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self::at(value, path, faults)
    }

    fn at(value: &Value, path: Vec<String>, faults: &'a mut Vec<Fault>) -> Self {
        let mut left = BTreeMap::new();
        match value {
            Value::Object(map) => left.extend(map.iter().map(|(key, value)| (key.clone(), value.clone()))),
            other => faults
                .push(Fault { path: path.clone(), reason: format!("it is {}, not a mapping", kind(other)) }),
        }
        Self { path, left, known: Vec::new(), faults }
    }

    /// Tells of something wrong with a field, which may be a path of its own.
    pub(super) fn fault(&mut self, name: &str, reason: String) {
        let mut path = self.path.clone();
        path.extend(name.split('.').map(str::to_owned));
        self.faults.push(Fault { path, reason });
    }

    pub(super) fn missing(&mut self, name: &str) {
        self.fault(name, "it is missing".to_owned());
    }

    /// What was read of a field, unless something is wrong with it.
    pub(super) fn keep<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.fault(name, reason)).ok()
    }

    /// A field that is there and not null.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.known.push(name.to_owned());
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// Fields that may be there, and are of no interest.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.take(name);
        }
    }

    fn typed<T>(&mut self, name: &str, wanted: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let read = read(&value);
        if read.is_none() {
            self.fault(name, format!("it is {}, not {wanted}", kind(&value)));
        }
        read
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.typed(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        self.typed(name, "true or false", Value::as_bool)
    }

    pub(super) fn number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let number = self.typed(name, "a whole number", Value::as_u64)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.fault(name, format!("{number} is not between {least} and {most}"));
        None
    }

    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let texts =
            |value: &Value| value.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect();
        self.typed(name, "a list of texts", texts).unwrap_or_default()
    }

    pub(super) fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        self.typed(name, "a mapping of texts", |value| value.as_object()?.iter().map(pair).collect())
            .unwrap_or_default()
    }

    /// A mapping inside.
    pub(super) fn inner<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        let value = self.take(name)?;
        let mut path = self.path.clone();
        path.push(name.to_owned());
        let mut fields = Fields::at(&value, path, self.faults);
        let found = read(&mut fields);
        fields.end();
        Some(found)
    }

    /// Each mapping of a list inside.
    pub(super) fn each(&mut self, name: &str, mut read: impl FnMut(&mut Fields<'_>)) {
        let Some(all) = self.typed(name, "a list", |value| value.as_array().cloned()) else { return };
        for (place, one) in all.iter().enumerate() {
            let mut path = self.path.clone();
            path.extend([name.to_owned(), place.to_string()]);
            let mut fields = Fields::at(one, path, self.faults);
            read(&mut fields);
            fields.end();
        }
    }

    /// Whether this can be a label; tells if not.
    pub(super) fn check_label(&mut self, name: &str, key: &str, value: &str) -> bool {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let is_key = !key.is_empty() && key.chars().all(|letter| fits(letter) || letter == '/');
        let is_value = value.len() <= 63 && value.chars().all(fits);
        if !is_key || !is_value {
            self.fault(name, format!("`{key}: {value}` is no label"));
        }
        is_key && is_value
    }

    /// Tells of what nobody asked for.
    pub(super) fn end(&mut self) {
        for name in std::mem::take(&mut self.left).into_keys() {
            let known = self.known.join(", ");
            self.fault(&name, format!("there is no such field; there are {known}"));
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
