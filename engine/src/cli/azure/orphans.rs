//! `clouder azure orphans`: what a run made, and belongs to nothing.
//!
//! Everything that the roles make carries the id of the run that made its cluster. Of that, a network interface belongs to a
//! machine; a public address to what it is the address of; a disk to a machine; a network and what else a cluster has once, to
//! the machines of the cluster; a resource group to what is in it.

use std::collections::HashSet;

use futures::future::{join_all, try_join_all};
use serde_json::{Map, Value, json};

use super::super::table::Table;
use super::{Azure, Failure};

/// The tag with the id of a run.
const RUN: &str = "clouder-run";

/// The tag with the name of a cluster.
const CLUSTER: &str = "clouder-cluster";

/// The api-version of resource groups.
const GROUPS: &str = "2021-04-01";

/// A kind of resource.
struct Kind {
    /// Its type, in Azure's words.
    name: &'static str,
    version: &'static str,
    /// What it is for a person.
    called: &'static str,
    /// Kinds are deleted in this order: what uses others comes before them.
    turn: u8,
}

const fn kind(name: &'static str, version: &'static str, called: &'static str, turn: u8) -> Kind {
    Kind { name, version, called, turn }
}

/// What roles make, machines first.
const KINDS: [Kind; 9] = [
    kind("Microsoft.Compute/virtualMachines", "2024-07-01", "machine", 0),
    kind("Microsoft.Network/networkInterfaces", "2024-03-01", "network interface", 0),
    kind("Microsoft.Network/loadBalancers", "2024-03-01", "load balancer", 1),
    kind("Microsoft.Network/virtualNetworks", "2024-03-01", "network", 2),
    kind("Microsoft.Network/networkSecurityGroups", "2024-03-01", "security group", 3),
    kind("Microsoft.Network/natGateways", "2024-03-01", "NAT gateway", 3),
    kind("Microsoft.ManagedIdentity/userAssignedIdentities", "2023-01-31", "identity", 3),
    kind("Microsoft.Compute/disks", "2024-03-02", "disk", 3),
    kind("Microsoft.Network/publicIPAddresses", "2024-03-01", "public address", 4),
];

/// What a resource group is; it goes last.
const GROUP: Kind = kind("", GROUPS, "resource group", 5);

/// What belongs to nothing.
struct Orphan {
    kind: &'static Kind,
    value: Value,
    why: String,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn tag<'a>(value: &'a Value, name: &str) -> &'a str {
    value["tags"][name].as_str().unwrap_or_default()
}

fn id(value: &Value) -> String {
    text(value, "/id").to_lowercase()
}

/// The resource that a part is of: `…/networkInterfaces/x/ipConfigurations/y` is of `…/networkInterfaces/x`.
fn owner(part: &str) -> String {
    part.to_lowercase().split('/').take(9).collect::<Vec<_>>().join("/")
}

/// Shows what belongs to nothing, or deletes it.
pub(super) async fn run(azure: &Azure, delete: bool, yes: bool) -> Result<i32, Failure> {
    let orphans = find(azure).await?;
    if delete && !yes && !orphans.is_empty() {
        let message = format!("{} of Azure's resources would be deleted", orphans.len());
        return Err(Failure::new(message, "see which without --delete; say --yes to delete them"));
    }
    if delete {
        return remove(azure, &orphans).await;
    }
    let mut table = Table::new(&["name", "kind", "resource group", "cluster", "run", "why"]);
    for orphan in &orphans {
        let [name, kind, group] = orphan.named();
        table.add([
            name,
            kind,
            group,
            tag(&orphan.value, CLUSTER).into(),
            tag(&orphan.value, RUN).into(),
            orphan.why.as_str().into(),
        ]);
    }
    azure.tell(&table);
    Ok(0)
}

