//! Ansible's vault: texts that can be read with a password only.
//!
//! [`Envelope`] is the format: the lines that begin with `$ANSIBLE_VAULT;`. [`Keyring`] holds the passwords of a run, each
//! with its label, and finds the one that opens an envelope. Nothing here reads files or asks for passwords.

mod cipher;
mod envelope;
mod error;
mod keyring;
mod password;

pub use envelope::{Envelope, check_label, is_encrypted};
pub use error::VaultError;
pub use keyring::{DEFAULT_LABEL, Key, Keyring, Opened};
pub use password::Password;
