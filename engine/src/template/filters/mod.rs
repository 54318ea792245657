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

use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, Value};

use super::vault::Vault;

pub(super) use lists::{merge, subelements};
pub(crate) use passwords::encrypted;
pub(super) use passwords::{Settings as HashSettings, hash as hash_password};
pub(super) use random::Chance;
pub(super) use regex::compile as compile_regex;

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

/// The elements of a list.
pub(super) fn elements(filter: &str, value: &Value) -> Result<Vec<Value>, Error> {
    let is_list = matches!(
        value.kind(),
        minijinja::value::ValueKind::Seq
            | minijinja::value::ValueKind::Iterable
            | minijinja::value::ValueKind::Map
    );
    if !is_list {
        return Err(wrong(format!(
            "`{filter}` needs a list, not {}",
            crate::template::python::type_name(value)
        )));
    }
    Ok(value.try_iter()?.collect())
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
