//! Whose turn it is: Azure refuses two changes of one virtual network at once, of its subnets too, and to put something into one
//! that is being changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// A lock per virtual network; everything else is changed in parallel.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<HashMap<String, Arc<RwLock<()>>>>);

/// The turn of a change, as long as it is held.
#[expect(dead_code, reason = "what it holds is let go when it is dropped")]
pub(super) enum Turn {
    /// What does not concern a network waits for nobody.
    Free,
    /// What is put into a network may be with others of that kind.
    Shared(OwnedRwLockReadGuard<()>),
    /// A change of the network is alone.
    Alone(OwnedRwLockWriteGuard<()>),
}

impl Locks {
    /// Waits for the turn of a change, where it needs one.
    pub(super) async fn turn(&self, path: &str, body: Option<&Value>) -> Turn {
        if let Some(network) = network_of(path) {
            return Turn::Alone(self.lock(network).write_owned().await);
        }
        match body.and_then(subnet_in).and_then(|id| network_of(&id)) {
            Some(network) => Turn::Shared(self.lock(network).read_owned().await),
            None => Turn::Free,
        }
    }

    fn lock(&self, network: String) -> Arc<RwLock<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(network).or_default())
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
