//! `clouder-agent`: put on a host by clouder, serves module runs there until its input ends.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        None => clouder_modules::agent::serve(None),
        // From where the login began.
        Some(word) if word == "in" => clouder_modules::agent::serve(arguments.next().map(PathBuf::from)),
        // Any other word only shows that it can be executed here.
        Some(_) => ExitCode::SUCCESS,
    }
}
