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
    /// `control-plane` or `worker`.
    pub(super) role: String,
    pub(super) pool: String,
    pub(super) size: String,
    pub(super) location: String,
    pub(super) zones: Value,
    /// `running`, `deallocated` … ; nothing while it is being made.
    pub(super) state: String,
}

/// Waits for what Azure says.
pub(super) fn ask<T>(work: impl Future<Output = Result<T, CloudError>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(work)?)
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

/// What a region gives.
pub(super) struct Capacity {
    cores: HashMap<String, u64>,
    used: u64,
    limit: u64,
}

/// Asks for the cores of all sizes in a region, and how many cores are used there.
///
/// # Errors
/// When Azure cannot be asked.
pub(super) async fn capacity(cloud: &dyn Cloud, location: &str) -> Result<Capacity, CloudError> {
    let sizes = format!("providers/Microsoft.Compute/skus?$filter=location%20eq%20'{location}'");
    let usages = format!("providers/Microsoft.Compute/locations/{location}/usages");
    let (sizes, usages) =
        try_join(cloud.list(&sizes, "2021-07-01"), cloud.list(&usages, "2024-07-01")).await?;
    let cores = |size: &Value| {
        let mut all = size["capabilities"].as_array().into_iter().flatten();
        let cores = all.find(|one| one["name"] == "vCPUs")?["value"].as_str()?.parse().ok()?;
        Some((size["name"].as_str()?.to_owned(), cores))
    };
    let machines = sizes.iter().filter(|one| one["resourceType"] == "virtualMachines");
    let total = usages.iter().find(|one| one["name"]["value"] == "cores");
    let of_total = |field: &str| total.and_then(|total| total[field].as_u64()).unwrap_or_default();
    Ok(Capacity {
        cores: machines.filter_map(cores).collect(),
        used: of_total("currentValue"),
        limit: of_total("limit"),
    })
}

impl Capacity {
    /// The cores of a machine of this size.
    ///
    /// # Errors
    /// When the region has no such size; the nearest is named.
    pub(super) fn of_size(&self, size: &str, location: &str) -> Result<u64, Failure> {
        let found = self.cores.iter().find(|(name, _)| name.eq_ignore_ascii_case(size));
        found.map(|(_, cores)| *cores).ok_or_else(|| {
            let message = format!("{location} has no machines of the size {size}");
            let hint = match clouder_lang::nearest(size, self.cores.keys().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("`clouder azure sizes {location}` shows those there are"),
            };
            Failure::new(message, hint)
        })
    }

    /// How many cores are left.
    pub(super) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
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

    #[test]
    fn unknown_sizes_are_told_of() {
        let cores = HashMap::from([("Standard_B4ms".to_owned(), 4)]);
        let capacity = Capacity { cores, used: 8, limit: 10 };
        assert_eq!((capacity.of_size("standard_b4ms", "eastus").unwrap(), capacity.left()), (4, 2));
        let told = capacity.of_size("Standard_B4m", "eastus").unwrap_err().findings[0].to_string();
        assert!(
            told.contains("eastus has no machines of the size") && told.contains("Standard_B4ms"),
            "{told}"
        );
    }
}
