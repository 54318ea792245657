//! The node's pods. Images cannot be had: what runs are those that are on the machine, busybox, coredns's answers, and the copying of
//! files onto the node, which is how a network plugin sets a node up. Of other pods it is only said that they run.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::containers::{self, Containers, Mount, Run};
use super::network::{self, Network};
use super::services::{self, Services};
use super::{Kubelet, complain, sandboxes, volumes};
use crate::client::Client;
use crate::cri::{Runtime, TaskState};
use crate::failure::{Context as _, Result};
use crate::files;
use crate::listing;

/// Where the files of pods and the content of volumes are.
pub(super) const FOLDER: &str = "/var/lib/kubelet/standin";
/// How long nodes and services are taken to be what they were, as long as no pod has changed.
const TRUST: Duration = Duration::from_secs(5);

/// The pods of this node, as far as they are more than words.
#[derive(Default)]
pub(super) struct Pods {
    network: Network,
    services: Services,
    /// The pods of the cluster as they were told last.
    known: Option<Arc<Value>>,
    /// Those with which network and services were looked at last, and when that was.
    seen: Option<(Arc<Value>, Instant)>,
    containers: Containers,
    /// The servers of coredns's pods, by the names of their network namespaces.
    resolvers: HashMap<String, Child>,
}

/// Whether a pod has a container of an image whose name ends so.
fn has_image(pod: &Value, wanted: &str) -> bool {
    let mut containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.any(|container| {
        let image = container["image"].as_str().unwrap_or_default();
        image.rsplit('/').next().and_then(|name| name.split([':', '@']).next()) == Some(wanted)
    })
}

fn is_real(pod: &Value) -> bool {
    pod["spec"]["containers"]
        .as_array()
        .is_some_and(|all| !all.is_empty() && all.iter().all(containers::is_real))
}

/// The name of a pod's network namespace.
fn space(pod: &Value) -> String {
    format!("pod-{}", pod["metadata"]["uid"].as_str().unwrap_or_default())
}

impl Pods {
    /// Brings all pods of this node to run, and what is gone to its end.
    pub(super) fn tend(&mut self, client: &Client, kubelet: &Kubelet) -> Result<()> {
        let pods = self.look(client)?;
        let own = listing::items(&pods);
        let own: Vec<&Value> = own.filter(|pod| pod["spec"]["nodeName"] == kubelet.name.as_str()).collect();
        let runtime = Runtime::new(&kubelet.endpoint);
        sandboxes::clean(&runtime, &own)?;
        self.clean(&own)?;
        let working = |pod: &&&Value| pod["status"]["phase"] == "Running";
        let has = |image: &str| own.iter().filter(working).any(|pod| has_image(pod, image));
        let is_known = |(seen, at): &(Arc<Value>, Instant)| Arc::ptr_eq(seen, &pods) && at.elapsed() < TRUST;
        if has("flannel") && !(self.seen.as_ref().is_some_and(is_known) && network::is_set_up()) {
            let nodes = client.get("/api/v1/nodes")?;
            let worked = self.network.set_up(&kubelet.name, &nodes);
            if has("kube-proxy") {
                let all = client.get("/api/v1/services")?;
                services::name(&all, kubelet.settings.cluster_domain.as_deref().unwrap_or("cluster.local"))?;
                self.services.lead(&all, &pods, &client.config().server)?;
            }
            match worked {
                Ok(()) => self.seen = Some((Arc::clone(&pods), Instant::now())),
                Err(failure) => complain(&failure.message),
            }
        }
        let states = if own.iter().any(|pod| is_real(pod)) { runtime.tasks()? } else { HashMap::new() };
        for pod in own {
            let status = if sandboxes::is_real(pod) {
                sandboxes::tend(&runtime, pod)
            } else if is_real(pod) {
                self.run(client, pod, kubelet, &states)
            } else if has_image(pod, "coredns") {
                self.resolve(pod, kubelet)
            } else if pod["status"]["phase"] == "Running" {
                continue;
            } else {
                let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
                start(client, pod, namespace).map(|()| running())
            };
            let status =
                status.unwrap_or_else(|failure| json!({"phase": "Pending", "message": failure.message}));
            if pod["status"] != status {
                tell(client, pod, &status)?;
            }
        }
        Ok(())
    }

