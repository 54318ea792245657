//! Pods that run for real, by the container runtime: those whose images come from a registry on the machine, or are the machine's own
//! and share its network. There is no plugin for the runtime, so all of them do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cri::{
    Container, ContainerConfig, ContainerState, NamespaceMode, Namespaces, PodSandboxConfig, Runtime,
};
use crate::failure::{Result, refuse};

/// Whether a pod is run for real.
pub(super) fn is_real(pod: &Value) -> bool {
    let here = |container: &Value| {
        let image = container["image"].as_str().unwrap_or_default();
        image.starts_with("localhost:")
            || image.starts_with("localhost/") && pod["spec"]["hostNetwork"] == true
    };
    let containers = pod["spec"]["containers"].as_array();
    containers.is_some_and(|all| !all.is_empty() && all.iter().all(here))
}

/// Ends what runs of pods that are gone.
pub(super) fn clean(runtime: &Runtime, pods: &[&Value]) -> Result<()> {
    for sandbox in runtime.sandboxes()? {
        if !pods.iter().any(|pod| pod["metadata"]["uid"] == sandbox.uid.as_str()) {
            runtime.remove_sandbox(&sandbox.id)?;
        }
    }
    Ok(())
}

/// Brings a pod to run, and says how it is.
pub(super) fn tend(runtime: &Runtime, pod: &Value) -> Result<Value> {
    let config = sandbox(pod);
    let mut sandboxes = runtime.sandboxes()?.into_iter();
    let id = match sandboxes.find(|sandbox| sandbox.uid == config.uid) {
        Some(sandbox) => sandbox.id,
        None => runtime.run_sandbox(&config)?,
    };
    let present = runtime.containers()?;
    let mut statuses = Vec::new();
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        let own = |one: &&Container| one.pod_sandbox_id == id && container["name"] == one.name.as_str();
        let state = match present.iter().find(own).map(|found| found.state) {
            Some(ContainerState::Running) => json!({"running": {}}),
            Some(ContainerState::Exited) => json!({"terminated": {"reason": "Error"}}),
            Some(_) => json!({"waiting": {"reason": "ContainerCreating"}}),
            None => match start(runtime, pod, container, &id, &config) {
                Ok(()) => json!({"waiting": {"reason": "ContainerCreating"}}),
                Err(failure) => {
                    json!({"waiting": {"reason": "CreateContainerError", "message": failure.message}})
                }
            },
        };
        let ready = state.get("running").is_some();
        statuses.push(json!({
            "name": container["name"], "image": container["image"], "state": state, "ready": ready, "restartCount": 0,
        }));
    }
    let runs = statuses.iter().all(|status| status["ready"] == true);
    let (phase, ready) = if runs { ("Running", "True") } else { ("Pending", "False") };
    Ok(
        json!({"phase": phase, "conditions": [{"type": "Ready", "status": ready}], "containerStatuses": statuses}),
    )
}

/// The identity of a container that runs.
pub(super) fn container(runtime: &Runtime, uid: &str, name: &str) -> Result<String> {
    let sandboxes = runtime.sandboxes()?;
    let of_pod = |id: &str| sandboxes.iter().any(|one| one.id == id && one.uid == uid);
    let mut containers = runtime.containers()?.into_iter();
    let found = containers.find(|one| of_pod(&one.pod_sandbox_id) && one.name == name);
    // Of pods that are not run for real, there is nothing that the runtime knows; it is asked all the same.
    Ok(found.map_or_else(|| name.to_owned(), |found| found.id))
}

fn start(
    runtime: &Runtime,
    pod: &Value,
    container: &Value,
    id: &str,
    config: &PodSandboxConfig,
) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, image) = (text(&container["name"]), text(&container["image"]));
    if !runtime.has_image(&image)? {
        if container["imagePullPolicy"] == "Never" {
            refuse!("Container image {image:?} is not present with pull policy of Never");
        }
        runtime.pull(&image)?;
    }
    let words = |field: &str| container[field].as_array().into_iter().flatten().map(text).collect();
    let environment = container["env"].as_array().into_iter().flatten();
    let mut labels = config.labels.clone();
    labels.insert("io.kubernetes.container.name".to_owned(), name.clone());
    let made = ContainerConfig {
        image,
        command: words("command"),
        args: words("args"),
        working_dir: text(&container["workingDir"]),
        environment: environment.map(|one| (text(&one["name"]), text(&one["value"]))).collect(),
        labels,
        annotations: BTreeMap::from([
            ("io.kubernetes.container.hash".to_owned(), container_hash(container)),
            ("io.kubernetes.container.restartCount".to_owned(), "0".to_owned()),
        ]),
        log_path: format!("{name}/0.log"),
        namespaces: namespaces(pod),
        name,
    };
    runtime.run_container(id, config, &made)
}

fn container_hash(container: &Value) -> String {
    use sha2::Digest as _;
    let digest = crate::pki::hex(&sha2::Sha256::digest(container.to_string()));
    digest.chars().take(8).collect()
}

fn sandbox(pod: &Value) -> PodSandboxConfig {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default().to_owned();
    let (name, namespace, uid) = (text("name"), text("namespace"), text("uid"));
    let labels = [("name", &name), ("namespace", &namespace), ("uid", &uid)];
    PodSandboxConfig {
        log_directory: format!("/var/log/pods/{namespace}_{name}_{uid}"),
        labels: labels.map(|(field, value)| (format!("io.kubernetes.pod.{field}"), value.clone())).into(),
        cgroup_parent: format!("kubepods-besteffort-pod{}.slice", uid.replace('-', "_")),
        namespaces: namespaces(pod),
        name,
        uid,
        namespace,
    }
}

fn namespaces(pod: &Value) -> Namespaces {
    let own = |field: &str, mode: NamespaceMode| {
        if pod["spec"][field] == true { NamespaceMode::Node } else { mode }
    };
    Namespaces {
        network: NamespaceMode::Node,
        pid: own("hostPID", NamespaceMode::Container),
        ipc: own("hostIPC", NamespaceMode::Pod),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_machine_has_is_run() {
        let pod = |image: &str, host: bool| json!({"spec": {"hostNetwork": host, "containers": [{"image": image}]}});
        let restored = "localhost/clouder-checkpoint/default/web/counter:1";
        assert!(is_real(&pod(restored, true)) && !is_real(&pod(restored, false)));
        assert!(is_real(&pod("localhost:5000/counter:1", false)));
        assert!(!is_real(&pod("registry.k8s.io/pause:3.10", true)));
        assert!(!is_real(&json!({"spec": {"hostNetwork": true, "containers": []}})));
    }

    #[test]
    fn a_pod_has_a_control_group_and_a_folder_of_its_own() {
        let pod = json!({"metadata": {"name": "web", "namespace": "default", "uid": "1-2"}, "spec": {"hostNetwork": true}});
        let config = sandbox(&pod);
        assert_eq!(config.log_directory, "/var/log/pods/default_web_1-2");
        assert_eq!(config.cgroup_parent, "kubepods-besteffort-pod1_2.slice");
        assert_eq!(
            (config.namespaces.network, config.namespaces.pid),
            (NamespaceMode::Node, NamespaceMode::Container)
        );
    }
}
