//! The cipher AES256: AES-256 in counter mode, under keys that PBKDF2 makes of the password, signed with HMAC-SHA256.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Password;

/// How often PBKDF2 goes round.
const ROUNDS: u32 = 10_000;

/// Texts are filled up to whole blocks of AES.
const BLOCK: usize = 16;

/// Bytes of salt and of the signature.
pub(crate) const SALT: usize = 32;
pub(crate) const SIGNATURE: usize = 32;

/// What one password and salt lead to.
struct Keys {
    encryption: [u8; 32],
    /// A whole block of SHA-256, which HMAC fills up with zeros anyhow.
    signing: [u8; 64],
    counter: [u8; BLOCK],
}

impl Keys {
    fn derive(password: &Password, salt: &[u8]) -> Self {
        let mut bytes = [0; 80];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.reveal(), salt, ROUNDS, &mut bytes);
        let mut keys = Self { encryption: [0; 32], signing: [0; 64], counter: [0; BLOCK] };
        let (encryption, rest) = bytes.split_at(32);
        let (signing, counter) = rest.split_at(32);
        keys.encryption.copy_from_slice(encryption);
        keys.signing[..32].copy_from_slice(signing);
        keys.counter.copy_from_slice(counter);
        keys
    }

    /// Encrypts or decrypts: in counter mode these are the same.
    fn apply(&self, bytes: &mut [u8]) {
        Ctr128BE::<Aes256>::new(&self.encryption.into(), &self.counter.into()).apply_keystream(bytes);
    }

    fn signature(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut hmac = Hmac::<Sha256>::new(&self.signing.into());
        hmac.update(bytes);
        hmac
    }
}

/// Encrypts; returns the signature and the ciphertext.
pub(crate) fn seal(plain: &[u8], password: &Password, salt: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let keys = Keys::derive(password, salt);
    let mut bytes = padded(plain);
    keys.apply(&mut bytes);
    (keys.signature(&bytes).finalize().into_bytes().to_vec(), bytes)
}

/// Decrypts; none when the password is another one, or the text was changed.
pub(crate) fn open(ciphertext: &[u8], signature: &[u8], password: &Password, salt: &[u8]) -> Option<Vec<u8>> {
    let keys = Keys::derive(password, salt);
    keys.signature(ciphertext).verify_slice(signature).ok()?;
    let mut bytes = ciphertext.to_vec();
    keys.apply(&mut bytes);
    unpadded(bytes)
}

/// Filled up as PKCS #7 has it: each byte that is added says how many they are.
fn padded(plain: &[u8]) -> Vec<u8> {
    let missing = BLOCK - plain.len() % BLOCK;
    let mut bytes = plain.to_vec();
    bytes.resize(plain.len() + missing, u8::try_from(missing).unwrap_or_default());
    bytes
}

fn unpadded(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let added = usize::from(*bytes.last()?);
    let length = bytes.len().checked_sub(added).filter(|_| (1..=BLOCK).contains(&added))?;
    let is_right = bytes.iter().skip(length).all(|byte| usize::from(*byte) == added);
    bytes.truncate(length);
    is_right.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, padded, unpadded};

    #[test]
    fn texts_are_filled_up_to_whole_blocks_and_back() {
        for length in 0..40 {
            let plain = vec![3; length];
            let filled = padded(&plain);
            assert!(filled.len() > length && filled.len().is_multiple_of(BLOCK));
            assert_eq!(unpadded(filled), Some(plain));
        }
    }

    #[test]
    fn wrong_padding_is_seen() {
        assert_eq!(unpadded(vec![]), None);
        assert_eq!(unpadded(vec![0; 16]), None);
        assert_eq!(unpadded(vec![17; 32]), None);
        assert_eq!(unpadded([vec![1; 14], vec![3, 2]].concat()), None);
    }
}
