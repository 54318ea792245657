//! Command lines as Kubernetes' tools read them: flags anywhere, `--name=value` and `--name value`, short forms,
//! switches that may be set to `=false`, and everything unknown refused.

use crate::failure::{Failure, Result, refuse};

/// A command line taken apart.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Flags {
    /// Whatever is not a flag.
    pub words: Vec<String>,
    given: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    /// A value only after an equals sign.
    MaybeValue,
}

impl Flags {
    /// Reads arguments by a list of known flags, each `name`, `name=` (takes a value) or `name?` (may take one),
    /// with `x/` before it when there is a short form.
    ///
    /// # Errors
    /// An unknown flag, or one whose value is missing.
    pub fn parse(arguments: &[String], known: &str) -> Result<Self> {
        let known: Vec<(Option<char>, &str, Takes)> = known
            .split_whitespace()
            .map(|word| {
                let (short, name) = match word.split_once('/') {
                    Some((short, name)) => (short.chars().next(), name),
                    None => (None, word),
                };
                match (name.strip_suffix('='), name.strip_suffix('?')) {
                    (Some(name), _) => (short, name, Takes::Value),
                    (_, Some(name)) => (short, name, Takes::MaybeValue),
                    _ => (short, name, Takes::Nothing),
                }
            })
            .collect();
        let mut flags = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--" {
                flags.words.extend(arguments.by_ref().cloned());
            } else if let Some(long) = argument.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let Some((_, name, takes)) = known.iter().find(|(_, known, _)| *known == name) else {
                    refuse!("unknown flag: --{name}");
                };
                let value = match (value, takes) {
                    (Some(value), _) => value,
                    (None, Takes::Value) => match arguments.next() {
                        Some(value) => value.clone(),
                        None => refuse!("flag needs an argument: --{name}"),
                    },
                    (None, Takes::Nothing) => "true".to_owned(),
                    (None, Takes::MaybeValue) => String::new(),
                };
                flags.given.push(((*name).to_owned(), value));
            } else if argument.len() > 1 && argument.starts_with('-') {
                flags.short(argument, &mut arguments, &known)?;
            } else {
                flags.words.push(argument.clone());
            }
        }
        Ok(flags)
    }

    fn short(
        &mut self,
        argument: &str,
        arguments: &mut std::slice::Iter<'_, String>,
        known: &[(Option<char>, &str, Takes)],
    ) -> Result<()> {
        let letters = argument[1..].char_indices();
        for (index, letter) in letters {
            let Some((_, name, takes)) = known.iter().find(|(short, _, _)| *short == Some(letter)) else {
                refuse!("unknown shorthand flag: {letter:?} in {argument}");
            };
            let rest = &argument[1 + index + letter.len_utf8()..];
            if *takes != Takes::Value && !rest.starts_with('=') {
                let value = if *takes == Takes::Nothing { "true" } else { "" };
                self.given.push(((*name).to_owned(), value.to_owned()));
                continue;
            }
            let value = match (rest, arguments.as_slice().first()) {
                ("", Some(value)) => {
                    arguments.next();
                    value.clone()
                }
                ("", None) => refuse!("flag needs an argument: {letter:?} in {argument}"),
                (rest, _) => rest.strip_prefix('=').unwrap_or(rest).to_owned(),
            };
            self.given.push(((*name).to_owned(), value));
            break;
        }
        Ok(())
    }

    /// The last value given for a flag.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All values given for a flag, with commas taken apart.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<String> {
        self.given
            .iter()
            .filter(|(given, _)| given == name)
            .flat_map(|(_, value)| value.split(',').filter(|part| !part.is_empty()).map(str::to_owned))
            .collect()
    }

    /// All values given for a flag, whole.
    #[must_use]
    pub fn each(&self, name: &str) -> Vec<&str> {
        self.given.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a switch is on.
    ///
    /// # Errors
    /// When its value is neither true nor false.
    pub fn is_on(&self, name: &str) -> Result<bool> {
        self.switch(name).map(|value| value.unwrap_or(false))
    }

    /// What a switch was set to, if it was.
    ///
    /// # Errors
    /// When its value is neither true nor false.
    pub fn switch(&self, name: &str) -> Result<Option<bool>> {
        match self.value(name) {
            None => Ok(None),
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(Some(true)),
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(Some(false)),
            Some(other) => Err(Failure::new(format!(
                "invalid argument {other:?} for \"--{name}\" flag: strconv.ParseBool: parsing {other:?}: invalid syntax"
            ))),
        }
    }

    /// The names of all flags that were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Flags::parse(&words, "n/namespace= A/all-namespaces w/wide dry-run? f/filename= force")
    }

    #[test]
    fn flags_are_read_in_all_their_forms() {
        let flags = parse("get pods -n kube-system --filename=a,b -f c --force=false -Aw --dry-run").unwrap();
        assert_eq!(flags.words, ["get", "pods"]);
        assert_eq!(flags.value("namespace"), Some("kube-system"));
        assert_eq!(flags.values("filename"), ["a", "b", "c"]);
        assert_eq!(flags.each("filename"), ["a,b", "c"]);
        assert!(!flags.is_on("force").unwrap());
        assert!(flags.is_on("all-namespaces").unwrap() && flags.is_on("wide").unwrap());
        assert_eq!(flags.value("dry-run"), Some(""));
        assert_eq!(parse("-nx --dry-run=server -- -q").unwrap().words, ["-q"]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(parse("--nope").unwrap_err().message, "unknown flag: --nope");
        assert_eq!(parse("-q").unwrap_err().message, "unknown shorthand flag: 'q' in -q");
        assert_eq!(parse("--namespace").unwrap_err().message, "flag needs an argument: --namespace");
        assert!(parse("--force=maybe").unwrap().is_on("force").is_err());
    }
}
