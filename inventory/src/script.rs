//! Executable inventories: programs that print JSON when called with `--list`, and with `--host NAME` where that has
//! no `_meta`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};
use clouder_lang::{Diagnostic, Source};
use indexmap::IndexSet;

use crate::load::{LoadError, Reader};
use crate::{Inventory, variables};

/// Adds what a program prints.
///
/// # Errors
/// When it fails or prints something else than such JSON.
pub(crate) fn read(path: &Path, inventory: &mut Inventory, reader: &Reader) -> Result<(), LoadError> {
    let document = call(path, &["--list"], reader)?;
    let groups = mapping(&document)?;
    let host_variables = groups.get("_meta").and_then(Node::as_mapping).and_then(|meta| meta.get("hostvars"));
    let mut named = IndexSet::new();
    for (name, entry) in groups.iter().filter(|(name, _)| name.as_ref() != "_meta") {
        read_group(name, &entry.value, inventory, &mut named)?;
    }
    let host_variables = host_variables.map(mapping).transpose()?;
    for host in named {
        match host_variables {
            Some(all) => {
                if let Some(own) = all.get(&host) {
                    add_variables(&host, own, inventory)?;
                }
            }
            None => add_variables(&host, &call(path, &["--host", &host], reader)?, inventory)?,
        }
    }
    Ok(())
}

fn add_variables(host: &str, node: &Node, inventory: &mut Inventory) -> Result<(), LoadError> {
    let read = variables::mapping(node)?;
    inventory.set_host_variables(host, read);
    Ok(())
}

fn call(path: &Path, arguments: &[&str], reader: &Reader) -> Result<Node, LoadError> {
    let failed = |reason: String| LoadError::Program { path: path.to_owned(), reason };
    let program =
        std::fs::canonicalize(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let line = arguments.join(" ");
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed("what its first line names to run it is not there".to_owned()),
        _ => failed(error.to_string()),
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = if said.trim().is_empty() { "it said nothing" } else { said.trim() };
        return Err(failed(format!("`{line}` ended with {}: {said}", output.status)));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| failed("it printed something that is not UTF-8".to_owned()))?;
    let source = Source::new(format!("{} {line}", path.display()), text);
    // JSON is YAML, and read this way keeps its places.
    reader.parse(&source)?.ok_or_else(|| failed(format!("`{line}` printed nothing")))
}

fn mapping(node: &Node) -> Result<&Mapping, LoadError> {
    node.as_mapping().ok_or_else(|| {
        Diagnostic::error(format!("expected an object, found {}", node.kind()), &node.span)
            .hint("an inventory program prints JSON: {\"group\": {\"hosts\": […], \"vars\": {…}}}")
            .into()
    })
}

/// `"group": ["host", …]` or `"group": {"hosts": […], "vars": {…}, "children": […]}`. What has none of these is the variables
/// of a host of that name, and its group. Notes the hosts that are named.
fn read_group(
    name: &Arc<str>,
    node: &Node,
    inventory: &mut Inventory,
    named: &mut IndexSet<Arc<str>>,
) -> Result<(), LoadError> {
    inventory.add_group(name);
    let mut add = |hosts: &[Node], inventory: &mut Inventory| {
        for host in hosts.iter().map(Node::to_text) {
            inventory.add_to_group(&host, name);
            named.insert(host);
        }
    };
    if let Some(hosts) = node.as_sequence() {
        add(hosts, inventory);
        return Ok(());
    }
    let group = mapping(node)?;
    let set = |node: &Node, inventory: &mut Inventory| -> Result<(), LoadError> {
        let read = variables::mapping(node)?;
        read.into_iter().for_each(|(variable, value)| inventory.set_group_variable(name, variable, value));
        Ok(())
    };
    if !["hosts", "vars", "children"].iter().any(|key| group.get(key).is_some()) {
        add(&[Node::text(Arc::clone(name), node.span.clone())], inventory);
        return set(node, inventory);
    }
    add(group.get("hosts").and_then(Node::as_sequence).unwrap_or_default(), inventory);
    if let Some(node) = group.get("vars") {
        set(node, inventory)?;
    }
    for child in group.get("children").and_then(Node::as_sequence).unwrap_or_default() {
        if !inventory.add_child(name, &child.to_text()) {
            let message = format!("group `{}` cannot be a child of `{name}`", child.to_text());
            return Err(Diagnostic::error(message, &child.span).into());
        }
    }
    Ok(())
}
