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
        Self::of(Settings::default())
    }

    fn of(settings: Settings) -> Self {
        let delay = Duration::from_millis(100);
        let settings = Settings {
            latency: Duration::from_millis(20),
            retry_after: 0,
            principal_delay: delay,
            ..settings
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
    let elsewhere = scope.replace("/resourceGroups/g", "/resourceGroups/not-yet");
    let predicted =
        json!({"scope": elsewhere, "assignee_object_id": principal, "role_definition_id": "Contributor"});
    let predicted = world.call("azure_rm_roleassignment", &predicted, true).await;
    assert!(predicted.changed && !predicted.failed, "{predicted:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_region_has_no_room_for_is_named() {
    let world = World::of(Settings { cores: 10, public_addresses: 2, ..Settings::default() });
    let ask = |machines: Value, addresses: Value| json!({"location": "West Europe", "resource_group": "g", "machines": machines, "public_ip_addresses": addresses});
    let machine = |name: &str, size: &str, zone: &str| json!({"name": name, "size": size, "zone": zone});
    // There is not even a resource group.
    let fits =
        ask(json!([machine("a", "Standard_D4s_v5", "1"), machine("b", "standard_d4S_v5", "")]), json!(["x"]));
    let fine = world.call("azure_rm_capacity", &fits, false).await;
    assert!(!fine.failed && !fine.changed, "{fine:?}");
    assert_eq!(
        (&fine.result["machines"], &fine.result["public_ip_addresses"]),
        (&json!(["a", "b"]), &json!(1))
    );

    let wrong = ask(
        json!([
            machine("a", "Standard_D8s_v5", "1"),
            machine("b", "Standard_D4s_v5", "2"),
            machine("c", "Standard_L8s_v3", "3"),
            machine("d", "Standard_M128s", ""),
            machine("e", "Standard_X1", ""),
        ]),
        json!(["x", "y", "z"]),
    );
    for check in [true, false] {
        let refused = world.call("azure_rm_capacity", &wrong, check).await;
        assert_eq!(
            refused.result["problems"],
            json!([
                "Standard_L8s_v3 is not offered in zone 3 of westeurope, only in 1 and 2 (for c)",
                "Standard_M128s is not offered in westeurope (NotAvailableForSubscription) (for d)",
                "westeurope has no size Standard_X1 (for e)",
                "Public IP Addresses (PublicIPAddresses): 3 needed, 2 of 2 left",
                "Public IPv4 Addresses - Standard (StandardSkuPublicIpAddresses): 3 needed, 2 of 2 left",
                "Total Regional vCPUs (cores): 148 needed, 10 of 10 left",
                "Standard DSv5 Family vCPUs (standardDSv5Family): 12 needed, 10 of 10 left",
                "Standard MS Family vCPUs (standardMSFamily): 128 needed, 10 of 10 left",
            ]),
            "{refused:?}"
        );
    }
    let spot = json!([{"name": "a", "size": "Standard_D8s_v5", "spot": true}, {"name": "b", "size": "Standard_E4s_v5", "spot": "True"}]);
    let refused = world.call("azure_rm_capacity", &ask(spot, json!([])), false).await;
    let spot = "Total Regional Spot vCPUs (lowPriorityCores): 12 needed, 10 of 10 left";
    assert_eq!(refused.result["problems"], json!([spot]), "{refused:?}");
    let no_zones =
        json!({"location": "ukwest", "resource_group": "g", "machines": [machine("a", "Standard_B1s", "1")]});
    let refused = world.call("azure_rm_capacity", &no_zones, false).await;
    assert!(
        refused
            .msg
            .unwrap()
            .contains("Standard_B1s is not offered in zone 1 of ukwest, in none of its zones (for a)")
    );
    assert_eq!(world.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_makes_its_own_network_and_tells_of_it() {
    let world = World::new();
    group(&world).await;
    let network = json!({"address_prefixes_cidr": ["10.0.0.0/16"]});
    world.call("azure_rm_virtualnetwork", &in_group("net", network), false).await;
    let subnet = json!({"virtual_network_name": "net", "address_prefix_cidr": "10.0.0.0/24"});
    world.call("azure_rm_subnet", &in_group("nodes", subnet), false).await;
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Zf0Yd3N8Y5rGQ1zZbD9yX9h6c5b3r0v7w2u1t4s5q test";
    let machine = in_group(
        "vm",
        json!({"vm_size": "Standard_D2s_v5", "admin_username": "azureuser", "ssh_public_keys": [{"key_data": key}],
               "image": {"publisher": "Debian", "offer": "debian-13", "sku": "13-gen2"}, "open_ports": [22, "8080-8090"]}),
    );
    let made = world.changes_once("azure_rm_virtualmachine", machine.clone()).await;
    assert_eq!(made.result["azure_vm"]["network_interface_names"], json!(["vm01"]), "{made:?}");

    let told = |module: &'static str, arguments: Value| {
        let world = &world;
        async move {
            let told = world.call(module, &arguments, true).await;
            assert!(!told.failed && !told.changed, "{module}: {told:?}");
            Value::Object(told.result.into_iter().collect())
        }
    };
    let named = in_group("vm01", json!({}));
    let interface = &told("azure_rm_networkinterface_info", named.clone()).await["networkinterfaces"][0];
    assert_eq!(
        (&interface["subnet"], &interface["virtual_network"]["name"]),
        (&json!("nodes"), &json!("net"))
    );
    assert_eq!(interface["ip_configurations"][0]["private_ip_address"], "10.0.0.4", "{interface}");
    let address = &told("azure_rm_publicipaddress_info", named.clone()).await["publicipaddresses"][0];
    assert_eq!(interface["ip_configurations"][0]["public_ip_address"], address["id"]);
    assert_eq!((&address["allocation_method"], &address["sku"]), (&json!("static"), &json!("Standard")));
    let networks = told("azure_rm_virtualnetwork_info", json!({"resource_group": "g"})).await;
    assert_eq!(networks["virtualnetworks"][0]["subnets"][0]["address_prefix"], "10.0.0.0/24", "{networks}");
    let none = told("azure_rm_virtualnetwork_info", json!({"resource_group": "none"})).await;
    assert_eq!(none["virtualnetworks"], json!([]));
    let subnets = in_group("nodes", json!({"virtual_network_name": "net"}));
    assert_eq!(told("azure_rm_subnet_info", subnets).await["subnets"][0]["resource_group"], "g");
    let groups = told("azure_rm_resourcegroup_info", json!({"list_resources": true})).await;
    let inside = groups["resourcegroups"][0]["resources"].as_array().map(Vec::len);
    assert_eq!(inside, Some(6), "{groups}");
    let rules = json!({"api_version": "2024-03-01", "resource_group": "g", "provider": "Network",
                       "resource_type": "networkSecurityGroups"});
    let rules = told("azure_rm_resource_info", rules).await;
    assert_eq!(
        rules["response"][0]["properties"]["securityRules"][1]["properties"]["destinationPortRange"],
        "8080-8090"
    );

    let disk = |machine: &str| in_group("data", json!({"disk_size_gb": 32, "managed_by": machine}));
    let attached = world.changes_once("azure_rm_manageddisk", disk("vm")).await;
    let id = attached.result["state"]["managed_by"].as_str().unwrap();
    assert!(id.ends_with("/virtualMachines/vm"), "{attached:?}");
    let disks = told("azure_rm_manageddisk_info", json!({"resource_group": "g", "managed_by": id})).await;
    assert_eq!(disks["ansible_info"]["azure_managed_disk"].as_array().map(Vec::len), Some(2), "{disks}");
    world.changes_once("azure_rm_manageddisk", disk("")).await;

    world.goes_once("azure_rm_virtualmachine", &in_group("vm", json!({}))).await;
    let left = told("azure_rm_resourcegroup_info", json!({"name": "g", "list_resources": true})).await;
    let left = left["resourcegroups"][0]["resources"].as_array().unwrap().iter().map(|one| &one["name"]);
    assert_eq!(left.collect::<Vec<_>>(), ["data", "net"]);
}
