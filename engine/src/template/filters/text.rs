//! Jinja's filters of texts.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

use super::wrap::wordwrap;
use super::{taken, text_of};
use crate::template::python::{self, pairs, raise};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("truncate", truncate);
    environment.add_filter("center", center);
    environment.add_filter("wordcount", |value: &Value| {
        let text = to_text(value);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).count()
    });
    environment.add_filter("wordwrap", wordwrap);
    environment.add_filter("striptags", striptags);
    environment.add_filter("filesizeformat", filesizeformat);
    environment.add_filter("urlencode", urlencode);
    environment.add_filter("urldecode", |value: &Value| urldecode(&to_text(value)));
    for name in ["e", "escape"] {
        environment.add_filter(name, |value: &Value| match value.is_safe() {
            true => value.clone(),
            false => Value::from_safe_string(escape(&to_text(value))),
        });
    }
    environment.add_filter("forceescape", |value: &Value| Value::from_safe_string(escape(&to_text(value))));
    environment.add_filter("xmlattr", xmlattr);
    environment.add_filter("urlize", |value: &Value, _: Kwargs| to_text(value));
    environment.add_filter("trim", |value: &Value, characters: Option<String>| {
        let text = to_text(value);
        match characters {
            Some(characters) => text.trim_matches(|c| characters.contains(c)).to_owned(),
            None => text.trim().to_owned(),
        }
    });
    environment.add_filter("upper", |value: &Value| to_text(value).to_uppercase());
    environment.add_filter("lower", |value: &Value| to_text(value).to_lowercase());
    environment.add_filter("capitalize", |value: &Value| method(value, "capitalize", &[]));
    environment.add_filter("title", title);
    environment.add_filter("replace", replace);
    environment.add_filter("split", split);
    environment.add_filter("indent", indent);
    environment.add_filter("safe", |value: &Value| Value::from_safe_string(to_text(value)));
}

/// A method of Python's texts as a filter.
fn method(value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let text = Value::from(to_text(value));
    let none = Kwargs::from_iter(std::iter::empty::<(&str, Value)>());
    python::call_method(&text, name, args, &none).unwrap_or_else(|| Err(raise("no such method")))
}

/// `replace(old, new, count=none)`.
fn replace(
    value: &Value,
    old: &Value,
    new: &Value,
    count: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let count = kwargs.get::<Option<Value>>("count")?.or(count).filter(|count| !count.is_none());
    kwargs.assert_all_used()?;
    let mut args = vec![Value::from(to_text(old)), Value::from(to_text(new))];
    args.extend(count.filter(|count| python::int_of(count).is_some_and(|count| count >= 0)));
    method(value, "replace", &args)
}

/// `split(separator=none, maxsplit=-1)`.
fn split(
    value: &Value,
    separator: Option<Value>,
    most: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let separator = kwargs.get::<Option<Value>>("sep")?.or(separator).unwrap_or_else(|| Value::from(()));
    let most = kwargs.get::<Option<Value>>("maxsplit")?.or(most);
    kwargs.assert_all_used()?;
    if value.as_str().is_none() {
        return Err(raise(format!("`split` needs a text, not {}", python::type_name(value))));
    }
    let mut args = vec![separator];
    args.extend(most);
    method(value, "split", &args)
}

/// Words begin after blanks and opening signs.
fn title(value: &Value) -> String {
    let mut titled = String::new();
    let mut within = false;
    for character in to_text(value).chars() {
        if within {
            titled.extend(character.to_lowercase());
        } else {
            titled.extend(character.to_uppercase());
        }
        within = !(character.is_whitespace() || "-({[<".contains(character));
    }
    titled
}

fn indent(
    value: &Value,
    width: Option<Value>,
    first: Option<bool>,
    blank: Option<bool>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let width = kwargs.get::<Option<Value>>("width")?.or(width).unwrap_or_else(|| Value::from(4));
    let text = text_of("indent", value)?;
    let first = kwargs.get::<Option<bool>>("first")?.or(first).unwrap_or(false);
    let blank = kwargs.get::<Option<bool>>("blank")?.or(blank).unwrap_or(false);
    kwargs.assert_all_used()?;
    let blanks = match width.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let width = python::int_of(&width).ok_or_else(|| raise("`indent` needs a whole number"))?;
            " ".repeat(python::width(usize::try_from(width).unwrap_or(0))?)
        }
    };
    // Python's `splitlines` drops the last line break, for which Jinja adds an empty line.
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let indented: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let is_wanted = if index == 0 { first } else { blank || !line.is_empty() };
            if is_wanted { format!("{blanks}{line}") } else { (*line).to_owned() }
        })
        .collect();
    Ok(indented.join("\n"))
}

