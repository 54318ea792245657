//! Hashes of passwords, as `crypt` knows them.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use md5::Md5;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};
use sha2::{Digest, Sha256, Sha512};

use super::random::Chance;
use super::{text_of, wrong};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("password_hash", password_hash);
}

const ALPHABET: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `password_hash(hashtype='sha512', salt, salt_size, rounds, ident)`.
fn password_hash(
    password: &Value,
    kind: Option<String>,
    salt: Option<Value>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let kind = kwargs.get::<Option<String>>("hashtype")?.or(kind).unwrap_or_else(|| "sha512".to_owned());
    let salt = kwargs.get::<Option<Value>>("salt")?.or(salt).filter(|salt| !salt.is_none());
    let size = kwargs.get::<Option<usize>>("salt_size")?;
    let rounds = kwargs.get::<Option<u32>>("rounds")?;
    let ident = kwargs.get::<Option<String>>("ident")?;
    kwargs.assert_all_used()?;
    let settings = Settings { salt: salt.as_ref().map(to_text), size, rounds, ident };
    hash(text_of("password_hash", password)?, &kind, &settings)
}

/// A text encrypted as `vars_prompt` does it; otherwise why it cannot be.
pub(crate) fn encrypted(
    text: &str,
    kind: &str,
    salt: Option<String>,
    size: Option<usize>,
) -> Result<String, String> {
    hash(text, kind, &Settings { salt, size, ..Settings::default() }).map_err(|error| error.to_string())
}

/// How a password is hashed.
#[derive(Debug, Default)]
pub(in crate::template) struct Settings {
    /// What makes equal passwords differ; drawn when there is none.
    pub(in crate::template) salt: Option<String>,
    /// How long a drawn one is.
    pub(in crate::template) size: Option<usize>,
    /// How much work it is.
    pub(in crate::template) rounds: Option<u32>,
    /// Which kind of bcrypt.
    pub(in crate::template) ident: Option<String>,
}

/// The hash of a password.
///
/// # Errors
/// When there is no such kind of hash, or the salt does not fit it.
pub(in crate::template) fn hash(password: &str, kind: &str, settings: &Settings) -> Result<String, Error> {
    let salt = |usual: usize, most: usize| match &settings.salt {
        Some(salt) => {
            let strange = salt.chars().find(|c| !c.is_ascii() || !ALPHABET.contains(&(*c as u8)));
            match strange {
                Some(strange) => Err(wrong(format!("invalid characters in salt: `{strange}`"))),
                None if salt.len() > most => Err(wrong(format!("the salt is longer than {most} characters"))),
                None => Ok(salt.clone()),
            }
        }
        None => drawn_salt(settings.size.unwrap_or(usual).min(most)),
    };
    match kind {
        "sha512" | "sha512_crypt" => Ok(sha::<Sha512>(password, &salt(16, 16)?, settings.rounds, &SHA512)),
        "sha256" | "sha256_crypt" => Ok(sha::<Sha256>(password, &salt(16, 16)?, settings.rounds, &SHA256)),
        "md5" | "md5_crypt" => Ok(md5_crypt(password, &salt(8, 8)?)),
        "blowfish" | "bcrypt" => bcrypt_hash(password, &salt(22, 22)?, settings),
        "yescrypt" => yescrypt_hash(password, &salt(22, 86)?, settings.rounds),
        other => Err(wrong(format!(
            "`password_hash` does not know `{other}`; it knows sha512, sha256, blowfish, bcrypt, yescrypt and md5"
        ))),
    }
}

fn drawn_salt(length: usize) -> Result<String, Error> {
    let mut chance = Chance::new(None)?;
    Ok((0..length).map(|_| char::from(ALPHABET[chance.index(ALPHABET.len())])).collect())
}

/// What tells the two kinds of SHA-crypt apart: the mark, and the order of bytes in the result.
struct Kind {
    mark: &'static str,
    /// As passlib has it, which ansible-core uses.
    rounds: u32,
    order: &'static [[Option<usize>; 3]],
}

const fn three(one: usize, two: usize, three: usize) -> [Option<usize>; 3] {
    [Some(one), Some(two), Some(three)]
}

const SHA512: Kind = Kind {
    mark: "$6$",
    rounds: 656_000,
    order: &[
        three(0, 21, 42),
        three(22, 43, 1),
        three(44, 2, 23),
        three(3, 24, 45),
        three(25, 46, 4),
        three(47, 5, 26),
        three(6, 27, 48),
        three(28, 49, 7),
        three(50, 8, 29),
        three(9, 30, 51),
        three(31, 52, 10),
        three(53, 11, 32),
        three(12, 33, 54),
        three(34, 55, 13),
        three(56, 14, 35),
        three(15, 36, 57),
        three(37, 58, 16),
        three(59, 17, 38),
        three(18, 39, 60),
        three(40, 61, 19),
        three(62, 20, 41),
        [None, None, Some(63)],
    ],
};

