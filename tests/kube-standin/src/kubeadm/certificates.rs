//! The control plane's certificates and the kubeconfigs made of them.

use std::net::Ipv4Addr;
use std::path::Path;

use super::FOLDER;
use super::cluster::Cluster;
use crate::failure::Result;
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::{Pair, Subject};
use crate::{files, pki};

/// The authorities, which all control planes share.
const AUTHORITIES: [(&str, &str); 3] =
    [("ca", "kubernetes"), ("front-proxy-ca", "front-proxy-ca"), ("etcd/ca", "etcd-ca")];

/// The files that a further control plane gets from the first.
pub(super) const SHARED: [&str; 8] = [
    "ca.crt",
    "ca.key",
    "sa.key",
    "sa.pub",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "etcd/ca.crt",
    "etcd/ca.key",
];

/// Makes the authorities that are not there yet.
pub(super) fn authorities(cluster: &Cluster) -> Result<()> {
    let folder = cluster.certificates();
    for (file, name) in AUTHORITIES {
        if !folder.join(format!("{file}.crt")).exists() {
            Pair::authority(name, cluster.authority_validity())?.write(&folder, file)?;
        }
    }
    if !folder.join("sa.key").exists() {
        let account = Pair::authority("service-accounts", cluster.authority_validity())?;
        files::write(&folder.join("sa.key"), &account.key, 0o600)?;
        files::write(&folder.join("sa.pub"), &pki::public_key(&account.key)?, 0o600)?;
    }
    Ok(())
}

/// Makes this machine's certificates.
pub(super) fn own(cluster: &Cluster, node: &str, address: &str) -> Result<()> {
    let folder = cluster.certificates();
    let authority = |name: &str| Pair::read(&folder, name);
    let names = |more: &[&str]| more.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let issue = |by: &str, file: &str, name: &str, group: Option<&str>, names: Vec<String>| -> Result<()> {
        authority(by)?.issue(&Subject { name, group, names }, cluster.validity())?.write(&folder, file)
    };
    issue("ca", "apiserver", "kube-apiserver", None, server_names(cluster, node, address))?;
    issue(
        "ca",
        "apiserver-kubelet-client",
        "kube-apiserver-kubelet-client",
        Some("kubeadm:cluster-admins"),
        Vec::new(),
    )?;
    issue("front-proxy-ca", "front-proxy-client", "front-proxy-client", None, Vec::new())?;
    issue("etcd/ca", "etcd/server", node, None, names(&[node, "localhost", address, "127.0.0.1"]))?;
    issue("etcd/ca", "etcd/peer", node, None, names(&[node, "localhost", address, "127.0.0.1"]))?;
    issue("etcd/ca", "etcd/healthcheck-client", "kube-etcd-healthcheck-client", None, Vec::new())?;
    issue("etcd/ca", "apiserver-etcd-client", "kube-apiserver-etcd-client", None, Vec::new())
}

/// All names under which the API server may be called.
fn server_names(cluster: &Cluster, node: &str, address: &str) -> Vec<String> {
    let domain = cluster.configuration.networking.dns_domain.as_deref().unwrap_or("cluster.local");
    let mut names: Vec<String> = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    names.extend([format!("kubernetes.default.svc.{domain}"), node.to_owned(), address.to_owned()]);
    let first = cluster.services().split('/').next().and_then(|text| text.parse::<Ipv4Addr>().ok());
    names.extend(first.map(|first| Ipv4Addr::from(u32::from(first) + 1).to_string()));
    if let Some(endpoint) = &cluster.configuration.control_plane_endpoint {
        names.push(endpoint.rsplit_once(':').map_or(endpoint.as_str(), |(host, _)| host).to_owned());
    }
    names.extend(cluster.configuration.api_server.cert_sans.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Writes the kubeconfigs of a control plane's own programs and of its administrator.
pub(super) fn kubeconfigs(
    cluster: &Cluster,
    node: &str,
    server: &str,
    local: &str,
    first: bool,
) -> Result<()> {
    let authority = Pair::read(&cluster.certificates(), "ca")?;
    let user = format!("system:node:{node}");
    let mut users = vec![
        ("admin.conf", "kubernetes-admin", Some("kubeadm:cluster-admins"), server),
        ("controller-manager.conf", "system:kube-controller-manager", None, local),
        ("scheduler.conf", "system:kube-scheduler", None, local),
    ];
    if first {
        users.push(("super-admin.conf", "kubernetes-super-admin", Some("system:masters"), server));
        users.push(("kubelet.conf", &user, Some("system:nodes"), server));
    }
    for (file, name, group, server) in users {
        let pair = authority.issue(&Subject { name, group, names: Vec::new() }, cluster.validity())?;
        let config = Kubeconfig {
            server: server.to_owned(),
            authority: Some(authority.certificate.clone()),
            credentials: Credentials::Certificate(pair),
        };
        config.write(&Path::new(FOLDER).join(file), cluster.name(), name)?;
    }
    Ok(())
}
