//! Lookups: `lookup('env', 'HOME')`, and the lists of `with_…`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::engine::ReadFile;
use super::evaluation::{is_missing, scope, search_path, tolerate};
use super::filters::{elements, wrong};
use super::{Templates, to_text};
use crate::playbook::Files;

/// The names of all lookups.
const NAMES: [&str; 21] = [
    "cartesian",
    "dict",
    "env",
    "file",
    "fileglob",
    "first_found",
    "flattened",
    "indexed_items",
    "inventory_hostnames",
    "items",
    "lines",
    "list",
    "nested",
    "pipe",
    "random_choice",
    "sequence",
    "subelements",
    "together",
    "varnames",
    "vars",
    "template",
];

/// What lookups work with.
#[derive(Clone)]
pub(super) struct Lookups {
    /// Reads files.
    pub(super) read: Arc<ReadFile>,
    /// The engine they belong to: it outlives every evaluation.
    pub(super) engine: Weak<Templates>,
}

pub(super) fn add(environment: &mut Environment<'static>, lookups: &Lookups) {
    let lookup = lookups.clone();
    environment.add_function("lookup", move |name: &str, terms: Rest<Value>, kwargs: Kwargs| {
        let found = run(&lookup, name, &terms, &kwargs)?;
        if kwargs.get::<Option<bool>>("wantlist")?.unwrap_or(false) {
            return Ok(Value::from(found));
        }
        Ok::<_, Error>(joined(found))
    });
    for name in ["query", "q"] {
        let lookups = lookups.clone();
        environment.add_function(name, move |name: &str, terms: Rest<Value>, kwargs: Kwargs| {
            run(&lookups, name, &terms, &kwargs).map(Value::from)
        });
    }
    environment.add_function("undef", |_: Kwargs| Value::UNDEFINED);
}

/// One value as it is, several texts with commas between, other lists as lists.
fn joined(mut found: Vec<Value>) -> Value {
    if found.len() == 1 {
        return found.remove(0);
    }
    if found.iter().all(|value| value.as_str().is_some()) {
        return Value::from(found.iter().map(to_text).collect::<Vec<_>>().join(","));
    }
    Value::from(found)
}

/// The list of `with_NAME`.
pub(super) fn for_loop(lookups: &Lookups, name: &str, terms: &Value) -> Result<Vec<Value>, Error> {
    let short = short(name);
    let terms = match (short, terms.kind()) {
        (
            "items"
            | "list"
            | "flattened"
            | "indexed_items"
            | "nested"
            | "cartesian"
            | "together"
            | "fileglob"
            | "file"
            | "first_found"
            | "lines"
            | "subelements"
            | "random_choice"
            | "varnames"
            | "inventory_hostnames"
            | "env"
            | "vars"
            | "template"
            | "pipe",
            ValueKind::Seq | ValueKind::Iterable,
        ) => terms.try_iter()?.collect(),
        _ => vec![terms.clone()],
    };
    run(lookups, short, &terms, &Kwargs::from_iter(std::iter::empty::<(&str, Value)>()))
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn run(lookups: &Lookups, name: &str, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let errors = kwargs.get::<Option<String>>("errors")?.unwrap_or_else(|| "strict".to_owned());
    kwargs.get::<Option<bool>>("wantlist")?;
    match dispatch(lookups, short(name), terms, kwargs) {
        Err(_) if errors == "ignore" || errors == "warn" => Ok(Vec::new()),
        other => other,
    }
}

fn dispatch(lookups: &Lookups, name: &str, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    match name {
        "items" => flat(terms, 1),
        "list" => Ok(terms.to_vec()),
        "flattened" => flat(terms, usize::MAX),
        "dict" => dict(terms),
        "env" => env(terms, kwargs),
        "vars" => vars(terms, kwargs),
        "varnames" => varnames(terms),
        "indexed_items" => Ok(flat(terms, 1)?
            .into_iter()
            .enumerate()
            .map(|(index, item)| Value::from(vec![Value::from(index), item]))
            .collect()),
        "nested" | "cartesian" => match terms.split_first() {
            Some((first, rest)) => Ok(super::filters::product(first, rest)?.try_iter()?.collect()),
            None => Ok(Vec::new()),
        },
        "together" => match terms.split_first() {
            Some((first, rest)) => Ok(super::filters::together(first, rest)?.try_iter()?.collect()),
            None => Ok(Vec::new()),
        },
        "subelements" => subelements(terms),
        "sequence" => sequence(terms, kwargs),
        "file" => file(lookups, terms, kwargs),
        "template" => template(lookups, terms),
        "fileglob" => fileglob(terms),
        "first_found" => first_found(terms, kwargs),
        "lines" | "pipe" => pipe(name, terms),
        "random_choice" => Ok(flat(terms, 1)?.into_iter().take(1).collect()),
        "inventory_hostnames" => inventory_hostnames(terms),
        unknown => {
            let hint = clouder_lang::nearest(unknown, NAMES)
                .map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
            Err(wrong(format!("there is no lookup `{unknown}`{hint}")))
        }
    }
}

/// Elements of elements, so many levels down.
fn flat(terms: &[Value], levels: usize) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        if matches!(term.kind(), ValueKind::Seq | ValueKind::Iterable) && levels > 0 {
            found.extend(if levels == 1 {
                term.try_iter()?.collect()
            } else {
                flat(&term.try_iter()?.collect::<Vec<_>>(), levels - 1)?
            });
        } else {
            found.push(term.clone());
        }
    }
    Ok(found)
}

