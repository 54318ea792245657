//! Command lines as a shell takes them apart.

/// The words of a command line: blanks separate them, quotes and backslashes are removed. Nothing is expanded.
///
/// # Errors
/// What is never closed.
pub fn split_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\\' => {
                let next = characters.next().ok_or("nothing follows the last backslash")?;
                word.get_or_insert_default().push(next);
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or("a ' is never closed")? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or("a \" is never closed")? {
                        '"' => break,
                        '\\' => match characters.next().ok_or("a \" is never closed")? {
                            special @ ('"' | '\\') => word.push(special),
                            other => word.extend(['\\', other]),
                        },
                        inside => word.push(inside),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split_words;

    /// The expectations are what Python's `shlex.split` returns.
    #[test]
    fn words_are_those_of_a_shell() {
        let cases: [(&str, &[&str]); 6] = [
            ("a  b\tc\n", &["a", "b", "c"]),
            ("a 'b c' \"d e\"f", &["a", "b c", "d ef"]),
            (r#"\a "b\"c\d" 'e\f'"#, &["a", r#"b"c\d"#, r"e\f"]),
            ("'' \"\"", &["", ""]),
            ("a\\ b", &["a b"]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(split_words(line).unwrap(), expected, "{line}");
        }
        assert!(
            split_words("a 'b").is_err() && split_words("a \"b\\").is_err() && split_words("a\\").is_err()
        );
    }
}
