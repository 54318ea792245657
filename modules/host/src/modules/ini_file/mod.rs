//! `ini_file`: options in sections.

mod section;

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::args::{Arguments, Choice, FromArgument as _};
use crate::system::attributes::FileAttributes;
use crate::system::edit::{EditOptions, Editing, bare, end_last_line};
use crate::{Context, Module, ModuleError, Outcome};
use section::{Conditions, Region, Setting, end_of_content, find_section, setting};

/// Makes sure that an option in a section of an INI file has a value or several, or is not there. Remarks and all other
/// lines stay as they are.
#[derive(Arguments)]
#[arguments(exclusive("value", "values"))]
pub struct IniFileArgs {
    /// The file.
    #[arg(alias = "dest")]
    path: PathBuf,
    /// The section, without brackets; the lines before the first section unless given.
    section: Option<String>,
    /// Of several sections with this name the one in which options have values: a list of `option` with `value` or
    /// `values`. A section that is made anew gets them.
    section_has_values: Option<Vec<Map<String, Value>>>,
    /// The option; without it the task is about the whole section.
    option: Option<String>,
    /// Its value.
    value: Option<String>,
    /// Its values, for an option that is written several times.
    values: Option<Vec<String>>,
    /// Whether the option, or the section, should be there.
    #[arg(default = "present")]
    state: State,
    /// The option has no other values; otherwise values that are there stay.
    #[arg(default = "true")]
    exclusive: bool,
    /// Write `option=value`, without spaces around the equals sign.
    #[arg(default = "false")]
    no_extra_spaces: bool,
    /// Leave a line alone that differs only in spaces around the equals sign.
    #[arg(default = "false")]
    ignore_spaces: bool,
    /// The option may be there without a value.
    #[arg(default = "false")]
    allow_no_value: bool,
    /// Put the option in the place of a line in which it is commented out.
    #[arg(default = "true")]
    modify_inactive_option: bool,
    /// Make the file, and its folder, when it is missing.
    #[arg(default = "true")]
    create: bool,
    /// When the file is a symbolic link, write to what it leads to; otherwise the link is replaced by a file.
    #[arg(default = "false")]
    follow: bool,
    /// Keep the old file beside the new one, with the time in its name.
    #[arg(default = "false")]
    backup: bool,
    /// Owner, mode and the like.
    #[arg(flatten)]
    attributes: FileAttributes,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    Present,
    Absent,
}

/// The `ini_file` module.
pub struct IniFile;

impl Module for IniFile {
    type Args = IniFileArgs;
    const NAME: &'static str = "ini_file";
    const SUMMARY: &'static str = "Makes sure of options in sections of a file";

    fn run(args: IniFileArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let wanted = args.wanted()?;
        let options =
            EditOptions { backup: args.backup, validate: None, attributes: args.attributes.clone() };
        let editing = if args.follow {
            Editing::open(&args.path, &options)?
        } else {
            Editing::open_link(&args.path, &options)?
        };
        if !editing.exists() && !args.create {
            editing.must_exist(" (create is off)")?;
        }
        if !editing.exists() && args.state == State::Absent {
            return Ok(Outcome::new(false).with("path", args.path.to_string_lossy()).message("OK"));
        }
        let mut lines = editing.lines();
        let found = find_section(&lines, args.section.as_deref(), &args.conditions()?);
        let message = match (args.state, &args.option) {
            (State::Present, _) => args.set(&mut lines, found, wanted)?,
            (State::Absent, Some(option)) => args.remove_option(&mut lines, found, option, &wanted),
            (State::Absent, None) => {
                if args.section.is_none() {
                    return Err(ModuleError::new("to remove something, give a section or an option"));
                }
                if let Some(region) = found {
                    lines.drain(region.start - 1..region.end);
                }
                "section removed"
            }
        };
        let after = lines.concat();
        let mut outcome = editing.finish(&after, message, context)?;
        if outcome.msg.as_deref() == Some("") {
            outcome.msg = Some("OK".to_owned());
        }
        Ok(outcome.with("path", args.path.to_string_lossy()))
    }
}

