//! `kubectl certificate approve` and `deny`.

use serde_json::json;

use super::{Kubectl, say};
use crate::failure::{Result, refuse};

pub(super) fn run(kubectl: &Kubectl) -> Result<()> {
    let Some((action, names)) = kubectl.flags.words.split_first() else {
        refuse!("error: one or more CSRs must be specified as <name>")
    };
    let (kind, done) = match action.as_str() {
        "approve" => ("Approved", "approved"),
        "deny" => ("Denied", "denied"),
        other => refuse!("error: unknown command {other:?}"),
    };
    if names.is_empty() {
        refuse!("error: one or more CSRs must be specified as <name>");
    }
    for name in names {
        let path = format!("/apis/certificates.k8s.io/v1/certificatesigningrequests/{name}");
        let mut request = kubectl.client.get(&path)?;
        let mut conditions = request["status"]["conditions"].as_array().cloned().unwrap_or_default();
        if !conditions.iter().any(|condition| condition["type"] == kind) {
            conditions.push(json!({"type": kind, "status": "True", "reason": format!("Kubectl{}", if kind == "Approved" { "Approve" } else { "Deny" }), "message": format!("This CSR was {done} by kubectl certificate {action}.")}));
        }
        request["status"]["conditions"] = conditions.into();
        kubectl.client.merge(&format!("{path}/approval"), &json!({"status": request["status"]}))?;
        say(&format!("certificatesigningrequest.certificates.k8s.io/{name} {done}"))?;
    }
    Ok(())
}
