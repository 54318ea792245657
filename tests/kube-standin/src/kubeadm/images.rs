//! Which images a control plane needs.

use super::cluster::Cluster;
use super::{configuration, say};
use crate::cri;
use crate::failure::Result;
use crate::flags::Flags;
use crate::version::Version;
use crate::{config, image};

const FLAGS: &str = "config= kubernetes-version= image-repository= cri-socket= feature-gates= o/output= v/v=";

/// Lists the images.
pub(super) fn list(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, FLAGS)?;
    images(&flags, version)?.iter().try_for_each(|image| say(image))
}

/// The end of the name of etcd's image.
fn etcd() -> String {
    format!("/etcd:{}", image::TAG)
}

/// Checks that images could be pulled: the runtime answers. Of what they hold, only etcd can be had.
pub(super) fn pull(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, FLAGS)?;
    let socket = match flags.value("config") {
        Some(_) => configuration(&flags, version)?.init.and_then(|init| init.node_registration.cri_socket),
        None => flags.value("cri-socket").map(str::to_owned),
    };
    cri::Runtime::new(socket.as_deref().unwrap_or(cri::SOCKET)).version()?;
    let images = images(&flags, version)?;
    if let Some(repository) = images.iter().find_map(|name| name.strip_suffix(&etcd())) {
        image::provide(repository)?;
    }
    images.iter().try_for_each(|image| say(&format!("[config/images] Pulled {image}")))
}

fn images(flags: &Flags, version: Version) -> Result<Vec<String>> {
    let given = match flags.value("config") {
        Some(path) => config::read_file(path.as_ref(), version.minor)?.cluster,
        None => None,
    };
    let mut cluster = Cluster::new(given, version)?;
    if let Some(text) = flags.value("kubernetes-version") {
        cluster.version = text.parse()?;
    }
    let repository = flags
        .value("image-repository")
        .or(cluster.configuration.image_repository.as_deref())
        .unwrap_or_default();
    let pause = if cluster.version.minor >= 34 { "3.10.1" } else { "3.10" };
    let mut images: Vec<String> =
        ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]
            .iter()
            .map(|name| format!("{repository}/{name}:v{}", cluster.version))
            .collect();
    images.extend([
        format!("{repository}/coredns/coredns:v1.12.1"),
        format!("{repository}/pause:{pause}"),
        format!("{repository}{}", etcd()),
    ]);
    Ok(images)
}
