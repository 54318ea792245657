//! Tests on lists as Azure gives them.

use std::sync::Arc;

use clouder_lang::Source;
use serde_json::json;

use super::*;
use crate::load::Outside;
use crate::testing::Plain;

struct Fake;

fn machine(name: &str, zone: Option<&str>, role: &str) -> Value {
    json!({
        "id": format!("/subscriptions/s/resourceGroups/Demo/providers/Microsoft.Compute/virtualMachines/{name}"),
        "name": name, "type": "Microsoft.Compute/virtualMachines", "location": "westeurope",
        "tags": {"clouder-role": role},
        "zones": zone.map(|zone| [zone]),
        "properties": {
            "vmId": "v", "provisioningState": "Succeeded", "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "storageProfile": {
                "imageReference": {"publisher": "Debian", "offer": "debian-12", "sku": "12", "version": "latest", "exactVersion": "1"},
                "osDisk": {"name": "o", "osType": "Linux", "managedDisk": {"id": "/o"}},
                "dataDisks": [{"lun": 0, "name": "d", "managedDisk": {"id": "/d"}}],
            },
            "networkProfile": {"networkInterfaces": [
                {"id": format!("/n/{name}-second"), "properties": {"primary": false}},
                {"id": format!("/N/{name}-FIRST"), "properties": {"primary": true}},
            ]},
        },
    })
}

fn interface(machine: &str, which: &str, private: &str, public: Option<&str>) -> Value {
    json!({
        "id": format!("/n/{machine}-{which}"), "name": which,
        "properties": {
            "macAddress": "00", "networkSecurityGroup": {"id": "/g/nsg"},
            "ipConfigurations": [{"properties": {
                "primary": true, "privateIPAddress": private, "subnet": {"id": "/net/s"},
                "publicIPAddress": public.map(|id| json!({"id": id})),
            }}],
        },
    })
}

impl AzureLists for Fake {
    fn answer(
        &self,
        account: &Map<String, Value>,
        question: AzureQuestion<'_>,
        cache: Option<&AzureCache>,
    ) -> Result<Vec<Vec<Value>>, Box<Diagnostic>> {
        assert_eq!((question, cache), (AzureQuestion::Lists(&AZURE_LISTS), None));
        if account.get("profile").is_some() {
            return Err(Box::new(Diagnostic::without_place("there is no such profile")));
        }
        let state = |name: &str, power: &str| {
            json!({
                "id": format!("/subscriptions/s/RESOURCEGROUPS/demo/providers/Microsoft.Compute/virtualMachines/{name}"),
                "properties": {"instanceView": {"computerName": name, "statuses": [
                    {"code": "ProvisioningState/succeeded"}, {"code": format!("PowerState/{power}")},
                ]}},
            })
        };
        Ok(vec![
            vec![
                machine("two", None, "worker"),
                machine("one", Some("1"), "cp"),
                machine("off", None, "{{ bad }}"),
            ],
            vec![state("one", "running"), state("two", "running"), state("off", "deallocated")],
            vec![
                interface("one", "first", "10.0.0.4", Some("/P/ONE")),
                interface("one", "second", "10.0.0.5", None),
                interface("two", "first", "10.0.0.6", None),
            ],
            vec![json!({
                "id": "/p/one", "name": "one",
                "properties": {"ipAddress": "203.0.113.1", "dnsSettings": {"fqdn": "one.example.com"}},
            })],
        ])
    }
}

fn read_text(text: &str) -> Result<Inventory, LoadError> {
    let mut reader = Reader::new(Arc::default());
    reader.outside = Some(Outside {
        expressions: Arc::new(Plain),
        azure: Arc::new(Fake),
        extra: Variables::new(),
        use_extra_vars: false,
        use_vars_plugins: false,
    });
    let document = reader.parse(&Source::new("azure_rm.yml", text))?.unwrap();
    let mut inventory = Inventory::default();
    read(document.as_mapping().unwrap(), &mut inventory, &reader).map(|()| inventory)
}

fn wrong(text: &str) -> String {
    read_text(text).unwrap_err().to_string()
}

fn hosts(inventory: &Inventory) -> Vec<&str> {
    inventory.hosts().map(AsRef::as_ref).collect()
}

