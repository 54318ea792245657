//! A document against its schema.

use serde_json::Value;

use super::{Schema, Type};

/// Something in a document that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// A field that is not known, by its path.
    Unknown(String),
    /// A value of the wrong type, as the real programs word it.
    Mismatch(String),
}

/// Finds everything in a document that the struct of this name does not allow in this minor release.
#[must_use]
pub fn check(schema: &Schema, name: &str, document: &Value, minor: u32) -> Vec<Mistake> {
    let mut checker = Checker { schema, root: name, minor, mistakes: Vec::new() };
    checker.value(&Type::Struct(name.to_owned()), document, "");
    checker.mistakes
}

struct Checker<'schema> {
    schema: &'schema Schema,
    root: &'schema str,
    minor: u32,
    mistakes: Vec<Mistake>,
}

impl Checker<'_> {
    fn value(&mut self, kind: &Type, value: &Value, path: &str) {
        match (kind, value) {
            (_, Value::Null)
            | (Type::Any, _)
            | (Type::String, Value::String(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Float, Value::Number(_))
            | (Type::IntOrString, Value::String(_)) => {}
            (Type::Int | Type::IntOrString, Value::Number(number)) if number.is_i64() || number.is_u64() => {}
            (Type::Duration, Value::String(text)) => {
                if seconds(text).is_none() {
                    self.mistakes.push(Mistake::Mismatch(format!(
                        "time: invalid duration {text:?} in field {path:?}"
                    )));
                }
            }
            (Type::Quantity, Value::Number(_)) => {}
            (Type::Quantity, Value::String(text)) => {
                if !is_quantity(text) {
                    self.mistakes.push(Mistake::Mismatch(format!(
                        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$': {text:?} in field {path:?}"
                    )));
                }
            }
            (Type::Words(words), Value::String(text)) => {
                if !text.is_empty() && !words.contains(text) {
                    let allowed = words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
                    self.mistakes.push(Mistake::Mismatch(format!(
                        "{path}: Unsupported value: {text:?}: supported values: {allowed}"
                    )));
                }
            }
            (Type::List(item), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.value(item, value, &format!("{path}[{index}]"));
                }
            }
            (Type::Map(item), Value::Object(entries)) => {
                for (key, value) in entries {
                    self.value(item, value, &join(path, key));
                }
            }
            (Type::Struct(name), Value::Object(entries)) => {
                for (key, value) in entries {
                    let path = join(path, key);
                    match self.schema.field(name, key, self.minor) {
                        Some(field) => self.value(&field.kind.clone(), value, &path),
                        None => self.mistakes.push(Mistake::Unknown(path)),
                    }
                }
            }
            _ => self.mistakes.push(Mistake::Mismatch(format!(
                "json: cannot unmarshal {} into Go struct field {}.{path} of type {}",
                found(value),
                self.root,
                kind.go(self.schema.package)
            ))),
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// How long a text such as `1h30m` or `500ms` is, in seconds, if it is one.
#[must_use]
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if body == "0" {
        return Some(0.0);
    }
    let mut rest = body;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters =
            rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len());
        total += number
            * match &rest[..letters] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    (!body.is_empty()).then_some(if text.starts_with('-') { -total } else { total })
}

fn is_quantity(text: &str) -> bool {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = number.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(number.len());
    let suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let exponent =
        |suffix: &str| suffix.strip_prefix(['e', 'E']).is_some_and(|digits| digits.parse::<i32>().is_ok());
    number[..end].parse::<f64>().is_ok() && (suffixes.contains(&&number[end..]) || exponent(&number[end..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::KUBEADM;
    use super::*;

    #[test]
    fn a_map_where_a_list_belongs_is_named_by_its_path() {
        let document = json!({"nodeRegistration": {"kubeletExtraArgs": {"node-ip": "10.0.0.1"}}});
        assert_eq!(
            check(&KUBEADM, "InitConfiguration", &document, 34),
            [Mistake::Mismatch(
                "json: cannot unmarshal object into Go struct field InitConfiguration.nodeRegistration.kubeletExtraArgs of type []v1beta4.Arg".to_owned()
            )]
        );
    }

    #[test]
    fn an_unknown_field_is_named_by_its_path_also_inside_lists() {
        let document =
            json!({"apiServer": {"extraArgs": [{"name": "a", "value": "b", "vlaue": "c"}], "certSANS": []}});
        assert_eq!(
            check(&KUBEADM, "ClusterConfiguration", &document, 34),
            [
                Mistake::Unknown("apiServer.extraArgs[0].vlaue".to_owned()),
                Mistake::Unknown("apiServer.certSANS".to_owned())
            ]
        );
    }

    #[test]
    fn an_argument_needs_text_and_not_a_number() {
        let document = json!({"etcd": {"local": {"extraArgs": [{"name": "quota-backend-bytes", "value": 8589934592_u64}]}}});
        let mistakes = check(&KUBEADM, "ClusterConfiguration", &document, 34);
        assert!(
            matches!(&mistakes[..], [Mistake::Mismatch(text)] if text.contains("cannot unmarshal number"))
        );
    }

    #[test]
    fn durations_and_quantities_have_a_form() {
        assert_eq!(seconds("1h30m"), Some(5400.0));
        assert_eq!(seconds("8760h0m0s"), Some(31_536_000.0));
        assert_eq!(seconds("500ms"), Some(0.5));
        assert_eq!(seconds("10"), None);
        assert_eq!(seconds(""), None);
        assert_eq!(seconds("5 minutes"), None);
        for good in ["100m", "1.5Gi", "2e3", "0", "-1", "15G"] {
            assert!(is_quantity(good), "{good}");
        }
        for bad in ["", "Gi", "1 Gi", "5GB", "10%"] {
            assert!(!is_quantity(bad), "{bad}");
        }
    }
}
