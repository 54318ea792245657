//! Modules against the simulated Azure: check mode predicts, the run changes, and a second run sends no write.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::net::SocketAddr;
use std::time::Duration;

use azure_sim::cloud::{Cloud as Simulated, Settings};
use azure_sim::machine::Nothing;
use azure_sim::scenario::Scenario;
use azure_sim::server::Server;
use clouder_cloud::azure::Clouds;
use clouder_cloud::modules::{Call, find};
use clouder_modules::Outcome;
use serde_json::{Value, json};

/// A simulated Azure, and its log.
struct World {
    server: Server,
    settings: Settings,
    clouds: Clouds,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let delay = Duration::from_millis(100);
        let settings = Settings {
            latency: Duration::from_millis(20),
            retry_after: 0,
            principal_delay: delay,
            ..Settings::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let simulated = Simulated::new(settings.clone(), Scenario::parse("").unwrap(), Box::new(Nothing));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(simulated, address, Some(&folder.path().join("log")), None).unwrap();
        Self { server, settings, clouds: Clouds::default(), folder }
    }

    async fn call(&self, module: &str, arguments: &Value, check: bool) -> Outcome {
        let origin = self.server.origin.clone();
        let variable = |name: &str| {
            let settings = &self.settings;
            Some(match name {
                "AZURE_SUBSCRIPTION_ID" => settings.subscription.clone(),
                "AZURE_TENANT_ID" => settings.tenant.clone(),
                "AZURE_CLIENT_ID" => settings.client_id.clone(),
                "AZURE_CLIENT_SECRET" => settings.client_secret.clone(),
                "AZURE_AUTHORITY_HOST" => self.server.origin.clone(),
                _ => return None,
            })
        };
        let call =
            Call { check, diff: true, clouds: &self.clouds, endpoint: Some(&origin), variable: &variable };
        (find(module).unwrap().run)(arguments.as_object().unwrap().clone(), call).await
    }

    /// How many requests would change something.
    fn writes(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let reads = ["\"method\":\"GET\"", "oauth2"];
        log.lines().filter(|line| !reads.iter().any(|read| line.contains(read))).count()
    }

    /// Predicts, does, and does it again; returns what was done.
    async fn changes_once(&self, module: &str, arguments: Value) -> Outcome {
        let before = self.writes();
        let predicted = self.call(module, &arguments, true).await;
        assert!(predicted.changed && !predicted.failed, "{module} predicted: {predicted:?}");
        assert_eq!(self.writes(), before, "{module} wrote in check mode");
        let done = self.call(module, &arguments, false).await;
        assert!(done.changed && !done.failed, "{module}: {done:?}");
        let written = self.writes();
        let again = self.call(module, &arguments, false).await;
        assert!(!again.changed && !again.failed, "{module} again: {again:?}");
        assert_eq!(self.writes(), written, "{module} wrote again");
        done
    }

    /// The same for taking it away.
    async fn goes_once(&self, module: &str, arguments: &Value) {
        let mut arguments = arguments.clone();
        arguments["state"] = "absent".into();
        self.changes_once(module, arguments).await;
    }
}

fn in_group(name: &str, more: Value) -> Value {
    let mut arguments = json!({"resource_group": "g", "name": name});
    let (Value::Object(all), Value::Object(more)) = (&mut arguments, more) else { unreachable!() };
    all.extend(more);
    arguments
}

