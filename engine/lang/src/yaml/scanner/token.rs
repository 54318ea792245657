//! What a text of YAML is made of.

use std::borrow::Cow;

/// A part of the text with a meaning.
#[derive(Clone, Debug)]
pub(in crate::yaml) struct Token<'text> {
    pub(in crate::yaml) kind: Kind<'text>,
    pub(in crate::yaml) start: usize,
    pub(in crate::yaml) end: usize,
}

#[derive(Clone, Debug)]
pub(in crate::yaml) enum Kind<'text> {
    StreamEnd,
    /// `%YAML`; `%TAG` with its handle and prefix.
    Directive(Option<(&'text str, &'text str)>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    /// A list or mapping ends because a line is indented less.
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `-`.
    BlockEntry,
    /// `,`.
    FlowEntry,
    /// A key follows; `?`, or nothing at all.
    Key,
    /// `:`.
    Value,
    Alias(&'text str),
    Anchor(&'text str),
    /// Handle (`!`, `!!`, `!x!`, empty for a verbatim one) and suffix.
    Tag(&'text str, Cow<'text, str>),
    Scalar(Cow<'text, str>, Style),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::yaml) enum Style {
    Plain,
    Quoted,
    Block,
}

/// Why a text is not YAML, and where.
#[derive(Clone, Debug)]
pub(in crate::yaml) struct Problem {
    pub(in crate::yaml) kind: ProblemKind,
    pub(in crate::yaml) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::yaml) enum ProblemKind {
    /// A tab where only blanks may indent.
    Tab,
    /// A character no value may begin with.
    Character,
    /// `key: value` where no mapping can be.
    MappingHere,
    /// `- item` where no list can be.
    ListHere,
    /// A line that should be a key has no colon.
    NoColon,
    /// Something else where the next key of a mapping should be.
    NoKey,
    /// Something else where the next entry of a list should be.
    NoEntry,
    /// Something else where `,` or a closing bracket should be.
    NoComma,
    /// Nothing where a value should be.
    NoContent,
    /// A quote that is never closed.
    OpenQuote,
    Escape,
    /// `|` or `>` followed by something strange.
    BlockHeader,
    /// `&` or `*` without a name.
    AnchorName,
    TagForm,
    TagHandle,
    Directive,
    /// Something after the end of the document.
    AfterDocument,
    TooDeep,
}
