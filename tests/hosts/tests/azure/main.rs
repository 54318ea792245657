//! Playbooks of azure_rm_* tasks against a simulated Azure.

#![expect(clippy::unwrap_used, reason = "a test that cannot run has failed")]

mod bastion;
mod commands;
mod faults;
mod scale;
mod secrets;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use azure_sim::cloud::{Cloud, Settings};
use azure_sim::containers::{Containers, private_prefix, public_prefix};
use azure_sim::machine::{Machines, Nothing};
use azure_sim::scenario::Scenario;
use azure_sim::server::Server;
use clouder_fleet::Software;
use clouder_tests::{Ran, program};

/// A line of the simulator's log.
struct Asked(serde_json::Value);

impl Asked {
    fn field(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    fn path(&self) -> &str {
        self.field("path")
    }

    /// Whether it would change something.
    fn writes(&self) -> bool {
        self.field("method") != "GET" && !self.path().contains("/oauth2/")
    }
}

/// A simulated Azure, and what it was asked for.
struct Azure {
    server: Server,
    settings: Settings,
    folder: tempfile::TempDir,
}

impl Azure {
    fn new(scenario: &str) -> Self {
        Self::of(scenario, Settings::default(), Box::new(Nothing))
    }

    fn of(scenario: &str, settings: Settings, machines: Box<dyn Machines>) -> Self {
        let settings = Settings { latency: Duration::from_millis(20), retry_after: 0, ..settings };
        let cloud = Cloud::new(settings.clone(), Scenario::parse(scenario).unwrap(), machines);
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(cloud, address, Some(&folder.path().join("log")), None).unwrap();
        Self { server, settings, folder }
    }

    fn run(&self, playbook: &str, more: &[&str]) -> Ran {
        let playbook = Path::new(env!("CARGO_MANIFEST_DIR")).join("azure").join(playbook);
        self.clouder(&[&["run", playbook.to_str().unwrap()], more].concat())
    }

    fn clouder(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// clouder, with an account of this Azure in its environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("clouder"));
        command.args(arguments).env("NO_COLOR", "1").envs(self.settings.environment(&self.server.origin));
        command
    }

    /// The file of a new key to log in with.
    fn key(&self) -> String {
        let key = self.folder.path().join("key").display().to_string();
        let words = ["-q", "-t", "ed25519", "-N", "", "-f", &key];
        assert!(Command::new("ssh-keygen").args(words).status().unwrap().success());
        key
    }

    /// The requests since the last time that changed something.
    fn writes(&self) -> usize {
        let writes = self.log().iter().filter(|asked| asked.writes()).count();
        std::fs::write(self.folder.path().join("log"), "").unwrap();
        writes
    }

    /// The requests since the last time that [`Self::writes`] was asked.
    fn log(&self) -> Vec<Asked> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let asked = |line: &str| Asked(serde_json::from_str(line).unwrap());
        // What is being written now is no line yet.
        text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(asked).collect()
    }

    /// The ids of all that it holds, but for what names of disks have of chance.
    fn holds(&self) -> Vec<String> {
        let cloud = self.server.cloud();
        let chosen = |id: String| match id.rsplit_once('_') {
            Some((named, chance)) if id.contains("/disks/") && chance.len() == 32 => named.to_owned(),
            _ => id,
        };
        let mut all: Vec<String> = cloud.store.under(&cloud.root()).map(|one| chosen(one.id.key())).collect();
        all.extend(cloud.groups.keys().cloned());
        all.sort();
        all
    }
}

#[test]
fn machines_are_predicted_made_left_alone_and_deleted() {
    let azure = Azure::new("");
    let predicted = azure.run("up.yml", &["--check", "--diff"]);
    assert_eq!((predicted.code, azure.writes()), (0, 0), "{}", predicted.shown);
    let made = azure.run("up.yml", &["--diff", "-vvvv"]);
    assert_eq!((made.code, azure.writes()), (0, 11), "{}", made.shown);
    assert_eq!(predicted.recap("localhost"), made.recap("localhost"));
    for secret in [&azure.settings.client_secret, "cloud-config", "I2Nsb3VkLWNvbmZpZw", "Bearer"] {
        assert!(!made.shown.contains(secret) && !predicted.shown.contains(secret), "{secret} is shown");
    }
    assert!(
        made.shown.contains("['vm-1', 'vm-2'] ['running', 'running'] [['nic-1'], ['nic-2']]"),
        "{}",
        made.shown
    );

    let again = azure.run("up.yml", &[]);
    assert_eq!((again.code, azure.writes()), (0, 0), "{}", again.shown);
    assert!(again.recap("localhost").contains("changed=0"), "{}", again.shown);

    let down = azure.run("down.yml", &[]);
    assert_eq!(down.code, 0, "{}", down.shown);
    for said in ["deallocated", "running", "['nic-1'] ['ip-1'] 2", "holds 8 resources"] {
        assert!(down.shown.contains(said), "{said}: {}", down.shown);
    }
    azure.writes();
    let down = azure.run("down.yml", &["--start-at-task", "delete a machine"]);
    assert_eq!((down.code, azure.writes()), (0, 0), "{}", down.shown);
}

