//! Kubernetes versions: `v1.34.2`.

use std::fmt;
use std::str::FromStr;

use crate::failure::Failure;

/// A release of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Always 1 so far.
    pub major: u32,
    /// What a package repository is made for.
    pub minor: u32,
    /// The patch release.
    pub patch: u32,
}

impl Version {
    /// The version `1.minor.patch`.
    #[must_use]
    pub const fn new(minor: u32, patch: u32) -> Self {
        Self { major: 1, minor, patch }
    }
}

impl FromStr for Version {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let bad = || {
            Failure::new(format!(
                "version {text:?} doesn't match patterns for neither semantic version nor labels (stable, latest, ...)"
            ))
        };
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Ok(Self { major, minor, patch }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_with_and_without_its_letter() {
        assert_eq!("v1.34.2".parse::<Version>().unwrap(), Version::new(34, 2));
        assert_eq!("1.33.0".parse::<Version>().unwrap(), Version::new(33, 0));
        assert!("1.33".parse::<Version>().is_err());
        assert!("stable-1".parse::<Version>().is_err());
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(Version::new(9, 30) < Version::new(10, 2));
    }
}
