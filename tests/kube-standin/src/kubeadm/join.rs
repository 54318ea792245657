//! `kubeadm join`: a further node.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::preflight::{self, Becomes};
use super::{
    FOLDER, PATIENCE, certificates, configuration, init, kubelet, manifests, members, say, upload, wait,
};
use crate::api::signature;
use crate::client::Client;
use crate::config::{ClusterConfiguration, JoinConfiguration, duration};
use crate::failure::{Context as _, Failure, Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::version::Version;
use crate::{files, image, machine, pki, yaml};

/// How long the cluster may take to be found.
const DISCOVERY: Duration = Duration::from_secs(30);

/// Runs join.
pub(super) fn run(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "config= ignore-preflight-errors= skip-phases= v/v=")?;
    let Some(join) = configuration(&flags, version)?.join else {
        refuse!("no JoinConfiguration found in the configuration file");
    };
    let node = &join.node_registration;
    let name = node.name.clone().unwrap_or_else(machine::hostname);
    let becomes = if join.control_plane.is_some() { Becomes::ControlPlane } else { Becomes::Worker };
    let endpoint =
        join.control_plane.as_ref().map(|plane| plane.local_api_endpoint.clone()).unwrap_or_default();
    let port = endpoint.bind_port.unwrap_or(6443);
    preflight::check(becomes, node, port, "/var/lib/etcd", version, &flags)?;
    let found = discover(&join)?;
    let (_, secret) = token(&join)?;
    let client =
        Client::new(Kubeconfig { credentials: Credentials::Token(secret), ..found.clone() }, PATIENCE);
    let cluster = read_cluster(&client, version)?;
    let map = client.get("/api/v1/namespaces/kube-system/configmaps/kubelet-config")?;
    let settings =
        yaml::documents(map["data"]["kubelet"].as_str().unwrap_or_default())?.pop().unwrap_or_default();
    if client.get(&format!("/api/v1/nodes/{name}")).is_ok_and(|node| is_ready(&node)) {
        refuse!(
            "error execution phase kubelet-start: a Node with name {name:?} and status \"Ready\" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node"
        );
    }
    let authority = found.authority.clone().unwrap_or_default();
    let address = endpoint.advertise_address.or_else(machine::address).unwrap_or_default();
    if let Some(plane) = &join.control_plane {
        let Some(key) = &plane.certificate_key else {
            refuse!(
                "error execution phase control-plane-prepare/certs: the stand-in needs the certificate key"
            );
        };
        image::provide(cluster.repository())?;
        upload::download(&client, &cluster.certificates(), key)?;
        certificates::own(&cluster, &name, &address)?;
        certificates::kubeconfigs(
            &cluster,
            &name,
            &found.server,
            &format!("https://{address}:{port}"),
            false,
        )?;
        let admin = Client::new(Kubeconfig::read(&Path::new(FOLDER).join("admin.conf"))?, PATIENCE);
        members::check(&members::any(&admin, &members::client(&cluster.certificates())?)?)?;
        manifests::write(&cluster, &address, port)?;
    } else {
        files::write(&Path::new(super::CERTIFICATES).join("ca.crt"), &authority, 0o644)?;
    }
    let bootstrap = Path::new(FOLDER).join("bootstrap-kubelet.conf");
    client.config().write(&bootstrap, "kubernetes", "tls-bootstrap-token-user")?;
    say("[kubelet-start] Starting the kubelet")?;
    // A control plane is given its taints once it has joined; a worker's kubelet registers with them.
    let own = if join.control_plane.is_some() { &[][..] } else { node.taints.as_deref().unwrap_or_default() };
    kubelet::start(&settings, node, &name, own)?;
    kubelet::wait_for_health(duration(join.timeouts.kubelet_health_check.as_deref(), init::HEALTH))?;
    kubelet::wait_for_bootstrap(duration(join.timeouts.tls_bootstrap.as_deref(), init::HEALTH))?;
    std::fs::remove_file(&bootstrap).doing("bootstrap-kubelet.conf")?;
    if join.control_plane.is_some() {
        let admin = Client::new(Kubeconfig::read(&Path::new(FOLDER).join("admin.conf"))?, PATIENCE);
        let through = members::any(&admin, &members::client(&cluster.certificates())?)?;
        let (id, all) = members::add(&through, &name, &address)?;
        manifests::write_etcd(&cluster, &name, &address, Some(&all))?;
        members::promote(&through, &id)?;
        let local = Kubeconfig { server: format!("https://{address}:{port}"), ..admin.config().clone() };
        let own = Client::new(local, PATIENCE);
        wait("control-plane-join", init::HEALTH, || own.get("/readyz").map(drop).map_err(Into::into))?;
        init::mark(&own, &name, node, init::HEALTH)?;
        return say("\nThis node has joined the cluster and a new control plane instance was created");
    }
    say(
        "\nThis node has joined the cluster:\n* Certificate signing request was sent to apiserver and a response was received.\n* The Kubelet was informed of the new secure connection details.",
    )
}

