//! The `clouder` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    clouder::cli::main()
}
