//! The passwords of a run.

use crate::{Envelope, Password, VaultError};

/// The label of passwords that were given without one, unless a setting says otherwise.
pub const DEFAULT_LABEL: &str = "default";

/// A password with its label.
#[derive(Clone, Debug)]
pub struct Key {
    /// What it is known by. Several may share a label.
    pub label: String,
    /// The password.
    pub password: Password,
}

/// The passwords there are, in the order in which they are tried.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Vec<Key>,
    /// The label of texts that have none.
    default_label: String,
    /// Whether only passwords with the label of a text are tried.
    match_labels: bool,
}

impl Default for Keyring {
    fn default() -> Self {
        Self::new(DEFAULT_LABEL, false)
    }
}

/// What was encrypted, and what opened it.
#[derive(Clone)]
pub struct Opened<'a> {
    /// The plain text.
    pub plain: Vec<u8>,
    /// The password it was encrypted with.
    pub key: &'a Key,
    /// The label it was encrypted for, if it says so.
    pub label: Option<String>,
}

impl Keyring {
    /// No passwords yet.
    pub fn new(default_label: impl Into<String>, match_labels: bool) -> Self {
        Self { keys: Vec::new(), default_label: default_label.into(), match_labels }
    }

    /// Adds a password, to be tried after those that are there.
    pub fn add(&mut self, key: Key) {
        self.keys.push(key);
    }

    /// All passwords.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The label of passwords and texts that have none.
    pub fn default_label(&self) -> &str {
        &self.default_label
    }

    /// Decrypts with the first password that fits.
    ///
    /// # Errors
    /// When the text is not encrypted, or no password fits.
    pub fn open(&self, text: &[u8]) -> Result<Opened<'_>, VaultError> {
        let envelope = Envelope::parse(text)?;
        if self.keys.is_empty() {
            return Err(VaultError::NoPassword);
        }
        let wanted = envelope.label().unwrap_or(&self.default_label);
        let tried = || self.keys.iter().filter(|key| !self.match_labels || key.label == wanted);
        for key in tried() {
            if let Some(plain) = envelope.open(&key.password) {
                return Ok(Opened { plain, key, label: envelope.label().map(str::to_owned) });
            }
        }
        Err(VaultError::NoneFits(
            envelope.label().map(str::to_owned),
            tried().map(|key| key.label.clone()).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Keyring};
    use crate::{Envelope, Password, VaultError};

    fn keyring(match_labels: bool, keys: &[(&str, &str)]) -> Keyring {
        let mut keyring = Keyring::new("default", match_labels);
        for (label, password) in keys {
            keyring.add(Key { label: (*label).to_owned(), password: Password::new(*password) });
        }
        keyring
    }

    fn sealed(label: Option<&str>, password: &str) -> Vec<u8> {
        Envelope::seal(b"text", &Password::new(password), label, None).unwrap().to_text().into_bytes()
    }

    #[test]
    fn passwords_are_tried_one_after_the_other_whatever_their_labels() {
        let ring = keyring(false, &[("one", "wrong"), ("two", "right"), ("prod", "right")]);
        let text = sealed(Some("prod"), "right");
        let opened = ring.open(&text).unwrap();
        assert_eq!((opened.key.label.as_str(), opened.label.as_deref()), ("two", Some("prod")));
        assert_eq!(opened.plain, b"text");
    }

    #[test]
    fn labels_must_match_when_asked_for() {
        let ring = keyring(true, &[("two", "right"), ("default", "right")]);
        assert_eq!(
            ring.open(&sealed(Some("prod"), "right")).err(),
            Some(VaultError::NoneFits(Some("prod".to_owned()), vec![]))
        );
        assert_eq!(ring.open(&sealed(Some("two"), "right")).unwrap().key.label, "two");
        assert_eq!(ring.open(&sealed(None, "right")).unwrap().key.label, "default");
    }

    #[test]
    fn what_does_not_fit_is_said_without_the_passwords() {
        let error = |ring: &Keyring| ring.open(&sealed(Some("prod"), "right")).err().unwrap().to_string();
        assert_eq!(error(&Keyring::default()), "it is encrypted, and no vault password was given");
        assert_eq!(
            error(&keyring(false, &[("dev", "s3cret")])),
            "the vault password `dev` does not open it (it was encrypted for `prod`)"
        );
        let several = keyring(false, &[("dev", "s3cret"), ("default", "other")]);
        assert_eq!(
            error(&several),
            "none of the vault passwords opens it (dev, default) (it was encrypted for `prod`)"
        );
        assert!(!format!("{several:?}").contains("s3cret"));
    }
}
