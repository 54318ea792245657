//! What Azure tells of clusters.

use std::collections::HashMap;
use std::future::Future;

use clouder_cloud::{Cloud, CloudError};
use futures::future::try_join;
use serde_json::Value;

use super::super::Failure;

/// A machine that was made for a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Machine {
    /// The cluster, as the machine's tag says.
    pub(super) cluster: String,
    pub(super) name: String,
    /// Its resource at Azure.
    pub(super) id: String,
    /// `control-plane` or `worker`.
    pub(super) role: String,
    pub(super) pool: String,
    pub(super) size: String,
    pub(super) location: String,
    pub(super) zones: Value,
    /// `running`, `deallocated` … ; nothing while it is being made.
    pub(super) state: String,
}

impl Machine {
    /// What its node is told of it, as Azure's own controllers write it; nothing for a machine that is not Azure's.
    pub(super) fn provider_id(&self) -> String {
        let mut parts: Vec<String> = self.id.split('/').map(str::to_owned).collect();
        parts.iter_mut().skip(4).step_by(4).for_each(|part| *part = part.to_lowercase());
        if self.id.is_empty() { String::new() } else { format!("azure://{}", parts.join("/")) }
    }
}

/// Waits for what Azure says.
pub(super) fn ask<T>(work: impl Future<Output = Result<T, CloudError>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(work)?)
}

/// What Azure has of all clusters.
#[derive(Default)]
pub(super) struct Found {
    /// Their machines, in the order of their names.
    pub(super) machines: Vec<Machine>,
    /// The public addresses of their API servers, by the names of clusters.
    pub(super) addresses: HashMap<String, String>,
}

/// What the subscription has of all clusters: as many requests, however many those are.
///
/// # Errors
/// When Azure cannot be asked.
pub(super) async fn clusters(cloud: &dyn Cloud) -> Result<Found, CloudError> {
    let addresses = cloud.list("providers/Microsoft.Network/publicIPAddresses", "2024-03-01");
    let (machines, addresses) = try_join(machines(cloud), addresses).await?;
    let of_api = |one: &Value| {
        let cluster = one["tags"]["clouder-cluster"].as_str()?;
        let is_api = one["name"].as_str()? == format!("{cluster}-api");
        is_api.then_some((cluster.to_owned(), one["properties"]["ipAddress"].as_str()?.to_owned()))
    };
    Ok(Found { machines, addresses: addresses.iter().filter_map(of_api).collect() })
}

/// The machines of all clusters of the subscription, in the order of their names.
///
/// # Errors
/// When Azure cannot be asked.
pub(super) async fn machines(cloud: &dyn Cloud) -> Result<Vec<Machine>, CloudError> {
    let list = |query: &str| {
        let path = format!("providers/Microsoft.Compute/virtualMachines{query}");
        async move { cloud.list(&path, "2024-07-01").await }
    };
    let (all, states) = try_join(list(""), list("?statusOnly=true")).await?;
    Ok(joined(&all, &states))
}

fn joined(all: &[Value], states: &[Value]) -> Vec<Machine> {
    let id = |resource: &Value| resource["id"].as_str().unwrap_or_default().to_lowercase();
    let power = |resource: &Value| {
        let statuses = resource["properties"]["instanceView"]["statuses"].as_array().into_iter().flatten();
        let mut codes = statuses.filter_map(|status| status["code"].as_str());
        codes.find_map(|code| code.strip_prefix("PowerState/")).unwrap_or_default().to_owned()
    };
    let states: HashMap<String, String> = states.iter().map(|one| (id(one), power(one))).collect();
    let mut machines: Vec<Machine> = all
        .iter()
        .filter_map(|one| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let tag = |name: &str| text(&one["tags"][name]);
            Some(Machine {
                cluster: Some(tag("clouder-cluster")).filter(|name| !name.is_empty())?,
                name: text(&one["name"]),
                id: text(&one["id"]),
                role: tag("clouder-role"),
                pool: tag("clouder-pool"),
                size: text(&one["properties"]["hardwareProfile"]["vmSize"]),
                location: text(&one["location"]),
                zones: one["zones"].clone(),
                state: states.get(&id(one)).cloned().unwrap_or_default(),
            })
        })
        .collect();
    machines.sort_by_cached_key(|machine| (machine.cluster.clone(), machine.name.clone()));
    machines
}

/// A resource of a cluster: its type and name.
pub(super) type Resource = (String, String);

/// What carries the cluster's tag in a resource group; nothing if there is no such group.
///
/// # Errors
/// When Azure cannot be asked.
pub(super) async fn resources(
    cloud: &dyn Cloud,
    group: &str,
    cluster: &str,
) -> Result<Vec<Resource>, CloudError> {
    const VERSION: &str = "2024-03-01";
    let path = format!("resourceGroups/{group}");
    let Some(_) = cloud.get(&path, VERSION).await? else { return Ok(Vec::new()) };
    let all = cloud.list(&format!("{path}/resources"), VERSION).await?;
    let ours = all.iter().filter(|one| one["tags"]["clouder-cluster"] == cluster);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<Resource> = ours.map(|one| (text(&one["type"]), text(&one["name"]))).collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn machines_and_their_states_are_joined() {
        let machine = |name: &str, cluster: &str| {
            json!({
                "id": format!("/X/{name}"), "name": name, "location": "eastus",
                "tags": {"clouder-cluster": cluster, "clouder-pool": "workers", "clouder-role": "worker"},
                "properties": {"hardwareProfile": {"vmSize": "S"}},
            })
        };
        let other = json!({"id": "/x/other", "name": "other", "properties": {}});
        let status = json!({"code": "PowerState/running"});
        let state = json!({"id": "/x/B", "properties": {"instanceView": {"statuses": [{"code": "ProvisioningState/x"}, status]}}});
        let found = joined(&[machine("b", "lab"), machine("a", "lab"), other], &[state]);
        let told: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.state.as_str())).collect();
        assert_eq!(told, [("a", ""), ("b", "running")]);
    }
}
