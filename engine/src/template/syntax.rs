//! Places of template errors, headers of template files, names of included files.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use clouder_lang::{Diagnostic, Span};
use minijinja::{Error, ErrorKind};

use super::evaluation::search_path;
use super::jinja::Fault;
use super::{RenderOptions, TemplateError};

/// An error of minijinja as a finding at its place within `span`.
pub(super) fn diagnostic(error: &Error, span: &Span) -> Diagnostic {
    let mut innermost = error;
    while let Some(inner) =
        std::error::Error::source(innermost).and_then(|source| source.downcast_ref::<Error>())
    {
        innermost = inner;
    }
    let detail = innermost.detail().map_or_else(|| innermost.kind().to_string(), str::to_owned);
    let message = match innermost.kind() {
        ErrorKind::SyntaxError => format!("the template is not understood: {detail}"),
        ErrorKind::UnknownFilter => format!("there is no filter like this: {detail}"),
        ErrorKind::UnknownTest => format!("there is no test like this: {detail}"),
        ErrorKind::UnknownFunction => format!("there is no function like this: {detail}"),
        ErrorKind::TemplateNotFound => format!("no such file: {detail}"),
        _ => detail,
    };
    Diagnostic::error(message, &place(error, span))
}

/// Why a template of a text has no value.
pub(super) fn fault(fault: Fault, span: &Span, is_expression: bool) -> TemplateError {
    let Fault { message, undefined, range, file, inner } = fault;
    if let Some(mut error) = inner {
        let place = error.diagnostic.span.as_ref().map(|span| (span.start(), span.end()));
        if place != Some((span.start(), span.end())) {
            error.diagnostic.trail.push(("used in".to_owned(), span.clone()));
        }
        return error;
    }
    let place = match file {
        Some(file) => {
            let whole = Span::new(Arc::clone(&file), 0, file.text().len());
            let body =
                header(file.text(), &RenderOptions::default()).map_or_else(|_| file.text(), |(_, body)| body);
            let head = file.text().len() - body.len();
            range.map_or(whole.clone(), |range| whole.part(range.start + head, range.end + head))
        }
        None => within(range, None, is_expression, span),
    };
    TemplateError { undefined, ..Diagnostic::error(message, &place).into() }
}

/// Where an error of reading is within a text.
fn place(error: &Error, span: &Span) -> Span {
    within(error.range(), error.line(), error.name() == Some("<expression>"), span)
}

/// A part of a text. A text that is one expression is read without its braces, and one in a YAML block is indented
/// there: its line is then as near as can be said.
fn within(range: Option<Range<usize>>, line: Option<usize>, is_expression: bool, span: &Span) -> Span {
    let written = span.text();
    let is_whole_file = span.start() == 0 && span.end() == span.source().text().len();
    match range {
        Some(range) if is_whole_file => span.part(range.start, range.end),
        Some(range) if !written.contains('\n') => {
            let shift = written.find("{{").map_or(0, |at| if is_expression { at + 2 } else { 0 });
            let quote = usize::from(written.starts_with(['"', '\'']));
            let (from, to) = (range.start + shift.max(quote), range.end + shift.max(quote));
            let fits = written.is_char_boundary(from) && written.is_char_boundary(to);
            if fits && from < to { span.part(from, to) } else { span.clone() }
        }
        _ => match line.filter(|line| *line > 1) {
            Some(line) => {
                let start = written.split_inclusive('\n').take(line - 1).map(str::len).sum();
                let length = written[start..].lines().next().map_or(0, str::len);
                span.part(start, start + length)
            }
            None => span.clone(),
        },
    }
}

/// Backslashes in the strings of expressions stand for themselves in YAML texts, as they do in Ansible: `'\1'` is a
/// backslash and a one. (In template files they are Jinja's escapes.)
pub(super) fn literal_backslashes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') || !text.contains("{{") {
        return Cow::Borrowed(text);
    }
    let mut literal = String::with_capacity(text.len() + 8);
    let mut quote: Option<char> = None;
    let mut inside = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        literal.push(character);
        match (inside, quote, character) {
            (false, _, '{') if text[at..].starts_with("{{") => inside = true,
            (true, None, '}') if text[at..].starts_with("}}") => inside = false,
            (true, None, '\'' | '"') => quote = Some(character),
            (true, Some(open), close) if open == close => quote = None,
            (true, Some(_), '\\') => match characters.next() {
                // An escaped quote does not end the string, but keeps its backslash, too.
                Some((_, next @ ('\'' | '"'))) => literal.extend(['\\', '\\', next]),
                Some((_, '\\')) => literal.push_str("\\\\\\"),
                Some((_, next)) => literal.extend(['\\', next]),
                None => {}
            },
            _ => {}
        }
    }
    Cow::Owned(literal)
}

