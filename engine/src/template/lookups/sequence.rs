//! `sequence`: numbers as texts.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::template::filters::wrong;
use crate::template::to_text;

/// `start=1 end=5 stride=2 format=host%02d`, `5`, `2-8/2`.
pub(super) fn sequence(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    if terms.is_empty() {
        return one("", kwargs);
    }
    let mut all = Vec::new();
    for term in terms {
        all.extend(one(&to_text(term), kwargs)?);
    }
    Ok(all)
}

/// The numbers of one term.
fn one(text: &str, kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let mut settings: Vec<(String, String)> = text
        .split_whitespace()
        .filter_map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    for name in ["start", "end", "count", "stride", "format"] {
        if let Some(value) = kwargs.get::<Option<Value>>(name)? {
            settings.push((name.to_owned(), to_text(&value)));
        }
    }
    if let Some((unknown, _)) = settings
        .iter()
        .find(|(name, _)| !matches!(name.as_str(), "start" | "end" | "count" | "stride" | "format"))
    {
        return Err(wrong(format!("sequence has no argument `{unknown}`")));
    }
    let get = |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let number = |text: String| {
        text.trim().parse::<i64>().map_err(|_| wrong(format!("sequence: `{text}` is no number")))
    };
    let (mut start, mut end, mut stride) = (1, None, 1);
    let mut format = get("format").unwrap_or_else(|| "%d".to_owned());
    if settings.is_empty() {
        let (range, shape) = text.split_once(':').unwrap_or((text, "%d"));
        shape.clone_into(&mut format);
        let (range, step) = range.split_once('/').unwrap_or((range, "1"));
        stride = number(step.to_owned())?;
        match range.split_once('-').filter(|(first, _)| !first.is_empty()) {
            Some((first, last)) => {
                start = number(first.to_owned())?;
                end = Some(number(last.to_owned())?);
            }
            None => end = Some(number(range.to_owned())?),
        }
    } else {
        if let Some(text) = get("start") {
            start = number(text)?;
        }
        if let Some(text) = get("stride") {
            stride = number(text)?;
        }
        if let Some(text) = get("end") {
            end = Some(number(text)?);
        }
        if let Some(text) = get("count") {
            if end.is_some() {
                return Err(wrong("sequence takes either an end or a count"));
            }
            let count = number(text)?;
            end = Some(start + count * stride - stride);
            // Nothing is counted, in whatever direction.
            stride = if count == 0 { 0 } else { stride };
        }
    }
    let end = end.ok_or_else(|| wrong("sequence needs an end or a count"))?;
    if stride == 0 {
        return Ok(Vec::new());
    }
    if (stride > 0 && end < start) || (stride < 0 && end > start) {
        return Err(wrong(format!("sequence: a stride of {stride} does not lead from {start} to {end}")));
    }
    if !format.contains('%') {
        return Err(wrong(format!("sequence: bad formatting string: {format}")));
    }
    let mut numbers = Vec::new();
    let mut current = start;
    while (stride > 0 && current <= end) || (stride < 0 && current >= end) {
        numbers.push(Value::from(formatted(&format, current)));
        current += stride;
        if numbers.len() > 1_000_000 {
            return Err(wrong("sequence: more than a million elements"));
        }
    }
    Ok(numbers)
}

/// `%d`, `%02d`, `%x` in a text.
fn formatted(format: &str, number: i64) -> String {
    let Some(percent) = format.find('%') else { return format.to_owned() };
    let rest = &format[percent + 1..];
    let Some(end) = rest.find(|character: char| character.is_ascii_alphabetic()) else {
        return format.to_owned();
    };
    let flags = &rest[..end];
    let digits = match &rest[end..=end] {
        "x" => format!("{number:x}"),
        "X" => format!("{number:X}"),
        "o" => format!("{number:o}"),
        _ => number.to_string(),
    };
    let width: usize = flags.trim_start_matches(['0', '-']).parse().unwrap_or(0);
    let padded =
        if flags.starts_with('0') { format!("{digits:0>width$}") } else { format!("{digits:>width$}") };
    format!("{}{padded}{}", &format[..percent], &rest[end + 1..])
}
