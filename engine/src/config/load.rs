//! Where settings come from.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clouder_lang::{Diagnostic, Source, Span};
use serde_json::Value;

use super::ini::{self, Entry};
use super::{ALL, ANSIBLE_HOME, Config, Kind, Origin, Setting};

/// The section of our own settings.
const OURS: &str = "clouder";

impl Config {
    /// Reads all settings that hold in a folder. `ansible.cfg` is the one `ANSIBLE_CONFIG` names, that of the folder, the
    /// user's `~/.ansible.cfg`, or `/etc/ansible/ansible.cfg`, whichever is first. Returns warnings, too.
    ///
    /// # Errors
    /// When a file cannot be read, or a value is not what the setting may be.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let variables = |name: &str| env::var(name).ok();
        Self::with(folder, &variables)
    }

    /// The same with an `ansible.cfg` that is named.
    ///
    /// # Errors
    /// As [`Self::load`]; when there is no such file.
    pub fn from_file(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        read(path)?;
        let named = path.display().to_string();
        let variables = |name: &str| match name {
            "ANSIBLE_CONFIG" => Some(named.clone()),
            name => env::var(name).ok(),
        };
        let folder = env::current_dir().unwrap_or_default();
        Self::with(&folder, &variables).map(|(config, _)| config)
    }

    /// Sections and keys that stand in the `ansible.cfg`, and where.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn written(&self) -> Result<Vec<(String, String, Span)>, Vec<Diagnostic>> {
        let Some(path) = &self.file else { return Ok(Vec::new()) };
        let entries = ini::parse(&read(path)?).map_err(|error| vec![*error])?;
        Ok(entries.into_iter().map(|entry| (entry.section, entry.key, entry.span)).collect())
    }

    fn with(
        folder: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut warnings = Vec::new();
        let loading = Loading { folder, environment };
        let file = loading.ansible_cfg(&mut warnings);
        let mut entries = match &file {
            Some(path) => ini::parse(&read(path)?).map_err(|error| vec![*error])?,
            None => Vec::new(),
        };
        entries.retain(|entry| entry.section != OURS);
        entries.extend(loading.ours()?);
        let values = loading.all(&entries)?;
        Ok((Self { values, file }, warnings))
    }
}

impl Default for Config {
    /// What settings are when nobody says so.
    fn default() -> Self {
        let nothing = |_: &str| None;
        let loading = Loading { folder: Path::new("/"), environment: &nothing };
        Self { values: loading.all(&[]).unwrap_or_default(), file: None }
    }
}
fn read(path: &Path) -> Result<std::sync::Arc<Source>, Vec<Diagnostic>> {
    let told = |error: std::io::Error| {
        vec![
            Diagnostic::without_place(format!("cannot read the settings in {}: {error}", path.display()))
                .hint("ANSIBLE_CONFIG names another file"),
        ]
    };
    Source::from_bytes(path, fs::read(path).map_err(told)?).map_err(|error| vec![error])
}

struct Loading<'a> {
    folder: &'a Path,
    environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Loading<'_> {
    /// All settings, or all that is wrong with them.
    fn all(&self, entries: &[Entry]) -> Result<HashMap<&'static str, (Value, Origin)>, Vec<Diagnostic>> {
        let home = ANSIBLE_HOME.resolve(self, entries, "").map_err(|error| vec![*error])?;
        let home = home.0.as_str().unwrap_or_default().to_owned();
        let mut values = HashMap::new();
        let mut errors = Vec::new();
        for setting in ALL {
            match setting.resolve(self, entries, &home) {
                Ok(value) => {
                    values.insert(setting.name, value);
                }
                Err(error) => errors.push(*error),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(errors) }
    }

    /// The file of Ansible's settings.
    fn ansible_cfg(&self, warnings: &mut Vec<Diagnostic>) -> Option<PathBuf> {
        if let Some(named) = (self.environment)("ANSIBLE_CONFIG").filter(|path| !path.is_empty()) {
            let path = self.folder.join(self.expand(&named));
            let path = if path.is_dir() { path.join("ansible.cfg") } else { path };
            if path.exists() {
                return Some(path);
            }
        }
        let here = self.folder.join("ansible.cfg");
        if here.exists() {
            let is_anyones =
                fs::metadata(self.folder).is_ok_and(|folder| folder.permissions().mode() & 0o002 != 0);
            if !is_anyones {
                return Some(here);
            }
            let message = format!("{} is not read: anyone may write to its folder", here.display());
            warnings.push(
                Diagnostic::warning(message, &Span::of_text("ansible.cfg", ""))
                    .hint("`chmod o-w` the folder, or name the file in ANSIBLE_CONFIG"),
            );
        }
        [self.expand("~/.ansible.cfg"), PathBuf::from("/etc/ansible/ansible.cfg")]
            .into_iter()
            .find(|path| path.exists())
    }

    /// Our own settings: `clouder.toml`.
    fn ours(&self) -> Result<Vec<Entry>, Vec<Diagnostic>> {
        let path = self.folder.join("clouder.toml");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let source = read(&path)?;
        let place = |range: std::ops::Range<usize>| Span::new(source.clone(), range.start, range.end);
        let table = toml::de::DeTable::parse(source.text()).map_err(|error| {
            vec![Diagnostic::error(error.message(), &place(error.span().unwrap_or(0..0)))]
        })?;
        let keys: Vec<&str> =
            ALL.iter().flat_map(|setting| setting.ini).filter(|at| at.0 == OURS).map(|at| at.1).collect();
        let mut entries = Vec::new();
        let mut errors = Vec::new();
        for (key, value) in table.get_ref() {
            let text = match value.get_ref() {
                toml::de::DeValue::String(text) => Some(text.to_string()),
                toml::de::DeValue::Array(items) => {
                    let items: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
                    items.map(|items| items.join(":"))
                }
                _ => None,
            };
            let name = key.get_ref().as_ref();
            match text {
                _ if !keys.contains(&name) => {
                    let nearest = clouder_lang::nearest(name, keys.iter().copied());
                    let hint = nearest.map_or_else(
                        || "settings of Ansible are in ansible.cfg".to_owned(),
                        |nearest| format!("did you mean `{nearest}`?"),
                    );
                    errors.push(
                        Diagnostic::error(format!("there is no setting `{name}`"), &place(key.span()))
                            .hint(hint),
                    );
                }
                Some(value_text) => entries.push(Entry {
                    section: OURS.to_owned(),
                    key: name.to_owned(),
                    value: value_text,
                    span: place(value.span()),
                }),
                None => errors.push(Diagnostic::error(
                    format!("`{name}` must be a text or a list of texts"),
                    &place(value.span()),
                )),
            }
        }
        if errors.is_empty() { Ok(entries) } else { Err(errors) }
    }

    /// `~` and `$NAME` in a path.
    fn expand(&self, path: &str) -> PathBuf {
        let mut expanded = String::new();
        let mut rest = path;
        while let Some(at) = rest.find('$') {
            let behind = &rest[at + 1..];
            let (name, length) = match behind.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some((name, _)) => (name, name.len() + 2),
                None => {
                    let length = behind
                        .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
                        .unwrap_or(behind.len());
                    (&behind[..length], length)
                }
            };
            expanded.push_str(&rest[..at]);
            match (self.environment)(name).filter(|_| !name.is_empty()) {
                Some(value) => expanded.push_str(&value),
                None => expanded.push_str(&rest[at..at + 1 + length]),
            }
            rest = &behind[length..];
        }
        expanded.push_str(rest);
        match expanded.strip_prefix('~') {
            Some(below) if below.is_empty() || below.starts_with('/') => {
                let home = (self.environment)("HOME").unwrap_or_else(|| "/".to_owned());
                Path::new(&home).join(below.trim_start_matches('/'))
            }
            _ => PathBuf::from(expanded),
        }
    }
}

