//! `azure_rm_capacity`: the name is ours, azure.azcollection has no such module.

use std::collections::BTreeMap;

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use futures::future::try_join3;
use serde_json::{Map, Value, json};

use super::azure_rm_virtualmachine::{COMPUTE, KIND};
use super::compare::place;
use super::resource::NETWORK;
use super::{CloudContext, CloudModule};
use crate::{Cloud, CloudError};

/// The api-version of the list of sizes.
const SIZES: &str = "2021-07-01";

/// What all cores of a region are counted in.
const ALL_CORES: &str = "cores";

/// What cores of machines that can be taken away are counted in.
const SPOT_CORES: &str = "lowPriorityCores";

/// What public addresses are counted in.
const ADDRESSES: [&str; 3] =
    ["PublicIPAddresses", "StandardSkuPublicIpAddresses", "IPv4StandardSkuPublicIpAddresses"];

/// Fails where a region has no room for machines that are still to be made: a size it does not offer, or not in a zone, or too
/// little left of a quota. Whatever is wrong is told at once. Machines and addresses that are there need no room.
#[derive(Arguments)]
pub struct CapacityArgs {
    /// The region.
    location: String,
    /// The resource group that the machines are to be in.
    resource_group: String,
    /// The machines: mappings of `name`, `size`, `zone` if they are to be in one, and `spot` if Azure may take them away.
    machines: Vec<Map<String, Value>>,
    /// The names of the public addresses that are needed.
    #[arg(default = "")]
    public_ip_addresses: Vec<String>,
}

/// The module.
pub struct Capacity;

impl CloudModule for Capacity {
    type Args = CapacityArgs;
    const NAME: &'static str = "azure_rm_capacity";
    const SUMMARY: &'static str = "Checks that a region of Azure has room for machines";

    async fn run(args: CapacityArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let room = Room::of(
            context.cloud.as_ref(),
            &args.location,
            &args.resource_group,
            &args.machines,
            &args.public_ip_addresses,
        )
        .await?;
        let outcome = Outcome::new(false)
            .with("machines", json!(room.machines))
            .with("public_ip_addresses", room.addresses);
        match room.refusal() {
            None => Ok(outcome),
            Some(text) => Err(ModuleError::new(text).with("problems", json!(room.problems))),
        }
    }
}

/// What machines need that are still to be made, and whether a region has it.
#[derive(Debug, Default)]
pub struct Room {
    /// The machines that are still to be made, or to become another size.
    pub machines: Vec<String>,
    /// How many public addresses are still to be made.
    pub addresses: i64,
    /// How many cores the machines take.
    pub cores: i64,
    /// How many cores are left; nothing if that is not limited, or was not asked for.
    pub left: Option<i64>,
    /// What the region has not.
    pub problems: Vec<String>,
    region: String,
}

impl Room {
    /// Asks a region for what machines and public addresses of a resource group need, unless they are there.
    ///
    /// # Errors
    /// When Azure cannot be asked, or the machines are not described as they have to be.
    pub async fn of(
        cloud: &dyn Cloud,
        location: &str,
        group: &str,
        machines: &[Map<String, Value>],
        addresses: &[String],
    ) -> Result<Self, ModuleError> {
        let region = place(location);
        let (there, known) = futures::future::try_join(
            existing(cloud, group, KIND, COMPUTE),
            existing(cloud, group, "Microsoft.Network/publicIPAddresses", NETWORK),
        )
        .await?;
        let machines = machines.iter().map(|given| wanted(given, &there));
        let machines: Vec<Wanted> = machines.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let addresses = addresses.iter().filter(|name| !known.contains_key(&name.to_lowercase()));
        let addresses = i64::try_from(addresses.count()).unwrap_or(i64::MAX);
        let names = machines.iter().map(|machine| machine.name.clone()).collect();
        let mut room = Self { machines: names, addresses, region, ..Self::default() };
        if machines.is_empty() && addresses == 0 {
            return Ok(room);
        }
        let region = &room.region;
        let usages = |provider: &str| format!("providers/Microsoft.{provider}/locations/{region}/usages");
        let (compute, network) = (usages("Compute"), usages("Network"));
        let sizes = sizes_of(region);
        let (sizes, mut usages, network) = try_join3(
            cloud.list(&sizes, SIZES),
            cloud.list(&compute, COMPUTE),
            cloud.list(&network, NETWORK),
        )
        .await?;
        usages.extend(network);
        let mut problems = not_offered(&machines, &sizes, region);
        let mut needed = cores(&machines, &sizes);
        let count = |name: &str| needed.get(name).copied().unwrap_or(0);
        (room.cores, room.left) = (count(ALL_CORES) + count(SPOT_CORES), left(ALL_CORES, &usages));
        needed.extend(ADDRESSES.map(|name| (name, addresses)));
        problems.extend(beyond_quota(&needed, &usages));
        room.problems = problems;
        Ok(room)
    }

