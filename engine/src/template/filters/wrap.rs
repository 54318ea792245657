//! Breaking texts into lines, as Python's `textwrap` does.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};

use super::{taken, text_of, wrong};
use crate::template::python::int_of;
use crate::template::to_text;

/// `wordwrap(width=79, break_long_words=true, wrapstring=none, break_on_hyphens=true)`.
pub(super) fn wordwrap(value: &Value, args: Rest<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let names = ["width", "break_long_words", "wrapstring", "break_on_hyphens"];
    let [width, long, between, hyphens] = taken(names, &args, &kwargs)?;
    let width = width.map_or(Some(79), |width| int_of(&width));
    let width = width.and_then(|width| usize::try_from(width).ok()).filter(|width| *width > 0);
    let width = width.ok_or_else(|| wrong("`wordwrap` needs a width above zero"))?;
    let between = between.filter(|between| !between.is_none()).map_or("\n".to_owned(), |it| to_text(&it));
    let long = long.is_none_or(|long| long.is_true());
    let hyphens = hyphens.is_none_or(|hyphens| hyphens.is_true());
    let lines = text_of("wordwrap", value)?.lines();
    Ok(lines
        .map(|line| wrapped(line, width, long, hyphens).join(&between))
        .collect::<Vec<_>>()
        .join(&between))
}

/// The lines that one line becomes.
fn wrapped(text: &str, width: usize, break_long: bool, break_hyphens: bool) -> Vec<String> {
    let mut chunks = chunks(text, break_hyphens);
    chunks.reverse();
    let is_blank = |chunk: &[char]| chunk.iter().all(|c| c.is_whitespace());
    let mut lines: Vec<String> = Vec::new();
    while let Some(first) = chunks.last() {
        if is_blank(first) && !lines.is_empty() {
            chunks.pop();
        }
        let mut line: Vec<Vec<char>> = Vec::new();
        let mut used = 0;
        while let Some(chunk) = chunks.pop_if(|chunk| used + chunk.len() <= width) {
            used += chunk.len();
            line.push(chunk);
        }
        if let Some(chunk) = chunks.pop_if(|chunk| chunk.len() > width) {
            let space = width.saturating_sub(used);
            if break_long {
                let hyphen = chunk[..space].iter().rposition(|c| *c == '-');
                let at = hyphen.filter(|at| break_hyphens && chunk[..*at].iter().any(|c| *c != '-'));
                let (head, tail) = chunk.split_at(at.map_or(space, |at| at + 1));
                line.push(head.to_vec());
                chunks.push(tail.to_vec());
            } else if line.is_empty() {
                line.push(chunk);
            } else {
                chunks.push(chunk);
            }
        }
        if line.last().is_some_and(|chunk| is_blank(chunk)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.into_iter().flatten().collect());
        }
    }
    lines
}

/// The pieces of a line that stay whole: blanks, words, and the parts of words with hyphens.
fn chunks(text: &str, break_hyphens: bool) -> Vec<Vec<char>> {
    let characters: Vec<char> = text.chars().collect();
    let mut chunks: Vec<Vec<char>> = Vec::new();
    for (index, character) in characters.iter().enumerate() {
        let joins = index > 0
            && characters[index - 1].is_whitespace() == character.is_whitespace()
            && !(break_hyphens && breaks_before(&characters, index));
        match chunks.last_mut().filter(|_| joins) {
            Some(chunk) => chunk.push(*character),
            None => chunks.push(vec![*character]),
        }
    }
    chunks
}

/// Whether a word may be broken before a character: behind the hyphen of two words, and at a dash of several.
fn breaks_before(characters: &[char], index: usize) -> bool {
    let at = |offset: isize| index.checked_add_signed(offset).and_then(|at| characters.get(at)).copied();
    let letter = |offset: isize| at(offset).is_some_and(char::is_alphabetic);
    let of_word = |offset: isize| {
        at(offset).is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '_' | '!' | '"' | '\'' | '&' | '.' | ',' | '?')
        })
    };
    let is_hyphen = |offset: isize| at(offset) == Some('-');
    let joins_words = is_hyphen(-1)
        && letter(-2)
        && (letter(-3) || (is_hyphen(-3) && letter(-4)))
        && letter(0)
        && (letter(1) || (is_hyphen(1) && letter(2)));
    let dashes = characters[index..].iter().take_while(|c| **c == '-').count();
    let begins_dash = of_word(-1) && dashes >= 2 && of_word(isize::try_from(dashes).unwrap_or(0));
    let ends_dash = is_hyphen(-1) && is_hyphen(-2) && of_word(0);
    joins_words || begins_dash || ends_dash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_where_python_breaks_them() {
        let lines = |text: &str, width: usize| wrapped(text, width, true, true);
        assert_eq!(lines("a brown fox-like cat", 12), ["a brown fox-", "like cat"]);
        assert_eq!(lines("supercalifragilistic", 8), ["supercal", "ifragili", "stic"]);
        assert_eq!(lines("  lead a  b", 6), ["  lead", "a  b"]);
        assert_eq!(wrapped("fox-like cats", 5, false, false), ["fox-like", "cats"]);
    }
}
