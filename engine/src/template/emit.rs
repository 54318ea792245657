//! YAML as PyYAML writes it in block style.

use serde_json::{Map, Value};

/// Sorts the keys of all mappings.
pub(super) fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort),
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> = std::mem::take(map).into_iter().collect();
            pairs.sort_by(|one, two| one.0.cmp(&two.0));
            for (key, mut value) in pairs {
                sort(&mut value);
                map.insert(key, value);
            }
        }
        _ => {}
    }
}

/// A value as a YAML document that ends with a line break.
pub(super) fn yaml(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, indent.max(1), 0, &mut text),
        Value::Array(items) if !items.is_empty() => sequence(items, indent.max(1), 0, &mut text),
        scalar_value => {
            text.push_str(&scalar(scalar_value, 0));
            // PyYAML ends a document that is a plain scalar with its end mark.
            text.push_str(
                if matches!(scalar_value, Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null)
                {
                    "\n...\n"
                } else {
                    "\n"
                },
            );
        }
    }
    text
}

fn mapping(map: &Map<String, Value>, indent: usize, depth: usize, text: &mut String) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            text.push_str(&" ".repeat(depth));
        }
        text.push_str(&scalar(&Value::from(key.as_str()), depth));
        text.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                text.push_str(&" ".repeat(depth + indent));
                mapping(inner, indent, depth + indent, text);
            }
            Value::Array(items) if !items.is_empty() => {
                // PyYAML puts the dashes of a list at the column of its key.
                text.push('\n');
                text.push_str(&" ".repeat(depth));
                sequence(items, indent, depth, text);
            }
            other => {
                text.push(' ');
                text.push_str(&scalar(other, depth + indent));
                text.push('\n');
            }
        }
    }
}

fn sequence(items: &[Value], indent: usize, depth: usize, text: &mut String) {
    let pad = " ".repeat(indent.saturating_sub(1));
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(&" ".repeat(depth));
        }
        text.push('-');
        match item {
            Value::Object(inner) if !inner.is_empty() => {
                text.push_str(&pad);
                mapping(inner, indent, depth + indent, text);
            }
            Value::Array(inner) if !inner.is_empty() => {
                text.push_str(&pad);
                sequence(inner, indent, depth + indent, text);
            }
            other => {
                text.push(' ');
                text.push_str(&scalar(other, depth + indent));
                text.push('\n');
            }
        }
    }
}

fn scalar(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => super::text::float(float),
            None => number.to_string(),
        },
        Value::String(content) => quoted(content, depth),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

/// A text plain where YAML 1.1 would read it back as that text, else in quotes.
fn quoted(content: &str, depth: usize) -> String {
    let has_control = content.chars().any(|character| character.is_control() && character != '\n');
    if has_control || content.chars().any(|character| !character.is_ascii() && character.is_control()) {
        return serde_json::to_string(content).unwrap_or_default();
    }
    if content.contains('\n') {
        // In single quotes a line break is written as an empty line.
        let pad = " ".repeat(depth);
        let lines: Vec<String> = content.replace('\'', "''").split('\n').map(str::to_owned).collect();
        return format!("'{}'", lines.join(&format!("\n\n{pad}")));
    }
    if is_plain(content) { content.to_owned() } else { format!("'{}'", content.replace('\'', "''")) }
}

fn is_plain(content: &str) -> bool {
    let Some(first) = content.chars().next() else { return false };
    let special_start = "-?:,[]{}#&*!|>'\"%@`= ".contains(first);
    let dash_is_fine = matches!(first, '-' | '?' | ':')
        && content.chars().nth(1).is_some_and(|next| !next.is_whitespace())
        && content != "---";
    if (special_start && !dash_is_fine)
        || content.ends_with([' ', ':'])
        || content.contains(": ")
        || content.contains(" #")
    {
        return false;
    }
    // What YAML would read as something else must be quoted.
    let source = clouder_lang::Source::new("plain", content);
    let read = clouder_lang::yaml::load(&source).ok().and_then(|loaded| loaded.document);
    read.is_some_and(|node| node.as_str() == Some(content) && !looks_like_a_date(content))
}

fn looks_like_a_date(content: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        content.get(range).is_some_and(|part| part.chars().all(|c| c.is_ascii_digit()))
    };
    content.len() >= 10
        && digits(0..4)
        && digits(5..7)
        && digits(8..10)
        && content.as_bytes().get(4) == Some(&b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::yaml;

    #[test]
    fn yaml_looks_as_from_pyyaml() {
        let value = json!({"a": {"b": [1, {"c": true, "d": null}]}, "e": "yes", "f": "x: y", "g": [], "h": "", "i": "a'b", "j": "0644"});
        insta::assert_snapshot!(yaml(&value, 2), @r"
        a:
          b:
          - 1
          - c: true
            d: null
        e: 'yes'
        f: 'x: y'
        g: []
        h: ''
        i: a'b
        j: '0644'
        ");
    }
}
