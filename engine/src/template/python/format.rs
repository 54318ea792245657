//! `'%s' % value` and `'{}'.format(value)`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::operators::{float_of, int_of};
use super::{attribute, is_mapping, is_missing, item, raise, type_name, width};
use crate::template::text::{float, representation};
use crate::template::to_text;

fn repr(value: &Value) -> String {
    let mut text = String::new();
    representation(value, &mut text);
    text
}

/// How a part of a format is to look.
#[derive(Debug, Default)]
struct Look {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Look {
    /// Refuses what would fill the memory, and what Rust cannot write.
    fn check(&self) -> Result<(), Error> {
        width(self.width)?;
        if self.precision.is_some_and(|precision| precision > 60_000) {
            return Err(raise("precision too big"));
        }
        Ok(())
    }
}

/// `format % value`.
pub(in crate::template) fn percent(format: &str, value: &Value) -> Result<String, Error> {
    let is_tuple = value.is_tuple();
    let items: Vec<Value> = if is_tuple { value.try_iter()?.collect() } else { vec![value.clone()] };
    let mut next = 0;
    let take = |next_of: &mut usize| {
        let found = items.get(*next_of).cloned();
        *next_of += 1;
        found.ok_or_else(|| raise("not enough arguments for format string"))
    };
    let mut used_names = false;
    let mut text = String::new();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        if characters.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let mut named = None;
        if characters.next_if_eq(&'(').is_some() {
            let name: String = characters.by_ref().take_while(|c| *c != ')').collect();
            if !is_mapping(value) {
                return Err(raise("format requires a mapping"));
            }
            let found = value.get_item(&Value::from(name.as_str()))?;
            if found.is_undefined() {
                return Err(raise(format!("'{name}'")));
            }
            used_names = true;
            named = Some(found);
        }
        let mut look = Look { align: Some('>'), ..Look::default() };
        while let Some(flag) = characters.next_if(|c| "-+ #0".contains(*c)) {
            match flag {
                '-' => look.align = Some('<'),
                '#' => look.alternate = true,
                '0' => look.zero = true,
                sign => look.sign = Some(sign),
            }
        }
        if characters.next_if_eq(&'*').is_some() {
            let width = int_of(&take(&mut next)?).ok_or_else(|| raise("* wants int"))?;
            look.width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
        } else {
            look.width = digits(&mut characters).unwrap_or(0);
        }
        if characters.next_if_eq(&'.').is_some() {
            look.precision = Some(if characters.next_if_eq(&'*').is_some() {
                int_of(&take(&mut next)?).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
            } else {
                digits(&mut characters).unwrap_or(0)
            });
        }
        look.check()?;
        while characters.next_if(|c| "hlL".contains(*c)).is_some() {}
        let kind = characters.next().ok_or_else(|| raise("incomplete format"))?;
        let argument = match named {
            Some(found) => found,
            None => take(&mut next)?,
        };
        look.zero &= look.align == Some('>');
        text.push_str(&match kind {
            's' => cut(to_text(&argument), &look),
            'r' | 'a' => cut(repr(&argument), &look),
            'c' => match argument.as_str() {
                Some(one) => padded("", one, &look, '>'),
                None => {
                    let code = int_of(&argument).and_then(|code| u32::try_from(code).ok());
                    let one =
                        code.and_then(char::from_u32).ok_or_else(|| raise("%c requires int or char"))?;
                    padded("", &one.to_string(), &look, '>')
                }
            },
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                let whole = int_of(&argument).or_else(|| {
                    // Only decimal places may be cut off.
                    float_of(&argument).filter(|_| "diu".contains(kind)).map(|number| number.trunc() as i128)
                });
                let whole = whole.ok_or_else(|| {
                    let needs = if "diu".contains(kind) { "a real number" } else { "an integer" };
                    raise(format!("%{kind} format: {needs} is required, not {}", type_name(&argument)))
                })?;
                integer(whole, if "iu".contains(kind) { 'd' } else { kind }, &look)
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let number = float_of(&argument)
                    .ok_or_else(|| raise(format!("must be real number, not {}", type_name(&argument))))?;
                fraction(number, kind, &look)
            }
            other => return Err(raise(format!("unsupported format character '{other}'"))),
        });
    }
    if is_tuple && next < items.len() || !is_tuple && next == 0 && !used_names && !is_mapping(value) {
        return Err(raise("not all arguments converted during string formatting"));
    }
    Ok(text)
}

fn digits(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut number = String::new();
    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
        number.push(digit);
    }
    number.parse().ok()
}

