//! Filters of single values: defaults, conversions, choices.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::{taken, text_of, wrong};
use crate::template::python::{Missing, float_of, int_of, is_missing};
use crate::template::text::representation;
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("mandatory", mandatory);
    environment.add_filter("bool", boolean);
    environment.add_filter("string", |value: &Value| match value.as_str() {
        // The same text, so that it is still known where it came from.
        Some(_) => Ok(value.clone()),
        None => super::data::complete(value, &|_| false).map(|()| Value::from(to_text(value))),
    });
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("ternary", ternary);
    environment.add_filter("type_debug", |value: &Value| crate::template::python::type_name(value));
    environment.add_filter("quote", quote);
    environment.add_filter("comment", comment);
    environment.add_filter("pprint", |value: &Value| {
        let mut text = String::new();
        representation(value, &mut text);
        text
    });
}

fn mandatory(value: &Value, message: Option<String>, kwargs: Kwargs) -> Result<Value, Error> {
    let message = kwargs.get::<Option<String>>("msg")?.or(message);
    kwargs.assert_all_used()?;
    if !is_missing(value) {
        return Ok(value.clone());
    }
    let name = value.downcast_object_ref::<Missing>().and_then(|missing| missing.name.as_deref());
    Err(wrong(message.unwrap_or_else(|| match name {
        Some(name) => format!("Mandatory variable '{name}' not defined."),
        None => "Mandatory variable not defined.".to_owned(),
    })))
}

/// Ansible's `bool`: what is no word for yes is no.
fn boolean(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Bool => value.is_true(),
        ValueKind::Number => float_of(value) == Some(1.0),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().to_lowercase();
            matches!(text.as_str(), "yes" | "on" | "1" | "true")
        }
        _ => false,
    }
}

fn int(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let [default, base] = taken(["default", "base"], &args, &kwargs)?;
    let default = default.unwrap_or_else(|| Value::from(0));
    let base = base.as_ref().and_then(int_of).unwrap_or(10);
    let fits = |number: i128| i64::try_from(number).map_or_else(|_| Value::from(number), Value::from);
    let whole = |number: f64| (number.is_finite()).then(|| fits(number.trunc() as i128));
    let number = match value.kind() {
        ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Some(value.clone()),
        ValueKind::Number => float_of(value).and_then(whole),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            integer(text, base).map(fits).or_else(|| number(text).and_then(whole))
        }
        _ => None,
    };
    Ok(number.unwrap_or(default))
}

/// A text as a whole number, as Python's `int` reads it.
fn integer(text: &str, base: i128) -> Option<i128> {
    let text = text.trim().to_lowercase();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let (base, digits) = match (base, digits.get(..2)) {
        (16 | 0, Some("0x")) => (16, &digits[2..]),
        (8 | 0, Some("0o")) => (8, &digits[2..]),
        (2 | 0, Some("0b")) => (2, &digits[2..]),
        // Without a prefix only zero begins with a zero.
        (0, _) if digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0') => return None,
        (0, _) => (10, digits),
        (2..=36, _) => (u32::try_from(base).ok()?, digits),
        _ => return None,
    };
    i128::from_str_radix(&format!("{sign}{}", ungrouped(digits)?), base).ok()
}

/// Digits without the signs that part groups of them, which stand between digits only.
fn ungrouped(digits: &str) -> Option<String> {
    let is_wrong = digits.starts_with(['_', '+', '-']) || digits.ends_with('_') || digits.contains("__");
    (!is_wrong).then(|| digits.replace('_', ""))
}

/// A text as a number, as Python's `float` reads it.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_grouped = text.contains('_');
    let is_between = |at: usize| {
        let bytes = text.as_bytes();
        let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        is_digit(at.checked_sub(1)) && is_digit(at.checked_add(1))
    };
    if is_grouped && !text.match_indices('_').all(|(at, _)| is_between(at)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn float(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let [default] = taken(["default"], &args, &kwargs)?;
    let number = match value.kind() {
        ValueKind::String => value.as_str().and_then(number),
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        _ => f64::try_from(value.clone()).ok(),
    };
    Ok(number.map(Value::from).or(default).unwrap_or_else(|| Value::from(0.0)))
}

fn ternary(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let [yes, no, none] = taken(["true_val", "false_val", "none_val"], &args, &kwargs)?;
    if is_missing(value) {
        return Ok(value.clone());
    }
    let (Some(yes), Some(no)) = (yes, no) else {
        return Err(wrong("`ternary` needs a value for true and one for false"));
    };
    Ok(match none.filter(|none| !none.is_none()) {
        Some(none) if value.is_none() => none,
        _ if value.is_true() => yes,
        _ => no,
    })
}

/// A text as one word of a shell, quoted only where need be.
fn quote(value: &Value) -> String {
    let text = if value.is_none() { String::new() } else { to_text(value) };
    let plain = |character: char| character.is_ascii_alphanumeric() || "@%+=:,./-_".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }
}

/// A text as a comment: `plain`, `erlang`, `c`, `cblock`, `xml`.
fn comment(value: &Value, style: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    let style = kwargs
        .get::<Option<String>>("style")?
        .or_else(|| style.map(str::to_owned))
        .unwrap_or_else(|| "plain".to_owned());
    let (beginning, decoration, end) = match style.as_str() {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        other => {
            return Err(wrong(format!(
                "`comment` has no style `{other}`; it has plain, erlang, c, cblock and xml"
            )));
        }
    };
    let option = |name: &str, usual: &str| {
        Ok::<_, Error>(kwargs.get::<Option<String>>(name)?.unwrap_or_else(|| usual.to_owned()))
    };
    let (beginning, end, decoration) =
        (option("beginning", beginning)?, option("end", end)?, option("decoration", decoration)?);
    let prefix = option("prefix", &decoration)?;
    let postfix = option("postfix", &decoration)?;
    let prefix_count = kwargs.get::<Option<usize>>("prefix_count")?.unwrap_or(1);
    let postfix_count = kwargs.get::<Option<usize>>("postfix_count")?.unwrap_or(1);
    let newline = option("newline", "\n")?;
    kwargs.assert_all_used()?;
    let text = text_of("comment", value)?;
    // Each part ends its line; a prefix or postfix that is empty is no line at all.
    let mut parts = Vec::new();
    if !beginning.is_empty() {
        parts.push(beginning);
    }
    if !prefix.is_empty() {
        parts.extend(std::iter::repeat_n(prefix.trim_end().to_owned(), prefix_count));
    }
    parts.extend(text.split('\n').map(|line| format!("{decoration}{line}").trim_end().to_owned()));
    if postfix.is_empty() {
        parts.push(String::new());
    } else {
        parts.extend(std::iter::repeat_n(postfix.trim_end().to_owned(), postfix_count));
    }
    if !end.is_empty() {
        parts.push(end);
    }
    let lines = parts;
    Ok(lines.join(&newline))
}
