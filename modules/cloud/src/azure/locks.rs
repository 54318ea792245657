//! Whose turn it is: Azure refuses two changes of one virtual network at once, of its subnets and of what is put into them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

/// A lock per virtual network; everything else is changed in parallel.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Locks {
    /// Waits for the turn of a change, where it needs one.
    pub(super) async fn turn(&self, path: &str, body: Option<&Value>) -> Option<OwnedMutexGuard<()>> {
        let network = network_of(path).or_else(|| body.and_then(subnet_in).and_then(|id| network_of(&id)))?;
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(network).or_default())
        };
        Some(lock.lock_owned().await)
    }
}

/// The path of the virtual network that a path leads to or into, in lower case.
fn network_of(path: &str) -> Option<String> {
    let path = path.to_ascii_lowercase();
    let (before, after) = path.split_once("/virtualnetworks/")?;
    let name = after.split('/').next()?;
    Some(format!("{before}/virtualnetworks/{name}"))
}

/// The first subnet that a body names: of an interface's addresses, say.
fn subnet_in(body: &Value) -> Option<String> {
    match body {
        Value::Object(fields) => {
            let own = fields.get("subnet").and_then(|subnet| subnet["id"].as_str()).map(str::to_owned);
            own.or_else(|| fields.values().find_map(subnet_in))
        }
        Value::Array(items) => items.iter().find_map(subnet_in),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_belongs_to_a_network_is_seen() {
        let subnet =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/V/subnets/a";
        let network = "/subscriptions/s/resourcegroups/g/providers/microsoft.network/virtualnetworks/v";
        assert_eq!(network_of(subnet).as_deref(), Some(network));
        assert_eq!(network_of("/subscriptions/s/resourceGroups/g"), None);
        let interface =
            json!({"properties": {"ipConfigurations": [{"properties": {"subnet": {"id": subnet}}}]}});
        assert_eq!(subnet_in(&interface).as_deref(), Some(subnet));
    }
}
