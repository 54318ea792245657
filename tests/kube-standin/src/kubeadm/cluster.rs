//! What a configuration says of a cluster, with everything it leaves out filled in.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{ClusterConfiguration, duration};
use crate::failure::Result;
use crate::pki::YEAR;
use crate::version::Version;

/// A cluster's settings.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) configuration: ClusterConfiguration,
    pub(super) version: Version,
}

impl Cluster {
    /// Fills in what a configuration leaves out.
    pub(super) fn new(configuration: Option<ClusterConfiguration>, kubeadm: Version) -> Result<Self> {
        let mut configuration = configuration.unwrap_or_default();
        let version = match configuration.kubernetes_version.as_deref() {
            Some(text) if !text.starts_with("stable") => text.parse()?,
            _ => kubeadm,
        };
        configuration.kubernetes_version = Some(format!("v{version}"));
        let fill = |field: &mut Option<String>, default: &str| {
            field.get_or_insert_with(|| default.to_owned());
        };
        fill(&mut configuration.certificates_dir, super::CERTIFICATES);
        fill(&mut configuration.cluster_name, "kubernetes");
        fill(&mut configuration.image_repository, "registry.k8s.io");
        fill(&mut configuration.networking.service_subnet, "10.96.0.0/12");
        fill(&mut configuration.networking.dns_domain, "cluster.local");
        fill(&mut configuration.etcd.local.get_or_insert_default().data_dir, "/var/lib/etcd");
        Ok(Self { configuration, version })
    }

    pub(super) fn name(&self) -> &str {
        self.configuration.cluster_name.as_deref().unwrap_or_default()
    }

    pub(super) fn certificates(&self) -> PathBuf {
        self.configuration.certificates_dir.as_deref().unwrap_or(super::CERTIFICATES).into()
    }

    pub(super) fn data(&self) -> &str {
        self.configuration
            .etcd
            .local
            .as_ref()
            .and_then(|local| local.data_dir.as_deref())
            .unwrap_or("/var/lib/etcd")
    }

    pub(super) fn repository(&self) -> &str {
        self.configuration.image_repository.as_deref().unwrap_or_default()
    }

    pub(super) fn services(&self) -> &str {
        self.configuration.networking.service_subnet.as_deref().unwrap_or_default()
    }

    /// Where clients find the API: the cluster's endpoint, or this machine's.
    pub(super) fn endpoint(&self, address: &str, port: u16) -> String {
        match self.configuration.control_plane_endpoint.as_deref() {
            Some(endpoint) if endpoint.rsplit_once(':').is_some() => format!("https://{endpoint}"),
            Some(endpoint) => format!("https://{endpoint}:{port}"),
            None => format!("https://{address}:{port}"),
        }
    }

    pub(super) fn validity(&self) -> Duration {
        duration(self.configuration.certificate_validity_period.as_deref(), YEAR)
    }

    pub(super) fn authority_validity(&self) -> Duration {
        duration(self.configuration.ca_certificate_validity_period.as_deref(), YEAR * 10)
    }
}
