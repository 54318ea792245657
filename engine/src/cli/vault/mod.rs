//! Passwords of what is encrypted.

mod keyring;
mod source;

pub(super) use keyring::of_run;
