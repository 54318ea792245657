//! `clouder k8s ls` where there are many clusters.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use azure_sim::cloud::{Cloud, Settings};
use azure_sim::machine::Nothing;
use azure_sim::scenario::Scenario;
use azure_sim::server::Server;
use clouder_tests::program;
use serde_json::Value;

/// Azure is asked the same few things for fifty clusters as for one.
#[test]
fn azure_is_asked_once_for_all_clusters() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { latency: Duration::from_millis(20), ..Settings::default() };
    let cloud = Cloud::new(settings.clone(), Scenario::parse("").unwrap(), Box::new(Nothing));
    let log = folder.path().join("log");
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(cloud, address, Some(&log), None).unwrap();
    let clusters = folder.path().join("clusters");
    std::fs::create_dir(&clusters).unwrap();
    for number in 0..50 {
        let name = format!("lab-{number:02}");
        let text = format!(
            "provider: azure\ncluster_name: {name}\nazure_location: eastus\nkubernetes_version: 1.35.9\ncluster_created: x\n"
        );
        std::fs::write(clusters.join(format!("{name}.yml")), text).unwrap();
    }
    let output = Command::new(program("clouder"))
        .args(["k8s", "ls", "--output", "json"])
        .env("CLOUDER_CLUSTERS_FOLDER", &clusters)
        .envs(settings.environment(&server.origin))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shown = shown.as_array().unwrap();
    assert_eq!(shown.len(), 50);
    assert!(shown.iter().all(|cluster| cluster["state"] == "no machines"), "{shown:?}");
    let asked = std::fs::read_to_string(&log).unwrap();
    let lists = asked.lines().filter(|line| line.contains("\"method\":\"GET\"")).count();
    assert_eq!(lists, 3, "machines, their states, and addresses: {asked}");
}
