//! What there is in a subscription and a region: `login-check`, `sizes`, `quota`.

use futures::future::try_join;
use serde_json::{Value, json};

use super::super::table::Table;
use super::{Azure, Failure};

/// Logs in, and shows the subscription.
pub(super) async fn login_check(azure: &Azure) -> Result<i32, Failure> {
    let cloud = azure.cloud()?;
    let path = format!("/subscriptions/{}", cloud.subscription());
    let Some(subscription) = cloud.get(&path, "2022-12-01").await? else {
        let hint = "--subscription, or AZURE_SUBSCRIPTION_ID, names another one";
        return Err(Failure::new(format!("there is no subscription {}", cloud.subscription()), hint));
    };
    let mut table = Table::new(&["subscription", "name", "tenant", "state"]);
    let [id, name, tenant, state] =
        ["subscriptionId", "displayName", "tenantId", "state"].map(|field| subscription[field].clone());
    table.add([id, name, tenant, state]);
    azure.tell(&table);
    Ok(0)
}

/// A region as Azure's paths have it.
fn region(location: &str) -> Result<String, Failure> {
    let plain = location.replace(' ', "").to_lowercase();
    if plain.is_empty() || !plain.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(Failure::new(
            format!("`{location}` is no region"),
            "a region is called westeurope, eastus2 …",
        ));
    }
    Ok(plain)
}

/// Shows sizes of machines.
pub(super) async fn sizes(azure: &Azure, location: &str, part: Option<&str>) -> Result<i32, Failure> {
    let location = region(location)?;
    let path = format!("providers/Microsoft.Compute/skus?$filter=location%20eq%20'{location}'");
    let all = azure.cloud()?.list(&path, "2021-07-01").await?;
    let part = part.map(str::to_lowercase);
    let mut table = Table::new(&["name", "cores", "memory gb", "architecture", "zones", "not available"]);
    for size in all.iter().filter(|one| one["resourceType"] == "virtualMachines") {
        let name = size["name"].as_str().unwrap_or_default();
        if part.as_ref().is_some_and(|part| !name.to_lowercase().contains(part)) {
            continue;
        }
        let capability = |name: &str| -> Value {
            let mut all = size["capabilities"].as_array().into_iter().flatten();
            let found = all.find(|one| one["name"] == name).map(|one| one["value"].clone());
            let number = found.as_ref().and_then(Value::as_str).and_then(|text| text.parse::<f64>().ok());
            match number {
                Some(whole) if whole.fract() == 0.0 => json!(whole as i64),
                Some(number) => json!(number),
                None => found.unwrap_or_default(),
            }
        };
        let restricted = size["restrictions"].as_array().into_iter().flatten();
        let restricted: Vec<Value> = restricted
            .map(|one| match one["type"].as_str() {
                Some("Zone") => json!(format!("zone {}", zones(&one["restrictionInfo"]["zones"]))),
                _ => json!("here"),
            })
            .collect();
        table.add([
            name.into(),
            capability("vCPUs"),
            capability("MemoryGB"),
            capability("CpuArchitectureType"),
            size["locationInfo"][0]["zones"].clone(),
            if restricted.is_empty() { Value::Null } else { restricted.into() },
        ]);
    }
    table.sort();
    azure.tell(&table);
    Ok(0)
}

fn zones(all: &Value) -> String {
    all.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// Shows what is used and what is given, of machines and of networks.
pub(super) async fn quota(azure: &Azure, location: &str, used: bool) -> Result<i32, Failure> {
    let location = region(location)?;
    let cloud = azure.cloud()?;
    let path = |provider: &str| format!("providers/Microsoft.{provider}/locations/{location}/usages");
    let (compute, network) = (path("Compute"), path("Network"));
    let (machines, networks) =
        try_join(cloud.list(&compute, "2024-07-01"), cloud.list(&network, "2024-03-01")).await?;
    let mut table = Table::new(&["name", "used", "limit"]);
    for usage in machines.iter().chain(&networks) {
        if !used || usage["currentValue"].as_i64().is_some_and(|value| value > 0) {
            table.add([
                usage["name"]["localizedValue"].clone(),
                usage["currentValue"].clone(),
                usage["limit"].clone(),
            ]);
        }
    }
    table.sort();
    azure.tell(&table);
    Ok(0)
}
