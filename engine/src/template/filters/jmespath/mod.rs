//! `json_query`: JMESPath expressions.

mod functions;
mod parse;

use minijinja::Environment;
use serde_json::Value as Json;

use super::wrong;
use crate::template::{from_json, to_json};
use parse::{Expression, Order};

pub(super) fn add(environment: &mut Environment<'static>) {
    for name in ["json_query", "jmespath"] {
        environment.add_filter(name, |value: &minijinja::Value, query: &str| {
            search(query, &to_json(value))
                .map(from_json)
                .map_err(|reason| wrong(format!("JMESPathError in json_query filter plugin: {reason}")))
        });
    }
}

/// What an expression finds.
fn search(query: &str, data: &Json) -> Result<Json, String> {
    let expression = parse::parse(query)?;
    evaluate(&expression, data)
}

/// What counts as false: nothing, and what is empty.
fn is_false(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn evaluate(expression: &Expression, data: &Json) -> Result<Json, String> {
    Ok(match expression {
        Expression::Current => data.clone(),
        Expression::Literal(value) => value.clone(),
        Expression::Field(name) => data.get(name).cloned().unwrap_or(Json::Null),
        Expression::Index(index) => {
            let items = data.as_array().map(Vec::as_slice).unwrap_or_default();
            let at = if *index < 0 {
                items.len().checked_sub(index.unsigned_abs())
            } else {
                Some(index.unsigned_abs())
            };
            at.and_then(|at| items.get(at)).cloned().unwrap_or(Json::Null)
        }
        Expression::Chain(first, second) => evaluate(second, &evaluate(first, data)?)?,
        Expression::Project(list, rest) => match evaluate(list, data)? {
            Json::Array(items) => each(&items, rest)?,
            _ => Json::Null,
        },
        Expression::ProjectValues(map, rest) => match evaluate(map, data)? {
            Json::Object(map) => each(&map.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), rest)?,
            _ => Json::Null,
        },
        Expression::Slice(start, stop, step) => slice(data, *start, *stop, *step)?,
        Expression::Flatten(list) => match evaluate(list, data)? {
            Json::Array(items) => Json::Array(
                items
                    .into_iter()
                    .flat_map(|item| match item {
                        Json::Array(inner) => inner,
                        other => vec![other],
                    })
                    .collect(),
            ),
            _ => Json::Null,
        },
        Expression::Filter(list, condition, rest) => match evaluate(list, data)? {
            Json::Array(items) => {
                let mut kept = Vec::new();
                for item in items {
                    if !is_false(&evaluate(condition, &item)?) {
                        kept.push(item);
                    }
                }
                each(&kept, rest)?
            }
            _ => Json::Null,
        },
        Expression::List(expressions) if data.is_null() => {
            let _ = expressions;
            Json::Null
        }
        Expression::List(expressions) => {
            Json::Array(expressions.iter().map(|one| evaluate(one, data)).collect::<Result<_, _>>()?)
        }
        Expression::Hash(_) if data.is_null() => Json::Null,
        Expression::Hash(pairs) => Json::Object(
            pairs
                .iter()
                .map(|(name, one)| Ok((name.clone(), evaluate(one, data)?)))
                .collect::<Result<_, String>>()?,
        ),
        Expression::And(first, second) => {
            let value = evaluate(first, data)?;
            if is_false(&value) { value } else { evaluate(second, data)? }
        }
        Expression::Or(first, second) => {
            let value = evaluate(first, data)?;
            if is_false(&value) { evaluate(second, data)? } else { value }
        }
        Expression::Not(inner) => Json::Bool(is_false(&evaluate(inner, data)?)),
        Expression::Compare(order, first, second) => {
            compare(*order, &evaluate(first, data)?, &evaluate(second, data)?)
        }
        Expression::Call(name, arguments) => functions::call(name, arguments, data)?,
        Expression::Reference(_) => {
            return Err("an expression reference stands where a value is needed".to_owned());
        }
    })
}