#[test]
fn what_somebody_changed_is_put_back() {
    let azure = Azure::new("");
    assert_eq!(azure.run("up.yml", &[]).code, 0);
    let rule = "/subscriptions/SUB/resourceGroups/lab/providers/Microsoft.Network/networkSecurityGroups/nsg"
        .replace("SUB", &azure.settings.subscription);
    let (_folder, path) = clouder_tests::file(&format!(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - azure_rm_resource:\n        api_version: 2024-03-01\n        \
         url: {rule}\n        method: PATCH\n        body: {{tags: {{by: hand}}}}\n    - azure_rm_securitygroup:\n        \
         resource_group: lab\n        name: nsg\n        rules: [{{name: ssh, protocol: Udp, priority: 100}}]\n"
    ));
    assert_eq!(azure.run(&path, &[]).code, 0);
    let again = azure.run("up.yml", &["--diff"]);
    assert!(again.recap("localhost").contains("changed=1"), "{}", again.shown);
    assert!(again.shown.contains("-") && again.shown.contains("\"protocol\": \"Tcp\""), "{}", again.shown);
}

#[test]
fn nothing_is_made_where_there_is_no_room() {
    let azure = Azure::of("", Settings { cores: 9, ..Settings::default() }, Box::new(Nothing));
    let (_folder, variables) = clouder_tests::file(
        "{cluster_name: lab, azure_ssh_sources: [192.0.2.1], control_plane_count: 3, azure_zones: ['1', '2', '3'], \
         worker_size: Standard_L8s_v3, worker_count: 3}",
    );
    for check in [&["--check"][..], &[]] {
        let variables = format!("@{variables}");
        let playbook = ["run", "playbooks/azure-machines.yml", "-i", "azure:lab", "-e", &variables];
        let refused = azure.clouder(&[&playbook, check].concat());
        assert_eq!((refused.code, azure.writes()), (2, 0), "{}", refused.shown);
        for said in [
            "westeurope has no room for what is to be made: ",
            "Standard_L8s_v3 is not offered in zone 3 of westeurope, only in 1 and 2 (for lab-worker-3)",
            "Standard LSv3 Family vCPUs (standardLSv3Family): 24 needed, 9 of 9 left",
            "Total Regional vCPUs (cores): 30 needed, 9 of 9 left",
        ] {
            assert!(refused.shown.contains(said), "{said}: {}", refused.shown);
        }
    }
}

/// The kinds and names that `clouder azure orphans` shows.
fn orphans(azure: &Azure) -> Vec<String> {
    let told = azure.clouder(&["azure", "orphans", "--output", "json"]);
    assert_eq!(told.code, 0, "{}", told.shown);
    let all: Vec<serde_json::Value> = serde_json::from_str(&told.shown).unwrap();
    for orphan in &all {
        assert!(orphan["run"].as_str().unwrap().starts_with("20"), "{orphan}");
    }
    let text = |orphan: &serde_json::Value, field: &str| orphan[field].as_str().unwrap().to_owned();
    all.iter().map(|orphan| format!("{} {}", text(orphan, "kind"), text(orphan, "name"))).collect()
}

