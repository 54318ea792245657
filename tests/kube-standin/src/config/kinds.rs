//! The kinds themselves, with kubeadm's defaults. Their fields' names are those of the API.
#![expect(missing_docs, reason = "each field is what the API documents under the same name")]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::schema::seconds;

/// `kubeadm init`'s own part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InitConfiguration {
    pub bootstrap_tokens: Option<Vec<BootstrapToken>>,
    pub node_registration: NodeRegistration,
    #[serde(rename = "localAPIEndpoint")]
    pub local_api_endpoint: Endpoint,
    pub certificate_key: Option<String>,
    pub skip_phases: Vec<String>,
    pub timeouts: Timeouts,
}

/// A token that joining nodes show.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BootstrapToken {
    pub token: Option<String>,
    pub description: Option<String>,
    pub ttl: Option<String>,
    pub expires: Option<String>,
    pub usages: Option<Vec<String>>,
    pub groups: Option<Vec<String>>,
}

/// The cluster's part.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterConfiguration {
    #[serde(rename = "apiServer")]
    pub api_server: ApiServer,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificate_validity_period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_validity_period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<String>,
    pub controller_manager: Component,
    pub dns: Addon,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_algorithm: Option<String>,
    pub etcd: Etcd,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_gates: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    pub networking: Networking,
    pub proxy: Addon,
    pub scheduler: Component,
}

/// Arguments and volumes of one component.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Component {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Argument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_volumes: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_envs: Option<serde_json::Value>,
}

/// The API server's part.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiServer {
    #[serde(flatten)]
    pub component: Component,
    #[serde(rename = "certSANs", skip_serializing_if = "Vec::is_empty")]
    pub cert_sans: Vec<String>,
}

/// DNS or proxy.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Addon {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// Where the state is kept.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Etcd {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalEtcd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<serde_json::Value>,
}

/// An etcd on the control planes themselves.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalEtcd {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Argument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
    #[serde(rename = "serverCertSANs", skip_serializing_if = "Vec::is_empty")]
    pub server_cert_sans: Vec<String>,
    #[serde(rename = "peerCertSANs", skip_serializing_if = "Vec::is_empty")]
    pub peer_cert_sans: Vec<String>,
}

/// The cluster's networks.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Networking {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_subnet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_subnet: Option<String>,
}

/// Where the local API server listens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    pub advertise_address: Option<String>,
    pub bind_port: Option<u16>,
}

/// How a node is registered.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeRegistration {
    pub name: Option<String>,
    pub cri_socket: Option<String>,
    pub taints: Option<Vec<Taint>>,
    pub kubelet_extra_args: Vec<Argument>,
    pub ignore_preflight_errors: Vec<String>,
}

/// What keeps pods off a node.
#[derive(Debug, Clone, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default)]
pub struct Taint {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub effect: String,
}

/// One argument of a component.
#[derive(Debug, Clone, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default)]
pub struct Argument {
    pub name: String,
    pub value: String,
}

/// `kubeadm join`'s part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JoinConfiguration {
    pub node_registration: NodeRegistration,
    pub ca_cert_path: Option<String>,
    pub discovery: Discovery,
    pub control_plane: Option<JoinControlPlane>,
    pub skip_phases: Vec<String>,
    pub timeouts: Timeouts,
}

/// What makes a joining node a control plane.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    pub local_api_endpoint: Endpoint,
    pub certificate_key: Option<String>,
}

/// How a joining node finds the cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Discovery {
    pub bootstrap_token: Option<TokenDiscovery>,
    pub file: Option<serde_json::Value>,
    pub tls_bootstrap_token: Option<String>,
}

/// Discovery by a token.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenDiscovery {
    pub token: String,
    #[serde(rename = "apiServerEndpoint")]
    pub api_server_endpoint: Option<String>,
    pub ca_cert_hashes: Vec<String>,
    #[serde(rename = "unsafeSkipCAVerification")]
    pub unsafe_skip_ca_verification: bool,
}

/// How long to wait for what.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    pub control_plane_component_health_check: Option<String>,
    pub kubelet_health_check: Option<String>,
    pub tls_bootstrap: Option<String>,
    pub discovery: Option<String>,
}

/// `kubeadm upgrade`'s part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct UpgradeConfiguration {
    pub apply: UpgradeApply,
}

/// `kubeadm upgrade apply`'s part.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpgradeApply {
    pub kubernetes_version: Option<String>,
    pub certificate_renewal: Option<bool>,
}

/// What the stand-in kubelet reads of its configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeletConfiguration {
    pub static_pod_path: Option<String>,
    pub cgroup_driver: Option<String>,
    #[serde(rename = "serverTLSBootstrap")]
    pub server_tls_bootstrap: bool,
    pub rotate_certificates: bool,
    pub fail_swap_on: Option<bool>,
    #[serde(rename = "failCgroupV1")]
    pub fail_cgroup_v1: Option<bool>,
    pub protect_kernel_defaults: bool,
    pub max_pods: Option<u32>,
    pub resolv_conf: Option<String>,
    #[serde(rename = "clusterDNS")]
    pub cluster_dns: Vec<String>,
    pub cluster_domain: Option<String>,
    pub authentication: serde_json::Value,
    pub container_runtime_endpoint: Option<String>,
    pub register_with_taints: Option<Vec<Taint>>,
    #[serde(rename = "providerID")]
    pub provider_id: Option<String>,
    pub feature_gates: serde_json::Map<String, serde_json::Value>,
}

/// A duration of a configuration file, or what it is when none is given.
#[must_use]
pub fn duration(given: Option<&str>, default: Duration) -> Duration {
    given
        .and_then(seconds)
        .filter(|seconds| *seconds > 0.0)
        .map_or(default, |seconds| Duration::from_millis((seconds * 1000.0) as u64))
}
