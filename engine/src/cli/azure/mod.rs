//! `clouder azure`: machines, sizes, quotas and leftovers of a subscription, by the same modules that playbooks use.

mod machines;
mod orphans;
mod region;

use clap::{Args, Subcommand, ValueEnum};
use clouder_cloud::azure::{Account, Clouds, Given};
use clouder_cloud::modules::{Call, find};
use clouder_cloud::{Cloud, CloudError};
use clouder_lang::Diagnostic;
use clouder_modules::Outcome;
use futures::future::join_all;
use serde_json::{Map, Value};
use std::sync::Arc;

use self::machines::{CreateOptions, Machines};
use super::table::Table;
use super::{Failure, print, show};
use crate::config::{self, Config};

/// Looks at Azure, and makes, starts, stops and deletes machines there.
#[derive(Args)]
pub(super) struct AzureCommand {
    #[command(subcommand)]
    action: Action,
    /// How what is found is shown
    #[arg(short, long, value_enum, default_value_t = Output::Table, global = true)]
    output: Output,
    /// The subscription; else AZURE_SUBSCRIPTION_ID
    #[arg(long, value_name = "ID", global = true)]
    subscription: Option<String>,
    /// The origin of the resource manager, where it is not the usual one
    #[arg(long, value_name = "URL", global = true)]
    azure_endpoint: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// For a person
    Table,
    /// As JSON
    Json,
}

#[derive(Subcommand)]
enum Action {
    /// Log in, and show the subscription
    LoginCheck,
    /// Show machines
    VmList {
        /// Only those of this resource group
        #[arg(short = 'g', long)]
        resource_group: Option<String>,
        /// Only those with this tag: NAME or NAME:VALUE
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
    },
    /// Make machines, all at once
    VmCreate(Box<CreateOptions>),
    /// Start machines
    VmStart(Machines),
    /// Stop machines so that they cost nothing
    VmStop(Machines),
    /// Delete machines, with their disks, network interfaces and public addresses
    VmDelete {
        #[command(flatten)]
        machines: Machines,
        /// Really delete them
        #[arg(long)]
        yes: bool,
    },
    /// Show what a run made that belongs to nothing: network interfaces without a machine, addresses of nothing, networks of
    /// clusters without machines, empty resource groups; all that carries the tag clouder-run
    Orphans {
        /// Delete it
        #[arg(long)]
        delete: bool,
        /// Really delete it
        #[arg(long, requires = "delete")]
        yes: bool,
    },
    /// Show sizes of machines that a region has
    Sizes {
        /// The region
        location: String,
        /// Only names with this in them
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
    },
    /// Show how much of what a region gives is used
    Quota {
        /// The region
        location: String,
        /// Only what is used
        #[arg(long)]
        used: bool,
    },
}

/// The subscription that the environment names.
///
/// # Errors
/// When nothing says which one, or how to log in.
pub(super) fn cloud(endpoint: Option<String>, config: &Config) -> Result<Arc<dyn Cloud>, Failure> {
    let endpoint = endpoint.or_else(|| config.text(&config::AZURE_ENDPOINT));
    let given = Given { endpoint, ..Given::default() };
    Ok(Clouds::default().azure(&Account::find(given, &environment)?)?)
}

/// A subscription, and how it is shown.
struct Azure {
    clouds: Clouds,
    subscription: Option<String>,
    endpoint: Option<String>,
    output: Output,
}

impl AzureCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let azure = Azure {
            clouds: Clouds::default(),
            subscription: self.subscription,
            endpoint: self.azure_endpoint.or_else(|| config.text(&config::AZURE_ENDPOINT)),
            output: self.output,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            match self.action {
                Action::LoginCheck => region::login_check(&azure).await,
                Action::VmList { resource_group, tag } => machines::list(&azure, resource_group, tag).await,
                Action::VmCreate(options) => machines::create(&azure, *options).await,
                Action::VmStart(machines) => machines.start(&azure).await,
                Action::VmStop(machines) => machines.stop(&azure).await,
                Action::VmDelete { machines, yes } => machines.delete(&azure, yes).await,
                Action::Orphans { delete, yes } => orphans::run(&azure, delete, yes).await,
                Action::Sizes { location, name } => region::sizes(&azure, &location, name.as_deref()).await,
                Action::Quota { location, used } => region::quota(&azure, &location, used).await,
            }
        })
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        match error.hint() {
            Some(hint) => Self::new(error.to_string(), hint),
            None => Self::plain(error.to_string()),
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Azure {
    /// What can be asked.
    fn cloud(&self) -> Result<Arc<dyn Cloud>, Failure> {
        let given = Given {
            subscription: self.subscription.clone(),
            endpoint: self.endpoint.clone(),
            ..Given::default()
        };
        Ok(self.clouds.azure(&Account::find(given, &environment)?)?)
    }

    /// Runs a module.
    async fn module(&self, name: &str, mut arguments: Map<String, Value>) -> Outcome {
        if let Some(subscription) = &self.subscription {
            arguments.insert("subscription_id".to_owned(), subscription.as_str().into());
        }
        let call = Call {
            check: false,
            diff: false,
            clouds: &self.clouds,
            endpoint: self.endpoint.as_deref(),
            variable: &environment,
        };
        match find(name) {
            Some(module) => (module.run)(arguments, call).await,
            None => Outcome::failed(format!("there is no module {name}")),
        }
    }

    /// Runs a module for many machines at once; shows what became of each, returns the exit code.
    async fn each(&self, all: Vec<(String, Map<String, Value>)>) -> i32 {
        let work = all.into_iter().map(|(name, arguments)| async {
            (name, self.module("azure_rm_virtualmachine", arguments).await)
        });
        let mut table = Table::new(&["name", "changed", "state", "failure"]);
        let mut failed = false;
        for (name, outcome) in join_all(work).await {
            failed |= outcome.failed;
            let state = outcome.result.get("powerstate").cloned().unwrap_or_default();
            let failure = outcome.failed.then_some(outcome.msg).flatten();
            table.add([name.into(), outcome.changed.into(), state, failure.into()]);
        }
        self.tell(&table);
        if failed { 2 } else { 0 }
    }

    fn tell(&self, table: &Table) {
        print(&match self.output {
            Output::Table => table.text(),
            Output::Json => table.json(),
        });
    }
}

/// Tells of something that went wrong, though not all did.
fn warn(message: String) {
    show(&[Diagnostic { severity: clouder_lang::Severity::Warning, ..Diagnostic::without_place(message) }]);
}
