//! A file of several documents → one typed value per kind.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    ClusterConfiguration, InitConfiguration, JoinConfiguration, KubeletConfiguration, UpgradeConfiguration,
};
use crate::failure::{Context as _, Failure, Result, refuse};
use crate::schema::{self, Mistake, Schema};
use crate::version::Version;
use crate::yaml;

const KUBEADM: &str = "kubeadm.k8s.io/v1beta4";
const KUBELET: &str = "kubelet.config.k8s.io/v1beta1";
const PROXY: &str = "kubeproxy.config.k8s.io/v1alpha1";

/// What a configuration file holds, at most one of each kind.
#[derive(Debug, Default, Clone)]
pub struct Configuration {
    /// For `kubeadm init`.
    pub init: Option<InitConfiguration>,
    /// For the whole cluster.
    pub cluster: Option<ClusterConfiguration>,
    /// For `kubeadm join`.
    pub join: Option<JoinConfiguration>,
    /// For `kubeadm upgrade`.
    pub upgrade: Option<UpgradeConfiguration>,
    /// For `kubeadm reset`, which takes nothing from it but its form.
    pub reset: bool,
    /// The kubelet's, as it was written.
    pub kubelet: Option<Value>,
    /// The proxy's, as it was written.
    pub proxy: Option<Value>,
}

/// Reads a configuration file.
///
/// # Errors
/// A file that cannot be read, or one that [`read`] refuses.
pub fn read_file(path: &Path, minor: u32) -> Result<Configuration> {
    let text = std::fs::read_to_string(path)
        .doing(format_args!("unable to read config from {:?}", path.display().to_string()))?;
    read(&text, minor)
}

/// Reads the text of a configuration file as this minor release of kubeadm does.
///
/// # Errors
/// Bad YAML, a document without kind or apiVersion, an unknown one, one that is there twice, and every field that
/// is unknown or of the wrong type.
pub fn read(text: &str, minor: u32) -> Result<Configuration> {
    let mut found = Configuration::default();
    let mut seen: Vec<String> = Vec::new();
    let documents = yaml::documents(text)?;
    if documents.is_empty() {
        refuse!(
            "no InitConfiguration, ClusterConfiguration or JoinConfiguration kind was found in the YAML file"
        );
    }
    for document in documents {
        let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api, kind) = (text("apiVersion"), text("kind"));
        if api.is_empty() || kind.is_empty() {
            refuse!(
                "invalid configuration for GroupVersionKind {api:?}, Kind={kind:?}: kind and apiVersion is mandatory information that must be specified"
            );
        }
        if seen.contains(&kind) {
            refuse!("invalid configuration: kind {kind:?} is specified twice in YAML file");
        }
        match (api.as_str(), kind.as_str()) {
            (KUBEADM, "InitConfiguration") => found.init = Some(typed(&kind, document, minor)?),
            (KUBEADM, "ClusterConfiguration") => found.cluster = Some(typed(&kind, document, minor)?),
            (KUBEADM, "JoinConfiguration") => found.join = Some(typed(&kind, document, minor)?),
            (KUBEADM, "UpgradeConfiguration") => found.upgrade = Some(typed(&kind, document, minor)?),
            (KUBEADM, "ResetConfiguration") => {
                hold(&schema::KUBEADM, &api, &kind, &document, minor)?;
                found.reset = true;
            }
            (KUBELET, "KubeletConfiguration") => {
                hold(&schema::COMPONENTS, &api, &kind, &document, minor)?;
                found.kubelet = Some(document);
            }
            (PROXY, "KubeProxyConfiguration") => {
                hold(&schema::COMPONENTS, &api, &kind, &document, minor)?;
                found.proxy = Some(document);
            }
            ("kubeadm.k8s.io/v1beta3" | "kubeadm.k8s.io/v1beta2" | "kubeadm.k8s.io/v1beta1", _) => refuse!(
                "your configuration file uses an old API spec: {api:?} (kind: {kind:?}). Please use kubeadm v{}.{minor} instead and run 'kubeadm config migrate --old-config old.yaml --new-config new.yaml', which will write the new, similar spec using a newer API version.",
                1
            ),
            _ => refuse!(
                "no kind {kind:?} is registered for version {api:?} in scheme \"k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/scheme/scheme.go\""
            ),
        }
        seen.push(kind);
    }
    Ok(found)
}