/// Looks for what belongs to nothing, in the order in which it can be deleted.
async fn find(azure: &Azure) -> Result<Vec<Orphan>, Failure> {
    let cloud = azure.cloud()?;
    let filter = format!("resourcegroups?$filter=tagName%20eq%20'{RUN}'");
    let lists = try_join_all(KINDS.iter().map(|kind| {
        let (cloud, path) = (&cloud, format!("providers/{}", kind.name));
        async move { cloud.list(&path, kind.version).await }
    }));
    let (lists, groups) = futures::future::try_join(lists, cloud.list(&filter, GROUPS)).await?;
    let mut orphans = among(lists);
    let inside = groups.iter().map(|group| {
        let (cloud, path) = (&cloud, format!("{}/resources", text(group, "/id")));
        async move { cloud.list(&path, GROUPS).await }
    });
    let inside = try_join_all(inside).await?;
    let ids: HashSet<String> = orphans.iter().map(|orphan| id(&orphan.value)).collect();
    for (value, inside) in groups.into_iter().zip(inside) {
        if inside.iter().all(|resource| ids.contains(&id(resource))) {
            let why = if inside.is_empty() { "is empty" } else { "holds nothing else" };
            orphans.push(Orphan { kind: &GROUP, value, why: why.to_owned() });
        }
    }
    orphans.sort_by_cached_key(|orphan| (orphan.kind.turn, id(&orphan.value)));
    Ok(orphans)
}

/// What belongs to nothing among the resources of each of [`KINDS`].
fn among(lists: Vec<Vec<Value>>) -> Vec<Orphan> {
    let clusters: HashSet<String> =
        lists.first().into_iter().flatten().map(|machine| tag(machine, CLUSTER).to_owned()).collect();
    let mut orphans: Vec<Orphan> = Vec::new();
    for (kind, list) in KINDS.iter().zip(lists).skip(1) {
        for value in list {
            if tag(&value, RUN).is_empty() {
                continue;
            }
            if let Some(why) = why(kind, &value, &clusters, &orphans) {
                orphans.push(Orphan { kind, value, why });
            }
        }
    }
    orphans
}

/// Why a resource belongs to nothing; none if it does belong to something.
fn why(kind: &Kind, value: &Value, clusters: &HashSet<String>, orphans: &[Orphan]) -> Option<String> {
    let has = |pointer: &str| !text(value, pointer).is_empty();
    match kind.called {
        "network interface" => {
            let used = has("/properties/virtualMachine/id") || has("/properties/privateEndpoint/id");
            (!used).then(|| "has no machine".to_owned())
        }
        "disk" => {
            let used = has("/managedBy") || text(value, "/properties/diskState") != "Unattached";
            (!used).then(|| "is attached to no machine".to_owned())
        }
        "public address" => {
            let part = ["/properties/ipConfiguration/id", "/properties/natGateway/id"];
            let Some(part) = part.iter().map(|pointer| text(value, pointer)).find(|part| !part.is_empty())
            else {
                return Some("is the address of nothing".to_owned());
            };
            let owner = owner(part);
            let owner = orphans.iter().find(|orphan| id(&orphan.value) == owner)?;
            Some(format!("is the address of {}, which belongs to nothing", text(&owner.value, "/name")))
        }
        _ => {
            let cluster = tag(value, CLUSTER);
            (!clusters.contains(cluster)).then(|| format!("the cluster {cluster} has no machines"))
        }
    }
}

impl Orphan {
    /// Its name, what it is, and its resource group.
    fn named(&self) -> [Value; 3] {
        let group = text(&self.value, "/id").split('/').nth(4).unwrap_or_default();
        [text(&self.value, "/name").into(), self.kind.called.into(), group.into()]
    }

    /// The module that deletes it, and what that is told. A resource group that is not empty by then stays.
    fn removal(&self) -> (&'static str, Map<String, Value>) {
        let (module, arguments) = if self.kind.name.is_empty() {
            ("azure_rm_resourcegroup", json!({"name": text(&self.value, "/name"), "state": "absent"}))
        } else {
            let arguments =
                json!({"url": text(&self.value, "/id"), "api_version": self.kind.version, "state": "absent"});
            ("azure_rm_resource", arguments)
        };
        (module, arguments.as_object().cloned().unwrap_or_default())
    }
}

