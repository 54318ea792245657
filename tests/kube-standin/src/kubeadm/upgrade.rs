//! `kubeadm upgrade`: takes a control plane to another release, and a node's configuration with it.

use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::manifests::{self, Plane};
use super::{FOLDER, PATIENCE, administrator, certificates, init, join, kubelet, say, wait};
use crate::client::Client;
use crate::failure::{Failure, Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::Kubeconfig;
use crate::listing;
use crate::version::Version;
use crate::{machine, yaml};

/// The exit code of a failed check.
const EXIT_CODE: u8 = 2;
/// How long the new API server may take.
const RESTART: Duration = Duration::from_secs(60);
/// How many minor releases a kubelet may be older than the API server.
const KUBELET_SKEW: u32 = 3;

const FLAGS: &str = "y/yes f/force dry-run etcd-upgrade= certificate-renewal= config= kubeconfig= ignore-preflight-errors= \
    patches= print-config skip-phases= allow-experimental-upgrades allow-release-candidate-upgrades v/v=";

/// `kubeadm upgrade plan [VERSION]`
pub(super) fn plan(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, &format!("{FLAGS} o/output="))?;
    let client = administrator(&flags)?;
    let now = running(&client)?;
    let target = match flags.words.first() {
        Some(text) => text.parse()?,
        None => version,
    };
    preflight(&client)?;
    permitted(now, target, version, &kubelets(&client)?)?;
    say(&format!(
        "[upgrade/versions] Cluster version: {now}\n[upgrade/versions] kubeadm version: v{version}"
    ))?;
    if target == now {
        return say("[upgrade/versions] The cluster is already at this version");
    }
    say(&format!(
        "You can now apply the upgrade by executing the following command:\n\n\tkubeadm upgrade apply v{target}"
    ))
}

/// `kubeadm upgrade apply VERSION`
pub(super) fn apply(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, FLAGS)?;
    let [target] = flags.words.as_slice() else {
        refuse!("missing one or more required arguments. Required arguments: [version]")
    };
    let target: Version = target.parse()?;
    if !flags.is_on("yes")? {
        refuse!("the stand-in asks nobody: upgrade apply needs --yes");
    }
    root()?;
    let client = administrator(&flags)?;
    let now = running(&client)?;
    preflight(&client)?;
    permitted(now, target, version, &kubelets(&client)?)?;
    if flags.is_on("dry-run")? {
        return say("[upgrade] Dry-run: nothing was changed");
    }
    let mut cluster = join::read_cluster(&client, version)?;
    cluster.version = target;
    cluster.configuration.kubernetes_version = Some(format!("v{target}"));
    control_plane(&cluster, &flags)?;
    // With the credentials that were just renewed.
    let client = administrator(&flags)?;
    let settings = kubelet_settings(&client)?;
    init::configure(&client, &cluster, &settings)?;
    init::add_proxy(&client, &cluster)?;
    kubelet::reconfigure(&settings)?;
    say(&format!("[upgrade] SUCCESS! A control plane node of your cluster was upgraded to \"v{target}\"."))
}

/// `kubeadm upgrade node`
pub(super) fn node(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, FLAGS)?;
    root()?;
    let client = if Plane::is_here() {
        administrator(&flags)?
    } else {
        Client::new(Kubeconfig::read(&std::path::Path::new(FOLDER).join("kubelet.conf"))?, PATIENCE)
    };
    let cluster = join::read_cluster(&client, version)?;
    if Plane::is_here() {
        control_plane(&cluster, &flags)?;
    } else {
        say("[upgrade/control-plane] Skipping phase. Not a control plane node.")?;
    }
    kubelet::reconfigure(&kubelet_settings(&client)?)?;
    say("[upgrade] The configuration for this node was successfully updated!")
}

fn root() -> Result<()> {
    if machine::is_root() { Ok(()) } else { refuse!("user is not running as root") }
}

/// The version that the API server says it has.
fn running(client: &Client) -> Result<Version> {
    let found = client.get("/version").map_err(|error| {
        Failure::from(error)
            .context("[upgrade/health] FATAL: couldn't get the Kubernetes version of the cluster")
    })?;
    found["gitVersion"].as_str().unwrap_or_default().parse()
}

