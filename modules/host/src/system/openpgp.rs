//! Public keys of OpenPGP, as far as keyrings of apt go: what is in one, and what it is called. Nothing is verified.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// A public key with all that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its fingerprint, in capital hexadecimal digits.
    pub fingerprint: String,
    /// The fingerprints of its subkeys.
    pub subkeys: Vec<String>,
    /// Key, names, signatures and subkeys, as they are written.
    pub bytes: Vec<u8>,
}

impl Key {
    /// Whether an identifier (8, 16 or 40 digits in capitals) means this key or one of its subkeys.
    pub fn is(&self, id: &str) -> bool {
        self.is_itself(id) || self.subkeys.iter().any(|subkey| means(id, subkey))
    }

    /// Whether an identifier means this key itself.
    pub fn is_itself(&self, id: &str) -> bool {
        means(id, &self.fingerprint)
    }
}

/// The identifier of 16 digits that belongs to a fingerprint.
pub fn long_id(fingerprint: &str) -> &str {
    const DIGITS: usize = 16;
    // Of fingerprints of version 4 it is the end, of later ones the beginning.
    match fingerprint.len() {
        40 => &fingerprint[40 - DIGITS..],
        longer if longer > DIGITS => &fingerprint[..DIGITS],
        _ => fingerprint,
    }
}

fn means(id: &str, fingerprint: &str) -> bool {
    fingerprint == id || (id.len() < fingerprint.len() && long_id(fingerprint).ends_with(id))
}

/// An identifier in capitals, without `0x` and spaces; `None` when it is none.
pub fn identifier(text: &str) -> Option<String> {
    let compact: String = text.split_whitespace().collect::<String>().to_ascii_uppercase();
    let digits = compact.strip_prefix("0X").unwrap_or(&compact);
    let is_id =
        matches!(digits.len(), 8 | 16 | 40 | 64) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| digits.to_owned())
}

/// Whether a content is armored text.
pub fn is_armored(content: &[u8]) -> bool {
    content.windows(BEGIN.len()).any(|part| part == BEGIN.as_bytes())
}

/// The keys in a content, which may be armored.
///
/// # Errors
/// In words, when it is something else.
pub fn read(content: &[u8]) -> Result<Vec<Key>, String> {
    if !is_armored(content) {
        return packets(content);
    }
    let text = String::from_utf8_lossy(content);
    let mut keys = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let block = block.split(END).next().unwrap_or_default();
        // Headers end with an empty line.
        let mut lines = block.lines().map(str::trim).skip(1).skip_while(|line| line.contains(": "));
        let encoded: String = lines.by_ref().filter(|line| !line.starts_with('=')).collect();
        let bytes = STANDARD.decode(encoded).map_err(|error| format!("the armor is broken: {error}"))?;
        keys.extend(packets(&bytes)?);
    }
    Ok(keys)
}

/// Keys as armored text.
pub fn armored(keys: &[Key]) -> String {
    const WIDTH: usize = 64;
    let bytes: Vec<u8> = keys.iter().flat_map(|key| key.bytes.clone()).collect();
    let encoded = STANDARD.encode(&bytes);
    let mut text = format!("{BEGIN}\n\n");
    for line in encoded.as_bytes().chunks(WIDTH) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    let sum = STANDARD.encode(&checksum(&bytes).to_be_bytes()[1..]);
    // Writing to a text cannot fail.
    let _ = write!(text, "={sum}\n{END}\n");
    text
}

/// The checksum of an armor.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 16, |sum, _| {
            let shifted = sum << 1;
            if shifted & 0x0100_0000 == 0 { shifted } else { shifted ^ 0x0186_4cfb }
        }) & 0x00ff_ffff
    })
}

fn packets(mut rest: &[u8]) -> Result<Vec<Key>, String> {
    const PUBLIC_KEY: u8 = 6;
    const PUBLIC_SUBKEY: u8 = 14;
    if rest.get(8..12) == Some(b"KBXf") {
        return Err(
            "it is a keybox of gpg, which apt cannot read; export the keys with `gpg --export`".to_owned()
        );
    }
    let mut keys: Vec<Key> = Vec::new();
    while !rest.is_empty() {
        let (tag, body, length) = packet(rest).ok_or("no valid OpenPGP data found")?;
        if matches!(tag, 5 | 7) {
            return Err("it has a secret key in it".to_owned());
        }
        if tag == PUBLIC_KEY {
            let fingerprint = fingerprint(body).ok_or("a key has a version that is not known")?;
            keys.push(Key { fingerprint, subkeys: Vec::new(), bytes: Vec::new() });
        }
        let key = keys.last_mut().ok_or("no valid OpenPGP data found")?;
        if tag == PUBLIC_SUBKEY {
            key.subkeys.extend(fingerprint(body));
        }
        key.bytes.extend(&rest[..length]);
        rest = &rest[length..];
    }
    Ok(keys)
}

