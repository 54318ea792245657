//! How a store is reached: a file in JSON that scheduler and agents are given.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::azure::{Azure, Proof};
use super::backend::Backend;
use super::s3::{S3, Signer};
use super::web::Web;

/// The fields of all stores, then those of each kind.
const FIELDS: [&str; 5] = ["kind", "prefix", "endpoint", "insecure", "ca"];
const S3_FIELDS: [&str; 5] = ["bucket", "region", "access_key_id", "secret_access_key", "virtual_host"];
const AZURE_FIELDS: [&str; 4] = ["account", "container", "access_key", "sas_token"];

/// How a store is reached.
#[derive(Clone, Deserialize)]
pub struct StoreConfig {
    /// The name that schedules call it by.
    #[serde(skip)]
    pub name: String,
    /// Where in it copies are, before the name of the cluster.
    #[serde(default)]
    pub prefix: String,
    /// The origin, where it is not the provider's own.
    endpoint: Option<String>,
    /// Whether requests may go unencrypted. Copies themselves are encrypted anyway.
    #[serde(default)]
    insecure: bool,
    /// Whom to trust instead of the system's authorities, in PEM.
    ca: Option<String>,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kind {
    S3 {
        bucket: String,
        #[serde(default = "region")]
        region: String,
        access_key_id: String,
        secret_access_key: String,
        /// Whether the bucket is part of the host's name, as AWS has it.
        virtual_host: Option<bool>,
    },
    Azure {
        account: String,
        container: String,
        access_key: Option<String>,
        sas_token: Option<String>,
    },
}

fn region() -> String {
    "us-east-1".to_owned()
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.name)
    }
}

impl StoreConfig {
    /// All stores of a folder, each in a file `NAME.json`.
    ///
    /// # Errors
    /// When a file cannot be read, or is wrong. What it says is not repeated.
    pub fn of_folder(folder: &Path) -> Result<Vec<Self>, String> {
        let told = |path: &Path, why: &dyn fmt::Display| format!("cannot read {}: {why}", path.display());
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| told(folder, &error))?,
        };
        let mut stores = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| told(folder, &error))?.path();
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
            let Some(name) = name else { continue };
            let text = fs::read_to_string(&path).map_err(|error| told(&path, &error))?;
            stores.push(Self::of(name, &text).map_err(|why| told(&path, &why))?);
        }
        stores.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(stores)
    }

    /// Reads a store's file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(name: &str, text: &str) -> Result<Self, String> {
        let given: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).map_err(|error| told(&error))?;
        let read = serde_json::from_str::<Self>(text).map_err(|error| told(&error))?;
        let config = Self { name: name.to_owned(), ..read };
        let of_kind: &[&str] =
            if matches!(config.kind, Kind::S3 { .. }) { &S3_FIELDS } else { &AZURE_FIELDS };
        let unknown = |key: &&String| !FIELDS.contains(&key.as_str()) && !of_kind.contains(&key.as_str());
        if let Some(other) = given.keys().find(unknown) {
            let known = [&FIELDS, of_kind].concat().join(", ");
            return Err(format!("unknown field `{other}`; there are {known}"));
        }
        config.open().map(|_| config)
    }

    /// Makes ready to talk to the store; asks nobody yet.
    pub(super) fn open(&self) -> Result<Box<dyn Backend>, String> {
        let endpoint = self.endpoint();
        let address =
            endpoint.parse::<ureq::http::Uri>().ok().filter(|address| address.authority().is_some());
        let scheme = address.as_ref().and_then(|address| address.scheme_str());
        let encrypted = match scheme {
            Some("https") => true,
            Some("http") if self.insecure => false,
            Some("http") => {
                return Err(format!(
                    "{endpoint} would send requests unencrypted: use https, or say insecure"
                ));
            }
            _ => return Err(format!("`{endpoint}` is no origin such as https://minio.example.org:9000")),
        };
        let web = Web::new(encrypted, self.ca.as_deref())?;
        match &self.kind {
            Kind::S3 { bucket, region, access_key_id, secret_access_key, virtual_host } => {
                let origin = endpoint.trim_end_matches('/');
                let (origin, base) =
                    match (virtual_host.unwrap_or(self.endpoint.is_none()), origin.split_once("://")) {
                        (true, Some((scheme, host))) => {
                            (format!("{scheme}://{bucket}.{host}"), String::new())
                        }
                        _ => (origin.to_owned(), format!("/{bucket}")),
                    };
                let own = |text: &String| text.clone();
                let signer =
                    Signer { region: own(region), key: own(access_key_id), secret: own(secret_access_key) };
                Ok(Box::new(S3 { web, origin, base, signer }))
            }
            Kind::Azure { account, container, access_key, sas_token } => {
                let proof = match (access_key, sas_token) {
                    (Some(key), None) => {
                        let key = BASE64
                            .decode(key.trim())
                            .map_err(|_| "access_key is no key of an account: it is no base64")?;
                        Proof::Key(hmac::Key::new(hmac::HMAC_SHA256, &key))
                    }
                    (None, Some(token)) => Proof::Signature(token.trim_start_matches('?').to_owned()),
                    _ => return Err("it takes either access_key or sas_token".to_owned()),
                };
                let [account, container] = [account.clone(), container.clone()];
                let endpoint = endpoint.trim_end_matches('/').to_owned();
                Ok(Box::new(Azure { web, endpoint, account, container, proof }))
            }
        }
    }

    fn endpoint(&self) -> String {
        match (&self.endpoint, &self.kind) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Kind::S3 { region, .. }) => format!("https://s3.{region}.amazonaws.com"),
            (None, Kind::Azure { account, .. }) => format!("https://{account}.blob.core.windows.net"),
        }
    }
}

/// What is wrong with a file. The parser's own words may repeat a key, where they are about its value.
fn told(error: &serde_json::Error) -> String {
    if error.classify() != serde_json::error::Category::Data {
        return format!("it is no JSON, line {} column {}", error.line(), error.column());
    }
    let text = error.to_string();
    match ["missing field", "unknown variant"].iter().any(|word| text.starts_with(word)) {
        true => text,
        false => "a field has the wrong type".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_without_keys() {
        let told = |text: &str| StoreConfig::of("a", text).unwrap_err();
        let s3 = r#"{"kind": "s3", "bucket": "b", "insecure": true, "endpoint": "http://minio:9000", "access_key_id": "k", "secret_access_key": "hunter2""#;
        assert!(StoreConfig::of("a", &format!("{s3}}}")).is_ok());
        for (text, word) in [
            (s3.replace(r#""insecure": true, "#, ""), "insecure"),
            (s3.replace("http://", ""), "origin"),
            (format!(r#"{s3}, "prefix": 5"#), "type"),
            (format!(r#"{s3}, "bukket": 5"#), "bukket"),
            (format!("{s3},"), "JSON"),
            (s3.replace("secret_access_key", "secret"), "secret_access_key"),
        ] {
            let told = told(&format!("{text}}}"));
            assert!(told.contains(word) && !told.contains("hunter2"), "{told}");
        }
        assert!(told(r#"{"kind": "ftp"}"#).contains("ftp"));
        assert!(told(r#"{"kind": "azure", "account": "a", "container": "c"}"#).contains("either"));
        assert!(
            told(r#"{"kind": "azure", "account": "a", "container": "c", "access_key": "hunter2!"}"#)
                .ends_with("base64")
        );
    }
}
