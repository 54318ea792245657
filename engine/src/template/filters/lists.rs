//! Filters of lists and mappings.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::{elements, taken, wrong};
use crate::template::python::{Seen, int_of, is_list, is_missing, type_name};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("combine", combine);
    environment.add_filter("dict2items", dict2items);
    environment.add_filter("items2dict", items2dict);
    environment.add_filter("flatten", flatten);
    environment
        .add_filter("difference", |one: &Value, two: &Value| sets("difference", one, two, |in_two| !in_two));
    environment
        .add_filter("intersect", |one: &Value, two: &Value| sets("intersect", one, two, |in_two| in_two));
    environment.add_filter("union", union);
    environment.add_filter("symmetric_difference", symmetric_difference);
    environment.add_filter("extract", extract);
    environment.add_filter("subelements", subelements);
    environment.add_filter("product", |first: &Value, others: Rest<Value>, kwargs: Kwargs| {
        let repeat = kwargs.get::<Option<usize>>("repeat")?.unwrap_or(1);
        kwargs.assert_all_used()?;
        let lists: Vec<Value> = std::iter::once(first.clone()).chain(others.iter().cloned()).collect();
        let lists: Vec<Value> = std::iter::repeat_n(lists, repeat).flatten().collect();
        match lists.split_first() {
            Some((first, others)) => product(first, Rest(others.to_vec())),
            None => Ok(Value::from(vec![Value::from(Vec::<Value>::new())])),
        }
    });
    environment.add_filter("permutations", |list: &Value, length: Option<usize>| {
        let items = elements("permutations", list)?;
        let length = length.unwrap_or(items.len());
        picks(&items, length, false)
    });
    environment.add_filter("combinations", |list: &Value, length: usize| {
        picks(&elements("combinations", list)?, length, true)
    });
    environment.add_filter("zip", |first: &Value, others: Rest<Value>, kwargs: Kwargs| {
        let strict = kwargs.get::<Option<bool>>("strict")?.unwrap_or(false);
        kwargs.assert_all_used()?;
        let lists = std::iter::once(first)
            .chain(others.iter())
            .map(|list| elements("zip", list))
            .collect::<Result<Vec<_>, _>>()?;
        let length = lists.iter().map(Vec::len).min().unwrap_or(0);
        if strict && lists.iter().any(|list| list.len() != length) {
            return Err(wrong("zip() arguments have different lengths"));
        }
        let row =
            |index: usize| Value::from(lists.iter().map(|list| list[index].clone()).collect::<Vec<_>>());
        Ok::<_, Error>(Value::from((0..length).map(row).collect::<Vec<_>>()))
    });
    environment.add_filter("rekey_on_member", rekey_on_member);
    environment.add_filter("dictsort", dictsort);
    environment.add_filter("zip_longest", zip_longest);
}

/// `a | combine(b, c, recursive=false, list_merge='replace')`.
fn combine(first: &Value, others: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let recursive = kwargs.get::<Option<bool>>("recursive")?.unwrap_or(false);
    let lists = kwargs.get::<Option<String>>("list_merge")?.unwrap_or_else(|| "replace".to_owned());
    kwargs.assert_all_used()?;
    let mut mappings = Vec::new();
    for value in std::iter::once(first).chain(others.iter()) {
        match value.kind() {
            ValueKind::Map => mappings.push(value.clone()),
            ValueKind::Seq => mappings.extend(value.try_iter()?.filter(|inner| !inner.is_none())),
            ValueKind::None => {}
            _ => {
                return Err(wrong(format!("`combine` needs mappings, not {}", type_name(value))));
            }
        }
    }
    let mut combined = Value::from_pairs(std::iter::empty::<(Value, Value)>());
    for mapping in mappings {
        if mapping.kind() != ValueKind::Map {
            return Err(wrong(format!("`combine` needs mappings, not {}", type_name(&mapping))));
        }
        combined = merge(&combined, &mapping, recursive, &lists)?;
    }
    Ok(combined)
}

