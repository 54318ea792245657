//! Base64, digests, URLs, addresses.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use clouder_modules::args::Choice as _;
use clouder_modules::system::checksum::Algorithm;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};

use super::{elements, wrong};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("b64encode", b64encode);
    environment.add_filter("b64decode", b64decode);
    environment.add_filter("hash", hash);
    environment.add_filter("checksum", |value: &Value| Algorithm::Sha1.of_bytes(to_text(value).as_bytes()));
    environment.add_filter("md5", |value: &Value| Algorithm::Md5.of_bytes(to_text(value).as_bytes()));
    environment.add_filter("sha1", |value: &Value| Algorithm::Sha1.of_bytes(to_text(value).as_bytes()));
    environment.add_filter("ipwrap", ipwrap);
    environment.add_filter("to_uuid", to_uuid);
}

fn b64encode(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let url = kwargs.get::<Option<bool>>("urlsafe")?.unwrap_or(false);
    kwargs.get::<Option<String>>("encoding")?;
    kwargs.assert_all_used()?;
    let text = to_text(value);
    Ok(if url { URL_SAFE.encode(text) } else { STANDARD.encode(text) })
}

fn b64decode(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let url = kwargs.get::<Option<bool>>("urlsafe")?.unwrap_or(false);
    kwargs.get::<Option<String>>("encoding")?;
    kwargs.assert_all_used()?;
    let text: String = to_text(value).chars().filter(|character| !character.is_whitespace()).collect();
    let bytes = if url { URL_SAFE.decode(text) } else { STANDARD.decode(text) };
    let bytes = bytes.map_err(|error| wrong(format!("`b64decode` cannot read its input: {error}")))?;
    String::from_utf8(bytes).map_err(|_| wrong("`b64decode` gives bytes that are no text"))
}

fn hash(value: &Value, algorithm: Option<&str>) -> Result<String, Error> {
    let name = algorithm.unwrap_or("sha1");
    let algorithm = Algorithm::from_word(name).ok_or_else(|| {
        wrong(format!("`hash` does not know `{name}`; it knows {}", Algorithm::WORDS.join(", ")))
    })?;
    Ok(algorithm.of_bytes(to_text(value).as_bytes()))
}

/// An IPv6 address in brackets, anything else as it is.
fn ipwrap(value: &Value) -> Result<Value, Error> {
    let wrap = |text: String| {
        let (address, prefix) =
            text.split_once('/').map_or((text.as_str(), None), |(address, prefix)| (address, Some(prefix)));
        match (address.parse::<std::net::Ipv6Addr>(), prefix) {
            (Ok(_), Some(prefix)) => format!("[{address}]/{prefix}"),
            (Ok(_), None) => format!("[{address}]"),
            (Err(_), _) => text.clone(),
        }
    };
    if value.as_str().is_some() {
        return Ok(Value::from(wrap(to_text(value))));
    }
    Ok(Value::from(elements("ipwrap", value)?.iter().map(|item| wrap(to_text(item))).collect::<Vec<_>>()))
}

/// A UUID of version 5 in Ansible's name space, or another.
fn to_uuid(value: &Value, namespace: Option<&str>) -> Result<String, Error> {
    use sha1::Digest as _;
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