fn dict(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        if term.kind() != ValueKind::Map {
            return Err(wrong(format!("with_dict expects a dict, not {}", super::testing::type_name(term))));
        }
        for key in term.try_iter()? {
            let value = term.get_item(&key)?;
            found.push(Value::from_pairs([("key", key), ("value", value)]));
        }
    }
    Ok(found)
}

fn env(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let default = kwargs.get::<Option<Value>>("default")?.unwrap_or_else(|| Value::from(""));
    Ok(terms
        .iter()
        .map(|term| std::env::var(to_text(term)).map_or_else(|_| default.clone(), Value::from))
        .collect())
}

fn vars(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let default = kwargs.get::<Option<Value>>("default")?;
    if let Some(default) = &default {
        tolerate(default);
    }
    let scope = scope().ok_or_else(|| wrong("there are no variables here"))?;
    let value = |term: &Value| {
        let name = to_text(term);
        match scope.variable(&name) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(wrong(error.to_string())),
            None => default.clone().ok_or_else(|| wrong(format!("No variable found with this name: {name}"))),
        }
    };
    terms.iter().map(value).collect()
}

fn varnames(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let scope = scope().ok_or_else(|| wrong("there are no variables here"))?;
    let names = scope.names();
    let mut found = Vec::new();
    for term in terms {
        let regex = super::filters::compile_regex(&to_text(term), false, false)?;
        found.extend(
            names
                .iter()
                .filter(|name| regex.is_match(name.as_ref()).unwrap_or(false))
                .map(|name| Value::from(name.as_ref())),
        );
    }
    Ok(found)
}

fn subelements(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let [list, path, options @ ..] = terms else {
        return Err(wrong("subelements needs a list and the name of a key"));
    };
    let skip = options
        .first()
        .and_then(|options| options.get_attr("skip_missing").ok())
        .is_some_and(|skip| skip.is_true());
    let none = Kwargs::from_iter(std::iter::empty::<(&str, Value)>());
    Ok(super::filters::subelements(list, path, Some(skip), none)?.try_iter()?.collect())
}

