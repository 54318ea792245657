//! A container that is checkpointed on one node and goes on at another, by the real CRIU and the real containerd, and nodes that
//! cannot do so, on a simulated Azure.

#[path = "checkpoint/schedules.rs"]
mod schedules;

use std::time::{Duration, Instant};

use clouder_tests::file;
use kube_standin::version::Version;

use crate::cluster::Cluster as _;
use crate::lab::Lab;

const VERSION: Version = Version::new(34, 2);
const LATER: Version = Version::new(34, 4);
const SECRET: &str = "not-to-be-shown";

/// Images come from a registry on each machine. The control plane has the containerd of Debian's stable release, which cannot checkpoint.
const SETTINGS: &str = "
containerd_registry_mirrors:
  localhost:5000: [{url: 'http://localhost:5000'}]
  registry.k8s.io: [{url: 'http://localhost:5000'}]
smoke_checkpoint: false
azure_image:
  publisher: Debian
  offer: \"{{ 'debian-13' if machine_role == 'control-plane' else 'debian-sid' }}\"
  sku: \"{{ '13-gen2' if machine_role == 'control-plane' else 'sid-gen2' }}\"
  version: latest
";

/// A pod that counts and says which of its starts it is, and one that is nothing but said to run.
const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: counter, namespace: default, labels: {app: counter}}
spec:
  nodeName: WORKER-1
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
spec: {nodeName: CP-1, containers: [{name: x, image: x}]}
"#;

fn new_cluster() -> Lab {
    let lab = Lab::new("checkpoint", &[VERSION, LATER]);
    let file = lab.settings(VERSION, SETTINGS);
    lab.k8s(&["create", lab.name(), "-f", &file, "--worker-count", "2", "--yes"]);
    for worker in ["worker-1", "worker-2"] {
        let registry = "/usr/bin/kubectl --act-as=kube-standin registry --listen=127.0.0.1:5000";
        lab.shell(worker, &format!("systemd-run --unit=registry {registry}"));
    }
    let pods = PODS.replace("CP-1", &lab.node("cp-1")).replace("WORKER-1", &lab.node("worker-1"));
    lab.apply(&pods);
    lab.kubectl("wait --for=condition=Ready pod/counter --timeout=60s");
    lab
}

