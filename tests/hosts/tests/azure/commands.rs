//! `clouder azure …`: each command, and each once more, when nothing is left to do.

use serde_json::{Value, json};

use crate::Azure;

const NETWORK: &str = "
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - azure_rm_resourcegroup: {name: lab, location: westeurope}
    - azure_rm_virtualnetwork: {resource_group: lab, name: net, address_prefixes_cidr: [10.1.0.0/16]}
    - azure_rm_subnet: {resource_group: lab, virtual_network: net, name: nodes, address_prefix: 10.1.0.0/24}
    - azure_rm_networkinterface: {resource_group: lab, name: '{{ item }}-nic', virtual_network: net, subnet: nodes}
      loop: [a, b]
";

/// Runs `clouder azure`, which must succeed; returns what it shows, and how many requests changed something.
fn done(azure: &Azure, words: &[&str]) -> (Value, usize) {
    azure.writes();
    let ran = azure.clouder(&[&["azure"], words, &["--output", "json"]].concat());
    assert_eq!(ran.code, 0, "{words:?}: {}", ran.shown);
    (serde_json::from_str(&ran.shown).unwrap(), azure.writes())
}

fn refused(azure: &Azure, words: &[&str], why: &str) {
    azure.writes();
    let ran = azure.clouder(&[&["azure"], words].concat());
    assert_ne!(ran.code, 0, "{words:?}: {}", ran.shown);
    assert!(ran.shown.contains(why), "{words:?}: {why}: {}", ran.shown);
    assert_eq!(azure.writes(), 0, "{words:?}");
}

fn states(azure: &Azure) -> Vec<String> {
    let (machines, _) = done(azure, &["vm-list", "-g", "lab"]);
    let told = |one: &Value| format!("{} {}", one["name"].as_str().unwrap(), one["state"].as_str().unwrap());
    machines.as_array().unwrap().iter().map(told).collect()
}

#[test]
fn machines_are_made_stopped_started_and_deleted_by_commands() {
    let azure = Azure::new("");
    let (_folder, playbook) = clouder_tests::file(NETWORK);
    let made = azure.run(&playbook, &[]);
    assert_eq!(made.code, 0, "{}", made.shown);
    let key = azure.key() + ".pub";
    let machine =
        ["-g", "lab", "a", "b", "--size", "Standard_D2s_v5", "--ssh-key", &key, "--tag", "team=one"];
    let debian = ["--image", "Debian:debian-13:13-gen2:latest"];
    let create = [&["vm-create"], &machine[..], &debian].concat();
    refused(&azure, &[&["vm-create"], &machine[..], &["--image", "debian"]].concat(), "`debian` is no image");
    refused(&azure, &[&create[..], &["--custom-data", "/nowhere"]].concat(), "cannot read /nowhere");
    let (told, writes) = done(&azure, &create);
    assert_eq!((&told[0]["changed"], &told[1]["changed"], writes), (&json!(true), &json!(true), 2), "{told}");
    let (told, writes) = done(&azure, &create);
    assert_eq!(
        (&told[0]["changed"], &told[1]["changed"], writes),
        (&json!(false), &json!(false), 0),
        "{told}"
    );
    assert_eq!(states(&azure), ["a running", "b running"]);
    for (tag, found) in [("team:one", 2), ("team:two", 0), ("team", 2)] {
        let (machines, _) = done(&azure, &["vm-list", "--tag", tag]);
        assert_eq!(machines.as_array().map(Vec::len), Some(found), "{tag}");
    }

    for (command, left) in [("vm-stop", "a deallocated"), ("vm-start", "a running")] {
        for writes in [1, 0] {
            assert_eq!(done(&azure, &[command, "-g", "lab", "a"]).1, writes, "{command}");
            assert_eq!(states(&azure), [left, "b running"]);
        }
    }
    refused(&azure, &["vm-start", "-g", "lab", "c"], "c");

    refused(&azure, &["vm-delete", "-g", "lab", "a"], "--yes");
    done(&azure, &["vm-delete", "-g", "lab", "a", "--yes"]);
    assert_eq!(states(&azure), ["b running"]);
    let left = azure.holds();
    assert!(!left.iter().any(|id| id.ends_with("/a") || id.contains("/a-nic")), "{left:?}");
    assert_eq!(done(&azure, &["vm-delete", "-g", "lab", "a", "--yes"]).1, 0);
}

#[test]
fn a_region_tells_what_it_has_and_gives() {
    let azure = Azure::new("");
    let (login, _) = done(&azure, &["login-check"]);
    assert_eq!(login[0]["subscription"], azure.settings.subscription.as_str(), "{login}");
    let (sizes, _) = done(&azure, &["sizes", "West Europe", "--name", "d2s_v5"]);
    assert_eq!((&sizes[0]["name"], &sizes[0]["cores"]), (&json!("Standard_D2s_v5"), &json!(2)), "{sizes}");
    refused(&azure, &["sizes", "west/europe"], "is no region");
    let (quota, _) = done(&azure, &["quota", "westeurope"]);
    assert!(quota.to_string().contains("Standard DSv5 Family vCPUs"), "{quota}");
    assert_eq!(done(&azure, &["quota", "westeurope", "--used"]).0, json!([]));

    let stranger = azure.command(&["azure", "login-check"]).env("AZURE_CLIENT_SECRET", "not-this").output();
    let stranger = stranger.unwrap();
    let said = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(!stranger.status.success() && said.contains("AADSTS"), "{said}");
    assert!(!said.contains("not-this"), "{said}");
}
