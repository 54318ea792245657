//! Colours of lines.

use crate::config::{self, Config, Setting};

/// What a line is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Good,
    Changed,
    Bad,
    Unreachable,
    Quiet,
    Warning,
    Added,
    Removed,
    Place,
    Plain,
}

/// What each kind of line is painted with.
#[derive(Clone, Copy, Debug)]
pub struct Colors([&'static str; 9]);

impl Colors {
    /// The colours that settings name; a name that is not known is no colour.
    pub fn new(config: &Config) -> Self {
        let of = |setting: &'static Setting| config.text(setting).map_or("", |name| code(&name));
        Self([
            of(&config::COLOR_OK),
            of(&config::COLOR_CHANGED),
            of(&config::COLOR_ERROR),
            of(&config::COLOR_UNREACHABLE),
            of(&config::COLOR_SKIP),
            of(&config::COLOR_WARN),
            of(&config::COLOR_DIFF_ADD),
            of(&config::COLOR_DIFF_REMOVE),
            of(&config::COLOR_DIFF_LINES),
        ])
    }

    /// The numbers that turn a colour on; empty for none.
    pub(super) fn code(&self, color: Color) -> &'static str {
        self.0.get(color as usize).copied().unwrap_or_default()
    }
}

/// Ansible's names of colours, as a terminal knows them: ECMA-48, "select graphic rendition".
fn code(name: &str) -> &'static str {
    match name {
        "black" => "30",
        "red" => "31",
        "green" => "32",
        "yellow" => "33",
        "blue" => "34",
        "purple" | "magenta" => "35",
        "cyan" => "36",
        "bright gray" => "37",
        "dark gray" => "1;30",
        "bright red" => "1;31",
        "bright green" => "1;32",
        "bright yellow" => "1;33",
        "bright blue" => "1;34",
        "bright purple" | "bright magenta" => "1;35",
        "bright cyan" => "1;36",
        "white" => "1;37",
        _ => "",
    }
}