impl IniFileArgs {
    fn wanted(&self) -> Result<Vec<String>, ModuleError> {
        let wanted: Vec<String> = match (&self.value, &self.values) {
            (Some(value), _) => vec![value.trim().to_owned()],
            (None, values) => values.iter().flatten().map(|value| value.trim().to_owned()).collect(),
        };
        if self.state == State::Present && self.option.is_some() && wanted.is_empty() && !self.allow_no_value
        {
            return Err(ModuleError::new(
                "Parameter \"value(s)\" must be defined if state=present and allow_no_value=False.",
            ));
        }
        Ok(wanted)
    }

    fn conditions(&self) -> Result<Conditions, ModuleError> {
        let mut conditions = Vec::new();
        for condition in self.section_has_values.iter().flatten() {
            let text = |name: &str| condition.get(name).and_then(String::from_argument);
            let option = text("option")
                .ok_or_else(|| ModuleError::new("section_has_values: each entry needs an option"))?;
            let values = match (text("value"), condition.get("values")) {
                (Some(value), _) => vec![value],
                (None, Some(values)) => Vec::<String>::from_argument(values).unwrap_or_default(),
                (None, None) => Vec::new(),
            };
            conditions.push((option, values));
        }
        Ok(conditions)
    }

    /// Whether a line that is commented out may be made an option. One without an equals sign is rather a remark.
    fn may_activate(&self, setting: &Setting) -> bool {
        self.modify_inactive_option && (setting.value.is_some() || self.allow_no_value)
    }

    fn line(&self, option: &str, value: Option<&str>) -> Vec<u8> {
        match value {
            Some(value) if self.no_extra_spaces => format!("{option}={value}\n").into_bytes(),
            Some(value) => format!("{option} = {value}\n").into_bytes(),
            None => format!("{option}\n").into_bytes(),
        }
    }

