//! Values in INI inventories: Python literals where they are ones, else plain text.

use std::sync::Arc;

use clouder_lang::Span;
use clouder_lang::yaml::{Mapping, Node, Yaml};

/// How deep lists and dictionaries may nest.
const DEPTH_LIMIT: usize = 64;

/// The value of a text: a number, a quoted string, `True`, `None`, a list, tuple or dictionary as Python writes them;
/// anything else is the text itself.
pub(crate) fn value(text: &str, span: &Span) -> Node {
    let mut reader = Reader { rest: text.trim(), span };
    match reader.value(0) {
        Some(node) if reader.at_end() => node,
        _ => Node::text(text, span.clone()),
    }
}

struct Reader<'a> {
    rest: &'a str,
    span: &'a Span,
}

impl Reader<'_> {
    fn node(&self, value: Yaml) -> Node {
        Node::new(value, self.span.clone())
    }

    fn at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '[' => self.sequence('[', "]", depth),
            '(' => self.sequence('(', ")", depth),
            '{' => self.mapping(depth),
            'b' if self.rest[1..].starts_with(['\'', '"']) => {
                self.rest = &self.rest[1..];
                self.strings()
            }
            '\'' | '"' => self.strings(),
            _ => self.word(),
        }
    }

    fn sequence(&mut self, open: char, close: &str, depth: usize) -> Option<Node> {
        self.take(open.encode_utf8(&mut [0; 4]));
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.value(depth + 1)?);
            if !self.take(",") && !self.rest.trim_start().starts_with(close) {
                return None;
            }
        }
        Some(self.node(Yaml::Sequence(Arc::new(items))))
    }

    fn mapping(&mut self, depth: usize) -> Option<Node> {
        let whole = self.rest;
        self.take("{");
        let mut mapping = Mapping::default();
        while !self.take("}") {
            let key = self.value(depth + 1)?;
            if !self.take(":") {
                // A set, which becomes a list.
                self.rest = whole;
                return if mapping.is_empty() { self.sequence('{', "}", depth) } else { None };
            }
            let value = self.value(depth + 1)?;
            mapping.insert(key, value);
            if !self.take(",") && !self.rest.trim_start().starts_with('}') {
                return None;
            }
        }
        Some(self.node(Yaml::Mapping(Arc::new(mapping))))
    }

    /// Strings one after the other are one.
    fn strings(&mut self) -> Option<Node> {
        let mut node = self.string()?;
        while self.rest.trim_start().starts_with(['\'', '"']) {
            self.rest = self.rest.trim_start();
            let next = self.string()?;
            node = self.node(Yaml::String(format!("{}{}", node.to_text(), next.to_text()).into()));
        }
        Some(node)
    }

    fn string(&mut self) -> Option<Node> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '0' => text.push('\0'),
                    same @ ('\\' | '\'' | '"') => text.push(same),
                    other => text.extend(['\\', other]),
                },
                '\n' => return None,
                end if end == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Some(self.node(Yaml::String(text.into())));
                }
                other => text.push(other),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Node> {
        let end = self.rest.find([',', ']', ')', '}', ':', '#']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let word = word.trim();
        let value = match word {
            "True" => Yaml::Bool(true),
            "False" => Yaml::Bool(false),
            "None" => Yaml::Null,
            number => number_of(number)?,
        };
        self.rest = rest;
        Some(self.node(value))
    }
}

fn number_of(text: &str) -> Option<Yaml> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') || digits.starts_with('_') {
        return None;
    }
    let plain = digits.replace('_', "");
    let radix = |prefix: &str, radix| {
        plain.strip_prefix(prefix).and_then(|digits| i128::from_str_radix(digits, radix).ok())
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)) {
        return Some(Yaml::Int(sign * number));
    }
    // Python refuses 0644: no one knows which base is meant, so it stays text.
    if plain.len() > 1 && plain.starts_with('0') && plain.chars().all(|digit| digit.is_ascii_digit()) {
        return plain.chars().all(|digit| digit == '0').then_some(Yaml::Int(0));
    }
    if let Ok(number) = plain.parse::<i128>() {
        return Some(Yaml::Int(sign * number));
    }
    let is_float = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    let number: f64 = plain.parse().ok().filter(|_| is_float)?;
    Some(Yaml::Float(if sign < 0 { -number } else { number }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_and_all_else_is_text() {
        let span = Span::of_text("test", "x");
        for (text, expected) in [
            ("1", "Int(1)"),
            ("-2", "Int(-2)"),
            ("0x1F", "Int(31)"),
            ("0644", "String(\"0644\")"),
            ("1.5", "Float(1.5)"),
            ("True", "Bool(true)"),
            ("true", "String(\"true\")"),
            ("yes", "String(\"yes\")"),
            ("None", "Null"),
            ("'a b'", "String(\"a b\")"),
            ("a b", "String(\"a b\")"),
            ("1.2.3.4", "String(\"1.2.3.4\")"),
            ("1 # one", "Int(1)"),
            ("nan", "String(\"nan\")"),
            ("[1, 'a']", "Sequence([Int(1), String(\"a\")])"),
            ("{'a': [True]}", "Mapping(a=Sequence([Bool(true)]))"),
            ("[1", "String(\"[1\")"),
            ("{1, 2}", "Sequence([Int(1), Int(2)])"),
            ("{1: 2, 3}", "String(\"{1: 2, 3}\")"),
            ("b'x'", "String(\"x\")"),
            ("'a' \"b\"", "String(\"ab\")"),
        ] {
            assert_eq!(show(&value(text, &span)), expected, "{text}");
        }
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Yaml::Sequence(items) => {
                format!("Sequence([{}])", items.iter().map(show).collect::<Vec<_>>().join(", "))
            }
            Yaml::Mapping(mapping) => {
                let entries = mapping.iter().map(|(key, entry)| format!("{key}={}", show(&entry.value)));
                format!("Mapping({})", entries.collect::<Vec<_>>().join(", "))
            }
            scalar => format!("{scalar:?}"),
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            value(&text, &Span::of_text("test", &text));
        }
    }
}
