//! What the kernel tells in single files below `/proc`.

use serde_json::{Map, Value, json};

use super::collectors::{Gathered, Host};

/// `cmdline`, where of repeated parameters the last counts, and `proc_cmdline`, where they are lists.
pub(super) fn collect_command_line(host: &Host<'_>, gathered: &mut Gathered) {
    let Some(line) = host.files.text("/proc/cmdline") else { return };
    let (mut last, mut all) = (Map::new(), Map::new());
    for word in words(&line) {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Value::from(value)),
            None => (word.as_str(), Value::from(true)),
        };
        last.insert(name.to_owned(), value.clone());
        match all.get_mut(name) {
            None => drop(all.insert(name.to_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            // A bare word said twice is still that word.
            Some(Value::Bool(_)) if value == Value::Bool(true) => {}
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    gathered.set("cmdline", last);
    gathered.set("proc_cmdline", all);
}

/// Words, where double quotes keep spaces and go away.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for character in line.trim().chars() {
        match character {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            space if space.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            other => {
                word.push(other);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// `loadavg`, unrounded as the kernel keeps it.
pub(super) fn collect_load(_host: &Host<'_>, gathered: &mut Gathered) {
    let [one, five, fifteen] = rustix::system::sysinfo().loads.map(|load| {
        // The kernel gives fixed-point numbers with sixteen binary places.
        f64::from(u32::try_from(load).unwrap_or(u32::MAX)) / 65536.0
    });
    gathered.set("loadavg", json!({"1m": one, "5m": five, "15m": fifteen}));
}

/// `uptime_seconds`.
pub(super) fn collect_uptime(host: &Host<'_>, gathered: &mut Gathered) {
    let text = host.files.text("/proc/uptime").unwrap_or_default();
    let whole = text.split('.').next().and_then(|seconds| seconds.parse::<u64>().ok());
    if let Some(seconds) = whole {
        gathered.set("uptime_seconds", seconds);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn command_line_words_become_a_mapping() {
        let line = "BOOT_IMAGE=/vmlinuz root=UUID=1-2 ro quiet console=tty0 console=ttyS0 dyndbg=\"file a +p\" quiet\n";
        let facts = facts_of(&[("/proc/cmdline", line)], collect_command_line);
        assert_eq!(
            facts["cmdline"],
            json!({"BOOT_IMAGE": "/vmlinuz", "root": "UUID=1-2", "ro": true, "quiet": true, "console": "ttyS0",
                "dyndbg": "file a +p"})
        );
        assert_eq!(facts["proc_cmdline"]["console"], json!(["tty0", "ttyS0"]));
        assert_eq!(facts["proc_cmdline"]["quiet"], json!(true));
    }
}
