//! Tokens → events: where lists and mappings begin and end, and what stands where nothing was written.

use std::borrow::Cow;
use std::collections::HashMap;

use super::scanner::{Kind, Problem, ProblemKind, Scanner, Style, Token};

/// What happens in a text, and where.
#[derive(Debug)]
pub(super) struct Event<'text> {
    pub(super) kind: EventKind<'text>,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Debug)]
pub(super) enum EventKind<'text> {
    DocumentStart,
    DocumentEnd,
    Alias(&'text str),
    Scalar(Properties<'text>, Cow<'text, str>, Style),
    SequenceStart(Properties<'text>),
    SequenceEnd,
    MappingStart(Properties<'text>),
    MappingEnd,
    StreamEnd,
}

/// What may stand before a value.
#[derive(Debug, Default)]
pub(super) struct Properties<'text> {
    pub(super) anchor: Option<&'text str>,
    /// The tag in full.
    pub(super) tag: Option<String>,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    FirstDocument,
    Document,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceEntry,
    /// An entry of a list that is not indented more than the key it belongs to.
    IndentlessEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequence {
        first: bool,
    },
    /// A mapping of one key among the entries of a list: `[a: b]`.
    PairKey,
    PairValue,
    PairEnd,
    FlowMapping {
        first: bool,
    },
    FlowMappingValue,
    FlowMappingNoValue,
    End,
}

type Result<'text> = std::result::Result<Event<'text>, Problem>;

pub(super) struct Parser<'text> {
    scanner: Scanner<'text>,
    state: State,
    states: Vec<State>,
    handles: HashMap<&'text str, &'text str>,
}

