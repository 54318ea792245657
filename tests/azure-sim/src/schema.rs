//! What requests may contain: schemas as text, and requests against them.
//!
//! A schema is a list of structs: `struct NAME`, then lines of `field,field type`. A field that ends in `!` is required, one
//! that ends in `-` is read-only: it is ignored in requests, as Azure does. Types are `string`, `bool`, `int`, `float`,
//! `any`, `[]type`, `map[string]type`, words such as `Static|Dynamic`, and structs.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

macro_rules! schemas {
    ($($name:ident $file:literal)*) => { $(
        #[doc = concat!("The schema of `", $file, "`.")]
        pub static $name: LazyLock<Schema> = LazyLock::new(|| Schema::parse(include_str!(concat!("schema/", $file))));
    )* };
}

schemas! {
    AUTHORIZATION "authorization.schema"
    COMPUTE "compute.schema"
    DISKS "disks.schema"
    IDENTITY "identity.schema"
    NETWORK "network.schema"
    RESOURCES "resources.schema"
    RESOURCE_GRAPH "resourcegraph.schema"
    STORAGE "storage.schema"
}

/// The structs of one version of a provider.
#[derive(Debug)]
pub struct Schema {
    structs: HashMap<String, HashMap<String, Field>>,
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: Type,
    required: bool,
    read_only: bool,
}

#[derive(Debug, Clone)]
enum Type {
    String,
    Bool,
    Int,
    Float,
    Any,
    Words(Vec<String>),
    List(Box<Self>),
    Map(Box<Self>),
    Struct(String),
}

/// Something in a request that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// A field that is not known.
    Unknown {
        /// Its name.
        member: String,
        /// The struct it is not in.
        of: String,
        /// Its path.
        path: String,
    },
    /// A field that must be there.
    Missing {
        /// Its path.
        path: String,
    },
    /// A value of the wrong type, or not one of those allowed.
    Value {
        /// What is there.
        found: String,
        /// What could be there.
        wanted: String,
        /// Its path.
        path: String,
    },
}

impl Schema {
    fn parse(text: &str) -> Self {
        let mut structs: HashMap<String, HashMap<String, Field>> = HashMap::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["struct", name] => {
                    current = (*name).to_owned();
                    structs.entry(current.clone()).or_default();
                }
                [names, kind] => {
                    let fields = names.split(',').map(|name| {
                        let plain = name.trim_end_matches(['!', '-']);
                        let field = Field {
                            name: plain.to_owned(),
                            kind: Type::parse(kind),
                            required: name.ends_with('!'),
                            read_only: name.ends_with('-'),
                        };
                        (plain.to_ascii_lowercase(), field)
                    });
                    structs.entry(current.clone()).or_default().extend(fields);
                }
                _ => {}
            }
        }
        Self { structs }
    }

    /// The request as it counts: read-only fields left out, names and words in Azure's own case.
    ///
    /// # Errors
    /// The first thing that the struct of this name does not allow. With `partial`, nothing is required.
    pub fn clean(&self, name: &str, body: &Value, partial: bool) -> Result<Value, Mistake> {
        Cleaner { schema: self, partial }.value(&Type::Struct(name.to_owned()), body, "")
    }
}

impl Type {
    fn parse(text: &str) -> Self {
        if let Some(item) = text.strip_prefix("[]") {
            return Self::List(Box::new(Self::parse(item)));
        }
        if let Some(item) = text.strip_prefix("map[string]") {
            return Self::Map(Box::new(Self::parse(item)));
        }
        match text {
            "string" => Self::String,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "any" => Self::Any,
            words if words.contains('|') => {
                Self::Words(words.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect())
            }
            name => Self::Struct(name.to_owned()),
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::String => "String".to_owned(),
            Self::Bool => "Boolean".to_owned(),
            Self::Int => "Int32".to_owned(),
            Self::Float => "Double".to_owned(),
            Self::Any => "Object".to_owned(),
            Self::Words(words) => words.join(", "),
            Self::List(item) => format!("List`1[{}]", item.wanted()),
            Self::Map(item) => format!("Dictionary`2[String,{}]", item.wanted()),
            Self::Struct(name) => name.clone(),
        }
    }
}

struct Cleaner<'schema> {
    schema: &'schema Schema,
    partial: bool,
}

