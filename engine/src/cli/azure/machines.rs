//! Machines: `vm-list`, `vm-create`, `vm-start`, `vm-stop`, `vm-delete`.

use std::path::PathBuf;

use clap::Args;
use futures::future::join_all;
use serde_json::{Map, Value, json};

use super::super::table::Table;
use super::{Azure, Failure, warn};

/// Which machines.
#[derive(Args)]
pub(super) struct Machines {
    /// The resource group they are in
    #[arg(short = 'g', long)]
    resource_group: String,
    /// Their names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// What machines are to be made.
#[derive(Args)]
pub(super) struct CreateOptions {
    #[command(flatten)]
    machines: Machines,
    /// Their size
    #[arg(long)]
    size: String,
    /// What they are made from: PUBLISHER:OFFER:SKU:VERSION, or the id of an image
    #[arg(long)]
    image: String,
    /// The user who may log in
    #[arg(long, default_value = "azureuser")]
    admin_user: String,
    /// A file with the public key that logs in
    #[arg(long, value_name = "FILE")]
    ssh_key: PathBuf,
    /// The network interface; {name} stands for the machine's name
    #[arg(long, default_value = "{name}-nic")]
    nic: String,
    /// The zone
    #[arg(long)]
    zone: Option<String>,
    /// A file that cloud-init is given at the first start
    #[arg(long, value_name = "FILE")]
    custom_data: Option<PathBuf>,
    /// What disks are kept on
    #[arg(long, value_name = "TYPE")]
    disk_type: Option<String>,
    /// Machines that Azure may take away
    #[arg(long)]
    spot: bool,
    /// Tags
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<String>,
}

/// Shows machines.
pub(super) async fn list(
    azure: &Azure,
    resource_group: Option<String>,
    tags: Vec<String>,
) -> Result<i32, Failure> {
    let mut arguments = Map::new();
    if let Some(group) = resource_group {
        arguments.insert("resource_group".to_owned(), group.into());
    }
    if !tags.is_empty() {
        arguments.insert("tags".to_owned(), tags.into());
    }
    let outcome = azure.module("azure_rm_virtualmachine_info", arguments).await;
    if outcome.failed {
        return Err(Failure::plain(outcome.msg.unwrap_or_default()));
    }
    let mut table = Table::new(&["name", "resource group", "location", "zones", "size", "state"]);
    for machine in outcome.result.get("vms").and_then(Value::as_array).into_iter().flatten() {
        let [name, group, location, zones, size, state] =
            ["name", "resource_group", "location", "zones", "vm_size", "power_state"]
                .map(|field| machine[field].clone());
        table.add([name, group, location, zones, size, state]);
    }
    table.sort();
    azure.tell(&table);
    Ok(0)
}

/// Makes machines.
pub(super) async fn create(azure: &Azure, options: CreateOptions) -> Result<i32, Failure> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            Failure::new(message, "--ssh-key names a public key, --custom-data a file for cloud-init")
        })
    };
    let key = read(&options.ssh_key)?;
    let key_path = format!("/home/{}/.ssh/authorized_keys", options.admin_user);
    let mut shared = json!({
        "vm_size": options.size,
        "image": image(&options.image)?,
        "admin_username": options.admin_user,
        "ssh_password_enabled": false,
        "ssh_public_keys": [{"path": key_path, "key_data": key.trim()}],
        "tags": tags(&options.tags)?,
        "zones": options.zone.map(|zone| [zone]),
        "managed_disk_type": options.disk_type,
        "custom_data": options.custom_data.as_ref().map(read).transpose()?,
    });
    if options.spot {
        shared["priority"] = "Spot".into();
        shared["eviction_policy"] = "Deallocate".into();
    }
    Ok(azure
        .each(options.machines.arguments(|name| {
            let mut own = shared.clone();
            own["network_interface_names"] = json!([options.nic.replace("{name}", name)]);
            own
        }))
        .await)
}

/// An image as the module takes it.
fn image(text: &str) -> Result<Value, Failure> {
    if text.starts_with('/') {
        return Ok(text.into());
    }
    match text.split(':').collect::<Vec<_>>()[..] {
        [publisher, offer, sku, version] => {
            Ok(json!({"publisher": publisher, "offer": offer, "sku": sku, "version": version}))
        }
        _ => {
            let hint =
                "write PUBLISHER:OFFER:SKU:VERSION, such as Debian:debian-13:13-gen2:latest, or its id";
            Err(Failure::new(format!("`{text}` is no image"), hint))
        }
    }
}

fn tags(given: &[String]) -> Result<Value, Failure> {
    let split = |tag: &String| match tag.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), Value::from(value))),
        None => Err(Failure::new(format!("`{tag}` is no tag"), "write NAME=VALUE")),
    };
    Ok(given.iter().map(split).collect::<Result<Map<_, _>, _>>()?.into())
}

impl Machines {
    /// What the module is told of each.
    fn arguments(&self, more: impl Fn(&str) -> Value) -> Vec<(String, Map<String, Value>)> {
        let of_one = |name: &String| {
            let mut arguments = Map::new();
            arguments.insert("resource_group".to_owned(), self.resource_group.as_str().into());
            arguments.insert("name".to_owned(), name.as_str().into());
            if let Value::Object(more) = more(name) {
                arguments.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
            }
            (name.clone(), arguments)
        };
        self.names.iter().map(of_one).collect()
    }

    /// Those that are there; others are told of.
    async fn found(self, azure: &Azure) -> Result<Self, Failure> {
        let asked = self.arguments(|_| Value::Null).into_iter().map(|(name, arguments)| async {
            (name, azure.module("azure_rm_virtualmachine_info", arguments).await)
        });
        let mut names = Vec::new();
        for (name, outcome) in join_all(asked).await {
            if outcome.failed {
                return Err(Failure::plain(outcome.msg.unwrap_or_default()));
            }
            match outcome.result.get("vms").and_then(Value::as_array) {
                Some(found) if !found.is_empty() => names.push(name),
                _ => warn(format!("there is no machine {name} in resource group {}", self.resource_group)),
            }
        }
        Ok(Self { names, ..self })
    }

    /// Starts them.
    pub(super) async fn start(self, azure: &Azure) -> Result<i32, Failure> {
        self.bring(azure, json!({"started": true})).await
    }

    /// Stops them, and gives back what they run on.
    pub(super) async fn stop(self, azure: &Azure) -> Result<i32, Failure> {
        self.bring(azure, json!({"allocated": false})).await
    }

    async fn bring(self, azure: &Azure, state: Value) -> Result<i32, Failure> {
        let asked = self.names.len();
        let found = self.found(azure).await?;
        let code = azure.each(found.arguments(|_| state.clone())).await;
        Ok(if found.names.len() < asked { 2 } else { code })
    }

    /// Deletes them.
    pub(super) async fn delete(self, azure: &Azure, yes: bool) -> Result<i32, Failure> {
        if !yes {
            let names = self.names.join(", ");
            let message =
                format!("{names} would be deleted, with disks, network interfaces and public addresses");
            return Err(Failure::new(message, "say --yes to do so"));
        }
        Ok(azure.each(self.arguments(|_| json!({"state": "absent"}))).await)
    }
}