/// The results for all elements; those that are null are left out.
fn each(items: &[Json], rest: &Expression) -> Result<Json, String> {
    let mut found = Vec::new();
    for item in items {
        let value = evaluate(rest, item)?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(Json::Array(found))
}

fn slice(data: &Json, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Result<Json, String> {
    let Json::Array(items) = data else { return Ok(Json::Null) };
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err("a step of a slice cannot be 0".to_owned());
    }
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: Option<i64>, usual: i64| match bound {
        None => usual,
        Some(bound) if bound < 0 => (bound + length).max(low),
        Some(bound) => bound.min(high),
    };
    let (mut at, end) = if step > 0 {
        (bound(start, 0), bound(stop, length))
    } else {
        (bound(start, length - 1), bound(stop, -1))
    };
    let mut picked = Vec::new();
    while if step > 0 { at < end } else { at > end } {
        picked.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at += step;
    }
    Ok(Json::Array(picked))
}

fn compare(order: Order, one: &Json, two: &Json) -> Json {
    match order {
        Order::Equal => Json::Bool(same(one, two)),
        Order::Unequal => Json::Bool(!same(one, two)),
        _ => match (one.as_f64(), two.as_f64()) {
            (Some(one), Some(two)) => Json::Bool(match order {
                Order::Less => one < two,
                Order::AtMost => one <= two,
                Order::Greater => one > two,
                _ => one >= two,
            }),
            _ => Json::Null,
        },
    }
}

fn same(one: &Json, two: &Json) -> bool {
    match (one.as_f64(), two.as_f64()) {
        (Some(one), Some(two)) => one == two,
        _ => one == two,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::search;

    #[test]
    fn expressions_find_what_jmespath_finds() {
        let data = json!({
            "a": {"b": [1, 2, {"c": 3}]},
            "people": [
                {"name": "bob", "age": 30, "tags": ["x", "y"]},
                {"name": "eve", "age": 25, "tags": ["z"]},
                {"name": "al", "state": {"on": true}},
            ],
            "m": {"k": {"v": 1}, "l": {"v": 2}},
            "with-dash": 7,
        });
        for (query, expected) in [
            ("a.b[2].c", json!(3)),
            ("a.b[-1].c", json!(3)),
            ("a.nope.more", json!(null)),
            ("people[*].name", json!(["bob", "eve", "al"])),
            ("people[?age > `26`].name", json!(["bob"])),
            ("people[?name == 'eve'].age | [0]", json!(25)),
            ("people[?name=='eve' || name=='al'].name", json!(["eve", "al"])),
            ("people[?state.on].name", json!(["al"])),
            ("people[?!state].name", json!(["bob", "eve"])),
            ("people[].tags[]", json!(["x", "y", "z"])),
            (
                "people[*].{n: name, a: age}",
                json!([{"n": "bob", "a": 30}, {"n": "eve", "a": 25}, {"n": "al", "a": null}]),
            ),
            ("people[*].[name, age]", json!([["bob", 30], ["eve", 25], ["al", null]])),
            ("m.*.v", json!([1, 2])),
            ("\"with-dash\"", json!(7)),
            ("a.b[0:2]", json!([1, 2])),
            ("a.b[::-1] | [1:]", json!([2, 1])),
            ("length(people)", json!(3)),
            ("sort_by(people[?age], &age)[0].name", json!("eve")),
            ("max_by(people[?age], &age).name", json!("bob")),
            ("people[?contains(name, 'b')].name", json!(["bob"])),
            ("people[?starts_with(name, 'e')].name | [0]", json!("eve")),
            ("join(',', people[*].name)", json!("bob,eve,al")),
            ("keys(m)", json!(["k", "l"])),
            ("map(&v, values(m))", json!([1, 2])),
            ("sum(a.b[0:2])", json!(3.0)),
            ("not_null(nope, m.k.v)", json!(1)),
            ("to_string(m.k)", json!("{\"v\":1}")),
            ("@.m.k", json!({"v": 1})),
            ("`[1, \"x\"]`[1]", json!("x")),
            ("people[?age && tags[?@ == 'z']].name", json!(["eve"])),
        ] {
            assert_eq!(search(query, &data), Ok(expected), "{query}");
        }
        for query in ["a[", "a..b", "foo(", "nofunction(@)", "a.b[?", "sort(`1`)"] {
            assert!(search(query, &data).is_err(), "{query}");
        }
    }
}
