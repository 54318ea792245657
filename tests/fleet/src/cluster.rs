//! What turns a fleet into something that `create-cluster.yml` can work on: variables beside its inventory.

use std::fs;

use crate::command::FleetError;
use crate::{Fleet, keys};

impl Fleet {
    /// Writes the variables of a cluster of this Kubernetes release, whose packages come from `repository`
    /// (`http://ADDRESS:PORT`), beside the inventory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn describe_cluster(&self, version: &str, repository: &str) -> Result<(), FleetError> {
        let folder = self.folder.join("group_vars");
        fs::create_dir_all(&folder).map_err(|error| FleetError::io("make", &folder, error))?;
        keys::write(&folder.join("cluster.yml"), &(variables(version, repository) + AZURE))
    }
}

/// The variables of a cluster of this Kubernetes release, made of containers, whose packages come from `repository`
/// (`http://ADDRESS:PORT`).
pub fn variables(version: &str, repository: &str) -> String {
    format!(
        "\
# Stand-ins for what cannot be had without a network.
kubernetes_version: {version}
kubernetes_apt_base_url: {repository}

# What a container needs to pass for a machine: it has the host's clock and may have the host's old control groups,
# may not favour processes when memory is short, and has Debian's packages only, whose lists it fetches once.
kubernetes_allow_cgroup_v1: true
node_time_sync: false
node_apt_cache_valid_time: 604800
containerd_source: distribution
containerd_restrict_oom_score_adj: true
"
    )
}

/// The variables of machines that pass for some of Azure's, with a secret that nobody takes.
const AZURE: &str = "
azure_cloud_config:
  cloud: AzurePublicCloud
  tenantId: 00000000-0000-0000-0000-000000000001
  subscriptionId: 00000000-0000-0000-0000-000000000002
  resourceGroup: demo
  location: westeurope
  aadClientId: 00000000-0000-0000-0000-000000000003
  aadClientSecret: simulated
";
