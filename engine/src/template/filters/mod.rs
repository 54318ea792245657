//! Filters, beyond those minijinja has.

mod addresses;
mod collections;
mod data;
mod encoding;
mod jmespath;
mod lists;
mod numbers;
mod passwords;
mod paths;
mod random;
mod regex;
mod text;
mod times;
mod values;
mod vault;
mod wrap;

use std::sync::Arc;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};

use super::vault::Vault;

use super::python::{iterate, type_name};
pub(super) use lists::{merge, subelements};
pub(crate) use passwords::encrypted;
pub(super) use passwords::{Settings as HashSettings, hash as hash_password};
pub(super) use random::Chance;
pub(super) use regex::compile as compile_regex;
pub(super) use text::escape;

/// Adds all filters.
pub(super) fn add(environment: &mut Environment<'static>, vault: &Arc<Vault>) {
    addresses::add(environment);
    collections::add(environment);
    data::add(environment, vault);
    encoding::add(environment);
    jmespath::add(environment);
    lists::add(environment);
    numbers::add(environment);
    passwords::add(environment);
    paths::add(environment);
    random::add(environment);
    regex::add(environment);
    text::add(environment);
    times::add(environment);
    values::add(environment);
    vault::add(environment, vault);
}

/// An error of a filter.
pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The elements of what can be gone through.
pub(super) fn elements(filter: &str, value: &Value) -> Result<Vec<Value>, Error> {
    iterate(value).map_err(|_| wrong(format!("`{filter}` needs a list, not {}", type_name(value))))
}

/// Arguments by position or by name, as Python takes them.
fn taken<const N: usize>(
    names: [&str; N],
    given: &[Value],
    named: &Kwargs,
) -> Result<[Option<Value>; N], Error> {
    if given.len() > N {
        return Err(wrong(format!("at most {N} arguments are taken, {} were given", given.len())));
    }
    let mut values = [const { None }; N];
    for (index, name) in names.into_iter().enumerate() {
        let by_name = named.get::<Option<Value>>(name)?.filter(|_| named.has(name));
        values[index] = match (given.get(index), by_name) {
            (Some(_), Some(_)) => return Err(wrong(format!("the argument `{name}` is given twice"))),
            (given, by_name) => given.cloned().or(by_name),
        };
    }
    named.assert_all_used()?;
    Ok(values)
}

/// A text, which the value must be.
fn text_of<'a>(filter: &str, value: &'a Value) -> Result<&'a str, Error> {
    value.as_str().ok_or_else(|| wrong(format!("`{filter}` needs a text, not {}", type_name(value))))
}

/// Every combination of one element of each list.
pub(super) fn product(first: &Value, others: &[Value]) -> Result<Value, Error> {
    lists::product(first, minijinja::value::Rest(others.to_vec()))
}

/// Elements of lists side by side.
pub(super) fn together(first: &Value, others: &[Value]) -> Result<Value, Error> {
    let none = minijinja::value::Kwargs::from_iter(std::iter::empty::<(&str, Value)>());
    lists::zip_longest(first, minijinja::value::Rest(others.to_vec()), none)
}
