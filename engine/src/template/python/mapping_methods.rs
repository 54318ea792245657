//! Methods of mappings.

use minijinja::value::{Kwargs, Tuple};
use minijinja::{Error, Value};

use super::access::{frozen, holds};
use super::containers::{Dict, List, is_hashable};
use super::{is_mapping, iterate, pairs, raise, type_name};
use crate::template::text::representation;

/// What mappings have.
pub(super) const NAMES: [&str; 11] =
    ["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

/// `mapping.name(args)`, or none when mappings have no such method.
pub(super) fn call(map: &Value, name: &str, args: &[Value], named: &Kwargs) -> Option<Result<Value, Error>> {
    let first = args.first();
    let second = || args.get(1).cloned().unwrap_or_else(|| Value::from(()));
    Some(match (name, first) {
        ("keys", None) => iterate(map).map(List::value),
        ("values", None) => {
            pairs(map).map(|pairs| List::value(pairs.into_iter().map(|(_, value)| value).collect()))
        }
        ("items", None) => pairs(map).map(|pairs| {
            List::value(
                pairs.into_iter().map(|(key, value)| Value::from(Tuple::from([key, value]))).collect(),
            )
        }),
        ("get", Some(key)) => {
            super::item(map, key).map(|found| if super::is_missing(&found) { second() } else { found })
        }
        ("get" | "setdefault" | "pop", None) => {
            Err(raise(format!("{name} expected at least 1 argument, got 0")))
        }
        ("copy", None) => pairs(map).map(Dict::value),
        ("fromkeys", Some(keys)) => {
            iterate(keys).map(|keys| Dict::value(keys.into_iter().map(|key| (key, second()))))
        }
        ("update" | "setdefault" | "pop" | "popitem" | "clear" | "__setitem__" | "__delitem__", _) => {
            match map.downcast_object_ref::<Dict>() {
                Some(held) => change(map, held, name, args, named),
                None => Err(frozen(map)),
            }
        }
        _ => return None,
    })
}

fn change(map: &Value, held: &Dict, name: &str, args: &[Value], named: &Kwargs) -> Result<Value, Error> {
    let first = args.first().cloned().unwrap_or_default();
    let second = || args.get(1).cloned();
    let put = |value: &Value| {
        if holds(value, map) { Err(raise("a mapping cannot hold itself")) } else { Ok(()) }
    };
    let check = |key: &Value| {
        let wrong = || raise(format!("unhashable type: '{}'", type_name(key)));
        if is_hashable(key) { Ok(()) } else { Err(wrong()) }
    };
    if name != "update" {
        check(&first)?;
    }
    match name {
        "update" => {
            let mut more = if args.is_empty() { Vec::new() } else { mapping_pairs(&first)? };
            for key in named.args() {
                more.push((Value::from(key), named.get(key)?));
            }
            more.iter().try_for_each(|(key, value)| check(key).and_then(|()| put(value)))?;
            held.entries().extend(more);
        }
        "setdefault" => {
            let usual = second().unwrap_or_else(|| Value::from(()));
            put(&usual)?;
            return Ok(held.entries().entry(first).or_insert(usual).clone());
        }
        "pop" => {
            let gone = held.entries().shift_remove(&first).or_else(second);
            return gone.ok_or_else(|| {
                let mut shown = String::new();
                representation(&first, &mut shown);
                raise(shown)
            });
        }
        "popitem" => {
            let last = held.entries().pop();
            return last
                .map(|(key, value)| Value::from(Tuple::from([key, value])))
                .ok_or_else(|| raise("popitem(): dictionary is empty"));
        }
        "__delitem__" => drop(held.entries().shift_remove(&first)),
        "__setitem__" => {
            let value = second().ok_or_else(|| raise("__setitem__ needs a key and a value"))?;
            put(&value)?;
            held.entries().insert(first, value);
        }
        _ => held.entries().clear(),
    }
    Ok(Value::from(()))
}

/// Pairs from a mapping or a list of pairs, as `dict()` and `update()` take them.
pub(in crate::template) fn mapping_pairs(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if is_mapping(value) {
        return pairs(value);
    }
    let wrong = || raise(format!("cannot convert '{}' to pairs of keys and values", type_name(value)));
    iterate(value)?
        .iter()
        .map(|pair| match iterate(pair).as_deref() {
            Ok([key, value]) => Ok((key.clone(), value.clone())),
            _ => Err(wrong()),
        })
        .collect()
}
