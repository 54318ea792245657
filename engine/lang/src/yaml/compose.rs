//! The parser's events → nodes. No recursion, so that no nesting overflows the stack.

use std::collections::HashMap;
use std::sync::Arc;

use super::parser::{Event, EventKind, Parser, Properties};
use super::scanner::{DEPTH, Problem, Style};
use super::tag::Tag;
use super::{LoadedAll, Mapping, Node, Yaml, mistakes, scalar};
use crate::{Diagnostic, Source, Span};

/// How many values aliases and merges may stand for: more is an attack, or a mistake that would eat all memory.
const COPIES: usize = 1_000_000;

/// Builds nodes from one text.
pub(super) struct Composer<'text> {
    source: &'text Arc<Source>,
    /// The whole text is JSON, and its scalars are read as JSON's.
    json: Option<serde_json::Value>,
    documents: Vec<Node>,
    warnings: Vec<Diagnostic>,
    /// What anchors stand for; `None` while the value is not complete.
    anchors: HashMap<&'text str, Option<Measured>>,
    stack: Vec<Frame<'text>>,
    copies: usize,
}

/// A node, how many values it stands for when all its aliases are written out, and how deep it is.
#[derive(Clone)]
struct Measured {
    node: Node,
    weight: usize,
    height: usize,
}

/// A list or mapping that is not yet complete.
struct Frame<'text> {
    start: usize,
    /// Written with brackets, which a person may have forgotten to close.
    flow: bool,
    anchor: Option<&'text str>,
    tag: Tag,
    raw: bool,
    weight: usize,
    height: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Node, Node)>, key: Option<Key>, merged: Vec<(Node, Node)> },
}

enum Key {
    Plain(Node),
    Merge(Span),
}

impl<'text> Composer<'text> {
    pub(super) fn new(source: &'text Arc<Source>) -> Self {
        let text = source.text();
        let json =
            if text.trim_start().starts_with(['{', '[']) { serde_json::from_str(text).ok() } else { None };
        Self {
            source,
            json,
            documents: Vec::new(),
            warnings: Vec::new(),
            anchors: HashMap::new(),
            stack: Vec::new(),
            copies: 0,
        }
    }

    /// Reads the text's documents, at most `most`.
    pub(super) fn read(mut self, most: usize) -> Result<LoadedAll, Diagnostic> {
        let source = self.source;
        mistakes::check_characters(source)?;
        let mut parser = Parser::new(source.text());
        loop {
            let event = match parser.next() {
                Ok(event) => event,
                Err(problem) => return self.refuse(&problem),
            };
            match event.kind {
                EventKind::StreamEnd => break,
                EventKind::DocumentStart => {
                    self.anchors.clear();
                    if self.documents.len() >= most {
                        return Err(mistakes::second_document(&self.span(event.start, event.end)));
                    }
                }
                _ => self.take(event)?,
            }
        }
        Ok(LoadedAll { documents: self.documents, warnings: self.warnings })
    }

    /// What JSON allows and YAML does not (surrogate pairs) is no error in a text that is JSON.
    fn refuse(self, problem: &Problem) -> Result<LoadedAll, Diagnostic> {
        if let Some(json) = &self.json {
            let whole = self.span(0, self.source.text().len());
            return Ok(LoadedAll { documents: vec![Node::from_json(json, &whole)], warnings: Vec::new() });
        }
        let open = self.stack.iter().rev().find(|frame| frame.flow);
        let open = open.map(|frame| self.span(frame.start, frame.start + 1));
        Err(mistakes::explain(self.source, problem, open.as_ref()))
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(Arc::clone(self.source), start, end)
    }

