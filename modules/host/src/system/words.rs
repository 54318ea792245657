//! Command lines as words: splitting by a shell's quoting rules without a shell, and quoting for one.

/// Splits a line into words. Quotes group, a backslash takes the next character as it is; nothing is expanded.
///
/// # Errors
/// A message when a quote is not closed or a backslash ends the line.
pub fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    // A word may be empty, when it is quoted; so there is a word as soon as there is anything of it.
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(quoted) => word.push(quoted),
                        None => return Err("No closing quotation"),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => match characters.next() {
                            Some(escaped @ ('"' | '\\')) => word.push(escaped),
                            Some(other) => word.extend(['\\', other]),
                            None => return Err("No closing quotation"),
                        },
                        Some(quoted) => word.push(quoted),
                        None => return Err("No closing quotation"),
                    }
                }
            }
            '\\' => match characters.next() {
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err("No escaped character"),
            },
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

/// A word as a shell reads it back.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r#"'"'"'"#))
}

#[cfg(test)]
mod tests {
    use super::{quote, split};

    #[test]
    fn lines_are_split_as_a_shell_would() {
        for (line, words) in [
            ("", vec![]),
            ("  a   b\tc\n", vec!["a", "b", "c"]),
            ("a 'b c' \"d e\"", vec!["a", "b c", "d e"]),
            ("a'b'\"c\"d", vec!["abcd"]),
            ("'' \"\"", vec!["", ""]),
            (r#"a\ b \' "\"\\\n" '\n'"#, vec!["a b", "'", "\"\\\\n", "\\n"]),
            ("# no comment", vec!["#", "no", "comment"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        for line in ["'a", "\"a", "\"a\\", "a\\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn quoted_words_come_back() {
        for word in ["plain", "", "two words", "it's", "$HOME", "a\"b", "ü", "a\nb"] {
            assert_eq!(split(&quote(word)).unwrap(), [word]);
        }
    }
}
