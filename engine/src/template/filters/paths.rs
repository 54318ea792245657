//! Paths and URLs.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::path::{Path, PathBuf};

use minijinja::value::{Kwargs, Tuple};
use minijinja::{Environment, Error, Value};

use super::{elements, text_of, wrong};
use crate::template::lookups::matching;
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("basename", |value: &Value| {
        let text = text_of("basename", value)?;
        Ok::<_, Error>(text.rsplit('/').next().unwrap_or_default().to_owned())
    });
    environment.add_filter("dirname", dirname);
    environment.add_filter("fileglob", |value: &Value| {
        let found = matching(Path::new(text_of("fileglob", value)?))?;
        Ok::<_, Error>(found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>())
    });
    environment.add_filter("splitext", splitext);
    environment.add_filter("expanduser", |value: &Value| text_of("expanduser", value).map(expand));
    environment.add_filter("expandvars", |value: &Value| text_of("expandvars", value).map(expand_variables));
    environment.add_filter("realpath", |value: &Value| {
        text_of("realpath", value).map(|path| real(&absolute(&expand(path))))
    });
    environment.add_filter("normpath", |value: &Value| text_of("normpath", value).map(normal));
    environment.add_filter("path_join", |value: &Value| match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => match elements("path_join", value)?.as_slice() {
            [] => Err(wrong("`path_join` needs at least one part")),
            parts => Ok::<_, Error>(joined(parts)),
        },
    });
    environment.add_filter("commonpath", |value: &Value| {
        let paths: Vec<String> = elements("commonpath", value)?.iter().map(to_text).collect();
        common(&paths)
    });
    environment.add_filter("win_basename", |value: &Value| {
        to_text(value).rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
    });
    environment.add_filter("win_dirname", |value: &Value| {
        let text = to_text(value);
        let head = text.rfind(['/', '\\']).map_or("", |at| &text[..at]);
        if head.ends_with(':') { format!("{head}\\") } else { head.trim_end_matches(['/', '\\']).to_owned() }
    });
    environment.add_filter("win_splitdrive", |value: &Value| {
        let text = to_text(value);
        let at = drive_length(&text);
        Value::from(vec![text[..at].to_owned(), text[at..].to_owned()])
    });
    environment.add_filter("relpath", relpath);
    environment.add_filter("urlsplit", urlsplit);
}

/// How long the drive of a path of Windows is: a letter, or a host and what it shares.
fn drive_length(path: &str) -> usize {
    if path.get(1..2) == Some(":") {
        return 2;
    }
    let separators = ['/', '\\'];
    let starts_twice = path.starts_with(separators) && path[1..].starts_with(separators);
    let share = path.get(2..).filter(|rest| starts_twice && !rest.starts_with(separators));
    let host_end = share.and_then(|rest| rest.find(separators)).map(|at| at + 3);
    let Some(rest) = host_end.and_then(|at| path.get(at..)) else { return 0 };
    if rest.starts_with(separators) {
        return 0;
    }
    path.len() - rest.len() + rest.find(separators).unwrap_or(rest.len())
}

fn dirname(value: &Value) -> Result<String, Error> {
    let text = text_of("dirname", value)?;
    Ok(match text.rsplit_once('/') {
        Some((head, _)) if head.trim_end_matches('/').is_empty() => {
            text[..text.len() - text.trim_start_matches('/').len()].to_owned()
        }
        Some((head, _)) => head.trim_end_matches('/').to_owned(),
        None => String::new(),
    })
}

fn splitext(value: &Value) -> Result<Value, Error> {
    let text = text_of("splitext", value)?;
    let name_start = text.rfind('/').map_or(0, |at| at + 1);
    let name = &text[name_start..];
    let dot = name.rfind('.').filter(|at| !name[..*at].trim_start_matches('.').is_empty());
    let (head, tail) = text.split_at(dot.map_or(text.len(), |at| name_start + at));
    Ok(Value::from(Tuple::from([Value::from(head), Value::from(tail)])))
}

fn expand(text: &str) -> String {
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            std::env::var("HOME").unwrap_or_default() + rest
        }
        _ => text.to_owned(),
    }
}

