//! The kinds of objects that the API keeps.

use serde_json::Value;

/// One kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// As objects say it: `DaemonSet`.
    pub kind: String,
    /// The API's group, empty for the oldest kinds.
    pub group: String,
    /// The version of the group.
    pub version: String,
    /// As paths say it: `daemonsets`.
    pub plural: String,
    /// Short names for people, with spaces between.
    pub short: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

/// Kind, group, version, plural, short names, whether it lives in namespaces.
const TABLE: &str = "
Namespace - v1 namespaces ns cluster
Node - v1 nodes no cluster
ConfigMap - v1 configmaps cm namespaced
Secret - v1 secrets - namespaced
ServiceAccount - v1 serviceaccounts sa namespaced
Service - v1 services svc namespaced
Endpoints - v1 endpoints ep namespaced
Event - v1 events ev namespaced
Pod - v1 pods po namespaced
PersistentVolumeClaim - v1 persistentvolumeclaims pvc namespaced
PersistentVolume - v1 persistentvolumes pv cluster
ResourceQuota - v1 resourcequotas quota namespaced
LimitRange - v1 limitranges limits namespaced
Deployment apps v1 deployments deploy namespaced
ReplicaSet apps v1 replicasets rs namespaced
DaemonSet apps v1 daemonsets ds namespaced
StatefulSet apps v1 statefulsets sts namespaced
Job batch v1 jobs - namespaced
CronJob batch v1 cronjobs cj namespaced
Role rbac.authorization.k8s.io v1 roles - namespaced
ClusterRole rbac.authorization.k8s.io v1 clusterroles - cluster
RoleBinding rbac.authorization.k8s.io v1 rolebindings - namespaced
ClusterRoleBinding rbac.authorization.k8s.io v1 clusterrolebindings - cluster
StorageClass storage.k8s.io v1 storageclasses sc cluster
CSIDriver storage.k8s.io v1 csidrivers - cluster
CSINode storage.k8s.io v1 csinodes - cluster
VolumeAttachment storage.k8s.io v1 volumeattachments - cluster
PodDisruptionBudget policy v1 poddisruptionbudgets pdb namespaced
PriorityClass scheduling.k8s.io v1 priorityclasses pc cluster
NetworkPolicy networking.k8s.io v1 networkpolicies netpol namespaced
Ingress networking.k8s.io v1 ingresses ing namespaced
IngressClass networking.k8s.io v1 ingressclasses - cluster
HorizontalPodAutoscaler autoscaling v2 horizontalpodautoscalers hpa namespaced
CertificateSigningRequest certificates.k8s.io v1 certificatesigningrequests csr cluster
Lease coordination.k8s.io v1 leases - namespaced
CustomResourceDefinition apiextensions.k8s.io v1 customresourcedefinitions crd,crds cluster
ValidatingWebhookConfiguration admissionregistration.k8s.io v1 validatingwebhookconfigurations - cluster
MutatingWebhookConfiguration admissionregistration.k8s.io v1 mutatingwebhookconfigurations - cluster
APIService apiregistration.k8s.io v1 apiservices - cluster
RuntimeClass node.k8s.io v1 runtimeclasses - cluster
";

/// All kinds that are built in.
pub fn built_in() -> impl Iterator<Item = Resource> {
    TABLE.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[kind, group, version, plural, short, scope] = words.as_slice() else { return None };
        let given = |word: &str| if word == "-" { String::new() } else { word.replace(',', " ") };
        Some(Resource {
            kind: kind.to_owned(),
            group: given(group),
            version: version.to_owned(),
            plural: plural.to_owned(),
            short: given(short),
            namespaced: scope == "namespaced",
        })
    })
}

/// The kinds that a CustomResourceDefinition adds.
#[must_use]
pub fn custom(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let short: Vec<String> = spec["names"]["shortNames"].as_array().into_iter().flatten().map(text).collect();
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .map(|version| Resource {
            kind: text(&spec["names"]["kind"]),
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&spec["names"]["plural"]),
            short: short.join(" "),
            namespaced: spec["scope"] == "Namespaced",
        })
        .collect()
}

impl Resource {
    /// `apps/v1`, or `v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `daemonsets.apps`, or `pods`.
    #[must_use]
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Whether a person may mean this kind by this word.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        let kind = self.kind.to_ascii_lowercase();
        word == self.plural
            || word == kind
            || word == self.qualified()
            || word == format!("{kind}.{}", self.group)
            || self.short.split(' ').any(|short| short == word)
    }

    /// The path of all its objects, in one namespace if it has some.
    #[must_use]
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        match namespace {
            Some(namespace) if self.namespaced => {
                format!("{root}/{}/namespaces/{namespace}/{}", self.api_version(), self.plural)
            }
            _ => format!("{root}/{}/{}", self.api_version(), self.plural),
        }
    }
}

/// The namespace and the name of an object.
#[must_use]
pub fn identity(object: &Value) -> (Option<&str>, &str) {
    (object["metadata"]["namespace"].as_str(), object["metadata"]["name"].as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::OBJECTS;

    #[test]
    fn every_kind_has_a_schema() {
        for resource in built_in() {
            assert!(OBJECTS.has(&resource.kind), "{}", resource.kind);
        }
        assert_eq!(built_in().count(), 40);
    }

    #[test]
    fn people_may_call_a_kind_by_many_names() {
        let found = |word: &str| built_in().find(|resource| resource.is_called(word)).map(|found| found.kind);
        for word in ["ds", "daemonset", "DaemonSets", "daemonsets.apps", "daemonset.apps"] {
            assert_eq!(found(word).as_deref(), Some("DaemonSet"), "{word}");
        }
        assert_eq!(found("crds").as_deref(), Some("CustomResourceDefinition"));
        assert_eq!(found("gateway"), None);
    }

    #[test]
    fn a_definition_adds_its_kinds() {
        let definition = json!({"spec": {"group": "snapshot.storage.k8s.io", "scope": "Cluster",
            "names": {"kind": "VolumeSnapshotClass", "plural": "volumesnapshotclasses", "shortNames": ["vsclass"]},
            "versions": [{"name": "v1"}, {"name": "v1beta1"}]}});
        let found = custom(&definition);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].path(None), "/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses");
        assert!(found[1].is_called("vsclass"));
    }
}
