//! What a match is replaced by: text with `\1`, `\g<1>`, `\g<name>` and the escapes of Python's `re.sub`.

use super::{Match, Pattern};
use crate::ModuleError;

/// A replacement, read.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Group(usize),
}

impl Template {
    /// Reads a replacement for the matches of a pattern.
    ///
    /// # Errors
    /// When it names a group that the pattern does not have, or has an escape that means nothing.
    pub fn new(source: &str, pattern: &Pattern) -> Result<Self, ModuleError> {
        let wrong =
            |reason: String| ModuleError::new(format!("the replacement `{source}` is wrong: {reason}"));
        let mut template = Self { parts: Vec::new() };
        let mut rest = source;
        while let Some((text, escape)) = rest.split_once('\\') {
            template.push_text(text);
            let (part, after) = read_escape(escape, pattern).map_err(wrong)?;
            match part {
                Part::Text(text) => template.push_text(&text),
                group @ Part::Group(_) => template.parts.push(group),
            }
            rest = after;
        }
        template.push_text(rest);
        Ok(template)
    }

    /// A replacement in which nothing is special.
    pub fn literal(text: &str) -> Self {
        Self { parts: vec![Part::Text(text.to_owned())] }
    }

    /// The replacement for a match. A group that took no part is empty.
    pub fn expand(&self, found: &Match<'_>) -> Vec<u8> {
        let bytes = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.as_bytes(),
            Part::Group(number) => found.group(*number).unwrap_or_default(),
        });
        bytes.collect::<Vec<_>>().concat()
    }

    fn push_text(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }
}

/// Reads what follows a backslash; gives what it means and what is left.
fn read_escape<'a>(escape: &'a str, pattern: &Pattern) -> Result<(Part, &'a str), String> {
    let first = escape.chars().next().ok_or("it ends in a backslash")?;
    let rest = &escape[first.len_utf8()..];
    let text = |text: &str| Part::Text(text.to_owned());
    let part = match first {
        'g' => {
            let reference = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (name, after) = reference.ok_or(r"\g needs the name or number of a group: \g<1>")?;
            return Ok((Part::Group(group_called(name, pattern)?), after));
        }
        '0'..='9' => return read_number(escape, pattern),
        'n' => text("\n"),
        't' => text("\t"),
        'r' => text("\r"),
        'f' => text("\u{c}"),
        'v' => text("\u{b}"),
        'a' => text("\u{7}"),
        'b' => text("\u{8}"),
        '\\' => text("\\"),
        letter if letter.is_ascii_alphabetic() => return Err(format!(r"\{letter} means nothing")),
        other => Part::Text(format!("\\{other}")),
    };
    Ok((part, rest))
}

/// Reads the number of a group of one or two digits, or a character in octal: `\0`, `\01`, or three digits.
fn read_number<'a>(digits: &'a str, pattern: &Pattern) -> Result<(Part, &'a str), String> {
    let octal = digits.bytes().take(3).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
    if digits.starts_with('0') || octal == 3 {
        let code = u32::from_str_radix(&digits[..octal], 8).map_err(|error| error.to_string())?;
        let character = char::from_u32(code & 0xff).ok_or("no such character")?;
        return Ok((Part::Text(character.to_string()), &digits[octal..]));
    }
    let length = digits.bytes().take(2).take_while(u8::is_ascii_digit).count();
    Ok((Part::Group(group_called(&digits[..length], pattern)?), &digits[length..]))
}

fn group_called(name: &str, pattern: &Pattern) -> Result<usize, String> {
    let unknown = || format!("`{}` has no group {name}", pattern.source());
    match name.parse::<usize>() {
        Ok(number) if number <= pattern.groups() => Ok(number),
        Ok(_) => Err(unknown()),
        Err(_) => {
            let names = pattern.names();
            let named = names.iter().find(|(_, known)| *known == name);
            named.map(|(number, _)| *number).ok_or_else(unknown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::*;

    #[test]
    fn replacements_are_read_as_python_reads_them() {
        let pattern = Pattern::new("(a)(?P<n>b)?", Options::default()).unwrap();
        let expanded = |template: &str| {
            let template = Template::new(template, &pattern).unwrap();
            String::from_utf8(template.expand(&pattern.find(b"a").unwrap().unwrap())).unwrap()
        };
        for (template, expected) in [
            (r"\1-\2-\g<n>-\g<1>0", "a---a0"),
            (r"\g<0>\n\t\\\.", "a\n\t\\\\."),
            (r"\101\0", "A\0"),
            ("plain $1 ${n}", "plain $1 ${n}"),
            ("ü\\1ü", "üaü"),
        ] {
            assert_eq!(expanded(template), expected, "{template}");
        }
        for template in [r"\3", r"\g<m>", r"\g1", r"\q", "\\"] {
            assert!(Template::new(template, &pattern).is_err(), "{template}");
        }
    }
}
