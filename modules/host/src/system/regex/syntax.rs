//! Python's syntax of regular expressions, written anew for the engine.
//!
//! What differs: `{` that begins no repetition is itself; classes know no nesting and no set operations; `\Z` is the very
//! end and `$` also before a last newline; `\<` is `<`; `{,n}` begins at nothing; characters may be written in octal;
//! conditions name groups without `<>`.

/// What holds from here to the end of a group.
#[derive(Clone, Copy)]
struct Flags {
    multi_line: bool,
    verbose: bool,
}

struct Translator {
    characters: Vec<char>,
    at: usize,
    written: String,
    flags: Flags,
    /// The flags outside of each open group.
    groups: Vec<Flags>,
}

/// Writes a pattern for the engine.
pub(super) fn translate(pattern: &str, multi_line: bool) -> Result<String, String> {
    let mut translator = Translator {
        characters: pattern.chars().collect(),
        at: 0,
        written: String::with_capacity(pattern.len() + 8),
        flags: Flags { multi_line, verbose: false },
        groups: Vec::new(),
    };
    while let Some(character) = translator.next() {
        translator.one(character)?;
    }
    if !translator.groups.is_empty() {
        return Err("a ( has no )".to_owned());
    }
    Ok(translator.written)
}

impl Translator {
    fn next(&mut self) -> Option<char> {
        let character = self.characters.get(self.at).copied();
        self.at += 1;
        character
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    /// Takes the characters until one, which is taken too and not given.
    fn until(&mut self, end: char) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some(character) if character == end => return Ok(text),
                Some(character) => text.push(character),
                None => return Err(format!("`{end}` is missing")),
            }
        }
    }

    fn one(&mut self, character: char) -> Result<(), String> {
        match character {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            ')' => {
                self.flags = self.groups.pop().ok_or("a ) has no (")?;
                self.written.push(')');
                Ok(())
            }
            '$' if !self.flags.multi_line => {
                self.written.push_str(r"(?=\n?\z)");
                Ok(())
            }
            '{' => {
                self.repetition();
                Ok(())
            }
            '}' => {
                self.written.push_str(r"\}");
                Ok(())
            }
            '#' if self.flags.verbose => {
                while self.peek(0).is_some_and(|character| character != '\n') {
                    self.at += 1;
                }
                Ok(())
            }
            other => {
                self.written.push(other);
                Ok(())
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let escaped = self.next().ok_or("it ends in a backslash")?;
        match escaped {
            'Z' => self.written.push_str(r"\z"),
            'A' | 'B' | 'b' | 'D' | 'd' | 'S' | 's' | 'W' | 'w' => self.written.extend(['\\', escaped]),
            '1'..='9' if self.octal_length() != 3 => {
                let mut number = escaped.to_string();
                if let Some(second) = self.peek(0).filter(char::is_ascii_digit) {
                    number.push(second);
                    self.at += 1;
                }
                // In a group of its own, so that a digit after it stays a digit.
                self.written.push_str(&format!(r"(?:\{number})"));
            }
            _ => {
                let character = self.character(escaped)?;
                self.literal(character);
            }
        }
        Ok(())
    }

    /// How many octal digits there are, the one just taken included, up to three.
    fn octal_length(&self) -> usize {
        let digits = &self.characters[self.at - 1..];
        digits.iter().take(3).take_while(|digit| digit.is_digit(8)).count()
    }

    /// The one character that an escape stands for.
    fn character(&mut self, escaped: char) -> Result<char, String> {
        let hex = |translator: &mut Self, length: usize| {
            let digits: String = (0..length).filter_map(|_| translator.next()).collect();
            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length);
            code.and_then(char::from_u32).ok_or_else(|| format!("`\\{escaped}{digits}` is no character"))
        };
        Ok(match escaped {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'a' => '\u{7}',
            'x' => hex(self, 2)?,
            'u' => hex(self, 4)?,
            'U' => hex(self, 8)?,
            '0'..='7' => {
                let length = self.octal_length();
                let digits: String = self.characters[self.at - 1..self.at - 1 + length].iter().collect();
                self.at += length - 1;
                let code = u32::from_str_radix(&digits, 8).map_err(|error| error.to_string())?;
                char::from_u32(code).ok_or("no such character")?
            }
            letter if letter.is_ascii_alphanumeric() => return Err(format!(r"\{letter} means nothing")),
            other => other,
        })
    }

    /// Writes a character that stands for itself.
    fn literal(&mut self, character: char) {
        match character {
            // In verbose mode they would mean nothing.
            ' ' | '#' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => {
                self.written.push_str(&format!(r"\x{{{:x}}}", u32::from(character)));
            }
            special if r"\.+*?()|[]{}^$&~-".contains(special) => self.written.extend(['\\', special]),
            other => self.written.push(other),
        }
    }

    fn repetition(&mut self) {
        let mut ahead = 0;
        let mut number = |translator: &Self| {
            let mut digits = String::new();
            while let Some(digit) = translator.peek(ahead).filter(char::is_ascii_digit) {
                digits.push(digit);
                ahead += 1;
            }
            if translator.peek(ahead) == Some(',') {
                digits.push(',');
                ahead += 1;
            }
            digits
        };
        let first = number(self);
        let second = if first.ends_with(',') { number(self) } else { String::new() };
        let is_repetition = self.peek(ahead) == Some('}') && !first.is_empty() && !second.ends_with(',');
        if !is_repetition {
            self.written.push_str(r"\{");
            return;
        }
        let least = if first == "," { "0," } else { &first };
        self.written.push_str(&format!("{{{least}{second}}}"));
        self.at += ahead + 1;
    }

    fn class(&mut self) -> Result<(), String> {
        self.written.push('[');
        if self.peek(0) == Some('^') {
            self.written.push('^');
            self.at += 1;
        }
        let mut first = true;
        // Whether a `-` now would make a range: after one character that does not end a range itself.
        let mut may_begin_range = false;
        loop {
            let character = self.next().ok_or("a [ has no ]")?;
            match character {
                ']' if !first => {
                    self.written.push(']');
                    return Ok(());
                }
                '-' if may_begin_range && self.peek(0).is_some_and(|next| next != ']') => {
                    self.written.push('-');
                    let end = self.next().ok_or("a [ has no ]")?;
                    self.class_member(end)?;
                    may_begin_range = false;
                }
                other => may_begin_range = self.class_member(other)?,
            }
            first = false;
        }
    }

    /// Writes one member of a class; tells whether it is one character, not a set such as `\w`.
    fn class_member(&mut self, character: char) -> Result<bool, String> {
        if character != '\\' {
            self.literal(character);
            return Ok(true);
        }
        let escaped = self.next().ok_or("it ends in a backslash")?;
        match escaped {
            'D' | 'd' | 'S' | 's' | 'W' | 'w' => {
                self.written.extend(['\\', escaped]);
                Ok(false)
            }
            'b' => {
                self.literal('\u{8}');
                Ok(true)
            }
            _ => {
                let character = self.character(escaped)?;
                self.literal(character);
                Ok(true)
            }
        }
    }

    fn group(&mut self) -> Result<(), String> {
        let outside = self.flags;
        match (self.peek(0), self.peek(1)) {
            (Some('?'), Some('#')) => {
                self.until(')')?;
                return Ok(());
            }
            (Some('?'), Some('(')) => {
                self.at += 2;
                let condition = self.until(')')?;
                let is_number = condition.bytes().all(|byte| byte.is_ascii_digit());
                let condition = if is_number { condition } else { format!("<{condition}>") };
                self.written.push_str(&format!("(?({condition})"));
            }
            (Some('?'), Some('P')) if self.peek(2) == Some('=') => {
                self.at += 3;
                let name = self.until(')')?;
                self.written.push_str(&format!("(?P={name})"));
                return Ok(());
            }
            (Some('?'), Some('P' | '<')) => {
                self.written.push('(');
                while let Some(character) = self.next() {
                    self.written.push(character);
                    let is_look_behind = character == '<' && matches!(self.peek(0), Some('=' | '!'));
                    if character == '>' || is_look_behind {
                        break;
                    }
                }
            }
            (Some('?'), Some(':' | '=' | '!' | '>')) => self.written.push('('),
            (Some('?'), _) => return self.flag_group(),
            _ => self.written.push('('),
        }
        self.groups.push(outside);
        Ok(())
    }

    /// `(?im)`, which holds for all that follows, or `(?i-m:`, which begins a group.
    fn flag_group(&mut self) -> Result<(), String> {
        self.at += 1;
        let outside = self.flags;
        let mut on = true;
        let mut flags = String::new();
        loop {
            let flag = self.next().ok_or("a ( has no )")?;
            match flag {
                ':' | ')' => {
                    // Only a flag that the engine has is written; those for kinds of text say nothing here.
                    let flags = flags.trim_end_matches('-');
                    if flag == ':' {
                        self.written.push_str(&format!("(?{flags}:"));
                        self.groups.push(outside);
                    } else if !flags.is_empty() {
                        self.written.push_str(&format!("(?{flags})"));
                    }
                    return Ok(());
                }
                '-' => {
                    on = false;
                    flags.push('-');
                }
                'm' => {
                    self.flags.multi_line = on;
                    flags.push('m');
                }
                'x' => {
                    self.flags.verbose = on;
                    flags.push('x');
                }
                'i' | 's' => flags.push(flag),
                'a' | 'L' | 'u' => {}
                other => return Err(format!("(?{other} means nothing")),
            }
        }
    }
}
