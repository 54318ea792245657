//! Lookups in files of tables and settings: `csvfile` and `ini`.

use indexmap::IndexMap;
use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::{Lookups, files, options};
use crate::template::filters::{compile_regex, wrong};
use crate::template::{table, to_text};

/// One option, from the term or from the call.
fn option(kwargs: &Kwargs, written: &[(String, String)], name: &str) -> Result<Option<String>, Error> {
    let named =
        kwargs.get::<Option<Value>>(name)?.filter(|value| !value.is_none()).map(|value| to_text(&value));
    let written = written.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Ok(written.or(named))
}

fn read(lookups: &Lookups, name: &str) -> Result<String, Error> {
    let path = files::find("files", name).ok_or_else(|| wrong(format!("cannot find the file `{name}`")))?;
    let content = lookups.read(&path).map_err(|error| wrong(format!("cannot read {name}: {error}")))?;
    String::from_utf8(content.bytes).map_err(|_| wrong(format!("{name} is not text in UTF-8")))
}

/// A field of the row whose first field is the key.
pub(super) fn csvfile(lookups: &Lookups, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        let (key, written) = options(&to_text(term));
        let get = |name: &str, usual: &str| {
            Ok::<_, Error>(option(kwargs, &written, name)?.unwrap_or_else(|| usual.to_owned()))
        };
        let file = get("file", "ansible.csv")?;
        let delimiter = match get("delimiter", "TAB")?.as_str() {
            "TAB" | "t" | "\\t" => '\t',
            other => other.chars().next().unwrap_or('\t'),
        };
        let number = |text: String| {
            text.parse::<usize>().map_err(|_| wrong(format!("csvfile: `{text}` is no column")))
        };
        let (column, key_column) = (number(get("col", "1")?)?, number(get("keycol", "0")?)?);
        get("encoding", "utf-8")?;
        let default = option(kwargs, &written, "default")?;
        let rows = table::rows(&read(lookups, &file)?, delimiter);
        match rows.iter().find(|row| row.get(key_column).is_some_and(|field| *field == key)) {
            Some(row) => found.push(Value::from(
                row.get(column).ok_or_else(|| wrong("csvfile: list index out of range"))?.as_str(),
            )),
            None => found.extend(default.map(Value::from)),
        }
    }
    Ok(found)
}

/// A setting of a section, or those whose names match.
pub(super) fn ini(lookups: &Lookups, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        let (key, written) = options(&to_text(term));
        let get = |name: &str, usual: &str| {
            Ok::<_, Error>(option(kwargs, &written, name)?.unwrap_or_else(|| usual.to_owned()))
        };
        let is_yes = |text: String| matches!(text.to_lowercase().as_str(), "true" | "yes" | "1" | "on");
        let file = get("file", "ansible.ini")?;
        let is_properties = get("type", "ini")? == "properties";
        let section = if is_properties { "java_properties".to_owned() } else { get("section", "global")? };
        let by_pattern = is_yes(get("re", "false")?);
        let case_sensitive = is_yes(get("case_sensitive", "false")?);
        let allow_none = is_yes(get("allow_none", "false")?) || is_yes(get("allow_no_value", "false")?);
        get("encoding", "utf-8")?;
        let default = get("default", "")?;
        let text = read(lookups, &file)?;
        let text = if is_properties { format!("[java_properties]\n{text}") } else { text };
        // What stands for all sections comes first, unless this one has it, too.
        let own = settings(&text, &section, allow_none)?;
        let own = own.ok_or_else(|| wrong(format!("No section '{section}' in '{file}'.")))?;
        let usual = settings(&text, "DEFAULT", allow_none)?.unwrap_or_default();
        let mut settings: IndexMap<String, String> = usual.into_iter().collect();
        settings.extend(own);
        let same =
            |name: &str| if case_sensitive { name == key } else { name.to_lowercase() == key.to_lowercase() };
        if by_pattern {
            let regex = compile_regex(&key, false, false)?;
            let fits = |name: &str| matches!(regex.find(name), Ok(Some(found)) if found.start() == 0);
            found.extend(
                settings.iter().filter(|(name, _)| fits(name)).map(|(_, value)| Value::from(value.as_str())),
            );
        } else {
            let value = settings.iter().find(|(name, _)| same(name)).map(|(_, value)| value.clone());
            found.push(Value::from(value.unwrap_or(default)));
        }
    }
    Ok(found)
}

/// The settings of one section; none when there is no such section.
fn settings(text: &str, wanted: &str, allow_none: bool) -> Result<Option<Vec<(String, String)>>, Error> {
    let mut is_wanted = false;
    let mut found: Option<Vec<(String, String)>> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_wanted = name == wanted;
            if is_wanted {
                found.get_or_insert_default();
            }
            continue;
        }
        let Some(settings) = found.as_mut().filter(|_| is_wanted) else { continue };
        if line.starts_with([' ', '\t']) {
            // What is indented goes on with the setting above.
            if let Some((_, value)) = settings.last_mut() {
                value.push('\n');
                value.push_str(trimmed);
                continue;
            }
        }
        match trimmed.find(['=', ':']) {
            Some(at) => {
                settings.push((trimmed[..at].trim().to_owned(), trimmed[at + 1..].trim().to_owned()));
            }
            None if allow_none => settings.push((trimmed.to_owned(), String::new())),
            None => return Err(wrong(format!("ini: `{trimmed}` is neither a section nor a setting"))),
        }
    }
    Ok(found)
}
