//! Network security groups and their rules.

use serde_json::{Value, json};

use super::{complete_parts, drop_shown, show_users, users};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::ResourceId;
use crate::json::{has, list, set, text};
use crate::kind::Write;
use crate::random;
use crate::store::Resource;

const INTERFACES: &[&str] = &["Microsoft.Network/networkInterfaces"];
const NETWORKS: &[&str] = &["Microsoft.Network/virtualNetworks"];

/// Checks and completes a network security group.
///
/// # Errors
/// When a rule is not right, or two are at odds.
pub fn prepare(_cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let usual = json!({"sourcePortRanges": [], "destinationPortRanges": [], "sourceAddressPrefixes": [], "destinationAddressPrefixes": []});
    complete_parts(&mut write.new, &write.id, "securityRules", &usual)?;
    drop_shown(&mut write.new, &["/properties/networkInterfaces", "/properties/subnets"]);
    let rules = list(&write.new, "/properties/securityRules");
    for (index, rule) in rules.iter().enumerate() {
        check(rule)?;
        let same = rules[..index].iter().find(|other| {
            other["properties"]["priority"] == rule["properties"]["priority"]
                && other["properties"]["direction"] == rule["properties"]["direction"]
        });
        if let Some(other) = same {
            return Err(Failure::bad(
                "SecurityRuleConflict",
                format!(
                    "Security rule {} conflicts with rule {}. Rules cannot have the same Priority and Direction.",
                    text(rule, "/name"),
                    text(other, "/name")
                ),
            ));
        }
    }
    let guid = random::uuid_of(&write.id.key());
    set(&mut write.new, "/properties/resourceGuid", guid);
    let built_in = defaults(&write.id);
    set(&mut write.new, "/properties/defaultSecurityRules", built_in);
    Ok(())
}

fn check(rule: &Value) -> Result<()> {
    let name = text(rule, "/name");
    let priority = rule["properties"]["priority"].as_i64().unwrap_or_default();
    if !(100..=4096).contains(&priority) {
        return Err(Failure::bad(
            "SecurityRuleInvalidPriority",
            format!(
                "Security rule has invalid Priority. Value provided: {priority} Allowed range 100-4096. Rule: {name}."
            ),
        ));
    }
    for side in ["source", "destination"] {
        let (one, many) = (format!("/properties/{side}PortRange"), format!("/properties/{side}PortRanges"));
        let mut ranges: Vec<&str> = list(rule, &many).iter().map(|range| text(range, "")).collect();
        ranges.extend(Some(text(rule, &one)).filter(|range| !range.is_empty()));
        if ranges.is_empty() {
            return Err(Failure::bad(
                "SecurityRuleParameterNotSpecified",
                format!(
                    "Required security rule parameters are missing for security rule with Id: {}. Security rule must specify either {side}PortRange or {side}PortRanges.",
                    text(rule, "/id")
                ),
            ));
        }
        if let Some(wrong) = ranges.iter().find(|range| !is_port_range(range)) {
            return Err(Failure::bad(
                "SecurityRuleInvalidPortRange",
                format!(
                    "Security rule has invalid Port range. Value provided: {wrong}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535."
                ),
            ));
        }
        let prefixes = [
            format!("/properties/{side}AddressPrefix"),
            format!("/properties/{side}AddressPrefixes/0"),
            format!("/properties/{side}ApplicationSecurityGroups/0"),
        ];
        if !prefixes.iter().any(|pointer| has(rule, pointer)) {
            return Err(Failure::bad(
                "SecurityRuleParameterNotSpecified",
                format!(
                    "Required security rule parameters are missing for security rule with Id: {}. Security rule must specify {side}AddressPrefixes, {side}AddressPrefix, or {side}ApplicationSecurityGroups.",
                    text(rule, "/id")
                ),
            ));
        }
    }
    Ok(())
}

fn is_port_range(text: &str) -> bool {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    text == "*" || matches!((from.parse::<u16>(), to.parse::<u16>()), (Ok(from), Ok(to)) if from <= to)
}

/// The rules that every group has.
fn defaults(id: &ResourceId) -> Vec<Value> {
    let rules = [
        ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
        ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
        ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
        ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
        ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
        ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
    ];
    let one = |(name, priority, direction, access, source, destination): (
        &str,
        i32,
        &str,
        &str,
        &str,
        &str,
    )| {
        json!({
            "id": id.child("defaultSecurityRules", name).to_string(), "name": name,
            "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
            "properties": {
                "provisioningState": "Succeeded", "protocol": "*", "priority": priority, "direction": direction, "access": access,
                "sourcePortRange": "*", "destinationPortRange": "*", "sourceAddressPrefix": source, "destinationAddressPrefix": destination,
                "sourcePortRanges": [], "destinationPortRanges": [], "sourceAddressPrefixes": [], "destinationAddressPrefixes": [],
            },
        })
    };
    rules.map(one).to_vec()
}

/// Adds who uses it.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    let id = resource.id.to_string();
    show_users(cloud, &id, INTERFACES, value, "/properties/networkInterfaces");
    show_users(cloud, &id, NETWORKS, value, "/properties/subnets");
}

/// Whether nothing uses it.
///
/// # Errors
/// When something does.
pub fn removable(cloud: &Cloud, resource: &Resource, id: &ResourceId) -> Result<()> {
    if id.path.len() > 1 {
        return Ok(());
    }
    let users = users(cloud, &resource.id.to_string(), &[INTERFACES, NETWORKS].concat());
    if users.is_empty() {
        return Ok(());
    }
    let users = users.iter().map(|user| text(user, "/id")).collect::<Vec<_>>().join(", ");
    Err(Failure::bad(
        "InUseNetworkSecurityGroupCannotBeDeleted",
        format!(
            "Network security group {} cannot be deleted because it is in use by the following resources: {users}. In order to delete the Network security group, remove the association with the resource(s). To learn how to do this, see aka.ms/deletensg.",
            resource.id
        ),
    ))
}
