//! The options of an `azure_rm.yml` file.

use std::path::PathBuf;
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node, Yaml, to_json};
use clouder_lang::{Diagnostic, Span};
use serde_json::{Map, Value};

use super::AzureCache;
use crate::Variables;
use crate::constructed::{Constructed, Keyed};
use crate::expressions::Expressions;
use crate::options::{flag, list, mapping, refuse_unknown, texts};

/// Who asks.
const ACCOUNT: [&str; 7] =
    ["subscription_id", "tenant", "client_id", "secret", "profile", "auth_source", "cloud_environment"];

/// What says which machines, and how they are called.
const SELECTION: [&str; 16] = [
    "plugin",
    "include_vm_resource_groups",
    "default_host_filters",
    "exclude_host_filters",
    "include_host_filters",
    "fail_on_template_errors",
    "hostnames",
    "plain_host_names",
    "hostvar_expressions",
    "compose",
    "conditional_groups",
    "groups",
    "keyed_groups",
    "leading_separator",
    "strict",
    "use_contrib_script_compatible_sanitization",
];

/// What makes no difference here: how azure.azcollection fetches.
const WITHOUT_EFFECT: [&str; 7] = [
    "api_profile",
    "batch_fetch",
    "batch_fetch_interval",
    "batch_fetch_timeout",
    "disable_instance_discovery",
    "log_mode",
    "log_path",
];

/// How Azure is asked, and how long its answer is kept.
const ASKING: [&str; 6] =
    ["resource_graph", "cache", "cache_plugin", "cache_connection", "cache_prefix", "cache_timeout"];

/// Other machines than virtual ones.
const OTHERS: [&str; 3] =
    ["include_vmss_resource_groups", "include_hcivm_resource_groups", "include_arc_resource_groups"];

/// Machines that are not running, or not ready, are left out unless the file says otherwise.
const DEFAULT_FILTERS: [&str; 2] = ["powerstate != 'running'", "provisioning_state != 'succeeded'"];

/// What such a file asks for.
pub(super) struct Settings {
    /// Who asks.
    pub account: Map<String, Value>,
    /// Where the plugin was named.
    pub place: Span,
    /// Machines for which one of these is true are left out.
    pub exclude: Vec<Node>,
    /// Of the others, those for which one of these is true are taken.
    pub include: Vec<Node>,
    /// Whether Resource Graph is asked.
    pub resource_graph: bool,
    /// Where and how long answers are kept, if they are.
    pub cache: Option<AzureCache>,
    /// Variables and groups made by expressions.
    pub constructed: Constructed,
    resource_groups: Vec<String>,
    host_names: Vec<Node>,
    plain_host_names: bool,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// The first that is wrong.
    pub(super) fn read(options: &Mapping, expressions: &dyn Expressions) -> Result<Self, Diagnostic> {
        let known = [&ACCOUNT[..], &SELECTION, &ASKING, &WITHOUT_EFFECT, &OTHERS].concat();
        refuse_unknown(options, &known, "azure_rm")?;
        for name in OTHERS {
            if let Some([first, ..]) = list(options, name)? {
                let message = format!("{name} is not supported: only virtual machines are found");
                return Err(Diagnostic::error(message, &first.span));
            }
        }
        let place =
            options.get("plugin").map_or_else(|| Span::of_text("azure_rm", ""), |node| node.span.clone());
        let nodes = |name: &str, default: &[&str]| -> Result<Vec<Node>, Diagnostic> {
            Ok(list(options, name)?.map_or_else(
                || default.iter().map(|text| Node::text(*text, place.clone())).collect(),
                <[Node]>::to_vec,
            ))
        };
        let either =
            |ours: &str, core: &str| mapping(options, if options.get(ours).is_some() { ours } else { core });
        let mut account = Map::new();
        for name in ACCOUNT {
            if let Some(node) = options.get(name).filter(|node| !node.is_null()) {
                let text = expressions.text(node, &Variables::new()).map_err(|error| *error)?;
                account.insert(name.to_owned(), text.into());
            }
        }
        let resource_groups = match options.get("include_vm_resource_groups") {
            Some(node) => texts(node),
            None => std::env::var("ANSIBLE_AZURE_VM_RESOURCE_GROUPS")
                .map(|groups| texts(&Node::text(groups, place.clone())))
                .unwrap_or_else(|_| vec![Arc::from("*")]),
        };
        let mut exclude = nodes("default_host_filters", &DEFAULT_FILTERS)?;
        exclude.extend(nodes("exclude_host_filters", &[])?);
        Ok(Self {
            account,
            resource_graph: flag(options, "resource_graph", false)?,
            cache: cache(options)?,
            exclude,
            include: nodes("include_host_filters", &["true"])?,
            constructed: Constructed {
                compose: either("hostvar_expressions", "compose")?,
                groups: either("conditional_groups", "groups")?,
                keyed: Keyed::read(options)?,
                strict: flag(options, "fail_on_template_errors", true)?,
                leading_separator: flag(options, "leading_separator", true)?,
                keep_dashes: flag(options, "use_contrib_script_compatible_sanitization", false)?,
            },
            resource_groups: resource_groups.iter().map(|group| group.to_lowercase()).collect(),
            host_names: nodes("hostnames", &["default"])?,
            plain_host_names: flag(options, "plain_host_names", false)?,
            place,
        })
    }