impl Setting {
    /// Its value: of the environment, else of a file, else the usual one.
    fn resolve(
        &self,
        loading: &Loading<'_>,
        entries: &[Entry],
        home: &str,
    ) -> Result<(Value, Origin), Box<Diagnostic>> {
        let set = self.env.iter().rev().find_map(|name| Some((*name, (loading.environment)(name)?)));
        if let Some((name, text)) = set {
            // Any text that is not empty asks for no colours: https://no-color.org
            if name == "NO_COLOR" {
                return Ok((Value::Bool(!text.is_empty()), Origin::Environment(name)));
            }
            let value = self.read(&text, loading, loading.folder).map_err(|what| {
                Box::new(
                    Diagnostic::error(format!("{name} {what}"), &Span::of_text(&format!("${name}"), &text))
                        .hint(self.about.trim()),
                )
            })?;
            return Ok((value, Origin::Environment(name)));
        }
        let written = self.ini.iter().find_map(|(section, key)| {
            entries.iter().find(|entry| entry.section == *section && entry.key == *key)
        });
        if let Some(entry) = written {
            let file = entry.span.source().name().to_owned();
            let folder = file.parent().unwrap_or(loading.folder).to_owned();
            let value = self.read(unquoted(&entry.value), loading, &folder).map_err(|what| {
                Box::new(
                    Diagnostic::error(format!("`{}` {what}", entry.key), &entry.span).hint(self.about.trim()),
                )
            })?;
            return Ok((value, Origin::File(file)));
        }
        // The usual values are what they must be.
        let usual = self.default.replace("{home}", home);
        Ok((self.read(&usual, loading, loading.folder).unwrap_or_default(), Origin::Default))
    }

    /// A text as what this setting may be; otherwise what is wrong with it.
    fn read(&self, text: &str, loading: &Loading<'_>, folder: &Path) -> Result<Value, String> {
        let path = |text: &str| folder.join(loading.expand(text)).display().to_string();
        let parts = |separator: char| text.split(separator).map(str::trim).filter(|part| !part.is_empty());
        Ok(match self.kind {
            Kind::Flag => match text.trim().to_lowercase().as_str() {
                "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Value::Bool(true),
                "" | "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Value::Bool(false),
                other => return Err(format!("must be yes or no, not `{other}`")),
            },
            Kind::Integer if text.trim().is_empty() => Value::Null,
            Kind::Integer => {
                let number = text.trim().parse::<u64>();
                Value::from(number.map_err(|_| format!("must be a whole number, not `{}`", text.trim()))?)
            }
            Kind::Text | Kind::Path if text.is_empty() => Value::Null,
            Kind::Text => Value::from(text),
            Kind::Path => Value::from(path(text)),
            Kind::List => parts(',').map(|part| Value::from(unquoted(part))).collect(),
            Kind::Paths => parts(':').map(|part| Value::from(path(unquoted(part)))).collect(),
            // `a,b,` are hosts, as on the command line.
            Kind::Sources if text.trim_end().ends_with(',') => Value::from(vec![text.trim()]),
            Kind::Sources => parts(',').map(|part| Value::from(path(unquoted(part)))).collect(),
        })
    }
}

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
