//! Tests, beyond those minijinja has.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::cmp::Ordering;
use std::path::Path;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, Value};

use super::evaluation::{is_missing, tolerate};
use super::filters::{compile_regex, elements, wrong};
use super::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_test("defined", |value: &Value| !tolerate(value));
    environment.add_test("undefined", |value: &Value| tolerate(value));
    for (name, field, expected) in [
        ("failed", "failed", true),
        ("failure", "failed", true),
        ("succeeded", "failed", false),
        ("success", "failed", false),
        ("successful", "failed", false),
        ("changed", "changed", true),
        ("change", "changed", true),
        ("skipped", "skipped", true),
        ("skip", "skipped", true),
        ("unreachable", "unreachable", true),
        ("reachable", "unreachable", false),
    ] {
        environment.add_test(name, move |value: &Value| result(name, field, expected, value));
    }
    environment.add_test("match", |value: &Value, pattern: &str, kwargs: Kwargs| {
        regex(value, &format!("^(?:{pattern})"), &kwargs)
    });
    environment
        .add_test("search", |value: &Value, pattern: &str, kwargs: Kwargs| regex(value, pattern, &kwargs));
    environment
        .add_test("regex", |value: &Value, pattern: &str, kwargs: Kwargs| regex(value, pattern, &kwargs));
    environment.add_test("version", version);
    environment.add_test("version_compare", version);
    environment.add_test("truthy", |value: &Value| value.is_true());
    environment.add_test("falsy", |value: &Value| !value.is_true());
    environment.add_test("contains", |list: &Value, item: Value| contains(list, &item));
    environment.add_test("subset", |one: &Value, two: Value| {
        Ok::<_, Error>(elements("subset", one)?.iter().all(|item| contains(&two, item)))
    });
    environment.add_test("superset", |one: &Value, two: Value| {
        Ok::<_, Error>(elements("superset", &two)?.iter().all(|item| contains(one, item)))
    });
    environment
        .add_test("any", |list: &Value| Ok::<_, Error>(elements("any", list)?.iter().any(Value::is_true)));
    environment
        .add_test("all", |list: &Value| Ok::<_, Error>(elements("all", list)?.iter().all(Value::is_true)));
    environment.add_test("exists", |path: &Value| Path::new(&to_text(path)).exists());
    environment.add_test("file", |path: &Value| Path::new(&to_text(path)).is_file());
    environment.add_test("directory", |path: &Value| Path::new(&to_text(path)).is_dir());
    environment.add_test("link", |path: &Value| Path::new(&to_text(path)).is_symlink());
    environment.add_test("abs", |path: &Value| Path::new(&to_text(path)).is_absolute());
    environment.add_test("nan", |value: &Value| f64::try_from(value.clone()).is_ok_and(f64::is_nan));
}

/// The name Python has for a value's type.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        _ if is_missing(value) => "AnsibleUndefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        ValueKind::Map => "dict",
        _ => "object",
    }
}

/// What a registered result says of itself.
fn result(test: &str, field: &str, expected: bool, value: &Value) -> Result<bool, Error> {
    if value.kind() != ValueKind::Map {
        return Err(wrong(format!("the test `{test}` needs the result of a task, not {}", type_name(value))));
    }
    Ok(value.get_attr(field)?.is_true() == expected)
}

fn regex(value: &Value, pattern: &str, kwargs: &Kwargs) -> Result<bool, Error> {
    let ignore_case = kwargs.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    let multiline = kwargs.get::<Option<bool>>("multiline")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    compile_regex(pattern, ignore_case, multiline)?
        .is_match(&to_text(value))
        .map_err(|error| wrong(error.to_string()))
}

fn contains(list: &Value, item: &Value) -> bool {
    match (list.as_str(), list.kind()) {
        (Some(text), _) => text.contains(&to_text(item)),
        _ => list.try_iter().is_ok_and(|mut items| items.any(|other| other == *item)),
    }
}

/// `'1.10' is version('1.9', '>=')`.
fn version(value: &Value, other: Value, operator: Option<&str>, kwargs: Kwargs) -> Result<bool, Error> {
    let operator = kwargs
        .get::<Option<String>>("operator")?
        .or_else(|| operator.map(str::to_owned))
        .unwrap_or_else(|| "eq".to_owned());
    for ignored in ["strict", "version_type"] {
        kwargs.get::<Option<Value>>(ignored)?;
    }
    kwargs.assert_all_used()?;
    if is_missing(value) || is_missing(&other) {
        return Err(wrong("the test `version` needs two versions"));
    }
    let order = compare_versions(&to_text(value), &to_text(&other));
    Ok(match operator.as_str() {
        "==" | "=" | "eq" => order == Ordering::Equal,
        "!=" | "<>" | "ne" => order != Ordering::Equal,
        "<" | "lt" => order == Ordering::Less,
        "<=" | "le" => order != Ordering::Greater,
        ">" | "gt" => order == Ordering::Greater,
        ">=" | "ge" => order != Ordering::Less,
        unknown => {
            return Err(wrong(format!(
                "the test `version` has no operator `{unknown}`; it has ==, !=, <, <=, >, >="
            )));
        }
    })
}

/// Compares runs of digits as numbers and the rest as text, as Python's loose versions do.
fn compare_versions(one: &str, two: &str) -> Ordering {
    let parts = |text: &str| {
        let mut parts: Vec<(u8, u64, String)> = Vec::new();
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let is_digit = first.is_ascii_digit();
            let end = rest
                .find(|character: char| character.is_ascii_digit() != is_digit || character == '.')
                .unwrap_or(rest.len());
            let (part, later) = rest.split_at(end.max(first.len_utf8()));
            rest = later;
            if is_digit {
                parts.push((1, part.parse().unwrap_or(u64::MAX), String::new()));
            } else if part != "." {
                parts.push((0, 0, part.to_owned()));
            }
        }
        parts
    };
    parts(one).cmp(&parts(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (one, two, expected) in [
            ("1.10", "1.9", Ordering::Greater),
            ("1.34.2", "1.34.10", Ordering::Less),
            ("2.0", "2.0", Ordering::Equal),
            ("2.0.1", "2.0", Ordering::Greater),
            ("1.7.24~ds1", "2", Ordering::Less),
        ] {
            assert_eq!(compare_versions(one, two), expected, "{one} and {two}");
        }
    }
}
