//! YAML inventories: groups with `hosts`, `vars` and `children`.

use std::sync::Arc;

use clouder_lang::yaml::Node;
use clouder_lang::{Diagnostic, Source};

use crate::constructed::file;
use crate::host::split_port;
use crate::load::{LoadError, Reader};
use crate::{Inventory, azure, range, variables};

/// What a group may hold.
const GROUP_KEYS: [&str; 3] = ["hosts", "vars", "children"];

/// Adds what a YAML inventory holds.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn read(
    source: &Arc<Source>,
    inventory: &mut Inventory,
    reader: &Reader,
) -> Result<(), LoadError> {
    let Some(document) = reader.parse(source)?.filter(|document| !document.is_null()) else { return Ok(()) };
    let Some(groups) = document.as_mapping() else {
        let message = format!("an inventory is a mapping of groups, not {}", document.kind());
        return Err(Diagnostic::error(message, &document.span).hint("begin with `all:`").into());
    };
    if let Some(plugin) = groups.get("plugin") {
        if azure::PLUGIN.contains(&plugin.to_text().as_ref()) {
            return azure::read(groups, inventory, reader);
        }
        if file::PLUGIN.contains(&plugin.to_text().as_ref()) {
            return file::read(groups, inventory, reader);
        }
        let message = format!("the inventory plugin `{}` is not known", plugin.to_text());
        return Err(Diagnostic::error(message, &plugin.span)
            .hint("known are constructed, azure_rm, INI and YAML files, programs and host lists")
            .into());
    }
    for (name, entry) in groups.iter() {
        read_group(name, &entry.value, inventory, reader)?;
    }
    Ok(())
}

fn read_group(name: &str, node: &Node, inventory: &mut Inventory, reader: &Reader) -> Result<(), LoadError> {
    if node.is_null() {
        inventory.add_group(name);
        return Ok(());
    }
    let Some(group) = node.as_mapping() else {
        let message = format!("group `{name}` must be a mapping, not {}: it is passed over", node.kind());
        reader
            .warn(Diagnostic::warning(message, &node.span).hint("write hosts:, vars: or children: below it"));
        return Ok(());
    };
    inventory.add_group(name);
    for (key, entry) in group.iter() {
        match key.as_ref() {
            "vars" => {
                for (variable, value) in variables::mapping(&entry.value)? {
                    inventory.set_group_variable(name, variable, value);
                }
            }
            "hosts" => read_hosts(name, &entry.value, inventory)?,
            "children" => {
                for (child, value) in entries(&entry.value, "children")? {
                    if !inventory.add_child(name, &child) {
                        let message = format!(
                            "group `{child}` cannot be a child of `{name}`: it is above it, or is it itself"
                        );
                        return Err(Diagnostic::error(message, &entry.value.span).into());
                    }
                    read_group(&child, &value, inventory, reader)?;
                }
            }
            other => {
                let message = format!("unknown key `{other}` in group `{name}`: it is passed over");
                let hint = match clouder_lang::nearest(other, GROUP_KEYS) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "a group holds hosts, vars and children; variables go below vars:".to_owned(),
                };
                reader.warn(Diagnostic::warning(message, &entry.key.span).hint(hint));
            }
        }
    }
    Ok(())
}

fn read_hosts(group: &str, node: &Node, inventory: &mut Inventory) -> Result<(), LoadError> {
    for (pattern, value) in entries(node, "hosts")? {
        let variables = variables::mapping(&value)?;
        let (pattern, port) = split_port(&pattern);
        for host in range::expand(pattern).map_err(|reason| Diagnostic::error(reason, &node.span))? {
            inventory.add_to_group(&host, group);
            inventory.set_host_variables(&host, variables.clone());
            inventory.set_port(&host, port, &node.span);
        }
    }
    Ok(())
}

/// The names below `hosts` or `children` with what is below each; one bare name is allowed.
fn entries(node: &Node, what: &str) -> Result<Vec<(Arc<str>, Node)>, LoadError> {
    if node.is_null() {
        return Ok(Vec::new());
    }
    if let Some(name) = node.as_str() {
        let nothing = Node::new(clouder_lang::yaml::Yaml::Null, node.span.clone());
        return Ok(vec![(Arc::from(name), nothing)]);
    }
    let Some(mapping) = node.as_mapping() else {
        let message = format!("{what} must be a mapping, not {}", node.kind());
        return Err(Diagnostic::error(message, &node.span)
            .hint("end each name with a colon: `web1:`")
            .into());
    };
    Ok(mapping.iter().map(|(name, entry)| (Arc::clone(name), entry.value.clone())).collect())
}
