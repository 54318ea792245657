//! Jinja's filters of texts.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

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
    for name in ["e", "escape", "forceescape"] {
        environment.add_filter(name, |value: &Value| escape(&to_text(value)));
    }
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
    environment.add_filter("safe", |value: &Value| to_text(value));
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
    let first = kwargs.get::<Option<bool>>("first")?.or(first).unwrap_or(false);
    let blank = kwargs.get::<Option<bool>>("blank")?.or(blank).unwrap_or(false);
    kwargs.assert_all_used()?;
    let blanks = match width.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let width = python::int_of(&width).and_then(|width| usize::try_from(width).ok()).unwrap_or(0);
            " ".repeat(python::width(width)?)
        }
    };
    let text = to_text(value);
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
    let number = |given: Option<Value>, usual: usize| {
        given.as_ref().and_then(python::int_of).and_then(|given| usize::try_from(given).ok()).unwrap_or(usual)
    };
    let length = number(option(0, "length")?, 255);
    let kill_words = option(1, "killwords")?.is_some_and(|kill| kill.is_true());
    let end = option(2, "end")?.map_or_else(|| "...".to_owned(), |end| to_text(&end));
    let leeway = number(option(3, "leeway")?, 5);
    kwargs.assert_all_used()?;
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

fn wordwrap(
    value: &Value,
    width: Option<usize>,
    break_long: Option<bool>,
    wrap: Option<String>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let width = kwargs.get::<Option<usize>>("width")?.or(width).unwrap_or(79).max(1);
    let break_long = kwargs.get::<Option<bool>>("break_long_words")?.or(break_long).unwrap_or(true);
    let wrap = kwargs.get::<Option<String>>("wrapstring")?.or(wrap).unwrap_or_else(|| "\n".to_owned());
    kwargs.get::<Option<bool>>("break_on_hyphens")?;
    kwargs.assert_all_used()?;
    let mut lines: Vec<String> = Vec::new();
    for paragraph in to_text(value).lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word: Vec<char> = word.chars().collect();
            loop {
                let used = line.chars().count();
                let space = usize::from(used > 0);
                if used + space + word.len() <= width {
                    if used > 0 {
                        line.push(' ');
                    }
                    line.extend(&word);
                    break;
                }
                if used > 0 {
                    lines.push(std::mem::take(&mut line));
                    continue;
                }
                if !break_long {
                    lines.push(word.iter().collect());
                    break;
                }
                lines.push(word.drain(..width).collect());
            }
        }
        lines.push(line);
    }
    Ok(lines.join(&wrap))
}

fn striptags(value: &Value) -> String {
    let mut plain = String::new();
    let mut rest = to_text(value);
    while let Some(start) = rest.find('<') {
        plain.push_str(&rest[..start]);
        let end = rest[start..].find('>').map_or(rest.len(), |end| start + end + 1);
        rest = rest.split_off(end);
    }
    plain.push_str(&rest);
    let text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
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

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

fn xmlattr(value: &Value, autospace: Option<bool>) -> Result<String, Error> {
    let attributes: Vec<String> = pairs(value)?
        .iter()
        .filter(|(_, value)| !value.is_none() && !python::is_missing(value))
        .map(|(key, value)| format!("{}=\"{}\"", escape(&to_text(key)), escape(&to_text(value))))
        .collect();
    let text = attributes.join(" ");
    Ok(if autospace.unwrap_or(true) && !text.is_empty() { format!(" {text}") } else { text })
}