    /// Whether a machine's resource group is asked for.
    pub(super) fn takes_group(&self, known: &Variables) -> bool {
        let own = known.get("resource_group").and_then(Node::as_str).unwrap_or_default();
        self.resource_groups.iter().any(|group| group == "*" || group == own)
    }

    /// What a machine is called: the first name that is one.
    ///
    /// # Errors
    /// When an expression has no value, and that is an error.
    pub(super) fn host_name(
        &self,
        known: &mut Variables,
        expressions: &dyn Expressions,
    ) -> Result<Option<String>, Diagnostic> {
        if self.plain_host_names
            && let Some(name) = known.get("name").cloned()
        {
            known.insert(Arc::from("default_inventory_hostname"), name);
        }
        for node in &self.host_names {
            let value = match &node.value {
                Yaml::String(text) if text.as_ref() == "default" => {
                    known.get("default_inventory_hostname").map(to_json).unwrap_or_default()
                }
                _ => match expressions.value(node, known) {
                    Ok(value) => value,
                    Err(error) if self.constructed.strict => return Err(*error),
                    Err(_) => continue,
                },
            };
            if let Some(name) = value.as_str().filter(|name| !name.is_empty()) {
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(None)
    }
}

/// How answers are kept: options, else what the environment says of all plugins.
fn cache(options: &Mapping) -> Result<Option<AzureCache>, Diagnostic> {
    let said = |option: &str, variable: &str| {
        let given = options.get(option).filter(|node| !node.is_null()).map(|node| node.to_text().to_string());
        given.or_else(|| {
            let names = [format!("ANSIBLE_INVENTORY_{variable}"), format!("ANSIBLE_{variable}")];
            names
                .iter()
                .take(if variable == "CACHE" { 1 } else { 2 })
                .find_map(|name| std::env::var(name).ok())
        })
    };
    let wanted = match options.get("cache") {
        Some(_) => flag(options, "cache", false)?,
        None => said("cache", "CACHE")
            .is_some_and(|text| ["1", "true", "yes", "on"].contains(&text.to_lowercase().as_str())),
    };
    if !wanted {
        return Ok(None);
    }
    let timeout = said("cache_timeout", "CACHE_PLUGIN_TIMEOUT").unwrap_or_else(|| "3600".to_owned());
    let timeout = timeout.trim().parse().map_err(|_| {
        let message = format!("cache_timeout is a number of seconds, not {timeout}");
        options.get("cache_timeout").map_or_else(
            || Diagnostic::without_place(message.clone()),
            |node| Diagnostic::error(message.clone(), &node.span),
        )
    })?;
    let plugin = said("cache_plugin", "CACHE_PLUGIN").unwrap_or_else(|| "jsonfile".to_owned());
    if !matches!(plugin.rsplit('.').next(), Some("jsonfile" | "memory")) {
        let message = format!("the cache plugin {plugin} is not supported: jsonfile and memory are");
        return Err(options.get("cache_plugin").map_or_else(
            || Diagnostic::without_place(message.clone()),
            |node| Diagnostic::error(message.clone(), &node.span),
        ));
    }
    // What is kept in memory is gone when the run ends, and within a run nothing is asked twice but to be told anew.
    if plugin.ends_with("memory") {
        return Ok(None);
    }
    let folder = said("cache_connection", "CACHE_PLUGIN_CONNECTION").filter(|folder| !folder.is_empty());
    Ok(Some(AzureCache {
        folder: folder.map(PathBuf::from),
        prefix: said("cache_prefix", "CACHE_PLUGIN_PREFIX").unwrap_or_default(),
        timeout,
    }))
}
