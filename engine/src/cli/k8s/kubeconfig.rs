//! `clouder k8s kubeconfig` and `use`.

use std::path::{Path, PathBuf};

use clap::Args;
use clouder_lang::yaml::{self, to_json};
use clouder_lang::{Diagnostic, Source};
use serde_json::{Value, json};

use super::super::{Failure, print};
use super::cluster::write_private;
use super::{Context, Front, Named};
use crate::template::to_yaml;

/// Gets credentials of your own for a cluster and adds them to the file that kubectl reads, or writes them elsewhere. They end after
/// a while; the administrator's never leave the control planes.
#[derive(Args)]
pub(super) struct Kubeconfig {
    #[command(flatten)]
    cluster: Named,
    /// Who you are to the cluster; your own name if not said
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The groups you are in, to the cluster
    #[arg(long, value_name = "GROUP", default_value = "kubeadm:cluster-admins")]
    group: Vec<String>,
    /// How long the credentials are valid, such as 30m or 72h
    #[arg(long, value_name = "TIME", default_value = "24h")]
    valid: String,
    /// Write them into this file of their own; `-` shows them
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Make the cluster the one that kubectl works with
    #[arg(long = "use")]
    use_it: bool,
    #[command(flatten)]
    front: Front,
}

/// Makes a cluster the one that kubectl works with.
#[derive(Args)]
pub(super) struct Use {
    #[command(flatten)]
    cluster: Named,
}

impl Kubeconfig {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = context.clusters.find(&self.cluster.cluster)?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("kubeconfig");
        let user =
            self.user.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "clouder".to_owned());
        let more = json!({
            "kubeconfig_user": user,
            "kubeconfig_groups": self.group,
            "kubeconfig_valid": self.valid,
            "kubeconfig_path": path,
        });
        let code = self.front.play(&cluster, "kubeconfig.yml", &more, context)?;
        if code != 0 || self.front.check {
            return Ok(code);
        }
        let got = read(&path)?;
        let own = renamed(&got, &cluster.name)?;
        match &self.to {
            Some(path) if path == Path::new("-") => print(&to_yaml(&own)),
            Some(path) => write(path, &own)?,
            None => {
                let path = kubectl_file();
                let mut all = read(&path)?;
                merge(&mut all, &own, self.use_it);
                write(&path, &all)?;
            }
        }
        Ok(0)
    }
}

impl Use {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = context.clusters.find(&self.cluster.cluster)?;
        let path = kubectl_file();
        let mut all = read(&path)?;
        if !names(&all, "contexts").any(|name| name == cluster.name) {
            let message = format!("{} knows nothing of the cluster {}", path.display(), cluster.name);
            return Err(Failure::new(
                message,
                format!("`clouder k8s kubeconfig {} --use` adds it", cluster.name),
            ));
        }
        all["current-context"] = cluster.name.into();
        write(&path, &all)?;
        Ok(0)
    }
}

/// The file that kubectl changes: the first of KUBECONFIG, else the one at home.
fn kubectl_file() -> PathBuf {
    let named = std::env::var("KUBECONFIG").unwrap_or_default();
    match named.split(':').find(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => crate::playbook::expand_user("~/.kube/config"),
    }
}

/// A kubeconfig; an empty one where there is no file.
fn read(path: &Path) -> Result<Value, Failure> {
    let empty = || json!({"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []});
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(empty()),
        Err(error) => return Err(Failure::plain(format!("cannot read {}: {error}", path.display()))),
        Ok(text) => text,
    };
    // What it says is not to be shown.
    let source = Source::secret(path, text)?;
    let Some(node) = yaml::load_file(&source)?.document else { return Ok(empty()) };
    let wrong = |why: &str| Diagnostic::error(format!("this is no kubeconfig: {why}"), &node.span);
    let mut whole = to_json(&node);
    let Some(fields) = whole.as_object_mut() else { return Err(wrong("it is no mapping").into()) };
    for list in ["clusters", "users", "contexts"] {
        match fields.get(list) {
            Some(Value::Array(_)) => {}
            None | Some(Value::Null) => drop(fields.insert(list.to_owned(), json!([]))),
            Some(_) => return Err(wrong(&format!("{list} is no list")).into()),
        }
    }
    Ok(whole)
}

fn write(path: &Path, content: &Value) -> Result<(), Failure> {
    // A link stays one.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write_private(&target, to_yaml(content).as_bytes())
        .map_err(|error| Failure::plain(format!("cannot write {}: {error}", path.display())))
}

fn names<'a>(config: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    config[list].as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str())
}