impl Cleaner<'_> {
    fn value(&self, kind: &Type, value: &Value, path: &str) -> Result<Value, Mistake> {
        let wrong = || Mistake::Value {
            found: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            wanted: kind.wanted(),
            path: path.to_owned(),
        };
        match (kind, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Type::Any, _)
            | (Type::String, Value::String(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Float, Value::Number(_)) => Ok(value.clone()),
            // The services read numbers and booleans where texts belong, and the other way round.
            (Type::String, Value::Number(_) | Value::Bool(_)) => Ok(Value::String(value.to_string())),
            (Type::Int, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(value.clone()),
            (Type::Int, Value::String(text)) => text.parse::<i64>().map(Value::from).map_err(|_| wrong()),
            (Type::Bool, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(wrong()),
            },
            (Type::Words(words), Value::String(text)) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
                word.map(|word| Value::String(word.clone())).ok_or_else(wrong)
            }
            (Type::List(item), Value::Array(values)) => {
                let each = values.iter().enumerate();
                each.map(|(index, value)| self.value(item, value, &format!("{path}[{index}]"))).collect()
            }
            (Type::Map(item), Value::Object(entries)) => {
                let each = entries.iter().map(|(key, value)| {
                    self.value(item, value, &join(path, key)).map(|value| (key.clone(), value))
                });
                each.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
            (Type::Struct(name), Value::Object(entries)) => self.structure(name, entries, path),
            _ => Err(wrong()),
        }
    }

    fn structure(&self, name: &str, entries: &Map<String, Value>, path: &str) -> Result<Value, Mistake> {
        let empty = HashMap::new();
        let fields = self.schema.structs.get(name).unwrap_or(&empty);
        let mut cleaned = Map::new();
        for (key, value) in entries {
            let Some(field) = fields.get(&key.to_ascii_lowercase()) else {
                let of = name.to_owned();
                return Err(Mistake::Unknown { member: key.clone(), of, path: join(path, key) });
            };
            if field.read_only {
                continue;
            }
            let value = self.value(&field.kind, value, &join(path, &field.name))?;
            if !value.is_null() {
                cleaned.insert(field.name.clone(), value);
            }
        }
        if !self.partial {
            let missing = fields.values().find(|field| field.required && !cleaned.contains_key(&field.name));
            if let Some(field) = missing {
                return Err(Mistake::Missing { path: join(path, &field.name) });
            }
        }
        Ok(Value::Object(cleaned))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_struct_that_is_named_exists() {
        fn named(kind: &Type) -> Option<&str> {
            match kind {
                Type::Struct(name) => Some(name),
                Type::List(item) | Type::Map(item) => named(item),
                _ => None,
            }
        }
        let all =
            [&AUTHORIZATION, &COMPUTE, &DISKS, &IDENTITY, &NETWORK, &RESOURCES, &RESOURCE_GRAPH, &STORAGE];
        for schema in all {
            assert!(!schema.structs.is_empty());
            for (owner, fields) in &schema.structs {
                for (name, field) in fields {
                    if let Some(target) = named(&field.kind) {
                        assert!(schema.structs.contains_key(target), "{owner}.{name} names {target}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_read_only_is_ignored_and_case_is_azures() {
        let body = json!({"ID": 3, "Location": "westeurope", "properties": {"publicIPAllocationMethod": "static", "ipConfiguration": {"id": "x"}, "idleTimeoutInMinutes": "4"}});
        let clean = NETWORK.clean("PublicIPAddress", &body, false).unwrap();
        let expected = json!({"id": "3", "location": "westeurope", "properties": {"publicIPAllocationMethod": "Static", "idleTimeoutInMinutes": 4}});
        assert_eq!(clean, expected);
    }

    #[test]
    fn what_is_unknown_missing_or_wrong_is_named_by_its_path() {
        let clean = |body: Value| COMPUTE.clean("VirtualMachine", &body, false).unwrap_err();
        let (member, of) = ("vmSise".to_owned(), "HardwareProfile".to_owned());
        let path = "properties.hardwareProfile.vmSise".to_owned();
        assert_eq!(
            clean(json!({"location": "a", "properties": {"hardwareProfile": {"vmSise": "x"}}})),
            Mistake::Unknown { member, of, path }
        );
        assert_eq!(clean(json!({})), Mistake::Missing { path: "location".to_owned() });
        let wrong = clean(json!({"location": "a", "properties": {"priority": "Cheap"}}));
        assert!(matches!(wrong, Mistake::Value { path, .. } if path == "properties.priority"));
        let wrong = clean(json!({"location": "a", "zones": "1"}));
        assert!(matches!(wrong, Mistake::Value { path, .. } if path == "zones"));
    }
}
