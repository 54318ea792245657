//! Values as Python prints them.

use std::fmt::Write as _;

use minijinja::Value;
use minijinja::value::ValueKind;

/// A value as Python's `str` has it.
pub fn to_text(value: &Value) -> String {
    match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        ValueKind::Undefined => String::new(),
        _ => {
            let mut text = String::new();
            representation(value, &mut text);
            text
        }
    }
}

/// A value within the output of a template: as `str` has it, but tuples have become lists by then.
pub(super) fn to_output(value: &Value) -> String {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            let mut text = String::new();
            write(value, false, &mut text);
            text
        }
        _ => to_text(value),
    }
}

/// A list's elements as texts; anything else is one text.
pub fn to_texts(value: &Value) -> Vec<String> {
    match value.try_iter() {
        Ok(items) if value.as_str().is_none() => items.map(|item| to_text(&item)).collect(),
        _ => vec![to_text(value)],
    }
}

/// Tags, as they may be given: a list, or one text with commas between.
pub fn to_tags(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(text) => text.split(',').map(|tag| tag.trim().to_owned()).collect(),
        None => to_texts(value),
    }
}

/// A value as Python's `repr` has it.
pub(super) fn representation(value: &Value, text: &mut String) {
    write(value, true, text);
}

/// The same; without `tuples` they are written as lists.
fn write(value: &Value, tuples: bool, text: &mut String) {
    match value.kind() {
        ValueKind::Undefined => text.push_str("Undefined"),
        ValueKind::None => text.push_str("None"),
        ValueKind::Bool => text.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number if value.is_integer() => {
            // Writing to a String cannot fail, here and below.
            let _ = write!(text, "{value}");
        }
        ValueKind::Number => text.push_str(&float(f64::try_from(value.clone()).unwrap_or_default())),
        ValueKind::String => quoted(value.as_str().unwrap_or_default(), text),
        ValueKind::Seq | ValueKind::Iterable => {
            let is_tuple = tuples && value.is_tuple();
            let (open, close) = if is_tuple { ('(', ')') } else { ('[', ']') };
            text.push(open);
            let mut count = 0;
            for item in value.try_iter().into_iter().flatten() {
                if count > 0 {
                    text.push_str(", ");
                }
                write(&item, tuples, text);
                count += 1;
            }
            if is_tuple && count == 1 {
                text.push(',');
            }
            text.push(close);
        }
        ValueKind::Map => {
            text.push('{');
            for (index, key) in value.try_iter().into_iter().flatten().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write(&key, tuples, text);
                text.push_str(": ");
                write(&value.get_item(&key).unwrap_or_default(), tuples, text);
            }
            text.push('}');
        }
        _ => {
            let _ = write!(text, "{value}");
        }
    }
}

/// A float as Python prints it: shortest digits, an exponent from 1e16 on and below 1e-4.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = format!("{number}");
    if text.contains('.') { text } else { text + ".0" }
}

/// A text in quotes: single ones, unless it holds such and no double ones.
fn quoted(content: &str, text: &mut String) {
    let quote = if content.contains('\'') && !content.contains('"') { '"' } else { '\'' };
    text.push(quote);
    for character in content.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            same if same == quote => text.extend(['\\', same]),
            control if control.is_control() => {
                let _ = write!(text, "\\x{:02x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::from_json;

    #[test]
    fn values_look_as_in_python() {
        let value = from_json(
            serde_json::json!({"a": [1, 1.0, true, null, "it's", "q\"'"], "b": {"c": "x\n"}, "f": 1e20}),
        );
        let expected = r#"{'a': [1, 1.0, True, None, "it's", 'q"\''], 'b': {'c': 'x\n'}, 'f': 1e+20}"#;
        assert_eq!(to_text(&value), expected);
    }
}
