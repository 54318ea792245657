//! The packages.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::failure::{Context as _, Result};
use crate::files;
use crate::machine::run;
use crate::tool::{Tool, architecture};
use crate::version::Version;

/// The packages' own revision, as the real ones have it.
const REVISION: &str = "1.1";

const SERVICE: &str = "\
[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=2

[Install]
WantedBy=multi-user.target
";

/// Which files the kubelet reads when kubeadm set it up.
const DROP_IN: &str = "\
[Service]
Environment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"
Environment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
";

/// The network plugins that Debian's package has.
const PLUGINS: [&str; 17] = [
    "bandwidth",
    "bridge",
    "dhcp",
    "dummy",
    "firewall",
    "host-device",
    "host-local",
    "ipvlan",
    "loopback",
    "macvlan",
    "portmap",
    "ptp",
    "sbr",
    "static",
    "tuning",
    "vlan",
    "vrf",
];

/// One package: its name, version and what it needs.
struct Package<'a> {
    name: &'a str,
    version: String,
    depends: &'a str,
}

/// Builds kubeadm, kubelet and kubectl of one version.
pub(super) fn build(place: &Path, binary: &Path, version: Version) -> Result<()> {
    // busybox stands for an image: no other can be had.
    let needs_conntrack = "conntrack, iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), iproute2, mount, util-linux, busybox-static";
    for (tool, depends) in [
        (Tool::Kubeadm, "cri-tools (>= 1.30.0), kubelet"),
        (Tool::Kubelet, needs_conntrack),
        (Tool::Kubectl, ""),
    ] {
        let package = Package { name: tool.name(), version: version.to_string(), depends };
        package.build(place, |root| {
            install(root, binary, tool, version)?;
            match tool {
                Tool::Kubelet => {
                    files::write(&root.join("usr/lib/systemd/system/kubelet.service"), SERVICE, 0o644)
                }
                Tool::Kubeadm => files::write(
                    &root.join("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"),
                    DROP_IN,
                    0o644,
                ),
                _ => Ok(()),
            }
        })?;
    }
    Ok(())
}

/// Builds what a minor release's repository has besides.
pub(super) fn build_shared(place: &Path, binary: &Path, minor: u32) -> Result<()> {
    let version = Version::new(minor, 0);
    let tools = Package { name: "cri-tools", version: version.to_string(), depends: "" };
    tools.build(place, |root| install(root, binary, Tool::Crictl, version))?;
    let plugins = Package {
        name: "kubernetes-cni",
        version: "1.7.1".to_owned(),
        depends: "containernetworking-plugins",
    };
    plugins.build(place, |root| {
        let folder = root.join("opt/cni/bin");
        std::fs::create_dir_all(&folder).doing(folder.display())?;
        PLUGINS
            .iter()
            .try_for_each(|name| symlink(format!("/usr/lib/cni/{name}"), folder.join(name)).doing(name))
    })
}

/// Builds what the one of NVIDIA's repositories has that the folder is named like: a driver that sees no device, or a runtime that is
/// runc.
pub(super) fn build_gpu(place: &Path) -> Result<()> {
    for (folder, name, program, script) in [
        (
            "cuda",
            "cuda-drivers-580",
            "nvidia-smi",
            "#!/bin/sh\necho \"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\"\nexit 9\n",
        ),
        ("toolkit", "nvidia-container-toolkit", "nvidia-container-runtime", "#!/bin/sh\nexec runc \"$@\"\n"),
    ] {
        if place.ends_with(folder) {
            let package = Package { name, version: "580.95".to_owned(), depends: "" };
            package.build(place, |root| files::write(&root.join("usr/bin").join(program), script, 0o755))?;
        }
    }
    Ok(())
}

fn install(root: &Path, binary: &Path, tool: Tool, version: Version) -> Result<()> {
    let folder = root.join("usr/bin");
    std::fs::create_dir_all(&folder).doing(folder.display())?;
    let file = folder.join(tool.name());
    std::fs::copy(binary, &file).doing(file.display())?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).doing(file.display())?;
    files::write(&tool.version_file(root), &format!("{version}\n"), 0o644)
}

impl Package<'_> {
    fn build(&self, place: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let architecture = architecture();
        let root = place.join(format!(".{}", self.name));
        fill(&root)?;
        let mut control = format!(
            "Package: {}\nVersion: {}-{REVISION}\nArchitecture: {architecture}\nMaintainer: clouder's tests <tests@localhost>\nSection: admin\nPriority: optional\nDescription: Stand-in for tests\n",
            self.name, self.version
        );
        if !self.depends.is_empty() {
            control.push_str(&format!("Depends: {}\n", self.depends));
        }
        files::write(&root.join("DEBIAN/control"), &control, 0o644)?;
        if root.join("usr/lib/systemd").exists() {
            let script =
                "#!/bin/sh\nset -e\nif [ -d /run/systemd/system ]; then systemctl daemon-reload; fi\n";
            files::write(&root.join("DEBIAN/postinst"), script, 0o755)?;
        }
        let folder = place.join(architecture);
        std::fs::create_dir_all(&folder).doing(folder.display())?;
        let file = folder.join(format!("{}_{}-{REVISION}_{architecture}.deb", self.name, self.version));
        run(Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Znone", "--build"])
            .arg(&root)
            .arg(&file))?;
        std::fs::remove_dir_all(&root).doing(root.display())
    }
}
