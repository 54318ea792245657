//! Who asks: by certificate, by a bootstrap token or a service account's, or nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::answer::Refusal;
use super::store::{State, Store};
use super::tokens::Signer;
use crate::http::Request;
use crate::pki;

/// A user and the groups it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    /// Finds out who sent a request.
    pub(crate) fn of(
        request: &Request,
        certificate: Option<&[u8]>,
        store: &Store,
        signer: &Signer,
    ) -> Result<Self, Refusal> {
        if let Some(der) = certificate {
            let (name, groups) = pki::holder(der).map_err(|_| Refusal::unauthorized())?;
            return Ok(Self { name, groups });
        }
        match request.header("authorization").and_then(|text| text.strip_prefix("Bearer ")) {
            Some(token) => Self::by_token(token, &*store.read()?, signer).ok_or_else(Refusal::unauthorized),
            None => Ok(Self::anonymous()),
        }
    }

    fn anonymous() -> Self {
        Self { name: "system:anonymous".to_owned(), groups: vec!["system:unauthenticated".to_owned()] }
    }

    /// Whose a token is.
    pub(super) fn by_token(token: &str, state: &State, signer: &Signer) -> Option<Self> {
        if let Some(account) = signer.holder(token) {
            let found = state.get("serviceaccounts", Some(&account.namespace), &account.name)?;
            return (found["metadata"]["uid"] == account.uid.as_str()).then(|| account.into_user());
        }
        let (id, secret) = token.split_once('.')?;
        let found = state.get("secrets", Some("kube-system"), &format!("bootstrap-token-{id}"))?;
        let given = data(found, "token-secret")?;
        let usable = data(found, "usage-bootstrap-authentication").as_deref() == Some("true");
        if !usable || !token_lives(found) || given != secret {
            return None;
        }
        let groups = data(found, "auth-extra-groups").unwrap_or_default();
        let mut groups: Vec<String> =
            groups.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        groups.push("system:bootstrappers".to_owned());
        Some(Self { name: format!("system:bootstrap:{id}"), groups })
    }

    /// Whether the user is in a group.
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|found| found == group)
    }

    /// The name of the node that the user is the kubelet of.
    pub(crate) fn node(&self) -> Option<&str> {
        self.name.strip_prefix("system:node:").filter(|_| self.is_in("system:nodes"))
    }
}

/// A decoded field of a Secret.
pub(crate) fn data(secret: &Value, key: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(secret["data"][key].as_str()?).ok()?).ok()
}

/// Whether a bootstrap token has not expired.
pub(crate) fn token_lives(secret: &Value) -> bool {
    let Some(expires) = data(secret, "expiration") else { return true };
    OffsetDateTime::parse(&expires, &Rfc3339).is_ok_and(|time| time > OffsetDateTime::now_utc())
}