/// Reads the kubelet's own file as the kubelet of this version does.
///
/// # Errors
/// As for [`read`], and any other kind.
pub fn decode_kubelet(text: &str, version: Version) -> Result<KubeletConfiguration> {
    let mut documents = yaml::documents(text)?;
    let document = documents.pop().ok_or_else(|| Failure::new("kubelet config file was empty"))?;
    if document["apiVersion"] != KUBELET || document["kind"] != "KubeletConfiguration" {
        refuse!(
            "failed to decode: no kind {} is registered for version {} in scheme \"k8s.io/kubernetes/pkg/kubelet/apis/config/scheme/scheme.go\"",
            document["kind"],
            document["apiVersion"]
        );
    }
    hold(&schema::COMPONENTS, KUBELET, "KubeletConfiguration", &document, version.minor)?;
    serde_json::from_value(document).doing("failed to decode")
}

fn typed<T: DeserializeOwned>(kind: &str, document: Value, minor: u32) -> Result<T> {
    hold(&schema::KUBEADM, KUBEADM, kind, &document, minor)?;
    serde_json::from_value(without_nulls(document)).doing("error decoding configuration")
}

/// Go reads a null as if the field were not there.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn hold(schema: &Schema, api: &str, kind: &str, document: &Value, minor: u32) -> Result<()> {
    let mistakes = schema::check(schema, kind, document, minor);
    let lines: Vec<String> = mistakes
        .iter()
        .map(|mistake| match mistake {
            Mistake::Unknown(path) => format!("strict decoding error: unknown field {path:?}"),
            Mistake::Mismatch(text) => text.clone(),
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    refuse!(
        "error unmarshaling configuration schema.GroupVersionKind{{Group:{group:?}, Version:{version:?}, Kind:{kind:?}}}: {}",
        lines.join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  name: cp-1
  criSocket: unix:///run/containerd/containerd.sock
  taints: []
  kubeletExtraArgs:
    - name: node-ip
      value: 10.0.0.4
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.34.2
controlPlaneEndpoint: api.example.org:6443
networking: {podSubnet: 10.244.0.0/16}
apiServer:
  certSANs: [127.0.0.1]
  timeoutForControlPlane:
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
serverTLSBootstrap: true
";

    fn refused(text: &str) -> String {
        read(text, 34).unwrap_err().message
    }

    #[test]
    fn a_good_file_is_read_whole() {
        let text = GOOD.replace("  timeoutForControlPlane:\n", "");
        let found = read(&text, 34).unwrap();
        let init = found.init.unwrap();
        assert_eq!(init.node_registration.name.as_deref(), Some("cp-1"));
        assert_eq!(init.node_registration.taints, Some(Vec::new()));
        assert_eq!(found.cluster.unwrap().networking.pod_subnet.as_deref(), Some("10.244.0.0/16"));
        assert_eq!(found.kubelet.unwrap()["cgroupDriver"], "systemd");
    }

    #[test]
    fn a_field_of_an_older_version_is_unknown() {
        assert_eq!(
            refused(GOOD),
            "error unmarshaling configuration schema.GroupVersionKind{Group:\"kubeadm.k8s.io\", Version:\"v1beta4\", Kind:\"ClusterConfiguration\"}: strict decoding error: unknown field \"apiServer.timeoutForControlPlane\""
        );
    }

    #[test]
    fn documents_need_a_kind_that_is_known_and_single() {
        assert!(refused("kind: InitConfiguration\n").contains("apiVersion is mandatory"));
        assert!(
            refused("apiVersion: kubeadm.k8s.io/v1beta4\nkind: Foo\n")
                .contains("no kind \"Foo\" is registered")
        );
        assert!(
            refused("apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\n").contains("old API spec")
        );
        let twice = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n";
        assert!(refused(twice).contains("specified twice"));
        assert!(refused("# nothing\n").contains("no InitConfiguration"));
    }

    #[test]
    fn a_component_is_as_strict() {
        let text = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: many\ncgroupsDriver: systemd\n";
        let message = refused(text);
        assert!(message.contains(
            "cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32"
        ));
        assert!(message.contains("unknown field \"cgroupsDriver\""));
        assert!(decode_kubelet(text, Version::new(34, 0)).is_err());
    }

    #[test]
    fn a_field_belongs_to_its_releases() {
        let text = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nrunOnce: false\n";
        assert!(read(text, 34).is_ok());
        assert!(read(text, 35).is_err());
    }
}
