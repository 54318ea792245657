//! `kubeadm kubeconfig user`: a kubeconfig for a person, signed by the cluster's authority.

use super::cluster::Cluster;
use super::configuration;
use crate::config::duration;
use crate::failure::{Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::{Pair, Subject, YEAR};
use crate::terminal::say;
use crate::version::Version;
use crate::yaml;

/// Runs it.
pub(super) fn run(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "config= client-name= org= token= validity-period= v/v=")?;
    let Some(name) = flags.value("client-name") else { refuse!("required flag(s) \"client-name\" not set") };
    let cluster = Cluster::new(configuration(&flags, version)?.cluster, version)?;
    let authority = Pair::read(&cluster.certificates(), "ca")?;
    let subject = Subject { name, group: flags.value("org"), names: Vec::new() };
    let config = Kubeconfig {
        server: cluster.endpoint("127.0.0.1", 6443),
        authority: Some(authority.certificate.clone()),
        credentials: Credentials::Certificate(
            authority.issue(&subject, duration(flags.value("validity-period"), YEAR))?,
        ),
    };
    say(yaml::write(&config.to_value(cluster.name(), name))?.trim_end())
}
