//! `kubeadm init`: the first control plane.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::preflight::{self, Becomes};
use super::{FOLDER, PATIENCE, certificates, configuration, kubelet, manifests, say, tokens, upload, wait};
use crate::client::Client;
use crate::config::{NodeRegistration, duration};
use crate::failure::{Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::version::Version;
use crate::{files, image, machine, yaml};

/// How long a component may take to get well.
pub(super) const HEALTH: Duration = Duration::from_secs(240);
const CONFIG_MAPS: &str = "/api/v1/namespaces/kube-system/configmaps";

/// Runs init.
pub(super) fn run(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(
        arguments,
        "config= skip-token-print upload-certs certificate-key= ignore-preflight-errors= skip-phases= skip-certificate-key-print v/v=",
    )?;
    let configuration = configuration(&flags, version)?;
    let cluster = Cluster::new(configuration.cluster, version)?;
    let init = configuration.init.unwrap_or_default();
    let node = init.node_registration;
    let name = node.name.clone().unwrap_or_else(machine::hostname);
    let Some(address) = init.local_api_endpoint.advertise_address.clone().or_else(machine::address) else {
        refuse!("unable to select an IP from default routes");
    };
    let port = init.local_api_endpoint.bind_port.unwrap_or(6443);
    say(&format!("[init] Using Kubernetes version: v{}", cluster.version))?;
    preflight::check(Becomes::ControlPlane, &node, port, cluster.data(), version, &flags)?;
    image::provide(cluster.repository())?;
    certificates::authorities(&cluster)?;
    certificates::own(&cluster, &name, &address)?;
    let server = cluster.endpoint(&address, port);
    certificates::kubeconfigs(&cluster, &name, &server, &format!("https://{address}:{port}"), true)?;
    manifests::write(&cluster, &address, port)?;
    manifests::write_etcd(&cluster, &name, &address, None)?;
    let domain = cluster.configuration.networking.dns_domain.as_deref().unwrap_or_default();
    let settings = kubelet::configuration(configuration.kubelet.as_ref(), cluster.services(), domain);
    say("[kubelet-start] Starting the kubelet")?;
    kubelet::start(&settings, &node, &name, &[])?;
    kubelet::wait_for_health(duration(init.timeouts.kubelet_health_check.as_deref(), HEALTH))?;
    let client = Client::new(Kubeconfig::read(&Path::new(FOLDER).join("admin.conf"))?, PATIENCE);
    let health = duration(init.timeouts.control_plane_component_health_check.as_deref(), HEALTH);
    wait("wait-control-plane", health, || client.get("/readyz").map(drop).map_err(Into::into))?;
    publish(&client, &cluster, &settings, configuration.proxy.as_ref(), &server)?;
    mark(&client, &name, &node, HEALTH)?;
    for token in init.bootstrap_tokens.iter().flatten() {
        let text = token.token.clone().unwrap_or_else(tokens::random);
        tokens::make(
            &client,
            &text,
            tokens::life(token.ttl.as_deref()),
            token.description.as_deref().unwrap_or_default(),
        )?;
        if !flags.is_on("skip-token-print")? {
            say(&format!("[bootstrap-token] Using token: {text}"))?;
        }
    }
    if flags.is_on("upload-certs")? {
        let key = flags.value("certificate-key").or(init.certificate_key.as_deref());
        let Some(key) = key else { refuse!("the stand-in uploads certificates only under a given key") };
        upload::upload(&client, &cluster, key)?;
    }
    say("\nYour Kubernetes control-plane has initialized successfully!")
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}, "data": data})
}

/// Puts the cluster's and the kubelets' configuration into the cluster.
pub(super) fn configure(client: &Client, cluster: &Cluster, kubelet: &Value) -> Result<()> {
    let mut configuration = serde_json::to_value(&cluster.configuration).unwrap_or_default();
    configuration["apiVersion"] = "kubeadm.k8s.io/v1beta4".into();
    configuration["kind"] = "ClusterConfiguration".into();
    client.put(
        CONFIG_MAPS,
        &config_map("kubeadm-config", &json!({"ClusterConfiguration": yaml::write(&configuration)?})),
    )?;
    put_kubelet_config(client, kubelet)
}

