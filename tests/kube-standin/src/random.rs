//! Random bytes.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Random bytes, from the system.
#[must_use]
pub fn random<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}
