//! JSON and YAML.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::sync::Arc;

use clouder_lang::Source;
use clouder_lang::yaml::{self, Node, Yaml};
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};
use serde::Serialize as _;
use serde_json::Value as Json;

use super::wrong;
use crate::template::emit::{Flow, Look};
use crate::template::jinja::Fault;
use crate::template::python::{self, is_missing};
use crate::template::vault::Vault;
use crate::template::{emit, from_json, to_json, to_text};

pub(super) fn add(environment: &mut Environment<'static>, vault: &Arc<Vault>) {
    environment.add_filter("to_json", to_json_filter);
    environment.add_filter("tojson", |value: &Value, args: Rest<Value>, kwargs: Kwargs| {
        // Jinja's own makes text that may stand in HTML.
        let [indent] = super::taken(["indent"], &args, &kwargs)?;
        let indent = indent.as_ref().and_then(python::int_of).and_then(|indent| usize::try_from(indent).ok());
        let none = Kwargs::from_iter(std::iter::empty::<(&str, Value)>());
        let text = json_text(value, indent, &none, true)?;
        let text = text.replace('<', "\\u003c").replace('>', "\\u003e");
        Ok::<_, Error>(text.replace('&', "\\u0026").replace('\'', "\\u0027"))
    });
    environment.add_filter("to_nice_json", to_nice_json);
    environment.add_filter("from_json", from_json_filter);
    let known = Arc::clone(vault);
    environment.add_filter("to_yaml", move |value: &Value, kwargs: Kwargs| {
        let usual = Look { flow: Flow::Innermost, ..Look::default() };
        yaml_text(value, &kwargs, usual, &known)
    });
    let known = Arc::clone(vault);
    environment.add_filter("to_nice_yaml", move |value: &Value, indent: Option<usize>, kwargs: Kwargs| {
        let usual = Look { indent: indent.unwrap_or(4), ..Look::default() };
        yaml_text(value, &kwargs, usual, &known)
    });
    environment.add_filter("from_yaml", from_yaml);
    environment.add_filter("from_yaml_all", from_yaml_all);
}

fn to_json_filter(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent = kwargs.get::<Option<usize>>("indent")?;
    json_text(value, indent, &kwargs, false)
}

fn to_nice_json(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent = kwargs.get::<Option<usize>>("indent")?.unwrap_or(4);
    json_text(value, Some(indent), &kwargs, true)
}

fn json_text(
    value: &Value,
    indent: Option<usize>,
    kwargs: &Kwargs,
    sorted_by_default: bool,
) -> Result<String, Error> {
    let sorted = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(sorted_by_default);
    let ascii = kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(true);
    let separators = kwargs.get::<Option<Vec<String>>>("separators")?.unwrap_or_default();
    for ignored in ["vault_to_text", "preprocess_unsafe", "allow_nan"] {
        kwargs.get::<Option<Value>>(ignored)?;
    }
    kwargs.assert_all_used()?;
    complete(value, &|_| false)?;
    let mut json = to_json(value);
    if sorted {
        emit::sort(&mut json);
    }
    let mut out = Vec::new();
    let result = match indent {
        Some(width) => {
            let blanks = vec![b' '; python::width(width)?];
            let formatter = serde_json::ser::PrettyFormatter::with_indent(&blanks);
            json.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))
        }
        None => json.serialize(&mut serde_json::Serializer::with_formatter(
            &mut out,
            Spaced {
                item: separators.first().map_or(", ", String::as_str),
                key: separators.get(1).map_or(": ", String::as_str),
            },
        )),
    };
    result.map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8_lossy(&out).into_owned();
    Ok(if ascii { escaped(&text) } else { text })
}

/// Refuses a value in which something is missing.
pub(super) fn complete(value: &Value, is_known: &dyn Fn(&Value) -> bool) -> Result<(), Error> {
    if is_missing(value) && !is_known(value) {
        return Err(Fault::missing(value).into());
    }
    match value.kind() {
        ValueKind::Map => python::pairs(value)?.iter().try_for_each(|(_, inner)| complete(inner, is_known)),
        ValueKind::Seq => value.try_iter()?.try_for_each(|inner| complete(&inner, is_known)),
        _ => Ok(()),
    }
}

