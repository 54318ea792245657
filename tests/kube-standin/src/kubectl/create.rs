//! `kubectl create token`

use serde_json::json;

use super::{Kubectl, say};
use crate::failure::{Result, refuse};
use crate::schema::seconds;

pub(super) fn run(kubectl: &Kubectl) -> Result<()> {
    let [what, name] = kubectl.flags.words.as_slice() else {
        refuse!("error: exactly one NAME is required, got {}", kubectl.flags.words.len().saturating_sub(1));
    };
    if what != "token" {
        refuse!("error: the stand-in creates only a token, not {what}");
    }
    let mut spec = json!({});
    if let Some(text) = kubectl.flags.value("duration") {
        let Some(time) = seconds(text) else {
            refuse!(
                "error: invalid argument {text:?} for \"--duration\" flag: time: invalid duration {text:?}"
            );
        };
        spec["expirationSeconds"] = (time as i64).into();
    }
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{name}/token", kubectl.namespace());
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let made = kubectl.client.create(&path, &request)?;
    say(made["status"]["token"].as_str().unwrap_or_default())
}