/// `start=1 end=5 stride=2 format=host%02d`, `5`, `2-8/2`.
fn sequence(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let text = terms.iter().map(to_text).collect::<Vec<_>>().join(" ");
    let mut settings: Vec<(String, String)> = text
        .split_whitespace()
        .filter_map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    for name in ["start", "end", "count", "stride", "format"] {
        if let Some(value) = kwargs.get::<Option<Value>>(name)? {
            settings.push((name.to_owned(), to_text(&value)));
        }
    }
    let get = |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let number = |text: String| {
        let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| i64::from_str_radix(hex, 16));
        parsed.map_err(|_| wrong(format!("sequence: `{text}` is no number")))
    };
    let (mut start, mut end, mut stride) = (1, None, 1);
    let mut format = get("format").unwrap_or_else(|| "%d".to_owned());
    if settings.is_empty() {
        let (range, shape) = text.split_once(':').unwrap_or((&text, "%d"));
        shape.clone_into(&mut format);
        let (range, step) = range.split_once('/').unwrap_or((range, "1"));
        stride = number(step.to_owned())?;
        match range.split_once('-').filter(|(first, _)| !first.is_empty()) {
            Some((first, last)) => {
                start = number(first.to_owned())?;
                end = Some(number(last.to_owned())?);
            }
            None => end = Some(number(range.to_owned())?),
        }
    } else {
        if let Some(text) = get("start") {
            start = number(text)?;
        }
        if let Some(text) = get("stride") {
            stride = number(text)?;
        }
        if let Some(text) = get("end") {
            end = Some(number(text)?);
        }
        if let Some(text) = get("count") {
            end = Some(start + number(text)? * stride - stride);
        }
    }
    let end = end.ok_or_else(|| wrong("sequence needs an end or a count"))?;
    if stride == 0 {
        return Ok(Vec::new());
    }
    let mut numbers = Vec::new();
    let mut current = start;
    while (stride > 0 && current <= end) || (stride < 0 && current >= end) {
        numbers.push(Value::from(formatted(&format, current)));
        current += stride;
        if numbers.len() > 1_000_000 {
            return Err(wrong("sequence: more than a million elements"));
        }
    }
    Ok(numbers)
}

/// `%d`, `%02d`, `%x` in a text.
fn formatted(format: &str, number: i64) -> String {
    let Some(percent) = format.find('%') else { return format.to_owned() };
    let rest = &format[percent + 1..];
    let Some(end) = rest.find(|character: char| character.is_ascii_alphabetic()) else {
        return format.to_owned();
    };
    let flags = &rest[..end];
    let digits = match &rest[end..=end] {
        "x" => format!("{number:x}"),
        "X" => format!("{number:X}"),
        "o" => format!("{number:o}"),
        _ => number.to_string(),
    };
    let width: usize = flags.trim_start_matches(['0', '-']).parse().unwrap_or(0);
    let padded =
        if flags.starts_with('0') { format!("{digits:0>width$}") } else { format!("{digits:>width$}") };
    format!("{}{padded}{}", &format[..percent], &rest[end + 1..])
}

/// A file of the controller, below the folders of the task.
fn find(kind: &str, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Files::is_there(path).then(|| path.to_owned());
    }
    search_path()
        .iter()
        .flat_map(|folder| [folder.join(kind).join(name), folder.join(name)])
        .find(|path| Files::is_there(path))
}

fn file(lookups: &Lookups, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let right = kwargs.get::<Option<bool>>("rstrip")?.unwrap_or(true);
    let left = kwargs.get::<Option<bool>>("lstrip")?.unwrap_or(false);
    let content = |term: &Value| {
        let name = to_text(term);
        let path = find("files", &name).unwrap_or_else(|| PathBuf::from(&name));
        let bytes = (lookups.read)(&path)
            .map_err(|error| wrong(format!("could not locate file in lookup: {name} ({error})")))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong(format!("{name} is not text in UTF-8")))?;
        let text = if right { text.trim_end() } else { &text };
        Ok(Value::from(if left { text.trim_start() } else { text }))
    };
    terms.iter().map(content).collect()
}

fn template(lookups: &Lookups, terms: &[Value]) -> Result<Vec<Value>, Error> {
    let scope = scope().ok_or_else(|| wrong("there are no variables here"))?;
    let engine = lookups.engine.upgrade().ok_or_else(|| wrong("the template engine is gone"))?;
    let mut rendered = Vec::new();
    for term in terms {
        let name = to_text(term);
        let path = find("templates", &name)
            .ok_or_else(|| wrong(format!("the template file {name} could not be found for the lookup")))?;
        let bytes = (lookups.read)(&path).map_err(|error| wrong(format!("cannot read {name}: {error}")))?;
        let source = clouder_lang::Source::new(&path, String::from_utf8_lossy(&bytes).into_owned());
        let shape = super::RenderOptions { trim_blocks: true, ..super::RenderOptions::default() };
        rendered.push(Value::from(
            engine.render(&source, &scope, &shape).map_err(|error| wrong(error.to_string()))?,
        ));
    }
    Ok(rendered)
}

