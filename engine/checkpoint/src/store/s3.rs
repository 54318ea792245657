//! S3, and what speaks like it. Requests are signed by version 4 of AWS' signatures, each with the sum of what it sends.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ring::{digest, hmac};
use ureq::http::Request;

use super::backend::{Backend, Looked};
use super::hex;
use super::web::{Web, WebError, all_inner, inner};
use crate::cluster::encoded;

/// A bucket.
pub(super) struct S3 {
    pub(super) web: Web,
    /// The origin: scheme and host.
    pub(super) origin: String,
    /// The bucket where it is part of the path, with a slash before it.
    pub(super) base: String,
    pub(super) signer: Signer,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}{}", self.origin, self.base)
    }
}

/// Whoever signs.
pub(super) struct Signer {
    pub(super) region: String,
    pub(super) key: String,
    pub(super) secret: String,
}

impl Signer {
    /// The header that signs a request. Query and headers are in order, those as they are sent, without what is signed anyway.
    fn authorization(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &BTreeMap<String, String>,
        time: Timestamp,
    ) -> String {
        let day = time.strftime("%Y%m%d").to_string();
        let names = headers.keys().cloned().collect::<Vec<_>>().join(";");
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let sum = headers.get("x-amz-content-sha256").map_or("", String::as_str);
        let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{sum}");
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
            time.strftime("%Y%m%dT%H%M%SZ"),
            sha256(request.as_bytes())
        );
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [&day, &self.region, "s3", "aws4_request", &text] {
            key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        let signature = hex(&key);
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            self.key
        )
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// A path or query as it is sent and signed.
fn path(text: &str) -> String {
    text.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

impl S3 {
    fn ask(
        &self,
        method: &str,
        name: &str,
        query: &[(&str, &str)],
        metadata: &BTreeMap<&str, String>,
        body: &[u8],
    ) -> Result<super::web::Answer, WebError> {
        let sum = sha256(body);
        let path = path(&format!("{}/{name}", self.base));
        let mut query: Vec<String> =
            query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        query.sort();
        let query = query.join("&");
        self.web.send(|| {
            let now = Timestamp::now();
            let mut headers: BTreeMap<String, String> =
                metadata.iter().map(|(key, value)| (format!("x-amz-meta-{key}"), value.clone())).collect();
            let host = self.origin.split_once("://").map_or(self.origin.as_str(), |(_, host)| host);
            headers.insert("host".to_owned(), host.to_owned());
            headers.insert("x-amz-content-sha256".to_owned(), sum.clone());
            headers.insert("x-amz-date".to_owned(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
            let authorization = self.signer.authorization(method, &path, &query, &headers, now);
            let mark = if query.is_empty() { "" } else { "?" };
            let mut request =
                Request::builder().method(method).uri(format!("{}{path}{mark}{query}", self.origin));
            for (name, value) in &headers {
                request = request.header(name, value);
            }
            Ok(request.header("authorization", authorization).body(body.to_vec())?)
        })
    }

    fn plain(
        &self,
        method: &str,
        name: &str,
        query: &[(&str, &str)],
        body: &[u8],
    ) -> Result<super::web::Answer, WebError> {
        self.ask(method, name, query, &BTreeMap::new(), body)
    }
}

impl Backend for S3 {
    fn begin(&self, name: &str, metadata: &BTreeMap<&str, String>) -> Result<String, WebError> {
        let answer = self.ask("POST", name, &[("uploads", "")], metadata, &[])?;
        let upload = inner(&answer.text, "UploadId").map(str::to_owned);
        upload.ok_or_else(|| WebError::Unclear("an upload has no UploadId".to_owned()))
    }

    fn part(&self, name: &str, upload: &str, number: u16, part: &[u8]) -> Result<String, WebError> {
        let answer =
            self.plain("PUT", name, &[("partNumber", &number.to_string()), ("uploadId", upload)], part)?;
        answer
            .header("etag")
            .map(str::to_owned)
            .ok_or_else(|| WebError::Unclear("a part has no ETag".to_owned()))
    }

    fn complete(
        &self,
        name: &str,
        upload: &str,
        parts: &[String],
        _: &BTreeMap<&str, String>,
    ) -> Result<(), WebError> {
        let parts = parts.iter().enumerate();
        let parts = parts.map(|(place, tag)| {
            format!("<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", place + 1)
        });
        let list =
            format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>());
        let answer = self.plain("POST", name, &[("uploadId", upload)], list.as_bytes())?;
        // A failure may come with the status of a success: the server answers before it is done.
        match inner(&answer.text, "Code") {
            Some(code) => Err(WebError::Refused { status: 200, text: code.to_owned() }),
            None => Ok(()),
        }
    }

    fn abort(&self, name: &str, upload: &str) -> Result<(), WebError> {
        self.plain("DELETE", name, &[("uploadId", upload)], &[]).map(drop)
    }

    fn look(&self, name: &str) -> Result<Option<Looked>, WebError> {
        Looked::of(self.plain("HEAD", name, &[], &[]), "x-amz-meta-")
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, WebError> {
        let mut names = Vec::new();
        let mut token = String::new();
        loop {
            let query = [("list-type", "2"), ("prefix", prefix), ("continuation-token", token.as_str())];
            let query = if token.is_empty() { &query[..2] } else { &query[..] };
            let answer = self.plain("GET", "", query, &[])?;
            names.extend(all_inner(&answer.text, "Key").map(str::to_owned));
            match inner(&answer.text, "NextContinuationToken") {
                Some(next) => token = next.to_owned(),
                None => return Ok(names),
            }
        }
    }

    fn delete(&self, name: &str) -> Result<(), WebError> {
        self.plain("DELETE", name, &[], &[]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of AWS' own description of signatures.
    #[test]
    fn signatures_are_as_aws_says() {
        let own = |text: &str| text.to_owned();
        let signer = Signer {
            region: own("us-east-1"),
            key: own("AKIAIOSFODNN7EXAMPLE"),
            secret: own("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        };
        let mut headers = BTreeMap::from([
            (own("host"), own("examplebucket.s3.amazonaws.com")),
            (own("x-amz-content-sha256"), sha256(b"")),
            (own("x-amz-date"), own("20130524T000000Z")),
        ]);
        let time = "2013-05-24T00:00:00Z".parse().unwrap();
        let listed = signer.authorization("GET", "/", "max-keys=2&prefix=J", &headers, time);
        assert!(
            listed.ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            "{listed}"
        );
        headers.insert(own("range"), own("bytes=0-9"));
        let got = signer.authorization("GET", "/test.txt", "", &headers, time);
        assert!(
            got.ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{got}"
        );
    }
}
