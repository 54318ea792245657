//! A query's words.

/// A word of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, a number, or a word such as `where`.
    Word(String),
    /// A text.
    Text(String),
    /// A sign, such as `=~`.
    Sign(&'static str),
}

const SIGNS: [&str; 20] = [
    "==",
    "=~",
    "!=",
    "!~",
    ">=",
    "<=",
    ">",
    "<",
    "=",
    "|",
    ",",
    "(",
    ")",
    "[",
    "]",
    ".",
    "!contains",
    "!in~",
    "!in",
    "!has",
];

/// The words of a query.
///
/// # Errors
/// A text without an end, or a sign that is not known.
pub(super) fn all(query: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '\'' | '"') {
            let end = rest[1..].find(first).ok_or("a text has no end")?;
            tokens.push(Token::Text(rest[1..=end].to_owned()));
            rest = &rest[end + 2..];
        } else if first.is_alphanumeric() || first == '_' || first == '$' {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && !"_$~".contains(letter));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        } else {
            // The longest sign counts.
            let signs = SIGNS.iter().filter(|sign| rest.starts_with(**sign));
            let sign = signs.max_by_key(|sign| sign.len()).ok_or_else(|| format!("unexpected '{first}'"))?;
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}