/// `format.format(args, **named)`.
pub(in crate::template) fn braces(format: &str, args: &[Value], named: &Value) -> Result<String, Error> {
    let mut automatic = 0;
    let mut text = String::new();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '{' if characters.next_if_eq(&'{').is_some() => text.push('{'),
            '}' if characters.next_if_eq(&'}').is_some() => text.push('}'),
            '}' => return Err(raise("Single '}' encountered in format string")),
            '{' => {
                let mut field = String::new();
                let mut depth = 1;
                for character in characters.by_ref() {
                    match character {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                    field.push(character);
                }
                if depth > 0 {
                    return Err(raise("expected '}' before end of string"));
                }
                let (name, spec) = field.split_once(':').unwrap_or((&field, ""));
                let (name, conversion) =
                    name.split_once('!').map_or((name, None), |(name, how)| (name, Some(how)));
                let mut value = field_value(name, args, named, &mut automatic)?;
                match conversion {
                    Some("r" | "a") => value = Value::from(repr(&value)),
                    Some("s") => value = Value::from(to_text(&value)),
                    _ => {}
                }
                let spec = if spec.contains('{') {
                    braces(spec, &args[automatic.min(args.len())..], named)?
                } else {
                    spec.to_owned()
                };
                text.push_str(&formatted(&value, &spec)?);
            }
            other => text.push(other),
        }
    }
    Ok(text)
}

fn field_value(path: &str, args: &[Value], named: &Value, automatic: &mut usize) -> Result<Value, Error> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (first, mut rest) = path.split_at(end);
    let position = if first.is_empty() {
        *automatic += 1;
        Some(*automatic - 1)
    } else {
        first.parse::<usize>().ok()
    };
    let mut value = match position {
        Some(position) => args.get(position).cloned().ok_or_else(|| {
            raise(format!("Replacement index {position} out of range for positional args tuple"))
        })?,
        None => {
            let found = named.get_item(&Value::from(first)).unwrap_or_default();
            if found.is_undefined() {
                return Err(raise(format!("'{first}'")));
            }
            found
        }
    };
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, later) = inner.split_once(']').ok_or_else(|| raise("expected ']' in format string"))?;
            let key = key.parse::<i64>().map_or_else(|_| Value::from(key), Value::from);
            value = item(&value, &key)?;
            rest = later;
        } else {
            let inner = rest.strip_prefix('.').unwrap_or(rest);
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            value = attribute(&value, &inner[..end]);
            rest = &inner[end..];
        }
        if is_missing(&value) {
            return Err(raise(format!("there is no `{path}`")));
        }
    }
    Ok(value)
}

/// `format(value, spec)`.
fn formatted(value: &Value, spec: &str) -> Result<String, Error> {
    if spec.is_empty() {
        return Ok(to_text(value));
    }
    let mut look = Look::default();
    let mut characters = spec.chars().peekable();
    let mut ahead = spec.chars();
    let (first, second) = (ahead.next(), ahead.next());
    let is_align = |c: Option<char>| c.is_some_and(|c| "<>^=".contains(c));
    if is_align(second) {
        look.fill = characters.next();
        look.align = characters.next();
    } else if is_align(first) {
        look.align = characters.next();
    }
    look.sign = characters.next_if(|c| "+- ".contains(*c));
    look.alternate = characters.next_if_eq(&'#').is_some();
    look.zero = characters.next_if_eq(&'0').is_some();
    look.width = digits(&mut characters).unwrap_or(0);
    look.group = characters.next_if(|c| ",_".contains(*c));
    if characters.next_if_eq(&'.').is_some() {
        look.precision =
            Some(digits(&mut characters).ok_or_else(|| raise("Format specifier missing precision"))?);
    }
    look.check()?;
    look.kind = characters.next();
    if characters.next().is_some() {
        return Err(raise(format!("Invalid format specifier '{spec}'")));
    }
    let unknown =
        |kind: char| raise(format!("Unknown format code '{kind}' for object of type '{}'", type_name(value)));
    match (value.kind(), look.kind) {
        (ValueKind::Bool, None) | (ValueKind::None, None) => Ok(cut(to_text(value), &look)),
        (ValueKind::Number | ValueKind::Bool, kind) => match (int_of(value), kind) {
            (Some(whole), None | Some('d' | 'n')) => Ok(integer(whole, 'd', &look)),
            (Some(whole), Some(kind @ ('x' | 'X' | 'o' | 'b'))) => Ok(integer(whole, kind, &look)),
            (Some(code), Some('c')) => {
                let one = u32::try_from(code).ok().and_then(char::from_u32).ok_or_else(|| unknown('c'))?;
                Ok(padded("", &one.to_string(), &look, '<'))
            }
            (_, Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'))) => {
                Ok(fraction(float_of(value).unwrap_or_default(), kind, &look))
            }
            (None, None) if look.precision.is_none() => {
                let number = float_of(value).unwrap_or_default();
                Ok(signed(number < 0.0, &float(number.abs()), "", &look))
            }
            (None, None) => Ok(fraction(float_of(value).unwrap_or_default(), 'g', &look)),
            (_, Some(kind)) => Err(unknown(kind)),
        },
        (_, None | Some('s')) => Ok(cut(to_text(value), &look)),
        (_, Some(kind)) => Err(unknown(kind)),
    }
}

/// A text, no longer than the precision says, filled up to the width.
fn cut(text: String, look: &Look) -> String {
    let text = match look.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    };
    padded("", &text, look, '<')
}

