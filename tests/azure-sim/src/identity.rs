//! Managed identities: those with a name of their own, and those of machines.

use serde_json::{Map, Value, json};

use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::json::{set, text};
use crate::kind::Write;
use crate::random;
use crate::store::Resource;

/// Gives an identity its principal.
///
/// # Errors
/// Never.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let before = write.old.as_ref().map(|old| text(old, "/properties/principalId").to_owned());
    let principal = before.unwrap_or_else(|| cloud.new_principal());
    let client = random::uuid_of(&format!("client {principal}"));
    set(&mut write.new, "/properties/principalId", principal);
    set(&mut write.new, "/properties/clientId", client);
    set(&mut write.new, "/properties/tenantId", cloud.settings.tenant.clone());
    Ok(())
}

/// Forgets the principal.
pub fn removed(cloud: &mut Cloud, resource: &Resource) {
    cloud.principals.remove(text(&resource.value, "/properties/principalId"));
}

/// Completes the identity of a machine.
///
/// # Errors
/// When its type is unknown, or an identity is not there.
pub fn complete(cloud: &mut Cloud, old: Option<&Value>, value: &mut Value) -> Result<()> {
    let Some(identity) = value.get("identity").filter(|identity| !identity.is_null()).cloned() else {
        return Ok(());
    };
    let kinds: Vec<String> =
        text(&identity, "/type").split(',').map(|kind| kind.trim().to_ascii_lowercase()).collect();
    let known = ["systemassigned", "userassigned", "none"];
    if kinds.iter().any(|kind| !known.contains(&kind.as_str())) {
        return Err(Failure::bad(
            "InvalidParameter",
            format!("The identity type '{}' is not valid.", text(&identity, "/type")),
        )
        .about("identity.type"));
    }
    if kinds.iter().any(|kind| kind == "none") {
        if let Some(old) = old {
            forget(cloud, old);
        }
        if let Some(object) = value.as_object_mut() {
            object.remove("identity");
        }
        return Ok(());
    }
    let mut shown = Map::new();
    let has = |kind: &str| kinds.iter().any(|known| known == kind);
    let name = match (has("systemassigned"), has("userassigned")) {
        (true, true) => "SystemAssigned, UserAssigned",
        (true, false) => "SystemAssigned",
        _ => "UserAssigned",
    };
    shown.insert("type".to_owned(), json!(name));
    let before = old.map(|old| text(old, "/identity/principalId")).filter(|id| !id.is_empty());
    if has("systemassigned") {
        let principal = match before {
            Some(before) => before.to_owned(),
            None => cloud.new_principal(),
        };
        shown.insert("principalId".to_owned(), json!(principal));
        shown.insert("tenantId".to_owned(), json!(cloud.settings.tenant));
    } else if let Some(before) = before {
        cloud.principals.remove(before);
    }
    if has("userassigned") {
        let mut users = Map::new();
        for (id, wanted) in identity["userAssignedIdentities"].as_object().into_iter().flatten() {
            if wanted.is_null() {
                continue;
            }
            let Some(found) = cloud.store.find(id) else {
                return Err(Failure::bad(
                    "FailedIdentityOperation",
                    format!(
                        "Identity operation for resource '{}' failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. Response: 'Resource '{id}' was not found.''.",
                        text(value, "/id")
                    ),
                ));
            };
            let properties = &found.value["properties"];
            users.insert(
                id.clone(),
                json!({"principalId": properties["principalId"], "clientId": properties["clientId"]}),
            );
        }
        if users.is_empty() {
            return Err(Failure::bad(
                "InvalidParameter",
                "The identity ids must not be null or empty for 'UserAssigned' identity type.",
            )
            .about("identity.userAssignedIdentities"));
        }
        shown.insert("userAssignedIdentities".to_owned(), Value::Object(users));
    }
    value["identity"] = Value::Object(shown);
    Ok(())
}

/// Forgets the principal of a machine that goes.
pub fn forget(cloud: &mut Cloud, value: &Value) {
    cloud.principals.remove(text(value, "/identity/principalId"));
}
