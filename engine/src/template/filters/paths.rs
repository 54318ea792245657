//! Paths and URLs.

use std::path::{Component, Path, PathBuf};

use minijinja::{Environment, Error, Value};

use super::wrong;
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("basename", |value: &Value| {
        let text = to_text(value);
        text.rsplit('/').next().unwrap_or_default().to_owned()
    });
    environment.add_filter("dirname", dirname);
    environment.add_filter("splitext", splitext);
    environment.add_filter("expanduser", |value: &Value| expand(&to_text(value)));
    environment.add_filter("realpath", |value: &Value| {
        let path = PathBuf::from(expand(&to_text(value)));
        std::fs::canonicalize(&path).unwrap_or(path).display().to_string()
    });
    environment.add_filter("relpath", relpath);
    environment.add_filter("urlsplit", urlsplit);
}

fn dirname(value: &Value) -> String {
    let text = to_text(value);
    match text.rsplit_once('/') {
        Some((head, _)) if head.trim_end_matches('/').is_empty() => {
            text[..text.len() - text.trim_start_matches('/').len()].to_owned()
        }
        Some((head, _)) => head.trim_end_matches('/').to_owned(),
        None => String::new(),
    }
}

fn splitext(value: &Value) -> Value {
    let text = to_text(value);
    let name_start = text.rfind('/').map_or(0, |at| at + 1);
    let name = &text[name_start..];
    let dot = name.rfind('.').filter(|at| !name[..*at].trim_start_matches('.').is_empty());
    let (head, tail) = text.split_at(dot.map_or(text.len(), |at| name_start + at));
    Value::from(vec![head.to_owned(), tail.to_owned()])
}

fn expand(text: &str) -> String {
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            std::env::var("HOME").unwrap_or_default() + rest
        }
        _ => text.to_owned(),
    }
}

fn relpath(value: &Value, start: Option<&str>) -> String {
    let parts = |path: &str| {
        let path = std::path::absolute(Path::new(path)).unwrap_or_else(|_| PathBuf::from(path));
        let mut parts: Vec<String> = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
                Component::ParentDir => drop(parts.pop()),
                _ => {}
            }
        }
        parts
    };
    let (target, start) = (parts(&to_text(value)), parts(start.unwrap_or(".")));
    let common = target.iter().zip(&start).take_while(|(one, two)| one == two).count();
    let up = std::iter::repeat_n("..".to_owned(), start.len() - common);
    let path = up.chain(target[common..].iter().cloned()).collect::<Vec<_>>().join("/");
    if path.is_empty() { ".".to_owned() } else { path }
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
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse::<u16>().ok()),
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
