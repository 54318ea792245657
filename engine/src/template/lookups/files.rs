//! Lookups of files, and of what commands of the controller print.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use super::{Lookups, flat};
use crate::playbook::{Files, expand_user};
use crate::template::evaluation::{scope, search_path};
use crate::template::filters::{elements, wrong};
use crate::template::python::{Missing, is_missing};
use crate::template::{RenderOptions, Scope, TemplateError, to_text};

/// A file of the controller, below the folders of the task.
pub(super) fn find(kind: &str, name: &str) -> Option<PathBuf> {
    let path = expand_user(name);
    if path.is_absolute() {
        return Files::is_there(&path).then_some(path);
    }
    search_path()
        .iter()
        .flat_map(|folder| [folder.join(kind).join(name), folder.join(name)])
        .find(|path| Files::is_there(path))
}

pub(super) fn file(lookups: &Lookups, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let right = kwargs.get::<Option<bool>>("rstrip")?.unwrap_or(true);
    let left = kwargs.get::<Option<bool>>("lstrip")?.unwrap_or(false);
    let content = |term: &Value| {
        let name = to_text(term);
        let path = find("files", &name).unwrap_or_else(|| PathBuf::from(&name));
        let content = lookups
            .read(&path)
            .map_err(|error| wrong(format!("Unable to access the file '{name}': {error}")))?;
        let text =
            String::from_utf8(content.bytes).map_err(|_| wrong(format!("{name} is not text in UTF-8")))?;
        let text = if right { text.trim_end() } else { &text };
        Ok(Value::from(if left { text.trim_start() } else { text }))
    };
    terms.iter().map(content).collect()
}

/// Files as they are, decrypted.
pub(super) fn unvault(lookups: &Lookups, terms: &[Value]) -> Result<Vec<Value>, Error> {
    let content = |term: &Value| {
        let name = to_text(term);
        let path =
            find("files", &name).ok_or_else(|| wrong(format!("Unable to find file matching '{name}'")))?;
        let content = lookups.read(&path).map_err(|error| wrong(format!("cannot read {name}: {error}")))?;
        Ok(Value::from(String::from_utf8_lossy(&content.bytes).into_owned()))
    };
    terms.iter().map(content).collect()
}

/// Rendered files.
pub(super) fn template(lookups: &Lookups, terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let scope = scope().ok_or_else(|| wrong("there are no variables here"))?;
    let engine = lookups.engine.upgrade().ok_or_else(|| wrong("the template engine is gone"))?;
    let text = |name: &str| kwargs.get::<Option<String>>(name);
    let flag = |name: &str, usual: bool| Ok::<_, Error>(kwargs.get::<Option<bool>>(name)?.unwrap_or(usual));
    let shape = RenderOptions {
        trim_blocks: flag("trim_blocks", true)?,
        variable_start: text("variable_start_string")?,
        variable_end: text("variable_end_string")?,
        block_start: text("block_start_string")?,
        block_end: text("block_end_string")?,
        comment_start: text("comment_start_string")?,
        comment_end: text("comment_end_string")?,
        ..RenderOptions::default()
    };
    for ignored in ["convert_data", "jinja2_native", "lstrip_blocks"] {
        kwargs.get::<Option<Value>>(ignored)?;
    }
    let more = kwargs.get::<Option<Value>>("template_vars")?;
    let scope: Arc<dyn Scope> = match more.filter(|more| more.kind() == ValueKind::Map) {
        Some(more) => Arc::new(With { more, scope }),
        None => scope,
    };
    let mut rendered = Vec::new();
    for term in terms {
        let name = to_text(term);
        let path = find("templates", &name)
            .ok_or_else(|| wrong(format!("the template file {name} could not be found for the lookup")))?;
        let content = lookups.read(&path).map_err(|error| wrong(format!("cannot read {name}: {error}")))?;
        let source = content.source(&path).map_err(TemplateError::from);
        // The error keeps its place in the file.
        rendered.push(match source.and_then(|source| engine.render_value(&source, &scope, &shape)) {
            Ok(value) => value,
            // What is not defined in it makes the whole of it so.
            Err(error) if error.undefined.is_some() => Missing::failed(error),
            Err(error) => return Err(wrong(error.to_string()).with_source(error)),
        });
    }
    Ok(rendered)
}

/// A scope with more variables.
#[derive(Debug)]
struct With {
    more: Value,
    scope: Arc<dyn Scope>,
}

impl Scope for With {
    fn variable(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>> {
        let more = self.more.get_attr(name).ok().filter(|value| !value.is_undefined());
        more.map(Ok).or_else(|| Arc::clone(&self.scope).variable(name))
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names = self.scope.names();
        names.extend(self.more.try_iter().into_iter().flatten().map(|name| Arc::from(to_text(&name))));
        names
    }

    fn search_path(&self) -> Vec<PathBuf> {
        self.scope.search_path()
    }

    fn check_mode(&self) -> bool {
        self.scope.check_mode()
    }
}

pub(super) fn fileglob(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        let pattern = to_text(term);
        let folders = if Path::new(&pattern).is_absolute() {
            vec![PathBuf::from("/")]
        } else {
            search_path().iter().flat_map(|folder| [folder.join("files"), folder.clone()]).collect()
        };
        for folder in folders {
            let paths = matching(&folder.join(&pattern))?;
            if !paths.is_empty() {
                found.extend(paths.iter().map(|path| Value::from(path.display().to_string())));
                break;
            }
        }
    }
    Ok(found)
}

