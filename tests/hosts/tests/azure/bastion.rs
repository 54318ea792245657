//! Machines that are reached through a host of somebody's own, and what a machine tells whose first start failed.

use azure_sim::cloud::Settings;
use azure_sim::containers::{Containers, private_prefix, public_prefix};
use clouder_fleet::Software;

use crate::{Azure, NAME};

#[test]
fn machines_are_reached_through_a_host_of_ones_own() {
    let fleet = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_default();
    let name = format!("{NAME}-bastion{fleet}");
    let public = public_prefix(&name);
    let private = private_prefix(&public);
    let machines = Containers::new(&name, &public, Software::Bare).unwrap();
    let azure = Azure::of("", Settings { public_prefix: public, ..Settings::default() }, Box::new(machines));
    let key = azure.key();
    let variables = format!(
        "{{cluster_name: {name}, azure_ssh_sources: [198.18.0.0/15], azure_ssh_public_key_file: {key}.pub, worker_count: 0, \
         azure_network_cidr: {private}, azure_subnet_cidr: {private}, azure_public_addresses: false, \
         azure_custom_data: \"#cloud-config\\nruncmd: [[sh, -c, 'exit 3']]\"}}"
    );
    let (_folder, variables) = clouder_tests::file(&variables);
    let variables = format!("@{variables}");
    let told = azure.run("bastion.yml", &["-e", &variables]);
    assert_eq!(told.code, 0, "{}", told.shown);
    let (_, address) = told.shown.split_once("address=").unwrap();
    let address: String =
        address.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
    let public_key = format!("{key}.pub");
    let bastion = ["--size", "Standard_B1s", "--image", "Debian:debian-13:13-gen2:latest"];
    let bastion =
        [&["azure", "vm-create", "-g", &name, "bastion", "--ssh-key", &public_key], &bastion[..]].concat();
    let made = azure.clouder(&bastion);
    assert_eq!(made.code, 0, "{}", made.shown);
    azure.writes();
    let again = azure.clouder(&bastion);
    assert_eq!((again.code, azure.writes()), (0, 0), "{}", again.shown);
    let listed = azure.clouder(&["azure", "vm-list", "-g", &name, "--output", "json"]);
    assert!(listed.shown.contains("\"bastion\"") && listed.shown.contains("running"), "{}", listed.shown);

    // How to log in there is up to ssh's own configuration.
    let configuration = azure.folder.path().join("ssh_config");
    let known = azure.folder.path().join("known_hosts");
    let text = format!(
        "Host {address}\n  IdentityFile {key}\n  UserKnownHostsFile {}\n  StrictHostKeyChecking accept-new\n",
        known.display()
    );
    std::fs::write(&configuration, text).unwrap();
    let arguments = format!("-F {}", configuration.display());
    let inventory = format!("azure:{name}");
    let reach = ["-i", &inventory, "--private-key", &key, "--ssh-extra-args", &arguments];
    let jump = format!("azure_jump_host=azureuser@{address}");
    let playbook = ["run", "playbooks/azure-machines.yml", "-e", &variables, "-e", &jump];
    let failed = azure.clouder(&[&playbook[..], &reach].concat());
    let said = format!("cloud-init on {name}-cp-1 failed; /var/log/cloud-init-output.log there says more");
    assert!(failed.code == 2 && failed.shown.contains(&said), "{}", failed.shown);
    let seen = azure.clouder(
        &[&["adhoc", "control_plane", "-m", "shell", "-a", "echo from=$SSH_CONNECTION"], &reach[..]].concat(),
    );
    let inside = private.rsplit_once('.').unwrap().0;
    assert!(seen.shown.contains(&format!("from={inside}.")), "{inside}: {}", seen.shown);
    azure.server.cloud().machines.end();
}
