//! Filters of community.general that work on lists and mappings.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use std::cmp::Ordering;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

use super::{elements, wrong};
use crate::template::python::{Seen, equal, mapping_pairs, pairs, sorted};
use crate::template::to_text;
use crate::template::versions::{self, Rules};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("dict", |list: &Value| mapping_pairs(list).map(Value::from_pairs));
    environment.add_filter("dict_kv", |value: &Value, key: &Value| {
        Value::from_pairs([(key.clone(), value.clone())])
    });
    environment.add_filter("counter", counter);
    environment.add_filter("groupby_as_dict", groupby_as_dict);
    environment.add_filter("lists_union", |first: &Value, others: Rest<Value>, _: Kwargs| {
        let mut seen = Seen::default();
        let mut found = Vec::new();
        for list in std::iter::once(first).chain(others.iter()) {
            found.extend(elements("lists_union", list)?.into_iter().filter(|item| seen.insert(item.clone())));
        }
        Ok::<_, Error>(Value::from(found))
    });
    environment.add_filter("lists_intersect", |first: &Value, others: Rest<Value>, _: Kwargs| {
        folded("lists_intersect", first, &others, |item, other| other.has(item))
    });
    environment.add_filter("lists_difference", |first: &Value, others: Rest<Value>, _: Kwargs| {
        folded("lists_difference", first, &others, |item, other| !other.has(item))
    });
    environment.add_filter("keep_keys", |list: &Value, kwargs: Kwargs| by_keys(list, &kwargs, true));
    environment.add_filter("remove_keys", |list: &Value, kwargs: Kwargs| by_keys(list, &kwargs, false));
    environment.add_filter("version_sort", |list: &Value, reverse: Option<bool>| {
        let mut items = sorted(elements("version_sort", list)?, &mut |one: &Value, two: &Value| {
            versions::compare(&to_text(one), &to_text(two), Rules::Loose).unwrap_or(Ordering::Equal)
        });
        if reverse.unwrap_or(false) {
            items.reverse();
        }
        Ok::<_, Error>(Value::from(items))
    });
    environment.add_filter("lists_mergeby", lists_mergeby);
    environment.add_filter("from_csv", from_csv);
}

/// How often each element is there.
fn counter(list: &Value) -> Result<Value, Error> {
    let mut counts: Vec<(Value, usize)> = Vec::new();
    for item in elements("counter", list)? {
        match counts.iter_mut().find(|(known, _)| equal(known, &item)) {
            Some((_, count)) => *count += 1,
            None => counts.push((item, 1)),
        }
    }
    Ok(Value::from_pairs(counts.into_iter().map(|(item, count)| (item, Value::from(count)))))
}

fn groupby_as_dict(list: &Value, attribute: &str) -> Result<Value, Error> {
    let mut grouped: Vec<(Value, Value)> = Vec::new();
    for item in elements("groupby_as_dict", list)? {
        let key = item.get_attr(attribute)?;
        if key.is_undefined() {
            return Err(wrong(format!("Attribute {attribute} is not contained in an element")));
        }
        if grouped.iter().any(|(known, _)| equal(known, &key)) {
            return Err(wrong(format!("Multiple sequence entries have attribute value {}", to_text(&key))));
        }
        grouped.push((key, item));
    }
    Ok(Value::from_pairs(grouped))
}

fn folded(
    name: &str,
    first: &Value,
    others: &[Value],
    keep: impl Fn(&Value, &Seen) -> bool,
) -> Result<Value, Error> {
    let mut seen = Seen::default();
    let mut items: Vec<Value> =
        elements(name, first)?.into_iter().filter(|item| seen.insert(item.clone())).collect();
    for other in others {
        let other: Seen = elements(name, other)?.into_iter().collect();
        items.retain(|item| keep(item, &other));
    }
    Ok(Value::from(items))
}

/// Keeps or removes keys of the mappings in a list.
fn by_keys(list: &Value, kwargs: &Kwargs, keep: bool) -> Result<Value, Error> {
    let target = kwargs.get::<Value>("target")?;
    let how = kwargs.get::<Option<String>>("matching_parameter")?.unwrap_or_else(|| "equal".to_owned());
    kwargs.assert_all_used()?;
    let targets: Vec<String> = match target.as_str() {
        Some(target) => vec![target.to_owned()],
        None => elements("target", &target)?.iter().map(to_text).collect(),
    };
    let matches = |key: &str| -> Result<bool, Error> {
        for target in &targets {
            let fits = match how.as_str() {
                "equal" => key == target,
                "starts_with" => key.starts_with(target.as_str()),
                "ends_with" => key.ends_with(target.as_str()),
                "regex" => super::compile_regex(target, false, false)?
                    .is_match(key)
                    .map_err(|error| wrong(error.to_string()))?,
                other => return Err(wrong(format!("there is no matching_parameter `{other}`"))),
            };
            if fits {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let mut kept = Vec::new();
    for item in elements("keep_keys", list)? {
        let mut entries = Vec::new();
        for (key, value) in pairs(&item)? {
            if matches(&to_text(&key))? == keep {
                entries.push((key, value));
            }
        }
        kept.push(Value::from_pairs(entries));
    }
    Ok(Value::from(kept))
}

/// Merges the mappings of lists that have the same value under a key.
fn lists_mergeby(first: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let recursive = kwargs.get::<Option<bool>>("recursive")?.unwrap_or(false);
    let lists = kwargs.get::<Option<String>>("list_merge")?.unwrap_or_else(|| "replace".to_owned());
    kwargs.assert_all_used()?;
    let Some((index, others)) = args.split_last() else { return Err(wrong("lists_mergeby needs a key")) };
    let index = to_text(index);
    let mut merged: Vec<(Value, Value)> = Vec::new();
    let mut all = Vec::new();
    if others.is_empty() {
        for list in elements("lists_mergeby", first)? {
            all.extend(elements("lists_mergeby", &list)?);
        }
    }
    for list in std::iter::once(first).chain(others).filter(|_| !others.is_empty()) {
        all.extend(elements("lists_mergeby", list)?);
    }
    for item in all {
        let key = item.get_attr(&index)?;
        if key.is_undefined() {
            continue;
        }
        match merged.iter_mut().find(|(known, _)| equal(known, &key)) {
            Some((_, old)) => *old = super::merge(old, &item, recursive, &lists)?,
            None => merged.push((key, item)),
        }
    }
    crate::template::python::sort(&mut merged, false)?;
    Ok(Value::from(merged.into_iter().map(|(_, item)| item).collect::<Vec<_>>()))
}

/// The lines of a table as mappings.
fn from_csv(text: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let delimiter = kwargs.get::<Option<String>>("delimiter")?;
    let names = kwargs.get::<Option<Vec<String>>>("fieldnames")?;
    let trim = kwargs.get::<Option<bool>>("skipinitialspace")?.unwrap_or(false);
    for ignored in ["dialect", "strict"] {
        kwargs.get::<Option<Value>>(ignored)?;
    }
    kwargs.assert_all_used()?;
    let delimiter = delimiter.and_then(|delimiter| delimiter.chars().next()).unwrap_or(',');
    let mut rows = crate::template::table::rows(&to_text(text), delimiter).into_iter();
    let names = match names {
        Some(names) => names,
        None => rows.next().unwrap_or_default(),
    };
    let row = |row: Vec<String>| {
        let fields = row.into_iter().map(|field| if trim { field.trim_start().to_owned() } else { field });
        Value::from_pairs(names.iter().cloned().zip(fields))
    };
    Ok(Value::from(rows.map(row).collect::<Vec<_>>()))
}
