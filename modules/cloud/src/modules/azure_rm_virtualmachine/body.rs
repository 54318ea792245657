//! What a machine should be, as Azure has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clouder_modules::ModuleError;
use serde_json::{Map, Value, json};

use super::VirtualMachineArgs;
use crate::modules::CloudContext;
use crate::modules::resource::{reference, set};

/// What is asked for. What can only be said when a machine is made, is left out for one that is there.
pub(super) fn wanted(
    args: &VirtualMachineArgs,
    context: &CloudContext,
    current: Option<&Value>,
    place: &str,
) -> Result<Value, ModuleError> {
    let mut wanted = json!({"location": place, "properties": {}});
    set(&mut wanted, &["properties", "hardwareProfile", "vmSize"], args.vm_size.clone());
    set(&mut wanted, &["properties", "licenseType"], args.license_type.clone());
    if let Some(interfaces) = &args.network_interface_names {
        wanted["properties"]["networkProfile"]["networkInterfaces"] =
            interfaces_of(args, context, interfaces)?;
    }
    if let Some(given) = &args.boot_diagnostics {
        let mut diagnostics = json!({"enabled": given.get("enabled").cloned().unwrap_or(true.into())});
        if let Some(account) = given.get("storage_account").and_then(Value::as_str) {
            diagnostics["storageUri"] = format!("https://{account}.blob.core.windows.net/").into();
        }
        wanted["properties"]["diagnosticsProfile"]["bootDiagnostics"] = diagnostics;
    }
    if let Some(identity) = identity(args, current)? {
        wanted["identity"] = identity;
    }
    let disk = &["properties", "storageProfile", "osDisk"];
    let path = |name: &'static str| [&disk[..], &[name]].concat();
    set(&mut wanted, &path("diskSizeGB"), args.os_disk_size_gb);
    set(&mut wanted, &path("deleteOption"), args.os_disk_delete_option.clone());
    set(&mut wanted, &path("caching"), args.os_disk_caching.clone());
    if let Some(disks) = &args.data_disks {
        wanted["properties"]["storageProfile"]["dataDisks"] = disks_of(&args.what.name, disks, current)?;
    }
    if current.is_none() {
        new(args, context, &mut wanted)?;
    }
    args.what.tags.put(&mut wanted, current);
    Ok(wanted)
}

/// What is said once.
fn new(args: &VirtualMachineArgs, context: &CloudContext, wanted: &mut Value) -> Result<(), ModuleError> {
    let needed = |name: &str| ModuleError::new(format!("a new machine needs `{name}`"));
    args.vm_size.as_ref().ok_or_else(|| needed("vm_size"))?;
    let image = args.image.as_ref().ok_or_else(|| needed("image"))?;
    let user = args.admin_username.as_ref().ok_or_else(|| needed("admin_username"))?;
    if args.admin_password.is_none() && args.ssh_public_keys.as_ref().is_none_or(Vec::is_empty) {
        return Err(ModuleError::new("a new machine needs `ssh_public_keys` or `admin_password`"));
    }
    let group = &args.what.resource_group;
    wanted["properties"]["storageProfile"]["imageReference"] = match image {
        Value::Object(fields) if fields.contains_key("offer") => {
            let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
            let version = fields.get("version").cloned().unwrap_or_else(|| "latest".into());
            json!({"publisher": field("publisher"), "offer": field("offer"), "sku": field("sku"), "version": version})
        }
        named => json!({"id": reference(context, named, "Microsoft.Compute/images", group)?}),
    };
    let disk = &mut wanted["properties"]["storageProfile"]["osDisk"];
    disk["createOption"] = "FromImage".into();
    disk["osType"] = args.os_type.as_str().into();
    if disk["caching"].is_null() {
        disk["caching"] = "ReadOnly".into();
    }
    set(disk, &["name"], args.os_disk_name.clone());
    set(disk, &["managedDisk", "storageAccountType"], args.managed_disk_type.clone());
    if args.ephemeral_os_disk {
        disk["diffDiskSettings"] = json!({"option": "Local"});
        disk["caching"] = "ReadOnly".into();
    }
    let profile = &mut wanted["properties"]["osProfile"];
    profile["computerName"] = args.short_hostname.as_deref().unwrap_or(&args.what.name).into();
    profile["adminUsername"] = user.as_str().into();
    set(profile, &["adminPassword"], args.admin_password.clone());
    set(profile, &["customData"], args.custom_data.as_ref().map(|data| STANDARD.encode(data)));
    if args.os_type.eq_ignore_ascii_case("linux") {
        let only_keys = args.admin_password.is_none() || !args.ssh_password_enabled;
        profile["linuxConfiguration"]["disablePasswordAuthentication"] = only_keys.into();
        if let Some(keys) = &args.ssh_public_keys {
            let keys = keys.iter().map(|key| {
                let data = key.get("key_data").and_then(Value::as_str);
                let data =
                    data.ok_or_else(|| ModuleError::new("each of ssh_public_keys needs `key_data`"))?;
                let usual = || format!("/home/{user}/.ssh/authorized_keys").into();
                Ok(json!({"path": key.get("path").cloned().unwrap_or_else(usual), "keyData": data.trim()}))
            });
            profile["linuxConfiguration"]["ssh"]["publicKeys"] =
                keys.collect::<Result<Value, ModuleError>>()?;
        }
    }
    set(wanted, &["zones"], args.zones.clone());
    if let Some(named) = &args.availability_set {
        let id = reference(context, named, "Microsoft.Compute/availabilitySets", group)?;
        wanted["properties"]["availabilitySet"] = json!({"id": id});
    }
    let priority = args.priority.as_deref().filter(|priority| *priority != "None");
    set(wanted, &["properties", "priority"], priority);
    set(wanted, &["properties", "evictionPolicy"], args.eviction_policy.clone());
    set(wanted, &["properties", "billingProfile", "maxPrice"], args.max_price);
    if let Some(plan) = &args.plan {
        let field = |name: &str| plan.get(name).cloned();
        let mut body =
            json!({"name": field("name"), "product": field("product"), "publisher": field("publisher")});
        set(&mut body, &["promotionCode"], field("promotion_code"));
        wanted["plan"] = body;
    }
    Ok(())
}