    /// Forgets what was told: an API that does not answer may go on from an older state.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// All pods of the cluster.
    fn look(&mut self, client: &Client) -> Result<Arc<Value>> {
        const PODS: &str = "/api/v1/pods";
        let now = match &self.known {
            Some(known) => match client.get_changed(PODS, listing::tag(listing::items(known)))? {
                Some(list) => Arc::new(list),
                None => Arc::clone(known),
            },
            None => Arc::new(client.get(PODS)?),
        };
        self.known = Some(Arc::clone(&now));
        Ok(now)
    }

    /// Removes what is left of pods that are gone.
    fn clean(&mut self, own: &[&Value]) -> Result<()> {
        for gone in network::spaces() {
            if own.iter().any(|pod| space(pod) == gone) {
                continue;
            }
            if let Some(mut child) = self.resolvers.remove(&gone) {
                let _ = child.kill();
                let _ = child.wait();
            }
            self.containers.remove(gone.trim_start_matches("pod-"))?;
            let _ = std::fs::remove_dir_all(Path::new(FOLDER).join(&gone));
            self.network.leave(&gone);
        }
        Ok(())
    }

    /// Runs a pod whose containers can be run, and says how it is.
    fn run(
        &mut self,
        client: &Client,
        pod: &Value,
        kubelet: &Kubelet,
        states: &HashMap<String, TaskState>,
    ) -> Result<Value> {
        if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
            return Ok(pod["status"].clone());
        }
        let space = space(pod);
        let address = self.network.join(&kubelet.name, &space)?;
        let volumes = volumes::provide(client, pod, &space)?;
        let folder = Path::new(FOLDER).join(&space);
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        files::write(&folder.join("hostname"), &format!("{name}\n"), 0o644)?;
        files::write(&folder.join("resolv.conf"), &resolution(pod, kubelet), 0o644)?;
        let again = pod["spec"]["restartPolicy"].as_str().is_none_or(|policy| policy == "Always");
        let mut told = Vec::new();
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            let own = container["name"].as_str().unwrap_or_default();
            let file = |name: &str| Mount {
                source: folder.join(name),
                target: format!("/etc/{name}"),
                read_only: false,
            };
            let mut mounts = vec![file("hostname"), file("resolv.conf")];
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                let source = mount["name"].as_str().and_then(|name| volumes.get(name));
                if let (Some(source), Some(target)) = (source, mount["mountPath"].as_str()) {
                    let (source, target) = (source.clone(), target.to_owned());
                    mounts.push(Mount { source, target, read_only: mount["readOnly"] == true });
                }
            }
            let run = Run {
                name: format!("{}-{own}", space.trim_start_matches("pod-")),
                network: network::path(&space),
                mounts,
                variables: variables(pod, container, self.services.api()),
                pod,
                container,
            };
            let mut status = self.containers.tend(&run, again, states.get(&run.name).copied());
            if status["ready"] == true {
                status["ready"] = answers(container, address).into();
            }
            told.push(status);
        }
        Ok(whole(&told, address, kubelet))
    }

    /// Runs the server of a pod of coredns, and says how it is.
    fn resolve(&mut self, pod: &Value, kubelet: &Kubelet) -> Result<Value> {
        let space = space(pod);
        let address = self.network.join(&kubelet.name, &space)?;
        let lives = self.resolvers.get_mut(&space).is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !lives {
            let program = std::env::current_exe().doing("coredns")?;
            let child = Command::new("ip")
                .args(["netns", "exec", &space])
                .arg(program)
                .arg("--act-as=coredns")
                .spawn();
            self.resolvers.insert(space, child.doing("ip")?);
        }
        let mut status = running();
        status["podIP"] = address.to_string().into();
        Ok(status)
    }
}

fn running() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
}

fn tell(client: &Client, pod: &Value, status: &Value) -> Result<()> {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    let path = format!("/api/v1/namespaces/{}/pods/{}/status", text("namespace"), text("name"));
    match client.merge(&path, &json!({"status": status})) {
        // It was deleted meanwhile.
        Err(error) if error.is_not_found() => Ok(()),
        told => told.map(drop).map_err(Into::into),
    }
}

/// A pod's status, from those of its containers.
fn whole(containers: &[Value], address: Ipv4Addr, kubelet: &Kubelet) -> Value {
    let ended = |one: &Value| one["state"]["terminated"].is_object();
    let phase = if containers.iter().all(ended) {
        let fine = containers.iter().all(|one| one["state"]["terminated"]["exitCode"] == 0);
        if fine { "Succeeded" } else { "Failed" }
    } else if containers.iter().all(|one| ended(one) || one["state"]["running"].is_object()) {
        "Running"
    } else {
        "Pending"
    };
    let ready = containers.iter().all(|one| one["ready"] == true);
    let ready = if ready { "True" } else { "False" };
    json!({
        "phase": phase, "hostIP": kubelet.address, "podIP": address.to_string(), "podIPs": [{"ip": address.to_string()}],
        "containerStatuses": containers, "conditions": [{"type": "Ready", "status": ready}],
    })
}