pub(super) fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    conditions.filter(|condition| condition["type"] == "Ready").any(|condition| condition["status"] == "True")
}

fn token(join: &JoinConfiguration) -> Result<(String, String)> {
    let Some(discovery) = &join.discovery.bootstrap_token else {
        refuse!("discovery: bootstrapToken must be set")
    };
    Ok((
        discovery.token.clone(),
        join.discovery.tls_bootstrap_token.clone().unwrap_or_else(|| discovery.token.clone()),
    ))
}

/// Finds the cluster: asks it without trust, believes what the token's signature proves and the hash pins.
fn discover(join: &JoinConfiguration) -> Result<Kubeconfig> {
    let Some(discovery) = &join.discovery.bootstrap_token else {
        refuse!("discovery: bootstrapToken must be set")
    };
    let server = format!("https://{}", discovery.api_server_endpoint.as_deref().unwrap_or_default());
    let stranger = Kubeconfig { server, authority: None, credentials: Credentials::Anonymous };
    let client = Client::new(stranger, PATIENCE);
    let time = duration(join.timeouts.discovery.as_deref(), DISCOVERY).min(DISCOVERY);
    let (id, secret) = discovery.token.split_once('.').unwrap_or_default();
    wait("preflight: couldn't validate the identity of the API Server", time, || {
        let info = client.get("/api/v1/namespaces/kube-public/configmaps/cluster-info")?;
        let content = info["data"]["kubeconfig"].as_str().unwrap_or_default();
        let Some(shown) = info["data"][format!("jws-kubeconfig-{id}")].as_str() else {
            refuse!("could not find a JWS signature in the cluster-info ConfigMap for token ID {id:?}");
        };
        if shown != signature(id, secret, content) {
            refuse!("could not verify the JWS signature of the cluster-info ConfigMap with token ID {id:?}");
        }
        let value = yaml::documents(content)?.pop().unwrap_or_default();
        let found = Kubeconfig::from_value(&value, Path::new("/"))?;
        let Some(authority) = &found.authority else { refuse!("cluster-info names no authority") };
        let hash = pki::hash(authority)?;
        if !discovery.unsafe_skip_ca_verification && !discovery.ca_cert_hashes.contains(&hash) {
            refuse!(
                "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys {hash:?} are pinned"
            );
        }
        Ok(found)
    })
}

/// What the cluster says of itself, which this kubeadm has to support.
pub(super) fn read_cluster(client: &Client, version: Version) -> Result<Cluster> {
    let map = client.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config").map_err(|error| {
        Failure::from(error)
            .context("error execution phase preflight: unable to fetch the kubeadm-config ConfigMap")
    })?;
    let text = map["data"]["ClusterConfiguration"].as_str().unwrap_or_default();
    let value = yaml::documents(text)?.pop().unwrap_or_default();
    let configuration: ClusterConfiguration = serde_json::from_value(value).doing("kubeadm-config")?;
    let cluster = Cluster::new(Some(configuration), version)?;
    if version.minor < cluster.version.minor || version.minor > cluster.version.minor + 1 {
        refuse!(
            "this version of kubeadm only supports deploying clusters with the control plane version >= 1.{}.0. Current version: v{}",
            version.minor.saturating_sub(1),
            cluster.version
        );
    }
    Ok(cluster)
}
