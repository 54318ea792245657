//! The profiles of a machine: hardware, system, network, storage.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::images;
use super::sizes::{self, SIZES, Size};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::{ResourceId, key};
use crate::json::{default, has, list, list_mut, remove, set, text};
use crate::kind::Write;
use crate::random;
use crate::store::Resource;

/// Names that no administrator may have.
const FORBIDDEN: &[&str] = &[
    "1",
    "123",
    "a",
    "actuser",
    "adm",
    "admin",
    "admin1",
    "admin2",
    "administrator",
    "aspnet",
    "backup",
    "console",
    "david",
    "guest",
    "john",
    "owner",
    "root",
    "server",
    "sql",
    "support",
    "support_388945a0",
    "sys",
    "test",
    "test1",
    "test2",
    "test3",
    "user",
    "user1",
    "user2",
    "user3",
    "user4",
    "user5",
    "video",
];

fn parameter(name: &str, message: impl Into<String>) -> Failure {
    Failure::bad("InvalidParameter", message).about(name)
}

fn unchangeable(name: &str) -> Failure {
    Failure::conflict("PropertyChangeNotAllowed", format!("Changing property '{name}' is not allowed."))
        .about(name)
}

/// Whether a machine becomes another size, and may.
///
/// # Errors
/// When it must be deallocated first, or can never be.
pub fn resize(write: &Write, size: &Size) -> Result<bool> {
    let Some(old) = &write.old else { return Ok(false) };
    let before = sizes::find(text(old, "/properties/hardwareProfile/vmSize"))?;
    if before.name == size.name {
        return Ok(false);
    }
    let name = write.id.name();
    if (before.temporary == 0) != (size.temporary == 0) {
        return Err(Failure::conflict("OperationNotAllowed", format!("Unable to resize the VM '{name}' since changing from resource disk to non-resource disk VM size and vice-versa is not allowed. Please refer to https://aka.ms/AAah4sj for more details.")).about("vmSize"));
    }
    if text(&write.hidden, "/power") != "deallocated" && before.cluster != size.cluster {
        let others = SIZES.iter().filter(|other| other.cluster == before.cluster).map(|other| other.name);
        let others = others.collect::<Vec<_>>().join(",");
        return Err(Failure::conflict("OperationNotAllowed", format!("Unable to resize the VM {name} because the requested size {} is not available in the current hardware cluster. The available sizes in this cluster are: {others}. Find out more on re-sizing VM at https://aka.ms/azure-resizevm.", size.name)).about("vmSize"));
    }
    Ok(true)
}

/// The sizes that a machine can become as it is.
#[must_use]
pub fn sizes_for(machine: &Resource) -> Vec<Value> {
    let current = sizes::find(text(&machine.value, "/properties/hardwareProfile/vmSize"));
    let cluster = current.map(|size| size.cluster).unwrap_or_default();
    let is_free = text(&machine.hidden, "/power") == "deallocated";
    SIZES.iter().filter(|size| is_free || size.cluster == cluster).map(sizes::listed).collect()
}

