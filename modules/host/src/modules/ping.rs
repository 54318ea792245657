//! `ping`: shows that a host can be worked on.

use crate::args::Arguments;
use crate::{Context, Module, ModuleError, Outcome};

/// Answers `pong`, or what it was given. Shows that the whole way to the host works; sends no packets of its own.
#[derive(Arguments)]
pub struct PingArgs {
    /// What to answer; `crash` makes it fail, for trying error handling.
    #[arg(default = "pong")]
    data: String,
}

/// The `ping` module.
pub struct Ping;

impl Module for Ping {
    type Args = PingArgs;
    const NAME: &'static str = "ping";
    const SUMMARY: &'static str = "Shows that a host can be worked on";

    fn run(args: PingArgs, _context: &mut Context) -> Result<Outcome, ModuleError> {
        if args.data == "crash" {
            return Err(ModuleError::new("boom"));
        }
        Ok(Outcome::new(false).with("ping", args.data))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Ping;
    use crate::modules::testing::run;

    #[test]
    fn it_answers() {
        assert_eq!(run::<Ping>(json!({}), false).result["ping"], "pong");
        assert_eq!(run::<Ping>(json!({"data": "x"}), true).result["ping"], "x");
        assert!(run::<Ping>(json!({"data": "crash"}), false).failed);
    }
}
