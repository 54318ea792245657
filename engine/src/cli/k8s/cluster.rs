//! A cluster as it is known here: a file with the variables that its playbooks are run with.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clouder_lang::yaml::{self, to_json};
use clouder_lang::{Diagnostic, Source};
use serde_json::{Map, Value};

use super::super::Failure;
use super::pool::Pool;
use crate::config::{self, Config};
use crate::template::to_yaml;

/// What every file begins with.
const HEADING: &str = "# A cluster of clouder's: the variables its playbooks are run with.\n";

/// When the cluster was complete for the first time, in UTC.
pub(super) const CREATED: &str = "cluster_created";

/// The inventory of machines that are there.
pub(super) const INVENTORY: &str = "cluster_inventory";

/// The files of all clusters.
pub(super) struct Clusters {
    folder: PathBuf,
}

/// A cluster, and its file.
pub(super) struct Cluster {
    /// Its name.
    pub(super) name: String,
    /// The variables that its playbooks are run with.
    pub(super) variables: Map<String, Value>,
    file: PathBuf,
    /// Held while something is done to the cluster from here.
    lock: Option<File>,
}

impl Clusters {
    /// Where settings say.
    pub(super) fn new(config: &Config) -> Self {
        Self { folder: config.path(&config::CLUSTERS_FOLDER).unwrap_or_default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.yml"))
    }

    /// The names of all clusters, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn names(&self) -> Result<Vec<String>, Failure> {
        let told = |error: std::io::Error| {
            Failure::plain(format!("cannot read the folder of clusters {}: {error}", self.folder.display()))
        };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(told)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(told)?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(".yml")).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// A cluster that is to be: its file if it has one, else one without any variable.
    ///
    /// # Errors
    /// When the name is none, or the file wrong.
    pub(super) fn begin(&self, name: &str) -> Result<Cluster, Failure> {
        check_name(name)?;
        let file = self.path(name);
        let variables = if file.exists() { read(&file)? } else { Map::new() };
        let variables = if variables.is_empty() { named(name) } else { variables };
        Ok(Cluster { name: name.to_owned(), variables, file, lock: None })
    }

    /// A cluster that has a file.
    ///
    /// # Errors
    /// When there is none of this name; the message names the nearest.
    pub(super) fn find(&self, name: &str) -> Result<Cluster, Failure> {
        check_name(name)?;
        if self.path(name).exists() {
            return self.begin(name);
        }
        let names = self.names()?;
        let hint = match clouder_lang::nearest(name, names.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if names.is_empty() => {
                format!("there is none yet; `clouder k8s create {name}` makes one")
            }
            None => "`clouder k8s ls` shows those that are; `clouder k8s create NAME -f FILE` takes one over whose \
                     file is elsewhere"
                .to_owned(),
        };
        Err(Failure::new(format!("no cluster is known by the name `{name}`"), hint))
    }
}

/// The variables that follow from the name.
fn named(name: &str) -> Map<String, Value> {
    let own = ["cluster_name", "kubernetes_cluster_name"];
    own.into_iter().map(|variable| (variable.to_owned(), name.into())).collect()
}

/// Reads a file of variables.
///
/// # Errors
/// When it cannot be read, or is no mapping.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::plain(format!("cannot read {}: {error}", path.display())))?;
    let source = Source::new(path, text);
    let Some(node) = yaml::load_file(&source)?.document else { return Ok(Map::new()) };
    let Some(mapping) = node.as_mapping() else {
        let message = format!("the file of a cluster is a mapping of variables, not {}", node.kind());
        return Err(Diagnostic::error(message, &node.span).into());
    };
    if let Some(pools) = mapping.get("node_pools") {
        Pool::all(&to_json(pools)).map_err(|message| Diagnostic::error(message, &pools.span))?;
    }
    match to_json(&node) {
        Value::Object(variables) => Ok(variables),
        _ => Ok(Map::new()),
    }
}

/// Whether a text can be part of names of machines, hosts and addresses.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let begins = text.starts_with(|letter: char| letter.is_ascii_lowercase());
    begins && text.chars().all(fits) && !text.ends_with('-') && text.len() <= longest
}

fn check_name(name: &str) -> Result<(), Failure> {
    if is_name(name, 40) {
        return Ok(());
    }
    let hint = "names have up to 40 small letters, digits and hyphens, and begin with a letter";
    Err(Failure::new(format!("`{name}` cannot be the name of a cluster"), hint))
}

impl Cluster {
    /// Where its machines are from: `azure`, or `static` if they are there.
    pub(super) fn provider(&self) -> &str {
        self.text("provider").unwrap_or("static")
    }

    /// Whether its machines are made by clouder.
    pub(super) fn is_made(&self) -> bool {
        self.provider() != "static"
    }

    /// A variable that is a text.
    pub(super) fn text(&self, variable: &str) -> Option<&str> {
        self.variables.get(variable).and_then(Value::as_str)
    }

