//! Microsoft.Authorization: who may do what.

use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use crate::arm::{Call, check_version, cleaned, page};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::id::{ResourceId, group_of, key};
use crate::json::{set, text};
use crate::operation::timestamp;
use crate::random;
use crate::schema;

const VERSIONS: &[&str] =
    &["2015-07-01", "2018-01-01-preview", "2020-04-01-preview", "2020-10-01-preview", "2022-04-01"];

/// Roles that every tenant has: id, name, what they may do.
const ROLES: &[(&str, &str, &[&str])] = &[
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", &["*"]),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", &["*"]),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", &["*/read"]),
    (
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        &["*/read", "Microsoft.Authorization/*"],
    ),
    ("4d97b98b-1d4f-4787-a291-c67834d212e7", "Network Contributor", &["Microsoft.Network/*"]),
    (
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        "Virtual Machine Contributor",
        &["Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/disks/*"],
    ),
    (
        "1c0163c0-47e6-4577-8991-ea5c82e286e4",
        "Virtual Machine Administrator Login",
        &["Microsoft.Compute/virtualMachines/*/read"],
    ),
    (
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
        "Managed Identity Contributor",
        &["Microsoft.ManagedIdentity/userAssignedIdentities/*"],
    ),
    (
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
        &["Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"],
    ),
    (
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        &["Microsoft.Storage/storageAccounts/*"],
    ),
    (
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        &["Microsoft.Storage/storageAccounts/blobServices/containers/*"],
    ),
    (
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "Storage Blob Data Reader",
        &["Microsoft.Storage/storageAccounts/blobServices/containers/read"],
    ),
    ("0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb", "Storage File Data SMB Share Contributor", &[]),
    (
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "AcrPull",
        &["Microsoft.ContainerRegistry/registries/pull/read"],
    ),
];

/// Answers what is asked about roles at a scope.
pub fn answer(cloud: &mut Cloud, call: &Call<'_>, scope: &str, words: &[&str]) -> Result<Response> {
    let Some((kind, name)) = words.split_first() else { return Err(call.not_allowed()) };
    let is_one = !name.is_empty();
    let lower = kind.to_ascii_lowercase();
    check_version(call, "Microsoft.Authorization", kind, VERSIONS, is_one)?;
    match (lower.as_str(), name) {
        ("roledefinitions", []) => definitions(cloud, call, scope),
        ("roledefinitions", [id]) if call.is("GET") => {
            let id = id.to_ascii_lowercase();
            let found = all_definitions(cloud, scope).into_iter().find(|role| text(role, "/name") == id);
            found.map(|role| Response::json(200, role)).ok_or_else(|| no_role(&id))
        }
        ("roleassignments", []) => assignments(cloud, call, scope),
        ("roleassignments", [name]) => assignment(cloud, call, scope, name),
        _ => Err(Failure::bad(
            "InvalidResourceType",
            format!(
                "The resource type '{kind}' could not be found in the namespace 'Microsoft.Authorization' for api version '{}'. The supported api-versions are ''.",
                call.version
            ),
        )),
    }
}

fn no_role(id: &str) -> Failure {
    Failure::new(
        404,
        "RoleDefinitionDoesNotExist",
        format!("The specified role definition with ID '{id}' does not exist."),
    )
}

