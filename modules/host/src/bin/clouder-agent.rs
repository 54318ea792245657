//! `clouder-agent`: put on a host by clouder, serves module runs there until its input ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    // With any argument it only shows that it can be executed here.
    if std::env::args_os().len() > 1 { ExitCode::SUCCESS } else { clouder_modules::agent::serve() }
}
