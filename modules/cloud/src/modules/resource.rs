//! One resource of Azure: brought to a state, or removed.

use std::time::{Duration, Instant};

use clouder_modules::{Diff, DiffSide, ModuleError, Outcome};
use serde_json::{Map, Value};

use super::CloudContext;
use super::compare::{differences, differs, facts, overlaid, part, place, without_secrets};

/// The api-version of resource groups.
pub(super) const GROUPS: &str = "2021-04-01";

/// The api-version of everything in networks.
pub(super) const NETWORK: &str = "2024-03-01";

/// How long is waited for what goes on with a resource.
const LONGEST: Duration = Duration::from_secs(3600);

/// States that end by themselves.
const PASSING: [&str; 5] = ["Accepted", "Creating", "Updating", "Deleting", "ResolvingDNS"];

/// States of what did not become what it should.
const FAILED: [&str; 2] = ["Failed", "Canceled"];

fn is_in_state(resource: &Value, states: &[&str]) -> bool {
    let state = resource["properties"]["provisioningState"].as_str().unwrap_or_default();
    states.iter().any(|one| one.eq_ignore_ascii_case(state))
}

/// A resource at a path.
pub(super) struct Resource<'a> {
    pub(super) context: &'a CloudContext,
    pub(super) path: String,
    pub(super) version: &'static str,
}

/// What was done to a resource.
pub(super) struct Change {
    /// Whether anything is other than it was.
    pub(super) changed: bool,
    /// The resource, as it is now or, in check mode, would be.
    pub(super) resource: Value,
    diff: Option<Diff>,
}

impl<'a> Resource<'a> {
    /// One of a resource group: `kind` is `Microsoft.Network/virtualNetworks`.
    pub(super) fn of_group(
        context: &'a CloudContext,
        group: &str,
        kind: &str,
        name: &str,
        version: &'static str,
    ) -> Self {
        Self { context, path: format!("resourceGroups/{group}/providers/{kind}/{name}"), version }
    }

    /// It as it is, once nothing goes on with it: a run that was cut off may have begun something.
    pub(super) async fn get(&self) -> Result<Option<Value>, ModuleError> {
        let until = Instant::now() + LONGEST;
        let mut wait = Duration::from_millis(250);
        loop {
            let found = self.context.cloud.get(&self.path, self.version).await?;
            let goes_on = found.as_ref().is_some_and(|found| is_in_state(found, &PASSING));
            if !goes_on || self.context.check || Instant::now() >= until {
                return Ok(found);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(8));
        }
    }

    /// Makes it what is wanted, where `current` is not. What is there and not wanted otherwise stays.
    pub(super) async fn bring(&self, current: Option<&Value>, wanted: &Value) -> Result<Change, ModuleError> {
        self.change(current, wanted, false).await
    }

    /// The same for what does not take back the whole that it tells: one that is there is sent what differs, and nothing else.
    pub(super) async fn amend(&self, current: Option<&Value>, wanted: &Value) -> Result<Change, ModuleError> {
        self.change(current, wanted, true).await
    }

    async fn change(
        &self,
        current: Option<&Value>,
        wanted: &Value,
        only_differences: bool,
    ) -> Result<Change, ModuleError> {
        // What failed is not there, whatever it says of itself: it is sent again.
        let stands = |current: &&Value| !differs(current, wanted) && !is_in_state(current, &FAILED);
        if let Some(current) = current.filter(stands) {
            return Ok(Change { changed: false, resource: current.clone(), diff: None });
        }
        let before = current.map_or(Value::Null, |current| part(current, wanted));
        let diff = self.context.diff.then(|| self.difference(&before, wanted));
        let whole = current.map_or_else(|| wanted.clone(), |current| overlaid(current, wanted));
        let resource = if self.context.check {
            self.predicted(whole)
        } else if let Some(current) = current.filter(|_| only_differences) {
            self.context.cloud.patch(&self.path, self.version, &differences(current, wanted)).await?
        } else {
            self.context.cloud.put(&self.path, self.version, &whole).await?
        };
        Ok(Change { changed: true, resource, diff })
    }

