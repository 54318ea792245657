//! Keys from servers of keys, by the web.

use std::time::Duration;

use serde_json::Map;

use super::http::{self, HttpOptions, Request};
use super::openpgp::{self, Key};
use crate::args::Arguments as _;
use crate::{Context, ModuleError};

/// How long a server may be silent.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The port of servers of keys that speak without encryption.
const PORT: u16 = 11_371;

/// Fetches something that is small, such as a key.
///
/// # Errors
/// When it is not to be had.
pub fn get(url: &str, validate_certs: bool, context: &Context) -> Result<Vec<u8>, ModuleError> {
    let mut options = HttpOptions::read(Map::new()).map_err(|error| ModuleError::new(error.to_string()))?;
    options.validate_certs = validate_certs;
    let response = http::send(&Request::get(url, TIMEOUT), &options, context)?;
    if response.status != 200 {
        let (status, reason) = (response.status, &response.reason);
        return Err(ModuleError::new(format!("Failed to download key at {url}: {status} {reason}")));
    }
    response.read(context)
}

/// The key of an identifier, as a server has it.
///
/// # Errors
/// When no address of the server gives the key, or it gives another one.
pub fn fetch(server: &str, id: &str, validate_certs: bool, context: &Context) -> Result<Key, ModuleError> {
    let mut failure = None;
    for address in addresses(server) {
        let url = format!("{address}/pks/lookup?op=get&options=mr&search=0x{id}");
        match get(&url, validate_certs, context) {
            Ok(content) => {
                let keys = openpgp::read(&content)
                    .map_err(|reason| ModuleError::new(format!("the answer of {url} is no key: {reason}")))?;
                return keys.into_iter().find(|key| key.is(id)).ok_or_else(|| {
                    ModuleError::new(format!("{url} gave another key than {id}, which is not taken"))
                });
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| ModuleError::new(format!("`{server}` is no address of a server of keys"))))
}

/// Where a server is asked. One without a scheme is asked by the web's encrypted port first.
fn addresses(server: &str) -> Vec<String> {
    let server = server.trim().trim_end_matches('/');
    let with_port = |host: &str| {
        let is_bare = !host.rsplit(']').next().unwrap_or(host).contains(':');
        if is_bare { format!("http://{host}:{PORT}") } else { format!("http://{host}") }
    };
    match server.split_once("://") {
        Some(("hkp", host)) => vec![with_port(host)],
        Some(("hkps", host)) => vec![format!("https://{host}")],
        Some(("http" | "https", _)) => vec![server.to_owned()],
        Some(_) => Vec::new(),
        None => vec![format!("https://{server}"), with_port(server)],
    }
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn servers_are_asked_where_their_schemes_say() {
        for (server, expected) in [
            ("hkp://keys.example.com", &["http://keys.example.com:11371"][..]),
            ("hkp://keys.example.com:80/", &["http://keys.example.com:80"]),
            ("hkps://keys.example.com", &["https://keys.example.com"]),
            ("http://localhost:1234", &["http://localhost:1234"]),
            ("keys.example.com", &["https://keys.example.com", "http://keys.example.com:11371"]),
            ("ldap://keys.example.com", &[]),
        ] {
            assert_eq!(addresses(server), expected, "{server}");
        }
    }
}
