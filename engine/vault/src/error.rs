//! Why something cannot be encrypted or decrypted.

use thiserror::Error;

/// Why something cannot be encrypted or decrypted. No message holds a password or a plain text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VaultError {
    /// It does not begin with `$ANSIBLE_VAULT;`.
    #[error("it is not encrypted: it does not begin with $ANSIBLE_VAULT;")]
    NotEncrypted,
    /// It begins as an encrypted text does, but is none.
    #[error("it is no whole encrypted text: {0}")]
    Malformed(String),
    /// Another way to encrypt.
    #[error("the cipher {0} is not known; AES256 is")]
    Cipher(String),
    /// There is no password at all.
    #[error("it is encrypted, and no vault password was given")]
    NoPassword,
    /// The password is not the one it was encrypted with, or the text was changed since.
    #[error("{}", none_fits(.0.as_deref(), .1))]
    NoneFits(Option<String>, Vec<String>),
    /// It was opened, and holds other bytes than text.
    #[error("what was encrypted is not text in UTF-8")]
    NotText,
    /// A label with what cannot stand in the first line.
    #[error("`{0}` cannot be the label of a vault password: {1}")]
    Label(String, &'static str),
    /// The host has no random numbers.
    #[error("there are no random numbers for the salt: {0}")]
    Random(String),
}

impl VaultError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotEncrypted | Self::Malformed(_) | Self::Cipher(_) => {
                "encrypted texts are made with `clouder vault encrypt` or `clouder vault encrypt-string`"
            }
            Self::NoPassword => "give --vault-id, --vault-password-file or --ask-vault-pass",
            Self::NoneFits(..) => "--vault-id [LABEL@]SOURCE gives more passwords; each is tried",
            Self::NotText => "binary files can be copied, but not be variables or templates",
            Self::Label(..) => "LABEL@SOURCE is what --vault-id takes",
            Self::Random(_) => "random numbers come from the kernel: getrandom must be allowed",
        }
    }
}

/// Which label was wanted, and which passwords were tried.
fn none_fits(label: Option<&str>, tried: &[String]) -> String {
    let wanted = label.map_or_else(String::new, |label| format!(" (it was encrypted for `{label}`)"));
    match tried {
        [] => format!("no vault password has its label{wanted}"),
        [one] => format!("the vault password `{one}` does not open it{wanted}"),
        several => format!("none of the vault passwords opens it ({}){wanted}", several.join(", ")),
    }
}
