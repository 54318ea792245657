//! The static pods of a control plane.

use std::path::Path;

use serde_json::{Value, json};

use super::FOLDER;
use super::cluster::Cluster;
use crate::config::Argument;
use crate::failure::{Context as _, Result, refuse};
use crate::{files, image, yaml};

/// What the manifests say of the control plane on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) node: String,
    pub(super) address: String,
    pub(super) port: u16,
}

impl Plane {
    /// Whether this machine is a control plane.
    pub(super) fn is_here() -> bool {
        Path::new(FOLDER).join("manifests/kube-apiserver.yaml").exists()
    }

    /// Reads the manifests.
    pub(super) fn read() -> Result<Self> {
        let text = |name: &str| files::read(&Path::new(FOLDER).join(format!("manifests/{name}.yaml")));
        Self::of(&text("kube-apiserver")?, &text("etcd")?)
    }

    fn of(server: &str, store: &str) -> Result<Self> {
        let value = |text: &str, name: &str| -> Result<String> {
            let start = format!("- --{name}=");
            match text.lines().find_map(|line| line.trim().strip_prefix(&start)) {
                Some(value) => Ok(value.trim_matches(['\'', '"']).to_owned()),
                None => refuse!("the manifest has no --{name}"),
            }
        };
        Ok(Self {
            node: value(store, "name")?,
            address: value(server, "advertise-address")?,
            port: value(server, "secure-port")?.parse().doing("secure-port")?,
        })
    }
}

/// Writes the manifests of all components but etcd, which the API server finds beside it.
pub(super) fn write(cluster: &Cluster, address: &str, port: u16) -> Result<()> {
    let pki = cluster.certificates().display().to_string();
    let server = vec![
        ("advertise-address", address.to_owned()),
        ("allow-privileged", "true".to_owned()),
        ("authorization-mode", "Node,RBAC".to_owned()),
        ("client-ca-file", format!("{pki}/ca.crt")),
        ("enable-admission-plugins", "NodeRestriction".to_owned()),
        ("enable-bootstrap-token-auth", "true".to_owned()),
        ("etcd-cafile", format!("{pki}/etcd/ca.crt")),
        ("etcd-certfile", format!("{pki}/apiserver-etcd-client.crt")),
        ("etcd-keyfile", format!("{pki}/apiserver-etcd-client.key")),
        ("etcd-servers", "https://127.0.0.1:2379".to_owned()),
        ("kubelet-client-certificate", format!("{pki}/apiserver-kubelet-client.crt")),
        ("kubelet-client-key", format!("{pki}/apiserver-kubelet-client.key")),
        ("secure-port", port.to_string()),
        ("service-account-issuer", "https://kubernetes.default.svc.cluster.local".to_owned()),
        ("service-account-key-file", format!("{pki}/sa.pub")),
        ("service-account-signing-key-file", format!("{pki}/sa.key")),
        ("service-cluster-ip-range", cluster.services().to_owned()),
        ("tls-cert-file", format!("{pki}/apiserver.crt")),
        ("tls-private-key-file", format!("{pki}/apiserver.key")),
    ];
    let manager = vec![
        ("allocate-node-cidrs", "true".to_owned()),
        ("cluster-cidr", cluster.configuration.networking.pod_subnet.clone().unwrap_or_default()),
        ("kubeconfig", format!("{FOLDER}/controller-manager.conf")),
        ("leader-elect", "true".to_owned()),
    ];
    let scheduler =
        vec![("kubeconfig", format!("{FOLDER}/scheduler.conf")), ("leader-elect", "true".to_owned())];
    let configuration = &cluster.configuration;
    for (name, arguments, extra) in [
        ("kube-apiserver", server, &configuration.api_server.component.extra_args),
        ("kube-controller-manager", manager, &configuration.controller_manager.extra_args),
        ("kube-scheduler", scheduler, &configuration.scheduler.extra_args),
    ] {
        let tag = format!("v{}", cluster.version);
        place(name, &pod(cluster, name, &tag, arguments, extra))?;
    }
    Ok(())
}