const SHA256: Kind = Kind {
    mark: "$5$",
    rounds: 535_000,
    order: &[
        three(0, 10, 20),
        three(21, 1, 11),
        three(12, 22, 2),
        three(3, 13, 23),
        three(24, 4, 14),
        three(15, 25, 5),
        three(6, 16, 26),
        three(27, 7, 17),
        three(18, 28, 8),
        three(9, 19, 29),
        [None, Some(31), Some(30)],
    ],
};

/// Bytes as text of the alphabet, lowest bits first.
fn letters(bytes: &[u8], order: &[[Option<usize>; 3]], text: &mut String) {
    for group in order {
        let mut number: u32 = 0;
        for index in group {
            number = (number << 8) | index.map_or(0, |index| u32::from(bytes[index]));
        }
        let count = group.iter().flatten().count() + 1;
        for _ in 0..count {
            text.push(char::from(ALPHABET[(number & 63) as usize]));
            number >>= 6;
        }
    }
}

/// Drepper's SHA-crypt.
fn sha<D: Digest>(password: &str, salt: &str, rounds: Option<u32>, kind: &Kind) -> String {
    // What `crypt` itself does, so that it need not be said.
    const UNSAID: u32 = 5000;
    let rounds = rounds.unwrap_or(kind.rounds).clamp(1000, 999_999_999);
    let (password, salt) = (password.as_bytes(), salt.as_bytes());
    let repeated =
        |bytes: &[u8], length: usize| -> Vec<u8> { bytes.iter().copied().cycle().take(length).collect() };
    let digest_b = {
        let mut digest = D::new();
        digest.update(password);
        digest.update(salt);
        digest.update(password);
        digest.finalize().to_vec()
    };
    let mut digest = D::new();
    digest.update(password);
    digest.update(salt);
    digest.update(repeated(&digest_b, password.len()));
    let mut length = password.len();
    while length > 0 {
        if length & 1 == 1 {
            digest.update(&digest_b);
        } else {
            digest.update(password);
        }
        length >>= 1;
    }
    let mut current = digest.finalize().to_vec();
    let mut digest = D::new();
    for _ in 0..password.len() {
        digest.update(password);
    }
    let by_password = repeated(&digest.finalize(), password.len());
    let mut digest = D::new();
    for _ in 0..16 + usize::from(current[0]) {
        digest.update(salt);
    }
    let by_salt = repeated(&digest.finalize(), salt.len());
    for round in 0..rounds {
        let mut digest = D::new();
        if round & 1 == 1 {
            digest.update(&by_password);
        } else {
            digest.update(&current);
        }
        if round % 3 != 0 {
            digest.update(&by_salt);
        }
        if round % 7 != 0 {
            digest.update(&by_password);
        }
        if round & 1 == 1 {
            digest.update(&current);
        } else {
            digest.update(&by_password);
        }
        current = digest.finalize().to_vec();
    }
    let mut text = kind.mark.to_owned();
    if rounds != UNSAID {
        text.push_str(&format!("rounds={rounds}$"));
    }
    text.push_str(&String::from_utf8_lossy(salt));
    text.push('$');
    letters(&current, kind.order, &mut text);
    text
}

/// FreeBSD's MD5-crypt.
fn md5_crypt(password: &str, salt: &str) -> String {
    const ORDER: [[Option<usize>; 3]; 6] = [
        three(0, 6, 12),
        three(1, 7, 13),
        three(2, 8, 14),
        three(3, 9, 15),
        three(4, 10, 5),
        [None, None, Some(11)],
    ];
    let (password, salt) = (password.as_bytes(), salt.as_bytes());
    let mut inner = Md5::new();
    for part in [password, salt, password] {
        inner.update(part);
    }
    let inner = inner.finalize();
    let mut digest = Md5::new();
    for part in [password, b"$1$", salt] {
        digest.update(part);
    }
    digest.update(inner.iter().copied().cycle().take(password.len()).collect::<Vec<u8>>());
    let mut length = password.len();
    while length > 0 {
        digest.update(if length & 1 == 1 { &[0][..] } else { &password[..1] });
        length >>= 1;
    }
    let mut current = digest.finalize().to_vec();
    for round in 0..1000 {
        let mut digest = Md5::new();
        if round & 1 == 1 {
            digest.update(password);
        } else {
            digest.update(&current);
        }
        if round % 3 != 0 {
            digest.update(salt);
        }
        if round % 7 != 0 {
            digest.update(password);
        }
        if round & 1 == 1 {
            digest.update(&current);
        } else {
            digest.update(password);
        }
        current = digest.finalize().to_vec();
    }
    let mut text = format!("$1${}$", String::from_utf8_lossy(salt));
    letters(&current, &ORDER, &mut text);
    text
}

