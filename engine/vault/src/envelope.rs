//! The format of encrypted texts.
//!
//! The first line is `$ANSIBLE_VAULT;1.1;AES256`, or `$ANSIBLE_VAULT;1.2;AES256;label`. The lines below are hexadecimal; what
//! they stand for is three hexadecimal texts, one a line: salt, signature, ciphertext.

use crate::{DEFAULT_LABEL, Password, VaultError, cipher};

/// What encrypted texts begin with.
const MARK: &str = "$ANSIBLE_VAULT;";

const CIPHER: &str = "AES256";

/// Hexadecimal digits of a line.
const WIDTH: usize = 80;

/// Whether this is an encrypted text.
pub fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK.as_bytes())
}

/// Whether a text may be a label.
///
/// # Errors
/// When it cannot stand in the first line.
pub fn check_label(label: &str) -> Result<(), VaultError> {
    let wrong = |why| Err(VaultError::Label(label.to_owned(), why));
    if label.contains(';') {
        return wrong("it must not hold a semicolon");
    }
    if label.contains(char::is_control) {
        return wrong("it must be one line");
    }
    Ok(())
}

/// An encrypted text, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Whose password it was encrypted with.
    label: Option<String>,
    salt: Vec<u8>,
    signature: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Envelope {
    /// Encrypts; without a salt, one is drawn at random. The label `default` says nothing, and is left out.
    ///
    /// # Errors
    /// When the label cannot be one, or there are no random numbers.
    pub fn seal(
        plain: &[u8],
        password: &Password,
        label: Option<&str>,
        salt: Option<&[u8]>,
    ) -> Result<Self, VaultError> {
        let label = label.filter(|label| *label != DEFAULT_LABEL);
        label.map(check_label).transpose()?;
        let salt = match salt {
            Some(salt) => salt.to_vec(),
            None => random_salt()?,
        };
        let (signature, ciphertext) = cipher::seal(plain, password, &salt);
        Ok(Self { label: label.map(str::to_owned), salt, signature, ciphertext })
    }

    /// Decrypts; none when the password is another one, or the text was changed.
    pub fn open(&self, password: &Password) -> Option<Vec<u8>> {
        cipher::open(&self.ciphertext, &self.signature, password, &self.salt)
    }

    /// Takes an encrypted text apart. Blanks around lines do not count.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        if !is_encrypted(bytes) {
            return Err(VaultError::NotEncrypted);
        }
        let malformed = |what: &str| VaultError::Malformed(what.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("there are other bytes in it"))?;
        let mut lines = text.lines().map(str::trim);
        let mut head = lines.next().unwrap_or_default().splitn(4, ';').skip(1);
        let version = head.next().unwrap_or_default();
        let cipher = head.next().ok_or_else(|| malformed("its first line names no cipher"))?.trim();
        if cipher != CIPHER {
            return Err(VaultError::Cipher(cipher.to_owned()));
        }
        let label = match version.trim() {
            "1.1" => None,
            "1.2" => head.next().map(|label| label.trim().to_owned()),
            other => return Err(malformed(&format!("its version is {other}; 1.1 and 1.2 are known"))),
        };
        let hexadecimal = |what: &str| malformed(&format!("{what} is not hexadecimal"));
        let body: String = lines.collect();
        let body = base16ct::mixed::decode_vec(body).map_err(|_| hexadecimal("it"))?;
        let parts: Vec<&[u8]> = body.splitn(3, |byte| *byte == b'\n').collect();
        let [salt, signature, ciphertext] = parts[..] else {
            return Err(malformed("salt, signature and ciphertext are not all there"));
        };
        let part = |part: &[u8], name| base16ct::mixed::decode_vec(part).map_err(|_| hexadecimal(name));
        let (salt, signature) = (part(salt, "the salt")?, part(signature, "the signature")?);
        if signature.len() != cipher::SIGNATURE {
            return Err(malformed("the signature has another length"));
        }
        Ok(Self { label, salt, signature, ciphertext: part(ciphertext, "the ciphertext")? })
    }

    /// Whose password it was encrypted with, if it says so.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The whole text, with a line break at its end.
    pub fn to_text(&self) -> String {
        let parts =
            [&self.salt, &self.signature, &self.ciphertext].map(|part| base16ct::lower::encode_string(part));
        let body = base16ct::lower::encode_string(parts.join("\n").as_bytes());
        let mut text = match &self.label {
            Some(label) => format!("{MARK}1.2;{CIPHER};{label}\n"),
            None => format!("{MARK}1.1;{CIPHER}\n"),
        };
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (line, others) = rest.split_at(rest.len().min(WIDTH));
            text.push_str(line);
            text.push('\n');
            rest = others;
        }
        text
    }
}

fn random_salt() -> Result<Vec<u8>, VaultError> {
    let mut salt = vec![0; cipher::SALT];
    let mut filled = 0;
    while let Some(rest) = salt.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(read) => read,
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(VaultError::Random(error.to_string())),
        };
    }
    Ok(salt)
}

#[cfg(test)]
mod tests;
