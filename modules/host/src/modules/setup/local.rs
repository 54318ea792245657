//! Facts that a host's administrators provide.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Map, Value};

use super::collectors::{Gathered, Host};
use crate::Context;

/// `ansible_local`: a fact for each `*.fact` file, from its text, or from its output when it is a program.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let mut local = Map::new();
    let mut files: Vec<_> = std::fs::read_dir(&host.fact_path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "fact")) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let value = text_of(file, host.context).and_then(|text| parse(&text, file));
        let value = value.unwrap_or_else(|reason| {
            gathered.warnings.push(reason.clone());
            reason.into()
        });
        local.insert(name, value);
    }
    gathered.set("ansible_local", local);
}

fn text_of(file: &Path, context: &Context) -> Result<String, String> {
    let failed =
        |reason: &dyn std::fmt::Display| format!("cannot read local facts from {}: {reason}", file.display());
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if metadata.permissions().mode() & 0o111 == 0 {
        let bytes = std::fs::read(file).map_err(|error| failed(&error))?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let finished = context.command(file).run().map_err(|error| failed(&error))?;
    if finished.status.success() {
        Ok(finished.out())
    } else {
        Err(format!(
            "failure executing fact script ({}), rc: {}, err: {}",
            file.display(),
            finished.code(),
            finished.err()
        ))
    }
}

/// JSON, else INI.
fn parse(text: &str, file: &Path) -> Result<Value, String> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    ini(text).map(Value::Object).ok_or_else(|| {
        format!("error loading facts as JSON or ini - please check content: {}", file.display())
    })
}

/// Sections of `name = value` or `name: value`; names in lower case, a value goes on in lines that begin with space.
fn ini(text: &str) -> Option<Map<String, Value>> {
    let mut sections = Map::new();
    let mut section: Option<String> = None;
    let mut last: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && let (Some(section), Some(name)) = (&section, &last)
        {
            if let Some(Value::String(value)) = sections.get_mut(section)?.get_mut(name) {
                value.push('\n');
                value.push_str(trimmed);
            }
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            let name = name.split_once(']')?.0.to_owned();
            sections.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            (section, last) = (Some(name), None);
            continue;
        }
        let at = trimmed.find(['=', ':'])?;
        let (name, value) = (trimmed[..at].trim().to_lowercase(), trimmed[at + 1..].trim());
        let Value::Object(options) = sections.get_mut(section.as_ref()?)? else { return None };
        options.insert(name.clone(), value.into());
        last = Some(name);
    }
    Some(sections)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::modules::setup::files::tests::tree;
    use crate::modules::testing::context;

    #[test]
    fn json_ini_and_programs_are_facts() {
        let folder = "/etc/ansible/facts.d";
        let at = |name: &str| format!("{folder}/{name}.fact");
        let (_keep, files) = tree(&[
            (&at("app"), "{\"version\": 3}"),
            (&at("text"), "[General]\nColour = red\n# no\nlong: a\n b\n[empty]\n"),
            (&at("program"), "#!/bin/sh\necho '[1, 2]'\n"),
            (&at("broken"), "just words\n"),
            (&at("failing"), "#!/bin/sh\nexit 3\n"),
            ("/etc/ansible/facts.d/other.txt", "{}"),
        ]);
        for program in ["program", "failing"] {
            std::fs::set_permissions(files.path(at(program)), std::fs::Permissions::from_mode(0o755))
                .unwrap();
        }
        let context = context();
        let fact_path = files.path(folder);
        let host = Host { files, context: &context, fact_path, patience: Duration::from_secs(1) };
        let mut gathered = Gathered::default();
        collect(&host, &mut gathered);
        let local = &gathered.facts["ansible_local"];
        assert_eq!(local["app"], json!({"version": 3}));
        assert_eq!(local["text"], json!({"General": {"colour": "red", "long": "a\nb"}, "empty": {}}));
        assert_eq!(local["program"], json!([1, 2]));
        assert!(local["broken"].as_str().unwrap().contains("JSON or ini"));
        assert!(local["failing"].as_str().unwrap().contains("rc: 3"));
        assert_eq!((local.as_object().unwrap().len(), gathered.warnings.len()), (5, 2));
    }
}
