//! Regular expressions, in Python's dialect.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use fancy_regex::{Captures, Regex};
use minijinja::value::{Kwargs, Rest, Tuple};
use minijinja::{Environment, Error, Value};

use super::{taken, text_of, wrong};
use crate::template::python::int_of;
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("regex_replace", regex_replace);
    environment.add_filter("regex_search", regex_search);
    environment.add_filter("regex_findall", regex_findall);
    environment.add_filter("regex_escape", regex_escape);
}

/// A regular expression of Python's.
pub(in crate::template) fn compile(
    pattern: &str,
    ignore_case: bool,
    multiline: bool,
) -> Result<Regex, Error> {
    let translated = translated(pattern, multiline || pattern.contains("(?m"));
    let flags = match (ignore_case, multiline) {
        (true, true) => "(?im)",
        (true, false) => "(?i)",
        (false, true) => "(?m)",
        (false, false) => "",
    };
    Regex::new(&format!("{flags}{translated}"))
        .map_err(|error| wrong(format!("`{pattern}` is no regular expression: {error}")))
}

/// A pattern in this crate's form: Python's `\Z` is the very end, and its `$` may stand before a line break there.
fn translated(pattern: &str, multiline: bool) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('Z') => translated.push_str("\\z"),
                Some(other) => translated.extend(['\\', other]),
                None => translated.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                translated.push('[');
                translated.extend(characters.next_if_eq(&'^'));
                // As the first of a class it is one of its members.
                if characters.next_if_eq(&']').is_some() {
                    translated.push_str("\\]");
                }
            }
            // Only Python takes it for itself here.
            '[' => translated.push_str("\\["),
            ']' => {
                in_class = false;
                translated.push(']');
            }
            '$' if !in_class && !multiline => translated.push_str("(?:$|(?=\\n\\z))"),
            other => translated.push(other),
        }
    }
    translated
}

/// All matches, one after the other as Python finds them: an empty one may follow right behind another.
fn matches<'t>(regex: &Regex, text: &'t str, most: usize) -> Result<Vec<Captures<'t, str>>, Error> {
    let mut found = Vec::new();
    let mut at = 0;
    while at <= text.len() && (most == 0 || found.len() < most) {
        let captures = regex.captures_from_pos(text, at).map_err(|error| wrong(error.to_string()))?;
        let Some(captures) = captures else { break };
        let Some((start, end)) = captures.get(0).map(|whole| (whole.start(), whole.end())) else { break };
        let step = text[end..].chars().next().map_or(1, char::len_utf8);
        at = if start == end { end + step } else { end };
        found.push(captures);
    }
    Ok(found)
}

/// A part of a replacement.
enum Part {
    Text(String),
    Group(usize),
}

/// The parts of a replacement of Python's (`\1`, `\g<name>`).
fn replacement(text: &str, regex: &Regex) -> Result<Vec<Part>, Error> {
    let group = |name: &str| {
        let number = name.parse::<usize>().ok().filter(|number| *number < regex.captures_len());
        let named = || regex.capture_names().position(|known| known == Some(name));
        number.or_else(named).map(Part::Group).ok_or_else(|| wrong(format!("invalid group reference {name}")))
    };
    let mut parts = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            parts.push(Part::Text(character.to_string()));
            continue;
        }
        parts.push(match characters.next() {
            Some('0') => Part::Text("\0".to_owned()),
            Some(digit) if digit.is_ascii_digit() => {
                let mut number = digit.to_string();
                number.extend(characters.next_if(char::is_ascii_digit));
                group(&number)?
            }
            Some('g') if characters.next_if_eq(&'<').is_some() => {
                group(&characters.by_ref().take_while(|c| *c != '>').collect::<String>())?
            }
            Some('n') => Part::Text("\n".to_owned()),
            Some('t') => Part::Text("\t".to_owned()),
            Some('r') => Part::Text("\r".to_owned()),
            Some('f') => Part::Text("\u{c}".to_owned()),
            Some('v') => Part::Text("\u{b}".to_owned()),
            Some('a') => Part::Text("\u{7}".to_owned()),
            Some('b') => Part::Text("\u{8}".to_owned()),
            Some('\\') => Part::Text("\\".to_owned()),
            Some(letter) if letter.is_ascii_alphabetic() => {
                return Err(wrong(format!("bad escape \\{letter}")));
            }
            Some(other) => Part::Text(format!("\\{other}")),
            None => return Err(wrong("bad escape (end of pattern)")),
        });
    }
    Ok(parts)
}

