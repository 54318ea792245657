//! What must be unique.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Random bytes.
#[must_use]
pub fn bytes<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    let mut filled = 0;
    while filled < COUNT {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .unwrap_or_default();
    }
    bytes
}

/// A random UUID.
#[must_use]
pub fn uuid() -> String {
    shaped(bytes())
}

/// The UUID that always goes with a name.
#[must_use]
pub fn uuid_of(name: &str) -> String {
    let digest = signature(b"uuid", name.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    shaped(bytes)
}

fn shaped(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A text that cannot be guessed.
#[must_use]
pub fn secret() -> String {
    bytes::<24>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HMAC-SHA256.
#[must_use]
pub fn signature(key: &[u8], message: &[u8]) -> Vec<u8> {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
