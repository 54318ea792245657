//! INI inventories.

use std::sync::Arc;

use clouder_lang::{Diagnostic, Source, Span};

use crate::{Inventory, host, literal, range};

/// What the lines below a heading are.
enum Section {
    Hosts(String),
    Variables(String),
    Children(String),
}

/// Adds what an INI inventory holds.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn read(source: &Arc<Source>, inventory: &mut Inventory) -> Result<(), Diagnostic> {
    let mut section = Section::Hosts("ungrouped".to_owned());
    // Groups that are only spoken of must be defined by the end.
    let mut mentioned: Vec<(String, Span)> = Vec::new();
    let mut offset = 0;
    for line in source.text().split_inclusive('\n') {
        let span = Span::new(Arc::clone(source), offset + indent(line), offset + line.trim_end().len());
        offset += line.len();
        let line = line.trim();
        if let Some(character) = line.chars().find(|c| c.is_control() && *c != '\t') {
            let message = format!("the control character U+{:04X} is in this line", u32::from(character));
            return Err(Diagnostic::error(message, &span).hint("this may be a binary file"));
        }
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(heading) = heading(line) {
            section = read_heading(heading, &span)?;
            match &section {
                Section::Hosts(group) => {
                    inventory.add_group(group);
                }
                Section::Children(group) => {
                    inventory.add_group(group);
                }
                Section::Variables(group) => mentioned.push((group.clone(), span)),
            }
            continue;
        }
        match &section {
            Section::Hosts(group) => read_host(line, group, &span, inventory)?,
            Section::Variables(group) => read_variable(line, group, &span, inventory)?,
            Section::Children(group) => {
                let child = line.split('#').next().unwrap_or_default().trim();
                mentioned.push((child.to_owned(), span.clone()));
                // Not yet: `add_child` would define it.
                add_child(inventory, group, child, &span)?;
            }
        }
    }
    let defined = defined_groups(source.text());
    for (group, span) in mentioned {
        let known = ["all", "ungrouped"].contains(&group.as_str()) || defined.contains(&group.as_str());
        if !known {
            let hint = match clouder_lang::nearest(&group, defined.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("define it with a line [{group}]"),
            };
            return Err(Diagnostic::error(format!("group `{group}` is not defined"), &span).hint(hint));
        }
    }
    Ok(())
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The groups that headings of this text define.
fn defined_groups(text: &str) -> Vec<&str> {
    let headings = text.lines().filter_map(|line| heading(line.trim()));
    headings
        .filter_map(|heading| match heading.split_once(':') {
            None => Some(heading.trim()),
            Some((group, "children")) => Some(group.trim()),
            Some(_) => None,
        })
        .collect()
}

fn add_child(inventory: &mut Inventory, parent: &str, child: &str, span: &Span) -> Result<(), Diagnostic> {
    if inventory.add_child(parent, child) {
        return Ok(());
    }
    let message = format!("group `{child}` cannot be a child of `{parent}`: it is above it, or is it itself");
    Err(Diagnostic::error(message, span).hint("remove one of the lines that make the circle"))
}

/// What is inside of the brackets of a heading; names of hosts may begin with a bracket, too: `[a:c].example.com`,
/// `[2001:db8::1]:22`.
fn heading(line: &str) -> Option<&str> {
    let (inner, rest) = line.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(inner)
}

fn read_heading(inner: &str, span: &Span) -> Result<Section, Diagnostic> {
    let wrong = |message: &str, hint: &str| Err(Diagnostic::error(message, span).hint(hint));
    let (group, kind) = inner.split_once(':').unwrap_or((inner, "hosts"));
    let group = group.trim().to_owned();
    if group.is_empty() || group.contains(char::is_whitespace) {
        return wrong("a group needs a name without spaces", "write [group]");
    }
    match kind.trim() {
        "hosts" => Ok(Section::Hosts(group)),
        "vars" => Ok(Section::Variables(group)),
        "children" => Ok(Section::Children(group)),
        other => {
            let nearest = clouder_lang::nearest(other, ["hosts", "vars", "children"]).unwrap_or("vars");
            wrong(
                &format!("a heading cannot end in `:{other}`"),
                &format!("did you mean [{group}:{nearest}]?"),
            )
        }
    }
}

