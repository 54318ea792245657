//! Tests, beyond those minijinja has.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::cmp::Ordering;
use std::path::Path;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::filters::{compile_regex, elements, wrong};
use super::python::type_name;
use super::to_text;
use super::versions::{self, Rules};

pub(super) fn add(environment: &mut Environment<'static>) {
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
    environment.add_test("regex", |value: &Value, pattern: &str, kwargs: Kwargs| {
        let kind = kwargs.get::<Option<String>>("match_type")?;
        match kind.as_deref() {
            Some("match") => regex(value, &format!("^(?:{pattern})"), &kwargs),
            Some("fullmatch") => regex(value, &format!(r"^(?:{pattern})\z"), &kwargs),
            _ => regex(value, pattern, &kwargs),
        }
    });
    environment.add_test("version", version);
    environment.add_test("version_compare", version);
    environment.add_test("truthy", truthy);
    environment.add_test("falsy", |value: &Value, convert: Option<bool>, kwargs: Kwargs| {
        truthy(value, convert, kwargs).map(|holds| !holds)
    });
    for name in ["finished", "started"] {
        environment.add_test(name, move |value: &Value| flag(name, value));
    }
    environment.add_test("timedout", |value: &Value| {
        let period = value.get_attr("timedout")?;
        Ok::<_, Error>(
            !period.is_undefined() && period.get_attr("period").is_ok_and(|period| period.is_true()),
        )
    });
    environment.add_test("uri", |value: &Value, schemes: Option<Vec<String>>| match schemes {
        Some(schemes) => uri(value, Some(&schemes.iter().map(String::as_str).collect::<Vec<_>>())),
        None => uri(value, None),
    });
    environment.add_test("url", |value: &Value, _: Kwargs| {
        uri(value, Some(&["http", "https", "ftp", "ftps", "ws", "wss", "file"]))
    });
    environment.add_test("urn", |value: &Value| uri(value, Some(&["urn"])));
    environment.add_test("mount", |path: &Value| is_mount(Path::new(&to_text(path))));
    environment.add_test("same_file", |one: &Value, two: &Value| {
        is_same_file(Path::new(&to_text(one)), Path::new(&to_text(two)))
            .map_err(|error| wrong(error.to_string()))
    });
    environment.add_test("link_exists", |path: &Value| Path::new(&to_text(path)).symlink_metadata().is_ok());
    // What was encrypted is known before tests are asked.
    environment.add_test("vault_encrypted", |_: &Value| false);
    environment.add_test("vaulted_file", vaulted_file);
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
    environment.add_test("is_mount", |path: &Value| is_mount(Path::new(&to_text(path))));
    environment.add_test("is_file", |path: &Value| Path::new(&to_text(path)).is_file());
    environment.add_test("is_dir", |path: &Value| Path::new(&to_text(path)).is_dir());
    environment.add_test("is_link", |path: &Value| Path::new(&to_text(path)).is_symlink());
    environment.add_test("is_abs", |path: &Value| Path::new(&to_text(path)).is_absolute());
    environment.add_test("link", |path: &Value| Path::new(&to_text(path)).is_symlink());
    environment.add_test("abs", |path: &Value| Path::new(&to_text(path)).is_absolute());
    environment.add_test("nan", |value: &Value| f64::try_from(value.clone()).is_ok_and(f64::is_nan));
}

/// Whether a file of the controller is encrypted as a whole.
fn vaulted_file(path: &Value) -> Result<bool, Error> {
    let path = to_text(path);
    let read = std::fs::read(&path);
    let bytes = read.map_err(|error| wrong(format!("Cannot test if the file {path} is a vault: {error}")))?;
    Ok(clouder_vault::is_encrypted(&bytes))
}

