//! Filters that pick from lists and change all of their elements: they call other filters and tests by name, and see what
//! is missing.

use minijinja::value::Tuple;
use minijinja::{Error, Value};

use super::calls::Arguments;
use super::{Fault, Flow, Interpreter};
use crate::template::python::{self, List, Missing, is_missing, raise};
use crate::template::to_text;

impl Interpreter<'_> {
    /// Applies a filter, if it is one of those that are done here.
    pub(super) fn native_filter(
        &mut self,
        name: &str,
        value: &Value,
        arguments: &Arguments,
    ) -> Option<Flow<Value>> {
        let most = match name {
            "first" | "last" | "list" | "length" | "count" => Some(0),
            "attr" => Some(1),
            "default" | "d" | "unique" | "min" | "max" | "sum" | "join" | "batch" | "slice" => Some(2),
            "sort" | "groupby" => Some(3),
            _ => None,
        };
        if let Some(most) = most.filter(|most| arguments.positional.len() > *most) {
            let given = arguments.positional.len();
            return Some(Err(Fault::new(format!(
                "`{name}` takes at most {most} arguments, {given} were given"
            ))));
        }
        Some(match name {
            "default" | "d" => default(value, arguments),
            "map" => self.map(value, arguments),
            "select" | "reject" => self.select(value, arguments, name == "select"),
            "selectattr" | "rejectattr" => self.select_attribute(value, arguments, name == "selectattr"),
            "first" | "last" => end_of(name, value),
            "list" => python::iterate(value).map(List::value).map_err(Into::into),
            "length" | "count" => length(value).map_err(Into::into),
            "sort" => sort(value, arguments),
            "unique" => unique(value, arguments),
            "min" | "max" => extreme(name, value, arguments),
            "sum" => sum(value, arguments),
            "groupby" => group(value, arguments),
            "format" => format(value, arguments).map_err(Into::into),
            "join" => join(value, arguments),
            "batch" => batch(value, arguments),
            "slice" => slice(value, arguments),
            "attr" => attribute(value, arguments),
            _ => return None,
        })
    }

    fn map(&mut self, value: &Value, arguments: &Arguments) -> Flow<Value> {
        let items = python::iterate(value)?;
        let mut mapped = Vec::with_capacity(items.len());
        // Beside the name of a filter, `attribute` belongs to that one.
        let attribute = arguments.named.iter().find(|(name, _)| name == "attribute");
        if let Some((_, path)) = attribute.filter(|_| arguments.positional.is_empty()) {
            let default = arguments.named.iter().find(|(name, _)| name == "default").map(|(_, value)| value);
            let default = default.filter(|default| !default.is_none());
            if let Some((name, _)) =
                arguments.named.iter().find(|(name, _)| !matches!(name.as_str(), "attribute" | "default"))
            {
                return Err(Fault::new(format!("Unexpected keyword argument '{name}'")));
            }
            for item in &items {
                let found = at_path(item, path)?;
                mapped.push(match default {
                    Some(default) if is_missing(&found) => default.clone(),
                    _ => found,
                });
            }
            return Ok(List::value(mapped));
        }
        let (filter, rest) = named_first(arguments, "map requires a filter argument")?;
        for item in items {
            mapped.push(self.apply(&filter, item, &rest)?);
        }
        Ok(List::value(mapped))
    }

    fn select(&mut self, value: &Value, arguments: &Arguments, wanted: bool) -> Flow<Value> {
        let test = if arguments.positional.is_empty() { None } else { Some(named_first(arguments, "")?) };
        let mut kept = Vec::new();
        for item in python::iterate(value)? {
            let holds = match &test {
                Some((test, rest)) => self.check(test, item.clone(), rest)?,
                None if is_missing(&item) => return Err(Fault::missing(&item)),
                None => item.is_true(),
            };
            if holds == wanted {
                kept.push(item);
            }
        }
        Ok(List::value(kept))
    }

    fn select_attribute(&mut self, value: &Value, arguments: &Arguments, wanted: bool) -> Flow<Value> {
        let Some((path, rest)) = arguments.positional.split_first() else {
            return Err(Fault::new("Missing parameter for attribute name"));
        };
        let rest = Arguments { positional: rest.to_vec(), named: arguments.named.clone() };
        let test = if rest.positional.is_empty() { None } else { Some(named_first(&rest, "")?) };
        let mut kept = Vec::new();
        for item in python::iterate(value)? {
            let found = at_path(&item, path)?;
            let holds = match &test {
                Some((test, rest)) => self.check(test, found, rest)?,
                None if is_missing(&found) => return Err(Fault::missing(&found)),
                None => found.is_true(),
            };
            if holds == wanted {
                kept.push(item);
            }
        }
        Ok(List::value(kept))
    }
}

/// The name of a filter or test, and its own arguments.
fn named_first(arguments: &Arguments, otherwise: &str) -> Flow<(String, Arguments)> {
    let Some((name, rest)) = arguments.positional.split_first() else { return Err(Fault::new(otherwise)) };
    Ok((to_text(name), Arguments { positional: rest.to_vec(), named: arguments.named.clone() }))
}