/// Kind and content of the first packet, and how long the whole packet is.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let number = |from: usize, length: usize| -> Option<usize> {
        let digits = bytes.get(from..from + length)?;
        Some(digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit)))
    };
    let first = *bytes.first().filter(|byte| *byte & 0x80 != 0)?;
    let (tag, head, length) = if first & 0x40 == 0 {
        let width = 1_usize << (first & 3);
        // The fourth width means "to the end", which no key has.
        (first >> 2 & 15, 1 + width, if width > 4 { return None } else { number(1, width)? })
    } else {
        let (head, length) = match number(1, 1)? {
            short @ 0..=191 => (2, short),
            long @ 192..=223 => (3, ((long - 192) << 8) + number(2, 1)? + 192),
            255 => (6, number(2, 4)?),
            _ => return None,
        };
        (first & 63, head, length)
    };
    let end = head.checked_add(length)?;
    Some((tag, bytes.get(head..end)?, end))
}

fn fingerprint(body: &[u8]) -> Option<String> {
    let length = u32::try_from(body.len()).ok()?.to_be_bytes();
    match body.first()? {
        4 => {
            let digest = Sha1::new().chain_update([0x99]).chain_update(&length[2..]).chain_update(body);
            Some(hexadecimal(&digest.finalize()))
        }
        version @ (5 | 6) => {
            let first = [0x95 + version];
            Some(hexadecimal(
                &Sha256::new().chain_update(first).chain_update(length).chain_update(body).finalize(),
            ))
        }
        _ => None,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A key without subkeys, as gpg wrote it.
    pub(crate) const PLAIN: &str = include_str!("testdata/plain.asc");
    pub(crate) const PLAIN_FINGERPRINT: &str = "5C5D8C364CA97ACE8E973CBE37F632FC46A48788";
    /// A key with a subkey.
    pub(crate) const WITH_SUBKEY: &str = include_str!("testdata/subkey.asc");
    pub(crate) const WITH_SUBKEY_FINGERPRINT: &str = "59FE005483330683C15A8C546E3AE05EFA992B07";
    pub(crate) const SUBKEY: &str = "F7E1F5FF3CD2B3F8";

    #[test]
    fn keys_are_read_and_written() {
        let keys = read(format!("text before\n{WITH_SUBKEY}\n{PLAIN}").as_bytes()).unwrap();
        let fingerprints: Vec<&str> = keys.iter().map(|key| key.fingerprint.as_str()).collect();
        assert_eq!(fingerprints, [WITH_SUBKEY_FINGERPRINT, PLAIN_FINGERPRINT]);
        assert!(keys[0].is(SUBKEY) && !keys[0].is_itself(SUBKEY));
        assert!(keys[0].is_itself("FA992B07") && !keys[1].is("FA992B07"));
        let binary: Vec<u8> = keys.iter().flat_map(|key| key.bytes.clone()).collect();
        assert_eq!(read(&binary).unwrap(), keys);
        assert_eq!(read(armored(&keys).as_bytes()).unwrap(), keys);
        // What gpg wrote, but for its headers.
        assert!(PLAIN.contains(armored(&keys[1..]).lines().rev().nth(1).unwrap()));
    }

    #[test]
    fn identifiers_are_of_some_lengths() {
        assert_eq!(identifier("0xfa992b07").as_deref(), Some("FA992B07"));
        assert_eq!(
            identifier("59FE 0054 8333 0683 C15A  8C54 6E3A E05E FA99 2B07").as_deref(),
            Some(WITH_SUBKEY_FINGERPRINT)
        );
        assert_eq!(identifier("xyz"), None);
        assert_eq!(identifier("123"), None);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (content, reason) in [
            (&b"nonsense"[..], "no valid OpenPGP data"),
            (&b"\0\0\0\x20\x01\x01\0\0KBXf"[..], "keybox"),
            (&b"\x99\x01\x0d\x04"[..], "no valid OpenPGP data"),
            (&b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!\n"[..], "armor"),
        ] {
            assert!(read(content).unwrap_err().contains(reason), "{content:?}");
        }
    }

    proptest! {
        #[test]
        fn no_content_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
            let _ = read(&[b"\x99".as_slice(), &bytes].concat());
            let _ = read(&[b"\xc6".as_slice(), &bytes].concat());
        }
    }
}
