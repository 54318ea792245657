//! Objects as a table for people.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::target::Target;

/// The table of these objects, which may be of several kinds: then it is several tables.
pub(super) fn format(found: &[(Target, Value)], wide: bool, everywhere: bool, headers: bool) -> String {
    let mut text = String::new();
    for group in found.chunk_by(|(one, _), (other, _)| one.kind == other.kind) {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (target, object) in group {
            let mut row = columns(&target.kind.kind, object, wide);
            if everywhere && target.kind.namespaced {
                let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
                row.insert(0, ("NAMESPACE", namespace.to_owned()));
            }
            if headers && rows.is_empty() {
                rows.push(row.iter().map(|(head, _)| (*head).to_owned()).collect());
            }
            rows.push(row.into_iter().map(|(_, cell)| cell).collect());
        }
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for row in &rows {
            let cells: Vec<String> =
                row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column))).collect();
            text.push_str(cells.join("   ").trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

fn columns(kind: &str, object: &Value, wide: bool) -> Vec<(&'static str, String)> {
    let text = |pointer: &str| object.pointer(pointer).map(plain).unwrap_or_default();
    let mut row = vec![("NAME", text("/metadata/name"))];
    match kind {
        "Node" => {
            row.push(("STATUS", node_status(object)));
            row.push(("ROLES", roles(object)));
            row.push(("AGE", age(object)));
            row.push(("VERSION", text("/status/nodeInfo/kubeletVersion")));
            if wide {
                row.push(("INTERNAL-IP", text("/status/addresses/0/address")));
                row.push(("OS-IMAGE", text("/status/nodeInfo/osImage")));
                row.push(("KERNEL-VERSION", text("/status/nodeInfo/kernelVersion")));
                row.push(("CONTAINER-RUNTIME", text("/status/nodeInfo/containerRuntimeVersion")));
            }
            return row;
        }
        "Pod" => {
            let all = object["spec"]["containers"].as_array().map_or(0, Vec::len);
            let ready = if text("/status/phase") == "Running" { all } else { 0 };
            row.push(("READY", format!("{ready}/{all}")));
            row.push(("STATUS", text("/status/phase")));
            row.push(("AGE", age(object)));
            if wide {
                row.push(("NODE", text("/spec/nodeName")));
            }
            return row;
        }
        "DaemonSet" => {
            for (head, field) in [
                ("DESIRED", "desiredNumberScheduled"),
                ("CURRENT", "currentNumberScheduled"),
                ("READY", "numberReady"),
            ] {
                row.push((head, text(&format!("/status/{field}"))));
            }
        }
        "Deployment" => {
            row.push(("READY", format!("{}/{}", text("/status/readyReplicas"), text("/status/replicas"))));
        }
        "StorageClass" => {
            row.push(("PROVISIONER", text("/provisioner")));
            row.push(("RECLAIMPOLICY", text("/reclaimPolicy")));
            row.push(("VOLUMEBINDINGMODE", text("/volumeBindingMode")));
        }
        "CertificateSigningRequest" => {
            row.push(("SIGNERNAME", text("/spec/signerName")));
            row.push(("REQUESTOR", text("/spec/username")));
            let condition = object["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|condition| condition["type"].as_str());
            let mut condition: Vec<&str> = condition.collect();
            if condition.is_empty() {
                condition.push("Pending");
            } else if object["status"]["certificate"].is_string() {
                condition.push("Issued");
            }
            row.push(("CONDITION", condition.join(",")));
        }
        "ConfigMap" | "Secret" => {
            row.push(("DATA", object["data"].as_object().map_or(0, serde_json::Map::len).to_string()));
        }
        _ => {}
    }
    row.push(("AGE", age(object)));
    row
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn node_status(node: &Value) -> String {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions
        .filter(|condition| condition["type"] == "Ready")
        .any(|condition| condition["status"] == "True");
    let ready = if ready { "Ready" } else { "NotReady" };
    if node["spec"]["unschedulable"] == true {
        format!("{ready},SchedulingDisabled")
    } else {
        ready.to_owned()
    }
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<&str> =
        labels.filter_map(|(label, _)| label.strip_prefix("node-role.kubernetes.io/")).collect();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

/// How old an object is: seconds, minutes, hours or days.
fn age(object: &Value) -> String {
    let made = object["metadata"]["creationTimestamp"]
        .as_str()
        .and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
    let Some(made) = made else { return "<unknown>".to_owned() };
    match (OffsetDateTime::now_utc() - made).whole_seconds().max(0) {
        seconds @ ..=119 => format!("{seconds}s"),
        seconds @ 120..=7199 => format!("{}m", seconds / 60),
        seconds @ 7200..=172_799 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}
