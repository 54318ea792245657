//! Runs one module in this process, with JSON arguments: `run_module [--check] NAME [JSON]`.

#![expect(clippy::print_stdout, reason = "this is a program for people at a terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use clouder_modules::{Context, NoExchange, Outcome, find};

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let check = words.iter().position(|word| word == "--check").map(|at| words.remove(at)).is_some();
    let name = words.first().map_or("ping", String::as_str);
    let arguments = words.get(1).map_or("{}", String::as_str);
    let mut context = Context {
        check,
        diff: true,
        environment: BTreeMap::new(),
        scratch: std::env::temp_dir(),
        cancelled: Arc::default(),
        exchange: Box::new(NoExchange),
    };
    let outcome = match (find(name), serde_json::from_str(arguments)) {
        (Some(entry), Ok(arguments)) => (entry.run)(arguments, &mut context),
        (None, _) => Outcome::failed(format!("no module `{name}`")),
        (_, Err(error)) => Outcome::failed(format!("the arguments are not a JSON mapping: {error}")),
    };
    let failed = outcome.failed;
    println!("{}", serde_json::to_string_pretty(&outcome).unwrap_or_default());
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