/// The files that a pattern matches, any part of which may have wildcards. As with Python, these match no name that begins
/// with a dot unless the pattern does.
pub(in crate::template) fn matching(pattern: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if !text.contains(['*', '?', '[']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let glob = globset::Glob::new(&text).map_err(|error| wrong(error.to_string()))?.compile_matcher();
        let matches = |name: &std::ffi::OsStr| {
            let is_hidden = name.to_string_lossy().starts_with('.');
            glob.is_match(name) && (!is_hidden || text.starts_with('.'))
        };
        let mut next = Vec::new();
        for folder in &found {
            let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            // What is no folder, or may not be read, holds nothing that matches.
            let names =
                std::fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.file_name());
            next.extend(names.filter(|name| matches(name)).map(|name| folder.join(name)));
        }
        next.sort();
        found = next;
    }
    found.retain(|path| path.is_file());
    Ok(found)
}

pub(super) fn first_found(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let mut skip = kwargs.get::<Option<bool>>("skip")?.unwrap_or(false);
    let mut names = Vec::new();
    let texts = |value: &Value, marks: &[char]| -> Result<Vec<String>, Error> {
        match value.as_str() {
            Some(text) => Ok(text.split(marks).map(|name| name.trim().to_owned()).collect()),
            None if is_missing(value) => Ok(Vec::new()),
            None => Ok(elements("first_found", value)?.iter().map(to_text).collect()),
        }
    };
    let add = |files: &Value, paths: &Value, names: &mut Vec<String>| -> Result<(), Error> {
        let (files, paths) = (texts(files, &[',', ';'])?, texts(paths, &[',', ';', ':'])?);
        for file in &files {
            if paths.is_empty() {
                names.push(file.clone());
            }
            names.extend(paths.iter().map(|path| format!("{path}/{file}")));
        }
        Ok(())
    };
    if let Some(files) = kwargs.get::<Option<Value>>("files")? {
        add(&files, &kwargs.get::<Option<Value>>("paths")?.unwrap_or_default(), &mut names)?;
    }
    for term in flat(terms, usize::MAX)? {
        if term.kind() == ValueKind::Map {
            skip |= term.get_attr("skip")?.is_true();
            add(&term.get_attr("files")?, &term.get_attr("paths")?, &mut names)?;
        } else {
            let name =
                term.as_str().ok_or_else(|| wrong(format!("`{}` is no file's name", to_text(&term))))?;
            names.extend(texts(&Value::from(name), &[',', ';'])?);
        }
    }
    let folder = kwargs.get::<Option<String>>(super::FOLDER)?.unwrap_or_default();
    if let Some(path) = names.iter().find_map(|name| find(&folder, name)) {
        return Ok(vec![Value::from(path.display().to_string())]);
    }
    if skip {
        Ok(Vec::new())
    } else {
        Err(wrong(format!("No file was found when using first_found: {}", names.join(", "))))
    }
}

/// What a command of the controller prints.
pub(super) fn pipe(name: &str, terms: &[Value]) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in terms {
        let line = to_text(term);
        let output = std::process::Command::new("/bin/sh")
            .arg("-c")
            .arg(&line)
            .output()
            .map_err(|error| wrong(format!("{name}: {error}")))?;
        if !output.status.success() {
            return Err(wrong(format!(
                "lookup_plugin.{name}({line}) returned {}",
                output.status.code().unwrap_or(-1)
            )));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if name == "pipe" {
            found.push(Value::from(text.trim_end().to_owned()));
        } else {
            found.extend(text.lines().map(Value::from));
        }
    }
    Ok(found)
}

/// All that is below folders: `community.general.filetree`.
pub(super) fn filetree(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let excluded = kwargs.get::<Option<String>>("exclude")?;
    let excluded =
        excluded.map(|pattern| super::super::filters::compile_regex(&pattern, false, false)).transpose()?;
    let mut found: Vec<Value> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for term in terms {
        let name = to_text(term);
        let Some(root) = find("files", &name) else { continue };
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .collect();
            paths.sort();
            for path in paths {
                let relative = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
                let is_excluded =
                    excluded.as_ref().is_some_and(|regex| regex.is_match(&relative).unwrap_or(false));
                if is_excluded || seen.contains(&relative) {
                    continue;
                }
                let Ok(status) = path.symlink_metadata() else { continue };
                if status.is_dir() {
                    folders.push(path.clone());
                }
                found.push(tree_entry(&root, &path, &relative, &status));
                seen.push(relative);
            }
        }
    }
    Ok(found)
}

fn tree_entry(root: &Path, path: &Path, relative: &str, status: &std::fs::Metadata) -> Value {
    use std::os::unix::fs::MetadataExt as _;
    let state = if status.is_symlink() {
        "link"
    } else if status.is_dir() {
        "directory"
    } else {
        "file"
    };
    let mut entry = vec![
        ("root", Value::from(root.display().to_string())),
        ("path", Value::from(relative)),
        ("state", Value::from(state)),
        ("mode", Value::from(format!("0{:o}", status.mode() & 0o7777))),
        ("uid", Value::from(status.uid())),
        ("gid", Value::from(status.gid())),
        ("size", Value::from(status.size())),
        ("mtime", Value::from(status.mtime() as f64)),
        ("ctime", Value::from(status.ctime() as f64)),
    ];
    match state {
        "link" => {
            let to = std::fs::read_link(path).unwrap_or_default();
            entry.push(("src", Value::from(to.display().to_string())));
        }
        "file" => entry.push(("src", Value::from(path.display().to_string()))),
        _ => {}
    }
    Value::from_pairs(entry)
}
