//! The content of a pod's volumes, as folders of the node.

use std::collections::HashMap;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::pods::FOLDER;
use crate::client::Client;
use crate::failure::{Context as _, Result, refuse};
use crate::files;

/// A pod whose volumes are asked for.
struct Pod<'a> {
    client: &'a Client,
    pod: &'a Value,
    namespace: &'a str,
    folder: PathBuf,
}

/// A file of a volume: its path there, and what it holds.
type File = (String, Vec<u8>);

/// Where the content of a pod's volumes is, by their names. Those of a claim are waited for.
///
/// # Errors
/// When something that they are made from is not there, or of a sort that is not known here.
pub(super) fn provide(client: &Client, pod: &Value, space: &str) -> Result<HashMap<String, PathBuf>> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let folder = Path::new(FOLDER).join(space).join("volumes");
    let pod = Pod { client, pod, namespace, folder };
    let mut found = HashMap::new();
    for volume in pod.pod["spec"]["volumes"].as_array().into_iter().flatten() {
        if let Some(name) = volume["name"].as_str() {
            found.insert(name.to_owned(), pod.volume(name, volume)?);
        }
    }
    Ok(found)
}

impl Pod<'_> {
    fn volume(&self, name: &str, volume: &Value) -> Result<PathBuf> {
        let place = self.folder.join(name);
        if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            let claim = self.object("persistentvolumeclaims", claim)?;
            let Some(bound) = claim["spec"]["volumeName"].as_str() else {
                refuse!("pod has unbound immediate PersistentVolumeClaims")
            };
            let path = Path::new(FOLDER).join(bound);
            std::fs::create_dir_all(&path).doing(path.display())?;
            return Ok(path);
        }
        if let Some(path) = volume["hostPath"]["path"].as_str() {
            if volume["hostPath"]["type"] == "DirectoryOrCreate" {
                std::fs::create_dir_all(path).doing(path)?;
            } else if !Path::new(path).exists() {
                refuse!("hostPath type check failed: {path} is not there");
            }
            return Ok(path.into());
        }
        if volume["emptyDir"].is_object() {
            std::fs::create_dir_all(&place).doing(place.display())?;
            return Ok(place);
        }
        // What is made from objects is made once: nobody here looks whether they change.
        if place.exists() {
            return Ok(place);
        }
        let (content, mode) = if volume["secret"].is_object() {
            (self.source("secret", "secretName", &volume["secret"])?, &volume["secret"]["defaultMode"])
        } else if volume["configMap"].is_object() {
            (self.source("configMap", "name", &volume["configMap"])?, &volume["configMap"]["defaultMode"])
        } else if volume["projected"].is_object() {
            (self.projected(&volume["projected"])?, &volume["projected"]["defaultMode"])
        } else {
            refuse!("volume {name} is of a sort that is not known here: {volume}")
        };
        self.fill(&place, &content, mode.as_u64().and_then(|mode| mode.try_into().ok()).unwrap_or(0o644))?;
        Ok(place)
    }

    fn object(&self, plural: &str, name: &str) -> Result<Value> {
        Ok(self.client.get(&format!("/api/v1/namespaces/{}/{plural}/{name}", self.namespace))?)
    }

    /// The entries of a Secret or a ConfigMap: those that are named, else all.
    fn source(&self, kind: &str, field: &str, source: &Value) -> Result<Vec<File>> {
        let plural = if kind == "secret" { "secrets" } else { "configmaps" };
        let object = self.object(plural, source[field].as_str().unwrap_or_default())?;
        let data = object["data"].as_object().into_iter().flatten();
        let entries = data.map(|(key, value)| {
            let text = value.as_str().unwrap_or_default();
            let bytes =
                if kind == "secret" { STANDARD.decode(text).unwrap_or_default() } else { text.into() };
            (key.clone(), bytes)
        });
        let entries: HashMap<String, Vec<u8>> = entries.collect();
        let Some(items) = source["items"].as_array() else { return Ok(entries.into_iter().collect()) };
        let mut named = Vec::new();
        for item in items {
            let [key, path] = ["key", "path"].map(|field| item[field].as_str().unwrap_or_default());
            let Some(bytes) = entries.get(key) else { refuse!("references non-existent key: {key}") };
            named.push((path.to_owned(), bytes.clone()));
        }
        Ok(named)
    }

    fn projected(&self, projected: &Value) -> Result<Vec<File>> {
        let mut content = Vec::new();
        for source in projected["sources"].as_array().into_iter().flatten() {
            if let Some(token) = source.get("serviceAccountToken") {
                let account = self.pod["spec"]["serviceAccountName"].as_str().unwrap_or("default");
                let path = format!("/api/v1/namespaces/{}/serviceaccounts/{account}/token", self.namespace);
                let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                    "spec": {"expirationSeconds": token["expirationSeconds"]}});
                let told = self.client.create(&path, &asked)?;
                let token_itself = told["status"]["token"].as_str().unwrap_or_default();
                content.push((token["path"].as_str().unwrap_or_default().to_owned(), token_itself.into()));
            }
            for (kind, field) in [("secret", "name"), ("configMap", "name")] {
                if source[kind].is_object() {
                    content.extend(self.source(kind, field, &source[kind])?);
                }
            }
            for item in source["downwardAPI"]["items"].as_array().into_iter().flatten() {
                let text = field(self.pod, item["fieldRef"]["fieldPath"].as_str().unwrap_or_default());
                content.push((item["path"].as_str().unwrap_or_default().to_owned(), text.into()));
            }
        }
        Ok(content)
    }

    /// Makes a folder of these files, for the group that the pod says.
    fn fill(&self, place: &Path, content: &[File], mode: u32) -> Result<()> {
        let new = place.with_extension("new");
        let _ = std::fs::remove_dir_all(&new);
        std::fs::create_dir_all(&new).doing(new.display())?;
        let group = self.pod["spec"]["securityContext"]["fsGroup"].as_u64();
        let group = group.and_then(|group| u32::try_from(group).ok());
        for (path, bytes) in content {
            let file = new.join(path);
            files::write(&file, bytes, mode)?;
            chown(&file, None, group).doing(file.display())?;
        }
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).doing(new.display())?;
        std::fs::rename(&new, place).doing(place.display())
    }
}

/// A field of a pod, as a text.
pub(super) fn field(pod: &Value, path: &str) -> String {
    let pointer = format!("/{}", path.replace('.', "/"));
    pod.pointer(&pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
