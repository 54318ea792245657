//! The value of a `name=value` word.

/// The value with its escapes read and its outer quotes removed, and the bytes of `written` it came from.
pub(super) fn read_value(written: &str) -> (String, usize, usize) {
    let decoded = if written.contains('\\') { decode(written) } else { written.to_owned() };
    let bare = decoded.trim();
    let start = written.len() - written.trim_start().len();
    let end = written.trim_end().len().max(start);
    match unquoted(bare) {
        Some(inside) => {
            (inside.to_owned(), (start + 1).min(end), end.saturating_sub(1).max(start + 1).min(end))
        }
        None => (bare.to_owned(), start, end),
    }
}

/// What is inside of quotes that go from the first to the last character.
fn unquoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text[1..].strip_suffix(quote).filter(|inside| !inside.ends_with('\\'))
}

/// Reads `\n`, `\"`, `\x41`, `\u00e9` …; other backslashes stay, as regular expressions need them.
fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let (character, length) = match rest.as_bytes().get(1) {
            Some(b'n') => (Some('\n'), 2),
            Some(b't') => (Some('\t'), 2),
            Some(b'r') => (Some('\r'), 2),
            Some(b'a') => (Some('\u{7}'), 2),
            Some(b'b') => (Some('\u{8}'), 2),
            Some(b'f') => (Some('\u{c}'), 2),
            Some(b'v') => (Some('\u{b}'), 2),
            Some(escaped @ (b'\\' | b'"' | b'\'')) => (Some(char::from(*escaped)), 2),
            Some(b'x') => (hexadecimal(rest, 2), 4),
            Some(b'u') => (hexadecimal(rest, 4), 6),
            Some(b'U') => (hexadecimal(rest, 8), 10),
            _ => (None, 1),
        };
        match character {
            Some(character) => {
                decoded.push(character);
                rest = &rest[length..];
            }
            None => {
                decoded.push('\\');
                rest = &rest[1..];
            }
        }
    }
    decoded + rest
}

/// The character of so many hexadecimal digits after `\x`.
fn hexadecimal(escape: &str, digits: usize) -> Option<char> {
    let digits =
        escape.get(2..2 + digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
}