    fn take(&mut self, event: Event<'text>) -> Result<(), Diagnostic> {
        let Event { kind, start, end } = event;
        match kind {
            EventKind::Scalar(properties, text, style) => {
                let tag = self.tag(&properties, start)?;
                self.declare(properties.anchor, start)?;
                let start = if tag == Tag::Vault { self.tag_start(start) } else { start };
                self.scalar(&text, style, properties.anchor, tag, self.span(start, end))
            }
            EventKind::SequenceStart(properties) => {
                self.open(start, end, &properties, Content::Sequence(Vec::new()))
            }
            EventKind::MappingStart(properties) => {
                let content = Content::Mapping { entries: Vec::new(), key: None, merged: Vec::new() };
                self.open(start, end, &properties, content)
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => self.close(end),
            EventKind::Alias(anchor) => {
                let span = self.span(start, end);
                let mut measured = match self.anchors.get(anchor) {
                    Some(Some(measured)) => measured.clone(),
                    known => return Err(mistakes::unknown_anchor(&span, known.is_some())),
                };
                self.copies = self.copies.saturating_add(measured.weight);
                if self.copies > COPIES {
                    return Err(mistakes::too_many_copies(&span));
                }
                if self.raw() {
                    measured.node = measured.node.into_raw();
                }
                self.place(measured)
            }
            EventKind::DocumentStart | EventKind::DocumentEnd | EventKind::StreamEnd => Ok(()),
        }
    }

    /// Notes an anchor of a value that begins at a place.
    fn declare(&mut self, anchor: Option<&'text str>, start: usize) -> Result<(), Diagnostic> {
        match anchor.and_then(|anchor| self.anchors.insert(anchor, None)) {
            Some(_) => {
                Err(Diagnostic::error("another value has the same anchor", &self.span(start, start + 1)))
            }
            None => Ok(()),
        }
    }

    /// The tag of a value that begins at a place.
    fn tag(&self, properties: &Properties<'_>, start: usize) -> Result<Tag, Diagnostic> {
        Tag::read(properties.tag.as_deref()).map_err(|name| {
            // The tag is before the value, but for one that has nothing else.
            let text = self.source.text();
            let written = name.strip_prefix("tag:yaml.org,2002:").map(|core| format!("!!{core}"));
            let written = written.unwrap_or(name);
            let before = text.get(..start).unwrap_or_default().rfind(&written);
            let at = if text.get(start..).is_some_and(|rest| rest.starts_with(&written)) {
                start
            } else {
                before.unwrap_or(start)
            };
            mistakes::unknown_tag(&written, &self.span(at, at + written.len()))
        })
    }

    /// Where `!vault` in front of a value stands: ciphertext says nothing to anyone.
    fn tag_start(&self, start: usize) -> usize {
        self.source.text().get(..start).and_then(|before| before.rfind("!vault")).unwrap_or(start)
    }

    /// Whether what is being read lies below an `!unsafe`.
    fn raw(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.raw)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: Style,
        anchor: Option<&'text str>,
        tag: Tag,
        span: Span,
    ) -> Result<(), Diagnostic> {
        let plain = style == Style::Plain;
        if plain && tag == Tag::None && text == "<<" && self.merges(&span) {
            return Ok(());
        }
        let wrong = |message: String| {
            Diagnostic::error(message, &span).hint(format!("quote it if it is meant as text: \"{text}\""))
        };
        let value = match tag {
            _ if !tag.fits_scalar() => {
                return Err(Diagnostic::error(
                    format!("`{}` needs a list or a mapping, not text", tag.name()),
                    &span,
                ));
            }
            Tag::None if self.json.is_some() && plain => scalar::resolve_json(text),
            Tag::None if plain && text == "=" && self.expects_key() => Yaml::String(text.into()),
            Tag::None if plain => scalar::resolve(text).map_err(wrong)?,
            Tag::None => Yaml::String(text.into()),
            Tag::Bare if plain && text.is_empty() => Yaml::String(text.into()),
            // All three look at the text as if it were plain, quoted or not.
            Tag::Bare | Tag::Unsafe => scalar::resolve(text).map_err(wrong)?,
            Tag::Vault => match scalar::resolve(text) {
                Ok(Yaml::String(text)) => Yaml::Vault(text),
                _ => return Err(Diagnostic::error("`!vault` needs text", &span)),
            },
            _ => super::tag::convert(tag, text).map_err(|message| Diagnostic::error(message, &span))?,
        };
        let value = match value {
            Yaml::String(text) if tag == Tag::Unsafe || self.raw() => Yaml::Raw(text),
            other => other,
        };
        let weight = 1 + text.len() / 64;
        self.finish(anchor, Measured { node: Node::new(value, span), weight, height: 0 })
    }

    /// Whether the next value is the key of a mapping.
    fn expects_key(&self) -> bool {
        self.stack.last().is_some_and(|frame| matches!(frame.content, Content::Mapping { key: None, .. }))
    }