    /// What to say if the region has not what is needed.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let region = &self.region;
        (!self.problems.is_empty()).then(|| {
            format!(
                "{region} has no room for what is to be made: {}; choose other sizes, zones or regions (`clouder azure sizes {region}` \
                 shows what is offered), or ask Azure for a higher quota (`clouder azure quota {region}` shows those there are)",
                self.problems.join("; ")
            )
        })
    }
}

/// The list of what machines can be in a region.
fn sizes_of(region: &str) -> String {
    format!("providers/Microsoft.Compute/skus?$filter=location%20eq%20'{region}'")
}

/// What a machine of a size has.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    /// How many cores.
    pub cores: u64,
    /// How much memory, in MiB.
    pub memory_mib: u64,
    /// How many GPUs.
    pub gpus: u64,
    /// Whether its processors are ARM's.
    pub is_arm: bool,
}

impl Size {
    /// Asks what machines of a size have; nothing if a region has no such size.
    ///
    /// # Errors
    /// When Azure cannot be asked.
    pub async fn of(cloud: &dyn Cloud, location: &str, name: &str) -> Result<Option<Self>, CloudError> {
        let sizes = cloud.list(&sizes_of(&place(location)), SIZES).await?;
        Ok(find(&sizes, name).map(|found| {
            let number = |name: &str| capability(found.sku, name).and_then(|text| text.parse::<f64>().ok());
            let whole = |number: f64| number.clamp(0.0, f64::from(u32::MAX)) as u64;
            Self {
                cores: u64::try_from(found.cores).unwrap_or(0),
                memory_mib: whole(number("MemoryGB").unwrap_or(0.0) * 1024.0),
                gpus: whole(number("GPUs").unwrap_or(0.0)),
                is_arm: capability(found.sku, "CpuArchitectureType") == Some("Arm64"),
            }
        }))
    }
}

/// A machine that is to be made, or to become another size.
struct Wanted {
    name: String,
    size: String,
    zone: Option<String>,
    is_spot: bool,
    /// The size it has.
    before: Option<String>,
}

/// What a size is.
struct Known<'a> {
    sku: &'a Value,
    family: &'a str,
    cores: i64,
}

/// The resources of a kind in a resource group, by name in small letters; none when the group is not there.
async fn existing(
    cloud: &dyn Cloud,
    group: &str,
    kind: &str,
    version: &str,
) -> Result<BTreeMap<String, Value>, CloudError> {
    let found = match cloud.list(&format!("resourceGroups/{group}/providers/{kind}"), version).await {
        Err(CloudError::Refused { status: 404, .. }) => Vec::new(),
        other => other?,
    };
    let named = found.into_iter().filter_map(|one| Some((one["name"].as_str()?.to_lowercase(), one)));
    Ok(named.collect())
}

/// A machine, unless it is there as it should be.
fn wanted(
    given: &Map<String, Value>,
    there: &BTreeMap<String, Value>,
) -> Result<Option<Wanted>, ModuleError> {
    let text = |name: &str| match given.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    if let Some(unknown) =
        given.keys().find(|name| !["name", "size", "zone", "spot"].contains(&name.as_str()))
    {
        return Err(ModuleError::new(format!(
            "each of machines has a `name`, a `size`, a `zone` and `spot`, but no `{unknown}`"
        )));
    }
    let needed =
        |name: &str| text(name).ok_or_else(|| ModuleError::new(format!("each of machines needs a `{name}`")));
    let (name, size) = (needed("name")?, needed("size")?);
    let before =
        there.get(&name.to_lowercase()).map(|machine| &machine["properties"]["hardwareProfile"]["vmSize"]);
    let before = before.and_then(Value::as_str).map(str::to_owned);
    let is_there = before.as_ref().is_some_and(|before| before.eq_ignore_ascii_case(&size));
    let is_spot = match given.get("spot") {
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        spot => spot.and_then(Value::as_bool).unwrap_or(false),
    };
    Ok((!is_there).then(|| Wanted { name, size, zone: text("zone"), is_spot, before }))
}

