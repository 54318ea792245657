//! Chains of operators that are too long: each link is a level of the syntax tree, which is walked and dropped level by level.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Error, ErrorKind};

/// How many links there may be. Jinja itself gives up after some two hundred.
const LONGEST: usize = 1000;

/// Refuses a text with a chain that is too long. Nested brackets are counted by minijinja.
pub(super) fn check(text: &str, is_expression: bool, syntax: &SyntaxConfig) -> Result<(), Error> {
    // Shorter texts cannot hold one.
    if text.len() <= LONGEST {
        return Ok(());
    }
    // How deep what stands in each open bracket leads, and what stands outside of them.
    let mut open = vec![Depth::default()];
    let mut elifs = 0;
    for token in tokenize(text, is_expression, syntax.clone()) {
        // What is no token is told when the text is parsed.
        let Ok((token, _)) = token else { return Ok(()) };
        let Some(last) = open.last_mut() else { return Ok(()) };
        match token {
            Token::VariableStart | Token::BlockStart => open = vec![Depth::default()],
            Token::Comma | Token::Colon => last.next(),
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                last.chain += 1;
                open.push(Depth::default());
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                let inner = open.pop().unwrap_or_default().deepest();
                if let Some(outer) = open.last_mut() {
                    outer.chain += inner;
                }
            }
            Token::Ident("elif") => elifs += 1,
            Token::Ident("endif") => elifs = 0,
            Token::Ident("or" | "and" | "not" | "if")
            | Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::FloorDiv
            | Token::Pow
            | Token::Mod
            | Token::Tilde
            | Token::Dot
            | Token::Pipe => last.chain += 1,
            _ => {}
        }
        if elifs.max(open.last().map_or(0, |last| last.chain)) > LONGEST {
            let message = format!("an expression has more than {LONGEST} operators in a row");
            return Err(Error::new(ErrorKind::SyntaxError, message));
        }
    }
    Ok(())
}

/// How deep a bracket leads.
#[derive(Clone, Copy, Default)]
struct Depth {
    /// What is being read.
    chain: usize,
    /// The deepest of what was read before, up to a comma.
    before: usize,
}

impl Depth {
    fn next(&mut self) {
        *self = Self { chain: 0, before: self.deepest() };
    }

    fn deepest(self) -> usize {
        self.chain.max(self.before)
    }
}

#[cfg(test)]
mod tests {
    use minijinja::syntax::SyntaxConfig;

    use super::check;

    fn is_refused(text: &str) -> bool {
        check(text, true, &SyntaxConfig::default()).is_err()
    }

    #[test]
    fn only_what_leads_deeper_counts() {
        for operator in [" or ", " and ", "+", "-", "~", " * ", "/", "//", "**", "%", ".", "|", " if 1 else "]
        {
            assert!(is_refused(&["x"; 1002].join(operator)), "{operator}");
            assert!(!is_refused(&["x"; 1000].join(operator)), "{operator}");
        }
        assert!(is_refused(&("not ".repeat(1001) + "x")));
        assert!(is_refused(&("x".to_owned() + &"(1, 2)".repeat(1001))));
        assert!(is_refused(&("x".to_owned() + &"[0]".repeat(1001))));
        // Each bracket holds less, all of them lead deeper.
        assert!(is_refused(&("(".repeat(20) + "x" + &(" + 1".repeat(60) + ")").repeat(20))));
        assert!(!is_refused(&format!("[{}]", ["a.b | c"; 5000].join(", "))));
        assert!(!is_refused(&format!("{{{}}}", ["'a': b + c"; 5000].join(", "))));
        assert!(!is_refused(&["x"; 5000].join(" ")));
    }

    #[test]
    fn each_expression_of_a_text_begins_anew() {
        let syntax = SyntaxConfig::default();
        assert!(check(&"{{ a.b }} and ".repeat(5000), false, &syntax).is_ok());
        assert!(check(&"{% if a %}b{% elif c %}d{% endif %}".repeat(5000), false, &syntax).is_ok());
        let many = format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}c".repeat(1001));
        assert!(check(&many, false, &syntax).is_err());
    }
}
