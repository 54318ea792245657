//! Groups and hosts as a tree of lines: `--graph`.

use std::fmt::Write as _;

use clouder_lang::yaml::VAULT_KEY;
use clouder_vault::{Keyring, VaultError};
use serde_json::{Map, Value};

use super::View;
use super::data::sorted;
use crate::cli::Failure;
use crate::template::{from_json, to_text};

impl View<'_> {
    /// The tree below a group; with variables, if asked for, decrypted.
    pub(super) fn graph(&self, group: &str, with_variables: Option<&Keyring>) -> Result<String, Failure> {
        let mut text = String::new();
        self.lines(group, 0, with_variables, &mut text)?;
        Ok(text)
    }

    fn lines(
        &self,
        group: &str,
        depth: usize,
        with_variables: Option<&Keyring>,
        text: &mut String,
    ) -> Result<(), Failure> {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}@{group}:", margin(depth));
        for child in self.children(group) {
            self.lines(&child, depth + 1, with_variables, text)?;
        }
        for host in self.members(group) {
            let _ = writeln!(text, "{}{host}", margin(depth + 1));
            if let Some(keyring) = with_variables {
                variables(self.host_variables(&host), depth + 2, keyring, text)?;
            }
        }
        if let Some(keyring) = with_variables {
            variables(self.group_variables(group), depth + 1, keyring, text)?;
        }
        Ok(())
    }
}

fn margin(depth: usize) -> String {
    if depth == 0 { String::new() } else { format!("  {}|--", "|  ".repeat(depth - 1)) }
}

fn variables(
    variables: Map<String, Value>,
    depth: usize,
    keyring: &Keyring,
    text: &mut String,
) -> Result<(), Failure> {
    for (name, value) in sorted(variables) {
        let value = opened(value, keyring).map_err(|error| {
            Failure::new(format!("cannot decrypt the variable `{name}`: {error}"), error.hint())
        })?;
        let _ = writeln!(text, "{}{{{name} = {}}}", margin(depth), to_text(&from_json(value)));
    }
    Ok(())
}

/// A value whose ciphertext is decrypted.
fn opened(value: Value, keyring: &Keyring) -> Result<Value, VaultError> {
    match value {
        Value::Object(map) if map.len() == 1 && map.get(VAULT_KEY).is_some_and(Value::is_string) => {
            let sealed = map.get(VAULT_KEY).and_then(Value::as_str).unwrap_or_default();
            let plain = keyring.open(sealed.as_bytes())?.plain;
            String::from_utf8(plain).map(Value::String).map_err(|_| VaultError::NotText)
        }
        Value::Object(map) => {
            map.into_iter().map(|(name, inner)| Ok((name, opened(inner, keyring)?))).collect()
        }
        Value::Array(items) => items.into_iter().map(|inner| opened(inner, keyring)).collect(),
        other => Ok(other),
    }
}
