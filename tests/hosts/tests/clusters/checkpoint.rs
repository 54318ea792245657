//! A container that is checkpointed on one node and goes on at another, by the real CRIU and the real containerd, and nodes that
//! cannot do so.

#[path = "checkpoint/schedules.rs"]
mod schedules;

use std::time::{Duration, Instant};

use clouder_fleet::Software;
use clouder_tests::{cut_off, file};
use kube_standin::version::Version;

use crate::machines::Machines;

const VERSION: Version = Version::new(34, 2);
const LATER: Version = Version::new(34, 4);
/// The first has Debian's own containerd, which cannot checkpoint.
const MACHINES: [(&str, Software); 3] = [
    ("cp-1", Software::Prepared),
    ("worker-1", Software::Checkpointing),
    ("worker-2", Software::Checkpointing),
];
const SECRET: &str = "not-to-be-shown";

/// Images come from a registry on each machine.
const MIRRORS: &str = "
containerd_registry_mirrors:
  localhost:5000: [{url: 'http://localhost:5000'}]
  registry.k8s.io: [{url: 'http://localhost:5000'}]
smoke_checkpoint: false
";

/// A pod that counts and says which of its starts it is, and one that is nothing but said to run.
const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: counter, namespace: default, labels: {app: counter}}
spec:
  nodeName: worker-1
  hostNetwork: true
  containers:
    - name: counter
      image: localhost:5000/counter:1
      command: [/bin/sh, -c, 'run=$(cat /proc/sys/kernel/random/uuid); i=0; while true; do i=$((i+1)); echo "$run $i"; sleep 0.2; done']
      env: [{name: PASSWORD, value: not-to-be-shown}]
---
apiVersion: v1
kind: Pod
metadata: {name: elsewhere, namespace: default}
spec: {nodeName: cp-1, containers: [{name: x, image: x}]}
"#;

fn new_cluster() -> Machines {
    let cluster = Machines::new("checkpoint", &MACHINES, &[VERSION, LATER]);
    cluster.set(MIRRORS);
    cluster.play(&["playbooks/create-cluster.yml"]);
    for worker in ["worker-1", "worker-2"] {
        let registry = "/usr/bin/kubectl --act-as=kube-standin registry --listen=127.0.0.1:5000";
        cluster.shell(worker, &format!("systemd-run --unit=registry {registry}"));
    }
    cluster.apply(PODS);
    cluster.kubectl("wait --for=condition=Ready pod/counter --timeout=60s");
    cluster
}