fn truncate(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let option = |position: usize, name: &str| {
        let given = kwargs.get::<Option<Value>>(name)?.or_else(|| args.get(position).cloned());
        Ok::<_, Error>(given.filter(|given| !given.is_none()))
    };
    let number = |given: Option<Value>, usual: usize| match given {
        Some(given) => python::int_of(&given)
            .and_then(|given| usize::try_from(given).ok())
            .ok_or_else(|| raise(format!("`truncate` needs whole numbers, not {}", to_text(&given)))),
        None => Ok(usual),
    };
    let length = number(option(0, "length")?, 255)?;
    let kill_words = option(1, "killwords")?.is_some_and(|kill| kill.is_true());
    let end = option(2, "end")?.map_or_else(|| "...".to_owned(), |end| to_text(&end));
    let leeway = number(option(3, "leeway")?, 5)?;
    kwargs.assert_all_used()?;
    if length < end.chars().count() {
        return Err(raise(format!("expected length >= {}, got {length}", end.chars().count())));
    }
    let text = to_text(value);
    if text.chars().count() <= length + leeway {
        return Ok(text);
    }
    let kept: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    if kill_words {
        return Ok(kept + &end);
    }
    Ok(kept.rsplit_once(' ').map_or(kept.as_str(), |(words, _)| words).to_owned() + &end)
}

fn center(value: &Value, width: Option<i64>, kwargs: Kwargs) -> Result<Value, Error> {
    let width = kwargs.get::<Option<i64>>("width")?.or(width).unwrap_or(80);
    kwargs.assert_all_used()?;
    method(value, "center", &[Value::from(width)])
}

fn striptags(value: &Value) -> String {
    let mut text = without(&to_text(value), "<!--", "-->");
    text = without(&text, "<", ">");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    unescaped(&text)
}

/// A text without what stands between two marks.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        let Some(end) = rest[start..].find(close) else { break };
        kept.push_str(&rest[..start]);
        rest = &rest[start + end + close.len()..];
    }
    kept + rest
}

/// The characters that references of HTML stand for.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let found = rest.split_once(';').and_then(|(name, _)| Some((name.len() + 1, character(&name[1..])?)));
        let (length, character) = found.unwrap_or((1, '&'));
        plain.push(character);
        rest = &rest[length..];
    }
    plain + rest
}

fn character(name: &str) -> Option<char> {
    let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    });
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "amp" => Some('&'),
        "nbsp" => Some('\u{a0}'),
        _ => number.and_then(char::from_u32),
    }
}

fn filesizeformat(value: &Value, binary: Option<bool>, kwargs: Kwargs) -> Result<String, Error> {
    let binary = kwargs.get::<Option<bool>>("binary")?.or(binary).unwrap_or(false);
    kwargs.assert_all_used()?;
    let bytes = python::float_of(value)
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
        .ok_or_else(|| raise(format!("could not convert '{}' to a number", to_text(value))))?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    let units = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    if bytes == 1.0 {
        return Ok("1 Byte".to_owned());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", bytes as i64));
    }
    let mut unit = base;
    for name in units {
        unit *= base;
        if bytes < unit {
            return Ok(format!("{:.1} {name}", base * bytes / unit));
        }
    }
    Ok(format!("{:.1} {}", base * bytes / unit, units[7]))
}

/// Percent signs for all but letters, digits and a few signs.
fn quoted(text: &str, kept: &str, plus: bool) -> String {
    let mut quoted = String::new();
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "_.-~".contains(character) || kept.contains(character) {
            quoted.push(character);
        } else if plus && byte == b' ' {
            quoted.push('+');
        } else {
            quoted.push_str(&format!("%{byte:02X}"));
        }
    }
    quoted
}

fn urlencode(value: &Value) -> Result<String, Error> {
    let pairs = if python::is_mapping(value) {
        pairs(value)?
    } else if python::is_list(value) {
        python::mapping_pairs(value)?
    } else {
        return Ok(quoted(&to_text(value), "/", false));
    };
    let part = |value: &Value| quoted(&to_text(value), "", true);
    let texts: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}={}", part(key), part(value))).collect();
    Ok(texts.join("&"))
}

/// A text as it was before it became part of a query. A percent sign without two digits stands for itself.
fn urldecode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match (byte, digit(at), digit(at + 1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                at += 2;
            }
            (b'+', _, _) => decoded.push(b' '),
            (other, _, _) => decoded.push(*other),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

pub(in crate::template) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

fn xmlattr(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let [autospace] = taken(["autospace"], &args, &kwargs)?;
    let autospace = autospace.is_none_or(|autospace| autospace.is_true());
    if !python::is_mapping(value) {
        return Err(raise(format!("'{}' object has no attribute 'items'", python::type_name(value))));
    }
    let is_wrong = |name: &str| name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '='));
    if let Some((name, _)) = pairs(value)?.iter().find(|(name, _)| is_wrong(&to_text(name))) {
        return Err(raise(format!("Invalid character in attribute name: '{}'", to_text(name))));
    }
    let attributes: Vec<String> = pairs(value)?
        .iter()
        .filter(|(_, value)| !value.is_none() && !python::is_missing(value))
        .map(|(key, value)| format!("{}=\"{}\"", escape(&to_text(key)), escape(&to_text(value))))
        .collect();
    let text = attributes.join(" ");
    Ok(if autospace && !text.is_empty() { format!(" {text}") } else { text })
}
