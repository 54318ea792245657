//! What a task is repeated for: `loop`, `with_…`, `loop_control`.

use std::sync::Arc;

use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Mapping, Yaml};

use super::keywords::list_of;
use super::session::{Session, described};
use crate::playbook::names::lookup_name;
use crate::playbook::words::Place;
use crate::playbook::{Loop, LoopControl};

impl Session<'_> {
    /// The loop of a task.
    pub(super) fn loop_(&mut self, mapping: &Mapping, module: &str) -> Option<Loop> {
        let folder = folder_of(module);
        let control = self.loop_control(mapping);
        let mut found: Option<(Loop, clouder_lang::Span)> = None;
        for (key, entry) in mapping.iter() {
            let lookup = match key.strip_prefix("with_") {
                None if &**key == "loop" => None,
                None => continue,
                Some(name) => match lookup_name(name) {
                    Ok(lookup) => Some(lookup),
                    Err(_) if self.loader.files.has_lookup(name) => Some(Arc::from(name)),
                    Err(nearest) => {
                        let mut finding = Diagnostic::error(
                            format!("there is no lookup `{name}` to loop with"),
                            &entry.key.span,
                        );
                        if let Some(nearest) = nearest {
                            finding = finding.hint(format!("did you mean `with_{nearest}`?"));
                        }
                        self.find(finding);
                        continue;
                    }
                },
            };
            let value = &entry.value;
            if value.is_null() {
                if lookup.is_some() {
                    self.error(format!("`{key}` needs a value"), &entry.key.span);
                }
                continue;
            }
            let list = matches!(value.value, Yaml::Sequence(_));
            if lookup.is_none() && !list && !value.is_template() {
                let finding =
                    Diagnostic::error(format!("`loop` needs a list, not {}", described(value)), &value.span);
                self.find(finding.hint("a list that is in a variable is written \"{{ variable }}\""));
            }
            if let Some((_, first)) = &found {
                let finding =
                    Diagnostic::error("a task has one loop", &entry.key.span).via("the first one", first);
                self.find(finding);
                continue;
            }
            found = Some((
                Loop { lookup, items: value.clone(), folder, control: control.clone() },
                entry.key.span.clone(),
            ));
        }
        found.map(|(loop_, _)| loop_)
    }

    fn loop_control(&mut self, mapping: &Mapping) -> LoopControl {
        let Some(node) = mapping.get("loop_control").filter(|node| !node.is_null()) else {
            return LoopControl::default();
        };
        let Some(control) = node.as_mapping() else {
            self.error(format!("`loop_control` must be a mapping, not {}", described(node)), &node.span);
            return LoopControl::default();
        };
        self.check_words(control, Place::LoopControl);
        for name in ["loop_var", "index_var"] {
            if control.get(name).is_some_and(|node| !node.is_template()) {
                self.variable(control, name);
            }
        }
        let get = |name: &str| control.get(name).filter(|node| !node.is_null()).cloned();
        LoopControl {
            loop_var: get("loop_var"),
            index_var: get("index_var"),
            label: get("label"),
            pause: get("pause"),
            extended: get("extended"),
            extended_allitems: get("extended_allitems"),
            break_when: list_of(control, "break_when"),
        }
    }
}

/// Where files are that a module works with.
fn folder_of(module: &str) -> &'static str {
    if module.contains("template") {
        "templates"
    } else if module.contains("var") {
        "vars"
    } else {
        "files"
    }
}
