//! What fields the documents of Kubernetes have, and of which type: read from the `.schema` files beside this
//! one, and held against a document with every mistake reported by its path.
//!
//! A line of such a file is `struct NAME`, `inline NAME` (all fields of another struct), or
//! `FIELD TYPE [since MINOR] [until MINOR]`. A type is `string`, `bool`, `int`, `float`, `duration`, `quantity`,
//! `any`, another struct, `[]TYPE`, `map[string]TYPE`, or a list of allowed words: `A|B|C`.

mod check;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(crate) use check::seconds;
pub use check::{Mistake, check};

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// Any number.
    Float,
    /// Text such as `1h30m`.
    Duration,
    /// A number, or text such as `300Mi`.
    Quantity,
    /// A number or a text: a port or its name.
    IntOrString,
    /// Anything at all.
    Any,
    /// Text out of a few words.
    Words(Vec<String>),
    /// A list.
    List(Box<Self>),
    /// A mapping with free keys.
    Map(Box<Self>),
    /// A mapping with the fields of this struct.
    Struct(String),
}

/// One field, and the minor releases that know it.
#[derive(Debug, Clone)]
pub struct Field {
    /// What it may hold.
    pub kind: Type,
    since: u32,
    until: u32,
}

/// All structs of one schema file.
#[derive(Debug)]
pub struct Schema {
    /// How the real programs call the package of these types in their messages.
    pub package: &'static str,
    structs: BTreeMap<String, BTreeMap<String, Field>>,
}

/// kubeadm's own kinds.
pub static KUBEADM: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse("v1beta4", &[include_str!("kubeadm.schema"), include_str!("shared.schema")])
});

/// The kubelet's and the proxy's configuration.
pub static COMPONENTS: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse("v1beta1", &[include_str!("components.schema"), include_str!("shared.schema")])
});

/// Objects of the API.
pub static OBJECTS: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse("v1", &[include_str!("objects.schema"), include_str!("shared.schema")]));

impl Schema {
    fn parse(package: &'static str, texts: &[&str]) -> Self {
        let mut structs: BTreeMap<String, BTreeMap<String, Field>> = BTreeMap::new();
        let mut inlines: Vec<(String, String)> = Vec::new();
        for text in texts {
            let mut current = String::new();
            for line in text.lines() {
                let words: Vec<&str> =
                    line.split('#').next().unwrap_or_default().split_whitespace().collect();
                match words.as_slice() {
                    [] => {}
                    ["struct", name] => {
                        current = (*name).to_owned();
                        structs.entry(current.clone()).or_default();
                    }
                    ["inline", name] => inlines.push((current.clone(), (*name).to_owned())),
                    [names, kind, rest @ ..] => {
                        let limit = |word| {
                            let at = rest.iter().position(|found| *found == word)?;
                            rest.get(at + 1)?.parse().ok()
                        };
                        let field = Field {
                            kind: Type::parse(kind),
                            since: limit("since").unwrap_or(0),
                            until: limit("until").unwrap_or(u32::MAX),
                        };
                        let fields = structs.entry(current.clone()).or_default();
                        fields.extend(names.split(',').map(|name| (name.to_owned(), field.clone())));
                    }
                    [_] => {}
                }
            }
        }
        // Twice, since an inlined struct may inline another.
        for (into, from) in inlines.iter().chain(&inlines) {
            let fields = structs.get(from).cloned().unwrap_or_default();
            structs.entry(into.clone()).or_default().extend(fields);
        }
        Self { package, structs }
    }

    /// Whether there is a struct of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.structs.contains_key(name)
    }

    fn field(&self, name: &str, field: &str, minor: u32) -> Option<&Field> {
        let field = self.structs.get(name)?.get(field)?;
        (field.since <= minor && minor <= field.until).then_some(field)
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
            "duration" => Self::Duration,
            "quantity" => Self::Quantity,
            "int-or-string" => Self::IntOrString,
            "any" => Self::Any,
            words if words.contains('|') => Self::Words(words.split('|').map(str::to_owned).collect()),
            name => Self::Struct(name.to_owned()),
        }
    }

    /// The type as Go writes it, for messages.
    fn go(&self, package: &str) -> String {
        match self {
            Self::String | Self::Words(_) => "string".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int => "int32".to_owned(),
            Self::Float => "float64".to_owned(),
            Self::Duration => "v1.Duration".to_owned(),
            Self::Quantity => "resource.Quantity".to_owned(),
            Self::IntOrString => "intstr.IntOrString".to_owned(),
            Self::Any => "interface {}".to_owned(),
            Self::List(item) => format!("[]{}", item.go(package)),
            Self::Map(item) => format!("map[string]{}", item.go(package)),
            Self::Struct(name) => format!("{package}.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
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
        for schema in [&*KUBEADM, &*COMPONENTS, &*OBJECTS] {
            for (owner, fields) in &schema.structs {
                assert!(!fields.is_empty(), "{owner} has no field");
                for (name, field) in fields {
                    if let Some(target) = named(&field.kind) {
                        assert!(schema.has(target), "{owner}.{name} names {target}, which is nowhere");
                    }
                }
            }
        }
    }
}