/// The size of a name, among those that a region knows.
fn find<'a>(sizes: &'a [Value], name: &str) -> Option<Known<'a>> {
    let sku = sizes.iter().find(|sku| {
        sku["resourceType"] == "virtualMachines"
            && sku["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
    })?;
    let cores = capability(sku, "vCPUs").and_then(|text| text.parse().ok());
    Some(Known { sku, family: sku["family"].as_str().unwrap_or_default(), cores: cores.unwrap_or(0) })
}

fn capability<'a>(sku: &'a Value, name: &str) -> Option<&'a str> {
    let mut capabilities = sku["capabilities"].as_array().into_iter().flatten();
    capabilities.find(|one| one["name"] == name)?["value"].as_str()
}

/// Sizes that the region, or a zone of it, does not offer; each with the machines that should have it.
fn not_offered(machines: &[Wanted], sizes: &[Value], region: &str) -> Vec<String> {
    let mut problems: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for machine in machines {
        let problem = match find(sizes, &machine.size) {
            None => Some(format!("{region} has no size {}", machine.size)),
            Some(size) => refusal(&size, machine.zone.as_deref(), region),
        };
        if let Some(problem) = problem {
            problems.entry(problem).or_default().push(&machine.name);
        }
    }
    problems.iter().map(|(problem, names)| format!("{problem} (for {})", names.join(", "))).collect()
}

/// Why a size is not to be had, if it is not.
fn refusal(size: &Known<'_>, zone: Option<&str>, region: &str) -> Option<String> {
    let name = size.sku["name"].as_str().unwrap_or_default();
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let restrictions = || size.sku["restrictions"].as_array().into_iter().flatten();
    if let Some(restriction) = restrictions().find(|one| one["type"] == "Location") {
        let reason = restriction["reasonCode"].as_str().unwrap_or("no reason given");
        return Some(format!("{name} is not offered in {region} ({reason})"));
    }
    let zone = zone?;
    let places = size.sku["locationInfo"].as_array().into_iter().flatten();
    let mut zones: Vec<String> = places.flat_map(|one| list(&one["zones"])).collect();
    let closed: Vec<String> = restrictions().flat_map(|one| list(&one["restrictionInfo"]["zones"])).collect();
    zones.retain(|zone| !closed.contains(zone));
    zones.sort();
    if zones.iter().any(|known| known == zone) {
        return None;
    }
    let others = match zones.as_slice() {
        [] => "in none of its zones".to_owned(),
        zones => format!("only in {}", zones.join(" and ")),
    };
    Some(format!("{name} is not offered in zone {zone} of {region}, {others}"))
}

/// How many cores more are needed of each family, and in all.
fn cores<'a>(machines: &[Wanted], sizes: &'a [Value]) -> BTreeMap<&'a str, i64> {
    let mut needed = BTreeMap::new();
    for machine in machines {
        let Some(size) = find(sizes, &machine.size) else { continue };
        let before = machine.before.as_ref().and_then(|before| find(sizes, before));
        let given_back = before.map(|before| (before.family, -before.cores));
        for (family, cores) in [(size.family, size.cores)].into_iter().chain(given_back) {
            let counted = if machine.is_spot { &[SPOT_CORES][..] } else { &[family, ALL_CORES] };
            for name in counted {
                *needed.entry(*name).or_default() += cores;
            }
        }
    }
    needed
}

/// What is left of a quota; nothing if it is not limited.
fn left(name: &str, usages: &[Value]) -> Option<i64> {
    let usage = usage(name, usages)?;
    let limit = usage["limit"].as_i64().filter(|limit| *limit >= 0)?;
    Some(limit - usage["currentValue"].as_i64().unwrap_or(0))
}

fn usage<'a>(name: &str, usages: &'a [Value]) -> Option<&'a Value> {
    usages
        .iter()
        .find(|usage| usage["name"]["value"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)))
}

/// The quotas that do not hold what is needed.
fn beyond_quota(needed: &BTreeMap<&str, i64>, usages: &[Value]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, count) in needed.iter().filter(|(_, count)| **count > 0) {
        if let (Some(usage), Some(left)) = (usage(name, usages), left(name, usages))
            && *count > left
        {
            let called = usage["name"]["localizedValue"].as_str().unwrap_or(name);
            let limit = &usage["limit"];
            problems.push(format!("{called} ({name}): {count} needed, {left} of {limit} left"));
        }
    }
    problems
}
