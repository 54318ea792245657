//! Free text after a module's name: `src=a dest="b c"`, or a command line with options among it.
//!
//! Words end at blanks and line breaks that are in no quotes and in no template. A word `name=value` is an argument;
//! of the value, escapes (`\n`, `\x41`, `\"`) are read and outer quotes removed. What is not an argument stays together
//! as it was written.

mod value;
mod words;

use crate::Diagnostic;
use crate::yaml::{Mapping, Node, Yaml};
use value::read_value;
use words::Word;

/// Free text taken apart.
#[derive(Clone, Debug, Default)]
pub struct FreeForm {
    /// The `name=value` words.
    pub arguments: Mapping,
    /// Everything else; its place is exact when there are no arguments.
    pub rest: Option<Node>,
}

/// Which `name=value` words are arguments.
#[derive(Clone, Copy, Debug)]
pub enum Named<'names> {
    /// All.
    All,
    /// Only those with one of these names; others belong to the text, such as `A=b make` of a shell.
    Only(&'names [&'names str]),
}

/// Takes free text apart.
///
/// # Errors
/// A quote or template that is never closed.
pub fn parse(text: &Node, named: Named<'_>) -> Result<FreeForm, Diagnostic> {
    let whole = text.as_str().unwrap_or_default();
    let words = words::split(whole).map_err(|open| {
        let span = text.span_at(open.at, open.at + open.sign.len());
        Diagnostic::error(format!("the `{}` that begins here is never closed", open.sign), &span)
            .hint("put a backslash before a quote that is meant as such, or write the arguments as a mapping")
    })?;
    let mut arguments = Mapping::default();
    let mut rest: Vec<&Word> = Vec::new();
    for word in &words {
        let argument = word.argument().filter(|(name, _)| match named {
            Named::All => true,
            Named::Only(names) => names.contains(name),
        });
        let Some((name, value)) = argument else {
            rest.push(word);
            continue;
        };
        let start = word.start + name.len() + 1;
        let (value, from, to) = read_value(value);
        let key = Node::text(name, text.span_at(word.start, word.start + name.len()));
        arguments.insert(key, like(text, value, text.span_at(start + from, start + to)));
    }
    if arguments.is_empty() && !whole.contains('\\') {
        return Ok(FreeForm { arguments, rest: (!whole.trim().is_empty()).then(|| text.clone()) });
    }
    let joined = join(&rest).replace("\\=", "=");
    let rest = match (rest.first(), rest.last()) {
        (Some(first), Some(last)) if !joined.trim().is_empty() => {
            let span = text.span_at(first.start, last.start + last.text.trim_end().len());
            Some(like(text, joined, span))
        }
        _ => None,
    };
    Ok(FreeForm { arguments, rest })
}

/// A text that is a template if and only if the one it is taken from is.
fn like(whole: &Node, text: String, span: crate::Span) -> Node {
    let value = match whole.value {
        Yaml::Raw(_) => Yaml::Raw(text.into()),
        _ => Yaml::String(text.into()),
    };
    Node::new(value, span)
}

/// Words with the blanks that followed each; one blank stands between words whose own do not end with a line break.
fn join(words: &[&Word]) -> String {
    let mut joined = String::new();
    for word in words {
        if !joined.is_empty() && !joined.ends_with('\n') {
            joined.push(' ');
        }
        joined.push_str(&word.text);
    }
    joined
}

#[cfg(test)]
mod tests;
