//! Many machines: how often Azure is asked, and what goes on at once.

use std::collections::HashMap;
use std::time::Duration;

use azure_sim::arm;
use azure_sim::cloud::Settings;
use azure_sim::http::Request;
use azure_sim::machine::Nothing;
use serde_json::{Value, json};

use crate::{Asked, Azure};

const NETWORK: &str = "2024-03-01";
const COMPUTE: &str = "2024-07-01";

/// Makes something below a resource group, without a network between.
fn put(azure: &Azure, path: &str, version: &str, body: &Value) {
    let mut cloud = azure.server.cloud();
    cloud.settle();
    cloud.begun = None;
    let target = format!("{}{path}?api-version={version}", cloud.group_id("g"));
    let body = body.to_string().into_bytes();
    let request = Request { method: "PUT".to_owned(), target, headers: Vec::new(), body };
    let answer = arm::answer(&mut cloud, &request, &azure.server.origin);
    let answer = answer.unwrap_or_else(|failure| failure.response());
    assert!(answer.status < 300, "{path}: {:?}", answer.body);
}

/// Waits until all that was begun has ended.
fn rest(azure: &Azure) {
    loop {
        let mut cloud = azure.server.cloud();
        cloud.settle();
        if cloud.busy.is_empty() {
            return;
        }
        drop(cloud);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An Azure with so many machines of a cluster, each with a network interface.
fn with_machines(count: usize) -> Azure {
    let settings = Settings { cores: 10_000, ..Settings::default() };
    let azure = Azure::of("", settings, Box::new(Nothing));
    let place = "westeurope";
    put(&azure, "", "2021-04-01", &json!({"location": place}));
    let subnets = json!([{"name": "nodes", "properties": {"addressPrefix": "10.0.0.0/16"}}]);
    let network = json!({"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets});
    let path = "/providers/Microsoft.Network/virtualNetworks/net";
    put(&azure, path, NETWORK, &json!({"location": place, "properties": network}));
    rest(&azure);
    let base = format!("{}/providers/Microsoft.Network", azure.server.cloud().group_id("g"));
    for number in 0..count {
        let subnet = json!({"id": format!("{base}/virtualNetworks/net/subnets/nodes")});
        let addresses = json!([{"name": "first", "properties": {"subnet": subnet}}]);
        let body = json!({"location": place, "properties": {"ipConfigurations": addresses}});
        put(&azure, &format!("/providers/Microsoft.Network/networkInterfaces/vm-{number}"), NETWORK, &body);
    }
    rest(&azure);
    let key = format!("ssh-ed25519 {}", "AAAA".repeat(17));
    for number in 0..count {
        let image =
            json!({"publisher": "debian", "offer": "debian-13", "sku": "13-gen2", "version": "latest"});
        let linux = json!({"disablePasswordAuthentication": true, "ssh": {"publicKeys": [{"keyData": key}]}});
        let properties = json!({
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "storageProfile": {"imageReference": image},
            "osProfile": {"adminUsername": "azureuser", "linuxConfiguration": linux},
            "networkProfile": {"networkInterfaces": [{"id": format!("{base}/networkInterfaces/vm-{number}")}]},
        });
        let tags = json!({"clouder-cluster": "many", "clouder-role": "worker"});
        let body = json!({"location": place, "tags": tags, "properties": properties});
        put(&azure, &format!("/providers/Microsoft.Compute/virtualMachines/vm-{number}"), COMPUTE, &body);
    }
    rest(&azure);
    azure
}

#[test]
fn an_inventory_of_500_machines_takes_few_requests() {
    let azure = with_machines(500);
    let listed = azure.clouder(&["inventory", "-i", "azure:many", "--list"]);
    assert_eq!(listed.code, 0, "{}", listed.shown);
    let listed: Value = serde_json::from_str(&listed.shown).unwrap();
    assert_eq!(listed["workers"]["hosts"].as_array().map(Vec::len), Some(500));
    assert_eq!(listed["_meta"]["hostvars"]["vm-499"]["powerstate"], "running");
    let requests = azure.log().len();
    assert!(requests < 60, "{requests} requests");
}

/// An inventory file with these options more.
fn inventory(azure: &Azure, more: &str) -> String {
    let path = azure.folder.path().join("azure_rm.yml");
    let text = format!("plugin: azure_rm\nplain_host_names: true\n{more}");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn resource_graph_tells_the_same_and_answers_are_kept() {
    let azure = with_machines(20);
    let list = |more: &str, options: &[&str]| {
        let before = azure.log().len();
        let path = inventory(&azure, more);
        let listed = azure.clouder(&[&["inventory", "-i", &path, "--list"], options].concat());
        assert_eq!(listed.code, 0, "{}", listed.shown);
        (listed.shown, azure.log().len() - before)
    };
    let (by_lists, requests) = list("", &[]);
    assert!(by_lists.contains("vm-19") && requests == 5, "{requests}: {by_lists}");
    // Resource Graph has no etags of resources.
    let without_etags = |listed: &str| {
        let mut listed: Value = serde_json::from_str(listed).unwrap();
        for (_, host) in listed["_meta"]["hostvars"].as_object_mut().unwrap() {
            host.as_object_mut().unwrap().remove("network_interface_properties");
        }
        listed
    };
    let (by_graph, requests) = list("resource_graph: true\n", &[]);
    assert_eq!((without_etags(&by_graph), requests), (without_etags(&by_lists), 2));

    let cache = azure.folder.path().join("cache");
    let kept = format!("cache: true\ncache_connection: {}\ncache_timeout: 600\n", cache.display());
    for (options, asked) in [(&[][..], 5), (&[], 0), (&["--flush-cache"], 5), (&[], 0)] {
        let (told, requests) = list(&kept, options);
        assert_eq!((told.as_str(), requests), (by_lists.as_str(), asked), "{options:?}");
    }
    let (_folder, playbook) = clouder_tests::file(
        "- {hosts: localhost, gather_facts: false, tasks: [{meta: refresh_inventory}, {debug: {msg: \"{{ groups.all | length }}\"}}]}",
    );
    let before = azure.log().len();
    let refreshed = azure.clouder(&["run", &playbook, "-i", &inventory(&azure, &kept)]);
    assert!(refreshed.code == 0 && refreshed.shown.contains("20"), "{}", refreshed.shown);
    assert_eq!(azure.log().len() - before, 5, "the inventory was not asked for anew");
    let file = std::fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("vm-19") && !text.contains(&azure.settings.client_secret));
}

/// How many of the operations that were begun at such paths went on at once, by the order of the requests: each from the request
/// that began it to the last that asked for it.
fn at_once(log: &[Asked], part: &str) -> usize {
    let mut ends: HashMap<&str, (usize, usize)> = HashMap::new();
    for (at, asked) in log.iter().enumerate() {
        let operation = asked.field("operation");
        if !operation.is_empty() && asked.path().contains(part) {
            ends.insert(operation, (at, at));
        }
        let followed = asked.path().rsplit('/').next().unwrap_or_default();
        if let Some((_, end)) = ends.get_mut(followed) {
            *end = at;
        }
    }
    let during = |at: usize| ends.values().filter(|(begin, end)| (*begin..=*end).contains(&at)).count();
    (0..log.len()).map(during).max().unwrap_or_default()
}

#[test]
fn fifty_machines_are_made_at_once() {
    for way in ["loop", "background", "hosts"] {
        let settings = Settings { cores: 10_000, ..Settings::default() };
        let slow = "rules: [{method: [PUT], path: '**/virtualMachines/*', latency: 3}]";
        let azure = Azure::of(slow, settings, Box::new(Nothing));
        let made = azure.run("fifty.yml", &["-t", &format!("network,{way}")]);
        assert_eq!(made.code, 0, "{way}: {}", made.shown);
        let machines = azure.holds().iter().filter(|id| id.contains("/virtualmachines/")).count();
        assert_eq!(machines, 50, "{way}");
        let log = azure.log();
        for (part, least) in [("/networkInterfaces/", 10), ("/virtualMachines/", 45)] {
            let most = at_once(&log, part);
            assert!(most >= least, "{way}: {most} of {part} at once");
        }
        let refused: Vec<_> = log.iter().filter(|asked| asked.0["status"].as_u64() >= Some(409)).collect();
        assert!(refused.is_empty(), "{way}: {:?}", refused.iter().map(|asked| &asked.0).collect::<Vec<_>>());
    }
}
