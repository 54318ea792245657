//! Files of the plugin `constructed`: variables and groups made of what sources before them say.

use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Severity, Span};

use super::{Constructed, Keyed};
use crate::load::{LoadError, Reader};
use crate::{Inventory, options};

/// The names of the plugin.
pub(crate) const PLUGIN: [&str; 2] = ["constructed", "ansible.builtin.constructed"];

/// What such a file may hold.
const OPTIONS: [&str; 8] = [
    "plugin",
    "compose",
    "groups",
    "keyed_groups",
    "strict",
    "leading_separator",
    "use_extra_vars",
    "use_vars_plugins",
];

/// Adds what such a file makes of the hosts there are.
///
/// # Errors
/// When an option is wrong, or an expression has no value and that is an error.
pub(crate) fn read(settings: &Mapping, inventory: &mut Inventory, reader: &Reader) -> Result<(), LoadError> {
    let Some(outside) = &reader.outside else { return Ok(()) };
    let expressions = outside.expressions.as_ref();
    // Ansible passes over what it does not know.
    if let Err(unknown) = options::refuse_unknown(settings, &OPTIONS, "constructed") {
        reader.warn(Diagnostic { severity: Severity::Warning, ..unknown });
    }
    let constructed = Constructed {
        compose: options::mapping(settings, "compose")?,
        groups: options::mapping(settings, "groups")?,
        keyed: Keyed::read(settings)?,
        strict: options::flag(settings, "strict", false)?,
        leading_separator: options::flag(settings, "leading_separator", true)?,
        keep_dashes: false,
    };
    let flag = |name: &str, usual: bool| options::flag(settings, name, usual);
    let beside = flag("use_vars_plugins", outside.use_vars_plugins)?;
    let extra = flag("use_extra_vars", outside.use_extra_vars)?;
    if beside {
        inventory.folders.iter().try_for_each(|folder| folder.read_for(inventory, reader))?;
    }
    for host in inventory.hosts().cloned().collect::<Vec<_>>() {
        let known = |inventory: &Inventory| {
            let mut known = match beside {
                true => inventory.variables_of(&host, None),
                false => inventory.variables_of_sources(&host),
            };
            let span = Span::of_text("inventory", "");
            let name = |name: &str| Node::text(name, span.clone()).into_raw();
            known.insert(Arc::from("inventory_hostname"), name(&host));
            let short = host.split('.').next().unwrap_or_default();
            known.insert(Arc::from("inventory_hostname_short"), name(short));
            let mut groups = inventory.groups_of(&host);
            groups.sort();
            let groups = groups.iter().map(|group| name(group)).collect();
            known.insert(Arc::from("group_names"), Node::new(Yaml::Sequence(Arc::new(groups)), span.clone()));
            if extra {
                known.extend(outside.extra.clone());
            }
            known
        };
        let composed = constructed.compose(&host, &known(inventory), expressions)?;
        inventory.add_host(&host).variables.extend(composed);
        constructed.group(&host, &known(inventory), inventory, expressions)?;
    }
    Ok(())
}