    /// Has the option in the section, and the section.
    fn set(
        &self,
        lines: &mut Vec<Vec<u8>>,
        found: Option<Region>,
        wanted: Vec<String>,
    ) -> Result<&'static str, ModuleError> {
        let Some(region) = found else {
            end_last_line(lines);
            lines.push(format!("[{}]\n", self.section.as_deref().unwrap_or_default().trim()).into_bytes());
            for (option, values) in self.conditions()? {
                lines.extend(values.iter().map(|value| self.line(&option, Some(value))));
            }
            let Some(option) = &self.option else { return Ok("only section added") };
            lines.extend(self.written(option, &wanted));
            return Ok("section and option added");
        };
        let Some(option) = &self.option else { return Ok("OK") };
        let mut missing = wanted;
        let is_bare = missing.is_empty();
        let mut is_done = vec![false; lines.len()];
        let mut bare_is_done = false;
        let mut message = "option changed";
        let settings: Vec<(usize, Setting)> = (region.start..region.end)
            .filter_map(|at| setting(&lines[at], option).map(|setting| (at, setting)))
            .filter(|(_, setting)| setting.is_active || self.may_activate(setting))
            .collect();
        // Active lines first: what is commented out is only taken when they do not do.
        let in_order = || {
            settings.iter().filter(|(_, s)| s.is_active).chain(settings.iter().filter(|(_, s)| !s.is_active))
        };
        for (at, setting) in in_order() {
            let has =
                setting.value.as_ref().and_then(|value| missing.iter().position(|wanted| wanted == value));
            let is_wanted_bare = is_bare && setting.value.is_none() && !bare_is_done;
            if has.is_none() && !is_wanted_bare {
                continue;
            }
            let value = has.map(|position| missing.remove(position));
            bare_is_done |= is_wanted_bare;
            is_done[*at] = true;
            if !(setting.is_active && self.ignore_spaces) {
                self.rewrite(&mut lines[*at], option, value.as_deref(), setting.is_active);
            }
        }
        let mut gone = Vec::new();
        if self.exclusive {
            for (at, setting) in in_order() {
                if is_done[*at] {
                    continue;
                }
                let needs_bare = is_bare && !bare_is_done;
                if missing.is_empty() && !needs_bare {
                    if setting.is_active {
                        gone.push(*at);
                    }
                    continue;
                }
                let value = if needs_bare { None } else { Some(missing.remove(0)) };
                bare_is_done |= needs_bare;
                self.rewrite(&mut lines[*at], option, value.as_deref(), false);
            }
        }
        if !missing.is_empty() || (is_bare && !bare_is_done) {
            message = "option added";
            let at = end_of_content(lines, &region);
            end_last_line(&mut lines[..at]);
            lines.splice(at..at, self.written(option, &missing));
        }
        gone.sort_unstable();
        for at in gone.into_iter().rev() {
            lines.remove(at);
        }
        Ok(message)
    }

    fn written(&self, option: &str, values: &[String]) -> Vec<Vec<u8>> {
        if values.is_empty() {
            return vec![self.line(option, None)];
        }
        values.iter().map(|value| self.line(option, Some(value))).collect()
    }

    /// Writes a line anew; one that is the same but for spaces and is to stay so is left alone.
    fn rewrite(&self, line: &mut Vec<u8>, option: &str, value: Option<&str>, is_same: bool) {
        let new = self.line(option, value);
        if !(is_same && bare(line) == bare(&new)) {
            *line = new;
        }
    }

    fn remove_option(
        &self,
        lines: &mut Vec<Vec<u8>>,
        found: Option<Region>,
        option: &str,
        values: &[String],
    ) -> &'static str {
        let Some(region) = found else { return "OK" };
        let goes = |line: &[u8]| {
            setting(line, option).is_some_and(|setting| {
                let is_named = setting.value.as_ref().is_some_and(|value| values.contains(value));
                setting.is_active && (self.exclusive || is_named)
            })
        };
        for at in (region.start..region.end).rev() {
            if goes(&lines[at]) {
                lines.remove(at);
            }
        }
        "option changed"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::IniFile;
    use crate::modules::testing::{changes_once, run};

    fn edited(content: &str, mut arguments: Value) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.ini");
        std::fs::write(&path, content).unwrap();
        arguments["path"] = json!(path);
        let outcome = changes_once::<IniFile>(&arguments);
        (std::fs::read_to_string(&path).unwrap(), outcome.msg.unwrap())
    }

    fn kept(content: &str, mut arguments: Value) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.ini");
        std::fs::write(&path, content).unwrap();
        arguments["path"] = json!(path);
        let outcome = run::<IniFile>(arguments, false);
        !outcome.failed && !outcome.changed && outcome.msg.as_deref() == Some("OK")
    }

    const FILE: &str = "# top\nglobal=1\n\n[one]\na = 1\n# b = 2\n\n; end\n[two]\na = 1\n";

    #[test]
    fn options_are_added_changed_and_uncommented() {
        for (arguments, expected, message) in [
            (
                json!({"section": "one", "option": "a", "value": "9"}),
                FILE.replacen("a = 1", "a = 9", 1),
                "option changed",
            ),
            (
                json!({"section": "one", "option": "b", "value": "9"}),
                FILE.replace("# b = 2", "b = 9"),
                "option changed",
            ),
            (
                json!({"section": "one", "option": "b", "value": "9", "modify_inactive_option": false}),
                FILE.replacen("a = 1\n", "a = 1\nb = 9\n", 1),
                "option added",
            ),
            (
                json!({"section": "two", "option": "c", "value": "9", "no_extra_spaces": true}),
                format!("{FILE}c=9\n"),
                "option added",
            ),
            (
                json!({"section": "new", "option": "c", "value": "9"}),
                format!("{FILE}[new]\nc = 9\n"),
                "section and option added",
            ),
            (json!({"section": "new"}), format!("{FILE}[new]\n"), "only section added"),
            (
                json!({"option": "top", "value": "9"}),
                FILE.replacen("global=1\n", "global=1\ntop = 9\n", 1),
                "option added",
            ),
            (
                json!({"section": "one", "option": "flag", "allow_no_value": true}),
                FILE.replacen("a = 1\n", "a = 1\nflag\n", 1),
                "option added",
            ),
            (
                json!({"section": "two", "option": "a", "allow_no_value": true}),
                format!("{}a\n", &FILE[..FILE.len() - 6]),
                "option changed",
            ),
        ] {
            assert_eq!(edited(FILE, arguments.clone()), (expected, message.to_owned()), "{arguments}");
        }
        assert_eq!(edited("", json!({"option": "a", "value": "1"})).0, "a = 1\n");
        assert_eq!(edited("[s]", json!({"section": "s", "option": "a", "value": "1"})).0, "[s]\na = 1\n");
    }

    #[test]
    fn spaces_can_be_ignored() {
        assert!(kept(
            "[s]\na=1\n",
            json!({"section": "s", "option": "a", "value": "1", "ignore_spaces": true})
        ));
        assert_eq!(
            edited("[s]\na=1\n", json!({"section": "s", "option": "a", "value": "1"})).0,
            "[s]\na = 1\n"
        );
        assert!(kept(FILE, json!({"section": "two", "option": "a", "value": "1"})));
        assert!(kept(FILE, json!({"section": "two"})));
    }

    #[test]
    fn an_option_may_have_several_values() {
        let file = "[s]\nx = 1\nx = 2\ny = 0\nx = 3\n";
        for (arguments, expected) in [
            (json!({"values": ["2", "4"]}), "[s]\nx = 4\nx = 2\ny = 0\n"),
            (
                json!({"values": ["4", "5"], "exclusive": false}),
                "[s]\nx = 1\nx = 2\ny = 0\nx = 3\nx = 4\nx = 5\n",
            ),
            (json!({"value": "2"}), "[s]\nx = 2\ny = 0\n"),
            (json!({"values": ["1", "2", "3", "4"]}), "[s]\nx = 1\nx = 2\ny = 0\nx = 3\nx = 4\n"),
            (json!({"state": "absent"}), "[s]\ny = 0\n"),
            (json!({"state": "absent", "exclusive": false, "values": ["1", "3"]}), "[s]\nx = 2\ny = 0\n"),
        ] {
            let mut arguments = arguments.clone();
            arguments["section"] = "s".into();
            arguments["option"] = "x".into();
            assert_eq!(edited(file, arguments.clone()).0, expected, "{arguments}");
        }
    }

    #[test]
    fn sections_are_told_apart_by_what_is_in_them() {
        let file = "[peer]\nkey = A\nip = 1\n[peer]\nkey = B\nip = 2\n";
        let with = |key: &str| {
            json!({
                "section": "peer", "section_has_values": [{"option": "key", "value": key}],
                "option": "ip", "value": "9",
            })
        };
        assert_eq!(edited(file, with("B")).0, file.replace("ip = 2", "ip = 9"));
        assert_eq!(edited(file, with("C")).0, format!("{file}[peer]\nkey = C\nip = 9\n"));
        let gone = json!({
            "section": "peer", "section_has_values": [{"option": "key", "values": ["A", "Z"]}], "state": "absent",
        });
        assert_eq!(
            edited(file, gone),
            ("[peer]\nkey = B\nip = 2\n".to_owned(), "section removed".to_owned())
        );
    }

    #[test]
    fn the_file_is_made_unless_unwanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/new.ini");
        let arguments = json!({"path": path, "section": "s", "option": "a", "value": "1", "create": false});
        let outcome = run::<IniFile>(arguments, false);
        assert!(outcome.failed);
        assert_eq!(outcome.result["rc"], 257);
        changes_once::<IniFile>(
            &json!({"dest": path, "section": "s", "option": "a", "value": "1", "mode": "0600"}),
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[s]\na = 1\n");
        assert!(
            !run::<IniFile>(json!({"path": "/no/such/file", "section": "s", "state": "absent"}), false)
                .changed
        );
    }

    #[test]
    fn wrong_arguments_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        for arguments in [
            json!({"section": "s", "option": "a"}),
            json!({"section": "s", "option": "a", "value": "1", "values": ["2"]}),
            json!({"state": "absent"}),
            json!({"section": "s", "section_has_values": [{"value": "x"}]}),
        ] {
            let mut arguments = arguments.clone();
            arguments["path"] = json!(path);
            assert!(run::<IniFile>(arguments.clone(), false).failed, "{arguments}");
        }
    }
}