pub(in crate::template) fn merge(
    old: &Value,
    new: &Value,
    recursive: bool,
    lists: &str,
) -> Result<Value, Error> {
    let mut merged: Vec<(Value, Value)> = pairs(old)?;
    for (key, value) in pairs(new)? {
        let Some(slot) = merged.iter_mut().find(|(known, _)| *known == key) else {
            merged.push((key, value));
            continue;
        };
        slot.1 = match (slot.1.kind(), value.kind()) {
            (ValueKind::Map, ValueKind::Map) if recursive => merge(&slot.1, &value, true, lists)?,
            (ValueKind::Seq, ValueKind::Seq) => merge_lists(&slot.1, &value, lists)?,
            _ => value,
        };
    }
    Ok(Value::from_pairs(merged))
}

fn merge_lists(old: &Value, new: &Value, how: &str) -> Result<Value, Error> {
    let (old, new): (Vec<Value>, Vec<Value>) = (old.try_iter()?.collect(), new.try_iter()?.collect());
    let without = |list: &[Value], others: &[Value]| {
        list.iter().filter(|item| !others.contains(item)).cloned().collect::<Vec<_>>()
    };
    Ok(Value::from(match how {
        "replace" => new,
        "keep" => old,
        "append" => [old, new].concat(),
        "prepend" => [new, old].concat(),
        "append_rp" => [without(&old, &new), new].concat(),
        "prepend_rp" => [new.clone(), without(&old, &new)].concat(),
        other => return Err(wrong(format!("`combine` has no list_merge `{other}`"))),
    }))
}

fn pairs(mapping: &Value) -> Result<Vec<(Value, Value)>, Error> {
    mapping.try_iter()?.map(|key| Ok((key.clone(), mapping.get_item(&key)?))).collect()
}

fn dict2items(mapping: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let [key_name, value_name] = taken(["key_name", "value_name"], &args, &kwargs)?;
    let key_name = key_name.unwrap_or_else(|| Value::from("key"));
    let value_name = value_name.unwrap_or_else(|| Value::from("value"));
    if mapping.kind() != ValueKind::Map {
        return Err(wrong(format!("dict2items requires a dictionary, got {} instead.", type_name(mapping))));
    }
    let item = |(key, value)| Value::from_pairs([(key_name.clone(), key), (value_name.clone(), value)]);
    Ok(Value::from(pairs(mapping)?.into_iter().map(item).collect::<Vec<_>>()))
}

fn items2dict(items: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let [key_name, value_name] = taken(["key_name", "value_name"], &args, &kwargs)?;
    let key_name = key_name.unwrap_or_else(|| Value::from("key"));
    let value_name = value_name.unwrap_or_else(|| Value::from("value"));
    if !is_list(items) {
        return Err(wrong(format!("items2dict requires a list, got {} instead.", type_name(items))));
    }
    let part = |item: &Value, name: &Value| {
        let found = crate::template::python::item(item, name)?;
        if is_missing(&found) {
            let words = "items2dict requires each dictionary in the list to contain the keys";
            return Err(wrong(format!("{words} '{}' and '{}'", to_text(&key_name), to_text(&value_name))));
        }
        Ok(found)
    };
    let pair = |item: Value| Ok((part(&item, &key_name)?, part(&item, &value_name)?));
    let found = elements("items2dict", items)?.into_iter().map(pair).collect::<Result<Vec<_>, Error>>()?;
    Ok(Value::from_pairs(found))
}

fn flatten(list: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let [levels, skip_nulls] = taken(["levels", "skip_nulls"], &args, &kwargs)?;
    let levels = levels.as_ref().and_then(int_of).unwrap_or(i128::MAX);
    let skip_nulls = skip_nulls.is_none_or(|skip| skip.is_true());
    let mut flat = Vec::new();
    into_flat(list, levels, skip_nulls, &mut flat)?;
    Ok(Value::from(flat))
}

fn into_flat(list: &Value, levels: i128, skip_nulls: bool, flat: &mut Vec<Value>) -> Result<(), Error> {
    for item in elements("flatten", list)? {
        // Words for nothing are nothing, too.
        if skip_nulls && (item.is_none() || matches!(item.as_str(), Some("None" | "null"))) {
            continue;
        }
        if matches!(item.kind(), ValueKind::Seq | ValueKind::Iterable) && levels > 0 {
            into_flat(&item, levels - 1, skip_nulls, flat)?;
        } else {
            flat.push(item);
        }
    }
    Ok(())
}

