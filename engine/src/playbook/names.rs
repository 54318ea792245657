//! What the names of modules and lookups mean.

use std::sync::{Arc, LazyLock};

use clouder_lang::{Diagnostic, Span, nearest};
use clouder_modules::args::{ArgumentError, Parameter, Schema};
use serde_json::{Map, Value};

use super::OwnModule;
use super::words::Place;
use crate::action;
use crate::template::LOOKUPS;

/// Collections whose modules and plugins go by their short names, too.
const COLLECTIONS: [&str; 5] =
    ["ansible.builtin.", "ansible.legacy.", "ansible.posix.", "community.general.", "azure.azcollection."];

/// Modules that clouder does not have, but that ansible-core has or knows the collection of.
static FOREIGN: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("foreign_modules.txt").split_ascii_whitespace().collect());

/// What the name of a module means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleName {
    /// A module or action of ours, by its short name.
    Known(Arc<str>),
    /// A module that the playbook brings along.
    Own(Arc<OwnModule>),
    /// A module that exists, but not here: reaching it is an error, having it in a playbook is not.
    Foreign(Arc<str>),
    /// No module; what may have been meant.
    Unknown(Option<&'static str>),
}

/// What a module's name, as it is written in a task, means.
pub(super) fn module_name(written: &str) -> ModuleName {
    let short = short_name(written);
    if is_known(short) {
        ModuleName::Known(Arc::from(short))
    } else if written.matches('.').count() >= 2 && !written.starts_with("ansible.builtin.") {
        ModuleName::Foreign(Arc::from(written))
    } else if FOREIGN.binary_search(&short).is_ok() {
        ModuleName::Foreign(Arc::from(short))
    } else {
        ModuleName::Unknown(nearest_module(short))
    }
}

/// A name without the collection in front, if that is one whose names are ours, too.
pub fn short_name(written: &str) -> &str {
    COLLECTIONS
        .iter()
        .find_map(|collection| written.strip_prefix(collection))
        .filter(|short| !short.contains('.'))
        .unwrap_or(written)
}

/// The nearest name of a module of ours.
pub(super) fn nearest_module(word: &str) -> Option<&'static str> {
    nearest(word, known_modules())
}

/// The names of all modules and actions of ours.
pub(super) fn known_modules() -> impl Iterator<Item = &'static str> {
    let modules = clouder_modules::registry()
        .iter()
        .filter(|entry| !entry.is_internal())
        .flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases.iter().copied()));
    let of_clouds = clouder_cloud::modules::registry().iter().map(|entry| entry.name);
    modules.chain(action::registry().iter().map(|entry| entry.name)).chain(of_clouds)
}

/// Whether a module or action of ours goes by this short name.
pub(super) fn is_known(short: &str) -> bool {
    clouder_modules::find(short).is_some_and(|entry| !entry.is_internal())
        || action::find(short).is_some()
        || clouder_cloud::modules::find(short).is_some()
}

/// The parameters of a module or action.
pub(super) struct Parameters {
    pub(super) schema: fn() -> &'static Schema,
    /// Reads arguments and says what is wrong with them.
    pub(super) check: fn(Map<String, Value>) -> Result<(), ArgumentError>,
    /// Whether any other argument is taken, too.
    pub(super) open: bool,
}

/// The parameters of a module, by its short name.
pub(super) fn parameters(module: &str) -> Option<Parameters> {
    if let Some(entry) = action::find(module) {
        return Some(Parameters { schema: entry.schema, check: entry.check, open: entry.open });
    }
    if let Some(entry) = clouder_cloud::modules::find(module) {
        return Some(Parameters { schema: entry.schema, check: entry.check, open: false });
    }
    let entry = clouder_modules::find(module)?;
    Some(Parameters { schema: entry.schema, check: entry.check, open: false })
}

