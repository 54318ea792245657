//! Virtual machines that are containers: they are where Azure says, let in who they should, and go when told to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod asking;

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use asking::Asked;
use azure_sim::cloud::Settings;
use azure_sim::containers::{Containers, private_prefix, public_prefix};
use base64::Engine as _;
use clouder_fleet::{Output, Software, run, succeed};
use serde_json::{Value, json};

const NETWORK: &str = "?api-version=2024-03-01";
const COMPUTE: &str = "?api-version=2024-07-01";

fn ssh(key: &Path, address: &str, line: &str) -> Output {
    let target = format!("azureuser@{address}");
    let options = [
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
        "-o",
        "ConnectTimeout=5",
        "-i",
    ];
    run("ssh", &[&options[..], &[key.to_str().unwrap(), &target, line]].concat()).unwrap()
}

fn answers(address: &str, port: u16) -> bool {
    let address = format!("{address}:{port}").parse().unwrap();
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

fn soon(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn containers(name: &str) -> String {
    let filter = format!("label=clouder.fleet={name}");
    succeed("docker", &["ps", "-aq", "--filter", &filter]).unwrap()
}

#[test]
fn a_machine_is_a_container_where_azure_says_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    succeed("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]).unwrap();
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let name =
        format!("azure-{}", std::env::var("CLOUDER_TEST_FLEET").unwrap_or_else(|_| "tests".to_owned()));
    let public_prefix = public_prefix(&name);
    // Virtual networks that are on one machine at once cannot have the same addresses.
    let private = private_prefix(&public_prefix);
    let (private, _) = private.rsplit_once('.').unwrap();
    let machines = Containers::new(&name, &public_prefix, Software::Bare).unwrap();
    let settings = Settings { latency: Duration::ZERO, public_prefix, ..Settings::default() };
    let mut azure = Asked::new(settings, "rules: []", Box::new(machines));
    let base = azure.cloud.group_id("g");
    let id = |path: &str| json!({"id": format!("{base}/providers/Microsoft.Network/{path}")});
    let put = |azure: &mut Asked, path: &str, body: Value| {
        let version = if path.contains("Compute") { COMPUTE } else { NETWORK };
        let mut body = body;
        body["location"] = json!("westeurope");
        azure.done("PUT", &format!("{path}{version}"), &body).unwrap().body.unwrap()
    };
    put(
        &mut azure,
        "Microsoft.Network/virtualNetworks/net",
        json!({"properties": {"addressSpace": {"addressPrefixes": [format!("{private}.0/24")]}, "subnets": [{"name": "nodes", "properties": {"addressPrefix": format!("{private}.0/25")}}]}}),
    );
    let address = json!({"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}});
    let own = put(&mut azure, "Microsoft.Network/publicIPAddresses/vm", address.clone());
    let own = own["properties"]["ipAddress"].as_str().unwrap().to_owned();
    let front = put(&mut azure, "Microsoft.Network/publicIPAddresses/lb", address);
    let front = front["properties"]["ipAddress"].as_str().unwrap().to_owned();
    put(
        &mut azure,
        "Microsoft.Network/loadBalancers/lb",
        json!({"sku": {"name": "Standard"}, "properties": {
            "frontendIPConfigurations": [{"name": "front", "properties": {"publicIPAddress": id("publicIPAddresses/lb")}}],
            "backendAddressPools": [{"name": "pool"}],
            "loadBalancingRules": [{"name": "ssh", "properties": {"protocol": "Tcp", "frontendPort": 2222, "backendPort": 22,
                "frontendIPConfiguration": id("loadBalancers/lb/frontendIPConfigurations/front"), "backendAddressPool": id("loadBalancers/lb/backendAddressPools/pool")}}],
        }}),
    );
    put(
        &mut azure,
        "Microsoft.Network/networkInterfaces/nic",
        json!({"properties": {"ipConfigurations": [{"name": "first", "properties": {
        "subnet": id("virtualNetworks/net/subnets/nodes"), "publicIPAddress": id("publicIPAddresses/vm"),
        "loadBalancerBackendAddressPools": [id("loadBalancers/lb/backendAddressPools/pool")]}}]}}),
    );
    let data = "#cloud-config\nwrite_files:\n- {path: /etc/from-azure, content: hello}\n";
    let data = base64::engine::general_purpose::STANDARD.encode(data);
    put(
        &mut azure,
        "Microsoft.Compute/virtualMachines/vm",
        json!({"properties": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "storageProfile": {"imageReference": {"publisher": "Debian", "offer": "debian-13", "sku": "13-gen2", "version": "latest"}},
            "osProfile": {"computerName": "vm", "adminUsername": "azureuser", "customData": data,
                "linuxConfiguration": {"disablePasswordAuthentication": true, "ssh": {"publicKeys": [{"keyData": public}]}}},
            "networkProfile": {"networkInterfaces": [id("networkInterfaces/nic")]},
        }}),
    );
    let said = ssh(
        &key,
        &own,
        "hostname; sudo -n id -un; hostname -I; cloud-init status --wait; cat /etc/from-azure",
    );
    assert_eq!(said.code, 0, "{said:?}");
    for wanted in ["vm\n", "root\n", &format!("{private}.4"), "status: done", "hello"] {
        assert!(said.stdout.contains(wanted), "{wanted}: {said:?}");
    }
    let host_key = succeed("ssh-keyscan", &["-t", "ed25519", &own]).unwrap();
    let host_key = host_key.split_whitespace().last().unwrap();
    let vm = format!("{base}/providers/Microsoft.Compute/virtualMachines/vm").to_lowercase();
    assert!(azure.cloud.machines.console(&vm).unwrap().contains(host_key));
    soon("the load balancer answers", || answers(&front, 2222));
    assert_eq!(ssh(&key, &own, "true").code, 0);
    // Without its public address it is reached through the load balancer alone.
    let mut nic = azure
        .ask("GET", &format!("Microsoft.Network/networkInterfaces/nic{NETWORK}"), &Value::Null)
        .body
        .unwrap();
    let public = nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"].take();
    put(&mut azure, "Microsoft.Network/networkInterfaces/nic", nic.clone());
    soon("the public address is gone", || !answers(&own, 22));
    nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = public;
    put(&mut azure, "Microsoft.Network/networkInterfaces/nic", nic);
    soon("the public address is back", || answers(&own, 22));
    let machine = "Microsoft.Compute/virtualMachines/vm";
    azure.done("POST", &format!("{machine}/powerOff{COMPUTE}"), &Value::Null).unwrap();
    assert!(!answers(&own, 22));
    azure.done("POST", &format!("{machine}/start{COMPUTE}"), &Value::Null).unwrap();
    let again = ssh(&key, &own, "cat /etc/from-azure");
    assert_eq!(again.stdout, "hello", "{again:?}");
    azure.done("DELETE", "?api-version=2021-04-01", &Value::Null).unwrap();
    assert_eq!(containers(&name), "");
    soon("the load balancer is gone", || !answers(&front, 2222));
    azure.cloud.machines.end();
    let filter = format!("label=clouder.fleet={name}");
    assert_eq!(succeed("docker", &["network", "ls", "-q", "--filter", &filter]).unwrap(), "");
}