fn unique(items: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut seen = Seen::default();
    items.into_iter().filter(|item| seen.insert(item.clone())).collect()
}

fn sets(name: &str, one: &Value, two: &Value, keep: impl Fn(bool) -> bool) -> Result<Value, Error> {
    let two: Seen = elements(name, two)?.into_iter().collect();
    Ok(Value::from(unique(elements(name, one)?.into_iter().filter(|item| keep(two.has(item))))))
}

fn union(one: &Value, two: &Value) -> Result<Value, Error> {
    Ok(Value::from(unique(elements("union", one)?.into_iter().chain(elements("union", two)?))))
}

fn symmetric_difference(one: &Value, two: &Value) -> Result<Value, Error> {
    let (first, second) = (elements("symmetric_difference", one)?, elements("symmetric_difference", two)?);
    let only = |list: &[Value], other: &[Value]| {
        let other: Seen = other.iter().cloned().collect();
        list.iter().filter(|item| !other.has(item)).cloned().collect::<Vec<_>>()
    };
    Ok(Value::from(unique(only(&first, &second).into_iter().chain(only(&second, &first)))))
}

/// How many combinations there may be.
const MOST: usize = 1_000_000;

/// Every choice of so many elements; in every order, unless the order is that of the list.
fn picks(items: &[Value], length: usize, ordered: bool) -> Result<Value, Error> {
    let mut found: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        let mut longer = Vec::new();
        for pick in &found {
            let first = if ordered { pick.last().map_or(0, |last| last + 1) } else { 0 };
            for index in (first..items.len()).filter(|index| !pick.contains(index)) {
                longer.push([pick.as_slice(), &[index]].concat());
            }
        }
        if longer.len() > MOST {
            return Err(wrong("there are too many combinations"));
        }
        found = longer;
    }
    let pick = |indices: Vec<usize>| {
        Value::from(indices.into_iter().map(|index| items[index].clone()).collect::<Vec<_>>())
    };
    Ok(Value::from(found.into_iter().map(pick).collect::<Vec<_>>()))
}

/// A mapping of elements by one of their members.
fn rekey_on_member(list: &Value, member: &str, kwargs: Kwargs) -> Result<Value, Error> {
    let duplicates = kwargs.get::<Option<String>>("duplicates")?.unwrap_or_else(|| "error".to_owned());
    kwargs.assert_all_used()?;
    if !matches!(duplicates.as_str(), "error" | "overwrite") {
        return Err(wrong(format!(
            "duplicates parameter to rekey_on_member has unknown value: {duplicates}"
        )));
    }
    let items = match list.kind() {
        ValueKind::Map => pairs(list)?.into_iter().map(|(_, value)| value).collect(),
        _ => elements("rekey_on_member", list)?,
    };
    let mut rekeyed: Vec<(Value, Value)> = Vec::new();
    for item in items {
        if item.kind() != ValueKind::Map {
            return Err(wrong("List item is not a valid dict"));
        }
        let key = item.get_attr(member)?;
        if key.is_undefined() {
            return Err(wrong(format!("Key {member} was not found")));
        }
        match rekeyed.iter_mut().find(|(known, _)| *known == key) {
            Some(_) if duplicates == "error" => {
                return Err(wrong(format!(
                    "Key {} is not unique, cannot correctly turn into dict",
                    to_text(&key)
                )));
            }
            Some(slot) => slot.1 = item,
            None => rekeyed.push((key, item)),
        }
    }
    Ok(Value::from_pairs(rekeyed))
}

/// `dictsort(case_sensitive=false, by='key', reverse=false)`.
fn dictsort(
    mapping: &Value,
    case_sensitive: Option<bool>,
    by: Option<String>,
    reverse: Option<bool>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let case_sensitive = kwargs.get::<Option<bool>>("case_sensitive")?.or(case_sensitive).unwrap_or(false);
    let by = kwargs.get::<Option<String>>("by")?.or(by).unwrap_or_else(|| "key".to_owned());
    let reverse = kwargs.get::<Option<bool>>("reverse")?.or(reverse).unwrap_or(false);
    kwargs.assert_all_used()?;
    if !matches!(by.as_str(), "key" | "value") {
        return Err(wrong("You can only sort by either \"key\" or \"value\""));
    }
    if mapping.kind() != ValueKind::Map {
        return Err(wrong(format!("'{}' object has no attribute 'items'", type_name(mapping))));
    }
    let mut items: Vec<(Value, Value)> = pairs(mapping)?
        .into_iter()
        .map(|(key, value)| {
            let sorted_by = if by == "value" { value.clone() } else { key.clone() };
            let sorted_by = match sorted_by.as_str() {
                Some(text) if !case_sensitive => Value::from(text.to_lowercase()),
                _ => sorted_by,
            };
            (sorted_by, Value::from(minijinja::value::Tuple::from([key, value])))
        })
        .collect();
    crate::template::python::sort(&mut items, reverse)?;
    Ok(Value::from(items.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>()))
}

