//! Numbers and sizes.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};

use super::wrong;
use crate::template::python::{float_of, type_name};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("human_readable", human_readable);
    environment.add_filter("human_to_bytes", human_to_bytes);
    environment.add_filter("pow", |value: &Value, exponent: &Value| {
        Ok::<_, Error>(number("pow", value)?.powf(number("pow", exponent)?))
    });
    environment.add_filter("log", |value: &Value, base: Option<Value>, kwargs: Kwargs| {
        let base = kwargs.get::<Option<Value>>("base")?.or(base);
        kwargs.assert_all_used()?;
        let value = number("log", value)?;
        match base {
            _ if value <= 0.0 => Err(wrong("math domain error")),
            None => Ok::<_, Error>(value.ln()),
            Some(base) => match number("log", &base)? {
                10.0 => Ok(value.log10()),
                2.0 => Ok(value.log2()),
                base => Ok(value.ln() / base.ln()),
            },
        }
    });
    environment.add_filter("root", |value: &Value, base: Option<Value>, kwargs: Kwargs| {
        let base = kwargs.get::<Option<Value>>("base")?.or(base);
        kwargs.assert_all_used()?;
        let value = number("root", value)?;
        match base.map(|base| number("root", &base)).transpose()? {
            None | Some(2.0) if value < 0.0 => Err(wrong("math domain error")),
            None | Some(2.0) => Ok::<_, Error>(value.sqrt()),
            Some(base) => Ok(value.powf(1.0 / base)),
        }
    });
    environment.add_filter("abs", |value: &Value| match crate::template::python::int_of(value) {
        Some(number) if number < 0 => crate::template::python::negate(value),
        Some(number) if value.kind() == minijinja::value::ValueKind::Bool => Ok(Value::from(number as i64)),
        Some(_) => Ok(value.clone()),
        None => Ok(Value::from(number("abs", value)?.abs())),
    });
    environment.add_filter("round", round);
}

fn number(filter: &str, value: &Value) -> Result<f64, Error> {
    float_of(value)
        .ok_or_else(|| wrong(format!("`{filter}` can only be used on numbers, not {}", type_name(value))))
}

/// Rounds as Python does: halves to the even neighbour.
fn round(
    value: &Value,
    precision: Option<i32>,
    method: Option<String>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let precision = kwargs.get::<Option<i32>>("precision")?.or(precision).unwrap_or(0);
    let method = kwargs.get::<Option<String>>("method")?.or(method).unwrap_or_else(|| "common".to_owned());
    kwargs.assert_all_used()?;
    let number = number("round", value)?;
    let factor = 10_f64.powi(precision);
    let is_whole = crate::template::python::int_of(value).is_some();
    let rounded = match method.as_str() {
        "ceil" => (number * factor).ceil() / factor,
        "floor" => (number * factor).floor() / factor,
        "common" if is_whole && precision >= 0 && value.kind() == minijinja::value::ValueKind::Bool => {
            return Ok(Value::from(number as i64));
        }
        "common" if is_whole && precision >= 0 => return Ok(value.clone()),
        "common" if precision >= 0 => {
            // Decimal digits of the exact value, as Python rounds it.
            let places = usize::try_from(precision).unwrap_or(0);
            let text = format!("{number:.places$}");
            text.parse().unwrap_or(number)
        }
        "common" => {
            let rounded = (number * factor).round_ties_even() / factor;
            if is_whole {
                return Ok(Value::from(rounded as i64));
            }
            rounded
        }
        other => return Err(wrong(format!("method must be common, ceil or floor, not {other}"))),
    };
    Ok(Value::from(rounded))
}

const UNITS: [(&str, f64); 9] = [
    ("Y", 1_208_925_819_614_629_174_706_176.0),
    ("Z", 1_180_591_620_717_411_303_424.0),
    ("E", 1_152_921_504_606_846_976.0),
    ("P", 1_125_899_906_842_624.0),
    ("T", 1_099_511_627_776.0),
    ("G", 1_073_741_824.0),
    ("M", 1_048_576.0),
    ("K", 1024.0),
    ("B", 1.0),
];

/// `human_readable(isbits=false, unit=none)`.
fn human_readable(
    size: &Value,
    bits: Option<bool>,
    unit: Option<String>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let bits = kwargs.get::<Option<bool>>("isbits")?.or(bits).unwrap_or(false);
    let unit = kwargs.get::<Option<String>>("unit")?.or(unit);
    kwargs.assert_all_used()?;
    let size = float_of(size)
        .or_else(|| size.as_str().and_then(|text| text.trim().parse().ok()))
        .ok_or_else(|| wrong(format!("human_readable() can't interpret '{}'", to_text(size))))?;
    let (name, factor) = UNITS
        .into_iter()
        .find(|(name, factor)| match &unit {
            None => size >= *factor,
            Some(unit) => unit.to_uppercase().starts_with(name),
        })
        .unwrap_or(("B", 1.0));
    let unit = match (name, bits) {
        ("B", true) => "bits".to_owned(),
        ("B", false) => "Bytes".to_owned(),
        (name, true) => format!("{name}b"),
        (name, false) => format!("{name}B"),
    };
    Ok(format!("{:.2} {unit}", size / factor))
}

/// `human_to_bytes(default_unit=none, isbits=false)`.
fn human_to_bytes(
    size: &Value,
    default: Option<String>,
    bits: Option<bool>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let default = kwargs.get::<Option<String>>("default_unit")?.or(default);
    let bits = kwargs.get::<Option<bool>>("isbits")?.or(bits).unwrap_or(false);
    kwargs.assert_all_used()?;
    let text = to_text(size);
    let text = text.trim();
    let end =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let failed = || wrong(format!("human_to_bytes() can't interpret following string: {text}"));
    let number: f64 = text[..end].parse().map_err(|_| failed())?;
    let written = text[end..].trim();
    let unit = if written.is_empty() { default.unwrap_or_default() } else { written.to_owned() };
    if unit.is_empty() {
        return Ok(as_whole(number.round()));
    }
    let first: String = unit.chars().take(1).collect::<String>().to_uppercase();
    let factor = UNITS.into_iter().find(|(name, _)| *name == first).map(|(_, factor)| factor);
    let factor = factor.ok_or_else(|| {
        wrong(format!(
            "human_to_bytes() failed to convert {text} (unit = {unit}). The suffix must be one of Y, Z, E, P, T, G, M, K, B"
        ))
    })?;
    let whole = unit.to_lowercase();
    let expected = if bits { "b" } else { "B" };
    let rest = &unit[unit.chars().next().map_or(0, char::len_utf8)..];
    let fits = match first.as_str() {
        "B" => {
            rest.is_empty()
                || whole == if bits { "bits" } else { "bytes" }
                || whole == if bits { "bit" } else { "byte" }
        }
        _ => {
            rest.is_empty()
                || rest == expected
                || (rest.len() > 1 && whole.contains(if bits { "bit" } else { "byte" }))
        }
    };
    if !fits {
        return Err(wrong(format!(
            "human_to_bytes() failed to convert {text}. Value is not a valid string (expect {first}{expected})"
        )));
    }
    Ok(as_whole((number * factor).round()))
}

/// A number without a fraction as an integer.
fn as_whole(number: f64) -> Value {
    let number = number as i128;
    i64::try_from(number).map_or_else(|_| Value::from(number), Value::from)
}
