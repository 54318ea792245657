//! YAML documents → JSON values, by the rules that Kubernetes' own reader follows: YAML 1.1's booleans and
//! octal numbers, merge keys, and an error for a key that is there twice.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use crate::failure::{Failure, Result};

const DEPTH: usize = 200;
const VALUES: usize = 1_000_000;

enum Frame {
    List {
        anchor: usize,
        items: Vec<Value>,
    },
    Map {
        anchor: usize,
        entries: Map<String, Value>,
        merged: Vec<Value>,
        key: Option<(String, bool)>,
        line: usize,
    },
}

/// Reads all documents of a text. Empty documents are left out.
///
/// # Errors
/// Bad YAML, a repeated key, or a key that is not a scalar, with its line.
pub fn documents(text: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut anchors: HashMap<usize, Value> = HashMap::new();
    let mut stack: Vec<Frame> = Vec::new();
    let mut values = 0;
    for step in Parser::new_from_str(text) {
        let (event, span) =
            step.map_err(|error| Failure::new(format!("error converting YAML to JSON: yaml: {error}")))?;
        let line = span.start.line();
        let finished = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                if let Some(Frame::Map { key: key @ None, entries, .. }) = stack.last_mut() {
                    let merge = !quoted && text == "<<";
                    if entries.contains_key(text.as_ref()) {
                        return Err(failure(line, &format!("key {text:?} already set in map")));
                    }
                    *key = Some((text.into_owned(), merge));
                    continue;
                }
                let value = if quoted { Value::String(text.into_owned()) } else { plain(&text) };
                Some((anchor, value))
            }
            Event::SequenceStart(anchor, _) => {
                stack.push(Frame::List { anchor, items: Vec::new() });
                None
            }
            Event::MappingStart(anchor, _) => {
                if let Some(Frame::Map { key: None, .. }) = stack.last() {
                    return Err(failure(line, "invalid map key"));
                }
                stack.push(Frame::Map { anchor, entries: Map::new(), merged: Vec::new(), key: None, line });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Frame::List { anchor, items }) => Some((anchor, Value::Array(items))),
                Some(Frame::Map { anchor, entries, merged, line, .. }) => {
                    Some((anchor, Value::Object(merge(entries, merged, line)?)))
                }
                None => None,
            },
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(value) => Some((0, value.clone())),
                None => return Err(failure(line, "unknown anchor")),
            },
            _ => None,
        };
        if stack.len() > DEPTH {
            return Err(failure(line, "exceeded max depth"));
        }
        let Some((anchor, value)) = finished else { continue };
        values += size(&value);
        if values > VALUES {
            return Err(failure(line, "document contains excessive aliasing"));
        }
        if anchor > 0 {
            anchors.insert(anchor, value.clone());
        }
        match stack.last_mut() {
            None if value.is_null() => {}
            None => found.push(value),
            Some(Frame::List { items, .. }) => items.push(value),
            Some(Frame::Map { entries, merged, key, .. }) => match key.take() {
                Some((_, true)) => merged.push(value),
                Some((key, false)) => {
                    entries.insert(key, value);
                }
                None => return Err(failure(line, "invalid map key")),
            },
        }
    }
    Ok(found)
}

/// Writes a value as one YAML document.
///
/// # Errors
/// When the value cannot be written, which no JSON value is known to cause.
pub fn write(value: &Value) -> Result<String> {
    serde_yaml::to_string(value).map_err(|error| Failure::new(error.to_string()))
}

fn failure(line: usize, what: &str) -> Failure {
    Failure::new(format!("error converting YAML to JSON: yaml: line {line}: {what}"))
}

/// How many values there are, counted so that nested aliases cannot eat all memory.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => 1 + entries.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

fn merge(mut entries: Map<String, Value>, merged: Vec<Value>, line: usize) -> Result<Map<String, Value>> {
    let sources = merged.into_iter().flat_map(|value| match value {
        Value::Array(items) => items,
        other => vec![other],
    });
    for source in sources {
        let Value::Object(source) = source else {
            return Err(failure(line, "map merge requires map or sequence of maps as the value"));
        };
        for (key, value) in source {
            entries.entry(key).or_insert(value);
        }
    }
    Ok(entries)
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    integer(text)
        .map(Value::from)
        .or_else(|| float(text).and_then(Number::from_f64).map(Value::Number))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) if text.starts_with('-') => (-1, rest),
        Some(rest) => (1, rest),
        None => (1, text),
    };
    let digits = digits.replace('_', "");
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let number = match digits.get(..2) {
        Some("0x" | "0X") => i64::from_str_radix(&digits[2..], 16),
        Some("0o" | "0O") => i64::from_str_radix(&digits[2..], 8),
        Some("0b" | "0B") => i64::from_str_radix(&digits[2..], 2),
        Some(start) if start.starts_with('0') => i64::from_str_radix(&digits[1..], 8),
        _ => digits.parse(),
    };
    number.ok().map(|number| sign * number)
}

fn float(text: &str) -> Option<f64> {
    let shaped = text.chars().all(|letter| letter.is_ascii_digit() || "+-.eE".contains(letter));
    (shaped && text.contains(|letter: char| letter.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_read_by_the_older_rules() {
        let text = "a: yes\nb: 0644\nc: '0644'\nd: 1.5\ne:\nf: 10.244.0.0/16\ng: off\nh: -3\ni: 1.34.2\n";
        assert_eq!(
            documents(text).unwrap(),
            [
                json!({"a": true, "b": 420, "c": "0644", "d": 1.5, "e": null, "f": "10.244.0.0/16", "g": false, "h": -3, "i": "1.34.2"})
            ]
        );
    }

    #[test]
    fn a_repeated_key_is_an_error_with_its_line() {
        let error = documents("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert!(error.message.contains("line 3"), "{error}");
        assert!(error.message.contains("\"a\" already set in map"), "{error}");
    }

    #[test]
    fn documents_anchors_and_merges_are_followed() {
        let text = "base: &base {x: 1, y: 2}\nmore:\n  <<: *base\n  y: 3\n---\n# nothing\n---\n- *missing\n";
        assert!(documents(text).is_err());
        let text = "base: &base {x: 1, y: 2}\nmore:\n  <<: *base\n  y: 3\n---\n# nothing\n---\n- 1\n";
        assert_eq!(
            documents(text).unwrap(),
            [json!({"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}}), json!([1])]
        );
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for level in 1..9 {
            let before = level - 1;
            let items = vec![format!("*a{before}"); 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(documents(&text).unwrap_err().message.contains("excessive aliasing"));
    }
}
