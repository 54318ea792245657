//! Which facts a task asks for.

use std::collections::BTreeSet;

use super::collectors::{COLLECTORS, Collector};
use crate::ModuleError;

/// The collectors that a `gather_subset` selects, in the order they are listed.
///
/// Words add, words with `!` remove. Only removing starts from all; the minimal ones are always there unless
/// removed by `!min`; what a selected collector builds on comes with it.
pub(super) fn select(subset: &[String]) -> Result<Vec<&'static Collector>, ModuleError> {
    let (mut added, mut removed, mut named) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut minimal = true;
    for word in subset.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        match word.strip_prefix('!') {
            Some("all") => removed.extend(indexes(|collector| !collector.minimal)),
            Some("min") => {
                minimal = false;
                removed.extend(indexes(|collector| collector.minimal));
            }
            Some(name) => removed.extend(known(name)?),
            None if word == "all" => added.extend(indexes(|_| true)),
            None if word == "min" => added.extend(indexes(|collector| collector.minimal)),
            None => named.extend(known(word)?),
        }
    }
    if added.is_empty() && named.is_empty() {
        added.extend(indexes(|_| true));
    }
    if minimal {
        added.extend(indexes(|collector| collector.minimal));
    }
    let mut selected: BTreeSet<usize> = added.difference(&removed).copied().chain(named).collect();
    for index in selected.clone() {
        selected.extend(COLLECTORS[index].needs.iter().flat_map(|need| indexes(|other| other.name == *need)));
    }
    Ok(selected.into_iter().map(|index| &COLLECTORS[index]).collect())
}

fn indexes(wanted: impl Fn(&Collector) -> bool) -> Vec<usize> {
    let all = COLLECTORS.iter().enumerate();
    all.filter(|(_, collector)| wanted(collector)).map(|(index, _)| index).collect()
}

/// The collectors of a word: a collector's name, or a fact it gives.
fn known(word: &str) -> Result<Vec<usize>, ModuleError> {
    let found = indexes(|collector| collector.name == word || collector.facts.contains(&word));
    // Programs of other projects, whose facts Ansible takes over where they are installed.
    if found.is_empty() && !matches!(word, "facter" | "ohai") {
        let mut words: Vec<&str> = vec!["all", "min"];
        for collector in COLLECTORS {
            words.push(collector.name);
            words.extend(collector.facts);
        }
        words.sort_unstable();
        words.dedup();
        let words = words.join(", ");
        return Err(ModuleError::new(format!(
            "there is no subset `{word}` of facts; gather_subset takes: {words}"
        )));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::select;

    fn names(subset: &[&str]) -> Vec<&'static str> {
        let subset: Vec<String> = subset.iter().map(|&word| word.to_owned()).collect();
        select(&subset).unwrap().iter().map(|collector| collector.name).collect()
    }

    #[test]
    fn words_add_and_remove() {
        let all = names(&["all"]);
        let minimal = names(&["!all"]);
        assert!(all.len() > minimal.len() && all.contains(&"network") && !minimal.contains(&"network"));
        assert_eq!(names(&[]), all);
        assert_eq!(names(&["min"]), minimal);
        assert!(names(&["!all", "!min"]).is_empty());
        assert_eq!(names(&["!all", "!min", "virtualization_type"]), ["virtual"]);
        assert_eq!(names(&["!all", "!min", "network"]), ["platform", "distribution", "network"]);
        assert_eq!(names(&["!all", "!min", "pkg_mgr"]), ["platform", "distribution", "pkg_mgr"]);
        let with_network = names(&["network"]);
        assert!(with_network.len() == minimal.len() + 1 && with_network.contains(&"network"));
        let without = names(&["all", "!hardware", "!network", "!virtual"]);
        assert_eq!(without.len(), all.len() - 3);
    }

    #[test]
    fn an_unknown_word_is_an_error() {
        let error = select(&["bogus".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("`bogus`") && error.contains("virtualization_type"), "{error}");
    }
}
