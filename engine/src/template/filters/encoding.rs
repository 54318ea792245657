//! Base64, digests, URLs, addresses.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use clouder_modules::args::Choice as _;
use clouder_modules::system::checksum::Algorithm;
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

use super::{taken, text_of, wrong};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("b64encode", b64encode);
    environment.add_filter("b64decode", b64decode);
    environment.add_filter("hash", hash);
    environment.add_filter("checksum", |value: &Value| Algorithm::Sha1.of_bytes(to_text(value).as_bytes()));
    environment.add_filter("md5", |value: &Value| Algorithm::Md5.of_bytes(to_text(value).as_bytes()));
    environment.add_filter("sha1", |value: &Value| Algorithm::Sha1.of_bytes(to_text(value).as_bytes()));
    environment.add_filter("to_uuid", to_uuid);
}

fn b64encode(value: &Value, encoding: Option<String>, kwargs: Kwargs) -> Result<String, Error> {
    let url = kwargs.get::<Option<bool>>("urlsafe")?.unwrap_or(false);
    let encoding = kwargs.get::<Option<String>>("encoding")?.or(encoding);
    kwargs.assert_all_used()?;
    let bytes = encoded(&to_text(value), encoding.as_deref().unwrap_or("utf-8"))?;
    Ok(if url { URL_SAFE.encode(bytes) } else { STANDARD.encode(bytes) })
}

/// A text in an encoding of Python's.
fn encoded(text: &str, encoding: &str) -> Result<Vec<u8>, Error> {
    let units = || text.encode_utf16();
    Ok(match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => text.as_bytes().to_vec(),
        "utf-16-le" | "utf-16le" => units().flat_map(u16::to_le_bytes).collect(),
        "utf-16-be" | "utf-16be" => units().flat_map(u16::to_be_bytes).collect(),
        "utf-16" => [0xff, 0xfe].into_iter().chain(units().flat_map(u16::to_le_bytes)).collect(),
        "ascii" if text.is_ascii() => text.as_bytes().to_vec(),
        "latin-1" | "latin1" | "iso-8859-1" => text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).map_err(|_| wrong(format!("`{c}` is not in {encoding}"))))
            .collect::<Result<_, _>>()?,
        _ => return Err(wrong(format!("the text cannot be encoded in {encoding}"))),
    })
}

/// Bytes in an encoding of Python's as text.
fn decoded(bytes: &[u8], encoding: &str) -> Option<String> {
    let utf16 = |bytes: &[u8], big: bool| {
        let units = bytes.chunks(2).map(|pair| match pair {
            [one, two] if big => u16::from_be_bytes([*one, *two]),
            [one, two] => u16::from_le_bytes([*one, *two]),
            _ => 0xfffd,
        });
        String::from_utf16(&units.collect::<Vec<_>>()).ok()
    };
    match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-16-le" | "utf-16le" => utf16(bytes, false),
        "utf-16-be" | "utf-16be" => utf16(bytes, true),
        "utf-16" if bytes.starts_with(&[0xfe, 0xff]) => utf16(&bytes[2..], true),
        "utf-16" => utf16(bytes.strip_prefix(&[0xff, 0xfe]).unwrap_or(bytes), false),
        "latin-1" | "latin1" | "iso-8859-1" => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

fn b64decode(value: &Value, encoding: Option<String>, kwargs: Kwargs) -> Result<String, Error> {
    let url = kwargs.get::<Option<bool>>("urlsafe")?.unwrap_or(false);
    let encoding = kwargs.get::<Option<String>>("encoding")?.or(encoding);
    kwargs.assert_all_used()?;
    let text: String = to_text(value).chars().filter(|character| !character.is_whitespace()).collect();
    let bytes = if url { URL_SAFE.decode(text) } else { STANDARD.decode(text) };
    let bytes = bytes.map_err(|error| wrong(format!("`b64decode` cannot read its input: {error}")))?;
    decoded(&bytes, encoding.as_deref().unwrap_or("utf-8"))
        .ok_or_else(|| wrong("`b64decode` gives bytes that are no text"))
}

fn hash(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let [algorithm] = taken(["hashtype"], &args, &kwargs)?;
    let name = match &algorithm {
        Some(name) => text_of("hash", name)?,
        None => "sha1",
    };
    let algorithm = Algorithm::from_word(name).ok_or_else(|| {
        wrong(format!("`hash` does not know `{name}`; it knows {}", Algorithm::WORDS.join(", ")))
    })?;
    Ok(algorithm.of_bytes(to_text(value).as_bytes()))
}

/// A UUID of version 5 in Ansible's name space, or another.
fn to_uuid(value: &Value, namespace: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    use sha1::Digest as _;
    let named = kwargs.get::<Option<String>>("namespace")?;
    kwargs.assert_all_used()?;
    let namespace = named.as_deref().or(namespace);
    let namespace = namespace.unwrap_or("361e6d51-faec-444a-9079-341386da8e2e");
    let digits: String = namespace.chars().filter(|character| *character != '-').collect();
    let byte = |index: usize| {
        digits.get(index * 2..index * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let space: Option<Vec<u8>> = (0..16).map(byte).collect();
    let space = space
        .filter(|_| digits.len() == 32)
        .ok_or_else(|| wrong(format!("`to_uuid` needs a UUID as its name space, not `{namespace}`")))?;
    let mut digest = sha1::Sha1::new();
    digest.update(&space);
    digest.update(to_text(value).as_bytes());
    let mut bytes: Vec<u8> = digest.finalize().iter().copied().take(16).collect();
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = clouder_modules::system::checksum::hex(&bytes);
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
