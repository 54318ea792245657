//! `~` and `$NAME` in paths and words, without a shell.

/// Replaces `~` and `~user` at the beginning by a home folder, then `$NAME` and `${NAME}` by variables; what is not
/// known stays as it is.
pub fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    user(&variables(text, variable), variable)
}

/// A path as a task writes it, with what is known to this process.
pub fn path(text: &str) -> String {
    expand(text, &process_variable)
}

/// A variable of this process.
pub fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn user(path: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = match name {
        "" => variable("HOME").or_else(|| home_of(|fields| fields[2] == own_uid())),
        name => home_of(|fields| fields[0] == name),
    };
    match home {
        Some(home) => format!("{}{rest}", home.trim_end_matches('/')),
        None => path.to_owned(),
    }
}

fn own_uid() -> String {
    rustix::process::getuid().as_raw().to_string()
}

/// The home folder in the first line of `/etc/passwd` that is wanted.
fn home_of(wanted: impl Fn(&[&str]) -> bool) -> Option<String> {
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.len() >= 6 && wanted(fields))
        .map(|fields| fields[5].to_owned())
}

fn variables(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        let (name, length) = reference(rest);
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => expanded.push_str(&value),
            None => expanded.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    expanded + rest
}

/// The name after a `$`, and how long the whole reference is.
fn reference(text: &str) -> (&str, usize) {
    let after = &text[1..];
    if let Some(braced) = after.strip_prefix('{') {
        return braced.find('}').map_or(("", 1), |end| (&braced[..end], end + 3));
    }
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    (&after[..end], end + 1)
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn known_names_are_replaced_and_others_stay() {
        let variable = |name: &str| match name {
            "HOME" => Some("/home/me".to_owned()),
            "A" => Some("1".to_owned()),
            _ => None,
        };
        for (text, expanded) in [
            ("~", "/home/me"),
            ("~/x", "/home/me/x"),
            ("~root/x", "/root/x"),
            ("~nobody-such/x", "~nobody-such/x"),
            ("a~", "a~"),
            ("$A${A}-$A_", "11-$A_"),
            ("$HOME/x", "/home/me/x"),
            ("$UNKNOWN ${ALSO} ${ $ $$", "$UNKNOWN ${ALSO} ${ $ $$"),
            ("ü$A", "ü1"),
        ] {
            assert_eq!(expand(text, &variable), expanded, "{text}");
        }
    }
}
