//! YAML as PyYAML writes it.

mod shape;

use clouder_lang::yaml::VAULT_KEY;
use serde_json::{Map, Value};

use self::shape::{Shape, is_printable, is_text};

/// Sorts the keys of all mappings.
pub(super) fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort),
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> = std::mem::take(map).into_iter().collect();
            pairs.sort_by(|one, two| one.0.cmp(&two.0));
            for (key, mut value) in pairs {
                sort(&mut value);
                map.insert(key, value);
            }
        }
        _ => {}
    }
}

/// How lists and mappings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// All of them line by line.
    Never,
    /// Those that hold no others between brackets.
    Innermost,
    /// All of them between brackets.
    Always,
}

/// How YAML is to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Blanks per level.
    pub(super) indent: usize,
    /// After how many columns a line is broken at the next blank.
    pub(super) width: usize,
    /// Lists and mappings.
    pub(super) flow: Flow,
    /// Whether `---` stands in front.
    pub(super) start: bool,
    /// Whether `...` stands at the end.
    pub(super) end: bool,
    /// Whether letters beyond ASCII are written as they are.
    pub(super) unicode: bool,
    /// The quote that all texts stand in.
    pub(super) quote: Option<char>,
}

impl Default for Look {
    fn default() -> Self {
        Self { indent: 2, width: 80, flow: Flow::Never, start: false, end: false, unicode: true, quote: None }
    }
}

/// A value as a YAML document, as it is usually written.
pub fn to_yaml(value: &Value) -> String {
    yaml(value, &Look::default())
}

/// A value as a YAML document that ends with a line break.
pub(super) fn yaml(value: &Value, look: &Look) -> String {
    let mut look = *look;
    // As libyaml has it: other widths of levels are not to be had.
    if !(2..=9).contains(&look.indent) {
        look.indent = 2;
    }
    let mut emitter = Emitter { look, text: String::new(), column: 0 };
    if look.start {
        emitter.put(if is_block(value, look.flow, look.quote.is_some()) { "---\n" } else { "--- " });
    }
    if is_block(value, look.flow, look.quote.is_some()) {
        emitter.block(value, 0);
    } else {
        emitter.inline(value, look.indent, false, false);
        emitter.put("\n");
    }
    if look.end {
        emitter.put("...\n");
    }
    emitter.text
}

/// Whether a value is written line by line: where texts have quotes of their own, always.
fn is_block(value: &Value, flow: Flow, quoted: bool) -> bool {
    if sealed(value).is_some() {
        return false;
    }
    let holds_others = match value {
        Value::Array(items) if !items.is_empty() => {
            items.iter().any(|item| matches!(item, Value::Array(_) | Value::Object(_)))
        }
        Value::Object(map) if !map.is_empty() => {
            map.values().any(|item| matches!(item, Value::Array(_) | Value::Object(_)))
        }
        _ => return false,
    };
    let flow = if quoted && flow == Flow::Innermost { Flow::Never } else { flow };
    match flow {
        Flow::Never => true,
        Flow::Innermost => holds_others,
        Flow::Always => false,
    }
}

/// The ciphertext that a value stands for.
fn sealed(value: &Value) -> Option<&str> {
    value.as_object().filter(|map| map.len() == 1)?.get(VAULT_KEY)?.as_str()
}

struct Emitter {
    look: Look,
    text: String,
    column: usize,
}

impl Emitter {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        match text.rsplit_once('\n') {
            Some((_, last)) => self.column = last.chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    /// Begins a new line.
    fn line(&mut self, indent: usize) {
        self.put("\n");
        self.put(&" ".repeat(indent));
    }

    fn block(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(map) => self.mapping(map, depth),
            Value::Array(items) => self.sequence(items, depth),
            _ => {}
        }
    }

    fn mapping(&mut self, map: &Map<String, Value>, depth: usize) {
        let indent = self.look.indent;
        for (index, (key, value)) in map.iter().enumerate() {
            if index > 0 {
                self.put(&" ".repeat(depth));
            }
            self.text_scalar(key, depth, true, false);
            self.put(":");
            if !is_block(value, self.look.flow, self.look.quote.is_some()) {
                self.put(" ");
                self.inline(value, depth + indent, false, false);
                self.put("\n");
                continue;
            }
            // The dashes of a list stand at the column of its key.
            let below = if value.is_array() { depth } else { depth + indent };
            self.line(below);
            self.block(value, below);
        }
    }