#[test]
fn what_an_interrupted_run_leaves_is_found_and_deleted() {
    let azure = Azure::new(
        "rules: [{method: [PUT], path: '**/virtualMachines/*', answer: {status: 409, code: SkuNotAvailable}}]",
    );
    let (_folder, variables) = clouder_tests::file(
        "{cluster_name: lab, azure_ssh_sources: [192.0.2.1], worker_count: 0, azure_ssh_public_key: ssh-ed25519 AAAA}",
    );
    let variables = format!("@{variables}");
    let interrupted =
        azure.clouder(&["run", "playbooks/azure-machines.yml", "-i", "azure:lab", "-e", &variables]);
    assert_eq!(interrupted.code, 2, "{}", interrupted.shown);
    let mine = "name=mine location=westeurope";
    assert_eq!(azure.clouder(&["adhoc", "localhost", "-m", "azure_rm_resourcegroup", "-a", mine]).code, 0);
    let left = orphans(&azure);
    assert_eq!(
        left,
        [
            "network interface lab-cp-1",
            "load balancer lab-api",
            "network lab",
            "identity lab-control-plane",
            "security group lab-nodes",
            "public address lab-api",
            "public address lab-cp-1",
            "resource group lab",
        ]
    );
    azure.writes();
    let asked = azure.clouder(&["azure", "orphans", "--delete"]);
    assert!(
        asked.code != 0 && asked.shown.contains("8 of Azure's resources would be deleted"),
        "{}",
        asked.shown
    );
    assert_eq!(azure.writes(), 0);
    let gone = azure.clouder(&["azure", "orphans", "--delete", "--yes"]);
    assert_eq!(gone.code, 0, "{}", gone.shown);
    assert_eq!(orphans(&azure), [""; 0]);
    assert!(azure.server.cloud().groups.keys().eq(["mine"]), "another one's is gone");
}

#[test]
fn a_resource_group_that_was_there_stays_as_it_was() {
    let azure = Azure::new("");
    let group = "name=ours location=northeurope tags='{\"team\": \"one\"}'";
    assert_eq!(azure.clouder(&["adhoc", "localhost", "-m", "azure_rm_resourcegroup", "-a", group]).code, 0);
    let (_folder, variables) = clouder_tests::file(
        "{cluster_name: lab, azure_resource_group: ours, azure_ssh_sources: [192.0.2.1], worker_count: 0, provider: azure, \
         azure_ssh_public_key: ssh-ed25519 AAAA}",
    );
    let variables = format!("@{variables}");
    let (_playbook, network) = clouder_tests::file(
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  roles: [azure-network]\n",
    );
    let run = |playbook: &str| azure.clouder(&["run", playbook, "-i", "azure:lab", "-e", &variables]);
    let tags = || azure.server.cloud().groups["ours"]["tags"].clone();
    for _ in 0..2 {
        azure.writes();
        let made = run(&network);
        assert_eq!(made.code, 0, "{}", made.shown);
        assert_eq!(tags(), serde_json::json!({"team": "one"}));
    }
    assert_eq!(azure.writes(), 0);
    assert_eq!(orphans(&azure).len(), 5);
    let gone = run("playbooks/delete-cluster.yml");
    assert_eq!(gone.code, 0, "{}", gone.shown);
    let group = azure.server.cloud().group_id("ours").to_lowercase();
    assert_eq!(azure.holds().iter().filter(|id| id.starts_with(&group)).count(), 0);
    assert_eq!(tags(), serde_json::json!({"team": "one"}));
}

/// The name of the simulator whose machines are containers, and of the cluster.
const NAME: &str = "tests-azure";