/// Deletes them, those of a turn at once; shows what became of each, returns the exit code.
async fn remove(azure: &Azure, orphans: &[Orphan]) -> Result<i32, Failure> {
    let mut table = Table::new(&["name", "kind", "resource group", "deleted", "failure"]);
    let mut failed = false;
    for turn in orphans.chunk_by(|one, next| one.kind.turn == next.kind.turn) {
        let work = turn.iter().map(|orphan| async move {
            let (module, arguments) = orphan.removal();
            (orphan, azure.module(module, arguments).await)
        });
        for (orphan, outcome) in join_all(work).await {
            failed |= outcome.failed;
            let [name, kind, group] = orphan.named();
            let failure = outcome.failed.then_some(outcome.msg).flatten();
            table.add([name, kind, group, (!outcome.failed).into(), failure.into()]);
        }
    }
    azure.tell(&table);
    Ok(if failed { 2 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_something_stays() {
        let resource = |path: &str, tags: Value, properties: Value| json!({"id": format!("/subscriptions/s/resourceGroups/g/providers/{path}"), "name": path.rsplit('/').next(), "tags": tags, "properties": properties});
        let ours = json!({"clouder-run": "r", "clouder-cluster": "a"});
        let other = json!({"clouder-run": "q", "clouder-cluster": "b"});
        let part = |path: &str| json!({"id": format!("/subscriptions/s/resourcegroups/G/providers/{path}")});
        let network = |path: &str| format!("Microsoft.Network/{path}");
        let machine = part("Microsoft.Compute/virtualMachines/one");
        let mut used =
            resource("Microsoft.Compute/disks/used", ours.clone(), json!({"diskState": "Attached"}));
        used["managedBy"] = "/x".into();
        let lists = vec![
            vec![resource("Microsoft.Compute/virtualMachines/one", ours.clone(), json!({}))],
            vec![
                resource(&network("networkInterfaces/one"), ours.clone(), json!({"virtualMachine": machine})),
                resource(&network("networkInterfaces/two"), ours.clone(), json!({})),
                resource(&network("networkInterfaces/hand"), json!({}), json!({})),
            ],
            vec![
                resource(&network("loadBalancers/a"), ours.clone(), json!({})),
                resource(&network("loadBalancers/b"), other.clone(), json!({})),
            ],
            vec![resource(&network("virtualNetworks/a"), ours.clone(), json!({}))],
            vec![],
            vec![],
            vec![],
            vec![
                used,
                resource("Microsoft.Compute/disks/loose", ours.clone(), json!({"diskState": "Unattached"})),
            ],
            vec![
                resource(
                    &network("publicIPAddresses/one"),
                    ours.clone(),
                    json!({"ipConfiguration": part(&network("networkInterfaces/one/ipConfigurations/x"))}),
                ),
                resource(
                    &network("publicIPAddresses/two"),
                    ours.clone(),
                    json!({"ipConfiguration": part(&network("networkInterfaces/two/ipConfigurations/x"))}),
                ),
                resource(
                    &network("publicIPAddresses/b"),
                    other,
                    json!({"ipConfiguration": part(&network("loadBalancers/b/frontendIPConfigurations/x"))}),
                ),
                resource(&network("publicIPAddresses/loose"), ours.clone(), json!({})),
                resource(
                    &network("publicIPAddresses/gateway"),
                    ours,
                    json!({"ipConfiguration": part(&network("virtualNetworkGateways/x/ipConfigurations/y"))}),
                ),
            ],
        ];
        let found: Vec<String> = among(lists)
            .iter()
            .map(|orphan| format!("{} {}", text(&orphan.value, "/name"), orphan.why))
            .collect();
        assert_eq!(
            found,
            [
                "two has no machine",
                "b the cluster b has no machines",
                "loose is attached to no machine",
                "two is the address of two, which belongs to nothing",
                "b is the address of b, which belongs to nothing",
                "loose is the address of nothing",
            ]
        );
    }
}
