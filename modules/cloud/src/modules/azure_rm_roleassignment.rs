//! `azure_rm_roleassignment`.

use std::time::Duration;

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::compare::facts;
use super::options::State;
use super::{CloudContext, CloudModule};
use crate::CloudError;

/// The api-version.
const VERSION: &str = "2022-04-01";

/// How long a new principal may take until Azure knows it everywhere.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often that is tried.
const PAUSE: Duration = Duration::from_secs(3);

/// Gives an identity a role, or takes it away.
#[derive(Arguments)]
pub struct RoleAssignmentArgs {
    /// Where the role holds: a subscription, resource group or resource; the subscription if nothing is said.
    scope: Option<String>,
    /// Who is given the role: the object id of a principal.
    #[arg(alias = "assignee")]
    assignee_object_id: Option<String>,
    /// Which role: its id, or its name as `Contributor`.
    role_definition_id: Option<String>,
    /// The name of the assignment, a GUID; one made of the other three if nothing is said.
    name: Option<String>,
    /// What the principal is: ServicePrincipal, User or Group. Azure need not look for one that it is told of.
    principal_type: Option<String>,
    /// The id of the assignment, to take it away.
    id: Option<String>,
    /// Whether it should be there.
    #[arg(default = "present")]
    state: State,
}

/// The module.
pub struct RoleAssignment;

impl CloudModule for RoleAssignment {
    type Args = RoleAssignmentArgs;
    const NAME: &'static str = "azure_rm_roleassignment";
    const SUMMARY: &'static str = "Gives identities roles in Azure, and takes them away";

    async fn run(args: RoleAssignmentArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let cloud = &context.cloud;
        if let (Some(id), State::Absent) = (&args.id, args.state) {
            let there = cloud.get(id, VERSION).await?;
            return take_away(context, there).await;
        }
        let (Some(principal), Some(role)) = (&args.assignee_object_id, &args.role_definition_id) else {
            return Err(ModuleError::new("`assignee_object_id` and `role_definition_id` are needed"));
        };
        let scope = args.scope.clone().unwrap_or_else(|| format!("/subscriptions/{}", cloud.subscription()));
        let scope = scope.trim_end_matches('/');
        let role = role_id(context, scope, role).await?;
        let list = format!("{scope}/providers/Microsoft.Authorization/roleAssignments");
        let filtered = format!("{list}?$filter=principalId%20eq%20'{principal}'");
        let all = match cloud.list(&filtered, VERSION).await {
            // An earlier task would have made the scope.
            Err(CloudError::Refused { status: 404, .. }) if context.check => Vec::new(),
            all => all?,
        };
        let same =
            |value: &Value, wanted: &str| value.as_str().is_some_and(|is| is.eq_ignore_ascii_case(wanted));
        let there = all.into_iter().find(|one| {
            let own = &one["properties"];
            same(&own["principalId"], principal)
                && same(&own["scope"], scope)
                && own["roleDefinitionId"]
                    .as_str()
                    .is_some_and(|id| last(id).eq_ignore_ascii_case(last(&role)))
        });
        if args.state == State::Absent {
            return take_away(context, there).await;
        }
        if let Some(there) = there {
            return Ok(told(false, &there));
        }
        let name =
            args.name.clone().unwrap_or_else(|| guid(&[scope, &role, principal].join("|").to_lowercase()));
        let mut body = json!({"properties": {"roleDefinitionId": role, "principalId": principal}});
        if let Some(kind) = &args.principal_type {
            body["properties"]["principalType"] = kind.as_str().into();
        }
        if context.check {
            body["id"] = format!("{list}/{name}").into();
            body["name"] = name.into();
            return Ok(told(true, &body));
        }
        let started = std::time::Instant::now();
        loop {
            match cloud.put(&format!("{list}/{name}"), VERSION, &body).await {
                Ok(made) => return Ok(told(true, &made)),
                // A principal that was made just now is not known everywhere yet.
                Err(error) if error.code() == "PrincipalNotFound" && started.elapsed() < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) if error.code() == "RoleAssignmentExists" => return Ok(told(false, &body)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn take_away(context: &CloudContext, there: Option<Value>) -> Result<Outcome, ModuleError> {
    let Some(there) = there else { return Ok(Outcome::new(false)) };
    if let (Some(id), false) = (there["id"].as_str(), context.check) {
        context.cloud.delete(id, VERSION).await?;
    }
    Ok(told(true, &there))
}

fn told(changed: bool, assignment: &Value) -> Outcome {
    let Value::Object(fields) = facts(assignment) else { return Outcome::new(changed) };
    let shown = fields.into_iter().filter(|(name, _)| name != "changed");
    shown.fold(Outcome::new(changed), |outcome, (name, value)| match name.as_str() {
        "principal_id" => outcome.with("assignee_object_id", value),
        name => outcome.with(name, value),
    })
}

/// The id of a role: given as that, as its last part, or by its name.
async fn role_id(context: &CloudContext, scope: &str, role: &str) -> Result<String, ModuleError> {
    if role.starts_with('/') {
        return Ok(role.to_owned());
    }
    let prefix = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions",
        context.cloud.subscription()
    );
    if role.len() == 36 && role.split('-').count() == 5 {
        return Ok(format!("{prefix}/{role}"));
    }
    let quoted = role.replace('\'', "''").replace(' ', "%20");
    let filter = format!("$filter=roleName%20eq%20'{quoted}'");
    let list = format!("{scope}/providers/Microsoft.Authorization/roleDefinitions?{filter}");
    let found = match context.cloud.list(&list, VERSION).await {
        Err(CloudError::Refused { status: 404, .. }) if context.check => {
            context.cloud.list(&format!("{prefix}?{filter}"), VERSION).await?
        }
        found => found?,
    };
    let id = found.first().and_then(|role| role["id"].as_str());
    id.map(str::to_owned).ok_or_else(|| ModuleError::new(format!("there is no role `{role}` at {scope}")))
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// The namespace of names that are no addresses: RFC 9562's for URLs.
const NAMESPACE: [u8; 16] =
    [0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];

/// A GUID that is always the same for a text (version 5): a second run names the same assignment.
fn guid(text: &str) -> String {
    let hash = Sha1::new().chain_update(NAMESPACE).chain_update(text).finalize();
    let mut digits = String::new();
    for (at, byte) in hash.iter().take(16).enumerate() {
        let byte = match at {
            6 => byte & 0x0f | 0x50,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        if matches!(at, 4 | 6 | 8 | 10) {
            digits.push('-');
        }
        digits.push_str(&format!("{byte:02x}"));
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_version_five_guids() {
        // As Python's uuid.uuid5(uuid.NAMESPACE_URL, "x").
        assert_eq!(guid("x"), "4cd605e7-afa2-5360-b5b9-c5e9fb5c76f4");
    }
}