#[test]
fn the_machines_of_a_cluster_answer_and_are_found_again() {
    let fleet = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_default();
    let name = format!("{NAME}{fleet}");
    let public = public_prefix(&name);
    let private = private_prefix(&public);
    let machines = Containers::new(&name, &public, Software::Bare).unwrap();
    let azure = Azure::of("", Settings { public_prefix: public, ..Settings::default() }, Box::new(machines));
    let key = azure.key();
    let inventory = format!("azure:{name}");
    // Where the inventory has ssh look.
    let known = Path::new(&std::env::var("HOME").unwrap()).join(format!(".ssh/known_hosts_clouder_{name}"));
    let _ = std::fs::remove_file(&known);
    let known = known.display();
    let variables = format!(
        "{{cluster_name: {name}, azure_ssh_sources: [198.18.0.0/15], azure_ssh_public_key_file: {key}.pub, worker_count: 1, \
         azure_network_cidr: {private}, azure_subnet_cidr: {private}, azure_known_hosts_file: {known}, \
         azure_custom_data: \"#cloud-config\\nruncmd: [[sh, -c, 'sleep 12; touch /run/from-azure']]\"}}"
    );
    let (_folder, variables) = clouder_tests::file(&variables);
    let reach = ["-i", &inventory, "--private-key", &key];
    let variables = format!("@{variables}");
    let playbook = [&["run", "playbooks/azure-machines.yml", "-e", &variables], &reach[..]].concat();

    let impatient = azure.clouder(&[&playbook[..], &["-e", "azure_cloud_init_timeout=1"]].concat());
    let said = format!("cloud-init on {name}-cp-1 has not ended after 1 seconds (azure_cloud_init_timeout)");
    assert!(impatient.code == 2 && impatient.shown.contains(&said), "{}", impatient.shown);
    // Machines are known before they are connected to.
    let keys = std::fs::read_to_string(known.to_string()).unwrap();
    assert_eq!(keys.lines().filter(|line| line.contains(" ssh-ed25519 ")).count(), 2, "{keys}");
    assert!(!impatient.shown.contains("told no host keys"), "{}", impatient.shown);
    assert!(azure.writes() > 0);
    let first = azure.clouder(&playbook);
    assert_eq!((first.code, azure.writes()), (0, 0), "{}", first.shown);
    let there = azure
        .clouder(&[&["adhoc", "cluster", "-m", "command", "-a", "ls /run/from-azure"], &reach[..]].concat());
    assert_eq!(there.code, 0, "{}", there.shown);
    let told = Path::new(env!("CARGO_MANIFEST_DIR")).join("azure/identity.yml").display().to_string();
    let again = azure.clouder(&[&playbook[..], &[&told]].concat());
    assert_eq!((again.code, azure.writes()), (0, 0), "{}", again.shown);
    only_control_planes_have_rights(&azure, &name);

    let who =
        azure.clouder(&[&["adhoc", "workers", "-b", "-m", "command", "-a", "id -un"], &reach[..]].concat());
    assert!(who.shown.contains(&format!("{name}-worker-1 | CHANGED | rc=0 >>\nroot\n")), "{}", who.shown);
    let groups = azure.clouder(&["inventory", "-i", &inventory, "--graph"]);
    for said in ["@control_plane:", "@role_worker:", &format!("{name}-cp-1")] {
        assert!(groups.shown.contains(said), "{said}: {}", groups.shown);
    }

    assert_eq!(orphans(&azure), [""; 0]);
    let loose = format!(
        "resource_group={name} name=loose sku=Standard allocation_method=Static tags='{{\"clouder-run\": \"20\"}}'"
    );
    let loose = azure.clouder(&["adhoc", "localhost", "-m", "azure_rm_publicipaddress", "-a", &loose]);
    assert_eq!(loose.code, 0, "{}", loose.shown);
    assert_eq!(orphans(&azure), ["public address loose"]);
    let loose = azure.clouder(&["azure", "orphans", "--delete", "--yes"]);
    assert_eq!((loose.code, orphans(&azure)), (0, Vec::new()), "{}", loose.shown);

    let gone = format!("name={name} state=absent force_delete_nonempty=true");
    let gone = azure.clouder(&["adhoc", "localhost", "-m", "azure_rm_resourcegroup", "-a", &gone]);
    assert_eq!(gone.code, 0, "{}", gone.shown);
    let left = clouder_tests::docker(&["ps", "-aq", "--filter", &format!("label=clouder.fleet={name}")]);
    assert_eq!(left, "", "machines are left");
    azure.server.cloud().machines.end();
}