    fn sequence(&mut self, items: &[Value], depth: usize) {
        let indent = self.look.indent;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(&" ".repeat(depth));
            }
            self.put("-");
            if is_block(item, self.look.flow, self.look.quote.is_some()) {
                self.put(&" ".repeat(indent - 1));
                self.block(item, depth + indent);
            } else {
                self.put(" ");
                self.inline(item, depth + indent, false, false);
                self.put("\n");
            }
        }
    }

    /// A value on the line where it begins; `indent` is for lines that follow.
    fn inline(&mut self, value: &Value, indent: usize, is_key: bool, in_flow: bool) {
        if let Some(ciphertext) = sealed(value) {
            self.put("!vault ");
            return if in_flow {
                self.double_quoted(ciphertext, indent, is_key);
            } else {
                self.literal(ciphertext, indent);
            };
        }
        match value {
            Value::String(content) => self.text_scalar(content, indent, is_key, in_flow),
            Value::Array(items) => {
                self.put("[");
                for (index, item) in items.iter().enumerate() {
                    self.separator(index, indent);
                    self.inline(item, indent + self.look.indent, false, true);
                }
                self.put("]");
            }
            Value::Object(map) => {
                self.put("{");
                for (index, (key, item)) in map.iter().enumerate() {
                    self.separator(index, indent);
                    self.text_scalar(key, indent + self.look.indent, true, true);
                    self.put(": ");
                    self.inline(item, indent + self.look.indent, false, true);
                }
                self.put("}");
            }
            Value::Null => self.bare("null"),
            Value::Bool(value) => self.bare(&value.to_string()),
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(number) => self.bare(&float(number)),
                None => self.bare(&number.to_string()),
            },
        }
    }

    /// What is no text. Where texts are quoted it is, too, with a mark that it is none.
    fn bare(&mut self, text: &str) {
        match self.look.quote {
            Some(quote @ ('"' | '\'')) => self.put(&format!("! {quote}{text}{quote}")),
            _ => self.put(text),
        }
    }

    fn separator(&mut self, index: usize, indent: usize) {
        if index > 0 {
            self.put(",");
        }
        if self.column > self.look.width {
            self.line(indent);
        } else if index > 0 {
            self.put(" ");
        }
    }

    fn text_scalar(&mut self, content: &str, indent: usize, is_key: bool, in_flow: bool) {
        let shape = Shape::of(content, self.look.unicode);
        let plain = if in_flow { shape.plain_in_flow } else { shape.plain };
        match self.look.quote {
            Some('|') if is_key => self.double_quoted(content, indent, is_key),
            Some('"') => self.double_quoted(content, indent, is_key),
            Some('|') if !is_key && !in_flow && shape.single && content.contains('\n') => {
                self.literal(content, indent);
            }
            None if plain && is_text(content) => self.broken(content, indent, is_key),
            _ if shape.single => {
                self.put("'");
                self.single_quoted(content, indent, is_key);
                self.put("'");
            }
            _ => self.double_quoted(content, indent, is_key),
        }
    }

    /// Writes a plain text, broken at blanks beyond the width.
    fn broken(&mut self, content: &str, indent: usize, is_key: bool) {
        let characters: Vec<char> = content.chars().collect();
        for (index, character) in characters.iter().enumerate() {
            let is_alone = |at: Option<usize>| at.and_then(|at| characters.get(at)) != Some(&' ');
            if *character == ' '
                && !is_key
                && self.column > self.look.width
                && is_alone(index.checked_sub(1))
                && is_alone(Some(index + 1))
            {
                self.line(indent);
            } else {
                self.put(character.encode_utf8(&mut [0; 4]));
            }
        }
    }

    fn single_quoted(&mut self, content: &str, indent: usize, is_key: bool) {
        let characters: Vec<char> = content.chars().collect();
        let mut after_break = false;
        for (index, character) in characters.iter().enumerate() {
            let is_alone = |at: Option<usize>| at.and_then(|at| characters.get(at)) != Some(&' ');
            match character {
                '\n' => {
                    if !after_break {
                        self.put("\n");
                    }
                    self.put("\n");
                    after_break = true;
                    continue;
                }
                ' ' if !is_key
                    && !after_break
                    && self.column > self.look.width
                    && index > 0
                    && index + 1 < characters.len()
                    && is_alone(Some(index - 1))
                    && is_alone(Some(index + 1)) =>
                {
                    self.line(indent);
                }
                other => {
                    if after_break {
                        self.put(&" ".repeat(indent));
                    }
                    if *other == '\'' {
                        self.put("'");
                    }
                    self.put(other.encode_utf8(&mut [0; 4]));
                }
            }
            after_break = false;
        }
        if after_break {
            self.put(&" ".repeat(indent));
        }
    }

    fn double_quoted(&mut self, content: &str, indent: usize, is_key: bool) {
        self.put("\"");
        let characters: Vec<char> = content.chars().collect();
        for (index, character) in characters.iter().enumerate() {
            let is_inner = index > 0 && index + 1 < characters.len();
            let was_blank = index > 0 && characters[index - 1] == ' ';
            if *character == ' ' && !is_key && is_inner && !was_blank && self.column > self.look.width {
                self.line(indent);
                if characters[index + 1] == ' ' {
                    self.put("\\");
                }
                continue;
            }
            let code = u32::from(*character);
            let escaped = match character {
                '\0' => "\\0".to_owned(),
                '\u{7}' => "\\a".to_owned(),
                '\u{8}' => "\\b".to_owned(),
                '\t' => "\\t".to_owned(),
                '\n' => "\\n".to_owned(),
                '\u{b}' => "\\v".to_owned(),
                '\u{c}' => "\\f".to_owned(),
                '\r' => "\\r".to_owned(),
                '\u{1b}' => "\\e".to_owned(),
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                '\u{85}' => "\\N".to_owned(),
                '\u{a0}' => "\\_".to_owned(),
                '\u{2028}' => "\\L".to_owned(),
                '\u{2029}' => "\\P".to_owned(),
                other if is_printable(*other, self.look.unicode) => other.to_string(),
                _ if code <= 0xff => format!("\\x{code:02X}"),
                _ if code <= 0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
            self.put(&escaped);
        }
        self.put("\"");
    }

    /// A block of lines as they are.
    fn literal(&mut self, content: &str, indent: usize) {
        let keep = match (content.ends_with('\n'), content.ends_with("\n\n") || content == "\n") {
            (false, _) => "-",
            (true, false) => "",
            (true, true) => "+",
        };
        self.put("|");
        self.put(keep);
        let body = content.strip_suffix('\n').unwrap_or(content);
        for line in body.split('\n') {
            self.put("\n");
            if !line.is_empty() {
                self.put(&" ".repeat(indent));
            }
            self.put(line);
        }
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = super::text::float(number);
    if text.contains('.') { text } else { text.replacen('e', ".0e", 1) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Flow, Look, yaml};

    #[test]
    fn yaml_looks_as_from_pyyaml() {
        let value = json!({
            "a": {"b": [1, {"c": true, "d": null}]}, "e": "yes", "f": "x: y", "g": [], "h": "", "i": "a'b",
            "j": "0644", "k": "two\nlines\n", "l": "tab\t", "m": "- x", "n": 1e20, "o": "#x", "p": "a, b",
        });
        insta::assert_snapshot!(yaml(&value, &Look::default()), @r#"
        a:
          b:
          - 1
          - c: true
            d: null
        e: 'yes'
        f: 'x: y'
        g: []
        h: ''
        i: a'b
        j: '0644'
        k: 'two

          lines

          '
        l: "tab\t"
        m: '- x'
        n: 1.0e+20
        o: '#x'
        p: a, b
        "#);
    }

    #[test]
    fn innermost_lists_and_mappings_can_stand_between_brackets() {
        let value = json!({"a": {"c": "x, y"}, "b": [1, 2], "c": [[1], {"d": [2]}]});
        let look = Look { flow: Flow::Innermost, ..Look::default() };
        insta::assert_snapshot!(yaml(&value, &look), @"
        a: {c: 'x, y'}
        b: [1, 2]
        c:
        - [1]
        - d: [2]
        ");
        let look = Look { flow: Flow::Always, start: true, ..Look::default() };
        assert_eq!(yaml(&value, &look), "--- {a: {c: 'x, y'}, b: [1, 2], c: [[1], {d: [2]}]}\n");
    }

    #[test]
    fn long_lines_are_broken() {
        let value = json!({"a": "word ".repeat(30).trim()});
        let look = Look { indent: 4, width: 40, ..Look::default() };
        insta::assert_snapshot!(yaml(&value, &look), @"
        a: word word word word word word word word
            word word word word word word word word
            word word word word word word word word
            word word word word word word
        ");
    }
}
