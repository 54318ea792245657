//! Encrypting and decrypting with a password of one's own.

use std::sync::Arc;

use clouder_vault::{Envelope, Key, Keyring, Password};
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

use super::wrong;
use crate::template::python::type_name;
use crate::template::to_text;
use crate::template::vault::Vault;

/// The label of what the filter encrypts, unless it is given one.
const LABEL: &str = "filter_default";

pub(super) fn add(environment: &mut Environment<'static>, vault: &Arc<Vault>) {
    let known = Arc::clone(vault);
    environment.add_filter("vault", move |value: &Value, rest: Rest<Value>, kwargs: Kwargs| {
        encrypt(value, &rest, &kwargs, &known)
    });
    let known = Arc::clone(vault);
    environment.add_filter("unvault", move |value: &Value, rest: Rest<Value>, kwargs: Kwargs| {
        decrypt(value, &rest, &kwargs, &known)
    });
}

/// An argument by position or name.
fn argument(rest: &[Value], kwargs: &Kwargs, at: usize, name: &str) -> Result<Option<Value>, Error> {
    let named = kwargs.get::<Option<Value>>(name)?;
    Ok(named.or_else(|| rest.get(at).cloned()).filter(|value| !value.is_none()))
}

/// The label, which `vaultid` names, too.
fn label(rest: &[Value], kwargs: &Kwargs, at: usize) -> Result<String, Error> {
    let old = kwargs.get::<Option<Value>>("vaultid")?.filter(|label| !label.is_none());
    let label = argument(rest, kwargs, at, "vault_id")?.or(old);
    Ok(label.map_or_else(|| LABEL.to_owned(), |label| to_text(&label)))
}

fn password(rest: &[Value], kwargs: &Kwargs) -> Result<Password, Error> {
    let secret =
        argument(rest, kwargs, 0, "secret")?.ok_or_else(|| wrong("the argument `secret` is missing"))?;
    match secret.as_str() {
        Some(text) => Ok(Password::new(text)),
        None => Err(wrong(format!("the secret must be a text, not {}", type_name(&secret)))),
    }
}

/// `'text' | vault(secret, salt, vault_id, wrap_object)`.
fn encrypt(value: &Value, rest: &[Value], kwargs: &Kwargs, vault: &Vault) -> Result<Value, Error> {
    let password = password(rest, kwargs)?;
    let salt = argument(rest, kwargs, 1, "salt")?.map(|salt| to_text(&salt));
    let label = label(rest, kwargs, 2)?;
    let wrap = argument(rest, kwargs, 3, "wrap_object")?.is_some_and(|wrap| wrap.is_true());
    kwargs.assert_all_used()?;
    let plain = value
        .as_str()
        .ok_or_else(|| wrong(format!("only texts can be encrypted, not {}", type_name(value))))?;
    if salt.as_deref() == Some("") {
        return Err(wrong("the salt must not be empty"));
    }
    let envelope =
        Envelope::seal(plain.as_bytes(), &password, Some(&label), salt.as_deref().map(str::as_bytes));
    let sealed = envelope.map_err(|error| wrong(error.to_string()))?.to_text();
    Ok(if wrap { vault.remember(sealed.into(), plain.to_owned()) } else { Value::from(sealed) })
}

/// `ciphertext | unvault(secret, vault_id)`. What is not encrypted is given back as it is.
fn decrypt(value: &Value, rest: &[Value], kwargs: &Kwargs, vault: &Vault) -> Result<Value, Error> {
    let password = password(rest, kwargs)?;
    let label = label(rest, kwargs, 1)?;
    kwargs.assert_all_used()?;
    let sealed = match (vault.sealed(value), value.as_str()) {
        (Some(sealed), _) => sealed,
        (None, Some(text)) if clouder_vault::is_encrypted(text.as_bytes()) => Arc::from(text),
        (None, Some(_)) => return Ok(value.clone()),
        (None, None) => {
            return Err(wrong(format!("only texts can be decrypted, not {}", type_name(value))));
        }
    };
    let mut keyring = Keyring::default();
    keyring.add(Key { label, password });
    let opened =
        keyring.open(sealed.as_bytes()).map_err(|error| wrong(format!("Unable to decrypt: {error}")))?;
    let plain = String::from_utf8(opened.plain);
    plain.map(Value::from).map_err(|_| wrong("Unable to decrypt: what was encrypted is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::{Arc, Kwargs, Value, Vault, decrypt, encrypt};

    #[test]
    fn a_wrapped_value_is_known_to_be_encrypted() {
        let vault = Vault::new(Arc::default());
        let key = [Value::from("key")];
        let named = |wrap: bool| Kwargs::from_iter([("wrap_object", Value::from(wrap))]);
        let wrapped = encrypt(&Value::from("text"), &key, &named(true), &vault).unwrap();
        assert_eq!(wrapped.as_str(), Some("text"));
        assert!(vault.sealed(&wrapped).is_some());
        let bare = encrypt(&Value::from("text"), &key, &named(false), &vault).unwrap();
        assert!(bare.as_str().unwrap().starts_with("$ANSIBLE_VAULT;1.2;AES256;filter_default\n"));
        assert!(vault.sealed(&bare).is_none());
        for value in [wrapped, bare] {
            let none = Kwargs::from_iter(std::iter::empty::<(&str, Value)>());
            assert_eq!(decrypt(&value, &key, &none, &vault).unwrap().as_str(), Some("text"));
        }
    }
}