/// The options of a `#jinja2:` header, and the text below it.
pub(super) fn header<'a>(text: &'a str, options: &RenderOptions) -> Result<(RenderOptions, &'a str), Error> {
    let mut options = options.clone();
    let Some(rest) = text.strip_prefix("#jinja2:") else { return Ok((options, text)) };
    let (line, body) = rest.split_once('\n').unwrap_or((rest, ""));
    for pair in line.split(',') {
        let Some((name, value)) = pair.split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        let flag = matches!(value, "True" | "true" | "yes");
        match name.trim() {
            "trim_blocks" => options.trim_blocks = flag,
            "lstrip_blocks" => options.lstrip_blocks = flag,
            "variable_start_string" => options.variable_start = Some(value.to_owned()),
            "variable_end_string" => options.variable_end = Some(value.to_owned()),
            "block_start_string" => options.block_start = Some(value.to_owned()),
            "block_end_string" => options.block_end = Some(value.to_owned()),
            "comment_start_string" => options.comment_start = Some(value.to_owned()),
            "comment_end_string" => options.comment_end = Some(value.to_owned()),
            // Ansible puts these at the end of the text anyway, or has its own way with them.
            "keep_trailing_newline"
            | "newline_sequence"
            | "line_statement_prefix"
            | "line_comment_prefix" => {}
            unknown => {
                let message = format!("`#jinja2:` has no setting `{unknown}`");
                return Err(Error::new(ErrorKind::SyntaxError, message));
            }
        }
    }
    Ok((options, body))
}

/// Line breaks behind `raw` tags are part of the text, unlike those behind other tags: a plus sign keeps them.
pub(super) fn raw_breaks(text: &str) -> Cow<'_, str> {
    let mut kept = Cow::Borrowed(text);
    let mut from = 0;
    while let Some(found) = text[from..].find("{%") {
        from += found + 2;
        let inner = text[from..].trim_start_matches(['-', '+']).trim_start();
        let Some(rest) = inner.strip_prefix("raw") else { continue };
        let end = text.len() - rest.len() + (rest.len() - rest.trim_start().len());
        if end > text.len() - rest.len() && text[end..].starts_with("%}\n") {
            kept.to_mut().replace_range(end - 1..end, "+");
        }
        // What looks like tags within is none.
        from = text[end..].find("endraw").map_or(text.len(), |at| end + at);
    }
    kept
}

/// The file that an include or import names: beside the template, or below the folders of the task.
pub(super) fn included(name: &str, parent: &str) -> String {
    let beside = std::path::Path::new(parent).parent().map(|folder| folder.join(name));
    let folders = search_path();
    let candidates =
        folders.iter().flat_map(|folder| [folder.join("templates").join(name), folder.join(name)]);
    let found = beside.into_iter().chain(candidates).find(|path| crate::playbook::Files::is_there(path));
    found.map_or_else(|| name.to_owned(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::literal_backslashes;

    #[test]
    fn backslashes_stand_for_themselves_in_strings_of_expressions() {
        for (text, expected) in [
            (r"{{ x | regex_replace('(a)', '\\1') }}", r"{{ x | regex_replace('(a)', '\\\\1') }}"),
            (r"{{ x | regex_replace('a\.b', '\1') }}", r"{{ x | regex_replace('a\\.b', '\\1') }}"),
            (r"{{ 'it\'s' }}", r"{{ 'it\\\'s' }}"),
            (r"a\b {{ 'c' }}", r"a\b {{ 'c' }}"),
            (r"{% if '\d' %}{{ y }}{% endif %}", r"{% if '\d' %}{{ y }}{% endif %}"),
        ] {
            assert_eq!(literal_backslashes(text), expected, "{text}");
        }
    }
}
