//! Methods of texts.

use minijinja::value::{Kwargs, Tuple};
use minijinja::{Error, Value};

use super::containers::List;
use super::{braces, int_of, is_list, iterate, raise, type_name, width};
use crate::template::to_text;

/// What texts have.
pub(super) const NAMES: [&str; 47] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

/// `text.name(args)`, or none when texts have no such method.
pub(super) fn call(text: &str, name: &str, args: &[Value], named: &Kwargs) -> Option<Result<Value, Error>> {
    let words = |name: &str, at: usize| args.get(at).cloned().or_else(|| named.get::<Value>(name).ok());
    let word = |at: usize| args.get(at).and_then(Value::as_str);
    let number = |at: usize| args.get(at).and_then(int_of);
    let all = |test: fn(char) -> bool| Value::from(!text.is_empty() && text.chars().all(test));
    let takes_none = matches!(
        name,
        "upper"
            | "lower"
            | "casefold"
            | "capitalize"
            | "title"
            | "swapcase"
            | "isdigit"
            | "isdecimal"
            | "isnumeric"
            | "isalpha"
            | "isalnum"
            | "isspace"
            | "isascii"
            | "isprintable"
            | "isupper"
            | "islower"
            | "istitle"
            | "isidentifier"
    );
    if takes_none && !args.is_empty() {
        return Some(Err(raise(format!("str.{name}() takes no arguments ({} given)", args.len()))));
    }
    Some(Ok(match name {
        "upper" => Value::from(text.to_uppercase()),
        "lower" => Value::from(text.to_lowercase()),
        "casefold" => Value::from(text.to_lowercase().replace('ß', "ss")),
        "capitalize" => Value::from(capitalize(text)),
        "title" => Value::from(title(text)),
        "swapcase" => Value::from(
            text.chars()
                .map(|c| {
                    if c.is_uppercase() {
                        c.to_lowercase().collect()
                    } else {
                        c.to_uppercase().collect::<String>()
                    }
                })
                .collect::<String>(),
        ),
        "strip" | "lstrip" | "rstrip" => Value::from(strip(text, name, word(0))),
        "split" | "rsplit" => {
            let separator = words("sep", 0).filter(|value| !value.is_none());
            let most =
                words("maxsplit", 1).as_ref().and_then(int_of).and_then(|most| usize::try_from(most).ok());
            return Some(split(text, separator.as_ref(), most, name == "rsplit"));
        }
        "splitlines" => Value::from(lines(text, words("keepends", 0).is_some_and(|keep| keep.is_true()))),
        "join" => {
            let Some(items) = args.first() else {
                return Some(Err(raise("join() takes exactly one argument")));
            };
            return Some(join(text, items));
        }
        "startswith" | "endswith" => {
            let Some(what) = args.first() else {
                return Some(Err(raise(format!("{name} needs an argument"))));
            };
            let text = part(text, number(1), number(2));
            let parts = if is_list(what) { iterate(what).unwrap_or_default() } else { vec![what.clone()] };
            let test = |part: &Value| {
                part.as_str().is_some_and(|part| {
                    if name == "startswith" { text.starts_with(part) } else { text.ends_with(part) }
                })
            };
            if !is_list(what) && what.as_str().is_none() {
                let got = type_name(what);
                return Some(Err(raise(format!(
                    "{name} first arg must be str or a tuple of str, not {got}"
                ))));
            }
            Value::from(parts.iter().any(test))
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let Some(what) = word(0) else { return Some(Err(raise(format!("{name}() needs a text")))) };
            return Some(search(text, name, what, number(1), number(2)));
        }
        "replace" => {
            let (Some(from), Some(to)) = (word(0), word(1)) else {
                return Some(Err(raise("replace() needs two texts")));
            };
            let most =
                words("count", 2).as_ref().and_then(int_of).and_then(|most| usize::try_from(most).ok());
            Value::from(most.map_or_else(|| text.replace(from, to), |most| text.replacen(from, to, most)))
        }
        "removeprefix" => Value::from(text.strip_prefix(word(0).unwrap_or_default()).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(word(0).unwrap_or_default()).unwrap_or(text)),
        "partition" | "rpartition" => {
            let separator = word(0).unwrap_or_default();
            let found =
                if name == "partition" { text.split_once(separator) } else { text.rsplit_once(separator) };
            let parts = match (found, name) {
                (Some((before, after)), _) => [before, separator, after],
                (None, "partition") => [text, "", ""],
                (None, _) => ["", "", text],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "format" => {
            let pairs: Vec<(String, Value)> =
                named.args().filter_map(|key| Some((key.to_owned(), named.get(key).ok()?))).collect();
            return Some(braces(text, args, &Value::from_pairs(pairs)).map(Value::from));
        }
        "format_map" => {
            let values = args.first().cloned().unwrap_or_default();
            return Some(braces(text, &[], &values).map(Value::from));
        }
        "ljust" | "rjust" | "center" | "zfill" => {
            let Some(wanted) = number(0) else {
                return Some(Err(raise(format!("{name}() needs a whole number"))));
            };
            let wanted = usize::try_from(wanted).unwrap_or(0);
            let fill = word(1).and_then(|fill| fill.chars().next()).unwrap_or(' ');
            return Some(width(wanted).map(|width| Value::from(fill_up(text, name, width, fill))));
        }
        "expandtabs" => {
            let wanted = number(0).and_then(|width| usize::try_from(width).ok()).unwrap_or(8);
            return Some(width(wanted).map(|width| Value::from(text.replace('\t', &" ".repeat(width)))));
        }
        "isdigit" | "isdecimal" | "isnumeric" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isascii" => Value::from(text.is_ascii()),
        "isprintable" => Value::from(text.chars().all(|c| !c.is_control())),
        "isupper" => {
            Value::from(text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase))
        }
        "islower" => {
            Value::from(text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase))
        }
        "istitle" => Value::from(text.chars().any(char::is_alphabetic) && title(text) == text),
        "isidentifier" => Value::from(
            text.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic())
                && text.chars().all(|c| c == '_' || c.is_alphanumeric()),
        ),
        "encode" | "decode" => Value::from(text),
        _ => return None,
    }))
}

fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    first + &characters.as_str().to_lowercase()
}

/// Words begin after anything that is no letter.
fn title(text: &str) -> String {
    let mut titled = String::new();
    let mut within = false;
    for character in text.chars() {
        if within {
            titled.extend(character.to_lowercase());
        } else {
            titled.extend(character.to_uppercase());
        }
        within = character.is_alphabetic();
    }
    titled
}

fn strip<'a>(text: &'a str, how: &str, characters: Option<&str>) -> &'a str {
    let gone = |c: char| characters.map_or_else(|| c.is_whitespace(), |characters| characters.contains(c));
    match how {
        "lstrip" => text.trim_start_matches(gone),
        "rstrip" => text.trim_end_matches(gone),
        _ => text.trim_matches(gone),
    }
}

fn split(
    text: &str,
    separator: Option<&Value>,
    most: Option<usize>,
    from_right: bool,
) -> Result<Value, Error> {
    let limit = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let mut parts: Vec<&str> = match separator {
        Some(separator) => {
            let separator = separator
                .as_str()
                .ok_or_else(|| raise(format!("must be str or None, not {}", type_name(separator))))?;
            if separator.is_empty() {
                return Err(raise("empty separator"));
            }
            if from_right {
                text.rsplitn(limit, separator).collect()
            } else {
                text.splitn(limit, separator).collect()
            }
        }
        None => blanks(text, limit, from_right),
    };
    if from_right {
        parts.reverse();
    }
    Ok(List::value(parts.into_iter().map(Value::from).collect()))
}

/// Splits at runs of blanks; from the right, parts come last one first.
fn blanks(text: &str, limit: usize, from_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if parts.len() + 1 == limit {
            parts.push(rest);
            break;
        }
        let (part, later) = if from_right {
            match rest.rfind(char::is_whitespace) {
                Some(at) => {
                    let blank = rest[at..].chars().next().map_or(1, char::len_utf8);
                    (&rest[at + blank..], rest[..at].trim_end())
                }
                None => (rest, ""),
            }
        } else {
            match rest.find(char::is_whitespace) {
                Some(at) => (&rest[..at], rest[at..].trim_start()),
                None => (rest, ""),
            }
        };
        parts.push(part);
        rest = later;
    }
    parts
}

fn lines(text: &str, keep_ends: bool) -> Vec<String> {
    text.split_inclusive('\n')
        .map(|line| if keep_ends { line } else { line.trim_end_matches('\n').trim_end_matches('\r') })
        .map(str::to_owned)
        .collect()
}

fn join(separator: &str, items: &Value) -> Result<Value, Error> {
    let mut parts = Vec::new();
    for (index, item) in iterate(items)?.into_iter().enumerate() {
        if item.as_str().is_none() {
            let got = type_name(&item);
            return Err(raise(format!("sequence item {index}: expected str instance, {got} found")));
        }
        parts.push(to_text(&item));
    }
    Ok(Value::from(parts.join(separator)))
}

fn fill_up(text: &str, how: &str, width: usize, fill: char) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let filled = |count: usize| fill.to_string().repeat(count);
    match how {
        "ljust" => format!("{text}{}", filled(missing)),
        "rjust" => format!("{}{text}", filled(missing)),
        "zfill" => {
            let digits = text.trim_start_matches(['+', '-']);
            let sign = &text[..text.len() - digits.len()];
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        _ => {
            // Python puts the odd one out on the left when the width is odd.
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", filled(left), filled(missing - left))
        }
    }
}

/// The part between two positions, as slices have it.
fn part(text: &str, start: Option<i128>, end: Option<i128>) -> String {
    if start.is_none() && end.is_none() {
        return text.to_owned();
    }
    let length = i128::try_from(text.chars().count()).unwrap_or(0);
    let at = |bound: Option<i128>, usual: i128| {
        let bound = bound.unwrap_or(usual);
        let bound = if bound < 0 { bound + length } else { bound };
        usize::try_from(bound.clamp(0, length)).unwrap_or(0)
    };
    let (start, end) = (at(start, 0), at(end, length));
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

fn search(text: &str, how: &str, what: &str, start: Option<i128>, end: Option<i128>) -> Result<Value, Error> {
    let within = part(text, start, end);
    if how == "count" {
        let count = if what.is_empty() { within.chars().count() + 1 } else { within.matches(what).count() };
        return Ok(Value::from(count));
    }
    let found = if how.starts_with('r') { within.rfind(what) } else { within.find(what) };
    let length = i128::try_from(text.chars().count()).unwrap_or(0);
    let shift = start.map_or(0, |start| if start < 0 { (start + length).max(0) } else { start });
    match found {
        Some(at) => {
            let at = within[..at].chars().count();
            Ok(Value::from(i128::try_from(at).unwrap_or(0) + shift))
                .map(|value| int_of(&value).and_then(|at| i64::try_from(at).ok()).map_or(value, Value::from))
        }
        None if how.ends_with("index") => Err(raise("substring not found")),
        None => Ok(Value::from(-1)),
    }
}