async fn group(world: &World) {
    let made =
        world.call("azure_rm_resourcegroup", &json!({"name": "g", "location": "westeurope"}), false).await;
    assert!(!made.failed, "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_in_and_out() {
    let world = World::new();
    group(&world).await;
    for name in ["out", "in"] {
        let address = json!({"sku": "Standard", "allocation_method": "Static"});
        world.call("azure_rm_publicipaddress", &in_group(name, address), false).await;
    }
    let gateway = in_group("way-out", json!({"public_ip_addresses": ["out"], "tags": {"a": "b"}}));
    world.changes_once("azure_rm_natgateway", gateway.clone()).await;
    let slower = in_group("way-out", json!({"idle_timeout_in_minutes": 10}));
    let changed = world.changes_once("azure_rm_natgateway", slower).await;
    assert_eq!(changed.result["state"]["tags"]["a"], "b", "{changed:?}");
    assert_eq!(changed.result["state"]["public_ip_addresses"].as_array().map(Vec::len), Some(1));

    let balancer = in_group(
        "api",
        json!({
            "sku": "Standard",
            "frontend_ip_configurations": [{"name": "front", "public_ip_address": "in"}],
            "backend_address_pools": [{"name": "control-planes"}],
            "probes": [{"name": "ready", "protocol": "Tcp", "port": "6443", "fail_count": 2}],
            "load_balancing_rules": [{
                "name": "api", "frontend_ip_configuration": "front", "backend_address_pool": "control-planes",
                "probe": "ready", "protocol": "Tcp", "frontend_port": 6443, "disable_outbound_snat": true,
            }],
            "outbound_rules": [{
                "name": "out", "frontend_ip_configurations": ["front"], "backend_address_pool": "control-planes",
                "protocol": "All",
            }],
        }),
    );
    let made = world.changes_once("azure_rm_loadbalancer", balancer.clone()).await;
    assert_eq!(made.result["state"]["load_balancing_rules"][0]["backend_port"], 6443, "{made:?}");
    let mut wrong = balancer.clone();
    wrong["probes"][0]["prot"] = 1.into();
    let refused = world.call("azure_rm_loadbalancer", &wrong, false).await;
    assert!(refused.failed && refused.msg.unwrap().contains("`ready` has no `prot`"));
    world.goes_once("azure_rm_loadbalancer", &in_group("api", json!({}))).await;
    world.goes_once("azure_rm_natgateway", &in_group("way-out", json!({}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_what() {
    let world = World::new();
    group(&world).await;
    let identity = in_group("node", json!({}));
    let made = world.changes_once("azure_rm_managedidentity", identity.clone()).await;
    let principal = made.result["state"]["principal_id"].clone();
    let scope = format!("/subscriptions/{}/resourceGroups/g", world.settings.subscription);
    let role = json!({"scope": scope, "assignee_object_id": principal, "role_definition_id": "Contributor"});
    let given = world.changes_once("azure_rm_roleassignment", role.clone()).await;
    assert_eq!(given.result["assignee_object_id"], principal, "{given:?}");
    let unknown = json!({"scope": scope, "assignee_object_id": principal, "role_definition_id": "Emperor"});
    let refused = world.call("azure_rm_roleassignment", &unknown, false).await;
    assert!(refused.msg.unwrap().contains("there is no role `Emperor`"));
    world.goes_once("azure_rm_roleassignment", &role).await;
    world.goes_once("azure_rm_managedidentity", &identity).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_sets_and_storage() {
    let world = World::new();
    group(&world).await;
    let disk = |size: i64| {
        in_group("data", json!({"disk_size_gb": size, "storage_account_type": "Premium_LRS", "zone": "1"}))
    };
    world.changes_once("azure_rm_manageddisk", disk(32)).await;
    let grown = world.changes_once("azure_rm_manageddisk", disk(64)).await;
    assert_eq!(grown.result["state"]["disk_size_gb"], 64, "{grown:?}");
    world.goes_once("azure_rm_manageddisk", &in_group("data", json!({}))).await;

    let machines = in_group("set", json!({"sku": "Aligned", "platform_fault_domain_count": 2}));
    world.changes_once("azure_rm_availabilityset", machines.clone()).await;
    world.goes_once("azure_rm_availabilityset", &machines).await;

    let storage = in_group(
        "clouderfiles",
        json!({"account_type": "Premium_LRS", "kind": "FileStorage", "https_only": false, "minimum_tls_version": "TLS1_2",
               "network_acls": {"default_action": "Deny", "ip_rules": [{"value": "198.51.100.7"}]}}),
    );
    world.changes_once("azure_rm_storageaccount", storage.clone()).await;
    let opened = in_group("clouderfiles", json!({"network_acls": {"default_action": "Allow"}}));
    world.changes_once("azure_rm_storageaccount", opened).await;
    world.goes_once("azure_rm_storageaccount", &storage).await;
}
