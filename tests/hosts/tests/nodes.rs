//! The example of the README, on real machines: predicted, done, and the second time nothing.

use std::sync::Mutex;

use clouder_tests::{clouder, file, host};

/// Both tests configure the same containerd.
static ALONE: Mutex<()> = Mutex::new(());

fn example() -> String {
    format!("{}/../../examples/node.yml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_node_is_prepared_and_the_second_run_changes_nothing() {
    let _alone = ALONE.lock();
    let path = example();
    let predicted = clouder(&["run", &path, "--check", "--diff"]);
    assert_eq!(predicted.code, 0, "{}", predicted.shown);
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    let config = host("cp-1").succeed("cat /etc/containerd/config.toml").unwrap();
    assert!(config.contains("SystemdCgroup = true"));
    assert_eq!(host("cp-1").succeed("systemctl is-active containerd").unwrap().trim(), "active");
    assert_eq!(host("worker-1").succeed("cat /proc/sys/net/ipv4/ip_forward").unwrap().trim(), "1");
    let again = clouder(&["run", &path]);
    assert_eq!(again.code, 0, "{}", again.shown);
    for name in ["cp-1", "worker-1"] {
        assert!(again.recap(name).contains("changed=0"), "{}", again.shown);
    }
    let check = clouder(&["run", &path, "--check"]);
    assert!(check.recap("cp-1").contains("changed=0"), "{}", check.shown);
}

/// What makes a container of the fleet a machine that the roles accept.
const CONTAINER: &str = "{\"kubernetes_allow_cgroup_v1\": true, \"node_time_sync\": false, \
                         \"containerd_source\": \"distribution\", \"containerd_restrict_oom_score_adj\": true}";

#[test]
fn the_built_in_roles_prepare_a_node_that_can_checkpoint() {
    let _alone = ALONE.lock();
    let (_folder, path) = file("- hosts: worker-1\n  become: true\n  roles: [node, containerd, criu]\n");
    let predicted = clouder(&["run", &path, "-e", CONTAINER, "--check"]);
    assert_eq!(predicted.code, 0, "{}", predicted.shown);
    let ran = clouder(&["run", &path, "-e", CONTAINER]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    let machine = host("worker-1");
    assert!(machine.succeed("containerd config dump").unwrap().contains("SystemdCgroup = true"));
    assert!(machine.succeed("criu check 2>&1").unwrap().contains("Looks good"));
    // As dpkg leaves it when the machine goes off.
    machine.succeed("dpkg-query --status hostname >/var/lib/dpkg/updates/0000").unwrap();
    let refused = machine.exec("apt-get install --yes hostname").unwrap();
    assert!(refused.code != 0 && refused.stderr.contains("dpkg was interrupted"), "{refused:?}");
    let mended = clouder(&["run", &path, "-e", CONTAINER]);
    assert!(mended.recap("worker-1").contains("changed=1"), "{}", mended.shown);
    let again = clouder(&["run", &path, "-e", CONTAINER]);
    assert!(again.recap("worker-1").contains("changed=0"), "{}", again.shown);
}