#[test]
fn machines_without_addresses_are_reached_through_the_first_control_plane() {
    let fleet = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_default();
    let name = format!("{NAME}-jump{fleet}");
    let public = public_prefix(&name);
    let private = private_prefix(&public);
    let machines = Containers::new(&name, &public, Software::Bare).unwrap();
    let azure = Azure::of("", Settings { public_prefix: public, ..Settings::default() }, Box::new(machines));
    let key = azure.key();
    let inventory = format!("azure:{name}");
    let (_folder, variables) = clouder_tests::file(&format!(
        "{{cluster_name: {name}, azure_ssh_sources: [198.18.0.0/15], azure_ssh_public_key_file: {key}.pub, worker_count: 1, \
         azure_network_cidr: {private}, azure_subnet_cidr: {private}, azure_public_addresses: false}}"
    ));
    let reach = ["-i", &inventory, "--private-key", &key];
    let variables = format!("@{variables}");
    let playbook = [&["run", "playbooks/azure-machines.yml", "-e", &variables], &reach[..]].concat();
    let predicted = azure.clouder(&[&playbook[..], &["--check"]].concat());
    assert_eq!((predicted.code, azure.writes()), (0, 0), "{}", predicted.shown);
    let with_addresses = azure.clouder(&[&playbook[..], &["-e", "azure_public_addresses=true"]].concat());
    assert_eq!(with_addresses.code, 0, "{}", with_addresses.shown);
    let first = azure.clouder(&playbook);
    assert_eq!(first.code, 0, "{}", first.shown);
    azure.writes();
    let again = azure.clouder(&playbook);
    assert_eq!((again.code, azure.writes()), (0, 0), "{}", again.shown);
    let predicted = azure.clouder(&[&playbook[..], &["--check"]].concat());
    assert_eq!((predicted.code, azure.writes()), (0, 0), "{}", predicted.shown);
    let recap = predicted.shown.lines().filter(|line| line.contains(" changed="));
    assert!(
        recap.clone().count() > 4 && recap.clone().all(|line| line.contains("changed=0")),
        "{}",
        predicted.shown
    );

    // The subnet has a way out; of the machines one has an address.
    let (mut addresses, gateway) = {
        let cloud = azure.server.cloud();
        let names = |kind: &str| -> Vec<String> {
            cloud.store.of_kind(&cloud.root(), kind).map(|one| one.id.name().to_owned()).collect()
        };
        let network = cloud.store.of_kind(&cloud.root(), "Microsoft.Network/virtualNetworks").next().unwrap();
        let subnet = &network.value["properties"]["subnets"][0]["properties"];
        (names("Microsoft.Network/publicIPAddresses"), subnet["natGateway"]["id"].clone())
    };
    addresses.sort();
    assert_eq!(addresses, ["api", "cp-1", "nat"].map(|one| format!("{name}-{one}")));
    all_carry_the_run(&azure, &name);
    assert!(gateway.as_str().unwrap().ends_with(&format!("/natGateways/{name}")), "{gateway}");
    assert_eq!(orphans(&azure), [""; 0]);

    // The worker sees the control plane, not this machine.
    let peer = |group: &str| {
        let seen = azure.clouder(
            &[&["adhoc", group, "-m", "shell", "-a", "echo from=$SSH_CONNECTION"], &reach[..]].concat(),
        );
        assert_eq!(seen.code, 0, "{}", seen.shown);
        let (_, peer) = seen.shown.split_once("from=").unwrap();
        peer.split_whitespace().next().unwrap().to_owned()
    };
    let own = azure.clouder(
        &[&["adhoc", "control_plane", "-m", "debug", "-a", "var=private_ipv4_addresses[0]"], &reach[..]]
            .concat(),
    );
    assert!(own.shown.contains(&format!("\"{}\"", peer("workers"))), "{}", own.shown);
    assert!(!own.shown.contains(&format!("\"{}\"", peer("control_plane"))), "{}", own.shown);
    azure.server.cloud().machines.end();
}

/// Whether all that roles made carries the id of the run that the resource group carries. Disks are made with machines.
fn all_carry_the_run(azure: &Azure, group: &str) {
    let cloud = azure.server.cloud();
    let run = &cloud.groups[group]["tags"]["clouder-run"];
    assert!(run.is_string());
    let made: Vec<_> = cloud.store.under(&format!("{}/", cloud.group_id(group).to_lowercase())).collect();
    let tagged = made.iter().filter(|one| !["disks", "roleAssignments"].contains(&one.id.kind().as_str()));
    for one in tagged.clone() {
        assert_eq!((&one.value["tags"]["clouder-run"], one.id.name()), (run, one.id.name()));
    }
    // A network, its rules, the way out, the load balancer, an identity; three addresses, two interfaces, two machines.
    assert_eq!(tagged.count(), 12);
}

/// Whether control planes have an identity whose roles hold in the resource group of the cluster, and others have none.
fn only_control_planes_have_rights(azure: &Azure, name: &str) {
    let cloud = azure.server.cloud();
    let machines: Vec<_> = cloud.store.of_kind(&cloud.root(), "Microsoft.Compute/virtualMachines").collect();
    for machine in machines {
        let identity = &machine.value["identity"];
        match machine.id.name().contains("-cp-") {
            true => assert_eq!(identity["type"], "UserAssigned", "{identity}"),
            false => assert!(identity.is_null(), "{identity}"),
        }
    }
    let assigned: Vec<_> =
        cloud.store.of_kind("/subscriptions/", "Microsoft.Authorization/roleAssignments").collect();
    assert_eq!(assigned.len(), 3);
    for one in assigned {
        assert_eq!(one.value["properties"]["scope"], cloud.group_id(name).as_str(), "{}", one.value);
    }
}