/// What a registered result says of itself.
fn result(test: &str, field: &str, expected: bool, value: &Value) -> Result<bool, Error> {
    if value.kind() != ValueKind::Map {
        return Err(wrong(format!("the test `{test}` needs the result of a task, not {}", type_name(value))));
    }
    Ok(value.get_attr(field)?.is_true() == expected)
}

/// A flag of a task that runs in the background.
fn flag(test: &str, value: &Value) -> Result<bool, Error> {
    if value.kind() != ValueKind::Map {
        return Err(wrong(format!("the test `{test}` needs the result of a task, not {}", type_name(value))));
    }
    let flag = value.get_attr(test)?;
    // What never ran in the background is finished and started.
    Ok(flag.is_undefined() || flag.is_true())
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

/// `'1.10' is version('1.9', '>=', strict, version_type)`.
fn version(value: &Value, other: Value, args: Rest<Value>, kwargs: Kwargs) -> Result<bool, Error> {
    let option = |position: usize, name: &str| {
        let given = kwargs.get::<Option<Value>>(name)?.or_else(|| args.get(position).cloned());
        Ok::<_, Error>(given.filter(|given| !given.is_none()))
    };
    let operator = option(0, "operator")?.map_or_else(|| "eq".to_owned(), |operator| to_text(&operator));
    let strict = option(1, "strict")?;
    let kind = option(2, "version_type")?;
    kwargs.assert_all_used()?;
    if strict.is_some() && kind.is_some() {
        return Err(wrong("Cannot specify both 'strict' and 'version_type'"));
    }
    let rules = match kind.as_ref().map(to_text).as_deref() {
        None if strict.is_some_and(|strict| strict.is_true()) => Rules::Strict,
        None | Some("loose") => Rules::Loose,
        Some("strict") => Rules::Strict,
        Some("semver" | "semantic") => Rules::Semantic,
        Some("pep440") => Rules::Python,
        Some(other) => {
            return Err(wrong(format!(
                "Invalid version type ({other}). Must be one of loose, strict, semver, semantic, pep440"
            )));
        }
    };
    let (one, two) = (to_text(value), to_text(&other));
    if one.is_empty() {
        return Err(wrong("Input version value cannot be empty"));
    }
    if two.is_empty() {
        return Err(wrong("Version parameter to compare against cannot be empty"));
    }
    let order = versions::compare(&one, &two, rules)
        .map_err(|reason| wrong(format!("Version comparison failed: {reason}")))?;
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

/// `truthy(convert_bool=false)`.
fn truthy(value: &Value, convert: Option<bool>, kwargs: Kwargs) -> Result<bool, Error> {
    let convert = kwargs.get::<Option<bool>>("convert_bool")?.or(convert).unwrap_or(false);
    kwargs.assert_all_used()?;
    if convert && let Some(text) = value.as_str() {
        match text.to_lowercase().as_str() {
            "yes" | "on" | "1" | "true" | "y" | "t" => return Ok(true),
            "no" | "off" | "0" | "false" | "n" | "f" | "" => return Ok(false),
            _ => {}
        }
    }
    Ok(value.is_true())
}

/// Whether a text is a URI with one of some schemes.
fn uri(value: &Value, schemes: Option<&[&str]>) -> bool {
    let text = to_text(value);
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    well_formed
        && schemes.is_none_or(|schemes| schemes.contains(&scheme))
        && if scheme == "urn" { !rest.is_empty() } else { rest.starts_with("//") && rest.len() > 2 }
}

/// Whether something is mounted at a path: it is on another device than its parent, or is its own parent.
fn is_mount(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(own) = path.symlink_metadata() else { return false };
    if own.is_symlink() {
        return false;
    }
    let Ok(parent) = path.join("..").metadata() else { return false };
    own.dev() != parent.dev() || own.ino() == parent.ino()
}

/// Whether two paths lead to the same file.
fn is_same_file(one: &Path, two: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (one, two) = (one.metadata()?, two.metadata()?);
    Ok((one.dev(), one.ino()) == (two.dev(), two.ino()))
}