/// The variables of a container: where the API server is, and its own.
fn variables(pod: &Value, container: &Value, api: Option<&str>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Some(address) = api {
        all.push(("KUBERNETES_SERVICE_HOST".to_owned(), address.to_owned()));
        all.push(("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()));
    }
    for one in container["env"].as_array().into_iter().flatten() {
        let value = match one["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some(path) => volumes::field(pod, path),
            None => one["value"].as_str().unwrap_or_default().to_owned(),
        };
        all.push((one["name"].as_str().unwrap_or_default().to_owned(), value));
    }
    all
}

/// Whether a container that runs is ready: its port is listened on, if that is asked for.
fn answers(container: &Value, address: Ipv4Addr) -> bool {
    let port =
        container["readinessProbe"]["tcpSocket"]["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    port.is_none_or(|port| {
        TcpStream::connect_timeout(&(address, port).into(), Duration::from_secs(1)).is_ok()
    })
}

/// Whom a pod asks for names.
fn resolution(pod: &Value, kubelet: &Kubelet) -> String {
    let domain = kubelet.settings.cluster_domain.as_deref().unwrap_or("cluster.local");
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut text = format!("search {namespace}.svc.{domain} svc.{domain} {domain}\n");
    for server in &kubelet.settings.cluster_dns {
        text.push_str(&format!("nameserver {server}\n"));
    }
    text + "options ndots:5\n"
}

fn start(client: &Client, pod: &Value, namespace: &str) -> Result<()> {
    for container in pod["spec"]["initContainers"].as_array().into_iter().flatten() {
        if container["command"] != json!(["cp"]) {
            continue;
        }
        let words: Vec<&str> =
            container["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let [.., from, to] = words.as_slice() else { continue };
        let content = source(client, pod, container, namespace, from)?;
        if let Some(target) = on_the_node(pod, container, to) {
            let mode = if content.is_some() { 0o644 } else { 0o755 };
            files::write(
                &target,
                &content.unwrap_or_else(|| "#!/bin/sh\n# stands for a file of an image\n".to_owned()),
                mode,
            )?;
        }
    }
    Ok(())
}

/// The volume that a path inside a container lies in, and the path in it.
fn volume<'pod>(pod: &'pod Value, container: &Value, path: &str) -> Option<(&'pod Value, PathBuf)> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    let (name, rest) = mounts
        .filter_map(|mount| {
            let rest = Path::new(path).strip_prefix(mount["mountPath"].as_str()?).ok()?;
            Some((mount["name"].clone(), rest.to_owned()))
        })
        .next()?;
    let volume = pod["spec"]["volumes"].as_array()?.iter().find(|volume| volume["name"] == name)?;
    Some((volume, rest))
}

/// What a file of a ConfigMap holds; none for a file of the image.
fn source(
    client: &Client,
    pod: &Value,
    container: &Value,
    namespace: &str,
    path: &str,
) -> Result<Option<String>> {
    let Some((volume, rest)) = volume(pod, container, path) else { return Ok(None) };
    let Some(name) = volume["configMap"]["name"].as_str() else { return Ok(None) };
    let map = client.get(&format!("/api/v1/namespaces/{namespace}/configmaps/{name}"))?;
    Ok(map["data"][rest.to_string_lossy().as_ref()].as_str().map(str::to_owned))
}

fn on_the_node(pod: &Value, container: &Value, path: &str) -> Option<PathBuf> {
    let (volume, rest) = volume(pod, container, path)?;
    Some(Path::new(volume["hostPath"]["path"].as_str()?).join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_container_is_found_on_the_node() {
        let pod = json!({"spec": {"volumes": [{"name": "cni", "hostPath": {"path": "/etc/cni/net.d"}}]}});
        let container = json!({"volumeMounts": [{"name": "cni", "mountPath": "/host/cni"}]});
        assert_eq!(
            on_the_node(&pod, &container, "/host/cni/10.conflist"),
            Some(PathBuf::from("/etc/cni/net.d/10.conflist"))
        );
        assert_eq!(on_the_node(&pod, &container, "/elsewhere/x"), None);
    }
}
