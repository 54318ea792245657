//! JSONPath templates, as `-o jsonpath=` and `wait --for=jsonpath=` take them: fields, indices, `[*]`, filters
//! by equality, `range` and texts.

use serde_json::Value;

use crate::failure::{Result, refuse};

/// Fills a template in.
///
/// # Errors
/// What is not understood.
pub(super) fn render(template: &str, value: &Value) -> Result<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        text.push_str(&rest[..start]);
        let Some(end) = closing(&rest[start..]) else {
            refuse!("error: error parsing jsonpath {template}, unclosed action")
        };
        let action = rest[start + 1..start + end].trim();
        rest = &rest[start + end + 1..];
        if let Some(path) = action.strip_prefix("range ") {
            let Some(finish) = rest.find("{end}") else {
                refuse!("error: error parsing jsonpath {template}, unclosed range")
            };
            for item in select(path, value)? {
                text.push_str(&render(&rest[..finish], item)?);
            }
            rest = &rest[finish + "{end}".len()..];
        } else if let Some(literal) = action.strip_prefix('"').and_then(|literal| literal.strip_suffix('"')) {
            text.push_str(&literal.replace("\\n", "\n").replace("\\t", "\t"));
        } else {
            let found: Vec<String> = select(action, value)?.into_iter().map(plain).collect();
            text.push_str(&found.join(" "));
        }
    }
    text.push_str(rest);
    Ok(text)
}

/// Where the brace that opens a text closes.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = None;
    text.char_indices().skip(1).find_map(|(at, letter)| {
        match (letter, quoted) {
            ('"' | '\'', None) => quoted = Some(letter),
            (letter, Some(quote)) if letter == quote => quoted = None,
            ('}', None) => return Some(at),
            _ => {}
        }
        None
    })
}

/// All values that a path leads to.
pub(super) fn select<'value>(path: &str, value: &'value Value) -> Result<Vec<&'value Value>> {
    let mut found = vec![value];
    let mut rest = path.trim().trim_start_matches('$').trim_start_matches('@');
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let Some(end) = inner.find(']') else { refuse!("error: unterminated array in {path}") };
            let (step, after) = (&inner[..end], &inner[end + 1..]);
            rest = after;
            found = match step {
                "*" => found.into_iter().flat_map(children).collect(),
                filter if filter.starts_with("?(") => {
                    let condition = filter.trim_start_matches("?(").trim_end_matches(')');
                    let Some((left, right)) = condition.split_once("==") else {
                        refuse!("error: only == is understood in {path}")
                    };
                    let right = right.trim().trim_matches(['"', '\'']);
                    let mut kept = Vec::new();
                    for item in found.into_iter().flat_map(children) {
                        if select(left.trim(), item)?.iter().any(|left| plain(left) == right) {
                            kept.push(item);
                        }
                    }
                    kept
                }
                name if name.starts_with(['\'', '"']) => field(found, name.trim_matches(['\'', '"'])),
                index => {
                    let Ok(index) = index.parse::<usize>() else {
                        refuse!("error: invalid array index {index} in {path}")
                    };
                    found.into_iter().filter_map(|item| item.get(index)).collect()
                }
            };
            continue;
        }
        rest = rest.trim_start_matches('.');
        let mut end = rest.len();
        let bytes = rest.as_bytes();
        for at in 0..bytes.len() {
            // A dot after a backslash belongs to the name.
            if matches!(bytes[at], b'.' | b'[') && (at == 0 || bytes[at - 1] != b'\\') {
                end = at;
                break;
            }
        }
        let name = rest[..end].replace("\\.", ".");
        rest = &rest[end..];
        found =
            if name == "*" { found.into_iter().flat_map(children).collect() } else { field(found, &name) };
    }
    Ok(found)
}

fn field<'value>(found: Vec<&'value Value>, name: &str) -> Vec<&'value Value> {
    found.into_iter().filter_map(|item| item.get(name)).collect()
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_are_filled_in() {
        let list = json!({"items": [
            {"metadata": {"name": "a", "labels": {"kubernetes.io/os": "linux"}}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            {"metadata": {"name": "b"}},
        ]});
        for (template, wanted) in [
            ("{.items[*].metadata.name}", "a b"),
            ("{.items[0].status.conditions[?(@.type==\"Ready\")].status}", "True"),
            ("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "a\nb\n"),
            ("{.items[0].metadata.labels.kubernetes\\.io/os}", "linux"),
            ("{.items[9].x}", ""),
        ] {
            assert_eq!(render(template, &list).unwrap(), wanted, "{template}");
        }
        assert!(render("{.items", &list).is_err());
    }
}
