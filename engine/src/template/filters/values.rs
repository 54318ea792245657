//! Filters of single values: defaults, conversions, choices.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::wrong;
use crate::template::evaluation::{is_missing, tolerate};
use crate::template::text::representation;
use crate::template::{testing, to_text};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("mandatory", mandatory);
    environment.add_filter("bool", boolean);
    environment.add_filter("string", |value: &Value| to_text(value));
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("ternary", ternary);
    environment.add_filter("type_debug", |value: &Value| testing::type_name(value));
    environment.add_filter("quote", quote);
    environment.add_filter("comment", comment);
    environment.add_filter("human_readable", human_readable);
    environment.add_filter("human_to_bytes", human_to_bytes);
    environment.add_filter("pprint", |value: &Value| {
        let mut text = String::new();
        representation(value, &mut text);
        text
    });
}

/// `default(value, boolean=false)`: tolerates what is missing.
fn default(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let other = match args.first() {
        Some(other) => other.clone(),
        None => kwargs.get::<Option<Value>>("default_value")?.unwrap_or_else(|| Value::from("")),
    };
    let falsy_too = match args.get(1) {
        Some(flag) => flag.is_true(),
        None => kwargs.get::<Option<bool>>("boolean")?.unwrap_or(false),
    };
    kwargs.assert_all_used()?;
    if tolerate(value) || (falsy_too && !value.is_true()) {
        return Ok(other);
    }
    // The default is not needed, so it need not be there.
    tolerate(&other);
    Ok(value.clone())
}

fn mandatory(value: &Value, message: Option<String>) -> Result<Value, Error> {
    if is_missing(value) {
        tolerate(value);
        return Err(wrong(message.unwrap_or_else(|| "Mandatory variable is not defined.".to_owned())));
    }
    Ok(value.clone())
}

/// Ansible's `bool`: what is no word for yes is no.
fn boolean(value: &Value) -> Value {
    if value.is_none() {
        return Value::from(());
    }
    match value.kind() {
        ValueKind::Bool => value.clone(),
        _ => Value::from(matches!(to_text(value).to_lowercase().as_str(), "yes" | "on" | "1" | "true")),
    }
}

fn int(value: &Value, default: Option<Value>, base: Option<u32>) -> Value {
    let fallback = || default.clone().unwrap_or_else(|| Value::from(0));
    match value.kind() {
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        ValueKind::Number if value.is_integer() => value.clone(),
        ValueKind::Number => f64::try_from(value.clone())
            .map_or_else(|_| fallback(), |number| Value::from(number.trunc() as i64)),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim().replace('_', "");
            let base = base.unwrap_or(10);
            let digits = match base {
                16 => text.strip_prefix("0x").unwrap_or(&text),
                8 => text.strip_prefix("0o").unwrap_or(&text),
                2 => text.strip_prefix("0b").unwrap_or(&text),
                _ => &text,
            };
            if let Ok(number) = i128::from_str_radix(digits, base.clamp(2, 36)) {
                return i64::try_from(number).map_or_else(|_| Value::from(number), Value::from);
            }
            text.parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .map_or_else(fallback, |number| Value::from(number.trunc() as i64))
        }
        _ => fallback(),
    }
}

fn float(value: &Value, default: Option<f64>) -> f64 {
    let number = match value.kind() {
        ValueKind::String => value.as_str().and_then(|text| text.trim().parse().ok()),
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        _ => f64::try_from(value.clone()).ok(),
    };
    number.or(default).unwrap_or(0.0)
}

fn ternary(value: &Value, yes: Value, no: Value, none: Option<Value>) -> Value {
    match none {
        Some(none) if value.is_none() => none,
        _ if value.is_true() => yes,
        _ => no,
    }
}

/// A text as one word of a shell, quoted only where need be.
fn quote(value: &Value) -> String {
    let text = to_text(value);
    let plain = |character: char| character.is_ascii_alphanumeric() || "@%+=:,./-_".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }
}

/// A text as a comment: `plain`, `erlang`, `c`, `cblock`, `xml`.
fn comment(value: &Value, style: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    let style = kwargs
        .get::<Option<String>>("style")?
        .or_else(|| style.map(str::to_owned))
        .unwrap_or_else(|| "plain".to_owned());
    let (beginning, decoration, end) = match style.as_str() {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        other => {
            return Err(wrong(format!(
                "`comment` has no style `{other}`; it has plain, erlang, c, cblock and xml"
            )));
        }
    };
    let option = |name: &str, usual: &str| {
        Ok::<_, Error>(kwargs.get::<Option<String>>(name)?.unwrap_or_else(|| usual.to_owned()))
    };
    let (beginning, end, decoration) =
        (option("beginning", beginning)?, option("end", end)?, option("decoration", decoration)?);
    let prefix = option("prefix", &decoration)?;
    let postfix = option("postfix", &decoration)?;
    let prefix_count = kwargs.get::<Option<usize>>("prefix_count")?.unwrap_or(1);
    let postfix_count = kwargs.get::<Option<usize>>("postfix_count")?.unwrap_or(1);
    let newline = option("newline", "\n")?;
    kwargs.assert_all_used()?;
    let mut lines = Vec::new();
    if !beginning.is_empty() {
        lines.push(beginning);
    }
    lines.extend(std::iter::repeat_n(prefix.trim_end().to_owned(), prefix_count));
    lines.extend(to_text(value).split('\n').map(|line| format!("{decoration}{line}").trim_end().to_owned()));
    lines.extend(std::iter::repeat_n(postfix.trim_end().to_owned(), postfix_count));
    if !end.is_empty() {
        lines.push(end);
    }
    Ok(lines.join(&newline))
}

const UNITS: [(&str, f64); 7] = [
    ("E", 1_152_921_504_606_846_976.0),
    ("P", 1_125_899_906_842_624.0),
    ("T", 1_099_511_627_776.0),
    ("G", 1_073_741_824.0),
    ("M", 1_048_576.0),
    ("K", 1024.0),
    ("", 1.0),
];

fn human_readable(size: f64, kwargs: Kwargs) -> Result<String, Error> {
    let bits = kwargs.get::<Option<bool>>("isbits")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let (name, factor) = UNITS.into_iter().find(|(_, factor)| size >= *factor).unwrap_or(("", 1.0));
    let base = if bits { "bits" } else { "Bytes" };
    let unit = if name.is_empty() { base.to_owned() } else { format!("{name}{}", &base[..1]) };
    Ok(format!("{:.2} {unit}", size / factor))
}

fn human_to_bytes(size: &Value) -> Result<i64, Error> {
    let text = to_text(size);
    let text = text.trim();
    let end =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let number: f64 =
        text[..end].parse().map_err(|_| wrong(format!("`human_to_bytes` cannot read `{text}`")))?;
    let unit = text[end..].trim().to_uppercase();
    let name = unit.trim_end_matches('B').trim_end_matches('I');
    let factor = UNITS.into_iter().find(|(known, _)| *known == name).map(|(_, factor)| factor);
    factor
        .map(|factor| (number * factor).round() as i64)
        .ok_or_else(|| wrong(format!("`human_to_bytes` does not know the unit of `{text}`")))
}
