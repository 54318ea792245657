//! `cargo xtask azcollection`: one playbook under ansible-core with azure.azcollection, and under clouder, each against a simulated
//! Azure with nothing in it. They must leave the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clouder_fleet::Simulator;
use serde_json::Value;

use crate::command::{ChoreError, cargo, program, run};

/// The package that holds the collection, and the ansible-core that clouder is compared with.
const PACKAGES: [&str; 2] = ["ansible==12.0.0", "ansible-core==2.19.14"];

/// The playbooks, and what gives the collection a function that it misses.
const CASE: &str = "tests/azure-sim/tests/azcollection";

/// Fields of chance and of time, and what only the simulator knows.
const VOLATILE: [&str; 10] = [
    "etag",
    "timeCreated",
    "creationTime",
    "resourceGuid",
    "vmId",
    "uniqueId",
    "hidden",
    "principalId",
    "macAddress",
    "provisioningState",
];

/// Where they differ on purpose: the end of an id, and a field.
const KNOWN: [(&str, &str); 4] = [
    // It encodes the word None when no data is given.
    ("", "/properties/userData"),
    // It asks which version is the latest; clouder leaves that to Azure.
    ("", "/properties/storageProfile/imageReference/version"),
    // What says no is said by nothing, too.
    ("/net", "/properties/enableVmProtection"),
    // Azure gives no basic addresses any more.
    ("/vm-301", "/sku/name"),
];

/// Runs the chore.
pub(crate) fn compare() -> Result<(), ChoreError> {
    run(&mut cargo(&["build", "--workspace", "--bins", "--locked"]))?;
    let folder = std::path::absolute("target/azcollection").map_err(told)?;
    let python = python(&folder)?;
    let mut left = Vec::new();
    for who in ["azure.azcollection", "clouder"] {
        println!("\n# {who}\n");
        let own = folder.join(who);
        let _ = fs::remove_dir_all(&own);
        fs::create_dir_all(&own).map_err(told)?;
        let mut azure = Azure::start(&own, who != "clouder")?;
        let playbook = format!("{CASE}/playbook.yml");
        for _ in 0..2 {
            run(&mut if who == "clouder" {
                azure.clouder(&playbook)
            } else {
                azure.ansible(&python, &folder, &playbook)?
            })?;
        }
        left.push(azure.end()?);
    }
    let [theirs, ours] = left.as_slice() else { return Ok(()) };
    let differences = differences(theirs, ours);
    println!("\n# {} resources; where they differ:\n", ours.len());
    differences.iter().for_each(|difference| println!("{difference}"));
    if differences.is_empty() {
        println!("nowhere");
        return Ok(());
    }
    Err(ChoreError::Other("clouder leaves something else than azure.azcollection does".to_owned()))
}

fn told(error: impl std::fmt::Display) -> ChoreError {
    ChoreError::Other(error.to_string())
}

/// The Python of an environment with the collection and what it requires, made when it is not there. It takes two minutes and
/// 1.6 GB.
fn python(folder: &Path) -> Result<PathBuf, ChoreError> {
    let (environment, whole) = (folder.join("environment"), folder.join("environment/whole"));
    let python = environment.join("bin/python");
    let wanted = PACKAGES.join("\n");
    // Written last: an environment without it was cut off.
    if fs::read_to_string(&whole).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let pip = |words: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]).args(words);
        command
    };
    let download = environment.join("download");
    run(pip(&["download", "--no-deps", PACKAGES[0], "--dest"]).arg(&download))?;
    // Of a hundred collections, the one.
    let take = "import glob, sys, zipfile\n\
                whole = zipfile.ZipFile(glob.glob(sys.argv[1] + '/ansible-*.whl')[0])\n\
                names = [name for name in whole.namelist() if name.startswith('ansible_collections/azure/azcollection/')]\n\
                whole.extractall(sys.argv[2], names)\n";
    run(Command::new(&python).args(["-c", take]).arg(&download).arg(environment.join("collections")))?;
    let requirements = "collections/ansible_collections/azure/azcollection/requirements.txt";
    run(pip(&["install", PACKAGES[1], "--requirement"]).arg(environment.join(requirements)))?;
    fs::write(&whole, wanted).map_err(told)?;
    Ok(python)
}

/// A simulated Azure, ended when this is dropped.
struct Azure {
    simulator: Simulator,
    folder: PathBuf,
}

impl Azure {
    fn start(folder: &Path, tls: bool) -> Result<Self, ChoreError> {
        let mut command = Command::new(program("azure-sim"));
        command
            .args(["--latency", "0.05", "--retry-after", "1", "--folder"])
            .arg(folder)
            .arg("--state")
            .arg(folder.join("state.json"))
            .args(tls.then_some("--tls"));
        let simulator = Simulator::start(&mut command).map_err(told)?;
        Ok(Self { simulator, folder: folder.to_owned() })
    }

