//! The example of the README, on real machines: predicted, done, and the second time nothing.

use clouder_tests::{clouder, host};

fn example() -> String {
    format!("{}/../../examples/node.yml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_node_is_prepared_and_the_second_run_changes_nothing() {
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