fn kubelets(client: &Client) -> Result<Vec<Version>> {
    let nodes = client.get("/api/v1/nodes")?;
    let versions = listing::items(&nodes);
    versions
        .map(|node| node["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap_or_default().parse())
        .collect()
}

/// What must be so in the cluster: control planes that are ready, and a node that takes the job by which health is proven.
fn preflight(client: &Client) -> Result<()> {
    let nodes = client.get("/api/v1/nodes")?;
    let nodes: Vec<&Value> = listing::items(&nodes).collect();
    let planes = nodes
        .iter()
        .filter(|node| !node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"].is_null());
    let tired: Vec<&str> = planes
        .filter(|node| !join::is_ready(node))
        .filter_map(|node| node["metadata"]["name"].as_str())
        .collect();
    let mut found = Vec::new();
    if !tired.is_empty() {
        found.push(format!(
            "\t[ERROR ControlPlaneNodesReady]: there are NotReady control-planes in the cluster: {tired:?}\n"
        ));
    }
    if nodes.iter().all(|node| node["spec"]["unschedulable"] == true || !join::is_ready(node)) {
        found.push("\t[ERROR CreateJob]: Job \"upgrade-health-check\" in the namespace \"kube-system\" did not complete in 15s\n".to_owned());
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("[preflight] Some fatal errors occurred:\n{}", found.concat()))
        .with_code(EXIT_CODE))
}

/// Whether this kubeadm may take a cluster from one version to another.
fn permitted(now: Version, target: Version, kubeadm: Version, kubelets: &[Version]) -> Result<()> {
    let mut found = Vec::new();
    if target.minor > now.minor + 1 {
        found.push(format!("Specified version to upgrade to \"v{target}\" is too high; kubeadm can upgrade only 1 minor version at a time"));
    }
    if target < now {
        found.push(format!("Specified version \"v{target}\" is lower than the cluster's \"v{now}\"; going back is not supported"));
    }
    if target.minor > kubeadm.minor {
        found.push(format!(
            "Specified version to upgrade to \"v{target}\" is at least one minor release higher than the kubeadm minor release ({} > {}). Such an upgrade is not supported",
            target.minor, kubeadm.minor
        ));
    } else if target > kubeadm {
        found.push(format!("Specified version to upgrade to \"v{target}\" is higher than the kubeadm version \"v{kubeadm}\". Upgrade kubeadm first using the tool you used to install kubeadm"));
    }
    if kubeadm.minor > target.minor {
        found.push(format!(
            "Kubeadm version v{kubeadm} can only be used to upgrade to Kubernetes version 1.{}",
            kubeadm.minor
        ));
    }
    let old: Vec<String> = kubelets
        .iter()
        .filter(|kubelet| kubelet.minor + KUBELET_SKEW < target.minor)
        .map(|kubelet| format!("v{kubelet}"))
        .collect();
    if !old.is_empty() {
        found.push(format!(
            "There are kubelets in this cluster that are too old that have these versions {old:?}"
        ));
    }
    if found.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = found.iter().map(|line| format!("\t- {line}\n")).collect();
    refuse!(
        "[upgrade/version] FATAL: the version argument is invalid due to these fatal errors:\n\n{}\nPlease fix the misalignments highlighted above and try upgrading again",
        lines.concat()
    )
}

/// Renews the certificates, writes the manifests of the cluster's version, and waits for the server they make. etcd is of the same
/// version for all of them, and stays as it is.
fn control_plane(cluster: &Cluster, flags: &Flags) -> Result<()> {
    let plane = Plane::read()?;
    if flags.switch("certificate-renewal")?.unwrap_or(true) {
        certificates::renew(cluster, &plane, "all")?;
    }
    manifests::write(cluster, &plane.address, plane.port)?;
    let config = Kubeconfig::read(&std::path::Path::new(FOLDER).join("admin.conf"))?;
    let own = Client::new(
        Kubeconfig { server: format!("https://{}:{}", plane.address, plane.port), ..config },
        PATIENCE,
    );
    wait("control-plane", RESTART, || match running(&own)? {
        found if found == cluster.version => own.get("/readyz").map(drop).map_err(Into::into),
        found => refuse!("static Pod hash for component kube-apiserver did not change: it is still v{found}"),
    })?;
    say("[upgrade/staticpods] Component \"kube-apiserver\" upgraded successfully!")
}

fn kubelet_settings(client: &Client) -> Result<Value> {
    let map = client.get("/api/v1/namespaces/kube-system/configmaps/kubelet-config")?;
    Ok(yaml::documents(map["data"]["kubelet"].as_str().unwrap_or_default())?.pop().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Version = Version::new(34, 2);

    fn refused(target: Version, kubeadm: Version, kubelets: &[Version]) -> String {
        permitted(NOW, target, kubeadm, kubelets).unwrap_err().message
    }

    #[test]
    fn the_next_minor_release_and_later_patches_are_permitted() {
        let next = Version::new(35, 1);
        permitted(NOW, next, next, &[NOW, Version::new(32, 0)]).unwrap();
        permitted(NOW, Version::new(34, 5), Version::new(34, 5), &[NOW]).unwrap();
        permitted(NOW, NOW, NOW, &[NOW]).unwrap();
    }

    #[test]
    fn no_release_is_skipped_and_none_is_gone_back_to() {
        let far = Version::new(36, 0);
        assert!(refused(far, far, &[]).contains("only 1 minor version at a time"));
        let before = Version::new(34, 1);
        assert!(refused(before, before, &[]).contains("going back is not supported"));
    }

    #[test]
    fn kubeadm_is_of_the_targets_release() {
        let next = Version::new(35, 1);
        assert!(refused(next, NOW, &[]).contains("higher than the kubeadm minor release (35 > 34)"));
        assert!(refused(next, Version::new(35, 0), &[]).contains("Upgrade kubeadm first"));
        assert!(
            refused(Version::new(34, 3), next, &[])
                .contains("can only be used to upgrade to Kubernetes version 1.35")
        );
    }

    #[test]
    fn kubelets_that_would_be_too_old_are_named() {
        let next = Version::new(35, 1);
        assert!(
            refused(next, next, &[Version::new(31, 4)])
                .contains("too old that have these versions [\"v1.31.4\"]")
        );
    }
}
