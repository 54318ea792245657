//! What modules share that only tell of resources.

use clouder_modules::ModuleError;
use clouder_modules::args::Arguments;
use serde_json::{Map, Value};

use super::CloudContext;

/// Tells of resources: one, those of a resource group, or all.
#[derive(Arguments)]
#[arguments(required_by("name", "resource_group"))]
pub struct InfoOptions {
    /// Only those of this resource group.
    pub(super) resource_group: Option<String>,
    /// Only the one of this name.
    pub(super) name: Option<String>,
    /// Only those with these tags: `name`, or `name:value`.
    #[arg(default = "")]
    pub(super) tags: Vec<String>,
}

impl InfoOptions {
    /// The resources of a kind that are asked for; none where there are none.
    pub(super) async fn find(
        &self,
        context: &CloudContext,
        kind: &str,
        version: &str,
    ) -> Result<Vec<Value>, ModuleError> {
        let cloud = &context.cloud;
        let path = self.path(kind);
        let found = match &self.name {
            Some(name) => cloud.get(&format!("{path}/{name}"), version).await?.into_iter().collect(),
            None => listed(cloud.list(&path, version).await)?,
        };
        Ok(tagged(found, &self.tags))
    }

    /// Where resources of a kind are listed.
    pub(super) fn path(&self, kind: &str) -> String {
        match &self.resource_group {
            Some(group) => format!("resourceGroups/{group}/providers/{kind}"),
            None => format!("providers/{kind}"),
        }
    }
}

/// Of resources, those that have the tags.
pub(super) fn tagged(mut resources: Vec<Value>, tags: &[String]) -> Vec<Value> {
    let has = |resource: &Value, tag: &String| {
        let (name, value) =
            tag.split_once(':').map_or((tag.as_str(), None), |(name, value)| (name, Some(value)));
        let there = resource["tags"].get(name).and_then(Value::as_str);
        there.is_some_and(|there| value.is_none_or(|value| there == value))
    };
    resources.retain(|resource| tags.iter().all(|tag| has(resource, tag)));
    resources
}

/// A list; in a group or a network that is not there, there is nothing.
pub(super) fn listed(list: Result<Vec<Value>, crate::CloudError>) -> Result<Vec<Value>, ModuleError> {
    match list {
        Err(crate::CloudError::Refused { status: 404, .. }) => Ok(Vec::new()),
        list => Ok(list?),
    }
}

/// Some fields of a mapping; null where there is none.
pub(super) fn chosen(facts: &Value, names: &[&str]) -> Value {
    let field = |name: &&str| ((*name).to_owned(), facts.get(*name).cloned().unwrap_or_default());
    names.iter().map(field).collect::<Map<_, _>>().into()
}

/// The resource group that a resource is in.
pub(super) fn group_of(resource: &Value) -> Value {
    let id = resource["id"].as_str().unwrap_or_default();
    let mut parts = id.split('/').skip_while(|part| !part.eq_ignore_ascii_case("resourcegroups"));
    parts.nth(1).into()
}

/// The name at the end of an id.
pub(super) fn name_of(id: &Value) -> Value {
    id.as_str().and_then(|id| id.rsplit('/').next()).into()
}
