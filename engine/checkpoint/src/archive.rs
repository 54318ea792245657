//! Archives of checkpoints, as the kubelet names them.

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Serialize};

/// Whose checkpoint an archive is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container in it.
    pub container: String,
}

/// What the name of an archive says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Namespace and container, which the name has in one: either may have hyphens.
    middle: String,
    /// The pod.
    pub pod: String,
    /// When it was made.
    pub time: Timestamp,
}

impl Name {
    /// Reads `checkpoint-POD_NAMESPACE-CONTAINER-TIME.tar`; nothing if it is named otherwise.
    #[must_use]
    pub fn of(file: &str) -> Option<Self> {
        let inner = file.strip_prefix("checkpoint-")?.strip_suffix(".tar")?;
        let (pod, rest) = inner.split_once('_')?;
        // The time has a fixed length up to its zone, which is Z or an offset.
        let begins = |length: usize| rest.len().checked_sub(length).filter(|at| rest.is_char_boundary(*at));
        let parts = [20, 25].into_iter().find_map(|length| {
            let (middle, time) = rest.split_at(begins(length)?);
            let middle = middle.strip_suffix('-')?;
            Some((middle, moment(time)?))
        });
        let (middle, time) = parts?;
        Some(Self { middle: middle.to_owned(), pod: pod.to_owned(), time })
    }

    /// Whose it is, if it is of this namespace.
    #[must_use]
    pub fn origin(&self, namespace: &str) -> Option<Origin> {
        let container = self.middle.strip_prefix(namespace)?.strip_prefix('-')?;
        Some(Origin {
            namespace: namespace.to_owned(),
            pod: self.pod.clone(),
            container: container.to_owned(),
        })
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    // Strict: nothing but a date, a time and an offset.
    Pieces::parse(text).ok()?.offset()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let name = Name::of("checkpoint-web-0_my-shop-app-1-2026-11-27T03:00:00Z.tar").unwrap();
        let origin = name.origin("my-shop").unwrap();
        assert_eq!((origin.pod.as_str(), origin.container.as_str()), ("web-0", "app-1"));
        assert_eq!(name.time, "2026-11-27T03:00:00Z".parse().unwrap());
        assert_eq!(name.origin("shop"), None);
        assert_eq!(
            name.origin("my-shop-app"),
            Some(Origin { namespace: "my-shop-app".into(), pod: "web-0".into(), container: "1".into() })
        );
        let zoned = Name::of("checkpoint-a_b-c-2026-11-27T04:00:00+01:00.tar").unwrap();
        assert_eq!(zoned.time, name.time);
    }

    #[test]
    fn other_files_are_left_alone() {
        for other in [
            "checkpoint-a_b-c.tar",
            "a.tar",
            "checkpoint-a_b-c-2026-11-27T04:00:00.tar",
            ".clouder",
            "checkpoint-_-2026-11-27T03:00:00Z",
            "checkpoint-a_b-ü2026-11-27T03:00:00Z.tar",
        ] {
            assert_eq!(Name::of(other), None, "{other}");
        }
    }
}
