//! `clouder adhoc`.

use std::path::Path;

use clap::Args;

use super::Failure;
use super::options::{ConnectionOptions, InventoryOptions, OutputOptions};
use super::setup::{self, Setup};

/// Runs one module on the hosts of a pattern.
#[derive(Args)]
pub(super) struct AdhocCommand {
    /// Which hosts
    pattern: String,
    /// Which module
    #[arg(short, long = "module-name", value_name = "MODULE", default_value = "command")]
    module: String,
    /// Its arguments: key=value pairs, free text, or a JSON mapping
    #[arg(short, long = "args", value_name = "ARGS", default_value = "", allow_hyphen_values = true)]
    args: String,
    #[command(flatten)]
    inventory: InventoryOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(flatten)]
    output: OutputOptions,
}

impl AdhocCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self) -> Result<i32, Failure> {
        let options = setup::run_options(&self.connection, &self.inventory, &self.output)?;
        let reports = setup::answers(self.output.output, &options);
        let path = Path::new("(adhoc)");
        let setup = Setup::with_text(&self.inventory, path, Some(&self.playbook()), options)?;
        let playbook = setup.load(path)?;
        setup.execute(&[playbook], reports)
    }

    /// The play that does it. JSON is YAML, and quotes whatever is in the words.
    fn playbook(&self) -> String {
        let is_mapping = self.args.trim_start().starts_with('{');
        let arguments = if is_mapping {
            self.args.clone()
        } else {
            serde_json::Value::from(self.args.as_str()).to_string()
        };
        let word = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "[{{\"name\": \"adhoc\", \"hosts\": {}, \"gather_facts\": false, \"tasks\": [{{{}: {arguments}}}]}}]",
            word(&self.pattern),
            word(&self.module)
        )
    }
}