    /// A command with the account in its environment, as azure.azcollection knows it.
    fn command(&self, program: &Path) -> Command {
        let azure = &self.simulator;
        let mut command = Command::new(program);
        command
            .env("AZURE_SUBSCRIPTION_ID", azure.of("subscription"))
            .env("AZURE_CLIENT_ID", azure.of("client_id"))
            .env("AZURE_TENANT", azure.of("tenant"))
            .env("AZURE_SECRET", azure.secret());
        command
    }

    fn clouder(&self, playbook: &str) -> Command {
        let mut command = self.command(&program("clouder"));
        command.args(["run", playbook, "-i", "localhost,"]).envs(self.simulator.environment());
        command
    }

    fn ansible(&self, python: &Path, folder: &Path, playbook: &str) -> Result<Command, ChoreError> {
        let trusted = self.folder.join("trusted.pem");
        let usual = Command::new(python).args(["-m", "certifi"]).output().map_err(told)?;
        let usual = fs::read_to_string(String::from_utf8_lossy(&usual.stdout).trim()).map_err(told)?;
        let own = fs::read_to_string(self.simulator.of("ca_file")).map_err(told)?;
        fs::write(&trusted, usual + &own).map_err(told)?;
        let metadata = format!("{}/metadata/endpoints?api-version=2022-09-01", self.simulator.of("endpoint"));
        let mut command = self.command(&python.with_file_name("ansible-playbook"));
        command
            .args([playbook, "-i", "localhost,", "-e"])
            .arg(format!("ansible_python_interpreter={}", python.display()))
            .env("AZURE_CLOUD_ENVIRONMENT", metadata)
            .env("AZURE_DISABLE_INSTANCE_DISCOVERY", "true")
            .env("REQUESTS_CA_BUNDLE", &trusted)
            .env("SSL_CERT_FILE", &trusted)
            .env("ANSIBLE_COLLECTIONS_PATH", folder.join("environment/collections"))
            .env("PYTHONPATH", std::path::absolute(CASE).map_err(told)?)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONWARNINGS", "ignore")
            .env("HOME", &self.folder);
        Ok(command)
    }

    /// Ends it; returns what it holds, by id.
    fn end(&mut self) -> Result<BTreeMap<String, Value>, ChoreError> {
        self.simulator.end();
        let state = fs::read_to_string(self.folder.join("state.json")).map_err(told)?;
        let mut state: Value = serde_json::from_str(&state).map_err(told)?;
        let mut held = BTreeMap::new();
        for mut resource in state["resources"].as_array_mut().map(std::mem::take).unwrap_or_default() {
            let id = resource["id"].as_str().unwrap_or_default().to_lowercase();
            held.insert(id, resource["value"].take());
        }
        Ok(held)
    }
}

/// Where two clouds differ, but for what is known to.
fn differences(theirs: &BTreeMap<String, Value>, ours: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for id in theirs.keys().chain(ours.keys().filter(|id| !theirs.contains_key(*id))) {
        match (theirs.get(id), ours.get(id)) {
            (Some(theirs), Some(ours)) => {
                let (theirs, ours) = (fields(theirs), fields(ours));
                let names = theirs.keys().chain(ours.keys().filter(|name| !theirs.contains_key(*name)));
                for name in names.filter(|name| theirs.get(*name) != ours.get(*name)) {
                    let is_known = |(end, field): &&(&str, &str)| id.ends_with(end) && name == field;
                    if !KNOWN.iter().any(|known| is_known(&known)) {
                        let told = |fields: &BTreeMap<String, Value>| {
                            fields.get(name).map_or("nothing".to_owned(), Value::to_string)
                        };
                        found.push(format!("{id} {name}: {} and {}", told(&theirs), told(&ours)));
                    }
                }
            }
            (theirs, _) => {
                let who = if theirs.is_some() { "azure.azcollection" } else { "clouder" };
                found.push(format!("{id}: only {who} makes it"));
            }
        }
    }
    found
}

/// All fields of a resource, by their paths.
fn fields(resource: &Value) -> BTreeMap<String, Value> {
    fn collect(value: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str())) {
                    collect(value, &format!("{path}/{name}"), found);
                }
            }
            Value::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    collect(value, &format!("{path}/{at}"), found);
                }
            }
            Value::Null => {}
            other => drop(found.insert(path.to_owned(), other.clone())),
        }
    }
    let mut found = BTreeMap::new();
    collect(resource, "", &mut found);
    found
}
