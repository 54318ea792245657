//! `azure_rm_virtualmachine`.

mod body;
mod network;
mod power;
mod removal;

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use self::removal::Leftover;
use super::compare::facts;
use super::info::{chosen, group_of, name_of};
use super::options::{ResourceOptions, State};
use super::resource::Resource;
use super::{CloudContext, CloudModule};

/// The api-version of machines. From 2024-11-01 on a deletion would be a forced one.
pub(super) const COMPUTE: &str = "2024-07-01";

/// What machines are called.
pub(super) const KIND: &str = "Microsoft.Compute/virtualMachines";

/// Makes, changes, starts, stops or deletes a virtual machine. Its network interfaces are azure_rm_networkinterface's; one for
/// which none is named gets one of its own, with a network security group and a public address.
#[derive(Arguments)]
pub struct VirtualMachineArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// Its size, such as Standard_D2s_v5; another one for a machine that is there restarts it.
    vm_size: Option<String>,
    /// What its first disk is made from: a mapping of `publisher`, `offer`, `sku`, `version`, or of `id`; the id of an image; or the
    /// name of one in the resource group.
    image: Option<Value>,
    /// The name of the user who may log in.
    admin_username: Option<String>,
    /// That user's password.
    #[arg(secret)]
    admin_password: Option<String>,
    /// Whether passwords are taken over ssh.
    #[arg(default = "true")]
    ssh_password_enabled: bool,
    /// Keys that log in: mappings of `path` and `key_data`.
    ssh_public_keys: Option<Vec<Map<String, Value>>>,
    /// The name it has for itself; its name if none is given.
    short_hostname: Option<String>,
    /// What it is given at its first start, for cloud-init.
    #[arg(secret)]
    custom_data: Option<String>,
    /// Its network interfaces: names, or mappings of `name`, `resource_group`, `delete_option`.
    #[arg(alias = "network_interfaces")]
    network_interface_names: Option<Vec<Value>>,
    /// The virtual network of an interface that is made for it; the first of the resource group if none is named.
    #[arg(alias = "virtual_network")]
    virtual_network_name: Option<String>,
    /// The resource group of that virtual network, if it is another one.
    virtual_network_resource_group: Option<String>,
    /// The subnet of such an interface; the first of the virtual network if none is named.
    #[arg(alias = "subnet")]
    subnet_name: Option<String>,
    /// The public address that is made with such an interface: Static, Dynamic, or Disabled for none.
    #[arg(default = "Static", alias = "public_ip_allocation")]
    public_ip_allocation_method: String,
    /// Whether a network security group is made with such an interface.
    #[arg(default = "true")]
    created_nsg: bool,
    /// The ports that this group lets in; those that log in by default.
    open_ports: Option<Vec<String>>,
    /// Linux or Windows.
    #[arg(default = "Linux")]
    os_type: String,
    /// The name of its first disk.
    os_disk_name: Option<String>,
    /// How its first disk is cached: ReadOnly, ReadWrite or None; ReadOnly for a new machine.
    #[arg(alias = "disk_caching")]
    os_disk_caching: Option<String>,
    /// How large its first disk is, in gigabytes.
    os_disk_size_gb: Option<i64>,
    /// What becomes of its first disk when it is deleted: Delete or Detach.
    os_disk_delete_option: Option<String>,
    /// What its first disk is kept on, such as Premium_LRS.
    managed_disk_type: Option<String>,
    /// Keep the first disk on the machine that it runs on.
    #[arg(default = "false")]
    ephemeral_os_disk: bool,
    /// Further disks: mappings of `lun`, and as needed `disk_size_gb`, `managed_disk_type`, `managed_disk_id`, `caching`, `name`,
    /// `delete_option`.
    data_disks: Option<Vec<Map<String, Value>>>,
    /// Zones it may be in.
    zones: Option<Vec<String>>,
    /// The availability set it is part of.
    availability_set: Option<Value>,
    /// None for one that is kept, Spot for one that Azure may take away.
    priority: Option<String>,
    /// What becomes of a spot machine that is taken away: Deallocate or Delete.
    eviction_policy: Option<String>,
    /// The most that a spot machine may cost in an hour; -1 for any price.
    max_price: Option<f64>,
    /// Its identities: SystemAssigned for one of its own, or a mapping of `type` and `user_assigned_identities`, that one of `id`
    /// (a list) and `append`.
    #[arg(alias = "managed_identity")]
    vm_identity: Option<Value>,
    /// Keep what it says while it starts: a mapping of `enabled` and `storage_account`.
    boot_diagnostics: Option<Map<String, Value>>,
    /// A licence that is there already.
    license_type: Option<String>,
    /// What the image's publisher asks for: a mapping of `name`, `product`, `publisher`, `promotion_code`.
    plan: Option<Map<String, Value>>,
    /// Whether it should run: false stops it, and it still costs.
    started: Option<bool>,
    /// Whether it should keep its place: false stops it so that it costs nothing.
    #[arg(default = "true")]
    allocated: bool,
    /// Restart it.
    #[arg(default = "false")]
    restarted: bool,
    /// What is deleted with it: all, all_autocreated, network_interfaces, virtual_storage, public_ips.
    #[arg(default = "all")]
    remove_on_absent: Vec<String>,
}

