//! Sections of an INI file, and the lines in them that set options.

use crate::system::edit::bare;

/// The lines of a section, without its head.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// An option line, also one that is commented out.
#[derive(Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) is_active: bool,
    /// `None` when there is no equals sign.
    pub(super) value: Option<String>,
}

/// Reads a line as a setting of an option; `None` when it is none.
pub(super) fn setting(line: &[u8], option: &str) -> Option<Setting> {
    let text = String::from_utf8_lossy(bare(line)).into_owned();
    let trimmed = text.trim_start_matches([' ', '\t']);
    let rest = trimmed.trim_start_matches(['#', ';']);
    let is_active = rest.len() == trimmed.len();
    let rest = rest.trim_start_matches([' ', '\t']).strip_prefix(option)?.trim_start_matches([' ', '\t']);
    match rest.strip_prefix('=') {
        Some(value) => Some(Setting { is_active, value: Some(value.trim().to_owned()) }),
        None => rest.is_empty().then_some(Setting { is_active, value: None }),
    }
}

/// The name in a section's head.
fn head(line: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bare(line)).into_owned();
    let inner = text.strip_prefix('[')?;
    inner.rfind(']').map(|end| inner[..end].trim().to_owned())
}

/// Conditions of a section: an option, and the values one of which it must have (any, when there are none).
pub(super) type Conditions = Vec<(String, Vec<String>)>;

pub(super) fn find_section(
    lines: &[Vec<u8>],
    section: Option<&str>,
    conditions: &Conditions,
) -> Option<Region> {
    let end_of = |start: usize| {
        let next = lines[start..].iter().position(|line| line.starts_with(b"["));
        next.map_or(lines.len(), |length| start + length)
    };
    let Some(section) = section.map(str::trim).filter(|section| !section.is_empty()) else {
        return Some(Region { start: 0, end: end_of(0) });
    };
    let regions = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| head(line).as_deref() == Some(section))
        .map(|(at, _)| Region { start: at + 1, end: end_of(at + 1) });
    regions.into_iter().find(|region| {
        conditions.iter().all(|(option, values)| {
            lines[region.start..region.end].iter().filter_map(|line| setting(line, option)).any(|setting| {
                let has_value = setting.value.as_ref().is_some_and(|value| values.contains(value));
                setting.is_active && (values.is_empty() || has_value)
            })
        })
    })
}

/// The place after the last line of a section that is neither empty nor a remark, at least after its head.
pub(super) fn end_of_content(lines: &[Vec<u8>], region: &Region) -> usize {
    let says_something = |line: &Vec<u8>| {
        let text = String::from_utf8_lossy(bare(line)).into_owned();
        let text = text.trim();
        !text.is_empty() && !text.starts_with(['#', ';'])
    };
    let last = lines[region.start..region.end].iter().rposition(says_something);
    last.map_or(region.start, |at| region.start + at + 1)
}
