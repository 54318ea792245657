//! What a task calls: the key that names its module, and the arguments.

use std::sync::Arc;

use clouder_lang::arguments::{self, Named};
use clouder_lang::yaml::{Entry, Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Span, nearest};

use super::session::{Context, Session};
use crate::playbook::names::{FreeText, ModuleName, free_text, is_known, known_modules, short_name};
use crate::playbook::words::{self, Place};
use crate::playbook::{Invocation, OwnModule, Routed};

/// The key of a task that names its module.
pub(super) struct Call {
    /// The name, and where.
    pub(super) written: Node,
    /// The name without a collection of ours.
    pub(super) name: Arc<str>,
    /// The module that the playbook brings along by that name.
    own: Option<Arc<OwnModule>>,
    /// What is written after it.
    value: Node,
    /// `local_action`.
    pub(super) local: bool,
}

impl Session<'_> {
    /// Finds the module a task calls; every mistake is noted.
    pub(super) fn call(&mut self, mapping: &Mapping, span: &Span, context: &Context) -> Option<Call> {
        let place = context.place();
        let mut called: Vec<(&Entry, Call)> = Vec::new();
        let mut strange: Vec<&Entry> = Vec::new();
        for (key, entry) in mapping.iter() {
            if matches!(&**key, "action" | "local_action") {
                let call = self.action(entry, &**key == "local_action", context);
                called.extend(call.map(|call| (entry, call)));
            } else if !place.allows(key) && !key.starts_with("with_") {
                let (meaning, routed) = self.loader.routed_module(key, &context.layer);
                if !self.follow(routed, &entry.key) {
                    continue;
                }
                let (name, own) = match meaning {
                    ModuleName::Known(name) | ModuleName::Foreign(name) => (name, None),
                    ModuleName::Own(module) => (Arc::from(short_name(key)), Some(module)),
                    ModuleName::Unknown(_) => {
                        strange.push(entry);
                        continue;
                    }
                };
                let (written, value) = (entry.key.clone(), entry.value.clone());
                called.push((entry, Call { written, name, own, value, local: false }));
            }
        }
        for entry in &strange {
            self.strange_key(entry, place, called.is_empty() && strange.len() == 1);
        }
        let mut called = called.into_iter();
        let Some((_, call)) = called.next() else {
            let tried = ["action", "local_action"].iter().any(|key| mapping.get(key).is_some());
            if strange.is_empty() && !tried {
                self.error("this task calls no module", span);
            }
            return None;
        };
        for (other, _) in called {
            let message = format!("a task calls one module, not `{}` too", other.key.to_text());
            self.find(
                Diagnostic::error(message, &other.key.span).via("already called here", &call.written.span),
            );
        }
        Some(call)
    }

    /// Tells what a collection says of a module's name. Returns whether the module is still there.
    fn follow(&mut self, routed: Option<Routed>, key: &Node) -> bool {
        let Some(routed) = routed else { return true };
        for words in routed.deprecations {
            self.find(Diagnostic::warning(words, &key.span));
        }
        if let Some(words) = &routed.removed {
            let message = format!("there is no module `{}` any more", key.to_text());
            self.find(Diagnostic::error(message, &key.span).hint(words.clone()));
        }
        routed.removed.is_none()
    }

    /// A key that is neither a keyword nor a module.
    fn strange_key(&mut self, entry: &Entry, place: Place, alone: bool) {
        let word = entry.key.to_text();
        if &*word == "include" || words::replaced(&word).is_some() {
            return self.unknown_word(&entry.key, place);
        }
        let nearest_word = place.nearest(&word);
        // Alone, it stands where the module should; beside a module, it is meant as a keyword.
        let nearest_module = nearest(short_name(&word), known_modules()).filter(|_| alone);
        let meant = nearest(short_name(&word), nearest_module.into_iter().chain(nearest_word));
        let mut finding = if alone && (meant.is_none() || meant == nearest_module) {
            Diagnostic::error(format!("there is no module `{word}`"), &entry.key.span)
        } else {
            Diagnostic::error(format!("{} has no keyword `{word}`", place.name()), &entry.key.span)
        };
        if let Some(nearest) = meant {
            finding = finding.hint(format!("did you mean `{nearest}`?"));
        } else if word.contains(['.', '/']) {
            finding = finding.hint("a module of a collection is written namespace.collection.module");
        }
        self.find(finding);
    }

    /// `action: module a=b` and `action: {module: …, a: b}`.
    fn action(&mut self, entry: &Entry, local: bool, context: &Context) -> Option<Call> {
        let (written, value) = match &entry.value.value {
            Yaml::String(text) => {
                let start = text.len() - text.trim_start().len();
                let rest = &text[start..];
                // A template may choose the module.
                let end = if rest.starts_with("{{") {
                    rest.find("}}").map_or(rest.len(), |end| end + 2)
                } else {
                    rest.find(char::is_whitespace).unwrap_or(rest.len())
                };
                let word = Node::text(&rest[..end], entry.value.span_at(start, start + end));
                let after = rest[end..].trim();
                let from = start + end + (rest[end..].len() - rest[end..].trim_start().len());
                let span = entry.value.span_at(from, from + after.len());
                let value = if after.is_empty() { Yaml::Null } else { Yaml::String(after.into()) };
                (word, Node::new(value, span))
            }
            Yaml::Mapping(mapping) => {
                let Some(word) = mapping.get("module").filter(|word| word.as_str().is_some()) else {
                    self.error(
                        format!("`{}` needs the name of a `module`", entry.key.to_text()),
                        &entry.value.span,
                    );
                    return None;
                };
                let rest: Mapping = mapping
                    .iter()
                    .filter(|(key, _)| &***key != "module")
                    .map(|(_, entry)| (entry.key.clone(), entry.value.clone()))
                    .collect();
                (word.clone(), Node::new(Yaml::Mapping(Arc::new(rest)), entry.value.span.clone()))
            }
            _ => {
                let message =
                    format!("`{}` must name a module, not be {}", entry.key.to_text(), entry.value.kind());
                self.error(message, &entry.value.span);
                return None;
            }
        };
        let text = written.to_text();
        let (name, own) = match self.loader.module_name(&text, &context.layer) {
            _ if written.is_template() => (text, None),
            ModuleName::Known(name) | ModuleName::Foreign(name) => (name, None),
            ModuleName::Own(module) => (Arc::from(short_name(&text)), Some(module)),
            ModuleName::Unknown(nearest) => {
                let mut finding = Diagnostic::error(format!("there is no module `{text}`"), &written.span);
                if let Some(nearest) = nearest {
                    finding = finding.hint(format!("did you mean `{nearest}`?"));
                }
                self.find(finding);
                return None;
            }
        };
        Some(Call { written, name, own, value, local })
    }

    /// The arguments of a call, those of `args` merged in.
    pub(super) fn invocation(&mut self, call: &Call, args: Option<&Node>) -> Option<Invocation> {
        let invocation = |arguments: Node, free_form: Option<Node>| Invocation {
            name: Arc::clone(&call.name),
            own: call.own.clone(),
            written: call.written.clone(),
            arguments,
            free_form,
        };
        let (arguments, free_form) = match &call.value.value {
            Yaml::Null => (Mapping::default(), None),
            Yaml::Mapping(mapping) => ((**mapping).clone(), None),
            Yaml::String(_) | Yaml::Raw(_) => {
                let (arguments, rest) = self.free_form(call)?;
                if let Some(whole) = rest.as_ref().filter(|_| self.makes_arguments(call, &arguments)) {
                    // `apt: "{{ arguments }}"`.
                    return Some(invocation(whole.clone(), None));
                }
                (arguments, rest)
            }
            Yaml::Vault(_) if matches!(free_text(&call.name), FreeText::Command(_)) => {
                (Mapping::default(), Some(call.value.clone()))
            }
            _ => {
                let message = format!(
                    "the arguments of `{}` are a mapping or text, not {}",
                    call.name,
                    call.value.kind()
                );
                self.error(message, &call.value.span);
                return None;
            }
        };
        let arguments = match args.filter(|node| !node.is_null()) {
            None => arguments,
            Some(args) if args.is_template() && arguments.is_empty() => {
                return Some(invocation(args.clone(), free_form));
            }
            Some(args) if args.is_template() => {
                // The template's arguments yield to those written out.
                let key = Node::text("_variable_params", args.span.clone());
                std::iter::once((key, args.clone())).chain(entries(&arguments)).collect()
            }
            Some(args) => match args.as_mapping() {
                Some(mapping) => entries(mapping).chain(entries(&arguments)).collect(),
                None => {
                    self.error(format!("`args` must be a mapping, not {}", args.kind()), &args.span);
                    arguments
                }
            },
        };
        let span = if arguments.is_empty() { &call.written.span } else { &call.value.span };
        Some(invocation(Node::new(Yaml::Mapping(Arc::new(arguments)), span.clone()), free_form))
    }

    /// Whether free text is one template that makes the whole mapping of arguments.
    fn makes_arguments(&self, call: &Call, arguments: &Mapping) -> bool {
        let text = call.value.as_str().unwrap_or_default().trim();
        arguments.is_empty()
            && matches!(free_text(&call.name), FreeText::Refused)
            && text.starts_with("{{")
            && text.ends_with("}}")
    }

    fn free_form(&mut self, call: &Call) -> Option<(Mapping, Option<Node>)> {
        let kind = free_text(&call.name);
        let named = match kind {
            FreeText::Command(options) => Named::Only(options),
            FreeText::Value | FreeText::Refused => Named::All,
        };
        let parsed = match arguments::parse(&call.value, named) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.find(error);
                return None;
            }
        };
        let (arguments, rest) = (parsed.arguments, parsed.rest);
        if let (FreeText::Refused, Some(text)) = (kind, &rest)
            && call.own.is_none()
            && is_known(&call.name)
            && !self.makes_arguments(call, &arguments)
        {
            self.find(
                Diagnostic::error(
                    format!("`{}` takes arguments, not the text `{}`", call.name, text.to_text()),
                    &text.span,
                )
                .hint(
                    "write the arguments as a mapping below it, or as name=value; quote values with blanks",
                ),
            );
        }
        Some((arguments, rest))
    }
}

fn entries(mapping: &Mapping) -> impl Iterator<Item = (Node, Node)> {
    mapping.iter().map(|(_, entry)| (entry.key.clone(), entry.value.clone()))
}