fn bcrypt_hash(password: &str, salt: &str, settings: &Settings) -> Result<String, Error> {
    const BCRYPT: &[u8] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if salt.len() != 22 {
        return Err(wrong("the salt of bcrypt must have 22 characters"));
    }
    let cost = settings.rounds.unwrap_or(12);
    if !(4..=31).contains(&cost) {
        return Err(wrong("the rounds of bcrypt must be from 4 to 31"));
    }
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for letter in salt.bytes() {
        let value = BCRYPT.iter().position(|known| *known == letter).unwrap_or(0);
        bits = (bits << 6) | u32::try_from(value).unwrap_or(0);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap_or(0));
        }
    }
    let salt: [u8; 16] = bytes[..16].try_into().map_err(|_| wrong("the salt of bcrypt is too short"))?;
    let parts = bcrypt::hash_with_salt(password, cost, salt)
        .map_err(|error| wrong(format!("the password cannot be hashed: {error}")))?;
    Ok(parts.format_for_version(match settings.ident.as_deref() {
        None | Some("2b") => bcrypt::Version::TwoB,
        Some("2y") => bcrypt::Version::TwoY,
        Some("2a") => bcrypt::Version::TwoA,
        Some(other) => return Err(wrong(format!("bcrypt has no ident `{other}`; it has 2a, 2b and 2y"))),
    }))
}

/// The hash that Linux distributions have for their users; its rounds are the cost as `crypt` knows it, from 1 to 11.
fn yescrypt_hash(password: &str, salt: &str, rounds: Option<u32>) -> Result<String, Error> {
    let (power, blocks) = match rounds.unwrap_or(5) {
        cost @ 1..=2 => (cost + 9, 8),
        cost @ 3..=11 => (cost + 7, 32),
        _ => return Err(wrong("the rounds of yescrypt must be from 1 to 11")),
    };
    let failed = |error: yescrypt::Error| wrong(format!("the password cannot be hashed: {error}"));
    let params = yescrypt::Params::new(yescrypt::Mode::default(), 1 << power, blocks, 1).map_err(failed)?;
    // What does not fill a byte is left out, so that the salt stands in the hash as it was used.
    let salt: Vec<u8> = salt.as_bytes().chunks(4).flat_map(bytes_of_letters).collect();
    let mut hash = [0; 32];
    yescrypt::yescrypt(password.as_bytes(), &salt, &params, &mut hash).map_err(failed)?;
    let letters = |bytes: &[u8]| bytes.chunks(3).flat_map(letters_of_bytes).collect::<String>();
    Ok(format!("$y${params}${}${}", letters(&salt), letters(&hash)))
}

/// Up to three bytes as letters, the lowest six bits first.
fn letters_of_bytes(bytes: &[u8]) -> Vec<char> {
    let bits = bytes.iter().rev().fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte));
    (0..=bytes.len()).map(|index| char::from(ALPHABET[(bits >> (6 * index)) & 63])).collect()
}

/// The bytes that up to four letters hold.
fn bytes_of_letters(letters: &[u8]) -> Vec<u8> {
    let value = |letter: &u8| ALPHABET.iter().position(|known| known == letter).unwrap_or(0);
    let bits = letters.iter().rev().fold(0_usize, |bits, letter| (bits << 6) | value(letter));
    (0..letters.len() * 6 / 8).map(|index| (bits >> (8 * index)) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(kind: &str, password: &str, salt: &str, rounds: Option<u32>) -> String {
        let settings = Settings { salt: Some(salt.to_owned()), rounds, ..Settings::default() };
        hash(password, kind, &settings).unwrap()
    }

    #[test]
    fn hashes_are_those_of_crypt() {
        // From the specification of SHA-crypt and from `openssl passwd`.
        assert_eq!(
            hashed("sha512", "Hello world!", "saltstring", Some(5000)),
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
        );
        assert_eq!(
            hashed("sha256", "Hello world!", "saltstring", Some(5000)),
            "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
        );
        assert_eq!(
            hashed("sha512", "Hello world!", "saltstringsaltst", Some(10000)),
            "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."
        );
        assert_eq!(hashed("md5", "password", "saltsalt", None), "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/");
        // From the `crypt` of a Debian.
        assert_eq!(
            hashed("yescrypt", "secret", "F5Jx5fExrKuPp53xLKQ..1", None),
            "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0"
        );
        assert_eq!(
            hashed("yescrypt", "secret", "abcdefgh", None),
            "$y$j9T$abcdefgh$IUWJt2doU4Kf6E/JP1UkAT3S5O3Q7SSA8SJirXIlEu9"
        );
        assert_eq!(
            hashed("bcrypt", "U*U", "CCCCCCCCCCCCCCCCCCCCC.", Some(5)),
            "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
        );
    }

    #[test]
    fn salts_differ() {
        let hashed = || hash("a", "md5", &Settings::default()).unwrap();
        assert_ne!(hashed(), hashed());
        assert!(hash("a", "nope", &Settings::default()).is_err());
    }
}
