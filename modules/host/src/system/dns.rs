//! The messages of the domain name system, as far as finding addresses needs them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    V4,
    V6,
}

impl Kind {
    fn code(self) -> u16 {
        match self {
            Self::V4 => 1,
            Self::V6 => 28,
        }
    }
}

const INTERNET: u16 = 1;
const CNAME: u16 = 5;
const HEADER: usize = 12;

/// What a server answered.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// Addresses; none when the name has none of this kind.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoName,
    /// The server could not say.
    Failed,
    /// The answer is too long for a datagram.
    Truncated,
}

/// A question for the addresses of a name; `None` when the name cannot be one.
pub(super) fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    const LONGEST_NAME: usize = 253;
    const LONGEST_LABEL: usize = 63;
    const RECURSION_DESIRED: u16 = 0x0100;
    let name = name.trim_end_matches('.');
    if name.is_empty() || name.len() > LONGEST_NAME {
        return None;
    }
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    for field in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
        message.extend(field.to_be_bytes());
    }
    for label in name.split('.') {
        if label.is_empty() || label.len() > LONGEST_LABEL {
            return None;
        }
        message.push(u8::try_from(label.len()).ok()?);
        message.extend(label.to_ascii_lowercase().bytes());
    }
    message.push(0);
    message.extend(kind.code().to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    Some(message)
}

/// Reads the answer to a question; `None` when it is no answer to it.
pub(super) fn answer(question: &[u8], message: &[u8], kind: Kind) -> Option<Answer> {
    const RESPONSE: u16 = 0x8000;
    const TRUNCATED: u16 = 0x0200;
    let field = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let flags = field(2)?;
    let is_ours = message.get(..2) == question.get(..2)
        && flags & RESPONSE != 0
        && message.get(HEADER..question.len())?.eq_ignore_ascii_case(&question[HEADER..]);
    if !is_ours {
        return None;
    }
    if flags & TRUNCATED != 0 {
        return Some(Answer::Truncated);
    }
    match flags & 0xf {
        0 => {}
        3 => return Some(Answer::NoName),
        _ => return Some(Answer::Failed),
    }
    let mut at = question.len();
    // The name asked for, and those it is another name of.
    let mut names = vec![name_at(message, HEADER)?.0];
    let mut addresses = Vec::new();
    for _ in 0..field(6)? {
        let (owner, after) = name_at(message, at)?;
        let (kind_code, length) = (field(after)?, usize::from(field(after + 8)?));
        let data = message.get(after + 10..after + 10 + length)?;
        at = after + 10 + length;
        if !names.contains(&owner) {
            continue;
        }
        match (kind_code, kind) {
            (CNAME, _) => names.push(name_at(message, after + 10)?.0),
            (1, Kind::V4) => addresses.push(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?))),
            (28, Kind::V6) => addresses.push(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?))),
            _ => {}
        }
    }
    Some(Answer::Addresses(addresses))
}

/// The name at a place in a message, in lower case, and where what follows it begins.
fn name_at(message: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    const MOST_POINTERS: usize = 32;
    let mut name = Vec::new();
    let mut after = None;
    let mut pointers = 0;
    loop {
        let length = usize::from(*message.get(at)?);
        match length >> 6 {
            0 if length == 0 => return Some((name, after.unwrap_or(at + 1))),
            0 => {
                name.extend(message.get(at + 1..at + 1 + length)?.to_ascii_lowercase());
                name.push(b'.');
                at += 1 + length;
            }
            3 => {
                pointers += 1;
                if pointers > MOST_POINTERS {
                    return None;
                }
                after.get_or_insert(at + 2);
                at = (length & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An answer as a server would make it: records are (owner, kind, data).
    pub(crate) fn reply(question: &[u8], code: u16, records: &[(&str, u16, Vec<u8>)]) -> Vec<u8> {
        let mut message = question[..2].to_vec();
        for field in [0x8180 | code, 1, records.len() as u16, 0, 0] {
            message.extend(field.to_be_bytes());
        }
        message.extend(&question[HEADER..]);
        for (owner, kind, data) in records {
            if owner.is_empty() {
                message.extend([0xc0, HEADER as u8]);
            } else {
                message.extend(encoded(owner));
            }
            message.extend(kind.to_be_bytes());
            message.extend(INTERNET.to_be_bytes());
            message.extend(60_u32.to_be_bytes());
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(data);
        }
        message
    }

    pub(crate) fn encoded(name: &str) -> Vec<u8> {
        let labels = name
            .split('.')
            .flat_map(|label| std::iter::once(label.len() as u8).chain(label.bytes()).collect::<Vec<_>>());
        labels.chain([0]).collect()
    }

    #[test]
    fn addresses_are_found_along_other_names() {
        let asked = question(7, "WWW.example.org.", Kind::V4).unwrap();
        let message = reply(
            &asked,
            0,
            &[
                ("", CNAME, encoded("real.example.org")),
                ("other.example.org", 1, vec![9, 9, 9, 9]),
                ("Real.Example.org", 1, vec![192, 0, 2, 1]),
                ("real.example.org", 1, vec![192, 0, 2, 2]),
            ],
        );
        let expected = vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert_eq!(answer(&asked, &message, Kind::V4), Some(Answer::Addresses(expected)));
        let asked = question(7, "www.example.org", Kind::V6).unwrap();
        let message = reply(&asked, 0, &[("", 28, vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])]);
        assert_eq!(answer(&asked, &message, Kind::V6), Some(Answer::Addresses(vec!["::1".parse().unwrap()])));
    }

    #[test]
    fn other_answers_are_told_apart() {
        let asked = question(7, "a.b", Kind::V4).unwrap();
        assert_eq!(answer(&asked, &reply(&asked, 3, &[]), Kind::V4), Some(Answer::NoName));
        assert_eq!(answer(&asked, &reply(&asked, 2, &[]), Kind::V4), Some(Answer::Failed));
        assert_eq!(answer(&asked, &reply(&asked, 0x0200, &[]), Kind::V4), Some(Answer::Truncated));
        let other = question(8, "a.b", Kind::V4).unwrap();
        assert_eq!(answer(&asked, &reply(&other, 0, &[]), Kind::V4), None);
        let other = question(7, "a.c", Kind::V4).unwrap();
        assert_eq!(answer(&asked, &reply(&other, 0, &[]), Kind::V4), None);
    }

    #[test]
    fn nonsense_neither_panics_nor_hangs() {
        let asked = question(7, "a.b", Kind::V4).unwrap();
        let mut looping = reply(&asked, 0, &[("", 1, vec![1, 2, 3, 4])]);
        let at = asked.len();
        looping[at + 1] = at as u8;
        assert_eq!(answer(&asked, &looping, Kind::V4), None);
        let good = reply(&asked, 0, &[("", 1, vec![1, 2, 3, 4])]);
        for length in 0..good.len() {
            assert_eq!(answer(&asked, &good[..length], Kind::V4), None);
        }
        for name in ["", ".", "a..b", &"x".repeat(64), &"x.".repeat(200)] {
            assert_eq!(question(1, name, Kind::V4), None);
        }
    }
}