fn all_definitions(cloud: &Cloud, scope: &str) -> Vec<Value> {
    let base = if scope.is_empty() {
        String::new()
    } else {
        format!("/subscriptions/{}", cloud.settings.subscription)
    };
    let one = |(id, name, actions): &(&str, &str, &[&str])| {
        json!({
            "id": format!("{base}/providers/Microsoft.Authorization/roleDefinitions/{id}"), "name": id, "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": name, "type": "BuiltInRole", "description": name, "assignableScopes": ["/"],
                "permissions": [{"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []}],
            },
        })
    };
    ROLES.iter().map(one).collect()
}

fn definitions(cloud: &Cloud, call: &Call<'_>, scope: &str) -> Result<Response> {
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    let filter = call.request.parameter("$filter").unwrap_or_default();
    let words: Vec<&str> = filter.split('\'').collect();
    let all = all_definitions(cloud, scope).into_iter();
    let found: Vec<Value> = match words.as_slice() {
        [before, wanted, after] if before.trim() == "roleName eq" && after.trim().is_empty() => {
            all.filter(|role| text(role, "/properties/roleName") == *wanted).collect()
        }
        [before, wanted, after] if before.trim() == "type eq" && after.trim().is_empty() => {
            all.filter(|role| text(role, "/properties/type").eq_ignore_ascii_case(wanted)).collect()
        }
        [one] if one.is_empty() || one.trim() == "atScopeAndBelow()" => all.collect(),
        _ => return Err(bad_filter(&filter)),
    };
    Ok(page(cloud, call, found.into_iter()))
}

fn bad_filter(filter: &str) -> Failure {
    Failure::bad(
        "UnsupportedQuery",
        format!(
            "The filter '{filter}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{{value}}' or assignedTo('{{value}}')'."
        ),
    )
}

/// Whether a scope is there.
fn check_scope(cloud: &Cloud, scope: &str) -> Result<()> {
    if let Some(id) = ResourceId::parse(scope) {
        let mut whole = id.clone();
        whole.path.truncate(1);
        let found = cloud.store.get(&whole.key());
        let is_there =
            found.is_some_and(|found| id.path.len() == 1 || crate::network::has_part(&found.value, scope));
        return if is_there { Ok(()) } else { Err(crate::arm::missing(&id)) };
    }
    group_of(scope).map_or(Ok(()), |name| cloud.group(name).map(drop))
}

fn assignments(cloud: &Cloud, call: &Call<'_>, scope: &str) -> Result<Response> {
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    check_scope(cloud, scope)?;
    let filter = call.request.parameter("$filter").unwrap_or_default();
    let words: Vec<&str> = filter.split('\'').collect();
    let (only_here, principal) = match words.as_slice() {
        [""] => (false, None),
        [one] if one.trim() == "atScope()" => (true, None),
        [before, principal, _] if before.trim() == "principalId eq" || before.trim() == "assignedTo(" => {
            (false, Some(principal.to_ascii_lowercase()))
        }
        _ => return Err(bad_filter(&filter)),
    };
    let here = key(scope);
    let found = cloud.store.of_kind("/subscriptions/", "Microsoft.Authorization/roleAssignments");
    let found = found.filter(|one| {
        let at = key(&one.id.scope);
        let above = here == at || here.starts_with(&format!("{at}/"));
        let below = at.starts_with(&format!("{here}/"));
        (above || below && !only_here)
            && principal
                .as_ref()
                .is_none_or(|principal| text(&one.value, "/properties/principalId") == principal)
    });
    Ok(page(cloud, call, found.map(|one| one.value.clone())))
}

fn assignment(cloud: &mut Cloud, call: &Call<'_>, scope: &str, name: &str) -> Result<Response> {
    let id = ResourceId::parse(&call.path).ok_or_else(|| call.not_allowed())?;
    let found = cloud.store.get(&id.key()).map(|one| one.value.clone());
    match (call.request.method.as_str(), found) {
        ("GET", Some(found)) => Ok(Response::json(200, found)),
        ("GET", None) => Err(Failure::new(
            404,
            "RoleAssignmentNotFound",
            format!("The role assignment '{name}' is not found."),
        )),
        ("DELETE", Some(found)) => {
            cloud.store.remove(&id.key());
            cloud.changed = true;
            Ok(Response::json(200, found))
        }
        ("DELETE", None) => Ok(Response::empty(204)),
        ("PUT", found) => put(cloud, call, scope, &id, found),
        _ => Err(call.not_allowed()),
    }
}

fn put(
    cloud: &mut Cloud,
    call: &Call<'_>,
    scope: &str,
    id: &ResourceId,
    found: Option<Value>,
) -> Result<Response> {
    let body = cleaned(
        call,
        &schema::AUTHORIZATION,
        "RoleAssignmentCreateParameters",
        "Microsoft.Authorization",
        false,
    )?;
    let is_uuid = id.name().len() == 36 && id.name().split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    if !is_uuid {
        return Err(Failure::bad(
            "InvalidRoleAssignmentId",
            format!(
                "The role assignment ID '{}' is not valid. The role assignment ID must be a GUID.",
                id.name()
            ),
        ));
    }
    check_scope(cloud, scope)?;
    let principal = text(&body, "/properties/principalId").to_ascii_lowercase();
    let role = text(&body, "/properties/roleDefinitionId")
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !ROLES.iter().any(|(known, ..)| *known == role) {
        return Err(no_role(&role));
    }
    let since = cloud.principals.get(&principal);
    // Naming the type has the check against the directory, which may lag, left out for the second half of its delay.
    let is_named = !text(&body, "/properties/principalType").is_empty();
    let grace = if is_named { cloud.settings.principal_delay / 2 } else { std::time::Duration::ZERO };
    if since.is_none_or(|since| *since > Instant::now() + grace) {
        return Err(Failure::bad(
            "PrincipalNotFound",
            format!(
                "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
                principal.replace('-', ""),
                cloud.settings.tenant
            ),
        ));
    }
    let kind = text(&body, "/properties/principalType").to_owned();
    if !matches!(kind.as_str(), "" | "ServicePrincipal") {
        return Err(Failure::bad(
            "UnmatchedPrincipalType",
            format!(
                "The PrincipalId '{principal}' has type 'ServicePrincipal', which is different from specified PrinciaplType '{kind}'."
            ),
        ));
    }
    let definition = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        cloud.settings.subscription
    );
    let same = |value: &Value| {
        text(value, "/properties/principalId") == principal
            && text(value, "/properties/roleDefinitionId") == definition
    };
    let others = cloud.store.of_kind("/subscriptions/", "Microsoft.Authorization/roleAssignments");
    let other = { others }
        .find(|one| key(&one.id.scope) == key(scope) && one.id.key() != id.key() && same(&one.value));
    if let Some(other) = other {
        return Err(Failure::conflict(
            "RoleAssignmentExists",
            format!(
                "The role assignment already exists. The ID of the conflicting role assignment is {}.",
                other.id.name().replace('-', "")
            ),
        ));
    }
    if let Some(found) = found {
        if !same(&found) {
            return Err(Failure::bad(
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            ));
        }
        return Ok(Response::json(201, found));
    }
    let (now, owner) = (timestamp(SystemTime::now()), random::uuid_of(&cloud.settings.client_id));
    let mut value = json!({
        "id": id.to_string(), "name": id.name(), "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal", "scope": scope,
            "condition": null, "conditionVersion": null, "createdOn": now, "updatedOn": now, "createdBy": owner, "updatedBy": owner,
            "delegatedManagedIdentityResourceId": null, "description": null,
        },
    });
    for field in ["description", "condition", "conditionVersion"] {
        if let Some(given) = body["properties"].get(field) {
            set(&mut value, &format!("/properties/{field}"), given.clone());
        }
    }
    cloud.store.put(id.clone(), value.clone(), json!({}));
    cloud.changed = true;
    Ok(Response::json(201, value))
}
