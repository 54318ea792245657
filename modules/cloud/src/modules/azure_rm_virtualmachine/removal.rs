//! Deleting a machine with what belongs to it.

use clouder_modules::{ModuleError, Outcome};
use serde_json::Value;

use super::network::OWN;
use crate::modules::resource::{NETWORK, Resource};

/// The api-version of disks.
const DISKS: &str = "2024-03-02";

/// What is deleted with a machine.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leftover {
    interfaces: bool,
    addresses: bool,
    disks: bool,
    groups: bool,
}

impl Leftover {
    /// By the words of `remove_on_absent`.
    pub(super) fn of(words: &[String]) -> Result<Self, ModuleError> {
        let mut leftover = Self::default();
        for word in words {
            match word.as_str() {
                "all" | "all_autocreated" => {
                    leftover = Self { interfaces: true, addresses: true, disks: true, groups: true }
                }
                "network_interfaces" => leftover.interfaces = true,
                "public_ips" => leftover.addresses = true,
                "virtual_storage" => leftover.disks = true,
                other => {
                    return Err(ModuleError::new(format!(
                        "remove_on_absent knows all, network_interfaces, public_ips and virtual_storage, not `{other}`"
                    )));
                }
            }
        }
        Ok(leftover)
    }

    /// Deletes the machine, then what it leaves. What Azure deletes with it is gone by then.
    pub(super) async fn remove(self, machine: &Resource<'_>) -> Result<Outcome, ModuleError> {
        let (context, cloud) = (machine.context, &machine.context.cloud);
        let current = machine.get().await?.unwrap_or_default();
        let properties = &current["properties"];
        let interfaces = ids(&properties["networkProfile"]["networkInterfaces"], "/id");
        let mut addresses = Vec::new();
        for interface in interfaces.iter().filter(|_| self.addresses) {
            let seen = cloud.get(interface, NETWORK).await?.unwrap_or_default();
            addresses.extend(ids(&seen["properties"]["ipConfigurations"], "/properties/publicIPAddress/id"));
        }
        let storage = &properties["storageProfile"];
        let mut disks = ids(&Value::Array(vec![storage["osDisk"].clone()]), "/managedDisk/id");
        disks.extend(ids(&storage["dataDisks"], "/managedDisk/id"));
        // Only what was made for it, and nothing that others may use.
        let groups = current["tags"][OWN[2]].as_str().map(|name| {
            let (before, _) = machine.path.split_once("/providers/").unwrap_or_default();
            vec![format!("{before}/providers/Microsoft.Network/networkSecurityGroups/{name}")]
        });
        let mut outcome = machine.remove().await?;
        for (name, wanted, ids, version) in [
            ("deleted_network_interfaces", self.interfaces, interfaces, NETWORK),
            ("deleted_public_ips", self.addresses, addresses, NETWORK),
            ("deleted_network_security_groups", self.groups, groups.unwrap_or_default(), NETWORK),
            ("deleted_managed_disks", self.disks, disks, DISKS),
        ] {
            let ids = if wanted { ids } else { Vec::new() };
            for id in ids.iter().filter(|_| !context.check) {
                cloud.delete(id, version).await?;
            }
            let names = ids.iter().filter_map(|id| id.rsplit('/').next()).map(Value::from);
            outcome.result.insert(name.to_owned(), names.collect());
        }
        Ok(outcome)
    }
}

/// The ids that a list leads to.
fn ids(list: &Value, pointer: &str) -> Vec<String> {
    let found = list.as_array().into_iter().flatten();
    found.filter_map(|item| item.pointer(pointer)?.as_str().map(str::to_owned)).collect()
}