/// `key | extract(container, morekeys)`.
fn extract(key: &Value, container: &Value, more: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    use crate::template::python::item;
    let more = kwargs.get::<Option<Value>>("morekeys")?.or(more).filter(|more| !more.is_none());
    kwargs.assert_all_used()?;
    let mut value = item(container, key)?;
    if let Some(more) = more {
        let keys = if more.kind() == ValueKind::Seq { more.try_iter()?.collect() } else { vec![more] };
        for key in keys {
            if is_missing(&value) {
                break;
            }
            value = item(&value, &key)?;
        }
    }
    Ok(value)
}

/// Pairs of each element and each of the elements below one of its keys.
pub(in crate::template) fn subelements(
    list: &Value,
    path: &Value,
    skip_missing: Option<bool>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let skip = kwargs.get::<Option<bool>>("skip_missing")?.or(skip_missing).unwrap_or(false);
    kwargs.assert_all_used()?;
    let keys: Vec<String> = match path.as_str() {
        Some(path) => path.split('.').map(str::to_owned).collect(),
        None => path.try_iter()?.map(|key| to_text(&key)).collect(),
    };
    let items = match list.kind() {
        ValueKind::Map => pairs(list)?.into_iter().map(|(_, value)| value).collect(),
        _ => elements("subelements", list)?,
    };
    let mut found = Vec::new();
    for item in items {
        let mut below = item.clone();
        for key in &keys {
            below = below.get_attr(key).unwrap_or_default();
        }
        if below.is_undefined() || below.is_none() {
            if skip {
                continue;
            }
            return Err(wrong(format!(
                "could not find '{}' key in iterated item '{}'",
                keys.join("."),
                to_text(&item)
            )));
        }
        if !is_list(&below) {
            return Err(wrong(format!(
                "the key '{}' should point to a list, got {}",
                keys.join("."),
                to_text(&below)
            )));
        }
        for inner in elements("subelements", &below)? {
            found.push(Value::from(vec![item.clone(), inner]));
        }
    }
    Ok(Value::from(found))
}

/// Every combination of one element of each list.
pub(in crate::template) fn product(first: &Value, others: Rest<Value>) -> Result<Value, Error> {
    let mut combinations = vec![Vec::new()];
    for list in std::iter::once(first).chain(others.iter()) {
        let items = elements("product", list)?;
        if combinations.len().saturating_mul(items.len()) > MOST {
            return Err(wrong("there are too many combinations"));
        }
        combinations = combinations
            .into_iter()
            .flat_map(|head: Vec<Value>| {
                items.iter().map(move |item| [head.clone(), vec![item.clone()]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    Ok(Value::from(combinations.into_iter().map(Value::from).collect::<Vec<_>>()))
}

/// Elements of lists side by side, as long as the longest.
pub(in crate::template) fn zip_longest(
    first: &Value,
    others: Rest<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let fill = kwargs.get::<Option<Value>>("fillvalue")?.unwrap_or_else(|| Value::from(()));
    kwargs.assert_all_used()?;
    let lists = std::iter::once(first)
        .chain(others.iter())
        .map(|list| elements("zip_longest", list))
        .collect::<Result<Vec<_>, _>>()?;
    let length = lists.iter().map(Vec::len).max().unwrap_or(0);
    let row = |index: usize| {
        Value::from(lists.iter().map(|list| list.get(index).unwrap_or(&fill).clone()).collect::<Vec<_>>())
    };
    Ok(Value::from((0..length).map(row).collect::<Vec<_>>()))
}