/// What the counter of a pod said last: which start of it, and how far it is. Waits until it is so far.
fn count(lab: &Lab, machine: &str, pod: &str, least: u32) -> (String, u32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let said = lab.exec(machine, &format!("tail -n 1 /var/log/pods/default_{pod}_*/counter/0.log"));
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

fn archives(lab: &Lab, machine: &str) -> Vec<String> {
    let listed = lab.exec(machine, "ls -A /var/lib/kubelet/checkpoints").stdout;
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn a_container_goes_on_elsewhere_from_its_checkpoint() {
    let lab = new_cluster();
    what_cannot_be_is_refused(&lab);
    let (start, before) = count(&lab, "worker-1", "counter", 10);
    let archive = a_checkpoint_is_made_and_kept(&lab);
    only_who_may_checkpoints(&lab);
    whether_it_works_is_tried(&lab);
    it_goes_on_elsewhere(&lab, &archive, &start, before);
    what_was_changed_is_not_restored(&lab, &archive);
    it_is_deleted(&lab, &archive);
    a_checkpoint_that_was_cut_off_is_made_again(&lab);
    schedules::it_is_scheduled(&lab, "worker-2");
    it_outlives_an_upgrade(&lab);
    it_outlives_its_node(&lab);
    lab.k8s(&["delete", lab.name(), "--yes"]);
    lab.end();
}

fn what_cannot_be_is_refused(lab: &Lab) {
    lab.k8s_refuses(
        &["checkpoint", lab.name(), "elsewhere"],
        "which cannot checkpoint containers: containerd can from 2.0 on",
    );
    lab.k8s_refuses(
        &["checkpoint", lab.name(), "counters"],
        "there is no pod counters in the namespace default",
    );
    lab.k8s_refuses(
        &["checkpoint", lab.name(), "counter", "-c", "web"],
        "has no container web; it has counter",
    );
    let predicted = lab.k8s(&["checkpoint", lab.name(), "counter", "--check"]);
    let planned = format!("default/counter on {}: counter", lab.node("worker-1"));
    assert!(predicted.shown.contains(&planned), "{}", predicted.shown);
    assert!(archives(lab, "worker-1").is_empty());
}

/// Returns the archive's name.
fn a_checkpoint_is_made_and_kept(lab: &Lab) -> String {
    let made = lab.play(&["playbooks/checkpoint.yml", "-e", "checkpoint_pod=counter", "-vvv"]);
    for secret in [SECRET, "Bearer", "eyJ"] {
        assert!(!made.shown.contains(secret), "{secret} is shown: {}", made.shown);
    }
    let names = archives(lab, "worker-1");
    let archive = names.iter().find(|name| name.ends_with(".tar")).unwrap().clone();
    assert!(
        archive.starts_with("checkpoint-counter_default-counter-") && made.shown.contains(&archive),
        "{}",
        made.shown
    );
    assert_eq!(names.len(), 3, "{names:?}");
    lab.shell("worker-1", "cd /var/lib/kubelet/checkpoints && sha256sum -c *.sha256");
    let modes =
        lab.shell("worker-1", "stat -c '%a %U' /var/lib/kubelet/checkpoints /var/lib/kubelet/checkpoints/*");
    assert_eq!(modes, "700 root\n600 root\n600 root\n600 root\n");
    let listed = lab.k8s(&["checkpoints", "ls", lab.name(), "--pod", "counter"]);
    let told = format!("{archive} on {}: default/counter, container counter, of ", lab.node("worker-1"));
    assert!(listed.shown.contains(&told), "{}", listed.shown);
    assert!(
        !listed.shown.contains("NOT PRIVATE") && !listed.shown.contains("no checksum"),
        "{}",
        listed.shown
    );
    let none = lab.k8s(&["checkpoints", "ls", lab.name(), "--pod", "other"]);
    assert!(none.shown.contains("there are none"), "{}", none.shown);
    archive
}

/// The kubelet asks the API server who asks, and whether that is allowed.
fn only_who_may_checkpoints(lab: &Lab) {
    let playbook = "
- hosts: control_plane
  become: true
  gather_facts: false
  vars:
    kubectl: [kubectl, --kubeconfig=/etc/kubernetes/admin.conf, --namespace=kube-system]
    account: {apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody, namespace: kube-system}}
    kubelet: https://WORKER-1:10250
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
    let (_folder, path) = file(&playbook.replace("WORKER-1", &lab.node("worker-1")));
    lab.play(&[&path]);
    assert_eq!(archives(lab, "worker-1").len(), 3);
}

/// A checkpoint that is only tried leaves nothing.
fn whether_it_works_is_tried(lab: &Lab) {
    let wanted = "{\"smoke_checkpoint\": true, \"smoke_checkpoint_image\": \"localhost:5000/counter:1\"}";
    let tried = lab.play(&["playbooks/smoke.yml", "-e", wanted]);
    assert!(tried.shown.contains("TASK [checkpoint : Delete the archives]"), "{}", tried.shown);
    assert!(tried.left_alone(&[]), "{}", tried.shown);
    assert_eq!(archives(lab, "worker-1").len(), 3);
}

fn it_goes_on_elsewhere(lab: &Lab, archive: &str, start: &str, before: u32) {
    lab.k8s_refuses(&["restore", lab.name(), archive], "there is a pod counter in the namespace default");
    lab.k8s_refuses(
        &["restore", lab.name(), "other.tar"],
        &format!("there is no checkpoint other.tar; there are {archive}"),
    );
    lab.k8s_refuses(
        &["restore", lab.name(), archive, "--as", "other", "--node", &lab.node("cp-1")],
        "cannot restore containers",
    );
    lab.kubectl("delete pod counter");
    let second = lab.node("worker-2");
    let predicted = lab.k8s(&["restore", lab.name(), archive, "--node", &second, "--check"]);
    assert!(
        predicted.shown.contains(&format!("from {} to {second}", lab.node("worker-1"))),
        "{}",
        predicted.shown
    );
    // Killed on the way, it begins anew, and leaves nothing behind.
    let restore = ["restore", lab.name(), archive, "--node", &second];
    lab.cut_off(&restore, "TASK [checkpoint : Decrypt it");
    let restored = lab.k8s(&restore);
    assert!(!restored.shown.contains(SECRET), "{}", restored.shown);
    let (again, after) = count(lab, "worker-2", "counter", before + 1);
    assert_eq!(again, start, "it started anew, and is at {after}");
    let pod = lab.kubectl("get pod counter -o yaml");
    for said in
        [&format!("nodeName: {second}"), "app: counter", &format!("clouder.io/restored-from: {archive}")]
    {
        assert!(pod.contains(said), "{said}: {pod}");
    }
    assert!(archives(lab, "worker-2").is_empty());
    assert_eq!(archives(lab, "worker-1").len(), 3);
    let unchanged = lab.k8s(&restore);
    assert!(unchanged.left_alone(&[]), "{}", unchanged.shown);
    // Beside it, on the node that has the archive.
    lab.k8s(&["restore", lab.name(), archive, "--as", "second"]);
    assert_eq!(count(lab, "worker-1", "second", before + 1).0, start);
}

fn what_was_changed_is_not_restored(lab: &Lab, archive: &str) {
    let path = format!("/var/lib/kubelet/checkpoints/{archive}");
    let change = "conv=notrunc bs=1 seek=$(($(stat -c %s /root/kept) - 1))";
    lab.shell("worker-1", &format!("cp {path} /root/kept && printf x | dd of={path} {change}"));
    lab.k8s_refuses(&["restore", lab.name(), archive, "--as", "third"], "is not what it was");
    lab.shell("worker-1", &format!("cp /root/kept {path}"));
}

fn it_is_deleted(lab: &Lab, archive: &str) {
    lab.k8s_refuses(&["checkpoints", "delete", lab.name(), archive], "say --yes");
    lab.k8s(&["checkpoints", "delete", lab.name(), archive, "--yes"]);
    assert!(archives(lab, "worker-1").is_empty());
    for worker in ["worker-1", "worker-2"] {
        let images = lab.shell(worker, "ctr -n k8s.io images ls -q");
        assert!(!images.contains("clouder-checkpoint"), "{images}");
    }
    lab.k8s_refuses(&["checkpoints", "delete", lab.name(), archive, "--yes"], "there is no checkpoint");
}

fn a_checkpoint_that_was_cut_off_is_made_again(lab: &Lab) {
    let checkpoint = ["checkpoint", lab.name(), "second"];
    lab.cut_off(&checkpoint, "TASK [checkpoint : Ask the kubelet");
    lab.k8s(&checkpoint);
    let listed = lab.k8s(&["checkpoints", "ls", lab.name(), "--pod", "second"]).shown;
    let whole = |line: &str| line.contains("default/second") && !line.contains("no checksum");
    assert!(listed.lines().any(whole), "{listed}");
}

/// The labels of what is checkpointed before a node is drained.
const SELECTED: [&str; 2] = ["-e", "checkpoint_before_drain=app=counter"];

/// What a node is upgraded under stays on it, and goes on there.
fn it_outlives_an_upgrade(lab: &Lab) {
    let before = archives(lab, "worker-2");
    let (start, far) = count(lab, "worker-2", "counter", 1);
    let more = ["-e", "upgrade_drain_delete_bare_pods=true", "-e", "smoke_enabled=false"];
    lab.k8s(&[&["upgrade", lab.name(), "--to", "1.34.4", "--yes"], &SELECTED[..], &more].concat());
    assert_eq!(lab.kubectl("get nodes").matches(" v1.34.4").count(), 3);
    let kept = archives(lab, "worker-2");
    let archive = kept.iter().find(|name| name.ends_with(".tar") && !before.contains(name)).unwrap();
    lab.k8s(&["restore", lab.name(), archive, "--as", "again"]);
    assert_eq!(count(lab, "worker-2", "again", far + 1).0, start, "it started anew");
}

/// Where a node goes, what ran there goes on elsewhere.
fn it_outlives_its_node(lab: &Lab) {
    let before = archives(lab, "worker-2");
    let (start, far) = count(lab, "worker-2", "again", 1);
    let shrink = ["update-nodepool", lab.name(), "workers", "--desired", "1"];
    lab.k8s(&[&shrink[..], &SELECTED].concat());
    assert!(!lab.kubectl("get nodes").contains(&lab.node("worker-2")));
    let kept = archives(lab, "cp-1");
    let archive = kept.iter().find(|name| name.ends_with(".tar")).unwrap();
    assert!(kept.len() == 3 && !before.contains(archive), "{kept:?}");
    lab.shell("cp-1", "cd /var/lib/kubelet/checkpoints && sha256sum -c *.sha256");
    lab.k8s(&["restore", lab.name(), archive, "--node", &lab.node("worker-1"), "--as", "moved"]);
    assert_eq!(count(lab, "worker-1", "moved", far + 1).0, start, "it started anew");
}
