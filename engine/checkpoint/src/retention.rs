//! Which archives are kept on a node.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::archive::Origin;

/// How many archives are kept, how long, and how much room they may take on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How many of a container.
    pub count: u32,
    /// How long, whatever else is said: an archive holds all memory of a container.
    pub age: Duration,
    /// How many bytes all those of a schedule may take on a node. The newest of a container stays even if it takes more.
    pub size: u64,
    /// Whether archives made by hand count, too, and are deleted.
    pub manual: bool,
}

impl Default for Retention {
    fn default() -> Self {
        Self { count: 3, age: Duration::from_secs(7 * 24 * 3600), size: 10 << 30, manual: false }
    }
}

/// An archive on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The file's name.
    pub file: String,
    /// Whose it is.
    pub origin: Origin,
    /// When it was made.
    pub time: Timestamp,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it must not be deleted for their number alone, because it is still to be copied out.
    pub wanted: bool,
}

impl Retention {
    /// The files to delete, of all archives of a schedule on a node, the oldest first.
    #[must_use]
    pub fn surplus(&self, archives: &[Kept], now: Timestamp) -> Vec<String> {
        let mut sorted: Vec<&Kept> = archives.iter().collect();
        sorted.sort_by(|one, other| (other.time, &other.file).cmp(&(one.time, &one.file)));
        let oldest = SignedDuration::try_from(self.age).ok().and_then(|age| now.checked_sub(age).ok());
        let mut counts: BTreeMap<&Origin, u32> = BTreeMap::new();
        let (mut room, mut full) = (0_u64, false);
        let mut surplus = Vec::new();
        for archive in sorted {
            let count = counts.entry(&archive.origin).or_default();
            *count += 1;
            let newest = *count == 1;
            let old = oldest.is_some_and(|oldest| archive.time < oldest);
            full |= !old && room.saturating_add(archive.size) > self.size;
            let many = *count > self.count.max(1) && !archive.wanted;
            if old || !newest && (full || many) {
                surplus.push(archive.file.clone());
            } else {
                room = room.saturating_add(archive.size);
            }
        }
        surplus.reverse();
        surplus
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn archive(number: usize, pod: u8, ago: i64, size: u64, wanted: bool) -> Kept {
        let origin = Origin { namespace: "n".into(), pod: format!("p{pod}"), container: "c".into() };
        let time = Timestamp::from_second(NOW - ago).unwrap();
        Kept { file: format!("{number:04}"), origin, time, size, wanted }
    }

    fn archives() -> impl Strategy<Value = Vec<Kept>> {
        let one = (0..3_u8, 0..5000_i64, 0..100_u64, any::<bool>());
        prop::collection::vec(one, 0..40).prop_map(|all| {
            let made = all.into_iter().enumerate();
            made.map(|(number, (pod, ago, size, wanted))| archive(number, pod, ago, size, wanted)).collect()
        })
    }

    fn policy() -> impl Strategy<Value = Retention> {
        let fields = (0..6_u32, 1..6000_u64, 0..600_u64);
        fields.prop_map(|(count, age, size)| Retention {
            count,
            age: Duration::from_secs(age),
            size,
            manual: false,
        })
    }

    fn time(all: &[Kept], file: &str) -> Timestamp {
        all.iter().find(|one| one.file == file).unwrap().time
    }

    proptest! {
        #[test]
        fn what_is_kept_is_within_the_limits_and_what_goes_is_beyond_one(all in archives(), policy in policy()) {
            let now = Timestamp::from_second(NOW).unwrap();
            let gone: BTreeSet<String> = policy.surplus(&all, now).into_iter().collect();
            let young = |one: &&Kept| now.duration_since(one.time).as_secs() as u64 <= policy.age.as_secs();
            let kept: Vec<&Kept> = all.iter().filter(|one| !gone.contains(&one.file)).collect();
            prop_assert!(kept.iter().all(young), "nothing outlives its age");
            for pod in 0..3 {
                let of_pod = |one: &&Kept| one.origin.pod == format!("p{pod}");
                let newest = all.iter().filter(of_pod).max_by_key(|one| (one.time, one.file.clone()));
                if let Some(newest) = newest.filter(young) {
                    prop_assert!(!gone.contains(&newest.file), "the newest stays");
                }
                let free = kept.iter().copied().filter(of_pod).filter(|one| !one.wanted).count();
                prop_assert!(free <= policy.count.max(1) as usize);
            }
            let total: u64 = kept.iter().map(|one| one.size).sum();
            if total > policy.size {
                let mut newest = BTreeSet::new();
                let mut sorted = kept.clone();
                sorted.sort_by_key(|one| std::cmp::Reverse((one.time, one.file.clone())));
                // Beyond the room there are only the newest of each container.
                let mut room = 0;
                for one in sorted {
                    let first = newest.insert(one.origin.clone());
                    prop_assert!(first || room + one.size <= policy.size);
                    room += one.size;
                }
            }
            if policy.count as usize >= all.len() && policy.size > 100 * 40 && all.iter().all(|one| young(&one)) {
                prop_assert!(gone.is_empty());
            }
        }

        #[test]
        fn a_second_look_finds_nothing_more(all in archives(), policy in policy()) {
            let now = Timestamp::from_second(NOW).unwrap();
            let gone = policy.surplus(&all, now);
            let order: Vec<Timestamp> = gone.iter().map(|file| time(&all, file)).collect();
            prop_assert!(order.is_sorted(), "the oldest goes first");
            let rest: Vec<Kept> = all.into_iter().filter(|one| !gone.contains(&one.file)).collect();
            prop_assert_eq!(policy.surplus(&rest, now), Vec::<String>::new());
        }
    }

    #[test]
    fn each_limit_counts() {
        let now = Timestamp::from_second(NOW).unwrap();
        let all = [
            archive(1, 0, 30, 10, false),
            archive(2, 0, 20, 10, false),
            archive(3, 0, 10, 10, false),
            archive(4, 1, 40, 10, false),
        ];
        let policy =
            |count, age, size| Retention { count, age: Duration::from_secs(age), size, manual: false };
        assert_eq!(policy(2, 1000, 1000).surplus(&all, now), ["0001"]);
        assert_eq!(policy(9, 35, 1000).surplus(&all, now), ["0004"]);
        assert_eq!(policy(9, 1000, 25).surplus(&all, now), ["0001"]);
        assert_eq!(policy(9, 5, 1000).surplus(&all, now), ["0004", "0001", "0002", "0003"]);
    }
}