/// JSON on one line with blanks after commas and colons, as Python has it.
struct Spaced<'a> {
    item: &'a str,
    key: &'a str,
}

impl serde_json::ser::Formatter for Spaced<'_> {
    fn write_f64<W: std::io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
        writer.write_all(crate::template::text::float(value).as_bytes())
    }

    fn begin_array_value<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.item.as_bytes()) }
    }

    fn begin_object_key<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.item.as_bytes()) }
    }

    fn begin_object_value<W: std::io::Write + ?Sized>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(self.key.as_bytes())
    }
}

/// JSON in ASCII alone.
fn escaped(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

fn from_json_filter(value: &Value) -> Result<Value, Error> {
    let text = super::text_of("from_json", value)?;
    serde_json::from_str::<Json>(text)
        .map(from_json)
        .map_err(|error| wrong(format!("`from_json` cannot read its input: {error}")))
}

fn yaml_text(value: &Value, kwargs: &Kwargs, usual: Look, vault: &Vault) -> Result<String, Error> {
    let sorted = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(true);
    let flag = |name: &str, usual: bool| Ok::<_, Error>(kwargs.get::<Option<bool>>(name)?.unwrap_or(usual));
    let number =
        |name: &str, usual: usize| Ok::<_, Error>(kwargs.get::<Option<usize>>(name)?.unwrap_or(usual));
    let look = Look {
        indent: number("indent", usual.indent)?,
        width: number("width", usual.width)?,
        flow: match kwargs.get::<Option<bool>>("default_flow_style") {
            Ok(Some(true)) => Flow::Always,
            Ok(Some(false)) => Flow::Never,
            _ if kwargs.has("default_flow_style") => Flow::Innermost,
            _ => usual.flow,
        },
        start: flag("explicit_start", false)?,
        end: flag("explicit_end", false)?,
        unicode: flag("allow_unicode", true)?,
        quote: kwargs.get::<Option<String>>("default_style")?.and_then(|style| style.chars().next()),
    };
    for ignored in
        ["line_break", "canonical", "encoding", "version", "tags", "vault_to_text", "preprocess_unsafe"]
    {
        kwargs.get::<Option<Value>>(ignored)?;
    }
    kwargs.assert_all_used()?;
    complete(value, &|value| vault.sealed(value).is_some())?;
    let mut json = vault.to_json(value);
    if sorted {
        emit::sort(&mut json);
    }
    Ok(emit::yaml(&json, &look))
}

fn from_yaml(value: &Value) -> Result<Value, Error> {
    if value.as_str().is_none() {
        return Ok(value.clone());
    }
    let source = Source::new("from_yaml", to_text(value));
    let loaded = yaml::load(&source)
        .map_err(|error| wrong(format!("`from_yaml` cannot read its input: {}", error.message)))?;
    loaded.document.map_or_else(|| Ok(Value::from(())), |node| plain(&node))
}

fn from_yaml_all(value: &Value) -> Result<Value, Error> {
    let source = Source::new("from_yaml_all", to_text(value));
    let loaded = yaml::load_all(&source)
        .map_err(|error| wrong(format!("`from_yaml_all` cannot read its input: {}", error.message)))?;
    loaded.documents.iter().map(plain).collect::<Result<Vec<_>, _>>().map(Value::from)
}

/// What was read; ciphertext is for files that a run reads itself.
fn plain(node: &Node) -> Result<Value, Error> {
    if holds_ciphertext(node) {
        return Err(wrong("could not determine a constructor for the tag '!vault'"));
    }
    Ok(from_json(yaml::to_json(node)))
}

fn holds_ciphertext(node: &Node) -> bool {
    match &node.value {
        Yaml::Vault(_) => true,
        Yaml::Sequence(items) => items.iter().any(holds_ciphertext),
        Yaml::Mapping(mapping) => mapping.iter().any(|(_, entry)| holds_ciphertext(&entry.value)),
        _ => false,
    }
}
