//! Who answers questions for names.

use serde_json::{Map, Value};

use super::collectors::{Gathered, Host};

/// `dns`: the settings in `/etc/resolv.conf`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let text = host.files.text("/etc/resolv.conf").unwrap_or_default();
    let mut facts = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                let servers = facts.entry("nameservers").or_insert_with(|| Value::Array(Vec::new()));
                if let (Value::Array(servers), Some(server)) = (servers, words.next()) {
                    servers.push(server.into());
                }
            }
            Some("domain") => {
                drop(words.next().map(|domain| facts.insert("domain".to_owned(), domain.into())));
            }
            Some(list @ ("search" | "sortlist")) => {
                facts.insert(list.to_owned(), words.collect::<Vec<_>>().into());
            }
            Some("options") => {
                let options = facts.entry("options").or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(options) = options {
                    options.extend(words.map(|word| match word.split_once(':') {
                        Some((name, value)) => (name.to_owned(), Value::from(value)),
                        None => (word.to_owned(), Value::from(true)),
                    }));
                }
            }
            _ => {}
        }
    }
    gathered.set("dns", facts);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::collect;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn every_setting_is_told() {
        let text = "# made by hand\nnameserver 10.0.0.1\nnameserver fd00::1\nsearch a.example b.example\ndomain a.example\n\
            options edns0 ndots:5\n";
        assert_eq!(
            facts_of(&[("/etc/resolv.conf", text)], collect)["dns"],
            json!({"nameservers": ["10.0.0.1", "fd00::1"], "search": ["a.example", "b.example"],
                "domain": "a.example", "options": {"edns0": true, "ndots": "5"}})
        );
    }
}
