//! The one executable behind all stand-ins: it acts as the program whose name it is called by.

#![expect(clippy::print_stderr, reason = "a tool talks to whoever calls it")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kube_standin::failure::{Failure, Result};
use kube_standin::flags::Flags;
use kube_standin::tool::Tool;
use kube_standin::{registry, repository, terminal};

fn main() -> ExitCode {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let mut arguments: Vec<String> = words.collect();
    let mut name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(other) = arguments.first().and_then(|first| first.strip_prefix("--act-as=")) {
        name = other.to_owned();
        arguments.remove(0);
    }
    let result = match Tool::named(&name) {
        Some(tool) => kube_standin::run(tool, &arguments),
        None => serve(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code)
        }
    }
}

/// `kube-standin serve FOLDER VERSION... --listen=ADDRESS`: makes the packages of these versions, serves them, and says where;
/// `kube-standin registry --listen=ADDRESS`: serves images.
fn serve(arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "listen=")?;
    match flags.words.as_slice() {
        [command, folder, versions @ ..] if command == "serve" && !versions.is_empty() => {
            let versions = versions.iter().map(|text| text.parse()).collect::<Result<Vec<_>>>()?;
            let binary = std::env::current_exe().map_err(|error| Failure::new(error.to_string()))?;
            let folder = PathBuf::from(folder);
            repository::build(&folder, &binary, &versions)?;
            let server = repository::serve(&folder, flags.value("listen").unwrap_or("127.0.0.1:0"))?;
            terminal::say(&server.address().to_string())?;
            server.wait();
            Ok(())
        }
        [command] if command == "registry" => {
            registry::serve(flags.value("listen").unwrap_or("127.0.0.1:5000"))
        }
        _ => Err(Failure::new(
            "usage: kube-standin serve FOLDER VERSION... --listen=ADDRESS:PORT, or kube-standin registry --listen=ADDRESS:PORT",
        )),
    }
}
