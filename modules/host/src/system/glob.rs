//! Shell patterns: `*`, `?`, `[a-z]`, `[!a-z]`, over names and over paths.

use std::path::{Path, PathBuf};

/// Whether a whole name matches a pattern. `*` and `?` match any character, `/` and a leading dot too.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where to go on when what followed the last `*` did not match: it then takes one character more.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if at < pattern.len() && pattern[at] == '*' {
            star = Some((at + 1, seen));
            at += 1;
            continue;
        }
        if at == pattern.len() && seen == name.len() {
            return true;
        }
        if let (true, Some(character)) = (at < pattern.len(), name.get(seen))
            && let Some(length) = one(&pattern[at..], *character)
        {
            at += length;
            seen += 1;
            continue;
        }
        match star {
            Some((after, from)) if from < name.len() => {
                star = Some((after, from + 1));
                (at, seen) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// How much of the pattern a character matches; `None` when it does not.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern[0] {
        '?' => Some(1),
        '[' => match class_end(pattern) {
            Some(end) => in_class(&pattern[1..end], character).then_some(end + 1),
            None => (character == '[').then_some(1),
        },
        plain => (plain == character).then_some(1),
    }
}

/// Where the `]` of a class is; one right after `[` or `[!` belongs to the class.
fn class_end(pattern: &[char]) -> Option<usize> {
    let first = if matches!(pattern.get(1), Some('!')) { 3 } else { 2 };
    (first..pattern.len()).find(|at| pattern[*at] == ']')
}

fn in_class(class: &[char], character: char) -> bool {
    let (negated, class) = match class {
        ['!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let mut at = 0;
    let mut found = false;
    while at < class.len() {
        if let [from, '-', to, ..] = class[at..] {
            found |= (from..=to).contains(&character);
            at += 3;
        } else {
            found |= class[at] == character;
            at += 1;
        }
    }
    found != negated
}

/// Whether a text has anything special to patterns.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The paths a pattern stands for, sorted. A leading dot must be written out; `*` stays within a folder.
pub fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if !is_pattern(&text) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        found = found.iter().flat_map(|folder| entries(folder, &text)).collect();
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found.sort();
    found
}

fn entries(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(listed) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            (pattern.starts_with('.') || !name.starts_with('.')) && matches(pattern, &name)
        })
        .map(|entry| folder.join(entry.file_name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*.log", "a.log", true),
            ("*.log", ".log", true),
            ("*.log", "a.log.1", false),
            ("a*b*c", "aXbbYc", true),
            ("a*b*c", "acb", false),
            ("?", "ü", true),
            ("?", "", false),
            ("[abc]x", "bx", true),
            ("[!abc]x", "bx", false),
            ("[a-c0-9]", "7", true),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("a.c", "abc", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn paths_are_expanded() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a1.txt", "a2.txt", ".hidden.txt", "b"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/a3.txt"), "").unwrap();
        let names = |pattern: &str| -> Vec<String> {
            let strip = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            expand(&folder.path().join(pattern)).into_iter().map(strip).collect()
        };
        assert_eq!(names("*.txt"), ["a1.txt", "a2.txt"]);
        assert_eq!(names(".*"), [".hidden.txt"]);
        assert_eq!(names("s*/a?.txt"), ["sub/a3.txt"]);
        assert_eq!(names("b"), ["b"]);
        assert!(names("c").is_empty());
        assert!(names("b/*").is_empty());
    }
}
