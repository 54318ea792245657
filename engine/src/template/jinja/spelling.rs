//! What Jinja reads and minijinja's parser does not, spelled so that it does: tuples without parentheses, and texts side
//! by side. Only templates that cannot be read as they are come here.

use std::ops::Range;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

type Place<'a> = (Token<'a>, Range<usize>);

/// What is put in, and before which byte.
type Insertions = Vec<(usize, &'static str)>;

/// The same template with parentheses around tuples, and `~` between texts side by side; `None` if there are none.
pub(super) fn respelled(text: &str, is_expression: bool, syntax: &SyntaxConfig) -> Option<String> {
    let tokens: Vec<Place<'_>> = tokenize(text, is_expression, syntax.clone())
        .map(|token| token.map(|(token, span)| (token, span.start_offset as usize..span.end_offset as usize)))
        .collect::<Result<_, _>>()
        .ok()?;
    let mut insertions = Insertions::new();
    texts(&tokens, &mut insertions);
    if is_expression {
        tuple(&tokens, &mut insertions);
    }
    let mut rest = tokens.as_slice();
    while let Some(start) =
        rest.iter().position(|(token, _)| matches!(token, Token::VariableStart | Token::BlockStart))
    {
        let is_block = matches!(rest[start].0, Token::BlockStart);
        let inside = &rest[start + 1..];
        let is_end = |(token, _): &Place<'_>| matches!(token, Token::VariableEnd | Token::BlockEnd);
        let (part, behind) = inside.split_at(inside.iter().position(is_end).unwrap_or(inside.len()));
        if is_block {
            block(part, &mut insertions);
        } else {
            tuple(part, &mut insertions);
        }
        rest = behind;
    }
    if insertions.is_empty() {
        return None;
    }
    insertions.sort_by_key(|(at, _)| *at);
    let mut spelled = String::with_capacity(text.len() + insertions.len());
    let mut done = 0;
    for (at, inserted) in insertions {
        spelled.push_str(text.get(done..at)?);
        spelled.push_str(inserted);
        done = at;
    }
    spelled.push_str(text.get(done..)?);
    Some(spelled)
}

/// The tuples of `set a, b = 1, 2` and `for x in 1, 2`.
fn block(part: &[Place<'_>], insertions: &mut Insertions) {
    let Some(((Token::Ident(statement), _), rest)) = part.split_first() else { return };
    let is_word =
        |place: &Place<'_>, words: &[&str]| matches!(place.0, Token::Ident(word) if words.contains(&word));
    match *statement {
        "set" => {
            let equals = rest.iter().position(|(token, _)| matches!(token, Token::Assign));
            let (targets, value) = rest.split_at(equals.unwrap_or(rest.len()));
            tuple(targets, insertions);
            tuple(value.get(1..).unwrap_or_default(), insertions);
        }
        "for" => {
            let list = rest.iter().position(|place| is_word(place, &["in"])).map(|at| &rest[at + 1..]);
            let list = list.unwrap_or_default();
            let end = list.iter().position(|place| is_word(place, &["if", "recursive"]));
            tuple(&list[..end.unwrap_or(list.len())], insertions);
        }
        _ => {}
    }
}

/// Parentheses around what has a comma outside of any.
fn tuple(part: &[Place<'_>], insertions: &mut Insertions) {
    let mut depth = 0_usize;
    let mut has_comma = false;
    for (token, _) in part {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => depth = depth.saturating_sub(1),
            Token::Comma => has_comma |= depth == 0,
            _ => {}
        }
    }
    if let (true, Some((_, first)), Some((_, last))) = (has_comma, part.first(), part.last()) {
        insertions.push((first.start, "("));
        insertions.push((last.end, ")"));
    }
}

/// Texts side by side are one text.
fn texts(tokens: &[Place<'_>], insertions: &mut Insertions) {
    let is_text = |place: &Place<'_>| matches!(place.0, Token::Str(_) | Token::String(_));
    for run in tokens.chunk_by(|one, next| is_text(one) && is_text(next)) {
        let (Some((_, first)), Some((_, last)), true) = (run.first(), run.last(), run.len() > 1) else {
            continue;
        };
        insertions.push((first.start, "("));
        insertions.extend(run[1..].iter().map(|(_, place)| (place.start, "~ ")));
        insertions.push((last.end, ")"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Option<String> {
        respelled(text, false, &SyntaxConfig::default())
    }

    #[test]
    fn tuples_and_texts_side_by_side_are_spelled_out() {
        for (written, spelled) in [
            ("{{ 1, 2 }}", "{{ (1, 2) }}"),
            ("a {{- f(1, 2), [3, 4] -}} b", "a {{- (f(1, 2), [3, 4]) -}} b"),
            ("{% set a, b = 1, (2, 3) %}", "{% set (a, b) = (1, (2, 3)) %}"),
            ("{% for x in 1, y if x %}{% endfor %}", "{% for x in (1, y) if x %}{% endfor %}"),
            ("{{ 'a' \"b\" 'c' | upper }}", "{{ ('a' ~ \"b\" ~ 'c') | upper }}"),
            ("{{ 'a''b', 1 }}", "{{ (('a'~ 'b'), 1) }}"),
        ] {
            assert_eq!(template(written).as_deref(), Some(spelled));
        }
        assert_eq!(respelled("1, 2", true, &SyntaxConfig::default()).as_deref(), Some("(1, 2)"));
    }

    #[test]
    fn what_is_no_tuple_is_left_alone() {
        for text in [
            "{{ f(1, 2) }}",
            "{% for a, b in c %}{% endfor %}",
            "{{ [1, 2] }} 'a' 'b', {# 'a' 'b' #}",
            "{{ '",
        ] {
            assert_eq!(template(text), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String, is_expression: bool) {
            let _ = respelled(&text, is_expression, &SyntaxConfig::default());
        }
    }
}
