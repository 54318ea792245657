//! Files of settings, as Python's `configparser` reads them for Ansible.

use std::sync::Arc;

use clouder_lang::{Diagnostic, Source, Span};

/// A value, and where it stands.
#[derive(Debug)]
pub(super) struct Entry {
    /// The section, as written.
    pub(super) section: String,
    /// The key, in small letters.
    pub(super) key: String,
    /// The value; lines that go on are joined by line breaks.
    pub(super) value: String,
    /// Where the value stands, its first line.
    pub(super) span: Span,
}

/// Reads a file: sections in brackets, `key = value` or `key: value`, comments after `#` or `;` at the beginning of a line
/// and after ` ;` behind a value, values that go on in lines further to the right.
pub(super) fn parse(source: &Arc<Source>) -> Result<Vec<Entry>, Box<Diagnostic>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut section: Option<String> = None;
    let mut margin = 0;
    let mut start = 0;
    let mut goes_on = false;
    for line in source.text().split_inclusive('\n') {
        let (from, text) = (start, line.trim_end_matches(['\n', '\r']));
        start += line.len();
        let text = without_comment(text);
        let trimmed = text.trim();
        if trimmed.is_empty() {
            continue;
        }
        let indent = text.len() - text.trim_start().len();
        let span = |from: usize, length: usize| Span::new(Arc::clone(source), from, from + length);
        let here = from + indent;
        if goes_on && indent > margin {
            if let Some(entry) = entries.last_mut() {
                entry.value.push('\n');
                entry.value.push_str(trimmed);
            }
            continue;
        }
        margin = indent;
        goes_on = false;
        if let Some(rest) = trimmed.strip_prefix('[') {
            let Some((name, _)) = rest.rsplit_once(']') else {
                let whole = span(here, trimmed.len());
                return Err(Box::new(
                    Diagnostic::error("a section has no end", &whole).hint("write `[name]`"),
                ));
            };
            section = Some(name.to_owned());
            continue;
        }
        let Some(section) = &section else {
            let whole = span(here, trimmed.len());
            return Err(Box::new(
                Diagnostic::error("a setting stands before the first section", &whole)
                    .hint("write `[defaults]` above it"),
            ));
        };
        let Some(middle) = trimmed.find(['=', ':']) else {
            let whole = span(here, trimmed.len());
            return Err(Box::new(
                Diagnostic::error("this is no setting", &whole).hint("write `key = value`"),
            ));
        };
        let key = trimmed[..middle].trim().to_lowercase();
        let behind = &trimmed[middle + 1..];
        let value = behind.trim();
        let offset = here + middle + 1 + (behind.len() - behind.trim_start().len());
        let span = span(offset, value.len());
        if entries.iter().any(|entry| entry.section == *section && entry.key == key) {
            let message = format!("`{key}` stands twice in `[{section}]`");
            return Err(Box::new(Diagnostic::error(message, &span).hint("leave out one of them")));
        }
        entries.push(Entry { section: section.clone(), key, value: value.to_owned(), span });
        goes_on = true;
    }
    Ok(entries)
}

/// A line without its comment.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let behind_blank = line
        .char_indices()
        .zip(line.chars().skip(1))
        .find_map(|((at, blank), next)| (next == ';' && blank.is_whitespace()).then_some(at));
    behind_blank.map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        parse(&Source::new("ansible.cfg", text))
            .unwrap()
            .into_iter()
            .map(|entry| (entry.section, entry.key, entry.value))
            .collect()
    }

    fn refused(text: &str) -> String {
        parse(&Source::new("ansible.cfg", text)).unwrap_err().to_string()
    }

    #[test]
    fn keys_values_comments_and_lines_that_go_on() {
        let text = "# all\n[defaults]\nForks = 20 ; many\ninventory: a,\n    b\n\n    ; no\n    c\nroles_path=x;y\n[ssh_connection]\n  retries = 3\n";
        let triple = |section: &str, key: &str, value: &str| (section.into(), key.into(), value.into());
        assert_eq!(
            read(text),
            [
                triple("defaults", "forks", "20"),
                triple("defaults", "inventory", "a,\nb\nc"),
                triple("defaults", "roles_path", "x;y"),
                triple("ssh_connection", "retries", "3"),
            ]
        );
    }

    #[test]
    fn places_of_values_are_known() {
        let entries = parse(&Source::new("x", "[a]\nkey =  value\n")).unwrap();
        assert_eq!(entries[0].span.text(), "value");
    }

    #[test]
    fn what_is_no_setting_is_refused_with_its_place() {
        for (text, place) in [
            ("forks = 1\n", "x:1:1"),
            ("[defaults\n", "x:1:1"),
            ("[a]\nnothing\n", "x:2:1"),
            ("[a]\nb=1\nb=2\n", "x:3:3"),
        ] {
            let said = parse(&Source::new("x", text)).unwrap_err().to_string();
            assert!(said.contains(place), "{said}");
        }
        assert!(refused("forks").contains("[defaults]"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&Source::new("x", text));
        }
    }
}