fn fileglob(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        let pattern = to_text(term);
        let folders = if Path::new(&pattern).is_absolute() {
            vec![PathBuf::from("/")]
        } else {
            search_path().iter().flat_map(|folder| [folder.join("files"), folder.clone()]).collect()
        };
        for folder in folders {
            let whole = folder.join(&pattern);
            let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else { continue };
            let glob = globset::Glob::new(&name.to_string_lossy())
                .map_err(|error| wrong(error.to_string()))?
                .compile_matcher();
            let Ok(entries) = std::fs::read_dir(parent) else { continue };
            let mut paths: Vec<PathBuf> = entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.is_file() && path.file_name().is_some_and(|name| glob.is_match(name)))
                .collect();
            paths.sort();
            if !paths.is_empty() {
                found.extend(paths.iter().map(|path| Value::from(path.display().to_string())));
                break;
            }
        }
    }
    Ok(found)
}

fn first_found(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let mut skip = kwargs.get::<Option<bool>>("skip")?.unwrap_or(false);
    let mut names = Vec::new();
    let texts = |value: &Value| -> Result<Vec<String>, Error> {
        match value.as_str() {
            Some(text) => Ok(text.split([',', ';']).map(|name| name.trim().to_owned()).collect()),
            None if is_missing(value) => Ok(Vec::new()),
            None => Ok(elements("first_found", value)?.iter().map(to_text).collect()),
        }
    };
    let add = |files: &Value, paths: &Value, names: &mut Vec<String>| -> Result<(), Error> {
        let (files, paths) = (texts(files)?, texts(paths)?);
        for file in &files {
            if paths.is_empty() {
                names.push(file.clone());
            }
            names.extend(paths.iter().map(|path| format!("{path}/{file}")));
        }
        Ok(())
    };
    if let Some(files) = kwargs.get::<Option<Value>>("files")? {
        add(&files, &kwargs.get::<Option<Value>>("paths")?.unwrap_or_default(), &mut names)?;
    }
    for term in flat(terms, usize::MAX)? {
        if term.kind() == ValueKind::Map {
            skip |= term.get_attr("skip")?.is_true();
            add(&term.get_attr("files")?, &term.get_attr("paths")?, &mut names)?;
        } else {
            names.push(to_text(&term));
        }
    }
    for name in &names {
        for kind in ["vars", "files", "templates", "tasks"] {
            if let Some(path) = find(kind, name) {
                return Ok(vec![Value::from(path.display().to_string())]);
            }
        }
    }
    if skip {
        Ok(Vec::new())
    } else {
        Err(wrong(format!("No file was found when using first_found: {}", names.join(", "))))
    }
}

/// What a command of the controller prints.
fn pipe(name: &str, terms: &[Value]) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        let line = to_text(term);
        let output = std::process::Command::new("/bin/sh")
            .arg("-c")
            .arg(&line)
            .output()
            .map_err(|error| wrong(format!("{name}: {error}")))?;
        if !output.status.success() {
            return Err(wrong(format!(
                "lookup_plugin.{name}({line}) returned {}",
                output.status.code().unwrap_or(-1)
            )));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if name == "pipe" {
            found.push(Value::from(text.trim_end().to_owned()));
        } else {
            found.extend(text.lines().map(Value::from));
        }
    }
    Ok(found)
}

/// The hosts of the groups that are named.
fn inventory_hostnames(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let scope: Arc<dyn super::Scope> = scope().ok_or_else(|| wrong("there are no variables here"))?;
    let groups = scope.variable("groups").and_then(Result::ok).unwrap_or_default();
    let mut found: Vec<Value> = Vec::new();
    for term in terms {
        for name in to_text(term).split([':', ',']) {
            let (name, exclude) = name.strip_prefix('!').map_or((name, false), |name| (name, true));
            let members = groups.get_attr(name).unwrap_or_default();
            let members: Vec<Value> =
                if members.is_undefined() { vec![Value::from(name)] } else { members.try_iter()?.collect() };
            if exclude {
                found.retain(|host| !members.contains(host));
            } else {
                found.extend(members.into_iter().filter(|host| !found.contains(host)).collect::<Vec<_>>());
            }
        }
    }
    Ok(found)
}