    /// What a resource would be, with the names that Azure gives it.
    fn predicted(&self, mut whole: Value) -> Value {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        if whole["id"].is_null() {
            whole["id"] = absolute(self.context, &self.path).into();
        }
        if whole["name"].is_null() {
            whole["name"] = name.into();
        }
        without_secrets(&whole)
    }

    fn difference(&self, before: &Value, after: &Value) -> Diff {
        let side = |value: &Value| match without_secrets(value) {
            Value::Object(fields) => DiffSide::Attributes(fields),
            _ => DiffSide::Attributes(Map::new()),
        };
        Diff {
            before_header: Some(self.path.clone()),
            after_header: Some(self.path.clone()),
            before: Some(side(before)),
            after: Some(side(after)),
            prepared: None,
        }
    }

    /// Removes it, if it is there.
    pub(super) async fn remove(&self) -> Result<Outcome, ModuleError> {
        let Some(current) = self.get().await? else { return Ok(Outcome::new(false)) };
        if !self.context.check {
            self.context.cloud.delete(&self.path, self.version).await?;
        }
        let mut outcome = Outcome::new(true);
        if self.context.diff {
            let gone = part(&current, &serde_json::json!({"id": "", "name": "", "location": "", "tags": {}}));
            outcome.diff.push(self.difference(&gone, &Value::Null));
        }
        Ok(outcome)
    }
}

impl Change {
    /// It as the result of a task, the resource as `state`.
    pub(super) fn outcome(self) -> Outcome {
        let state = facts(&self.resource);
        self.outcome_with("state", state)
    }

    /// It as the result of a task, with a field of its own.
    pub(super) fn outcome_with(self, name: &str, value: Value) -> Outcome {
        let mut outcome = Outcome::new(self.changed).with(name, value);
        outcome.diff.extend(self.diff);
        outcome
    }
}

/// Where a resource is to be: as asked for, as it is, or where its resource group is.
pub(super) async fn location(
    context: &CloudContext,
    given: Option<&str>,
    current: Option<&Value>,
    group: &str,
) -> Result<String, ModuleError> {
    if let Some(given) = given {
        return Ok(place(given));
    }
    if let Some(there) = current.and_then(|current| current["location"].as_str()) {
        return Ok(there.to_owned());
    }
    let found = context.cloud.get(&format!("resourceGroups/{group}"), GROUPS).await?;
    let found = found.as_ref().and_then(|group| group["location"].as_str()).map(str::to_owned);
    // In check mode an earlier task would have made the group.
    found.or_else(|| context.check.then(String::new)).ok_or_else(|| {
        ModuleError::new(format!("there is no resource group `{group}`; azure_rm_resourcegroup makes it"))
    })
}

/// The id of something that is named: by its id, by its name in a resource group, or by a mapping of both.
pub(super) fn reference(
    context: &CloudContext,
    value: &Value,
    kind: &str,
    group: &str,
) -> Result<String, ModuleError> {
    let wrong = || {
        ModuleError::new(format!(
            "expected a name, an id, or a mapping with `name` and `resource_group`, found {value}"
        ))
    };
    let (name, group) = match value {
        Value::String(id) if id.starts_with('/') => return Ok(id.clone()),
        Value::String(name) => (name.as_str(), group),
        Value::Object(fields) => {
            match (fields.get("id").and_then(Value::as_str), fields.get("name").and_then(Value::as_str)) {
                (Some(id), _) => return Ok(id.to_owned()),
                (None, Some(name)) => {
                    (name, fields.get("resource_group").and_then(Value::as_str).unwrap_or(group))
                }
                (None, None) => return Err(wrong()),
            }
        }
        _ => return Err(wrong()),
    };
    Ok(absolute(context, &format!("resourceGroups/{group}/providers/{kind}/{name}")))
}

/// A word as Azure writes it: `standard` is `Standard`.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A path with the subscription in front.
pub(super) fn absolute(context: &CloudContext, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/subscriptions/{}/{path}", context.cloud.subscription())
    }
}

/// Puts a value where a path of names leads, if there is a value.
pub(super) fn set<T: Into<Value>>(into: &mut Value, path: &[&str], value: Option<T>) {
    if let Some(value) = value {
        let mut place = into;
        for name in path {
            place = &mut place[*name];
        }
        *place = value.into();
    }
}