/// What is at `a.b.0` within a value.
fn at_path(value: &Value, path: &Value) -> Flow<Value> {
    let Some(path) = path.as_str() else {
        return Ok(if is_missing(value) { value.clone() } else { python::item(value, path)? });
    };
    let mut found = value.clone();
    for part in path.split('.') {
        if is_missing(&found) {
            break;
        }
        found = match part.parse::<i64>() {
            Ok(index) => python::item(&found, &Value::from(index))?,
            Err(_) => python::item(&found, &Value::from(part))?,
        };
    }
    Ok(found)
}

/// What is at a path, which must be there.
fn at_present_path(value: &Value, path: Option<&Value>) -> Flow<Value> {
    let found = match path {
        Some(path) => at_path(value, path)?,
        None => value.clone(),
    };
    if is_missing(&found) { Err(Fault::missing(&found)) } else { Ok(found) }
}

fn default(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let other = arguments.get(0, "default_value").unwrap_or_else(|| Value::from(""));
    let falsy_too = match arguments.get(1, "boolean") {
        Some(flag) if is_missing(&flag) => return Err(Fault::missing(&flag)),
        flag => flag.is_some_and(|flag| flag.is_true()),
    };
    if let Some(missing) = value.downcast_object_ref::<Missing>() {
        return if missing.is_undefined() { Ok(other) } else { Err(Fault::missing(value)) };
    }
    Ok(if value.is_undefined() || (falsy_too && !value.is_true()) { other } else { value.clone() })
}

fn end_of(which: &str, value: &Value) -> Flow<Value> {
    let items = python::iterate(value)?;
    let found = if which == "first" { items.first() } else { items.last() };
    Ok(found.cloned().unwrap_or_else(|| Missing::because(format!("No {which} item, sequence was empty."))))
}

fn length(value: &Value) -> Result<Value, Error> {
    let count = match value.as_str() {
        Some(text) => Some(text.chars().count()),
        None if python::is_list(value) || python::is_mapping(value) => {
            value.len().or_else(|| python::iterate(value).ok().map(|items| items.len()))
        }
        None => None,
    };
    count
        .map(Value::from)
        .ok_or_else(|| raise(format!("object of type '{}' has no len()", python::type_name(value))))
}

/// A value as it is compared when case does not count.
fn folded(value: Value, case_sensitive: bool) -> Value {
    match value.as_str() {
        Some(text) if !case_sensitive => Value::from(text.to_lowercase()),
        _ => value,
    }
}

fn flag(arguments: &Arguments, position: usize, name: &str) -> bool {
    arguments.get(position, name).is_some_and(|flag| flag.is_true())
}

fn sort(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let reverse = flag(arguments, 0, "reverse");
    let case_sensitive = flag(arguments, 1, "case_sensitive");
    let attribute = arguments.get(2, "attribute").filter(|attribute| !attribute.is_none());
    let paths: Vec<Value> = match &attribute {
        Some(path) => match path.as_str() {
            Some(paths) => paths.split(',').map(|path| Value::from(path.trim())).collect(),
            None => vec![path.clone()],
        },
        None => Vec::new(),
    };
    let mut items = Vec::new();
    for item in python::iterate(value)? {
        let key = match paths.as_slice() {
            [] => folded(at_present_path(&item, None)?, case_sensitive),
            [path] => folded(at_present_path(&item, Some(path))?, case_sensitive),
            paths => {
                let keys = paths
                    .iter()
                    .map(|path| Ok(folded(at_present_path(&item, Some(path))?, case_sensitive)))
                    .collect::<Flow<Vec<_>>>()?;
                Value::from(keys)
            }
        };
        items.push((key, item));
    }
    python::sort(&mut items, reverse)?;
    Ok(List::value(items.into_iter().map(|(_, item)| item).collect()))
}

fn unique(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let case_sensitive = flag(arguments, 0, "case_sensitive");
    let attribute = arguments.get(1, "attribute").filter(|attribute| !attribute.is_none());
    let mut seen = python::Seen::default();
    let mut kept = Vec::new();
    for item in python::iterate(value)? {
        let key = folded(at_present_path(&item, attribute.as_ref())?, case_sensitive);
        if seen.insert(key) {
            kept.push(item);
        }
    }
    Ok(List::value(kept))
}

