//! Encryption of what leaves a node, in the format of [age](https://age-encryption.org/v1): whoever has the secret key opens it with
//! `age --decrypt`. Here there are only public keys. The crate `age` would bring languages, passphrases and plug-ins along; what is
//! needed of the format is this, by the primitives of ring.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::error::Unspecified;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{hkdf, hmac};

/// How much is encrypted at once.
const CHUNK: usize = 64 << 10;
/// What encryption adds to each chunk.
const TAG: usize = 16;
/// The first line.
const INTRO: &str = "age-encryption.org/v1";

/// Who can read what is encrypted: the public key `age1…` of a pair that `age-keygen` made.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

impl fmt::Debug for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = bech32::encode::<Bech32>(bech32::Hrp::parse_unchecked("age"), &self.0);
        out.write_str(&text.unwrap_or_default())
    }
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.to_uppercase().starts_with("AGE-SECRET-KEY-") {
            // Not to be repeated in any message.
            return Err(
                "this is a secret key, which must not be in the cluster: the public one begins with age1"
                    .to_owned(),
            );
        }
        let wrong = || format!("`{text}` is no public key of age, which begins with age1");
        let read = CheckedHrpstring::new::<Bech32>(text).map_err(|_| wrong())?;
        let key: Vec<u8> = read.byte_iter().collect();
        if read.hrp().as_str() != "age" || text != text.to_lowercase() {
            return Err(wrong());
        }
        Ok(Self(key.try_into().map_err(|_| wrong())?))
    }
}

/// What a text or archive becomes when it is encrypted, read piece by piece.
pub struct Sealed<R> {
    inner: R,
    key: LessSafeKey,
    counter: u64,
    /// What was read of the inside, and is not yet encrypted.
    plain: Vec<u8>,
    /// What is to be given out.
    out: Vec<u8>,
    given: usize,
    ended: bool,
}

/// Keys of 32 bytes, and of any other length.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive(salt: &[u8], secret: &[u8], info: &str) -> Result<[u8; 32], Unspecified> {
    let mut key = [0; 32];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    extracted.expand(&[info.as_bytes()], Length(32))?.fill(&mut key)?;
    Ok(key)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key)?))
}

/// The lines that give a recipient the file's key.
fn stanza(recipient: &Recipient, file_key: &[u8; 16], random: &SystemRandom) -> Result<String, Unspecified> {
    let own = EphemeralPrivateKey::generate(&X25519, random)?;
    let share = own.compute_public_key()?;
    let salt = [share.as_ref(), &recipient.0].concat();
    let theirs = UnparsedPublicKey::new(&X25519, &recipient.0);
    let key = agree_ephemeral(own, &theirs, |shared| derive(&salt, shared, "age-encryption.org/v1/X25519"))??;
    let mut body = file_key.to_vec();
    // The key is used for nothing else.
    cipher(&key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut body)?;
    Ok(format!("-> X25519 {}\n{}\n", BASE64.encode(share.as_ref()), BASE64.encode(body)))
}

impl<R: Read> Sealed<R> {
    /// Encrypts what `inner` gives, for these recipients.
    ///
    /// # Errors
    /// When there is no randomness, or a recipient is a key that no secret belongs to.
    pub fn new(inner: R, recipients: &[Recipient]) -> io::Result<Self> {
        let told = |_| io::Error::other("the keys for encryption cannot be made");
        Self::begin(inner, recipients).map_err(told)
    }

    fn begin(inner: R, recipients: &[Recipient]) -> Result<Self, Unspecified> {
        let random = SystemRandom::new();
        let mut file_key = [0; 16];
        let mut nonce = [0; 16];
        random.fill(&mut file_key)?;
        random.fill(&mut nonce)?;
        let mut head = format!("{INTRO}\n");
        for recipient in recipients {
            head.push_str(&stanza(recipient, &file_key, &random)?);
        }
        head.push_str("---");
        let mac_key = hmac::Key::new(hmac::HMAC_SHA256, &derive(&[], &file_key, "header")?);
        let mac = hmac::sign(&mac_key, head.as_bytes());
        head.push_str(&format!(" {}\n", BASE64.encode(mac.as_ref())));
        let mut out = head.into_bytes();
        out.extend(nonce);
        let key = cipher(&derive(&nonce, &file_key, "payload")?)?;
        Ok(Self { inner, key, counter: 0, plain: Vec::new(), out, given: 0, ended: false })
    }

    /// How long all of it will be, of this many bytes inside.
    #[must_use]
    pub fn length(&self, inside: u64) -> u64 {
        let chunks = inside.div_ceil(CHUNK as u64).max(1);
        self.out.len() as u64 + inside + chunks * TAG as u64
    }

    /// Encrypts the next chunk. Whether it is the last is known when nothing follows it.
    fn step(&mut self) -> io::Result<()> {
        let wanted = (CHUNK + 1).saturating_sub(self.plain.len()) as u64;
        self.inner.by_ref().take(wanted).read_to_end(&mut self.plain)?;
        let rest = self.plain.split_off(self.plain.len().min(CHUNK));
        self.ended = rest.is_empty();
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(self.ended);
        self.counter += 1;
        self.out = std::mem::replace(&mut self.plain, rest);
        self.given = 0;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.out);
        sealed.map_err(|_| io::Error::other("encryption failed"))
    }
}

impl<R: Read> Read for Sealed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.out.len() {
            if self.ended {
                return Ok(0);
            }
            self.step()?;
        }
        let count = self.out.get(self.given..).unwrap_or_default().read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn recipients_are_public_keys_and_nothing_else() {
        assert_eq!(ANNA.parse::<Recipient>().unwrap().to_string(), ANNA);
        let wrong = [
            "",
            "age1",
            "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q",
            "ssh-ed25519 AAAA",
            &ANNA.to_uppercase(),
        ];
        for text in wrong {
            assert!(text.parse::<Recipient>().is_err(), "{text}");
        }
        let secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        let told = secret.parse::<Recipient>().unwrap_err();
        assert!(told.contains("secret") && !told.contains("GFPYYS"), "{told}");
    }

    #[test]
    fn its_length_is_known_before() {
        let anna = [ANNA.parse().unwrap()];
        for inside in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain = vec![7; inside];
            let mut sealed = Sealed::new(&plain[..], &anna).unwrap();
            let length = sealed.length(inside as u64);
            let mut all = Vec::new();
            sealed.read_to_end(&mut all).unwrap();
            assert_eq!(all.len() as u64, length, "{inside}");
            assert!(!all.windows(9).any(|nine| nine == [7; 9]));
        }
    }
}