    /// The inventory of its machines.
    pub(super) fn inventory(&self) -> String {
        match self.text(INVENTORY) {
            Some(inventory) => inventory.to_owned(),
            None => format!("{}:{}", self.provider(), self.name),
        }
    }

    /// Its pools of workers.
    ///
    /// # Errors
    /// When the file says something else.
    pub(super) fn pools(&self) -> Result<Vec<Pool>, Failure> {
        let Some(pools) = self.variables.get("node_pools") else { return Ok(Vec::new()) };
        Pool::all(pools).map_err(|message| Failure::plain(format!("{}: {message}", self.file.display())))
    }

    /// Says what its pools of workers are.
    pub(super) fn set_pools(&mut self, pools: &[Pool]) {
        self.variables.insert("node_pools".to_owned(), pools.iter().map(Pool::to_json).collect());
    }

    /// Whether it is known from before.
    pub(super) fn is_known(&self) -> bool {
        self.file.exists()
    }

    /// Its variables as YAML.
    pub(super) fn yaml(&self) -> String {
        format!("{HEADING}{}", to_yaml(&Value::Object(self.variables.clone())))
    }

    /// Keeps its file, whole or not at all; only its owner may read it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn save(&self) -> Result<(), Failure> {
        write_private(&self.file, self.yaml().as_bytes())
            .map_err(|error| Failure::plain(format!("cannot write {}: {error}", self.file.display())))
    }

    /// Forgets it.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub(super) fn forget(&self) -> Result<(), Failure> {
        for path in [&self.file, &self.lock_path()] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Failure::plain(format!("cannot remove {}: {error}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn lock_path(&self) -> PathBuf {
        self.file.with_extension("lock")
    }

    /// Keeps other commands on this machine from changing the cluster until this value is dropped.
    ///
    /// # Errors
    /// When another one is at work.
    pub(super) fn hold(mut self) -> Result<Self, Failure> {
        let path = self.lock_path();
        let told = |error: std::io::Error| Failure::plain(format!("cannot lock {}: {error}", path.display()));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(told)?;
        }
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(told)?;
        if lock.try_lock().is_err() {
            let message = format!("another command is at work on the cluster {}", self.name);
            return Err(Failure::new(message, "wait until it has ended"));
        }
        self.lock = Some(lock);
        Ok(self)
    }
}

/// Replaces a file, or makes it with its folder.
pub(super) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Temporary files are for their owner only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters() -> (tempfile::TempDir, Clusters) {
        let folder = tempfile::tempdir().unwrap();
        let clusters = Clusters { folder: folder.path().join("clusters") };
        (folder, clusters)
    }

    #[test]
    fn what_is_kept_is_found_again() {
        let (_folder, clusters) = clusters();
        assert_eq!(clusters.names().unwrap(), Vec::<String>::new());
        let mut cluster = clusters.begin("lab").unwrap();
        assert!(!cluster.is_known());
        cluster.variables.insert("provider".to_owned(), "azure".into());
        cluster.set_pools(&[Pool { desired: 2, ..Pool::named("workers", "Standard_D2s_v5") }]);
        cluster.save().unwrap();
        let found = clusters.find("lab").unwrap();
        assert_eq!((found.inventory().as_str(), found.pools().unwrap()[0].desired), ("azure:lab", 2));
        assert_eq!(found.text("kubernetes_cluster_name"), Some("lab"));
        assert_eq!(clusters.names().unwrap(), ["lab"]);
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&found.file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        found.forget().unwrap();
        assert!(clusters.find("lab").is_err());
    }

    #[test]
    fn one_command_at_a_time_works_on_a_cluster() {
        let (_folder, clusters) = clusters();
        let held = clusters.begin("lab").unwrap().hold().unwrap();
        assert!(clusters.begin("lab").unwrap().hold().is_err());
        drop(held);
        assert!(clusters.begin("lab").unwrap().hold().is_ok());
    }

    #[test]
    fn wrong_names_and_files_are_told_of() {
        let (_folder, clusters) = clusters();
        for name in ["", "Lab", "1lab", "lab-", "../lab", "a b", &"a".repeat(41)] {
            assert!(clusters.begin(name).is_err(), "{name}");
        }
        let told = |name: &str| clusters.find(name).err().unwrap().findings[0].to_string();
        assert!(told("lab").contains("`clouder k8s create lab` makes one"), "{}", told("lab"));
        clusters.begin("lab").unwrap().save().unwrap();
        assert!(told("lap").contains("did you mean `lab`?"), "{}", told("lap"));
        fs::write(clusters.path("lab"), "node_pools:\n  - name: workers\n").unwrap();
        assert!(told("lab").contains("lab.yml:2:3"), "{}", told("lab"));
        fs::write(clusters.path("lab"), "- 1\n").unwrap();
        assert!(told("lab").contains("a mapping of variables"), "{}", told("lab"));
    }
}
