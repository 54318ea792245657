//! The static pods of a control plane.

use std::path::Path;

use serde_json::{Value, json};

use super::FOLDER;
use super::cluster::Cluster;
use crate::config::Argument;
use crate::failure::{Context as _, Result, refuse};
use crate::{files, yaml};

/// What the manifests say of the control plane on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) node: String,
    pub(super) address: String,
    pub(super) port: u16,
    /// Where the etcd is that the API server works with.
    pub(super) etcd: String,
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
        let servers = value(server, "etcd-servers")?;
        let host = servers.trim_start_matches("https://");
        Ok(Self {
            node: value(store, "name")?,
            address: value(server, "advertise-address")?,
            port: value(server, "secure-port")?.parse().doing("secure-port")?,
            etcd: host.rsplit_once(':').map_or(host, |(host, _)| host).to_owned(),
        })
    }
}

/// Writes all four manifests. The API server works with the etcd at `etcd`, a host name or an address.
pub(super) fn write(cluster: &Cluster, node: &str, address: &str, port: u16, etcd: &str) -> Result<()> {
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
        ("etcd-servers", format!("https://{etcd}:2379")),
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
    let store = vec![
        ("advertise-client-urls", format!("https://{address}:2379")),
        ("data-dir", cluster.data().to_owned()),
        ("initial-cluster", format!("{node}=https://{address}:2380")),
        ("name", node.to_owned()),
    ];
    let configuration = &cluster.configuration;
    let none = Vec::new();
    let stored = configuration.etcd.local.as_ref().map_or(&none, |local| &local.extra_args);
    for (name, arguments, extra) in [
        ("kube-apiserver", server, &configuration.api_server.component.extra_args),
        ("kube-controller-manager", manager, &configuration.controller_manager.extra_args),
        ("kube-scheduler", scheduler, &configuration.scheduler.extra_args),
        ("etcd", store, stored),
    ] {
        let path = Path::new(FOLDER).join(format!("manifests/{name}.yaml"));
        files::write(&path, &yaml::write(&pod(cluster, name, arguments, extra))?, 0o600)?;
    }
    Ok(())
}

fn pod(cluster: &Cluster, name: &str, arguments: Vec<(&str, String)>, extra: &[Argument]) -> Value {
    // A given argument takes the place of kubeadm's own; one that is given twice stays twice.
    let own = arguments.into_iter().filter(|(name, _)| !extra.iter().any(|given| given.name == *name));
    let given = extra.iter().map(|argument| (argument.name.as_str(), argument.value.clone()));
    let mut command = vec![name.to_owned()];
    command.extend(own.chain(given).map(|(name, value)| format!("--{name}={value}")));
    let repository = cluster.configuration.image_repository.as_deref().unwrap_or_default();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"component": name, "tier": "control-plane"}},
        "spec": {"hostNetwork": true, "priorityClassName": "system-node-critical", "containers": [{
            "name": name, "image": format!("{repository}/{name}:v{}", cluster.version), "command": command,
        }]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_tell_of_their_control_plane() {
        let server = "    - --advertise-address=10.0.0.4\n    - --etcd-servers=https://10.0.0.9:2379\n    - --secure-port=6443\n";
        let plane = Plane::of(server, "    - --name=cp-1\n").unwrap();
        assert_eq!((plane.node.as_str(), plane.address.as_str(), plane.port), ("cp-1", "10.0.0.4", 6443));
        assert_eq!(plane.etcd, "10.0.0.9");
        assert_eq!(Plane::of(server, "").unwrap_err().message, "the manifest has no --name");
    }
}