impl<'text> Parser<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self {
            scanner: Scanner::new(text),
            state: State::FirstDocument,
            states: Vec::new(),
            handles: HashMap::new(),
        }
    }

    /// The next event; [`EventKind::StreamEnd`] is the last.
    pub(super) fn next(&mut self) -> Result<'text> {
        match self.state {
            State::FirstDocument => self.document(true),
            State::Document => self.document(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceEntry => self.block_sequence(),
            State::IndentlessEntry => self.indentless_sequence(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequence { first } => self.flow_sequence(first),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => {
                self.state = State::FlowSequence { first: false };
                let at = self.scanner.peek()?.start;
                Ok(Event { kind: EventKind::MappingEnd, start: at, end: at })
            }
            State::FlowMapping { first } => self.flow_mapping(first),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingNoValue => {
                self.state = State::FlowMapping { first: false };
                let at = self.scanner.peek()?.start;
                Ok(nothing(at, at))
            }
            State::End => {
                let at = self.scanner.peek()?.start;
                Ok(Event { kind: EventKind::StreamEnd, start: at, end: at })
            }
        }
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// Whether the next token is one of some kinds.
    fn is_next(&mut self, fits: impl Fn(&Kind<'_>) -> bool) -> std::result::Result<bool, Problem> {
        Ok(fits(&self.scanner.peek()?.kind))
    }

    fn problem(&mut self, kind: ProblemKind) -> Result<'text> {
        Err(Problem { kind, at: self.scanner.peek()?.start })
    }

    fn document(&mut self, first: bool) -> Result<'text> {
        if !first {
            while self.is_next(|kind| matches!(kind, Kind::DocumentEnd))? {
                self.scanner.take()?;
            }
        }
        self.handles = HashMap::from([("!", "!"), ("!!", "tag:yaml.org,2002:")]);
        let marked = |kind: &Kind<'_>| matches!(kind, Kind::Directive(_) | Kind::DocumentStart);
        if self.is_next(|kind| matches!(kind, Kind::StreamEnd))? {
            self.state = State::End;
            return self.next();
        }
        if first && !self.is_next(marked)? {
            self.states.push(State::DocumentEnd);
            self.state = State::BlockNode;
            let at = self.scanner.peek()?.start;
            return Ok(Event { kind: EventKind::DocumentStart, start: at, end: at });
        }
        while self.is_next(|kind| matches!(kind, Kind::Directive(_)))? {
            if let Kind::Directive(Some((handle, prefix))) = self.scanner.take()?.kind {
                self.handles.insert(handle, prefix);
            }
        }
        if !self.is_next(|kind| matches!(kind, Kind::DocumentStart))? {
            return self.problem(ProblemKind::AfterDocument);
        }
        let token = self.scanner.take()?;
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(event(EventKind::DocumentStart, &token))
    }

    fn document_content(&mut self) -> Result<'text> {
        let empty = |kind: &Kind<'_>| {
            matches!(kind, Kind::Directive(_) | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd)
        };
        if self.is_next(empty)? {
            self.pop();
            let at = self.scanner.peek()?.start;
            return Ok(nothing(at, at));
        }
        self.node(true, false)
    }

    fn document_end(&mut self) -> Result<'text> {
        self.state = State::Document;
        let at = self.scanner.peek()?.start;
        if self.is_next(|kind| matches!(kind, Kind::DocumentEnd))? {
            self.scanner.take()?;
        }
        Ok(Event { kind: EventKind::DocumentEnd, start: at, end: at })
    }

    /// A value. `block`: it may be a list or mapping in block style; `indentless`: a list that is not indented more.
    fn node(&mut self, block: bool, indentless: bool) -> Result<'text> {
        if let Kind::Alias(name) = self.scanner.peek()?.kind {
            let token = self.scanner.take()?;
            self.pop();
            return Ok(event(EventKind::Alias(name), &token));
        }
        let (properties, start) = self.properties()?;
        let kind = &self.scanner.peek()?.kind;
        let event_kind: fn(Properties<'text>) -> EventKind<'text> = match kind {
            Kind::BlockEntry if indentless => {
                self.state = State::IndentlessEntry;
                let at = self.scanner.peek()?.start;
                return Ok(Event { kind: EventKind::SequenceStart(properties), start: at, end: at });
            }
            Kind::Scalar(..) => {
                self.pop();
                let token = self.scanner.take()?;
                let Kind::Scalar(text, style) = token.kind else {
                    return self.problem(ProblemKind::NoContent);
                };
                let kind = EventKind::Scalar(properties, text, style);
                return Ok(Event { kind, start: token.start, end: token.end });
            }
            Kind::FlowSequenceStart => {
                self.state = State::FlowSequence { first: true };
                EventKind::SequenceStart
            }
            Kind::FlowMappingStart => {
                self.state = State::FlowMapping { first: true };
                EventKind::MappingStart
            }
            Kind::BlockSequenceStart if block => {
                self.state = State::BlockSequenceEntry;
                EventKind::SequenceStart
            }
            Kind::BlockMappingStart if block => {
                self.state = State::BlockMappingKey;
                EventKind::MappingStart
            }
            _ => {
                let Some((start, end)) = start else { return self.problem(ProblemKind::NoContent) };
                self.pop();
                let kind = EventKind::Scalar(properties, Cow::Borrowed(""), Style::Plain);
                return Ok(Event { kind, start, end });
            }
        };
        let token = self.scanner.take()?;
        Ok(event(event_kind(properties), &token))
    }

    /// Anchor and tag, in any order, and where they are.
    fn properties(&mut self) -> std::result::Result<(Properties<'text>, Option<(usize, usize)>), Problem> {
        let mut properties = Properties::default();
        let mut place: Option<(usize, usize)> = None;
        loop {
            match &self.scanner.peek()?.kind {
                Kind::Anchor(name) if properties.anchor.is_none() => properties.anchor = Some(name),
                Kind::Tag(handle, suffix) if properties.tag.is_none() => {
                    let prefix = if handle.is_empty() { Some("") } else { self.handles.get(handle).copied() };
                    let full = prefix.map(|prefix| format!("{prefix}{suffix}"));
                    let Some(full) = full else {
                        return Err(Problem { kind: ProblemKind::TagHandle, at: self.scanner.peek()?.start });
                    };
                    properties.tag = Some(full);
                }
                _ => return Ok((properties, place)),
            }
            let token = self.scanner.take()?;
            place = Some((place.map_or(token.start, |(start, _)| start), token.end));
        }
    }

    /// The value after a `-`, `:` or `?`, unless the next token says that there is none.
    fn value(
        &mut self,
        after: &Token<'text>,
        then: State,
        indentless: bool,
        none: impl Fn(&Kind<'_>) -> bool,
        block: bool,
    ) -> Result<'text> {
        if self.is_next(none)? {
            self.state = then;
            return Ok(nothing(after.start, after.end));
        }
        self.states.push(then);
        self.node(block, indentless)
    }

    fn block_sequence(&mut self) -> Result<'text> {
        match self.scanner.peek()?.kind {
            Kind::BlockEntry => {
                let entry = self.scanner.take()?;
                let none = |kind: &Kind<'_>| matches!(kind, Kind::BlockEntry | Kind::BlockEnd);
                self.value(&entry, State::BlockSequenceEntry, false, none, true)
            }
            Kind::BlockEnd => self.finish(EventKind::SequenceEnd),
            _ => self.problem(ProblemKind::NoEntry),
        }
    }

    fn indentless_sequence(&mut self) -> Result<'text> {
        if !self.is_next(|kind| matches!(kind, Kind::BlockEntry))? {
            self.pop();
            let at = self.scanner.peek()?.start;
            return Ok(Event { kind: EventKind::SequenceEnd, start: at, end: at });
        }
        let entry = self.scanner.take()?;
        let none =
            |kind: &Kind<'_>| matches!(kind, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd);
        self.value(&entry, State::IndentlessEntry, false, none, true)
    }

    fn block_mapping_key(&mut self) -> Result<'text> {
        match self.scanner.peek()?.kind {
            Kind::Key => {
                let key = self.scanner.take()?;
                self.value(&key, State::BlockMappingValue, true, ends_pair, true)
            }
            Kind::BlockEnd => self.finish(EventKind::MappingEnd),
            _ => self.problem(ProblemKind::NoKey),
        }
    }

    fn block_mapping_value(&mut self) -> Result<'text> {
        if self.is_next(|kind| matches!(kind, Kind::Value))? {
            let colon = self.scanner.take()?;
            return self.value(&colon, State::BlockMappingKey, true, ends_pair, true);
        }
        self.state = State::BlockMappingKey;
        let at = self.scanner.peek()?.start;
        Ok(nothing(at, at))
    }

    fn flow_sequence(&mut self, first: bool) -> Result<'text> {
        let ends = |kind: &Kind<'_>| matches!(kind, Kind::FlowSequenceEnd);
        if !self.is_next(ends)? {
            if !first {
                if !self.is_next(|kind| matches!(kind, Kind::FlowEntry))? {
                    return self.problem(ProblemKind::NoComma);
                }
                self.scanner.take()?;
            }
            if self.is_next(|kind| matches!(kind, Kind::Key))? {
                let key = self.scanner.take()?;
                self.state = State::PairKey;
                return Ok(event(EventKind::MappingStart(Properties::default()), &key));
            }
            if !self.is_next(ends)? {
                self.states.push(State::FlowSequence { first: false });
                return self.node(false, false);
            }
        }
        self.finish(EventKind::SequenceEnd)
    }

    fn pair_key(&mut self) -> Result<'text> {
        let at = self.scanner.peek()?.clone();
        let none = |kind: &Kind<'_>| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd);
        self.value(&at, State::PairValue, false, none, false)
    }

    fn pair_value(&mut self) -> Result<'text> {
        if self.is_next(|kind| matches!(kind, Kind::Value))? {
            let colon = self.scanner.take()?;
            let none = |kind: &Kind<'_>| matches!(kind, Kind::FlowEntry | Kind::FlowSequenceEnd);
            return self.value(&colon, State::PairEnd, false, none, false);
        }
        self.state = State::PairEnd;
        let at = self.scanner.peek()?.start;
        Ok(nothing(at, at))
    }

    fn flow_mapping(&mut self, first: bool) -> Result<'text> {
        let ends = |kind: &Kind<'_>| matches!(kind, Kind::FlowMappingEnd);
        if !self.is_next(ends)? {
            if !first {
                if !self.is_next(|kind| matches!(kind, Kind::FlowEntry))? {
                    return self.problem(ProblemKind::NoComma);
                }
                self.scanner.take()?;
            }
            if self.is_next(|kind| matches!(kind, Kind::Key))? {
                let key = self.scanner.take()?;
                let none =
                    |kind: &Kind<'_>| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd);
                return self.value(&key, State::FlowMappingValue, false, none, false);
            }
            if !self.is_next(ends)? {
                self.states.push(State::FlowMappingNoValue);
                return self.node(false, false);
            }
        }
        self.finish(EventKind::MappingEnd)
    }

    fn flow_mapping_value(&mut self) -> Result<'text> {
        if self.is_next(|kind| matches!(kind, Kind::Value))? {
            let colon = self.scanner.take()?;
            let none = |kind: &Kind<'_>| matches!(kind, Kind::FlowEntry | Kind::FlowMappingEnd);
            return self.value(&colon, State::FlowMapping { first: false }, false, none, false);
        }
        self.state = State::FlowMapping { first: false };
        let at = self.scanner.peek()?.start;
        Ok(nothing(at, at))
    }

    /// The end of a list or mapping that the next token is.
    fn finish(&mut self, kind: EventKind<'text>) -> Result<'text> {
        let token = self.scanner.take()?;
        self.pop();
        Ok(event(kind, &token))
    }
}

fn ends_pair(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd)
}

fn event<'text>(kind: EventKind<'text>, token: &Token<'text>) -> Event<'text> {
    Event { kind, start: token.start, end: token.end }
}

/// The scalar that stands where nothing was written.
fn nothing<'text>(start: usize, end: usize) -> Event<'text> {
    let kind = EventKind::Scalar(Properties::default(), Cow::Borrowed(""), Style::Plain);
    Event { kind, start, end }
}