fn extreme(which: &str, value: &Value, arguments: &Arguments) -> Flow<Value> {
    let case_sensitive = flag(arguments, 0, "case_sensitive");
    let attribute = arguments.get(1, "attribute").filter(|attribute| !attribute.is_none());
    let mut best: Option<(Value, Value)> = None;
    for item in python::iterate(value)? {
        let key = folded(at_present_path(&item, attribute.as_ref())?, case_sensitive);
        let better = match &best {
            None => true,
            Some((known, _)) => {
                let order = if which == "min" { python::Order::Less } else { python::Order::Greater };
                python::compare(order, &key, known)?
            }
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or_else(|| Missing::because("No aggregated item, sequence was empty."), |(_, item)| item))
}

fn sum(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let attribute = arguments.get(0, "attribute").filter(|attribute| !attribute.is_none());
    let mut total = arguments.get(1, "start").unwrap_or_else(|| Value::from(0));
    if total.as_str().is_some() {
        return Err(Fault::new("sum() can't sum strings, `join` puts them together"));
    }
    for item in python::iterate(value)? {
        total = python::add(&total, &at_present_path(&item, attribute.as_ref())?)?;
    }
    Ok(total)
}

/// Pairs of what elements have in common and those elements, sorted.
fn group(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let path = arguments.get(0, "attribute").ok_or_else(|| Fault::new("groupby needs an attribute"))?;
    let default = arguments.get(1, "default").filter(|default| !default.is_none());
    let case_sensitive = flag(arguments, 2, "case_sensitive");
    let mut items = Vec::new();
    for item in python::iterate(value)? {
        let found = at_path(&item, &path)?;
        let key = match &default {
            Some(default) if is_missing(&found) => default.clone(),
            _ if is_missing(&found) => return Err(Fault::missing(&found)),
            _ => found,
        };
        items.push((folded(key.clone(), case_sensitive), Value::from(Tuple::from([key, item]))));
    }
    python::sort(&mut items, false)?;
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (folded, pair) in items {
        let (key, item) = (pair.get_item_by_index(0)?, pair.get_item_by_index(1)?);
        match groups.last_mut().filter(|(known, _, _)| python::equal(known, &folded)) {
            Some((_, _, members)) => members.push(item),
            None => groups.push((folded, key, vec![item])),
        }
    }
    let pair = |(_, key, members)| Value::from(Tuple::from([key, List::value(members)]));
    Ok(List::value(groups.into_iter().map(pair).collect()))
}

/// The texts of all elements, one behind the other.
fn join(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let separator = arguments.get(0, "d").map(|separator| to_text(&separator)).unwrap_or_default();
    let attribute = arguments.get(1, "attribute").filter(|attribute| !attribute.is_none());
    let mut texts = Vec::new();
    for item in python::iterate(value)? {
        texts.push(to_text(&at_present_path(&item, attribute.as_ref())?));
    }
    Ok(Value::from(texts.join(&separator)))
}

/// How many there are to be of something.
fn amount(filter: &str, given: Option<&Value>) -> Flow<usize> {
    let given = given.and_then(python::int_of).and_then(|given| usize::try_from(given).ok());
    given
        .filter(|given| *given > 0)
        .ok_or_else(|| Fault::new(format!("`{filter}` needs a number above zero")))
}

/// Rows of so many elements; what fills the last one may be given.
fn batch(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let length = amount("batch", arguments.get(0, "linecount").as_ref())?;
    let filling = arguments.get(1, "fill_with").filter(|filling| !filling.is_none());
    let mut rows: Vec<Vec<Value>> = python::iterate(value)?.chunks(length).map(<[Value]>::to_vec).collect();
    if let (Some(row), Some(filling)) = (rows.last_mut(), filling) {
        row.resize(length, filling);
    }
    Ok(List::value(rows.into_iter().map(List::value).collect()))
}

/// So many columns; what fills the shorter ones may be given.
fn slice(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let count = amount("slice", arguments.get(0, "slices").as_ref())?;
    let filling = arguments.get(1, "fill_with").filter(|filling| !filling.is_none());
    let items = python::iterate(value)?;
    let (length, longer) = (items.len() / count, items.len() % count);
    let mut rest = items.as_slice();
    let mut columns = Vec::new();
    for index in 0..count {
        let (column, others) = rest.split_at(length + usize::from(index < longer));
        rest = others;
        let filling = filling.iter().filter(|_| index >= longer).cloned();
        columns.push(List::value(column.iter().cloned().chain(filling).collect()));
    }
    Ok(List::value(columns))
}

/// An attribute, never an element.
fn attribute(value: &Value, arguments: &Arguments) -> Flow<Value> {
    let name = arguments.get(0, "name").ok_or_else(|| Fault::new("`attr` needs a name"))?;
    let name = to_text(&name);
    Ok(python::own_attribute(value, &name).unwrap_or_else(|| python::lacking(value, &format!("'{name}'"))))
}

/// `'%s' | format(value)`.
fn format(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let Arguments { positional, named } = arguments;
    if !positional.is_empty() && !named.is_empty() {
        return Err(raise("can't handle positional and keyword arguments at the same time"));
    }
    let filling = if named.is_empty() {
        Value::from(Tuple::from(positional.clone()))
    } else {
        Value::from_pairs(named.iter().map(|(name, value)| (name.as_str(), value.clone())))
    };
    python::percent(&to_text(value), &filling).map(Value::from)
}