/// Checks and completes what the machine's system is given, and hides what is not shown.
///
/// # Errors
/// When it is not right, or changes what cannot be changed.
pub fn os(write: &mut Write) -> Result<()> {
    let profile = "/properties/osProfile";
    let custom = remove(&mut write.new, &format!("{profile}/customData"));
    let password = remove(&mut write.new, &format!("{profile}/adminPassword"));
    let user = text(&write.new, &format!("{profile}/adminUsername")).to_owned();
    let only = format!("/home/{user}/.ssh/authorized_keys");
    for public in list_mut(&mut write.new, &format!("{profile}/linuxConfiguration/ssh/publicKeys")) {
        default(public, "/path", only.clone());
    }
    if let Some(old) = &write.old {
        for field in [
            "computerName",
            "adminUsername",
            "linuxConfiguration/ssh/publicKeys",
            "linuxConfiguration/disablePasswordAuthentication",
        ] {
            let pointer = format!("{profile}/{field}");
            if old.pointer(&pointer) != write.new.pointer(&pointer) {
                return Err(unchangeable(&format!("osProfile.{}", field.replace('/', "."))));
            }
        }
        let before = text(&write.hidden, "/customData");
        if custom.is_some_and(|custom| custom.as_str() != Some(before)) {
            return Err(unchangeable("osProfile.customData"));
        }
        return Ok(());
    }
    if text(&write.new, "/properties/storageProfile/osDisk/createOption") == "Attach" {
        return if has(&write.new, profile) {
            Err(parameter("osProfile", "Parameter 'osProfile' is not allowed."))
        } else {
            Ok(())
        };
    }
    if !has(&write.new, profile) {
        return Err(parameter("osProfile", "Required parameter 'osProfile' is missing (null)."));
    }
    default(&mut write.new, &format!("{profile}/computerName"), write.id.name());
    let name = text(&write.new, &format!("{profile}/computerName"));
    let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if name.len() > 64 || !name.chars().all(valid) || name.starts_with('-') || name.ends_with('-') {
        return Err(parameter(
            "linuxConfiguration.hostName",
            "Linux host name cannot exceed 64 characters in length or contain the following characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / ?.",
        ));
    }
    if user.is_empty() {
        return Err(parameter("adminUsername", "Required parameter 'adminUsername' is missing (null)."));
    }
    if FORBIDDEN.contains(&user.as_str()) || user.len() > 64 {
        return Err(parameter("adminUsername", "The Admin Username specified is not allowed."));
    }
    let keys = list(&write.new, &format!("{profile}/linuxConfiguration/ssh/publicKeys"));
    for public in keys {
        if text(public, "/path") != only {
            return Err(parameter(
                "linuxConfiguration.ssh.publicKeys.path",
                format!(
                    "Destination path for SSH public keys is currently limited to its default value {only} due to a known issue in Linux provisioning agent."
                ),
            ));
        }
        let kind = text(public, "/keyData").split_whitespace().next().unwrap_or_default();
        let data = text(public, "/keyData").split_whitespace().nth(1).unwrap_or_default();
        if !matches!(kind, "ssh-rsa" | "ssh-ed25519") || STANDARD.decode(data).is_err() || data.len() < 40 {
            return Err(parameter(
                "linuxConfiguration.ssh.publicKeys.keyData",
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.",
            ));
        }
    }
    let by_key_only =
        write.new.pointer(&format!("{profile}/linuxConfiguration/disablePasswordAuthentication"))
            == Some(&json!(true));
    if keys.is_empty() && (by_key_only || password.is_none()) {
        return Err(parameter(
            "linuxConfiguration",
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
        ));
    }
    if let Some(password) = password.as_ref().and_then(Value::as_str)
        && !(12..=72).contains(&password.len())
    {
        return Err(parameter(
            "adminPassword",
            "The supplied password must be between 6-72 characters long and must satisfy at least 3 of password complexity requirements.",
        ));
    }
    if let Some(custom) = custom.as_ref().and_then(Value::as_str) {
        if STANDARD.decode(custom).is_err() || custom.len() > 87_380 {
            return Err(parameter(
                "customData",
                "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.",
            ));
        }
        write.hidden["customData"] = json!(custom);
    }
    let linux = format!("{profile}/linuxConfiguration");
    for (field, usual) in [
        ("disablePasswordAuthentication", json!(false)),
        ("provisionVMAgent", json!(true)),
        ("patchSettings", json!({"patchMode": "ImageDefault", "assessmentMode": "ImageDefault"})),
    ] {
        default(&mut write.new, &format!("{linux}/{field}"), usual);
    }
    for (field, usual) in [
        ("secrets", json!([])),
        ("allowExtensionOperations", json!(true)),
        ("requireGuestProvisionSignal", json!(true)),
    ] {
        default(&mut write.new, &format!("{profile}/{field}"), usual);
    }
    Ok(())
}

