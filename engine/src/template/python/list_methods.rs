//! Methods of lists and tuples.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::access::{frozen, holds};
use super::containers::List;
use super::{equal, int_of, iterate, raise};

/// What lists have; tuples have the first two.
pub(super) const NAMES: [&str; 11] =
    ["count", "index", "append", "clear", "copy", "extend", "insert", "pop", "remove", "reverse", "sort"];

/// `list.name(args)`, or none when lists have no such method.
pub(super) fn call(list: &Value, name: &str, args: &[Value], named: &Kwargs) -> Option<Result<Value, Error>> {
    let first = args.first();
    Some(match (name, first) {
        ("count", Some(item)) => {
            iterate(list).map(|items| Value::from(items.iter().filter(|other| equal(other, item)).count()))
        }
        ("index", Some(item)) => iterate(list).and_then(|items| {
            let found = items.iter().position(|other| equal(other, item));
            found.map(Value::from).ok_or_else(|| raise("the value is not in the list"))
        }),
        ("copy", None) if !list.is_tuple() => iterate(list).map(List::value),
        ("append" | "extend" | "remove", None) => {
            Err(raise(format!("list.{name}() takes exactly one argument (0 given)")))
        }
        ("append" | "extend" | "insert" | "pop" | "remove" | "clear" | "sort" | "reverse", _)
            if !list.is_tuple() =>
        {
            match list.downcast_object_ref::<List>() {
                Some(held) => change(list, held, name, args, named),
                None => Err(frozen(list)),
            }
        }
        _ => return None,
    })
}

fn change(list: &Value, held: &List, name: &str, args: &[Value], named: &Kwargs) -> Result<Value, Error> {
    let first = args.first().cloned().unwrap_or_default();
    let position = |index: i128, length: usize| {
        let at = if index < 0 { index + i128::try_from(length).unwrap_or(0) } else { index };
        usize::try_from(at)
    };
    let added = match name {
        "append" => vec![first.clone()],
        "extend" => iterate(&first)?,
        "insert" => args.get(1).cloned().into_iter().collect(),
        _ => Vec::new(),
    };
    if added.iter().any(|item| holds(item, list)) {
        return Err(raise("a list cannot hold itself"));
    }
    match name {
        "append" => held.items().push(first),
        "extend" => held.items().extend(added),
        "insert" => {
            let index = int_of(&first).ok_or_else(|| raise("insert() needs a position"))?;
            let item = args.get(1).cloned().ok_or_else(|| raise("insert expected 2 arguments, got 1"))?;
            let mut items = held.items();
            let at = position(index, items.len()).unwrap_or(0).min(items.len());
            items.insert(at, item);
        }
        "pop" => {
            let mut items = held.items();
            let index = if args.is_empty() { Some(-1) } else { int_of(&first) };
            let index = index.ok_or_else(|| raise("a position in a list must be a whole number"))?;
            if items.is_empty() {
                return Err(raise("pop from empty list"));
            }
            let at = position(index, items.len()).ok().filter(|at| *at < items.len());
            return at.map(|at| items.remove(at)).ok_or_else(|| raise("pop index out of range"));
        }
        "remove" => {
            // Comparing may look into this very list.
            let items = held.items().clone();
            let at = items.iter().position(|other| equal(other, &first));
            held.items().remove(at.ok_or_else(|| raise("list.remove(x): x not in list"))?);
        }
        "clear" => held.items().clear(),
        "reverse" => held.items().reverse(),
        _ => {
            let reverse = named.get::<Option<bool>>("reverse")?.unwrap_or(false);
            let mut items: Vec<(Value, Value)> =
                held.items().iter().map(|item| (item.clone(), Value::UNDEFINED)).collect();
            super::sort(&mut items, reverse)?;
            *held.items() = items.into_iter().map(|(item, _)| item).collect();
        }
    }
    Ok(Value::from(()))
}