/// `name[01:10]:port key=value …`.
fn read_host(line: &str, group: &str, span: &Span, inventory: &mut Inventory) -> Result<(), Diagnostic> {
    let words = split_words(line).map_err(|reason| Diagnostic::error(reason, span))?;
    let Some((name, settings)) = words.split_first() else { return Ok(()) };
    let (pattern, port) = host::split_port(name);
    if name.contains('=') {
        let message = format!("`{name}` is no host name");
        return Err(Diagnostic::error(message, span)
            .hint("a line begins with a host; variables of a group go below [group:vars]"));
    }
    let mut variables = Vec::new();
    for setting in settings {
        let Some((key, text)) = setting.split_once('=') else {
            let message = format!("expected key=value, found `{setting}`");
            return Err(Diagnostic::error(message, span)
                .hint("quote values that hold spaces, and put each host on a line of its own"));
        };
        variables.push((Arc::<str>::from(key), literal::value(text, span)));
    }
    for host in range::expand(pattern).map_err(|reason| Diagnostic::error(reason, span))? {
        inventory.add_to_group(&host, group);
        inventory.set_host_variables(&host, variables.iter().cloned());
        inventory.set_port(&host, port, span);
    }
    Ok(())
}

fn read_variable(line: &str, group: &str, span: &Span, inventory: &mut Inventory) -> Result<(), Diagnostic> {
    let Some((key, text)) = line.split_once('=') else {
        let message = format!("expected key=value, found `{line}`");
        return Err(Diagnostic::error(message, span).hint("below [group:vars] each line is one variable"));
    };
    let value = literal::value(text.trim(), span);
    inventory.set_group_variable(group, Arc::from(key.trim()), value);
    Ok(())
}

/// Splits a line as a POSIX shell would, up to a comment.
fn split_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '#' => break,
            space if space.is_whitespace() => words.extend(word.take()),
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\\') if quote == '"' => match characters.next() {
                            Some(escaped @ ('"' | '\\')) => word.push(escaped),
                            Some(other) => word.extend(['\\', other]),
                            None => return Err(format!("a {quote} that is not closed")),
                        },
                        Some(end) if end == quote => break,
                        Some(other) => word.push(other),
                        None => return Err(format!("a {quote} that is not closed")),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Inventory, String> {
        let mut inventory = Inventory::default();
        read(&Source::new("hosts", text), &mut inventory).map_err(|error| error.to_string())?;
        Ok(inventory)
    }

    #[test]
    fn an_inventory_is_read() {
        let mut inventory = load(concat!(
            "lone ansible_host=10.0.0.9\n; comment\n[web]\nw[1:2]:2222 note='a b' n=5 # trailing\n[db]\nd1\n",
            "[site:children]\nweb\ndb\n[site:vars]\nregion = eu\nports=[1, 2]\n",
        ))
        .unwrap();
        assert_eq!(inventory.select("site").unwrap().hosts.join(" "), "w1 w2 d1");
        let variables = inventory.variables_of("w2", None);
        assert_eq!(variables["note"].as_str(), Some("a b"));
        assert_eq!(variables["region"].as_str(), Some("eu"));
        assert_eq!(variables["ansible_port"].to_text().as_ref(), "2222");
        assert_eq!(variables["ports"].as_sequence().map(<[_]>::len), Some(2));
        assert_eq!(inventory.groups_of("lone").join(" "), "ungrouped");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, expected) in [
            ("[web\n", "has [ without ]"),
            ("[web:var]\n", "did you mean [web:vars]?"),
            ("a b\n", "expected key=value, found `b`"),
            ("a x='1\n", "not closed"),
            ("[site:children]\nwbe\n[web]\n", "did you mean `web`?"),
            ("[x:vars]\na=1\n", "group `x` is not defined"),
            ("[a:children]\nb\n[b:children]\na\n", "circle"),
            ("h[3:1]\n", "ends before it begins"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(expected) && error.contains("hosts:"), "{text:?}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(\\[[a-z:]{0,9}\\]?|[a-z0-9=\\[\\]:'\"# -]{0,20}|\\PC{0,9}|\n){0,12}") {
            let _ = load(&text);
        }
    }
}