/// What was got, all of it called by the cluster's name.
fn renamed(got: &Value, name: &str) -> Result<Value, Failure> {
    let part = |list: &str, field: &str| -> Result<Value, Failure> {
        let part = got[list][0][field].clone();
        let message = || format!("the control plane gave a kubeconfig without {list}");
        if part.is_object() { Ok(part) } else { Err(Failure::plain(message())) }
    };
    let (cluster, user) = (part("clusters", "cluster")?, part("users", "user")?);
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }))
}

/// Adds what is `own`, or replaces what has its names; all else stays. The namespace of a context stays, too.
fn merge(all: &mut Value, own: &Value, use_it: bool) {
    for list in ["clusters", "users", "contexts"] {
        let Some(mine) = own[list].as_array() else { continue };
        for entry in mine {
            let name = entry["name"].as_str().unwrap_or_default();
            let Some(entries) = all[list].as_array_mut() else { continue };
            match entries.iter_mut().find(|other| other["name"] == name) {
                Some(other) => {
                    let namespace = other["context"]["namespace"].clone();
                    *other = entry.clone();
                    let context = other.get_mut("context").and_then(Value::as_object_mut);
                    if let (Some(context), false) = (context, namespace.is_null()) {
                        context.insert("namespace".to_owned(), namespace);
                    }
                }
                None => entries.push(entry.clone()),
            }
        }
    }
    let current = all["current-context"].as_str().unwrap_or_default();
    if use_it || current.is_empty() {
        all["current-context"] = own["current-context"].clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(token: &str) -> Value {
        renamed(&json!({"clusters": [{"name": "kubernetes", "cluster": {"server": "https://lab"}}], "users": [{"name": "me", "user": {"token": token}}]}), "lab").unwrap()
    }

    #[test]
    fn other_clusters_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let other = "apiVersion: v1\nkind: Config\npreferences: {colors: true}\ncurrent-context: other\nclusters:\n- name: other\n  \
                     cluster: {server: 'https://other', extra: '0123'}\nusers:\n- {name: other, user: {token: abc}}\ncontexts:\n- name: other\n  \
                     context: {cluster: other, user: other, namespace: team}\n";
        std::fs::write(&path, other).unwrap();
        let before = read(&path).unwrap();
        let mut all = before.clone();
        merge(&mut all, &own("one"), false);
        write(&path, &all).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let after = read(&path).unwrap();
        for list in ["clusters", "users", "contexts"] {
            assert_eq!(after[list][0], before[list][0]);
            assert_eq!(after[list][1]["name"], "lab");
        }
        assert_eq!(
            (&after["current-context"], &after["preferences"]),
            (&json!("other"), &json!({"colors": true}))
        );
    }

    #[test]
    fn what_is_there_is_replaced_and_keeps_its_namespace() {
        let mut all = json!({"clusters": [], "users": [], "contexts": []});
        merge(&mut all, &own("one"), false);
        assert_eq!(all["current-context"], "lab", "the only one is the one to work with");
        all["contexts"][0]["context"]["namespace"] = "team".into();
        merge(&mut all, &own("two"), true);
        assert_eq!(all["users"], json!([{"name": "lab", "user": {"token": "two"}}]));
        assert_eq!(
            all["contexts"][0]["context"],
            json!({"cluster": "lab", "user": "lab", "namespace": "team"})
        );
    }

    #[test]
    fn wrong_files_are_left_alone_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        for wrong in ["token: [hunter2", "- hunter2", "clusters: hunter2"] {
            std::fs::write(&path, wrong).unwrap();
            let told = read(&path).unwrap_err().findings[0].to_string();
            assert!(told.contains("config") && !told.contains("hunter2"), "{told}");
        }
    }
}