const UNFILTERED: &str = "plugin: azure_rm\ndefault_host_filters: []\n";

#[test]
fn machines_have_the_variables_of_the_collection() {
    let inventory = read_text(&format!("{UNFILTERED}plain_host_names: true")).unwrap();
    assert_eq!(hosts(&inventory), ["off", "one", "two"]);
    let variables: Map<String, Value> = inventory
        .variables_of("one", None)
        .iter()
        .map(|(name, node)| (name.to_string(), clouder_lang::yaml::to_json(node)))
        .filter(|(name, _)| name != "network_interface_properties")
        .collect();
    insta::assert_json_snapshot!(variables);
    assert_eq!(inventory.variables_of("two", None)["ansible_host"].as_str(), Some("10.0.0.6"));
}

#[test]
fn what_azure_says_is_no_template() {
    let inventory = read_text(&format!("{UNFILTERED}plain_host_names: true")).unwrap();
    let tags = inventory.variables_of("off", None)["tags"].clone();
    let role = tags.as_mapping().unwrap().get("clouder-role").unwrap().clone();
    assert!(!role.is_template() && role.as_str() == Some("{{ bad }}"));
}

#[test]
fn names_are_unique_unless_asked_otherwise() {
    let inventory = read_text(&format!("{UNFILTERED}hostnames: [computer_name, default]")).unwrap();
    assert_eq!(hosts(&inventory), ["off", "one", "two"]);
    let inventory = read_text(UNFILTERED).unwrap();
    assert!(hosts(&inventory).iter().all(|name| name.len() == "one_0000".len()));
    assert!(wrong(&format!("{UNFILTERED}hostnames: [tags.name]")).contains("tags.name"));
}

#[test]
fn filters_and_resource_groups_choose() {
    let chosen = |more: &str| {
        let inventory = read_text(&format!("{UNFILTERED}plain_host_names: true\n{more}")).unwrap();
        hosts(&inventory).join(" ")
    };
    assert_eq!(chosen("exclude_host_filters: [name == 'one']"), "off two");
    assert_eq!(chosen("include_host_filters: [name == 'one', powerstate == 'deallocated']"), "off one");
    assert_eq!(chosen("include_vm_resource_groups: [DEMO]"), "off one two");
    assert_eq!(chosen("include_vm_resource_groups: [other]"), "");
    assert_eq!(chosen("fail_on_template_errors: false\nexclude_host_filters: [nope]"), "off one two");
    assert!(wrong(&format!("{UNFILTERED}exclude_host_filters: [nope]")).contains("host off: `nope`"));
}

#[test]
fn groups_and_variables_are_made() {
    let inventory = read_text(&format!(
        "{UNFILTERED}plain_host_names: true\nconditional_groups: {{all_of_them: true, firsts: name == 'one'}}\n\
         hostvar_expressions: {{ansible_host: private_ipv4_addresses.0, short: name, nothing: }}\n\
         fail_on_template_errors: false\nkeyed_groups: [{{prefix: tag, key: tags}}, {{prefix: short, key: short}}]"
    ))
    .unwrap();
    let groups = |host: &str| inventory.groups_of(host).join(" ");
    assert_eq!(groups("one"), "all_of_them firsts short_one tag_clouder_role_cp");
    assert_eq!(groups("two"), "all_of_them short_two tag_clouder_role_worker");
    assert_eq!(inventory.variables_of("one", None)["ansible_host"].as_str(), Some("10.0.0.4"));
}

#[test]
fn mistakes_are_told_at_their_place() {
    assert!(wrong("plugin: azure_rm\nkeyed_group: []").contains("azure_rm has no option `keyed_group`"));
    assert!(wrong("plugin: azure_rm\ninclude_vmss_resource_groups: ['*']").contains("is not supported"));
    assert!(
        wrong("plugin: azure_rm\nprofile: x").contains("Azure gave no inventory: there is no such profile")
    );
    assert!(wrong("plugin: azure_rm\nplain_host_names: perhaps").contains("plain_host_names is yes or no"));
    let mut inventory = Inventory::default();
    let reader = Reader::new(Arc::default());
    assert!(read_cluster("azure:a b", &mut inventory, &reader).is_some_and(|read| read.is_err()));
    assert!(read_cluster("hosts.yml", &mut inventory, &reader).is_none());
}
