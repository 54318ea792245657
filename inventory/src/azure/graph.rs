//! Resource Graph: one query instead of four lists. What it tells may be some minutes old.

use serde_json::{Map, Value, json};

/// All that an inventory is made of.
pub(super) const QUERY: &str = "Resources \
     | where type in~ ('microsoft.compute/virtualmachines', 'microsoft.network/networkinterfaces', \
       'microsoft.network/publicipaddresses') \
     | project id, name, type, location, tags, zones, plan, properties";

/// Rows as the lists that they stand for, in the order of [`super::AZURE_LISTS`].
pub(super) fn lists(rows: impl Iterator<Item = Value>) -> Vec<Vec<Value>> {
    let (mut machines, mut states) = (Vec::new(), Vec::new());
    let (mut interfaces, mut addresses) = (Vec::new(), Vec::new());
    for mut row in rows {
        if let Some(fields) = row.as_object_mut() {
            without_nothing(fields);
        }
        match row["type"].as_str().unwrap_or_default().to_lowercase().as_str() {
            "microsoft.compute/virtualmachines" => {
                row["type"] = "Microsoft.Compute/virtualMachines".into();
                states.push(state(&row));
                machines.push(row);
            }
            "microsoft.network/networkinterfaces" => interfaces.push(row),
            _ => addresses.push(row),
        }
    }
    vec![machines, states, interfaces, addresses]
}

/// A row has all columns; a resource has no fields without a value.
fn without_nothing(fields: &mut Map<String, Value>) {
    fields.retain(|_, value| !value.is_null());
}

/// The state of a machine, as the list of states tells it.
fn state(machine: &Value) -> Value {
    let view = &machine["properties"]["extended"]["instanceView"];
    let mut told = json!({"statuses": [{"code": view["powerState"]["code"]}]});
    if let Some(name) = view["computerName"].as_str() {
        told["computerName"] = name.into();
    }
    json!({"id": machine["id"], "properties": {"instanceView": told}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_into_lists() {
        let power =
            json!({"instanceView": {"powerState": {"code": "PowerState/running"}, "computerName": "a"}});
        let rows = [
            json!({"id": "/n", "type": "microsoft.network/networkinterfaces", "plan": null}),
            json!({"id": "/a", "type": "microsoft.compute/virtualmachines", "zones": null, "properties": {"extended": power}}),
            json!({"id": "/p", "type": "microsoft.network/publicipaddresses"}),
        ];
        let found = lists(rows.into_iter());
        let ids: Vec<_> = found.iter().map(|list| list[0]["id"].as_str().unwrap_or_default()).collect();
        assert_eq!(ids, ["/a", "/a", "/n", "/p"]);
        assert_eq!(found[0][0]["type"], "Microsoft.Compute/virtualMachines");
        assert!(found[0][0].get("zones").is_none());
        assert_eq!(
            found[1][0]["properties"]["instanceView"],
            json!({"statuses": [{"code": "PowerState/running"}], "computerName": "a"})
        );
    }
}
