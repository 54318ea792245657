//! The kubelet's files, and starting it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::wait;
use crate::config::{NodeRegistration, Taint};
use crate::failure::{Context as _, Result, refuse};
use crate::{cri, files, machine, yaml};

const CONFIG: &str = "/var/lib/kubelet/config.yaml";
const FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";

/// The kubelet's configuration for the whole cluster: what was given, and what kubeadm adds.
pub(super) fn configuration(given: Option<&Value>, services: &str, domain: &str) -> Value {
    let mut whole = given.cloned().unwrap_or_else(
        || json!({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}),
    );
    let dns = services.split('/').next().and_then(|text| text.parse::<std::net::Ipv4Addr>().ok());
    let dns = dns.map(|first| std::net::Ipv4Addr::from(u32::from(first) + 10).to_string());
    let defaults = json!({
        "authentication": {"anonymous": {"enabled": false}, "webhook": {"enabled": true}, "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "systemd",
        "clusterDNS": dns.into_iter().collect::<Vec<_>>(),
        "clusterDomain": domain,
        "rotateCertificates": true,
        "staticPodPath": "/etc/kubernetes/manifests",
    });
    for (key, value) in defaults.as_object().into_iter().flatten() {
        if whole.get(key).is_none() {
            whole[key] = value.clone();
        }
    }
    whole
}

/// Writes the cluster's configuration anew, with this machine's own part as it was.
pub(super) fn reconfigure(whole: &Value) -> Result<()> {
    let present = yaml::documents(&files::read(CONFIG.as_ref())?)?.pop().unwrap_or_default();
    let mut own = whole.clone();
    own["containerRuntimeEndpoint"] = present["containerRuntimeEndpoint"].clone();
    files::write(CONFIG.as_ref(), &yaml::write(&own)?, 0o644)
}

/// Writes the configuration and the flags of this machine's kubelet, and starts it; it registers with these taints.
pub(super) fn start(whole: &Value, node: &NodeRegistration, name: &str, taints: &[Taint]) -> Result<()> {
    let mut own = whole.clone();
    own["containerRuntimeEndpoint"] =
        node.cri_socket.clone().unwrap_or_else(|| cri::SOCKET.to_owned()).into();
    files::write(CONFIG.as_ref(), &yaml::write(&own)?, 0o644)?;
    let mut flags: Vec<String> = node
        .kubelet_extra_args
        .iter()
        .map(|argument| format!("--{}={}", argument.name, argument.value))
        .collect();
    if !taints.is_empty() {
        let told = taints.iter().map(|taint| {
            let value = taint.value.as_ref().map_or_else(String::new, |value| format!("={value}"));
            format!("{}{value}:{}", taint.key, taint.effect)
        });
        flags.push(format!("--register-with-taints={}", told.collect::<Vec<_>>().join(",")));
    }
    if name != machine::hostname() {
        flags.push(format!("--hostname-override={name}"));
    }
    files::write(FLAGS.as_ref(), &format!("KUBELET_KUBEADM_ARGS=\"{}\"\n", flags.join(" ")), 0o644)?;
    machine::systemctl(&["daemon-reload"])?;
    machine::systemctl(&["restart", "kubelet"])
}

/// Waits until the kubelet says that it is well.
pub(super) fn wait_for_health(time: Duration) -> Result<()> {
    wait("wait-control-plane/kubelet-start", time, || {
        std::net::TcpStream::connect(("127.0.0.1", 10248))
            .map(drop)
            .doing("The kubelet is not healthy: Get \"http://127.0.0.1:10248/healthz\"")
    })
}

/// Waits until the kubelet has a kubeconfig of its own.
pub(super) fn wait_for_bootstrap(time: Duration) -> Result<()> {
    wait("kubelet-start", time, || {
        if Path::new("/etc/kubernetes/kubelet.conf").exists() {
            return Ok(());
        }
        refuse!("couldn't get the kubelet's kubeconfig /etc/kubernetes/kubelet.conf")
    })
}
