//! `clouder vault encrypt-string`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::options::VaultOptions;
use super::super::{Failure, ask};
use super::WRONG_OPTIONS;
use super::file::{self, Access};
use super::keyring::{self, EncryptOptions};
use crate::config::Config;

/// Encrypts values, to be put into YAML. Arguments can be seen by others while the command runs: `--prompt` and standard
/// input cannot.
#[derive(Args)]
pub(super) struct EncryptStringCommand {
    /// Values; `-` is standard input, which is read too when there are none
    #[arg(value_name = "VALUE", allow_hyphen_values = false)]
    values: Vec<String>,
    /// Ask for a value
    #[arg(short, long)]
    prompt: bool,
    /// Show what is typed when asked for the value
    #[arg(long)]
    show_input: bool,
    /// The variable of a value, in their order
    #[arg(short, long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The variable of the value from standard input
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
    /// Write into a file; `-` for standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    vault: VaultOptions,
    #[command(flatten)]
    encrypt: EncryptOptions,
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Prompt,
    Input,
    Arguments,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Prompt => "the interactive prompt",
            Self::Input => "stdin",
            Self::Arguments => "the command line args",
        })
    }
}

/// A value that is to be encrypted.
struct Value {
    name: Option<String>,
    bytes: Vec<u8>,
    origin: Origin,
}

impl EncryptStringCommand {
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let wrong = |message: &str, hint: &str| Err(Failure::new(message, hint).code(WRONG_OPTIONS));
        let dashes = self.values.iter().filter(|value| *value == "-").count();
        let from_input = dashes > 0 || self.stdin_name.is_some() || (self.values.is_empty() && !self.prompt);
        if self.prompt && from_input {
            return wrong(
                "a value cannot be asked for while another is read from standard input",
                "leave out one",
            );
        }
        file::one_output(self.values.len(), self.output.as_deref())?;
        let sealer = keyring::to_encrypt(config, &self.vault, &self.encrypt)?;
        let values = self.read(from_input)?;
        if let Some(empty) = values.iter().find(|value| value.bytes.is_empty()) {
            return wrong(&format!("the value from {} is empty", empty.origin), "nothing was encrypted");
        }
        let mut text = String::new();
        for (index, value) in values.iter().enumerate() {
            if values.len() > 1 {
                file::note(&told(index + 1, value));
            }
            text.push_str(&yaml(value.name.as_deref(), &sealer.seal(&value.bytes)?));
        }
        file::write(self.output.as_deref().unwrap_or(Path::new("-")), text.as_bytes(), Access::Private)?;
        file::done("Encryption successful");
        Ok(0)
    }

    /// All values, in the order in which they are written.
    fn read(&self, from_input: bool) -> Result<Vec<Value>, Failure> {
        let mut values = Vec::new();
        if self.prompt {
            let name = ask::line("Variable name (enter for no name)")?;
            let bytes = if self.show_input {
                ask::line("String to encrypt")?
            } else {
                ask::secret("String to encrypt (hidden)")?
            };
            let name = Some(name).filter(|name| !name.is_empty());
            values.push(Value { name, bytes: bytes.into_bytes(), origin: Origin::Prompt });
        }
        if from_input {
            let bytes = file::read(Path::new("-"), "plain text")?;
            values.push(Value { name: self.stdin_name.clone(), bytes, origin: Origin::Input });
        }
        let arguments: Vec<&String> = self.values.iter().filter(|value| *value != "-").collect();
        if let (Some(last), true) = (self.names.last(), self.names.len() < arguments.len()) {
            file::note(&format!(
                "There are fewer names than values: `{last}` is the last one that has a name"
            ));
        }
        let mut names = self.names.iter().cloned();
        values.extend(arguments.into_iter().map(|value| Value {
            name: names.next(),
            bytes: value.clone().into_bytes(),
            origin: Origin::Arguments,
        }));
        Ok(values)
    }
}

/// Which of several values comes next.
fn told(number: usize, value: &Value) -> String {
    let name = value.name.as_ref().map_or_else(String::new, |name| format!("variable `{name}`, "));
    format!("# {name}value {number}, from {}", value.origin)
}

/// The value as YAML, with a line break at its end.
fn yaml(name: Option<&str>, sealed: &str) -> String {
    let name = name.map_or_else(String::new, |name| format!("{name}: "));
    let lines: String = sealed.lines().map(|line| format!("          {line}\n")).collect();
    format!("{name}!vault |\n{lines}")
}
