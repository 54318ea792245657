//! Tables in text, their fields parted by commas or other signs.

/// The rows of a table; fields in double quotes may hold anything.
pub(super) fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                // An empty line is no row.
                if row.len() > 1 || row.first().is_some_and(|field| !field.is_empty()) {
                    rows.push(std::mem::take(&mut row));
                } else {
                    row.clear();
                }
            }
            '\r' if !quoted => {}
            same if same == delimiter && !quoted => row.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn fields_may_hold_what_parts_them() {
        let found = rows("a,\"b,\"\"c\"\"\"\n\n1,2", ',');
        assert_eq!(found, [vec!["a", "b,\"c\""], vec!["1", "2"]]);
    }
}
