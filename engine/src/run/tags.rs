//! Which tasks the tags of the command line choose.

use indexmap::IndexSet;

use super::RunOptions;

/// Whether a task with these tags runs.
pub(super) fn chosen(tags: &IndexSet<String>, options: &RunOptions) -> bool {
    let has = |name: &str| tags.contains(name);
    let any = |names: &[String]| names.iter().any(|name| has(name));
    let wants = |name: &str| options.tags.iter().any(|tag| tag == name);
    let everything = options.tags.is_empty() || wants("all");
    let selected = if has("always") {
        true
    } else if everything {
        !has("never") || any(&options.tags)
    } else {
        any(&options.tags)
            || (wants("tagged") && !tags.is_empty() && !has("never"))
            || (wants("untagged") && tags.is_empty())
    };
    let skips = |name: &str| options.skip_tags.iter().any(|tag| tag == name);
    let skipped = (skips("all") && !has("always"))
        || any(&options.skip_tags)
        || (skips("tagged") && !tags.is_empty())
        || (skips("untagged") && tags.is_empty());
    selected && !skipped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(tags: &str, only: &str, skip: &str) -> bool {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let set = RunOptions::new(&crate::config::Config::default());
        let options = RunOptions { tags: words(only), skip_tags: words(skip), ..set };
        chosen(&words(tags).into_iter().collect(), &options)
    }

    #[test]
    fn tags_choose_as_in_ansible() {
        for (tags, only, skip, expected) in [
            ("", "", "", true),
            ("a", "", "", true),
            ("never", "", "", false),
            ("never a", "a", "", true),
            ("never a", "all", "", false),
            ("", "a", "", false),
            ("a", "a", "", true),
            ("b", "a", "", false),
            ("always", "a", "", true),
            ("a", "tagged", "", true),
            ("", "tagged", "", false),
            ("", "untagged", "", true),
            ("a", "untagged", "", false),
            ("a", "", "a", false),
            ("a b", "a", "b", false),
            ("always", "", "always", false),
            ("always x", "", "x", false),
            ("a", "", "tagged", false),
            ("", "", "untagged", false),
            ("a", "", "all", false),
            ("always", "", "all", true),
            ("always", "", "tagged", false),
        ] {
            assert_eq!(
                runs(tags, only, skip),
                expected,
                "tags `{tags}` with -t `{only}` --skip-tags `{skip}`"
            );
        }
    }
}
