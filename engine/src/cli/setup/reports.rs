//! Where a run is shown.

use std::io::IsTerminal as _;

use super::super::Failure;
use super::super::options::Output;
use crate::config::{self, Config};
use crate::report::{Answers, Colors, JsonLines, Log, Report, Style, Terminal};
use crate::run::RunOptions;

/// Reports of a whole run: on standard output, and in the log file if there is one.
pub(in crate::cli) fn reports(
    config: &Config,
    output: Output,
    options: &RunOptions,
) -> Result<Vec<Box<dyn Report>>, Failure> {
    let mut reports: Vec<Box<dyn Report>> = vec![match output {
        Output::Json => Box::new(JsonLines::new(std::io::stdout())),
        Output::Text => Box::new(Terminal::new(std::io::stdout(), style(config, options.verbosity))),
    }];
    if let Some(path) = config.path(&config::DEFAULT_LOG_PATH) {
        let log = Log::open(&path).map_err(|error| {
            Failure::new(
                format!("cannot write the log {}: {error}", path.display()),
                "log_path in ansible.cfg, or ANSIBLE_LOG_PATH, names a file that can be written to",
            )
        })?;
        let plain = Style { colors: None, progress: false, ..style(config, options.verbosity) };
        reports.push(Box::new(Terminal::new(log, plain)));
    }
    Ok(reports)
}

/// Reports of a single task, on standard output.
pub(in crate::cli) fn answers(
    config: &Config,
    output: Output,
    options: &RunOptions,
    one_line: bool,
) -> Vec<Box<dyn Report>> {
    vec![match output {
        Output::Json => Box::new(JsonLines::new(std::io::stdout())),
        Output::Text => Box::new(Answers::new(std::io::stdout(), style(config, options.verbosity), one_line)),
    }]
}

/// How standard output wants to be written to.
fn style(config: &Config, verbosity: u8) -> Style {
    let is_terminal = std::io::stdout().is_terminal();
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).or_else(|| {
        rustix::termios::tcgetwinsize(std::io::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|width| *width > 0)
    });
    let color = if config.flag(&config::ANSIBLE_NOCOLOR) {
        false
    } else {
        is_terminal || config.flag(&config::ANSIBLE_FORCE_COLOR)
    };
    Style {
        colors: color.then(|| Colors::new(config)),
        progress: is_terminal && std::io::stderr().is_terminal(),
        verbosity,
        width: width.unwrap_or(79),
        context: usize::try_from(config.integer(&config::DIFF_CONTEXT)).unwrap_or(usize::MAX),
        ok: config.flag(&config::DISPLAY_OK_HOSTS),
        skipped: config.flag(&config::DISPLAY_SKIPPED_HOSTS),
        stats: config.flag(&config::SHOW_CUSTOM_STATS),
    }
}
