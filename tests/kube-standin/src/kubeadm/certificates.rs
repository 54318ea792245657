//! The control plane's certificates and the kubeconfigs made of them.

use std::net::Ipv4Addr;
use std::path::Path;

use super::FOLDER;
use super::cluster::Cluster;
use super::manifests::Plane;
use crate::failure::{Result, refuse};
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::{Pair, Subject};
use crate::{files, pki};

/// The authorities, which all control planes share.
const AUTHORITIES: [(&str, &str); 3] =
    [("ca", "kubernetes"), ("front-proxy-ca", "front-proxy-ca"), ("etcd/ca", "etcd-ca")];

/// The kubeconfigs that are renewed; the kubelet renews its own.
const KUBECONFIGS: [&str; 4] =
    ["admin.conf", "controller-manager.conf", "scheduler.conf", "super-admin.conf"];

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

/// One of a control plane's certificates.
struct Own {
    /// By which authority it is signed.
    by: &'static str,
    /// Its file below the folder of certificates.
    file: &'static str,
    holder: String,
    group: Option<&'static str>,
    names: Vec<String>,
}

/// All certificates of this machine, by kubeadm's names for them.
fn all(cluster: &Cluster, node: &str, address: &str) -> [(&'static str, Own); 7] {
    let own =
        |by, file, holder: &str, group, names| Own { by, file, holder: holder.to_owned(), group, names };
    let store = || [node, "localhost", address, "127.0.0.1"].map(str::to_owned).to_vec();
    let kubelet = Some("kubeadm:cluster-admins");
    [
        ("apiserver", own("ca", "apiserver", "kube-apiserver", None, server_names(cluster, node, address))),
        (
            "apiserver-kubelet-client",
            own("ca", "apiserver-kubelet-client", "kube-apiserver-kubelet-client", kubelet, Vec::new()),
        ),
        (
            "front-proxy-client",
            own("front-proxy-ca", "front-proxy-client", "front-proxy-client", None, Vec::new()),
        ),
        ("etcd-server", own("etcd/ca", "etcd/server", node, None, store())),
        ("etcd-peer", own("etcd/ca", "etcd/peer", node, None, store())),
        (
            "etcd-healthcheck-client",
            own("etcd/ca", "etcd/healthcheck-client", "kube-etcd-healthcheck-client", None, Vec::new()),
        ),
        (
            "apiserver-etcd-client",
            own("etcd/ca", "apiserver-etcd-client", "kube-apiserver-etcd-client", None, Vec::new()),
        ),
    ]
}

/// Makes this machine's certificates.
pub(super) fn own(cluster: &Cluster, node: &str, address: &str) -> Result<()> {
    all(cluster, node, address).iter().try_for_each(|(_, own)| issue(cluster, own))
}

fn issue(cluster: &Cluster, own: &Own) -> Result<()> {
    let folder = cluster.certificates();
    let subject = Subject { name: &own.holder, group: own.group, names: own.names.clone() };
    Pair::read(&folder, own.by)?.issue(&subject, cluster.validity())?.write(&folder, own.file)
}

/// A certificate that there is: its name, the authority that signed it, and its text.
pub(super) struct Present {
    pub(super) name: &'static str,
    pub(super) authority: &'static str,
    pub(super) text: String,
}

/// The certificates of this machine, sorted by name, and those of the authorities.
pub(super) fn present(cluster: &Cluster, plane: &Plane) -> Result<(Vec<Present>, Vec<Present>)> {
    let folder = cluster.certificates();
    let read = |file: &str| files::read(&folder.join(format!("{file}.crt")));
    let mut found = Vec::new();
    for (name, own) in all(cluster, &plane.node, &plane.address) {
        found.push(Present { name, authority: public_name(own.by), text: read(own.file)? });
    }
    for file in KUBECONFIGS.iter().filter(|file| Path::new(FOLDER).join(file).exists()) {
        if let Credentials::Certificate(pair) = Kubeconfig::read(&Path::new(FOLDER).join(file))?.credentials {
            found.push(Present { name: file, authority: "ca", text: pair.certificate });
        }
    }
    found.sort_by_key(|present| present.name);
    let mut authorities = Vec::new();
    for (file, _) in AUTHORITIES {
        authorities.push(Present { name: public_name(file), authority: "", text: read(file)? });
    }
    Ok((found, authorities))
}

/// The names of kubeconfigs that are not here: only the machine where the cluster began has that of the super-administrator.
pub(super) fn missing() -> impl Iterator<Item = &'static str> {
    KUBECONFIGS.into_iter().filter(|file| !Path::new(FOLDER).join(file).exists())
}

fn public_name(authority: &'static str) -> &'static str {
    if authority == "etcd/ca" { "etcd-ca" } else { authority }
}

/// Makes the certificate of this name anew, or all of them.
pub(super) fn renew(cluster: &Cluster, plane: &Plane, name: &str) -> Result<()> {
    let mut known = name == "all";
    for (_, own) in
        all(cluster, &plane.node, &plane.address).iter().filter(|(own, _)| name == "all" || *own == name)
    {
        issue(cluster, own)?;
        known = true;
    }
    for file in KUBECONFIGS.iter().filter(|file| name == "all" || **file == name) {
        let path = Path::new(FOLDER).join(file);
        if !path.exists() && name == "all" {
            continue;
        }
        let config = Kubeconfig::read(&path)?;
        let Credentials::Certificate(pair) = &config.credentials else { continue };
        let (holder, groups) = pki::holder(&pki::der(&pair.certificate)?)?;
        let subject = Subject { name: &holder, group: groups.first().map(String::as_str), names: Vec::new() };
        let pair = Pair::read(&cluster.certificates(), "ca")?.issue(&subject, cluster.validity())?;
        Kubeconfig { credentials: Credentials::Certificate(pair), ..config }.write(
            &path,
            cluster.name(),
            &holder,
        )?;
        known = true;
    }
    if known { Ok(()) } else { refuse!("{name:?} is not a valid certificate for this cluster") }
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
