//! Volumes: made for claims where the driver of their class runs, and gone with them.

use serde_json::{Value, json};

use super::pods::is_ready;
use super::store::{State, key};

const CLASSES: &str = "storageclasses.storage.k8s.io";

/// Makes the volumes that claims wait for, and removes those that nobody claims any more.
pub(super) fn reconcile(state: &mut State) {
    release(state);
    for claim in state.list("persistentvolumeclaims", None) {
        if claim["status"]["phase"] != "Bound" {
            bind(state, claim);
        }
    }
}

/// Removes volumes whose claim is gone, as their policy says.
fn release(state: &mut State) {
    for mut volume in state.list("persistentvolumes", None) {
        let reference = &volume["spec"]["claimRef"];
        let text = |field: &str| reference[field].as_str().unwrap_or_default().to_owned();
        let claim = key("persistentvolumeclaims", Some(&text("namespace")), &text("name"));
        if reference.is_null() || state.objects.contains_key(&claim) {
            continue;
        }
        let place = key("persistentvolumes", None, volume["metadata"]["name"].as_str().unwrap_or_default());
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
            state.remove(&place);
        } else {
            volume["status"] = json!({"phase": "Released"});
            state.put(place, volume);
        }
    }
}

fn bind(state: &mut State, mut claim: Value) {
    let namespace = claim["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let name = claim["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let class = claim["spec"]["storageClassName"].as_str().unwrap_or_default();
    let Some(class) = state.get(CLASSES, None, class).cloned() else { return };
    let Some(driver) = class["provisioner"].as_str() else { return };
    let user = state.list("pods", Some(&namespace)).into_iter().find(|pod| uses(pod, &name));
    let node = user.as_ref().and_then(|pod| pod["spec"]["nodeName"].as_str());
    let waits = class["volumeBindingMode"] == "WaitForFirstConsumer";
    if waits && node.is_none() || !runs(state, driver, node) {
        return;
    }
    let volume = format!("pvc-{}", claim["metadata"]["uid"].as_str().unwrap_or_default());
    let policy = class["reclaimPolicy"].as_str().unwrap_or("Delete");
    let made = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume},
        "spec": {"capacity": claim["spec"]["resources"]["requests"], "accessModes": claim["spec"]["accessModes"],
            "storageClassName": class["metadata"]["name"], "persistentVolumeReclaimPolicy": policy,
            "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name, "uid": claim["metadata"]["uid"]},
            "csi": {"driver": driver, "volumeHandle": volume}},
        "status": {"phase": "Bound"}});
    state.put(key("persistentvolumes", None, &volume), made);
    claim["spec"]["volumeName"] = volume.into();
    claim["status"] = json!({"phase": "Bound"});
    state.put(key("persistentvolumeclaims", Some(&namespace), &name), claim);
}

fn uses(pod: &Value, claim: &str) -> bool {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.into_iter().any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim)
}

/// Whether a driver is registered, on a node if one is named: by a pod whose registrar says so.
fn runs(state: &State, driver: &str, node: Option<&str>) -> bool {
    let known = state.objects.contains_key(&key("csidrivers.storage.k8s.io", None, driver));
    let socket = format!("/plugins/{driver}/");
    known
        && state.list("pods", None).iter().any(|pod| {
            let here = node.is_none_or(|node| pod["spec"]["nodeName"] == node);
            let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
            let mut arguments = containers.flat_map(|one| one["args"].as_array().into_iter().flatten());
            here && is_ready(pod)
                && arguments.any(|text| text.as_str().is_some_and(|text| text.contains(&socket)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(ready: &str) -> State {
        let mut state = State::default();
        state.put(key(CLASSES, None, "fast"), json!({"metadata": {"name": "fast"}, "provisioner": "d", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer"}));
        state.put(key("csidrivers.storage.k8s.io", None, "d"), json!({"metadata": {"name": "d"}}));
        state.put(key("pods", Some("kube-system"), "driver"), json!({"metadata": {"name": "driver"},
            "spec": {"nodeName": "a", "containers": [{"args": ["--kubelet-registration-path=/var/lib/kubelet/plugins/d/csi.sock"]}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}}));
        state.put(key("persistentvolumeclaims", Some("x"), "c"), json!({"metadata": {"name": "c", "namespace": "x", "uid": "1"}, "spec": {"storageClassName": "fast"}}));
        state
    }

    fn user(state: &mut State, node: &str) {
        state.put(key("pods", Some("x"), "user"), json!({"metadata": {"name": "user"}, "spec": {"nodeName": node, "volumes": [{"persistentVolumeClaim": {"claimName": "c"}}]}}));
    }

    fn volumes(state: &mut State) -> usize {
        reconcile(state);
        state.list("persistentvolumes", None).len()
    }

    #[test]
    fn a_volume_comes_where_its_driver_and_its_user_are_and_goes_with_its_claim() {
        let mut silent = state("False");
        user(&mut silent, "a");
        assert_eq!(volumes(&mut silent), 0);
        let mut state = state("True");
        assert_eq!(volumes(&mut state), 0);
        user(&mut state, "elsewhere");
        assert_eq!(volumes(&mut state), 0);
        user(&mut state, "a");
        assert_eq!(volumes(&mut state), 1);
        state.remove(&key("persistentvolumeclaims", Some("x"), "c"));
        assert_eq!(volumes(&mut state), 0);
    }
}
