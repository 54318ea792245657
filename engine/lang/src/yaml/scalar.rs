//! What a scalar without a tag means in YAML 1.1, as PyYAML reads it.
//!
//! The forms are narrower than people expect: `1e3` has no point and is text, `y` is text, `0o17` is text, while
//! `0644` is octal, `1:30` is ninety and `1_000` a thousand.

use super::{Yaml, timestamp};

/// The value of a plain scalar, or why it cannot have one although it looks like a number or a date.
pub(super) fn resolve(text: &str) -> Result<Yaml, String> {
    if let Some(word) = word(text) {
        return Ok(word);
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number_or_date(text),
        Some(b'=' | b'<') if matches!(text, "=" | "<<") => {
            Err(format!("`{text}` alone has a meaning in YAML 1.1 that fits no value"))
        }
        _ => Ok(Yaml::String(text.into())),
    }
}

fn number_or_date(text: &str) -> Result<Yaml, String> {
    if let Some(number) = integer(text) {
        return number;
    }
    if let Some(number) = float(text) {
        return Ok(Yaml::Float(number));
    }
    match timestamp::normalise(text) {
        Some(result) => result.map(|date| Yaml::String(date.into())),
        None => Ok(Yaml::String(text.into())),
    }
}

/// A plain scalar of a text that is JSON as a whole: Ansible reads such files by JSON's rules.
pub(super) fn resolve_json(text: &str) -> Yaml {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Bool(value)) => Yaml::Bool(value),
        Ok(serde_json::Value::Null) => Yaml::Null,
        Ok(serde_json::Value::Number(number)) => match text.parse::<i128>() {
            Ok(whole) => Yaml::Int(whole),
            Err(_) => Yaml::Float(number.as_f64().unwrap_or(f64::INFINITY)),
        },
        _ => Yaml::String(text.into()),
    }
}

fn word(text: &str) -> Option<Yaml> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Yaml::Null),
        _ => boolean(text).map(Yaml::Bool),
    }
}

/// `yes`, `True`, `OFF` …; neither `y` nor `tRUE`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// `None` when it has not the form of a whole number.
pub(super) fn integer(text: &str) -> Option<Result<Yaml, String>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = if let Some(rest) = digits.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = digits.strip_prefix("0x") {
        (16, rest)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    };
    if radix == 10 && digits.contains(':') {
        return sexagesimal(digits, negative).map(Ok);
    }
    let fits = |byte: u8| byte == b'_' || (byte as char).is_digit(radix);
    if digits.is_empty() || !digits.bytes().all(fits) || radix == 10 && digits.starts_with('_') {
        return None;
    }
    let bare: String = digits.chars().filter(|c| *c != '_').collect();
    if bare.is_empty() {
        return Some(if radix == 8 { Ok(Yaml::Int(0)) } else { Err(format!("`{text}` is no number")) });
    }
    let sign = if negative { "-" } else { "" };
    Some(Ok(match i128::from_str_radix(&format!("{sign}{bare}"), radix) {
        Ok(number) => Yaml::Int(number),
        // Beyond 38 digits it is an identifier rather than a quantity: kept as it was written.
        Err(_) => Yaml::String(text.into()),
    }))
}

/// `1:30` is an hour and a half in minutes; the first part must not begin with a zero.
fn sexagesimal(digits: &str, negative: bool) -> Option<Yaml> {
    let mut parts = digits.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| matches!(c, '1'..='9')) || !first.bytes().all(is_digit_or_underscore) {
        return None;
    }
    let mut total: i128 = first.replace('_', "").parse().ok()?;
    for part in parts {
        total = total.checked_mul(60)?.checked_add(sixtieth(part)?)?;
    }
    Some(Yaml::Int(if negative { -total } else { total }))
}

/// One or two digits below sixty.
fn sixtieth(part: &str) -> Option<i128> {
    let fits = matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    if fits { part.parse().ok() } else { None }
}

fn is_digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// `None` when it has not the form of a number with a point.
pub(super) fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let (before, after) = unsigned.split_once('.')?;
    if before.contains(':') {
        return sexagesimal_float(before, after).map(|number| sign * number);
    }
    let (digits, exponent) = match after.find(['e', 'E']) {
        Some(at) => (&after[..at], Some(&after[at + 1..])),
        None => (after, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']);
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let fits = if before.is_empty() {
        // `.5` is a number, `-.5` is text.
        unsigned.len() == text.len() && digits.starts_with(|c: char| c.is_ascii_digit())
    } else {
        before.starts_with(|c: char| c.is_ascii_digit()) && before.bytes().all(is_digit_or_underscore)
    };
    if !fits || !exponent_fits || !digits.bytes().all(is_digit_or_underscore) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn sexagesimal_float(before: &str, after: &str) -> Option<f64> {
    let mut parts = before.split(':');
    let first = parts.next()?;
    let fits = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(is_digit_or_underscore)
        && after.bytes().all(is_digit_or_underscore);
    if !fits {
        return None;
    }
    let mut total: f64 = first.replace('_', "").parse().ok()?;
    for part in parts {
        total = total * 60.0 + f64::from(i32::try_from(sixtieth(part)?).ok()?);
    }
    let fraction: f64 = format!("0.{}", after.replace('_', "")).parse().ok()?;
    Some(total + fraction)
}
