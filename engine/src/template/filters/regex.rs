//! Regular expressions, in Python's dialect.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use fancy_regex::Regex;
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

use super::wrong;
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("regex_replace", regex_replace);
    environment.add_filter("regex_search", regex_search);
    environment.add_filter("regex_findall", regex_findall);
    environment.add_filter("regex_escape", |value: &Value, _: Option<&str>| {
        fancy_regex::escape(&to_text(value)).into_owned()
    });
}

/// A regular expression of Python's.
pub(in crate::template) fn compile(
    pattern: &str,
    ignore_case: bool,
    multiline: bool,
) -> Result<Regex, Error> {
    // Python's \Z is the very end, which is \z here.
    let pattern = pattern.replace("\\Z", "\\z");
    let flags = match (ignore_case, multiline) {
        (true, true) => "(?im)",
        (true, false) => "(?i)",
        (false, true) => "(?m)",
        (false, false) => "",
    };
    Regex::new(&format!("{flags}{pattern}"))
        .map_err(|error| wrong(format!("`{pattern}` is no regular expression: {error}")))
}

/// A replacement of Python's (`\1`, `\g<name>`) in this crate's form.
fn replacement(text: &str) -> String {
    let mut converted = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek().copied()) {
            ('$', _) => converted.push_str("$$"),
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                let mut number = String::new();
                while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                converted.push_str(&format!("${{{number}}}"));
            }
            ('\\', Some('g')) => {
                characters.next();
                let name: String =
                    characters.by_ref().skip_while(|c| *c == '<').take_while(|c| *c != '>').collect();
                converted.push_str(&format!("${{{name}}}"));
            }
            ('\\', Some('n')) => {
                characters.next();
                converted.push('\n');
            }
            ('\\', Some('t')) => {
                characters.next();
                converted.push('\t');
            }
            ('\\', Some('\\')) => {
                characters.next();
                converted.push('\\');
            }
            (other, _) => converted.push(other),
        }
    }
    converted
}

fn regex_replace(value: &Value, pattern: &str, with: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    let ignore_case = kwargs.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    let multiline = kwargs.get::<Option<bool>>("multiline")?.unwrap_or(false);
    let count = kwargs.get::<Option<usize>>("count")?.unwrap_or(0);
    kwargs.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline)?;
    let text = to_text(value);
    Ok(regex.replacen(&text, count, replacement(with.unwrap_or_default()).as_str()).into_owned())
}

/// The first match; with groups (`'\\g<name>'`, `'\\1'`) a list of theirs.
fn regex_search(value: &Value, pattern: &str, groups: Rest<String>, kwargs: Kwargs) -> Result<Value, Error> {
    let ignore_case = kwargs.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    let multiline = kwargs.get::<Option<bool>>("multiline")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline)?;
    let text = to_text(value);
    let Some(captures) = regex.captures(&text).map_err(|error| wrong(error.to_string()))? else {
        return Ok(Value::from(()));
    };
    if groups.is_empty() {
        return Ok(captures.get(0).map_or_else(|| Value::from(()), |found| Value::from(found.as_str())));
    }
    let mut found = Vec::new();
    for group in groups.iter() {
        let name = group.trim_start_matches('\\').trim_start_matches('g').trim_matches(['<', '>']);
        let capture = match name.parse::<usize>() {
            Ok(number) => captures.get(number),
            Err(_) => captures.name(name),
        };
        found.push(capture.map_or_else(|| Value::from(()), |capture| Value::from(capture.as_str())));
    }
    Ok(Value::from(found))
}

fn regex_findall(value: &Value, pattern: &str, kwargs: Kwargs) -> Result<Value, Error> {
    let ignore_case = kwargs.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    let multiline = kwargs.get::<Option<bool>>("multiline")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline)?;
    let text = to_text(value);
    let mut all = Vec::new();
    for captures in regex.captures_iter(&text) {
        let captures = captures.map_err(|error| wrong(error.to_string()))?;
        let group = |index: usize| Value::from(captures.get(index).map_or("", |found| found.as_str()));
        all.push(match captures.len() {
            1 => group(0),
            2 => group(1),
            count => Value::from((1..count).map(group).collect::<Vec<_>>()),
        });
    }
    Ok(Value::from(all))
}
