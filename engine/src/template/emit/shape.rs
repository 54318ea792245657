//! How a text may be written in YAML.

pub(super) fn is_printable(character: char, unicode: bool) -> bool {
    match character {
        ' '..='~' => true,
        '\u{feff}' => false,
        '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}' => unicode,
        _ => false,
    }
}

/// How a text may be written.
pub(super) struct Shape {
    pub(super) plain: bool,
    pub(super) plain_in_flow: bool,
    pub(super) single: bool,
}

impl Shape {
    pub(super) fn of(content: &str, unicode: bool) -> Self {
        let characters: Vec<char> = content.chars().collect();
        let (mut in_block, mut in_flow) = (false, false);
        if content.starts_with("---") || content.starts_with("...") {
            (in_block, in_flow) = (true, true);
        }
        let is_blank = |c: Option<&char>| c.is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        let (mut special, mut break_space, mut space_break) = (false, false, false);
        for (index, character) in characters.iter().enumerate() {
            let followed = is_blank(characters.get(index + 1));
            match character {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`'
                    if index == 0 =>
                {
                    (in_block, in_flow) = (true, true);
                }
                '-' if index == 0 && followed => (in_block, in_flow) = (true, true),
                '?' if index == 0 => (in_block, in_flow) = (in_block || followed, true),
                ',' | '?' | '[' | ']' | '{' | '}' => in_flow = true,
                ':' => (in_block, in_flow) = (in_block || followed, true),
                '#' if is_blank(characters.get(index - 1)) => (in_block, in_flow) = (true, true),
                _ => {}
            }
            let before = index.checked_sub(1).and_then(|at| characters.get(at)).copied();
            match character {
                '\n' => space_break |= before == Some(' '),
                ' ' => break_space |= before == Some('\n'),
                other => special |= !is_printable(*other, unicode),
            }
        }
        let outer_blank = content.is_empty() || content.starts_with(' ') || content.ends_with(' ');
        let lines = content.contains('\n');
        let plain_anywhere = !outer_blank && !lines && !special && !break_space;
        Self {
            plain: plain_anywhere && !in_block,
            plain_in_flow: plain_anywhere && !in_flow,
            single: !special && !break_space && !space_break,
        }
    }
}

/// Whether YAML would read a plain text as a text.
pub(super) fn is_text(content: &str) -> bool {
    if matches!(content, "=" | "<<") {
        return false;
    }
    let source = clouder_lang::Source::new("plain", content);
    let read = clouder_lang::yaml::load(&source).ok().and_then(|loaded| loaded.document);
    read.is_some_and(|node| node.as_str() == Some(content) && !looks_like_a_date(content))
}

fn looks_like_a_date(content: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        content.get(range).is_some_and(|part| part.chars().all(|c| c.is_ascii_digit()))
    };
    content.len() >= 10
        && digits(0..4)
        && digits(5..7)
        && digits(8..10)
        && content.as_bytes().get(4) == Some(&b'-')
}