    /// Takes `<<` as the merge key, when it stands where a key stands.
    fn merges(&mut self, span: &Span) -> bool {
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            Some(Content::Mapping { key: key @ None, .. }) => {
                *key = Some(Key::Merge(span.clone()));
                true
            }
            _ => false,
        }
    }

    fn open(
        &mut self,
        start: usize,
        end: usize,
        properties: &Properties<'text>,
        content: Content,
    ) -> Result<(), Diagnostic> {
        let tag = self.tag(properties, start)?;
        self.declare(properties.anchor, start)?;
        let fits = match content {
            Content::Sequence(_) => tag.fits_sequence(),
            Content::Mapping { .. } => tag.fits_mapping(),
        };
        if !fits {
            let span = self.span(start, end);
            return Err(Diagnostic::error(format!("`{}` does not fit this value", tag.name()), &span));
        }
        if self.stack.len() >= DEPTH {
            return Err(mistakes::too_deep(&self.span(start, end.max(start + 1)), DEPTH));
        }
        let flow = self.source.text().get(start..end).is_some_and(|text| text.contains(['[', '{']));
        let raw = tag == Tag::Unsafe || self.raw();
        let anchor = properties.anchor;
        self.stack.push(Frame { start, flow, anchor, tag, raw, weight: 1, height: 0, content });
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Diagnostic> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        // Blocks end where the next thing begins; what counts is where their last line ends.
        let written = self.source.text().get(frame.start..end).unwrap_or_default().trim_end();
        let span = self.span(frame.start, frame.start + written.len());
        let value = match frame.content {
            Content::Sequence(items) if frame.tag == Tag::Pairs => pairs(&items)?,
            Content::Sequence(items) => Yaml::Sequence(Arc::new(items)),
            Content::Mapping { entries, merged, .. } => {
                let mapping = self.mapping(entries, merged);
                if frame.tag == Tag::Set {
                    Yaml::Sequence(Arc::new(mapping.iter().map(|(_, entry)| entry.key.clone()).collect()))
                } else {
                    Yaml::Mapping(Arc::new(mapping))
                }
            }
        };
        let node = Node::new(value, span);
        self.finish(frame.anchor, Measured { node, weight: frame.weight, height: frame.height })
    }

    /// Merged entries come first and yield to the mapping's own; of two own ones with one key the last counts.
    fn mapping(&mut self, entries: Vec<(Node, Node)>, merged: Vec<(Node, Node)>) -> Mapping {
        let mut own: HashMap<Arc<str>, Span> = HashMap::new();
        let remember = !merged.is_empty();
        let mut mapping: Mapping = merged.into_iter().collect();
        for (key, value) in entries {
            let (name, place) = (key.to_text(), key.span.clone());
            let before = mapping.insert(key, value);
            let first = if remember {
                own.insert(Arc::clone(&name), place.clone())
            } else {
                before.map(|entry| entry.key.span)
            };
            if let Some(first) = first {
                self.warnings.push(mistakes::duplicate_key(&name, &place, &first));
            }
        }
        mapping
    }

    /// Remembers a complete value under its anchor and puts it in place.
    fn finish(&mut self, anchor: Option<&'text str>, measured: Measured) -> Result<(), Diagnostic> {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Some(measured.clone()));
        }
        self.place(measured)
    }

    fn place(&mut self, measured: Measured) -> Result<(), Diagnostic> {
        let Measured { node, weight, height } = measured;
        let depth = self.stack.len() + height;
        let Some(frame) = self.stack.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        if depth > DEPTH {
            return Err(mistakes::too_deep(&node.span, DEPTH));
        }
        let merging = matches!(frame.content, Content::Mapping { key: Some(Key::Merge(_)), .. });
        frame.weight = frame.weight.saturating_add(weight);
        frame.height = frame.height.max(if merging { height } else { height + 1 });
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key, merged } => match key.take() {
                None if matches!(node.value, Yaml::Sequence(_) | Yaml::Mapping(_)) => {
                    return Err(mistakes::container_as_key(&node));
                }
                None => *key = Some(Key::Plain(node)),
                Some(Key::Plain(key)) => entries.push((key, node)),
                Some(Key::Merge(span)) => {
                    merge(&node, merged)
                        .map_err(|culprit| mistakes::cannot_merge(&culprit).via("merged at", &span))?;
                    self.copies = self.copies.saturating_add(merged.len());
                    if self.copies > COPIES {
                        return Err(mistakes::too_many_copies(&span));
                    }
                }
            },
        }
        Ok(())
    }
}

/// The entries of a merged mapping, or of a list of them, of which the first win; `Err` with what is neither.
fn merge(node: &Node, merged: &mut Vec<(Node, Node)>) -> Result<(), Node> {
    let mut take = |mapping: &Mapping| {
        merged.extend(mapping.iter().map(|(_, entry)| (entry.key.clone(), entry.value.clone())));
    };
    match &node.value {
        Yaml::Mapping(mapping) => take(mapping),
        Yaml::Sequence(items) => {
            for item in items.iter().rev() {
                take(item.as_mapping().ok_or_else(|| item.clone())?);
            }
        }
        _ => return Err(node.clone()),
    }
    Ok(())
}

/// `!!omap`: a list of mappings of one key becomes a list of pairs.
fn pairs(items: &[Node]) -> Result<Yaml, Diagnostic> {
    let pair = |item: &Node| {
        let mapping = item.as_mapping().filter(|mapping| mapping.len() == 1);
        let (_, entry) = mapping.and_then(|mapping| mapping.iter().next()).ok_or_else(|| {
            Diagnostic::error(
                format!("`!!omap` needs mappings of one key each, not {}", item.kind()),
                &item.span,
            )
        })?;
        let pair = vec![entry.key.clone(), entry.value.clone()];
        Ok(Node::new(Yaml::Sequence(Arc::new(pair)), item.span.clone()))
    };
    Ok(Yaml::Sequence(Arc::new(items.iter().map(pair).collect::<Result<_, _>>()?)))
}
