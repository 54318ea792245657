//! kubeconfig files: where an API server is, and with which credentials.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::failure::{Context as _, Failure, Result, refuse};
use crate::pki::Pair;
use crate::{files, yaml};

/// How a client shows who it is.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Not at all.
    Anonymous,
    /// By a certificate.
    Certificate(Pair),
    /// By a bootstrap token.
    Token(String),
}

/// A server and credentials for it.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    /// `https://HOST:PORT`
    pub server: String,
    /// The certificate of the cluster's authority; none where it is not known yet.
    pub authority: Option<String>,
    /// Who the client is.
    pub credentials: Credentials,
}

impl Kubeconfig {
    /// Reads the current context of a file.
    ///
    /// # Errors
    /// When it cannot be read or lacks something.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::read(path)?;
        let value = yaml::documents(&text)?.pop().unwrap_or_default();
        Self::from_value(&value, path.parent().unwrap_or(Path::new("/"))).map_err(|error| {
            error.context(format_args!("error loading config file {:?}", path.display().to_string()))
        })
    }

    /// The current context of a kubeconfig that is read already; paths in it are relative to the folder.
    ///
    /// # Errors
    /// When it lacks something.
    pub fn from_value(value: &Value, folder: &Path) -> Result<Self> {
        let named = |list: &str, name: &str, key: &str| -> Result<Value> {
            let entries = value[list].as_array().cloned().unwrap_or_default();
            let found = entries.into_iter().find(|entry| entry["name"] == name);
            match found {
                Some(mut entry) => Ok(entry[key].take()),
                None => refuse!("{key} {name:?} does not exist"),
            }
        };
        let current = value["current-context"].as_str().unwrap_or_default();
        let (cluster, user) = if current.is_empty() {
            let first = value["clusters"][0]["cluster"].clone();
            (first, Value::Null)
        } else {
            let context = named("contexts", current, "context")?;
            let name = |key: &str| context[key].as_str().unwrap_or_default().to_owned();
            (named("clusters", &name("cluster"), "cluster")?, named("users", &name("user"), "user")?)
        };
        let Some(server) = cluster["server"].as_str() else { refuse!("the cluster has no server") };
        let content = |from: &Value, name: &str| -> Result<Option<String>> {
            if let Some(data) = from[format!("{name}-data")].as_str() {
                let bytes = BASE64.decode(data).doing(format_args!("{name}-data"))?;
                return String::from_utf8(bytes).doing(format_args!("{name}-data")).map(Some);
            }
            from[name].as_str().map(|path| files::read(&folder.join(path))).transpose()
        };
        let credentials = match (content(&user, "client-certificate")?, content(&user, "client-key")?) {
            (Some(certificate), Some(key)) => Credentials::Certificate(Pair { certificate, key }),
            (Some(_), None) => {
                return Err(Failure::new(
                    "client-key-data or client-key must be specified to use the clientCert authentication method",
                ));
            }
            _ => match user["token"].as_str() {
                Some(token) => Credentials::Token(token.to_owned()),
                None => Credentials::Anonymous,
            },
        };
        Ok(Self {
            server: server.to_owned(),
            authority: content(&cluster, "certificate-authority")?,
            credentials,
        })
    }

    /// The file's value, with everything in it.
    #[must_use]
    pub fn to_value(&self, cluster: &str, user: &str) -> Value {
        let encoded = |text: &str| BASE64.encode(text);
        let credentials = match &self.credentials {
            Credentials::Anonymous => json!({}),
            Credentials::Certificate(pair) => {
                json!({"client-certificate-data": encoded(&pair.certificate), "client-key-data": encoded(&pair.key)})
            }
            Credentials::Token(token) => json!({"token": token}),
        };
        let mut place = json!({"server": self.server});
        if let Some(authority) = &self.authority {
            place["certificate-authority-data"] = encoded(authority).into();
        }
        let context = format!("{user}@{cluster}");
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": place}],
            "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
            "current-context": context,
            "users": [{"name": user, "user": credentials}],
        })
    }

    /// Writes the file for its owner alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path, cluster: &str, user: &str) -> Result<()> {
        files::write(path, &yaml::write(&self.to_value(cluster, user))?, 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.conf");
        let pair = Pair { certificate: "c".into(), key: "k".into() };
        let written = Kubeconfig {
            server: "https://api:6443".into(),
            authority: Some("ca".into()),
            credentials: Credentials::Certificate(pair),
        };
        written.write(&path, "kubernetes", "admin").unwrap();
        let read = Kubeconfig::read(&path).unwrap();
        assert_eq!((read.server.as_str(), read.authority.as_deref()), ("https://api:6443", Some("ca")));
        assert!(matches!(read.credentials, Credentials::Certificate(pair) if pair.key == "k"));
    }

    #[test]
    fn what_a_context_names_must_exist() {
        let value = json!({"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "b", "user": "c"}}]});
        let error = Kubeconfig::from_value(&value, Path::new("/")).unwrap_err();
        assert_eq!(error.message, "cluster \"b\" does not exist");
    }
}