fn regex_replace(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let names = ["pattern", "replacement", "ignorecase", "multiline", "count", "mandatory_count"];
    let [pattern, with, ignore_case, multiline, count, mandatory] = taken(names, &args, &kwargs)?;
    let number =
        |given: &Option<Value>| given.as_ref().and_then(int_of).and_then(|it| usize::try_from(it).ok());
    let regex = compile(&text_or_none(pattern.as_ref())?, flag(&ignore_case), flag(&multiline))?;
    let parts = replacement(&text_or_none(with.as_ref())?, &regex)?;
    let text = to_text(value);
    let found = matches(&regex, &text, number(&count).unwrap_or(0))?;
    if found.len() < number(&mandatory).unwrap_or(0) {
        return Err(wrong(format!(
            "'{text}' should match `{}` {} times, but matches {}",
            regex.as_str(),
            number(&mandatory).unwrap_or(0),
            found.len()
        )));
    }
    let mut replaced = String::new();
    let mut at = 0;
    for captures in &found {
        let Some(whole) = captures.get(0) else { continue };
        replaced.push_str(&text[at..whole.start()]);
        for part in &parts {
            replaced.push_str(match part {
                Part::Text(text) => text,
                Part::Group(number) => captures.get(*number).map_or("", |group| group.as_str()),
            });
        }
        at = whole.end();
    }
    replaced.push_str(&text[at..]);
    Ok(replaced)
}

fn flag(given: &Option<Value>) -> bool {
    given.as_ref().is_some_and(Value::is_true)
}

fn text_or_none(given: Option<&Value>) -> Result<String, Error> {
    given.map_or_else(|| Ok(String::new()), |given| text_of("regex", given).map(str::to_owned))
}

/// The first match; with groups (`'\\g<name>'`, `'\\1'`) a list of theirs.
fn regex_search(value: &Value, pattern: &str, groups: Rest<String>, kwargs: Kwargs) -> Result<Value, Error> {
    let ignore_case = kwargs.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    let multiline = kwargs.get::<Option<bool>>("multiline")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let regex = compile(pattern, ignore_case, multiline)?;
    let text = to_text(value);
    let mut numbers = Vec::new();
    for group in groups.iter() {
        let by_name = group.strip_prefix("\\g<").and_then(|name| name.split_once('>')).map(|(name, _)| name);
        let by_number = group.strip_prefix('\\').filter(|number| number.bytes().all(|b| b.is_ascii_digit()));
        let name = by_name.or(by_number).ok_or_else(|| wrong("Unknown argument"))?;
        let number = name.parse::<usize>().ok().filter(|number| *number < regex.captures_len());
        let number = number.or_else(|| regex.capture_names().position(|known| known == Some(name)));
        numbers.push((name, number));
    }
    let Some(captures) = regex.captures(&text).map_err(|error| wrong(error.to_string()))? else {
        return Ok(Value::from(()));
    };
    let part = |number: usize| {
        captures.get(number).map_or_else(|| Value::from(()), |found| Value::from(found.as_str()))
    };
    if numbers.is_empty() {
        return Ok(part(0));
    }
    let found = numbers
        .into_iter()
        .map(|(name, number)| number.map(part).ok_or_else(|| wrong(format!("no such group: {name}"))));
    found.collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn regex_findall(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let [pattern, multiline, ignore_case] = taken(["regex", "multiline", "ignorecase"], &args, &kwargs)?;
    let regex = compile(&text_or_none(pattern.as_ref())?, flag(&ignore_case), flag(&multiline))?;
    let text = to_text(value);
    let all = matches(&regex, &text, 0)?.into_iter().map(|captures| {
        let group = |index: usize| Value::from(captures.get(index).map_or("", |found| found.as_str()));
        match captures.len() {
            1 => group(0),
            2 => group(1),
            count => Value::from(Tuple::from((1..count).map(group).collect::<Vec<_>>())),
        }
    });
    Ok(Value::from(all.collect::<Vec<_>>()))
}

/// A text that matches itself alone, in Python's expressions or in POSIX's basic ones.
fn regex_escape(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let [dialect] = taken(["re_type"], &args, &kwargs)?;
    let special = match dialect.as_ref().map_or(Some("python"), Value::as_str) {
        Some("python") => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        Some("posix_basic") => "[].^$*\\",
        other => return Err(wrong(format!("Invalid regex type ({})", other.unwrap_or_default()))),
    };
    let escaped =
        |character: char| special.contains(character).then_some('\\').into_iter().chain([character]);
    Ok(to_text(value).chars().flat_map(escaped).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str, pattern: &str, with: &str) -> Result<String, Error> {
        let none = Kwargs::from_iter(std::iter::empty::<(&str, Value)>());
        regex_replace(&Value::from(text), Rest(vec![Value::from(pattern), Value::from(with)]), none)
    }

    #[test]
    fn texts_are_replaced_as_python_does() {
        // An empty match may follow right behind another one.
        assert_eq!(replaced("abc", "(.*)", "x").unwrap(), "xx");
        assert_eq!(replaced("abc", "b*", "-").unwrap(), "-a--c-");
        assert_eq!(replaced("end\n", "d$", "D").unwrap(), "enD\n");
        assert_eq!(replaced("ab", r"(?P<n>a)(b)", r"\2\g<n>\\\n").unwrap(), "ba\\\n");
        assert!(replaced("a", "a", r"\1").is_err());
        assert!(replaced("a", "a", r"\q").is_err());
    }

    #[test]
    fn classes_keep_what_python_takes_for_itself() {
        assert_eq!(translated("[]$[]$", false), r"[\]$\[](?:$|(?=\n\z))");
        assert_eq!(translated(r"\$\Z", false), r"\$\z");
    }
}