/// Puts the kubelets' configuration into the cluster.
pub(super) fn put_kubelet_config(client: &Client, kubelet: &Value) -> Result<()> {
    client.put(CONFIG_MAPS, &config_map("kubelet-config", &json!({"kubelet": yaml::write(kubelet)?})))?;
    Ok(())
}

/// Puts what joining nodes need, and the first add-ons, into the cluster.
fn publish(
    client: &Client,
    cluster: &Cluster,
    kubelet: &Value,
    proxy: Option<&Value>,
    server: &str,
) -> Result<()> {
    configure(client, cluster, kubelet)?;
    let default = json!({"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"});
    client.put(
        CONFIG_MAPS,
        &config_map("kube-proxy", &json!({"config.conf": yaml::write(proxy.unwrap_or(&default))?})),
    )?;
    let authority = files::read(&cluster.certificates().join("ca.crt"))?;
    let place = Kubeconfig {
        server: server.to_owned(),
        authority: Some(authority),
        credentials: Credentials::Anonymous,
    };
    let mut info = place.to_value("", "");
    for key in ["contexts", "users"] {
        info[key] = json!([]);
    }
    info["current-context"] = "".into();
    let info = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": yaml::write(&info)?}});
    client.put("/api/v1/namespaces/kube-public/configmaps", &info)?;
    add_proxy(client, cluster)?;
    let repository = cluster.repository();
    if cluster.configuration.dns.disabled != Some(true) {
        client.put(
            "/apis/apps/v1/namespaces/kube-system/deployments",
            &workload("Deployment", "coredns", "kube-dns", &format!("{repository}/coredns/coredns:v1.12.1")),
        )?;
        let address = kubelet["clusterDNS"][0].clone();
        client.put("/api/v1/namespaces/kube-system/services", &json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": address, "selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53}]}}))?;
    }
    Ok(())
}

/// Puts the proxy of the cluster's version into the cluster.
pub(super) fn add_proxy(client: &Client, cluster: &Cluster) -> Result<()> {
    if cluster.configuration.proxy.disabled == Some(true) {
        return Ok(());
    }
    let repository = cluster.repository();
    let image = format!("{repository}/kube-proxy:v{}", cluster.version);
    client.put(
        "/apis/apps/v1/namespaces/kube-system/daemonsets",
        &workload("DaemonSet", "kube-proxy", "kube-proxy", &image),
    )?;
    Ok(())
}

fn workload(kind: &str, name: &str, label: &str, image: &str) -> Value {
    let labels = json!({"k8s-app": label});
    let tolerations = if kind == "DaemonSet" {
        json!([{"operator": "Exists"}])
    } else {
        json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])
    };
    let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"tolerations": tolerations, "containers": [{"name": name, "image": image}]}}}});
    if kind == "Deployment" {
        object["spec"]["replicas"] = 2.into();
    }
    object
}

/// Marks a node as control plane: labels, taints, and which socket its runtime has.
pub(super) fn mark(client: &Client, name: &str, node: &NodeRegistration, time: Duration) -> Result<()> {
    let path = format!("/api/v1/nodes/{name}");
    let found = wait("mark-control-plane", time, || client.get(&path).map_err(Into::into))?;
    let default = json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
    let mut taints: Vec<Value> = found["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let wanted = node.taints.as_ref().map_or(default, |taints| json!(taints));
    for taint in wanted.as_array().into_iter().flatten() {
        if !taints.contains(taint) {
            taints.push(taint.clone());
        }
    }
    let socket = node.cri_socket.clone().unwrap_or_default();
    client.merge(&path, &json!({
        "metadata": {
            "labels": {"node-role.kubernetes.io/control-plane": "", "node.kubernetes.io/exclude-from-external-load-balancers": ""},
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": socket},
        },
        "spec": {"taints": taints},
    }))?;
    Ok(())
}