fn interfaces_of(
    args: &VirtualMachineArgs,
    context: &CloudContext,
    given: &[Value],
) -> Result<Value, ModuleError> {
    let interface = |(number, given): (usize, &Value)| {
        let id = reference(context, given, "Microsoft.Network/networkInterfaces", &args.what.resource_group)?;
        let mut properties = json!({"primary": number == 0});
        if let Some(option) = given.get("delete_option") {
            properties["deleteOption"] = option.clone();
        }
        Ok(json!({"id": id, "properties": properties}))
    };
    given.iter().enumerate().map(interface).collect()
}

/// The further disks: those that are named, and those that are there otherwise.
fn disks_of(
    machine: &str,
    given: &[Map<String, Value>],
    current: Option<&Value>,
) -> Result<Value, ModuleError> {
    let mut disks = Vec::new();
    for disk in given {
        let number = |name: &str| match disk.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).map(Some).ok_or_else(|| {
                    ModuleError::new(format!("`{name}` of a data disk must be a number, not {value}"))
                })
            }
        };
        let lun = number("lun")?.ok_or_else(|| ModuleError::new("each of data_disks needs a `lun`"))?;
        let mut body = json!({"lun": lun, "createOption": "Empty"});
        if let Some(id) = disk.get("managed_disk_id") {
            body["createOption"] = "Attach".into();
            body["managedDisk"]["id"] = id.clone();
        }
        set(&mut body, &["diskSizeGB"], number("disk_size_gb")?);
        for (own, path) in [
            ("managed_disk_type", &["managedDisk", "storageAccountType"][..]),
            ("caching", &["caching"]),
            ("name", &["name"]),
            ("delete_option", &["deleteOption"]),
        ] {
            set(&mut body, path, disk.get(own).cloned());
        }
        if body["name"].is_null()
            && body["createOption"] == "Empty"
            && there_at(current, &body["lun"]).is_none()
        {
            body["name"] = format!("{machine}-datadisk-{lun}").into();
        }
        disks.push(body);
    }
    let there = current.and_then(|current| current["properties"]["storageProfile"]["dataDisks"].as_array());
    let others =
        there.into_iter().flatten().filter(|there| !disks.iter().any(|disk| disk["lun"] == there["lun"]));
    let others: Vec<Value> = others.cloned().collect();
    disks.extend(others);
    // How a disk came to be there is no difference.
    for disk in &mut disks {
        let same = there_at(current, &disk["lun"]);
        if let Some(option) = same.and_then(|same| same.get("createOption")) {
            disk["createOption"] = option.clone();
        }
    }
    Ok(disks.into())
}

fn there_at<'a>(current: Option<&'a Value>, lun: &Value) -> Option<&'a Value> {
    current?["properties"]["storageProfile"]["dataDisks"].as_array()?.iter().find(|disk| disk["lun"] == *lun)
}

/// The identities of a machine.
fn identity(args: &VirtualMachineArgs, current: Option<&Value>) -> Result<Option<Value>, ModuleError> {
    let given = match &args.vm_identity {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(given)) => given,
        Some(kind) => return Ok(Some(json!({"type": kind}))),
    };
    let kind = given.get("type").and_then(Value::as_str).unwrap_or("SystemAssigned");
    let mut identity =
        json!({"type": kind.replace("SystemAssigned, UserAssigned", "SystemAssigned,UserAssigned")});
    let assigned = given.get("user_assigned_identities").or_else(|| given.get("user_assigned"));
    let (ids, append) = match assigned {
        None | Some(Value::Null) => return Ok(Some(identity)),
        Some(Value::Object(fields)) => (
            fields.get("id").cloned().unwrap_or_default(),
            fields.get("append").and_then(Value::as_bool).unwrap_or(true),
        ),
        Some(ids) => (ids.clone(), true),
    };
    let mut all = Map::new();
    if append {
        let there = current.and_then(|current| current["identity"]["userAssignedIdentities"].as_object());
        all.extend(there.into_iter().flat_map(Map::keys).map(|id| (id.clone(), json!({}))));
    }
    let ids = ids.as_array().cloned().unwrap_or_else(|| vec![ids]);
    for id in ids {
        let Value::String(id) = id else {
            return Err(ModuleError::new("user_assigned_identities are ids of identities"));
        };
        if !all.keys().any(|there| there.eq_ignore_ascii_case(&id)) {
            all.insert(id, json!({}));
        }
    }
    identity["userAssignedIdentities"] = all.into();
    Ok(Some(identity))
}