/// The way from one folder to a path.
fn relpath(value: &Value, start: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    let named = kwargs.get::<Option<String>>("start")?;
    kwargs.assert_all_used()?;
    let start = named.as_deref().or(start).unwrap_or(".");
    let parts = |path: &str| {
        let path = normal(&absolute(path));
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (target, start) = (parts(&to_text(value)), parts(start));
    let common = target.iter().zip(&start).take_while(|(one, two)| one == two).count();
    let up = std::iter::repeat_n("..".to_owned(), start.len() - common);
    let path = up.chain(target[common..].iter().cloned()).collect::<Vec<_>>().join("/");
    Ok(if path.is_empty() { ".".to_owned() } else { path })
}

fn absolute(path: &str) -> String {
    std::path::absolute(Path::new(path)).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// A path without `.`, `..` and empty parts.
fn normal(path: &str) -> String {
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let path = format!("{root}{}", parts.join("/"));
    if path.is_empty() { ".".to_owned() } else { path }
}

/// A path with its links followed, as far as it is there.
fn real(path: &str) -> String {
    let path = normal(path);
    let mut there = PathBuf::from(&path);
    let mut rest: Vec<std::ffi::OsString> = Vec::new();
    loop {
        if let Ok(found) = std::fs::canonicalize(&there) {
            return rest.iter().rev().fold(found, |path, part| path.join(part)).display().to_string();
        }
        match (there.file_name().map(ToOwned::to_owned), there.pop()) {
            (Some(name), true) => rest.push(name),
            _ => return path,
        }
    }
}

/// Joins paths: an absolute one drops what stands before it.
fn joined(parts: &[Value]) -> String {
    let mut path = String::new();
    for part in parts.iter().map(to_text) {
        if part.starts_with('/') {
            path = part;
        } else {
            if !path.is_empty() && !path.ends_with('/') {
                path.push('/');
            }
            path.push_str(&part);
        }
    }
    path
}

/// The folder that all paths lead through.
fn common(paths: &[String]) -> Result<String, Error> {
    let Some(first) = paths.first() else {
        return Err(wrong("commonpath() arg is an empty sequence"));
    };
    if paths.iter().any(|path| path.starts_with('/') != first.starts_with('/')) {
        return Err(wrong("Can't mix absolute and relative paths"));
    }
    let parts = |path: &str| {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>()
    };
    let mut shared = parts(first);
    for path in paths {
        let same = shared.iter().zip(parts(path)).take_while(|(one, two)| *one == two).count();
        shared.truncate(same);
    }
    let root = if first.starts_with('/') { "/" } else { "" };
    Ok(format!("{root}{}", shared.join("/")))
}

/// `$NAME` and `${NAME}` as the environment has them; what it does not have stays.
fn expand_variables(text: &str) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        let (name, length) = match rest[1..].strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 3),
            None => {
                let end = rest[1..]
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .map_or(rest.len(), |end| end + 1);
                (&rest[1..end], end)
            }
        };
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => expanded.push_str(&value),
            _ => expanded.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    expanded + rest
}

/// The parts of a URL, or one of them.
fn urlsplit(value: &Value, part: Option<&str>) -> Result<Value, Error> {
    let text = to_text(value);
    let (rest, fragment) = text.split_once('#').unwrap_or((&text, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest
        .split_once(':')
        .filter(|(scheme, _)| {
            !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        })
        .unwrap_or(("", rest));
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').map_or((rest, ""), |at| rest.split_at(at)),
        None => ("", rest),
    };
    let (login, location) =
        netloc.rsplit_once('@').map_or((None, netloc), |(login, location)| (Some(login), location));
    let (username, password) = login.map_or((None, None), |login| {
        login.split_once(':').map_or((Some(login), None), |(user, password)| (Some(user), Some(password)))
    });
    let (hostname, port) = match location.rsplit_once(':') {
        Some((host, "")) => (host, None),
        // The colons of an address belong to it.
        Some((host, port)) if !port.ends_with(']') => {
            let number = port.parse::<u16>();
            (host, Some(number.map_err(|_| wrong(format!("'{port}' is no number of a port")))?))
        }
        _ => (location, None),
    };
    let hostname = hostname.trim_matches(['[', ']']).to_lowercase();
    let parts: Vec<(&str, Value)> = vec![
        ("fragment", Value::from(fragment)),
        ("hostname", if hostname.is_empty() { Value::from(()) } else { Value::from(hostname) }),
        ("netloc", Value::from(netloc)),
        ("password", password.map_or_else(|| Value::from(()), Value::from)),
        ("path", Value::from(path)),
        ("port", port.map_or_else(|| Value::from(()), Value::from)),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme.to_lowercase())),
        ("username", username.map_or_else(|| Value::from(()), Value::from)),
    ];
    match part {
        Some(wanted) => {
            let names = parts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let found = parts.into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
            found.ok_or_else(|| wrong(format!("`urlsplit` has no part `{wanted}`; it has {names}")))
        }
        None => Ok(Value::from_pairs(parts)),
    }
}