/// Checks the network interfaces.
///
/// # Errors
/// When one is not there, elsewhere, or in another machine.
pub fn network(cloud: &Cloud, write: &mut Write, place: &str) -> Result<()> {
    let profile = "/properties/networkProfile";
    if has(&write.new, &format!("{profile}/networkInterfaceConfigurations/0")) {
        return Err(Failure::new(
            501,
            "NotSimulated",
            "This simulator makes no network interfaces from networkInterfaceConfigurations: make them first, and refer to them.",
        ));
    }
    let pointer = format!("{profile}/networkInterfaces");
    let nics = list(&write.new, &pointer);
    if nics.is_empty() {
        return Err(parameter(
            "networkProfile",
            "Required parameter 'networkProfile.networkInterfaces' is missing (null).",
        ));
    }
    let primary = nics.iter().filter(|nic| nic["properties"]["primary"] == true).count();
    if primary > 1 || nics.len() > 1 && primary == 0 {
        return Err(Failure::bad(
            "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary",
            format!("Virtual machine {} must have one network interface set as the primary.", write.id),
        ));
    }
    for nic in nics {
        let id = text(nic, "/id");
        let found = cloud.store.find(id).ok_or_else(|| {
            Failure::new(404, "NotFound", format!("The entity was not found: Resource {id} referenced by resource {} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.", write.id)).because("InvalidResourceReference", format!("Resource {id} referenced by resource {} was not found.", write.id))
        })?;
        if found.location() != place {
            return Err(Failure::bad(
                "InvalidResourceReference",
                format!(
                    "Resource {id} referenced by resource {} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.",
                    write.id
                ),
            ));
        }
        cloud.at_rest(found, id, &write.id)?;
        if let Some((_, holder)) =
            cloud.store.user_of_kind(&found.id.key(), "Microsoft.Compute/virtualMachines")
            && holder.id.key() != write.id.key()
        {
            return Err(Failure::bad(
                "NicInUse",
                format!(
                    "Network Interface {id} is used by existing resource {}. In order to use the network interface, it must be dissociated from the resource.",
                    holder.id
                ),
            ));
        }
    }
    if let Some(old) = &write.old {
        let ids = |value: &Value| {
            let mut ids: Vec<String> =
                list(value, &pointer).iter().map(|nic| key(text(nic, "/id"))).collect();
            ids.sort();
            ids
        };
        if ids(old) != ids(&write.new) && text(&write.hidden, "/power") != "deallocated" {
            return Err(Failure::conflict(
                "OperationNotAllowed",
                format!(
                    "Network interfaces cannot be added to or removed from the running virtual machine '{}'. Deallocate it first.",
                    write.id.name()
                ),
            ));
        }
    }
    Ok(())
}

