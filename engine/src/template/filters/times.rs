//! Dates and times.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};

use super::wrong;
use crate::template::python::{Moment, float_of, now, parse_moment, strftime};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("to_datetime", to_datetime);
    environment.add_filter("strftime", strftime_filter);
}

fn to_datetime(value: &Value, format: Option<&str>, kwargs: Kwargs) -> Result<Value, Error> {
    let named = kwargs.get::<Option<String>>("format")?;
    kwargs.assert_all_used()?;
    let format = named.as_deref().or(format).unwrap_or("%Y-%m-%d %H:%M:%S");
    parse_moment(&to_text(value), format).map(Value::from_object)
}

/// `'%Y' | strftime(second, utc)`.
fn strftime_filter(
    format: &Value,
    second: Option<Value>,
    utc: Option<Value>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let second = kwargs.get::<Option<Value>>("second")?.or(second).filter(|second| !second.is_none());
    let utc = kwargs.get::<Option<Value>>("utc")?.or(utc).is_some_and(|utc| utc.is_true());
    kwargs.assert_all_used()?;
    let moment = match second {
        Some(second) => {
            let number =
                float_of(&second).or_else(|| second.as_str().and_then(|text| text.trim().parse().ok()));
            let number = number
                .ok_or_else(|| wrong(format!("Invalid value for epoch value ({})", to_text(&second))))?;
            Moment::at(number, utc)
        }
        None => now(utc),
    };
    strftime(&to_text(format), &moment)
}