/// An argument that a module does not have.
pub(super) fn unknown_argument(module: &str, name: &str, span: &Span, schema: &Schema) -> Diagnostic {
    let finding = Diagnostic::error(format!("`{module}` has no argument `{name}`"), span);
    let all = schema.all();
    // Names with `_` are for free text and for what the engine adds itself.
    let names_of = |parameter: &&'static Parameter| {
        let names = std::iter::once(parameter.name).chain(parameter.aliases.iter().copied());
        names.filter(|name| !name.starts_with('_')).collect::<Vec<_>>()
    };
    if let Some(nearest) = nearest(name, all.iter().flat_map(names_of)) {
        return finding.hint(format!("did you mean `{nearest}`?"));
    }
    if Place::Task.allows(name) {
        return finding.hint("it is a keyword of the task: indent it like the module's name");
    }
    let mut known: Vec<&str> =
        all.iter().filter_map(|parameter| names_of(parameter).first().copied()).collect();
    known.sort_unstable();
    finding.hint(format!("known are: {}", known.join(", ")))
}

/// Whether `with_NAME` names a lookup; those of other collections are taken on trust. `Err` is the nearest one.
pub(super) fn lookup_name(written: &str) -> Result<Arc<str>, Option<&'static str>> {
    let short = short_name(written);
    if LOOKUPS.contains(&short) || written.contains('.') {
        Ok(Arc::from(short))
    } else {
        Err(nearest(short, LOOKUPS.iter().copied()))
    }
}

/// Options that are taken out of the text of modules that run commands.
const COMMAND_OPTIONS: &[&str] =
    &["chdir", "creates", "executable", "removes", "stdin", "stdin_add_newline", "strip_empty_ends", "warn"];

/// What a module does with the text after its name.
pub(super) enum FreeText {
    /// The text is a command; only these options are taken out of it.
    Command(&'static [&'static str]),
    /// `name=value` words are arguments, the rest is a value of its own.
    Value,
    /// `name=value` words are all there may be.
    Refused,
}

/// What a module, by its short name, does with the text after its name.
pub(super) fn free_text(module: &str) -> FreeText {
    match module {
        "command" | "shell" | "script" | "raw" | "win_command" | "win_shell" | "expect" => {
            FreeText::Command(COMMAND_OPTIONS)
        }
        "include_tasks" | "import_tasks" | "import_playbook" | "include_vars" | "meta" | "add_host"
        | "group_by" | "set_fact" | "include_role" | "import_role" => FreeText::Value,
        _ => FreeText::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_our_collections_are_shortened() {
        for written in ["ping", "ansible.builtin.ping", "ansible.legacy.ping", "community.general.ping"] {
            assert_eq!(module_name(written), ModuleName::Known("ping".into()), "{written}");
        }
        assert_eq!(short_name("ansible.builtin.a.b"), "ansible.builtin.a.b");
    }

    #[test]
    fn modules_of_others_are_told_from_misspelt_ones() {
        assert_eq!(module_name("dnf"), ModuleName::Foreign("dnf".into()));
        assert_eq!(module_name("ansible.builtin.dnf"), ModuleName::Foreign("dnf".into()));
        assert_eq!(module_name("a.b.c"), ModuleName::Foreign("a.b.c".into()));
        assert_eq!(module_name("comand"), ModuleName::Unknown(Some("command")));
        assert_eq!(module_name("ansible.builtin.comand"), ModuleName::Unknown(Some("command")));
        assert_eq!(module_name("nothing_like_it"), ModuleName::Unknown(None));
    }

    #[test]
    fn lookups() {
        assert_eq!(lookup_name("ansible.builtin.items"), Ok("items".into()));
        assert_eq!(lookup_name("a.b.c"), Ok("a.b.c".into()));
        assert_eq!(lookup_name("item"), Err(Some("items")));
    }

    #[test]
    fn the_list_of_others_is_sorted() {
        assert!(FOREIGN.is_sorted());
    }
}
