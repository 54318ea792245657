//! Lookups: `lookup('env', 'HOME')`, and the lists of `with_…`.

mod files;
mod password;
mod sequence;
mod tables;
mod url;

use std::path::Path;
use std::sync::{Arc, Weak};

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

pub(super) use files::matching;

use super::engine::ReadFile;
use super::evaluation::scope;
use super::filters::wrong;
use super::plugins::{Kind, Plugins};
use super::python::contains;
use super::vault::{Content, Vault};
use super::{Templates, to_text};

/// The names of all lookups, which `with_…` may name, too.
pub const NAMES: [&str; 29] = [
    "cartesian",
    "config",
    "csvfile",
    "dict",
    "env",
    "file",
    "fileglob",
    "filetree",
    "first_found",
    "flattened",
    "indexed_items",
    "ini",
    "inventory_hostnames",
    "items",
    "lines",
    "list",
    "nested",
    "password",
    "pipe",
    "random_choice",
    "random_string",
    "sequence",
    "subelements",
    "template",
    "together",
    "unvault",
    "url",
    "varnames",
    "vars",
];

/// What lookups work with.
#[derive(Clone)]
pub(super) struct Lookups {
    /// Reads files.
    pub(super) read: Arc<ReadFile>,
    /// The engine they belong to: it outlives every evaluation.
    pub(super) engine: Weak<Templates>,
    /// What was encrypted.
    pub(super) vault: Arc<Vault>,
    /// Lookups in Python.
    pub(super) plugins: Arc<Plugins>,
    /// Settings.
    pub(super) config: Arc<crate::config::Config>,
}

impl Lookups {
    /// What is in a file, decrypted.
    pub(super) fn read(&self, path: &Path) -> std::io::Result<Content> {
        Content::read(path, &*self.read, &self.vault)
    }
}

pub(super) fn add(environment: &mut Environment<'static>, lookups: &Lookups) {
    let lookup = lookups.clone();
    environment.add_function("lookup", move |name: &str, terms: Rest<Value>, kwargs: Kwargs| {
        let found = run(&lookup, name, &terms, &kwargs)?;
        let Some(found) = found else { return Ok(Value::from(())) };
        if kwargs.get::<Option<bool>>("wantlist")?.unwrap_or(false) {
            return Ok(Value::from(found));
        }
        Ok::<_, Error>(joined(found))
    });
    for name in ["query", "q"] {
        let lookups = lookups.clone();
        environment.add_function(name, move |name: &str, terms: Rest<Value>, kwargs: Kwargs| {
            run(&lookups, name, &terms, &kwargs).map(|found| Value::from(found.unwrap_or_default()))
        });
    }
}

/// One value as it is, several texts with commas between, other lists as lists.
fn joined(mut found: Vec<Value>) -> Value {
    if found.len() == 1 {
        return found.remove(0);
    }
    if !found.is_empty() && found.iter().all(|value| value.as_str().is_some()) {
        return Value::from(found.iter().map(to_text).collect::<Vec<_>>().join(","));
    }
    Value::from(found)
}

/// How `with_first_found` is told the folder to look in besides.
const FOLDER: &str = "_folder";

/// The list of `with_NAME`; `folder` is where `first_found` looks besides.
pub(super) fn for_loop(
    lookups: &Lookups,
    name: &str,
    terms: &Value,
    folder: &str,
) -> Result<Vec<Value>, Error> {
    let terms = match terms.kind() {
        ValueKind::Seq | ValueKind::Iterable => terms.try_iter()?.collect(),
        _ => vec![terms.clone()],
    };
    let folder = (short(name) == "first_found").then(|| (FOLDER, Value::from(folder)));
    run(lookups, name, &terms, &Kwargs::from_iter(folder)).map(Option::unwrap_or_default)
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// What a lookup finds; none when it failed and that is to be ignored.
fn run(lookups: &Lookups, name: &str, terms: &[Value], kwargs: &Kwargs) -> Result<Option<Vec<Value>>, Error> {
    let errors = kwargs.get::<Option<String>>("errors")?.unwrap_or_else(|| "strict".to_owned());
    kwargs.get::<Option<bool>>("wantlist")?;
    if !matches!(errors.as_str(), "strict" | "warn" | "ignore") {
        return Err(wrong(format!("`errors` may be strict, warn or ignore, not `{errors}`")));
    }
    match find(lookups, name, terms, kwargs) {
        Err(error) if error.kind() == ErrorKind::UnknownFunction => Err(error),
        Err(_) if errors != "strict" => Ok(None),
        other => other.map(Some),
    }
}

/// What a lookup finds: one of a playbook's own, ours, or one that ansible-core has.
fn find(lookups: &Lookups, name: &str, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let plugins = &lookups.plugins;
    let is_ours = NAMES.contains(&short(name));
    if plugins.stands_for(Kind::Lookup, name)? || (!is_ours && plugins.has(Kind::Lookup, name)) {
        let names = kwargs.args().filter(|name| !matches!(*name, "wantlist" | "errors"));
        let named = names.map(|name| Ok((name.to_owned(), kwargs.get::<Value>(name)?)));
        let named = named.collect::<Result<Vec<_>, Error>>()?;
        return Ok(plugins.call(Kind::Lookup, name, terms, &named)?.try_iter()?.collect());
    }
    dispatch(lookups, short(name), terms, kwargs)
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
            Some((first, rest)) => spread(&super::filters::product(first, rest)?),
            None => Err(wrong("with_nested requires at least one element in the nested list")),
        },
        "together" => match terms.split_first() {
            Some((first, rest)) => spread(&super::filters::together(first, rest)?),
            None => Err(wrong("with_together requires at least one element in each list")),
        },
        "subelements" => subelements(terms),
        "sequence" => sequence::sequence(terms, kwargs),
        "file" => files::file(lookups, terms, kwargs),
        "unvault" => files::unvault(lookups, terms),
        "template" => files::template(lookups, terms, kwargs),
        "fileglob" => files::fileglob(terms),
        "filetree" => files::filetree(terms, kwargs),
        "first_found" => files::first_found(terms, kwargs),
        "lines" | "pipe" => files::pipe(name, terms),
        "csvfile" => tables::csvfile(lookups, terms, kwargs),
        "ini" => tables::ini(lookups, terms, kwargs),
        "password" => password::password(terms, kwargs),
        "random_string" => password::random_string(kwargs),
        "url" => url::url(terms, kwargs),
        "config" => config(lookups, terms, kwargs),
        "random_choice" => {
            let items = terms.to_vec();
            let mut chance = super::filters::Chance::new(None)?;
            Ok(items.get(chance.index(items.len())).cloned().into_iter().collect())
        }
        "inventory_hostnames" => inventory_hostnames(terms),
        unknown => {
            let hint = clouder_lang::nearest(unknown, NAMES)
                .map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
            // Whatever is to be ignored, this is not.
            Err(Error::new(ErrorKind::UnknownFunction, format!("there is no lookup `{unknown}`{hint}")))
        }
    }
}