/// The module.
pub struct VirtualMachine;

impl CloudModule for VirtualMachine {
    type Args = VirtualMachineArgs;
    const NAME: &'static str = "azure_rm_virtualmachine";
    const SUMMARY: &'static str = "Makes, changes, starts, stops and deletes virtual machines of Azure";

    async fn run(args: VirtualMachineArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let machine = args.what.resource(context, KIND, COMPUTE);
        if args.what.state == State::Absent {
            let leftover = Leftover::of(&args.remove_on_absent)?;
            return leftover.remove(&machine).await;
        }
        let seen = Resource { path: format!("{}?$expand=instanceView", machine.path), ..machine };
        let current = seen.get().await?;
        let machine = Resource { path: seen.path.replace("?$expand=instanceView", ""), ..seen };
        let place = args.what.place(context, current.as_ref()).await?;
        let mut wanted = body::wanted(&args, context, current.as_ref(), &place)?;
        if current.is_none() && args.network_interface_names.as_ref().is_none_or(Vec::is_empty) {
            let (interface, own) = network::make(&args, context, &place).await?;
            let interfaces = json!([{"id": interface, "properties": {"primary": true}}]);
            wanted["properties"]["networkProfile"]["networkInterfaces"] = interfaces;
            for (name, value) in own {
                wanted["tags"][name] = value;
            }
        }
        // What it is seen to do is not sent back.
        let comparable = current.as_ref().map(|current| {
            let mut current = current.clone();
            if let Some(properties) = current["properties"].as_object_mut() {
                properties.remove("instanceView");
            }
            current
        });
        let change = machine.bring(comparable.as_ref(), &wanted).await?;
        let state = power::state(current.as_ref());
        let power = power::change(
            &args,
            context,
            &machine.path,
            state.as_deref(),
            change.changed && current.is_none(),
        )
        .await?;
        let resource = change.resource.clone();
        let mut outcome = change.outcome();
        outcome.changed |= power.is_some();
        let state = power.or(state).unwrap_or_else(|| "running".to_owned());
        outcome.result.insert("powerstate".to_owned(), state.into());
        outcome.result.insert("azure_vm".to_owned(), told(&resource));
        Ok(outcome)
    }
}

/// A machine as a playbook reads it.
pub(super) fn told(machine: &Value) -> Value {
    let mut told = facts(machine);
    let properties = &machine["properties"];
    let names = properties["networkProfile"]["networkInterfaces"].as_array().into_iter().flatten();
    told["network_interface_names"] = names.map(|interface| name_of(&interface["id"])).collect();
    told["vm_size"] = properties["hardwareProfile"]["vmSize"].clone();
    told["admin_username"] = properties["osProfile"]["adminUsername"].clone();
    told["resource_group"] = group_of(machine);
    told["state"] = "present".into();
    let storage = told["storage_profile"].take();
    told["image"] = storage["image_reference"].clone();
    let disks = storage["data_disks"].as_array().into_iter().flatten().map(|disk| {
        let mut told = chosen(disk, &["lun", "name", "disk_size_gb", "caching", "write_accelerator_enabled"]);
        told["managed_disk_type"] = disk["managed_disk"]["storage_account_type"].clone();
        told["managed_disk_id"] = disk["managed_disk"]["id"].clone();
        told
    });
    told["data_disks"] = disks.collect();
    for field in ["os_type", "caching"] {
        let name = if field == "caching" { "os_disk_caching" } else { field };
        told[name] = storage["os_disk"][field].clone();
    }
    told["os_disk"] = storage["os_disk"].clone();
    told["storage_profile"] = storage;
    if let Some(state) = power::state(Some(machine)) {
        told["display_status"] = format!("VM {state}").into();
        told["power_state"] = state.into();
    }
    told
}
