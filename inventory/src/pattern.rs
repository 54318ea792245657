//! Host patterns: `web*:&eu:!db`, `all[0:2]`, `~web\d+`, `@retry-file`.

use std::path::Path;
use std::sync::Arc;

use globset::GlobBuilder;
use indexmap::IndexSet;
use thiserror::Error;

use crate::Inventory;

/// Names for the controller itself that need not be in the inventory.
pub(crate) const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why a pattern selects nothing.
#[derive(Debug, Error)]
pub enum PatternError {
    /// It is not understood.
    #[error("the host pattern `{pattern}` is not understood: {reason}")]
    Syntax {
        /// The part that is wrong.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// A subscript lies beyond what is there.
    #[error("No hosts matched the subscripted pattern '{pattern}'")]
    Beyond {
        /// The part that is wrong.
        pattern: String,
    },
    /// `@file` cannot be read.
    #[error("the host list {path} cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What a pattern selected.
#[derive(Debug, Default)]
pub struct Selection {
    /// The hosts, in order.
    pub hosts: Vec<Arc<str>>,
    /// Parts that matched nothing.
    pub unmatched: Vec<String>,
}

impl Inventory {
    /// The hosts that a pattern selects. The controller is added as an implicit host when it is named.
    ///
    /// # Errors
    /// When the pattern is not understood.
    pub fn select(&mut self, pattern: &str) -> Result<Selection, PatternError> {
        let mut parts = Vec::new();
        for part in split(pattern) {
            match part.strip_prefix('@') {
                Some(path) => parts.extend(read_list(path)?),
                None => parts.push(part),
            }
        }
        let only = |part: &String| part.starts_with('!') || part.starts_with('&');
        if !parts.is_empty() && parts.iter().all(only) {
            parts.insert(0, "all".to_owned());
        }
        // Ansible adds first, then intersects, then excludes, whatever the order.
        parts.sort_by_key(|part| match part.chars().next() {
            Some('!') => 2,
            Some('&') => 1,
            _ => 0,
        });
        let mut selected: IndexSet<Arc<str>> = IndexSet::new();
        let mut unmatched = Vec::new();
        for part in parts {
            let Matched { hosts: found, is_known } = self.matching(part.trim_start_matches(['!', '&']))?;
            if !is_known && !part.starts_with('!') {
                unmatched.push(part.clone());
            }
            match part.chars().next() {
                Some('!') => selected.retain(|host| !found.contains(host)),
                Some('&') => selected.retain(|host| found.contains(host)),
                _ => selected.extend(found),
            }
        }
        Ok(Selection { hosts: selected.into_iter().collect(), unmatched })
    }

    /// The hosts of one part of a pattern.
    fn matching(&mut self, part: &str) -> Result<Matched, PatternError> {
        let (name, slice) = subscript(part)?;
        let mut found: IndexSet<Arc<str>> = IndexSet::new();
        if name == "all" || name == "*" {
            found.extend(self.hosts_of("all"));
        } else {
            let matcher = Matcher::new(name)?;
            let groups: Vec<Arc<str>> = self
                .groups()
                .map(|(group, _)| group)
                .filter(|group| matcher.matches(group))
                .cloned()
                .collect();
            for group in &groups {
                found.extend(self.hosts_of(group));
            }
            if groups.is_empty() || matcher.is_wide() {
                found.extend(self.hosts().filter(|host| matcher.matches(host)).cloned());
            }
        }
        if found.is_empty() && LOCAL_NAMES.contains(&name) {
            self.add_implicit_host(name);
            found.insert(Arc::from(name));
        }
        let is_known = !found.is_empty();
        let hosts = match slice {
            Some(slice) => slice.of(&found),
            None => found,
        };
        if is_known && hosts.is_empty() && slice.is_some_and(|slice| slice.single) {
            return Err(PatternError::Beyond { pattern: part.to_owned() });
        }
        Ok(Matched { hosts, is_known })
    }
}

/// What one part of a pattern matched.
struct Matched {
    hosts: IndexSet<Arc<str>>,
    /// Whether its name means anything; a slice of that may still be empty.
    is_known: bool,
}

/// Splits at commas and colons, but not inside brackets, nor a bare IPv6 address.
fn split(pattern: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for part in split_at(pattern, ',') {
        let part = part.trim();
        if part.trim_start_matches(['!', '&']).parse::<std::net::Ipv6Addr>().is_ok() {
            parts.push(part.to_owned());
        } else {
            parts.extend(split_at(part, ':').into_iter().map(|part| part.trim().to_owned()));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn split_at(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|character| {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        character == separator && depth <= 0
    })
    .collect()
}

fn read_list(path: &str) -> Result<Vec<String>, PatternError> {
    let text = std::fs::read_to_string(Path::new(path))
        .map_err(|source| PatternError::File { path: path.to_owned(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// A name, glob or regular expression.
enum Matcher {
    Name(String),
    Glob(globset::GlobMatcher),
    Regex(Box<fancy_regex::Regex>),
}

impl Matcher {
    fn new(name: &str) -> Result<Self, PatternError> {
        let wrong = |reason: String| PatternError::Syntax { pattern: name.to_owned(), reason };
        if let Some(regex) = name.strip_prefix('~') {
            // As Python's `match`: anchored at the start only.
            let regex = fancy_regex::Regex::new(&format!("^(?:{regex})"))
                .map_err(|error| wrong(error.to_string()))?;
            return Ok(Self::Regex(Box::new(regex)));
        }
        if name.contains(['*', '?', '[']) {
            let glob = GlobBuilder::new(name).literal_separator(false).build();
            return Ok(Self::Glob(glob.map_err(|error| wrong(error.kind().to_string()))?.compile_matcher()));
        }
        Ok(Self::Name(name.to_owned()))
    }

    fn is_wide(&self) -> bool {
        !matches!(self, Self::Name(_))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(exact) => exact == name,
            Self::Glob(glob) => glob.is_match(name),
            Self::Regex(regex) => regex.is_match(name).unwrap_or(false),
        }
    }
}

/// `[n]` or `[from:to]` after a name; both ends count.
#[derive(Clone, Copy)]
struct Slice {
    from: Option<i64>,
    to: Option<i64>,
    single: bool,
}

/// Takes a subscript off the end of a part. `web[a:c]`, and slices that do not begin with a number, are globs.
fn subscript(part: &str) -> Result<(&str, Option<Slice>), PatternError> {
    let inner = part.strip_suffix(']').and_then(|head| head.rsplit_once('['));
    let Some((name, inner)) = inner.filter(|(name, _)| !name.is_empty() && !part.starts_with('~')) else {
        return Ok((part, None));
    };
    let number = |text: &str| text.parse::<u32>().ok().map(i64::from);
    let slice = match inner.split_once([':', '-']).filter(|_| !inner.starts_with('-')) {
        Some((from, "")) => number(from).map(|from| Slice { from: Some(from), to: None, single: false }),
        Some((from, to)) => number(from).zip(number(to)).map(|(from, to)| Slice {
            from: Some(from),
            to: Some(to),
            single: false,
        }),
        None => inner.parse().ok().map(|at| Slice { from: Some(at), to: None, single: true }),
    };
    Ok(slice.map_or((part, None), |slice| (name, Some(slice))))
}

impl Slice {
    fn of(self, hosts: &IndexSet<Arc<str>>) -> IndexSet<Arc<str>> {
        let length = hosts.len();
        let index = |at: i64| {
            let magnitude = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
            if at < 0 { length.checked_sub(magnitude) } else { Some(magnitude) }
        };
        if self.single {
            let one = self.from.and_then(index).and_then(|at| hosts.get_index(at));
            return one.cloned().into_iter().collect();
        }
        let from = self.from.and_then(index).unwrap_or(0);
        let end = match self.to {
            None => length,
            Some(to) => index(to).map_or(0, |to| to.saturating_add(1)),
        };
        hosts.iter().skip(from).take(end.min(length).saturating_sub(from)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let mut inventory = Inventory::default();
        for (host, group) in
            [("w1", "web"), ("w2", "web"), ("w3", "web"), ("d1", "db"), ("w2", "eu"), ("d1", "eu")]
        {
            inventory.add_to_group(host, group);
        }
        inventory
    }

    fn select(pattern: &str) -> String {
        inventory().select(pattern).unwrap().hosts.join(" ")
    }

    #[test]
    fn patterns_select() {
        for (pattern, expected) in [
            ("all", "w1 w2 w3 d1"),
            ("*", "w1 w2 w3 d1"),
            ("web", "w1 w2 w3"),
            ("web:db", "w1 w2 w3 d1"),
            ("web,d1", "w1 w2 w3 d1"),
            ("web:&eu", "w2"),
            ("!web", "d1"),
            ("&eu:web", "w2"),
            ("!w1:web", "w2 w3"),
            ("w*", "w1 w2 w3"),
            ("~w[13]", "w1 w3"),
            ("~w[13]:d1", "w1 w3 d1"),
            ("w[:1]", "w1"),
            ("~(web|db)", "w1 w2 w3 d1"),
            ("web[0]", "w1"),
            ("web[-1]", "w3"),
            ("web[0:1]", "w1 w2"),
            ("web[1:]", "w2 w3"),
            ("web[9:]", ""),
            ("localhost", "localhost"),
            ("nobody", ""),
        ] {
            assert_eq!(select(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn what_matches_nothing_is_told() {
        assert_eq!(inventory().select("web:nobody").unwrap().unmatched, ["nobody"]);
        assert!(inventory().select("~w(").is_err());
        assert!(inventory().select("web[3:]").unwrap().unmatched.is_empty());
        let beyond = inventory().select("web[3]").unwrap_err().to_string();
        assert_eq!(beyond, "No hosts matched the subscripted pattern 'web[3]'");
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in "\\PC{0,40}") {
            let _ = inventory().select(&pattern.replace('@', ""));
        }
    }
}
