//! What was encrypted: `!vault` texts and whole files.
//!
//! A decrypted text is a text like any other, and yet known to come out of the vault wherever it is passed on unchanged:
//! `is vault_encrypted` holds for it, and `to_yaml` writes it as it was encrypted. It is known by where it is in memory, so
//! that neither the same characters from elsewhere nor what is made of it count.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use clouder_lang::yaml::VAULT_KEY;
use clouder_lang::{Diagnostic, Source};
use clouder_vault::{Keyring, VaultError, is_encrypted};
use minijinja::Value;
use serde_json::{Map, Value as Json};

use super::convert::to_json_with;
use super::engine::ReadFile;
use super::python::Missing;

/// The passwords of a run, and what they have opened.
pub(super) struct Vault {
    keyring: Arc<Keyring>,
    texts: RwLock<Texts>,
}

/// Decrypting is slow on purpose: each text is decrypted once.
#[derive(Default)]
struct Texts {
    plain: HashMap<Arc<str>, Arc<str>>,
    /// By the address of the plain text, which lives as long as this does.
    sealed: HashMap<usize, Arc<str>>,
}

impl Vault {
    pub(super) fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring, texts: RwLock::default() }
    }

    /// The plain text of a ciphertext.
    ///
    /// # Errors
    /// When no password opens it, or it holds no text.
    pub(super) fn open(&self, sealed: &Arc<str>) -> Result<Value, VaultError> {
        if let Some(plain) = self.texts.read().unwrap_or_else(PoisonError::into_inner).plain.get(sealed) {
            return Ok(Value::from(Arc::clone(plain)));
        }
        let plain = self.keyring.open(sealed.as_bytes())?.plain;
        let plain = String::from_utf8(plain).map_err(|_| VaultError::NotText)?;
        Ok(self.remember(Arc::clone(sealed), plain))
    }

    /// A text as if it had been decrypted.
    pub(super) fn remember(&self, sealed: Arc<str>, plain: String) -> Value {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        let plain = Arc::clone(texts.plain.entry(Arc::clone(&sealed)).or_insert_with(|| Arc::from(plain)));
        texts.sealed.insert(plain.as_ptr().addr(), sealed);
        Value::from(plain)
    }

    /// A value as JSON, in which what was encrypted is ciphertext.
    pub(super) fn to_json(&self, value: &Value) -> Json {
        if let Some(sealed) = self.sealed(value) {
            return Json::Object(Map::from_iter([(VAULT_KEY.to_owned(), Json::from(&*sealed))]));
        }
        to_json_with(value, &|inner| self.to_json(inner))
    }

    /// The ciphertext that a value was, or would be if it could be decrypted.
    pub(super) fn sealed(&self, value: &Value) -> Option<Arc<str>> {
        if let Some(missing) = value.downcast_object_ref::<Missing>() {
            return missing.error.as_ref()?.sealed.clone();
        }
        let address = value.as_str()?.as_ptr().addr();
        self.texts.read().unwrap_or_else(PoisonError::into_inner).sealed.get(&address).cloned()
    }
}

/// What is in a file, decrypted.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    is_secret: bool,
}

impl Content {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it cannot be read or decrypted.
    pub(super) fn read(path: &Path, read: &ReadFile, vault: &Vault) -> std::io::Result<Self> {
        let bytes = read(path)?;
        if !is_encrypted(&bytes) {
            return Ok(Self { bytes, is_secret: false });
        }
        let told = |error: VaultError| std::io::Error::other(format!("{error} ({})", error.hint()));
        Ok(Self { bytes: vault.keyring.open(&bytes).map_err(told)?.plain, is_secret: true })
    }

    /// As a text that messages speak of.
    ///
    /// # Errors
    /// When it is no text.
    pub(super) fn source(self, path: &Path) -> Result<Arc<Source>, Diagnostic> {
        Source::exactly(path, self.bytes, self.is_secret)
    }
}

#[cfg(test)]
mod tests {
    use clouder_vault::{Envelope, Key, Keyring, Password};

    use super::{Arc, Value, Vault};

    #[test]
    fn a_decrypted_text_is_known_wherever_it_is_passed_on() {
        let key = Key { label: "default".to_owned(), password: Password::new("pw") };
        let sealed = Envelope::seal(b"yes", &key.password, None, None).unwrap().to_text();
        let sealed: Arc<str> = sealed.into();
        let mut keyring = Keyring::default();
        keyring.add(key);
        let vault = Vault::new(Arc::new(keyring));
        let value = vault.open(&sealed).unwrap();
        assert_eq!(value.as_str(), Some("yes"));
        assert_eq!(vault.sealed(&value), Some(Arc::clone(&sealed)));
        assert_eq!(vault.sealed(&Value::from(vec![value]).get_item_by_index(0).unwrap()), Some(sealed));
        assert_eq!(vault.sealed(&Value::from("yes")), None);
        assert_eq!(vault.sealed(&Value::from(1)), None);
    }
}
