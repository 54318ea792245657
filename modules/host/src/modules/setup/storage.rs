//! What this host is called by storage networks, and its logical volumes.

use serde_json::{Map, Value, json};

use super::collectors::{Gathered, Host};

/// `iscsi_iqn`, `hostnqn`, `fibre_channel_wwn`.
pub(super) fn collect_initiators(host: &Host<'_>, gathered: &mut Gathered) {
    let iscsi = host.files.text("/etc/iscsi/initiatorname.iscsi").unwrap_or_default();
    let name = iscsi.lines().find_map(|line| line.trim().strip_prefix("InitiatorName="));
    gathered.set("iscsi_iqn", name.unwrap_or_default().trim());
    let nvme = host.files.text("/etc/nvme/hostnqn").unwrap_or_default();
    gathered.set(
        "hostnqn",
        nvme.lines().map(str::trim).find(|line| line.starts_with("nqn.")).unwrap_or_default(),
    );
    let adapters = host.files.names("/sys/class/fc_host").into_iter();
    let ports =
        adapters.filter_map(|adapter| host.files.word(format!("/sys/class/fc_host/{adapter}/port_name")));
    let names: Vec<String> = ports.map(|port| port.trim_start_matches("0x").to_owned()).collect();
    gathered.set("fibre_channel_wwn", names);
}

/// `lvm`; `N/A` where there is none, or this user may not ask.
pub(super) fn collect_volumes(host: &Host<'_>, gathered: &mut Gathered) {
    let found = if rustix::process::geteuid().is_root() { volumes(host) } else { None };
    gathered.set("lvm", found.unwrap_or_else(|| "N/A".into()));
}

fn volumes(host: &Host<'_>) -> Option<Value> {
    let rows = |program: &str, columns: &str| -> Option<Vec<Vec<String>>> {
        let path = host.context.find_program(program)?;
        let options = ["--noheadings", "--nosuffix", "--units", "g", "--separator", ",", "-o", columns];
        let out = host.context.tool(path).arguments(options).run().ok()?.out();
        Some(out.lines().map(|line| line.trim().split(',').map(str::to_owned).collect()).collect())
    };
    let (mut groups, mut logical, mut physical) = (Map::new(), Map::new(), Map::new());
    for row in rows("vgs", "vg_name,pv_count,lv_count,vg_size,vg_free")? {
        if let [name, physical, logical, size, free] = row.as_slice() {
            groups.insert(
                name.clone(),
                json!({"size_g": size, "free_g": free, "num_lvs": logical, "num_pvs": physical}),
            );
        }
    }
    for row in rows("lvs", "lv_name,vg_name,lv_size")? {
        if let [name, group, size] = row.as_slice() {
            logical.insert(name.clone(), json!({"size_g": size, "vg": group}));
        }
    }
    for row in rows("pvs", "pv_name,vg_name,pv_size,pv_free")? {
        if let [name, group, size, free] = row.as_slice() {
            physical.insert(name.clone(), json!({"size_g": size, "free_g": free, "vg": group}));
        }
    }
    Some(json!({"lvs": logical, "vgs": groups, "pvs": physical}))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::collect_initiators;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn initiators_are_told() {
        let facts = facts_of(
            &[
                ("/etc/iscsi/initiatorname.iscsi", "## made\nInitiatorName=iqn.1993-08.org.debian:01:ab\n"),
                ("/sys/class/fc_host/host0/port_name", "0x21000014ff52a9bb\n"),
            ],
            collect_initiators,
        );
        assert_eq!(facts["iscsi_iqn"], "iqn.1993-08.org.debian:01:ab");
        assert_eq!(
            (&facts["hostnqn"], &facts["fibre_channel_wwn"]),
            (&json!(""), &json!(["21000014ff52a9bb"]))
        );
    }
}