/// What the counter of a pod said last: which start of it, and how far it is. Waits until it is so far.
fn count(cluster: &Machines, machine: &str, pod: &str, least: u32) -> (String, u32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let said = cluster
            .machine(machine)
            .exec(&format!("tail -n 1 /var/log/pods/default_{pod}_*/counter/0.log"))
            .unwrap();
        let words: Vec<&str> = said.stdout.split_whitespace().collect();
        if let [_, _, _, start, count] = words.as_slice()
            && let Ok(count) = count.parse()
            && count >= least
        {
            return ((*start).to_owned(), count);
        }
        assert!(Instant::now() < deadline, "{pod} does not count: {}{}", said.stdout, said.stderr);
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn archives(cluster: &Machines, machine: &str) -> Vec<String> {
    let listed = cluster.machine(machine).exec("ls -A /var/lib/kubelet/checkpoints").unwrap().stdout;
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn a_container_goes_on_elsewhere_from_its_checkpoint() {
    let cluster = new_cluster();
    what_cannot_be_is_refused(&cluster);
    let (start, before) = count(&cluster, "worker-1", "counter", 10);
    let archive = a_checkpoint_is_made_and_kept(&cluster);
    only_who_may_checkpoints(&cluster);
    whether_it_works_is_tried(&cluster);
    it_goes_on_elsewhere(&cluster, &archive, &start, before);
    what_was_changed_is_not_restored(&cluster, &archive);
    it_is_deleted(&cluster, &archive);
    a_checkpoint_that_was_cut_off_is_made_again(&cluster);
    schedules::it_is_scheduled(&cluster, "worker-2");
    it_outlives_an_upgrade(&cluster);
    it_outlives_its_node(&cluster);
    cluster.end();
}

fn what_cannot_be_is_refused(cluster: &Machines) {
    cluster.k8s_refuses(
        &["checkpoint", "lab", "elsewhere"],
        "which cannot checkpoint containers: containerd can from 2.0 on",
    );
    cluster
        .k8s_refuses(&["checkpoint", "lab", "counters"], "there is no pod counters in the namespace default");
    cluster
        .k8s_refuses(&["checkpoint", "lab", "counter", "-c", "web"], "has no container web; it has counter");
    let predicted = cluster.k8s(&["checkpoint", "lab", "counter", "--check"]);
    assert!(predicted.shown.contains("default/counter on worker-1: counter"), "{}", predicted.shown);
    assert!(archives(cluster, "worker-1").is_empty());
}

/// Returns the archive's name.
fn a_checkpoint_is_made_and_kept(cluster: &Machines) -> String {
    let made = cluster.play(&["playbooks/checkpoint.yml", "-e", "checkpoint_pod=counter", "-vvv"]);
    for secret in [SECRET, "Bearer", "eyJ"] {
        assert!(!made.shown.contains(secret), "{secret} is shown: {}", made.shown);
    }
    let names = archives(cluster, "worker-1");
    let archive = names.iter().find(|name| name.ends_with(".tar")).unwrap().clone();
    assert!(
        archive.starts_with("checkpoint-counter_default-counter-") && made.shown.contains(&archive),
        "{}",
        made.shown
    );
    assert_eq!(names.len(), 3, "{names:?}");
    let machine = cluster.machine("worker-1");
    machine.succeed("cd /var/lib/kubelet/checkpoints && sha256sum -c *.sha256").unwrap();
    let modes = machine
        .succeed("stat -c '%a %U' /var/lib/kubelet/checkpoints /var/lib/kubelet/checkpoints/*")
        .unwrap();
    assert_eq!(modes, "700 root\n600 root\n600 root\n600 root\n");
    let listed = cluster.k8s(&["checkpoints", "ls", "lab", "--pod", "counter"]);
    assert!(
        listed.shown.contains(&format!("{archive} on worker-1: default/counter, container counter, of ")),
        "{}",
        listed.shown
    );
    assert!(
        !listed.shown.contains("NOT PRIVATE") && !listed.shown.contains("no checksum"),
        "{}",
        listed.shown
    );
    let none = cluster.k8s(&["checkpoints", "ls", "lab", "--pod", "other"]);
    assert!(none.shown.contains("there are none"), "{}", none.shown);
    archive
}

/// The kubelet asks the API server who asks, and whether that is allowed.
fn only_who_may_checkpoints(cluster: &Machines) {
    let playbook = "
- hosts: control_plane
  gather_facts: false
  vars:
    kubectl: [kubectl, --kubeconfig=/etc/kubernetes/admin.conf, --namespace=kube-system]
    account: {apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody, namespace: kube-system}}
    kubelet: https://worker-1:10250
    tries:
      - {of: nobody, path: checkpoint/default/counter/counter, method: POST, status: 403}
      - {of: clouder-checkpoint, path: pods, method: GET, status: 403}
      - {of: clouder-checkpoint, path: checkpoint/default/counter/counter, method: GET, status: 403}
      - {of: clouder-checkpoint, path: checkpoint/default/nothing/counter, method: POST, status: 404}
      - {of: clouder-checkpoint, path: checkpoint/default/counter/nothing, method: POST, status: 404}
  tasks:
    - command: {argv: \"{{ kubectl + ['apply', '--server-side', '-f', '-'] }}\", stdin: '{{ account | to_json }}'}
    - command: {argv: \"{{ kubectl + ['create', 'token', item.of] }}\"}
      register: tokens
      loop: '{{ tries }}'
    - uri:
        url: '{{ kubelet }}/{{ item.item.path }}'
        method: '{{ item.item.method }}'
        headers: {Authorization: 'Bearer {{ item.stdout }}'}
        ca_path: /etc/kubernetes/pki/ca.crt
        status_code: '{{ item.item.status }}'
      loop: '{{ tokens.results }}'
    - uri: {url: '{{ kubelet }}/checkpoint/default/counter/counter', method: POST, ca_path: /etc/kubernetes/pki/ca.crt, status_code: 401}
";
    let (_folder, path) = file(playbook);
    cluster.play(&[&path]);
    assert_eq!(archives(cluster, "worker-1").len(), 3);
}

/// A checkpoint that is only tried leaves nothing.
fn whether_it_works_is_tried(cluster: &Machines) {
    let wanted = "{\"smoke_checkpoint\": true, \"smoke_checkpoint_image\": \"localhost:5000/counter:1\"}";
    let tried = cluster.play(&["playbooks/smoke.yml", "-e", wanted]);
    assert!(tried.shown.contains("TASK [checkpoint : Delete the archives]"), "{}", tried.shown);
    assert!(tried.recap("cp-1").contains("changed=0"), "{}", tried.shown);
    assert_eq!(archives(cluster, "worker-1").len(), 3);
}

fn it_goes_on_elsewhere(cluster: &Machines, archive: &str, start: &str, before: u32) {
    cluster.k8s_refuses(&["restore", "lab", archive], "there is a pod counter in the namespace default");
    cluster.k8s_refuses(
        &["restore", "lab", "other.tar"],
        &format!("there is no checkpoint other.tar; there are {archive}"),
    );
    cluster.k8s_refuses(
        &["restore", "lab", archive, "--as", "other", "--node", "cp-1"],
        "cannot restore containers",
    );
    cluster.kubectl("delete pod counter");
    let predicted = cluster.k8s(&["restore", "lab", archive, "--node", "worker-2", "--check"]);
    assert!(predicted.shown.contains("from worker-1 to worker-2"), "{}", predicted.shown);
    // Killed on the way, it begins anew, and leaves nothing behind.
    let restore = ["k8s", "restore", "lab", archive, "--node", "worker-2"];
    cut_off(&mut cluster.command(&restore), "TASK [checkpoint : Decrypt it");
    let restored = cluster.k8s(&restore[1..]);
    assert!(!restored.shown.contains(SECRET), "{}", restored.shown);
    let (again, after) = count(cluster, "worker-2", "counter", before + 1);
    assert_eq!(again, start, "it started anew, and is at {after}");
    let pod = cluster.kubectl("get pod counter -o yaml");
    for said in ["nodeName: worker-2", "app: counter", &format!("clouder.io/restored-from: {archive}")] {
        assert!(pod.contains(said), "{said}: {pod}");
    }
    assert!(archives(cluster, "worker-2").is_empty());
    assert_eq!(archives(cluster, "worker-1").len(), 3);
    let unchanged = cluster.k8s(&["restore", "lab", archive, "--node", "worker-2"]);
    assert!(unchanged.recap("cp-1").contains("changed=0"), "{}", unchanged.shown);
    // Beside it, on the node that has the archive.
    cluster.k8s(&["restore", "lab", archive, "--as", "second"]);
    assert_eq!(count(cluster, "worker-1", "second", before + 1).0, start);
}

fn what_was_changed_is_not_restored(cluster: &Machines, archive: &str) {
    let machine = cluster.machine("worker-1");
    let path = format!("/var/lib/kubelet/checkpoints/{archive}");
    machine.succeed(&format!("cp {path} /root/kept && printf x | dd of={path} conv=notrunc bs=1 seek=$(($(stat -c %s {path}) - 1))")).unwrap();
    cluster.k8s_refuses(&["restore", "lab", archive, "--as", "third"], "is not what it was");
    machine.succeed(&format!("cp /root/kept {path}")).unwrap();
}

fn it_is_deleted(cluster: &Machines, archive: &str) {
    cluster.k8s_refuses(&["checkpoints", "delete", "lab", archive], "say --yes");
    cluster.k8s(&["checkpoints", "delete", "lab", archive, "--yes"]);
    assert!(archives(cluster, "worker-1").is_empty());
    for worker in ["worker-1", "worker-2"] {
        let images = cluster.machine(worker).succeed("ctr -n k8s.io images ls -q").unwrap();
        assert!(!images.contains("clouder-checkpoint"), "{images}");
    }
    cluster.k8s_refuses(&["checkpoints", "delete", "lab", archive, "--yes"], "there is no checkpoint");
}

fn a_checkpoint_that_was_cut_off_is_made_again(cluster: &Machines) {
    let checkpoint = ["k8s", "checkpoint", "lab", "second"];
    cut_off(&mut cluster.command(&checkpoint), "TASK [checkpoint : Ask the kubelet");
    cluster.k8s(&checkpoint[1..]);
    let listed = cluster.k8s(&["checkpoints", "ls", "lab", "--pod", "second"]).shown;
    let whole = |line: &str| line.contains("default/second") && !line.contains("no checksum");
    assert!(listed.lines().any(whole), "{listed}");
}

/// The labels of what is checkpointed before a node is drained.
const SELECTED: [&str; 2] = ["-e", "checkpoint_before_drain=app=counter"];

/// What a node is upgraded under stays on it, and goes on there.
fn it_outlives_an_upgrade(cluster: &Machines) {
    let before = archives(cluster, "worker-2");
    let (start, far) = count(cluster, "worker-2", "counter", 1);
    let more = ["-e", "upgrade_drain_delete_bare_pods=true", "-e", "smoke_enabled=false"];
    cluster.k8s(&[&["upgrade", "lab", "--to", "1.34.4", "--yes"], &SELECTED[..], &more].concat());
    assert_eq!(cluster.kubectl("get nodes").matches(" v1.34.4").count(), MACHINES.len());
    let kept = archives(cluster, "worker-2");
    let archive = kept.iter().find(|name| name.ends_with(".tar") && !before.contains(name)).unwrap();
    cluster.k8s(&["restore", "lab", archive, "--as", "again"]);
    assert_eq!(count(cluster, "worker-2", "again", far + 1).0, start, "it started anew");
}

/// Where a node goes, what ran there goes on elsewhere.
fn it_outlives_its_node(cluster: &Machines) {
    let before = archives(cluster, "worker-2");
    let (start, far) = count(cluster, "worker-2", "again", 1);
    let remove = ["playbooks/remove-nodes.yml", "-e", "{\"cluster_nodes_to_remove\": [\"worker-2\"]}"];
    cluster.play(&[&remove[..], &SELECTED].concat());
    assert!(!cluster.kubectl("get nodes").contains("worker-2"));
    let kept = archives(cluster, "cp-1");
    let archive = kept.iter().find(|name| name.ends_with(".tar")).unwrap();
    assert!(kept.len() == 3 && !before.contains(archive), "{kept:?}");
    cluster.shell("cp-1", "cd /var/lib/kubelet/checkpoints && sha256sum -c *.sha256");
    cluster.k8s(&["restore", "lab", archive, "--node", "worker-1", "--as", "moved"]);
    assert_eq!(count(cluster, "worker-1", "moved", far + 1).0, start, "it started anew");
}
