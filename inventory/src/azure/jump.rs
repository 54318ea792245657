//! The way to machines of a cluster that have no public address: through a control plane of theirs that has one, or through the
//! host that their tag `clouder-jump-host` names.

use std::net::IpAddr;

use serde_json::{Map, Value};

/// Roles of machines, as their tags have them, that others are reached through.
const CONTROL_PLANES: [&str; 3] = ["control-plane", "control_plane", "cp"];

fn text<'a>(machine: &'a Map<String, Value>, name: &str) -> &'a str {
    machine.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn tag<'a>(machine: &'a Map<String, Value>, name: &str) -> &'a str {
    machine.get("tags").and_then(|tags| tags[name].as_str()).unwrap_or_default()
}

fn public_address(machine: &Map<String, Value>) -> Option<IpAddr> {
    machine.get("public_ipv4_addresses")?.get(0)?.as_str()?.parse().ok()
}

/// Whether a text of Azure's may be a word of a command line: somebody else may have written it.
fn is_word(text: &str, more: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(allowed)
}

/// Gives each machine without a public address that belongs to a cluster the arguments by which ssh gets to it, as `clouder_jump`.
pub(super) fn add(machines: &mut [Map<String, Value>]) {
    let ways: Vec<Option<String>> = machines.iter().map(|machine| way(machine, machines)).collect();
    for (machine, way) in machines.iter_mut().zip(ways) {
        if let Some(way) = way {
            machine.insert("clouder_jump".to_owned(), way.into());
        }
    }
}

fn way(machine: &Map<String, Value>, all: &[Map<String, Value>]) -> Option<String> {
    let cluster = tag(machine, "clouder-cluster");
    if cluster.is_empty() || public_address(machine).is_some() {
        return None;
    }
    let bastion = tag(machine, "clouder-jump-host");
    if is_word(bastion, "-_.@:[],") {
        // The user's own configuration says the rest.
        return Some(format!("-o ProxyJump={bastion}"));
    }
    let leads_there = |one: &&Map<String, Value>| {
        tag(one, "clouder-cluster") == cluster && CONTROL_PLANES.contains(&tag(one, "clouder-role"))
    };
    let mut ways: Vec<(bool, String)> = all
        .iter()
        .filter(leads_there)
        .filter_map(|one| Some((text(one, "powerstate") != "running", through(one, cluster)?)))
        .collect();
    ways.sort_by_key(|(stands_still, _)| *stands_still);
    ways.into_iter().next().map(|(_, way)| way)
}

/// Through a control plane. ssh does not pass on to the one before it which keys it knows and logs in with, so that is said here;
/// the environment says which key clouder was told to log in with.
fn through(jump: &Map<String, Value>, cluster: &str) -> Option<String> {
    let (address, user, id) = (public_address(jump)?, text(jump, "admin_username"), text(jump, "vmid"));
    let is_safe = is_word(user, "-_.") && is_word(id, "-") && is_word(cluster, "-_.");
    is_safe.then(|| {
        format!(
            "-o \"ProxyCommand=sh -c 'exec ssh -o BatchMode=yes -o ConnectTimeout=10 -o StrictHostKeyChecking=accept-new \
             -o UserKnownHostsFile=~/.ssh/known_hosts_clouder_{cluster} -o HostKeyAlias={id} \
             ${{CLOUDER_PRIVATE_KEY:+-oIdentityFile=\\\"$CLOUDER_PRIVATE_KEY\\\"}} -W %h:%p {user}@{address}'\""
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn machine(name: &str, role: &str, public: &[&str], more: &Value) -> Map<String, Value> {
        let mut machine = json!({
            "name": name, "vmid": format!("id-{name}"), "admin_username": "azureuser", "powerstate": "running",
            "public_ipv4_addresses": public, "tags": {"clouder-cluster": "lab", "clouder-role": role},
        });
        let more = more.as_object().cloned().unwrap_or_default();
        machine.as_object_mut().unwrap().extend(more);
        machine.as_object().cloned().unwrap()
    }

    fn ways(mut machines: Vec<Map<String, Value>>) -> Vec<String> {
        add(&mut machines);
        machines.iter().map(|machine| text(machine, "clouder_jump").to_owned()).collect()
    }

    #[test]
    fn a_running_control_plane_with_an_address_leads_to_the_others() {
        let machines = |first: &str| {
            vec![
                machine("cp-1", "control-plane", &["203.0.113.1"], &json!({"powerstate": first})),
                machine("cp-2", "cp", &["203.0.113.2"], &json!({})),
                machine("worker", "worker", &[], &json!({})),
                machine("stray", "worker", &[], &json!({"tags": {"clouder-cluster": "other"}})),
                machine("mine", "", &[], &json!({"tags": {}})),
            ]
        };
        let [first, second, worker, stray, mine] = ways(machines("running")).try_into().unwrap();
        assert_eq!([first, second, stray, mine], [""; 4]);
        assert_eq!(
            worker,
            "-o \"ProxyCommand=sh -c 'exec ssh -o BatchMode=yes -o ConnectTimeout=10 -o StrictHostKeyChecking=accept-new \
             -o UserKnownHostsFile=~/.ssh/known_hosts_clouder_lab -o HostKeyAlias=id-cp-1 \
             ${CLOUDER_PRIVATE_KEY:+-oIdentityFile=\\\"$CLOUDER_PRIVATE_KEY\\\"} -W %h:%p azureuser@203.0.113.1'\""
        );
        assert!(ways(machines("deallocated"))[2].contains("HostKeyAlias=id-cp-2 "));
    }

    #[test]
    fn a_bastion_goes_first_and_nothing_that_is_no_word_into_a_command_line() {
        let tags = |bastion: &str| json!({"tags": {"clouder-cluster": "lab", "clouder-jump-host": bastion}});
        let worker = |bastion: &str| machine("worker", "worker", &[], &tags(bastion));
        assert_eq!(ways(vec![worker("me@bastion.example:2222")]), ["-o ProxyJump=me@bastion.example:2222"]);
        for evil in ["-oProxyCommand=x", "a;b", "a b", "$(x)", "'"] {
            assert_eq!(ways(vec![worker(evil)]), [""]);
            let jump = |more: &Value| machine("cp-1", "cp", &["203.0.113.1"], more);
            for more in [
                json!({"admin_username": evil}),
                json!({"vmid": evil}),
                json!({"public_ipv4_addresses": [evil]}),
            ] {
                assert_eq!(ways(vec![jump(&more), machine("worker", "worker", &[], &json!({}))])[1], "");
            }
        }
    }
}