fn integer(number: i128, kind: char, look: &Look) -> String {
    let magnitude = number.unsigned_abs();
    let (digits, prefix) = match kind {
        'x' => (format!("{magnitude:x}"), "0x"),
        'X' => (format!("{magnitude:X}"), "0X"),
        'o' => (format!("{magnitude:o}"), "0o"),
        'b' => (format!("{magnitude:b}"), "0b"),
        _ => (magnitude.to_string(), ""),
    };
    let digits = match look.precision {
        Some(least) if digits.len() < least => "0".repeat(least - digits.len()) + &digits,
        _ => digits,
    };
    let prefix = if look.alternate { prefix } else { "" };
    signed(number < 0, &grouped(&digits, look), prefix, look)
}

fn fraction(number: f64, kind: char, look: &Look) -> String {
    let precision = look.precision.unwrap_or(6);
    let magnitude = number.abs();
    let text = match kind {
        'f' | 'F' => format!("{magnitude:.precision$}"),
        '%' => format!("{:.precision$}%", magnitude * 100.0),
        'e' | 'E' => scientific(magnitude, precision),
        _ => {
            let precision = precision.max(1);
            let exponent = scientific(magnitude, precision - 1);
            let power: i32 = exponent.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
            let whole = i32::try_from(precision).unwrap_or(i32::MAX);
            let text = if magnitude != 0.0 && (power < -4 || power >= whole) {
                exponent
            } else {
                let places = usize::try_from((whole - 1 - power).max(0)).unwrap_or(0);
                format!("{magnitude:.places$}")
            };
            match text.split_once('e') {
                Some((digits, power)) if digits.contains('.') => {
                    format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
                }
                None if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                _ => text,
            }
        }
    };
    let text = if kind.is_ascii_uppercase() { text.to_uppercase() } else { text };
    signed(number.is_sign_negative() && number != 0.0, &grouped(&text, look), "", look)
}

fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

/// Separators between thousands.
fn grouped(digits: &str, look: &Look) -> String {
    let Some(separator) = look.group else { return digits.to_owned() };
    let end = digits.find(['.', 'e', '%']).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(separator);
        }
        text.push(digit);
    }
    text + rest
}

fn signed(negative: bool, digits: &str, prefix: &str, look: &Look) -> String {
    let sign = match (negative, look.sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        _ => "",
    };
    padded(&format!("{sign}{prefix}"), digits, look, '>')
}

fn padded(head: &str, text: &str, look: &Look, usual: char) -> String {
    let length = head.chars().count() + text.chars().count();
    let missing = look.width.saturating_sub(length);
    let zero = look.zero && look.align.is_none_or(|align| align == '>') && look.fill.is_none();
    let fill = look.fill.unwrap_or(if zero { '0' } else { ' ' });
    let align = if zero { '=' } else { look.align.unwrap_or(usual) };
    let fill = |count: usize| fill.to_string().repeat(count);
    match align {
        '<' => format!("{head}{text}{}", fill(missing)),
        '^' => format!("{}{head}{text}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' => format!("{head}{}{text}", fill(missing)),
        _ => format!("{}{head}{text}", fill(missing)),
    }
}

#[cfg(test)]
mod tests {
    use minijinja::value::Tuple;

    use super::*;

    #[test]
    fn percent_formats_as_python_does() {
        let tuple = |items: Vec<Value>| Value::from(Tuple::from(items));
        for (format, value, expected) in [
            ("%s-%05d-%r", tuple(vec!["a".into(), 3.into(), "b".into()]), "a-00003-'b'"),
            ("%-5s|%5.2f|%+d", tuple(vec!["a".into(), 1.5.into(), 7.into()]), "a    | 1.50|+7"),
            ("%x %X %o %#x", tuple(vec![255.into(), 255.into(), 8.into(), 10.into()]), "ff FF 10 0xa"),
            ("100%% %s", Value::from("x"), "100% x"),
            ("%(a)s", Value::from_pairs([("a", 1)]), "1"),
            ("%g %e", tuple(vec![0.0001.into(), 12345.678.into()]), "0.0001 1.234568e+04"),
        ] {
            assert_eq!(percent(format, &value).unwrap(), expected, "{format}");
        }
        assert!(percent("%s %s", &Value::from("x")).is_err());
        assert!(percent("none", &Value::from("x")).is_err());
        assert!(percent("%d", &Value::from("x")).is_err());
    }

    #[test]
    fn braces_format_as_python_does() {
        let named = Value::from_pairs([("n", Value::from(5)), ("l", Value::from(vec![1, 2]))]);
        let args = [Value::from("x"), Value::from(1234.5)];
        for (format, expected) in [
            ("{} {}", "x 1234.5"),
            ("{0}{0}-{n}", "xx-5"),
            ("{0:>4}|{0:<4}|{0:^4}|{0:*^5}", "   x|x   | x  |**x**"),
            ("{n:03d} {n:+} {n:b} {n:x}", "005 +5 101 5"),
            ("{1:.1f} {1:,.2f} {1:e}", "1234.5 1,234.50 1.234500e+03"),
            ("{l[1]} {{}} {0!r}", "2 {} 'x'"),
        ] {
            assert_eq!(braces(format, &args, &named).unwrap(), expected, "{format}");
        }
        assert!(braces("{", &args, &named).is_err());
        assert!(braces("{7}", &args, &named).is_err());
    }
}
