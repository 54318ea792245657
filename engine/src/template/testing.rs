//! Tests, beyond those minijinja has.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::cmp::Ordering;
use std::path::Path;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::filters::{compile_regex, elements, wrong};
use super::jinja::Fault;
use super::python::{Seen, contains, is_list, is_missing, iterate, type_name};
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
    environment.add_test("match", |value: &Value, pattern: Option<&str>, kwargs: Kwargs| {
        regex(value, pattern.unwrap_or_default(), "match", &kwargs)
    });
    environment.add_test("search", |value: &Value, pattern: Option<&str>, kwargs: Kwargs| {
        regex(value, pattern.unwrap_or_default(), "search", &kwargs)
    });
    environment.add_test("regex", |value: &Value, pattern: Option<&str>, kwargs: Kwargs| {
        let kind = kwargs.get::<Option<String>>("match_type")?;
        regex(value, pattern.unwrap_or_default(), kind.as_deref().unwrap_or("search"), &kwargs)
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
    for name in ["uri", "url"] {
        environment.add_test(name, move |value: &Value, schemes: Option<Vec<String>>, kwargs: Kwargs| {
            let schemes = kwargs.get::<Option<Vec<String>>>("schemes")?.or(schemes).unwrap_or_default();
            kwargs.assert_all_used()?;
            Ok::<_, Error>(uri(value, &schemes, name == "url"))
        });
    }
    environment.add_test("urn", |value: &Value| uri(value, &["urn".to_owned()], false));
    environment.add_test("mount", |path: &Value| is_mount(Path::new(&to_text(path))));
    for name in ["same_file", "is_same_file"] {
        environment.add_test(name, |one: &Value, two: &Value| {
            is_same_file(Path::new(&to_text(one)), Path::new(&to_text(two)))
                .map_err(|error| wrong(error.to_string()))
        });
    }
    environment.add_test("link_exists", |path: &Value| Path::new(&to_text(path)).symlink_metadata().is_ok());
    // What was encrypted is known before tests are asked.
    environment.add_test("vault_encrypted", |_: &Value| false);
    environment.add_test("vaulted_file", vaulted_file);
    environment.add_test("contains", |list: &Value, item: Value| contains(list, &item));
    for name in ["subset", "issubset"] {
        environment.add_test(name, |one: &Value, two: Value| is_subset(one, &two));
    }
    for name in ["superset", "issuperset"] {
        environment.add_test(name, |one: &Value, two: Value| is_subset(&two, one));
    }
    environment
        .add_test("any", |list: &Value| Ok::<_, Error>(present("any", list)?.iter().any(Value::is_true)));
    environment
        .add_test("all", |list: &Value| Ok::<_, Error>(present("all", list)?.iter().all(Value::is_true)));
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
    for name in ["nan", "isnan"] {
        environment.add_test(name, |value: &Value| f64::try_from(value.clone()).is_ok_and(f64::is_nan));
    }
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
    let mut holds = value.get_attr(field)?.is_true();
    // A loop has changed something when one of its turns has.
    if field == "changed" && !holds {
        let results = value.get_attr("results")?;
        let turns = if is_list(&results) { iterate(&results)? } else { Vec::new() };
        holds = turns.iter().any(|turn| turn.get_attr(field).is_ok_and(|changed| changed.is_true()));
    }
    Ok(holds == expected)
}

/// The elements of a list, all of which must be there.
fn present(test: &str, list: &Value) -> Result<Vec<Value>, Error> {
    let items = elements(test, list)?;
    match items.iter().find(|item| is_missing(item)) {
        Some(missing) => Err(Fault::missing(missing).into()),
        None => Ok(items),
    }
}

/// Whether a list holds all elements of another.
fn is_subset(one: &Value, two: &Value) -> Result<bool, Error> {
    let all: Seen = elements("subset", two)?.into_iter().collect();
    Ok(elements("subset", one)?.iter().all(|item| all.has(item)))
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

fn regex(value: &Value, pattern: &str, kind: &str, kwargs: &Kwargs) -> Result<bool, Error> {
    let pattern = &match kind {
        // Beginning means that of the text, whatever lines it has.
        "match" => format!(r"\A(?:{pattern})"),
        "fullmatch" => format!(r"\A(?:{pattern})\z"),
        "search" | "findall" => pattern.to_owned(),
        other => return Err(wrong(format!("the test `regex` has no match_type `{other}`"))),
    };
    let ignore_case = kwargs.get::<Option<bool>>("ignorecase")?.unwrap_or(false);
    let multiline = kwargs.get::<Option<bool>>("multiline")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    compile_regex(pattern, ignore_case, multiline)?
        .is_match(&to_text(value))
        .map_err(|error| wrong(error.to_string()))
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

/// Whether a text is a URI with one of some schemes, if there are any; a URL names a host, too, or is of a file.
fn uri(value: &Value, schemes: &[String], is_url: bool) -> bool {
    let text = to_text(value);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", &text));
    let scheme = scheme.to_lowercase();
    let names_host =
        rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
    (schemes.is_empty() || schemes.contains(&scheme)) && (!is_url || names_host || scheme == "file")
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
