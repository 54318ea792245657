//! Machines of Azure, found again: `azure_rm.yml` files as azure.azcollection reads them, and `azure:CLUSTER`.
//!
//! Four lists hold all there is to know: machines, their states, network interfaces and public addresses. They are asked for
//! at once, or made of one query of Resource Graph, and joined by their ids.

mod graph;
mod jump;
mod machine;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};
use clouder_lang::{Diagnostic, Source, Span};
use serde_json::{Map, Value};

use self::machine::Lists;
use self::settings::Settings;
use crate::expressions::Expressions;
use crate::load::{LoadError, Reader};
use crate::{Inventory, Variables};

/// The names of the plugin.
pub(crate) const PLUGIN: [&str; 2] = ["azure_rm", "azure.azcollection.azure_rm"];

/// What sources on the command line begin with.
const SCHEME: &str = "azure:";

/// A list of Azure's: its path in the subscription, and the version of the API.
pub type AzureList = (&'static str, &'static str);

/// The lists that an inventory is made of.
pub const AZURE_LISTS: [AzureList; 4] = [
    ("providers/Microsoft.Compute/virtualMachines", "2024-07-01"),
    ("providers/Microsoft.Compute/virtualMachines?statusOnly=true", "2024-07-01"),
    ("providers/Microsoft.Network/networkInterfaces", "2024-03-01"),
    ("providers/Microsoft.Network/publicIPAddresses", "2024-03-01"),
];

/// What Azure is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AzureQuestion<'a> {
    /// Lists, each whole.
    Lists(&'a [AzureList]),
    /// One query of Resource Graph, whose rows are one list.
    Query(&'a str),
}

/// What is kept of an answer, so that Azure need not be asked each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AzureCache {
    /// The folder; the user's own one for caches if none is named.
    pub folder: Option<PathBuf>,
    /// What names of files begin with.
    pub prefix: String,
    /// How many seconds an answer may be old; any age if 0.
    pub timeout: u64,
}

/// Asks Azure.
pub trait AzureLists: Send + Sync {
    /// The answer to a question, all pages of it; from a cache where one is given. `account` says who asks, in the words of
    /// azure.azcollection: `subscription_id`, `client_id`, `secret`, `tenant`, `profile`, `auth_source`, `cloud_environment`.
    ///
    /// # Errors
    /// What Azure said, or why it cannot be asked.
    fn answer(
        &self,
        account: &Map<String, Value>,
        question: AzureQuestion<'_>,
        cache: Option<&AzureCache>,
    ) -> Result<Vec<Vec<Value>>, Box<Diagnostic>>;
}

/// Adds the machines of a cluster, if the source on the command line is one: `azure:CLUSTER`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_cluster(
    source: &str,
    inventory: &mut Inventory,
    reader: &Reader,
) -> Option<Result<(), LoadError>> {
    let cluster = source.strip_prefix(SCHEME)?;
    let allowed = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    if cluster.is_empty() || !cluster.chars().all(allowed) {
        let reason = "after azure: comes the name of a cluster, of letters, digits, dashes".to_owned();
        return Some(Err(LoadError::HostList { list: source.to_owned(), reason }));
    }
    let text = include_str!("cluster.yml").replace("CLUSTER", cluster);
    let source = Source::new(source, text);
    Some(reader.parse(&source).and_then(|document| {
        let options = document.as_ref().and_then(Node::as_mapping);
        options.map_or(Ok(()), |options| read(options, inventory, reader))
    }))
}

/// Adds the machines that such a file asks for.
///
/// # Errors
/// When an option is wrong, Azure cannot be asked, or an expression has no value.
pub(crate) fn read(options: &Mapping, inventory: &mut Inventory, reader: &Reader) -> Result<(), LoadError> {
    let Some(outside) = &reader.outside else { return Ok(()) };
    let expressions = outside.expressions.as_ref();
    let settings = Settings::read(options, expressions)?;
    let place = settings.place.clone();
    let failed = |error: Box<Diagnostic>| {
        let message = format!("Azure gave no inventory: {}", error.message);
        LoadError::from(Diagnostic { message, span: Some(place), ..*error })
    };
    let ask = |question| outside.azure.answer(&settings.account, question, settings.cache.as_ref());
    let lists = if settings.resource_graph {
        let rows = ask(AzureQuestion::Query(graph::QUERY)).map_err(failed)?;
        graph::lists(rows.into_iter().flatten())
    } else {
        ask(AzureQuestion::Lists(&AZURE_LISTS)).map_err(failed)?
    };
    let lists = Lists::new(lists);
    let span = Span::of_text("Azure", "");
    let mut machines: Vec<Map<String, Value>> =
        lists.machines().map(|machine| lists.variables(machine)).collect();
    jump::add(&mut machines);
    for known in &machines {
        // What comes from Azure is never a template.
        let node = |value: &Value| Node::from_json(value, &span).into_raw();
        let mut known: Variables =
            known.iter().map(|(name, value)| (Arc::from(name.as_str()), node(value))).collect();
        if settings.takes_group(&known) && !leaves_out(&settings, &known, expressions)? {
            add(&settings, &mut known, inventory, expressions)?;
        }
    }
    Ok(())
}

/// Whether filters leave a machine out.
fn leaves_out(
    settings: &Settings,
    known: &Variables,
    expressions: &dyn Expressions,
) -> Result<bool, LoadError> {
    let any = |conditions: &[Node]| -> Result<bool, LoadError> {
        for condition in conditions {
            match expressions.value(condition, known) {
                Ok(value) if is_true(&value) => return Ok(true),
                Err(error) if settings.constructed.strict => {
                    let name = known.get("name").and_then(Node::as_str).unwrap_or_default();
                    let error = *error;
                    return Err(
                        Diagnostic { message: format!("host {name}: {}", error.message), ..error }.into()
                    );
                }
                _ => {}
            }
        }
        Ok(false)
    };
    Ok(any(&settings.exclude)? || !any(&settings.include)?)
}

/// As Python sees it.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

fn add(
    settings: &Settings,
    known: &mut Variables,
    inventory: &mut Inventory,
    expressions: &dyn Expressions,
) -> Result<(), LoadError> {
    let Some(name) = settings.host_name(known, expressions)? else { return Ok(()) };
    inventory.add_host(&name);
    let composed = settings.constructed.compose(&name, known, expressions)?;
    known.extend(composed);
    settings.constructed.group(&name, known, inventory, expressions)?;
    inventory.add_host(&name).variables.extend(known.clone());
    Ok(())
}

#[cfg(test)]
mod tests;