/// Settings, by name.
fn config(lookups: &Lookups, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let missing = kwargs.get::<Option<String>>("on_missing")?.unwrap_or_else(|| "error".to_owned());
    let mut found = Vec::new();
    for term in terms {
        let name = to_text(term);
        match crate::config::ALL.iter().find(|setting| setting.name == name) {
            Some(setting) => found.push(super::from_json(lookups.config.get(setting).0.clone())),
            None if missing == "skip" || missing == "warn" => {}
            None => {
                let names = crate::config::ALL.iter().map(|setting| setting.name);
                let hint = clouder_lang::nearest(&name, names)
                    .map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
                return Err(wrong(format!("Unable to find setting {name}{hint}")));
            }
        }
    }
    Ok(found)
}

/// Options written into a term: `key file=users.csv col=2`.
fn options(term: &str) -> (String, Vec<(String, String)>) {
    let mut words = Vec::new();
    let mut options = Vec::new();
    for word in term.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                options.push((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
            }
            _ => words.push(word),
        }
    }
    (words.join(" "), options)
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

/// Combinations, in which elements that are lists are spread.
fn spread(combinations: &Value) -> Result<Vec<Value>, Error> {
    let spread = |combination: Value| {
        let elements: Vec<Value> = combination.try_iter()?.collect();
        Ok(Value::from(flat(&elements, 1)?))
    };
    combinations.try_iter()?.map(spread).collect()
}

fn dict(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        if term.kind() != ValueKind::Map {
            return Err(wrong(format!("with_dict expects a dict, not {}", super::python::type_name(term))));
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
    let scope = scope().ok_or_else(|| wrong("there are no variables here"))?;
    let value = |term: &Value| {
        let name = to_text(term);
        match Arc::clone(&scope).variable(&name) {
            Some(Ok(value)) => Ok(value),
            // It is an error where it is used, and keeps its place.
            Some(Err(error)) => Ok(super::failed(error)),
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
        let pattern = term.as_str().ok_or_else(|| wrong(format!("`{}` is no pattern", to_text(term))))?;
        let regex = super::filters::compile_regex(pattern, false, false)?;
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
    let pairs = super::filters::subelements(list, path, Some(skip), none)?;
    let path: Vec<String> = to_text(path).split('.').map(str::to_owned).collect();
    // Unlike the filter, the lookup takes the elements out of where they were.
    pairs
        .try_iter()?
        .map(|pair| {
            let (item, element) = (pair.get_item_by_index(0)?, pair.get_item_by_index(1)?);
            Ok(Value::from(vec![without(&item, &path), element]))
        })
        .collect()
}

/// A mapping without what is at a path within it.
fn without(mapping: &Value, path: &[String]) -> Value {
    let Some((first, rest)) = path.split_first() else { return mapping.clone() };
    let kept =
        super::python::pairs(mapping).unwrap_or_default().into_iter().filter_map(|(key, value)| {
            match (to_text(&key) == *first, rest.is_empty()) {
                (true, true) => None,
                (true, false) => Some((key, without(&value, rest))),
                (false, _) => Some((key, value)),
            }
        });
    Value::from_pairs(kept)
}

/// The hosts of the groups that are named.
fn inventory_hostnames(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let scope: Arc<dyn super::Scope> = scope().ok_or_else(|| wrong("there are no variables here"))?;
    let groups = Arc::clone(&scope).variable("groups").and_then(Result::ok).unwrap_or_default();
    let all = groups.get_attr("all")?;
    let mut found: Vec<Value> = Vec::new();
    for term in terms {
        for name in to_text(term).split([':', ',']) {
            let (name, exclude) = name.strip_prefix('!').map_or((name, false), |name| (name, true));
            let members = groups.get_attr(name).unwrap_or_default();
            let members: Vec<Value> = if !members.is_undefined() {
                members.try_iter()?.collect()
            } else if contains(&all, &Value::from(name))? {
                vec![Value::from(name)]
            } else {
                Vec::new()
            };
            if exclude {
                found.retain(|host| !members.contains(host));
            } else {
                found.extend(members.into_iter().filter(|host| !found.contains(host)).collect::<Vec<_>>());
            }
        }
    }
    Ok(found)
}