/// A disk to be made: its id, what was asked for, what it is made of, and its system.
pub type NewDisk = (ResourceId, Value, Value, Option<&'static str>);

/// Checks and completes the disks; returns those to be made.
///
/// # Errors
/// When an image or disk is not there, in use, or one too many.
pub fn storage(cloud: &Cloud, write: &mut Write, size: &Size) -> Result<Vec<NewDisk>> {
    let mut made = os_disk(cloud, write)?;
    let pointer = "/properties/storageProfile/dataDisks";
    default(&mut write.new, pointer, json!([]));
    let disks = list(&write.new, pointer).to_vec();
    if disks.len() as u64 > size.data_disks {
        return Err(Failure::conflict(
            "OperationNotAllowed",
            format!(
                "The maximum number of data disks allowed to be attached to a VM of this size is {}.",
                size.data_disks
            ),
        )
        .about("dataDisks"));
    }
    let mut luns = Vec::new();
    for (index, disk) in disks.iter().enumerate() {
        let lun = disk["lun"].as_i64().unwrap_or(-1);
        if !(0..64).contains(&lun) {
            return Err(parameter(
                "dataDisk.lun",
                format!(
                    "The value '{lun}' of parameter 'dataDisk.lun' is out of range. The value must be between '0' and '63', inclusive."
                ),
            ));
        }
        if luns.contains(&lun) {
            return Err(parameter(
                "dataDisks.lun",
                format!("A disk at LUN {lun} already exists: two data disks cannot have the same LUN."),
            ));
        }
        luns.push(lun);
        let at = format!("{pointer}/{index}");
        let option = text(disk, "/createOption").to_owned();
        let before = write.old.as_ref().and_then(|old| {
            let id = key(text(disk, "/managedDisk/id"));
            list(old, pointer).iter().find(|other| {
                other["lun"] == disk["lun"]
                    && (id.is_empty()
                        && option != "Attach"
                        && (text(disk, "/name").is_empty() || text(disk, "/name") == text(other, "/name"))
                        || key(text(other, "/managedDisk/id")) == id)
            })
        });
        default(&mut write.new, &format!("{at}/caching"), "None");
        default(&mut write.new, &format!("{at}/deleteOption"), "Detach");
        if let Some(before) = before {
            for field in ["name", "managedDisk", "diskSizeGB"] {
                set(&mut write.new, &format!("{at}/{field}"), before[field].clone());
            }
            continue;
        }
        match option.as_str() {
            "Attach" => attach(cloud, write, disk, &at)?,
            "Empty" => {
                let Some(asked) = disk["diskSizeGB"].as_i64().filter(|size| (1..=32_767).contains(size))
                else {
                    return Err(parameter(
                        "dataDisk.diskSizeGB",
                        "Required parameter 'dataDisk.diskSizeGB' is missing (null).",
                    ));
                };
                let usual =
                    format!("{}_disk{}_{}", write.id.name(), lun + 2, random::uuid().replace('-', ""));
                let name =
                    if text(disk, "/name").is_empty() { usual } else { text(disk, "/name").to_owned() };
                let id = write.id.beside("Microsoft.Compute", "disks", &name);
                new_disk_name(cloud, &id)?;
                let kind = text(disk, "/managedDisk/storageAccountType").to_owned();
                let kind = if kind.is_empty() { "Standard_LRS".to_owned() } else { kind };
                set(&mut write.new, &format!("{at}/name"), name);
                set(
                    &mut write.new,
                    &format!("{at}/managedDisk"),
                    json!({"id": id.to_string(), "storageAccountType": kind}),
                );
                set(&mut write.new, &format!("{at}/diskSizeGB"), asked);
                let whole = write.new.pointer(&at).cloned().unwrap_or_default();
                made.push((id, whole, json!({"createOption": "Empty"}), None));
            }
            other => {
                return Err(parameter(
                    "dataDisk.createOption",
                    format!(
                        "The value '{other}' of parameter 'dataDisk.createOption' is not allowed for this virtual machine."
                    ),
                ));
            }
        }
    }
    Ok(made)
}

fn new_disk_name(cloud: &Cloud, id: &ResourceId) -> Result<()> {
    match cloud.store.get(&id.key()) {
        None => Ok(()),
        Some(_) => Err(Failure::conflict(
            "ConflictingUserInput",
            format!(
                "Disk {} already exists in resource group {}. Only CreateOption.Attach is supported.",
                id.name(),
                id.group().unwrap_or_default().to_uppercase()
            ),
        )
        .about("/subscriptions")),
    }
}

fn attach(cloud: &Cloud, write: &mut Write, disk: &Value, at: &str) -> Result<()> {
    let id = text(disk, "/managedDisk/id");
    let Some(found) = cloud.store.find(id) else {
        return Err(Failure::new(404, "NotFound", format!("Disk {id} is not found."))
            .about("dataDisk.managedDisk.id"));
    };
    if let Some(holder) = super::disk::holder(cloud, &found.id)
        && holder.id.key() != write.id.key()
    {
        return Err(Failure::conflict(
            "ConflictingUserInput",
            format!(
                "Disk '{}' cannot be attached as the disk is already owned by VM '{}'.",
                found.id, holder.id
            ),
        ));
    }
    if list(&found.value, "/zones") != list(&write.new, "/zones") {
        return Err(Failure::bad(
            "BadRequest",
            format!(
                "Disk {} cannot be attached to the VM because it is not in zone '{}'.",
                found.id,
                list(&write.new, "/zones").first().map(|zone| text(zone, "")).unwrap_or_default()
            ),
        ));
    }
    let managed = json!({"id": found.id.to_string(), "storageAccountType": found.value["sku"]["name"]});
    let (name, size) = (found.id.name().to_owned(), found.value["properties"]["diskSizeGB"].clone());
    set(&mut write.new, &format!("{at}/managedDisk"), managed);
    set(&mut write.new, &format!("{at}/name"), name);
    set(&mut write.new, &format!("{at}/diskSizeGB"), size);
    Ok(())
}

fn os_disk(cloud: &Cloud, write: &mut Write) -> Result<Vec<NewDisk>> {
    let (image, at) = ("/properties/storageProfile/imageReference", "/properties/storageProfile/osDisk");
    if let Some(old) = &write.old {
        for field in ["publisher", "offer", "sku", "version", "id"] {
            let pointer = format!("{image}/{field}");
            if !text(&write.new, &pointer).eq_ignore_ascii_case(text(old, &pointer)) {
                return Err(unchangeable(&format!("imageReference.{field}")));
            }
        }
        let before = old.pointer(at).cloned().unwrap_or_default();
        for field in ["name", "osType"] {
            if !text(&write.new, &format!("{at}/{field}"))
                .eq_ignore_ascii_case(text(&before, &format!("/{field}")))
            {
                return Err(unchangeable(&format!("osDisk.{field}")));
            }
        }
        set(&mut write.new, &format!("{at}/managedDisk"), before["managedDisk"].clone());
        return Ok(Vec::new());
    }
    default(&mut write.new, &format!("{at}/createOption"), "FromImage");
    for (field, usual) in [("osType", "Linux"), ("caching", "ReadWrite"), ("deleteOption", "Detach")] {
        default(&mut write.new, &format!("{at}/{field}"), usual);
    }
    if text(&write.new, &format!("{at}/createOption")) == "Attach" {
        let disk = write.new.pointer(at).cloned().unwrap_or_default();
        attach(cloud, write, &disk, at)?;
        return Ok(Vec::new());
    }
    if !has(&write.new, image) {
        return Err(parameter("imageReference", "Required parameter 'imageReference' is missing (null)."));
    }
    if text(&write.new, &format!("{image}/id")).is_empty() {
        let exact = images::exact_version(write.new.pointer(image).unwrap_or(&Value::Null))?;
        set(&mut write.new, &format!("{image}/exactVersion"), exact);
    }
    let usual = format!("{}_OsDisk_1_{}", write.id.name(), random::uuid().replace('-', ""));
    default(&mut write.new, &format!("{at}/name"), usual);
    default(&mut write.new, &format!("{at}/diskSizeGB"), 30);
    default(&mut write.new, &format!("{at}/managedDisk/storageAccountType"), "Premium_LRS");
    let id = write.id.beside("Microsoft.Compute", "disks", text(&write.new, &format!("{at}/name")));
    new_disk_name(cloud, &id)?;
    set(&mut write.new, &format!("{at}/managedDisk/id"), id.to_string());
    let whole = write.new.pointer(at).cloned().unwrap_or_default();
    let creation = json!({"createOption": "FromImage"});
    Ok(vec![(id, whole, creation, Some("Linux"))])
}
