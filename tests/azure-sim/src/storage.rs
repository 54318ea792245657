//! Microsoft.Storage.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::arm::{Call, check_version, cleaned};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::json::{default, has, set, text};
use crate::kind::{self, Write};
use crate::operation::timestamp;
use crate::random;
use crate::schema;
use crate::store::Resource;

const KIND: &str = "Microsoft.Storage/storageAccounts";

/// Names that others in the world have.
const TAKEN: &[&str] = &["backup", "data", "logs", "storage", "test"];

/// Answers what is no resource: whether a name is free.
pub fn answer(cloud: &Cloud, call: &Call<'_>, _scope: &str, words: &[&str]) -> Result<Option<Response>> {
    if !matches!(words, [word] if word.eq_ignore_ascii_case("checkNameAvailability")) || !call.is("POST") {
        return Ok(None);
    }
    let versions = kind::find("Microsoft.Storage", "storageAccounts").map_or(&[][..], |kind| kind.versions);
    check_version(call, "Microsoft.Storage", "checkNameAvailability", versions, false)?;
    let body = cleaned(
        call,
        &schema::STORAGE,
        "StorageAccountCheckNameAvailabilityParameters",
        "Microsoft.Storage",
        false,
    )?;
    let name = text(&body, "/name");
    let reason = match (valid(name), taken(cloud, name, "")) {
        (Err(failure), _) => Some(("AccountNameInvalid", failure.message)),
        (_, Err(failure)) => Some(("AlreadyExists", failure.message)),
        _ => None,
    };
    Ok(Some(Response::json(
        200,
        match reason {
            None => json!({"nameAvailable": true}),
            Some((reason, message)) => json!({"nameAvailable": false, "reason": reason, "message": message}),
        },
    )))
}

fn valid(name: &str) -> Result<()> {
    let right = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    if (3..=24).contains(&name.len()) && name.chars().all(right) {
        return Ok(());
    }
    Err(Failure::bad(
        "AccountNameInvalid",
        format!(
            "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only."
        ),
    ))
}

fn taken(cloud: &Cloud, name: &str, own: &str) -> Result<()> {
    let mut accounts = cloud.store.of_kind(&cloud.root(), KIND);
    if TAKEN.contains(&name) || accounts.any(|account| account.id.name() == name && account.id.key() != own) {
        return Err(Failure::conflict(
            "StorageAccountAlreadyTaken",
            format!("The storage account named {name} is already taken."),
        ));
    }
    Ok(())
}

/// Checks and completes a storage account.
///
/// # Errors
/// When its name is not right or taken, or its kind changes.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let name = write.id.name().to_owned();
    valid(&name)?;
    taken(cloud, &name, &write.id.key())?;
    if let Some(old) = &write.old {
        for field in ["sku", "kind", "properties"] {
            let before = old[field].clone();
            default(&mut write.new, &format!("/{field}"), before);
        }
        let is_premium = |value: &Value| text(value, "/sku/name").starts_with("Premium");
        if is_premium(old) != is_premium(&write.new) {
            return Err(Failure::conflict(
                "AccountTypeChangeNotAllowed",
                format!("The storage account {name} cannot be changed to {}.", text(&write.new, "/sku/name")),
            ));
        }
        if text(old, "/kind") == "FileStorage" && text(&write.new, "/kind") != "FileStorage" {
            return Err(Failure::conflict(
                "AccountPropertyCannotBeUpdated",
                "The property 'kind' was specified in the input, but it cannot be updated.",
            ));
        }
    }
    let tier = if text(&write.new, "/sku/name").starts_with("Premium") { "Premium" } else { "Standard" };
    if text(&write.new, "/kind") == "FileStorage" && tier != "Premium" {
        return Err(Failure::bad(
            "InvalidRequestPropertyValue",
            "The value 'FileStorage' is not allowed for property kind with this sku.",
        ));
    }
    set(&mut write.new, "/sku/tier", tier);
    let place = text(&write.new, "/location").to_owned();
    let made = write.old.as_ref().map(|old| text(old, "/properties/creationTime").to_owned());
    set(&mut write.new, "/properties/creationTime", made.unwrap_or_else(|| timestamp(SystemTime::now())));
    set(&mut write.new, "/properties/primaryLocation", place);
    set(&mut write.new, "/properties/statusOfPrimary", "available");
    let mut endpoints = json!({});
    let premium_files = text(&write.new, "/kind") == "FileStorage";
    for service in
        if premium_files { &["file"][..] } else { &["blob", "dfs", "file", "queue", "table", "web"] }
    {
        endpoints[service] = json!(format!("https://{name}.{service}.core.windows.net/"));
    }
    set(&mut write.new, "/properties/primaryEndpoints", endpoints);
    for (field, usual) in [
        ("supportsHttpsTrafficOnly", json!(true)),
        ("minimumTlsVersion", json!("TLS1_0")),
        ("allowBlobPublicAccess", json!(false)),
        (
            "networkAcls",
            json!({"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"}),
        ),
        (
            "encryption",
            json!({"keySource": "Microsoft.Storage", "services": {"blob": {"enabled": true, "keyType": "Account"}, "file": {"enabled": true, "keyType": "Account"}}}),
        ),
    ] {
        default(&mut write.new, &format!("/properties/{field}"), usual);
    }
    if matches!(text(&write.new, "/kind"), "BlobStorage" | "StorageV2") {
        default(&mut write.new, "/properties/accessTier", "Hot");
    }
    if !has(&write.hidden, "/keys") {
        write.hidden["keys"] = json!([random::secret(), random::secret()]);
    }
    Ok(())
}

/// Shows the keys of an account.
///
/// # Errors
/// When something else is asked for.
pub fn act(_cloud: &Cloud, call: &Call<'_>, account: &Resource, action: &str) -> Result<Response> {
    if !account.id.full_kind().eq_ignore_ascii_case(KIND) || !action.eq_ignore_ascii_case("listKeys") {
        return Err(call.not_allowed());
    }
    let keys = crate::json::list(&account.hidden, "/keys").iter().zip(1..).map(
        |(value, number)| json!({"keyName": format!("key{number}"), "value": value, "permissions": "FULL"}),
    );
    Ok(Response::json(200, json!({"keys": keys.collect::<Vec<_>>()})))
}
