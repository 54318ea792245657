//! Azure Blob Storage: block blobs, by an account's key or a shared access signature.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use ring::hmac;
use ureq::http::Request;

use super::backend::{Backend, Looked};
use super::web::{Web, WebError, all_inner, inner};
use crate::cluster::encoded;

/// The version of the service that is spoken.
const VERSION: &str = "2021-12-02";

/// How it is known who asks.
pub(super) enum Proof {
    /// The key of the account.
    Key(hmac::Key),
    /// A shared access signature: what it adds to each address.
    Signature(String),
}

/// A container.
pub(super) struct Azure {
    pub(super) web: Web,
    /// The origin, with the account where that is part of the path.
    pub(super) endpoint: String,
    pub(super) account: String,
    pub(super) container: String,
    pub(super) proof: Proof,
}

impl std::fmt::Debug for Azure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.endpoint, self.container)
    }
}

/// What there is to know of a request to sign it.
struct Asked<'a> {
    method: &'a str,
    /// The blob; empty for the container.
    name: &'a str,
    query: &'a [(&'a str, &'a str)],
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Azure {
    fn request(&self, asked: Asked<'_>) -> Result<Request<Vec<u8>>, WebError> {
        let path = format!("/{}/{}", self.container, asked.name);
        let url = format!("{}{}", self.endpoint, path.trim_end_matches('/'));
        let mut query: Vec<String> =
            asked.query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let mut headers = asked.headers;
        headers.push(("x-ms-version".to_owned(), VERSION.to_owned()));
        headers.push((
            "x-ms-date".to_owned(),
            Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        ));
        match &self.proof {
            Proof::Signature(token) => query.push(token.clone()),
            Proof::Key(key) => {
                let text =
                    to_sign(asked.method, &url, &self.account, asked.query, &headers, asked.body.len());
                let signature = BASE64.encode(hmac::sign(key, text.as_bytes()));
                headers.push(("authorization".to_owned(), format!("SharedKey {}:{signature}", self.account)));
            }
        }
        let url = if query.is_empty() { url } else { format!("{url}?{}", query.join("&")) };
        let mut request = Request::builder().method(asked.method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Ok(request.body(asked.body)?)
    }

    fn blob<'a>(&self, method: &'a str, name: &'a str) -> Asked<'a> {
        Asked { method, name, query: &[], headers: Vec::new(), body: Vec::new() }
    }
}

/// What is signed of a request.
fn to_sign(
    method: &str,
    url: &str,
    account: &str,
    query: &[(&str, &str)],
    headers: &[(String, String)],
    length: usize,
) -> String {
    let header =
        |name: &str| headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str());
    let length = if length == 0 { String::new() } else { length.to_string() };
    let (sum, kind) = (header("content-md5"), header("content-type"));
    let mut own: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    own.sort();
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let mut query: Vec<String> = query.iter().map(|(key, value)| format!("\n{key}:{value}")).collect();
    query.sort();
    format!(
        "{method}\n\n\n{length}\n{sum}\n{kind}\n\n\n\n\n\n\n{}/{account}/{path}{}",
        own.concat(),
        query.concat()
    )
}

impl Backend for Azure {
    fn begin(&self, _: &str, _: &BTreeMap<&str, String>) -> Result<String, WebError> {
        // Blocks are sent to a blob that need not be there.
        Ok(String::new())
    }

    fn part(&self, name: &str, _: &str, number: u16, part: &[u8]) -> Result<String, WebError> {
        // Of equal length for all blocks, as the service wants it.
        let block = BASE64.encode(format!("{number:06}"));
        let headers = vec![("content-md5".to_owned(), BASE64.encode(Md5::digest(part)))];
        let query = [("comp", "block"), ("blockid", block.as_str())];
        let make = || {
            let (headers, body) = (headers.clone(), part.to_vec());
            self.request(Asked { query: &query, headers, body, ..self.blob("PUT", name) })
        };
        self.web.send(make)?;
        Ok(block)
    }

    fn complete(
        &self,
        name: &str,
        _: &str,
        parts: &[String],
        metadata: &BTreeMap<&str, String>,
    ) -> Result<(), WebError> {
        let blocks: String = parts.iter().map(|block| format!("<Latest>{block}</Latest>")).collect();
        let list = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{blocks}</BlockList>");
        let mut headers: Vec<_> =
            metadata.iter().map(|(key, value)| (format!("x-ms-meta-{key}"), value.clone())).collect();
        headers.push(("content-type".to_owned(), "application/xml".to_owned()));
        let make = || {
            let (headers, body) = (headers.clone(), list.clone().into_bytes());
            self.request(Asked { query: &[("comp", "blocklist")], headers, body, ..self.blob("PUT", name) })
        };
        self.web.send(make).map(drop)
    }

    fn abort(&self, _: &str, _: &str) -> Result<(), WebError> {
        // Blocks that are in no list are gone after a week.
        Ok(())
    }

    fn look(&self, name: &str) -> Result<Option<Looked>, WebError> {
        Looked::of(self.web.send(|| self.request(self.blob("HEAD", name))), "x-ms-meta-")
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, WebError> {
        let mut names = Vec::new();
        let mut marker = String::new();
        loop {
            let query =
                [("restype", "container"), ("comp", "list"), ("prefix", prefix), ("marker", marker.as_str())];
            let query = if marker.is_empty() { &query[..3] } else { &query[..] };
            let answer = self.web.send(|| self.request(Asked { query, ..self.blob("GET", "") }))?;
            names.extend(all_inner(&answer.text, "Name").map(str::to_owned));
            match inner(&answer.text, "NextMarker") {
                Some(next) if !next.is_empty() => marker = next.to_owned(),
                _ => return Ok(names),
            }
        }
    }

    fn delete(&self, name: &str) -> Result<(), WebError> {
        self.web.send(|| self.request(self.blob("DELETE", name))).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_has_its_parts_in_order() {
        let headers = [("x-ms-version", "v"), ("content-md5", "sum"), ("x-ms-date", "now")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = to_sign(
            "PUT",
            "https://a.example.org/c/b",
            "a",
            &[("comp", "block"), ("blockid", "x=")],
            &headers,
            5,
        );
        assert_eq!(
            text,
            "PUT\n\n\n5\nsum\n\n\n\n\n\n\n\nx-ms-date:now\nx-ms-version:v\n/a/c/b\nblockid:x=\ncomp:block"
        );
    }
}