/// Writes etcd's manifest: of the first member, or of one that is added to those there are.
pub(super) fn write_etcd(cluster: &Cluster, node: &str, address: &str, joins: Option<&str>) -> Result<()> {
    let pki = cluster.certificates().join("etcd").display().to_string();
    let (client, peer) = (format!("https://{address}:2379"), format!("https://{address}:2380"));
    let mut arguments = vec![
        ("advertise-client-urls", client.clone()),
        ("cert-file", format!("{pki}/server.crt")),
        ("client-cert-auth", "true".to_owned()),
        ("data-dir", cluster.data().to_owned()),
        ("initial-advertise-peer-urls", peer.clone()),
        ("initial-cluster", joins.map_or_else(|| format!("{node}={peer}"), str::to_owned)),
        ("key-file", format!("{pki}/server.key")),
        ("listen-client-urls", format!("https://127.0.0.1:2379,{client}")),
        ("listen-metrics-urls", "http://127.0.0.1:2381".to_owned()),
        ("listen-peer-urls", peer),
        ("name", node.to_owned()),
        ("peer-cert-file", format!("{pki}/peer.crt")),
        ("peer-client-cert-auth", "true".to_owned()),
        ("peer-key-file", format!("{pki}/peer.key")),
        ("peer-trusted-ca-file", format!("{pki}/ca.crt")),
        ("snapshot-count", "10000".to_owned()),
        ("trusted-ca-file", format!("{pki}/ca.crt")),
    ];
    if joins.is_some() {
        arguments.push(("initial-cluster-state", "existing".to_owned()));
    }
    let none = Vec::new();
    let extra = cluster.configuration.etcd.local.as_ref().map_or(&none, |local| &local.extra_args);
    let mut pod = pod(cluster, "etcd", image::TAG, arguments, extra);
    for (name, path) in [("etcd-certs", pki.as_str()), ("etcd-data", cluster.data())] {
        let volume = json!({"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}});
        let mount = json!({"name": name, "mountPath": path});
        push(&mut pod["spec"]["volumes"], volume);
        push(&mut pod["spec"]["containers"][0]["volumeMounts"], mount);
    }
    place("etcd", &pod)
}

fn push(list: &mut Value, entry: Value) {
    match list {
        Value::Array(entries) => entries.push(entry),
        _ => *list = json!([entry]),
    }
}

fn place(name: &str, pod: &Value) -> Result<()> {
    files::write(&Path::new(FOLDER).join(format!("manifests/{name}.yaml")), &yaml::write(pod)?, 0o600)
}

fn pod(
    cluster: &Cluster,
    name: &str,
    tag: &str,
    arguments: Vec<(&str, String)>,
    extra: &[Argument],
) -> Value {
    // A given argument takes the place of kubeadm's own; one that is given twice stays twice.
    let own = arguments.into_iter().filter(|(name, _)| !extra.iter().any(|given| given.name == *name));
    let given = extra.iter().map(|argument| (argument.name.as_str(), argument.value.clone()));
    let mut command = vec![name.to_owned()];
    command.extend(own.chain(given).map(|(name, value)| format!("--{name}={value}")));
    let repository = cluster.repository();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"component": name, "tier": "control-plane"}},
        "spec": {"hostNetwork": true, "priorityClassName": "system-node-critical", "containers": [{
            "name": name, "image": format!("{repository}/{name}:{tag}"), "command": command,
        }]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_tell_of_their_control_plane() {
        let server = "    - --advertise-address=10.0.0.4\n    - --secure-port=6443\n";
        let plane = Plane::of(server, "    - --name=cp-1\n").unwrap();
        assert_eq!((plane.node.as_str(), plane.address.as_str(), plane.port), ("cp-1", "10.0.0.4", 6443));
        assert_eq!(Plane::of(server, "").unwrap_err().message, "the manifest has no --name");
    }
}
