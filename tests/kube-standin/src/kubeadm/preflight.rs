//! What must be so before kubeadm starts.

use std::net::TcpListener;
use std::path::Path;

use crate::config::NodeRegistration;
use crate::failure::{Failure, Result};
use crate::flags::Flags;
use crate::tool::Tool;
use crate::version::Version;
use crate::{cri, machine};

/// The exit code of a failed check.
const EXIT_CODE: u8 = 2;

/// What a node is going to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    /// The first control plane, or a further one.
    ControlPlane,
    /// A worker.
    Worker,
}

/// Checks the machine; what the configuration or the command line ignore is not checked.
pub(super) fn check(
    becomes: Becomes,
    node: &NodeRegistration,
    port: u16,
    data: &str,
    version: Version,
    flags: &Flags,
) -> Result<()> {
    let mut ignored: Vec<String> =
        node.ignore_preflight_errors.iter().map(|name| name.to_lowercase()).collect();
    ignored.extend(flags.values("ignore-preflight-errors").iter().map(|name| name.to_lowercase()));
    let mut found: Vec<(String, String)> = Vec::new();
    if !machine::is_root() {
        found.push(("IsPrivilegedUser".into(), "user is not running as root".into()));
    }
    let (processors, memory) = machine::size();
    if becomes == Becomes::ControlPlane && processors < 2 {
        found.push((
            "NumCPU".into(),
            format!("the number of available CPUs {processors} is less than the required 2"),
        ));
    }
    if becomes == Becomes::ControlPlane && memory < 1700 {
        found.push(("Mem".into(), format!("the system RAM ({memory} MB) is less than the minimum 1700 MB")));
    }
    let runtime = cri::Runtime::new(node.cri_socket.as_deref().unwrap_or(cri::SOCKET));
    if let Err(failure) = runtime.version() {
        found.push(("CRI".into(), format!("could not connect to the container runtime: {failure}")));
    }
    if machine::swaps() {
        found.push(("Swap".into(), "running with swap on is not supported. Please disable swap".into()));
    }
    if machine::sysctl("net.ipv4.ip_forward").as_deref() != Some("1") {
        found.push((
            "FileContent--proc-sys-net-ipv4-ip_forward".into(),
            "/proc/sys/net/ipv4/ip_forward contents are not set to 1".into(),
        ));
    }
    for program in ["conntrack", "ip", "iptables", "mount", "nsenter"] {
        let is_there = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .iter()
            .any(|folder| Path::new(folder).join(program).exists());
        if !is_there {
            found.push((format!("FileExisting-{program}"), format!("{program} not found in system path")));
        }
    }
    match Tool::Kubelet.version() {
        Ok(kubelet) if kubelet.minor > version.minor => found.push((
            "KubeletVersion".into(),
            format!("the kubelet version is higher than the control plane version. This is not a supported version skew and may lead to a malfunctional cluster. Kubelet version: \"{kubelet}\" Control plane version: \"{version}\""),
        )),
        Ok(kubelet) if kubelet.minor + 3 < version.minor => found.push((
            "KubeletVersion".into(),
            format!("Kubelet version: \"{kubelet}\" is lower than kubeadm can support. Please upgrade kubelet"),
        )),
        Ok(_) => {}
        Err(failure) => found.push(("KubeletVersion".into(), format!("couldn't get kubelet version: {failure}"))),
    }
    let mut ports = vec![10250];
    let mut files =
        vec!["/etc/kubernetes/kubelet.conf".to_owned(), "/etc/kubernetes/bootstrap-kubelet.conf".to_owned()];
    if becomes == Becomes::ControlPlane {
        ports.extend([port, 10257, 10259, 2379, 2380]);
        files.clear();
        files.extend(
            ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]
                .map(|name| format!("/etc/kubernetes/manifests/{name}.yaml")),
        );
        let entries = std::fs::read_dir(data).map(Iterator::count).unwrap_or(0);
        if entries > 0 {
            found.push(("DirAvailable--var-lib-etcd".into(), format!("{data} is not empty")));
        }
    } else {
        files.push("/etc/kubernetes/pki/ca.crt".to_owned());
    }
    for port in ports {
        if TcpListener::bind(("0.0.0.0", port)).is_err() {
            found.push((format!("Port-{port}"), format!("Port {port} is in use")));
        }
    }
    for file in files {
        if Path::new(&file).exists() {
            let name = file.trim_start_matches('/').replace('/', "-");
            found.push((format!("FileAvailable--{name}"), format!("{file} already exists")));
        }
    }
    report(found, &ignored)
}

fn report(found: Vec<(String, String)>, ignored: &[String]) -> Result<()> {
    let is_ignored =
        |name: &str| ignored.iter().any(|ignored| ignored == "all" || *ignored == name.to_lowercase());
    let fatal: Vec<String> = found
        .into_iter()
        .filter(|(name, _)| !is_ignored(name))
        .map(|(name, why)| format!("\t[ERROR {name}]: {why}\n"))
        .collect();
    if fatal.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "error execution phase preflight: [preflight] Some fatal errors occurred:\n{}[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`",
        fatal.concat()
    ))
    .with_code(EXIT_CODE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_no_error() {
        let found = vec![
            ("Swap".to_owned(), "on".to_owned()),
            ("Port-6443".to_owned(), "Port 6443 is in use".to_owned()),
        ];
        let failure = report(found.clone(), &["swap".to_owned()]).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(
            failure.message.contains("[ERROR Port-6443]: Port 6443 is in use")
                && !failure.message.contains("Swap")
        );
        assert!(report(found, &["all".to_owned()]).is_ok());
    }
}
