//! What runs on the controller: actions that need no host, and the controller's side of those that do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use clouder_inventory::Variables;
use clouder_modules::args::{ArgumentError, Schema};
use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value as Json};

use crate::run::{Step, StepError};
use crate::template::Value;

mod add_host;
mod assemble;
mod assert;
mod async_status;
pub mod cloud;
mod copy;
mod debug;
mod digests;
mod fail;
mod fetch;
mod group_by;
mod include_vars;
mod local_file;
pub mod own_module;
mod pause;
mod raw;
mod reboot;
mod script;
mod set_fact;
pub(crate) mod set_stats;
mod structural;
mod template;
mod unarchive;
mod validate_argument_spec;
mod wait_for_connection;

pub use digests::Digests;
pub use local_file::{LocalFile, Payload};

/// What an action leaves.
#[derive(Debug, Default)]
pub struct Done {
    /// The task's result.
    pub outcome: Outcome,
    /// What else becomes of the host's variables.
    pub effects: Vec<Effect>,
    /// Whether nothing of the result may be shown.
    pub hidden: bool,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, ..Self::default() }
    }
}

/// A change of a host's variables.
#[derive(Clone, Debug)]
pub enum Effect {
    /// `set_fact`; also a fact of the host when it is cacheable.
    Set {
        /// The variable.
        name: Arc<str>,
        /// Its value.
        value: Value,
        /// Whether it counts as a gathered fact, too.
        cacheable: bool,
    },
    /// `include_vars`.
    Include(Variables),
    /// `set_stats`.
    Stats {
        /// Whose; the run's if nobody's.
        host: Option<Arc<str>>,
        /// What is kept.
        data: Map<String, Json>,
        /// Whether it is added to what is kept already.
        aggregate: bool,
    },
}

/// The future of an action.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Done, StepError>> + Send + 'a>>;

/// An action: runs on the controller, for one host.
pub trait Action: 'static {
    /// Its arguments.
    type Args: Arguments + Send;

    /// Its name without a collection.
    const NAME: &'static str;

    /// What it does, in one line without a full stop.
    const SUMMARY: &'static str;

    /// Whether any other argument is taken too, as `set_fact` does.
    const OPEN: bool = false;

    /// Does its work for one host, or one element of a loop there.
    fn run<'a>(args: Self::Args, step: &'a Step<'a>) -> Running<'a>;
}

/// An action without its type.
pub struct ActionEntry {
    /// The name without a collection.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its parameters.
    pub schema: fn() -> &'static Schema,
    /// Whether any other argument is taken too.
    pub open: bool,
    /// Reads the arguments and says what is wrong with them.
    pub check: fn(Map<String, serde_json::Value>) -> Result<(), ArgumentError>,
    /// Reads the arguments and does its work.
    pub run: for<'a> fn(Map<String, serde_json::Value>, &'a Step<'a>) -> Running<'a>,
}

const fn entry<A: Action>() -> ActionEntry {
    ActionEntry {
        name: A::NAME,
        summary: A::SUMMARY,
        schema: A::Args::schema,
        open: A::OPEN,
        check: |arguments| A::Args::read(known::<A>(arguments)).map(drop),
        run: |arguments, step| match A::Args::read(known::<A>(arguments)) {
            Ok(arguments) => A::run(arguments, step),
            Err(error) => Box::pin(std::future::ready(Ok(Outcome::failed(error.to_string()).into()))),
        },
    }
}

/// Of an open action's arguments those it has parameters for.
fn known<A: Action>(mut arguments: Map<String, serde_json::Value>) -> Map<String, serde_json::Value> {
    if A::OPEN {
        arguments.retain(|name, _| A::Args::schema().find(name).is_some());
    }
    arguments
}

/// All actions, by name. Those that steer the run are here for their parameters only.
pub fn registry() -> &'static [ActionEntry] {
    const ACTIONS: &[ActionEntry] = &[
        entry::<add_host::AddHost>(),
        entry::<assemble::Assemble>(),
        entry::<assert::Assert>(),
        entry::<async_status::AsyncStatus>(),
        entry::<copy::Copy>(),
        entry::<debug::Debug>(),
        entry::<fail::Fail>(),
        entry::<fetch::Fetch>(),
        entry::<group_by::GroupBy>(),
        entry::<structural::ImportPlaybook>(),
        entry::<structural::ImportRole>(),
        entry::<structural::ImportTasks>(),
        entry::<structural::IncludeRole>(),
        entry::<structural::IncludeTasks>(),
        entry::<include_vars::IncludeVars>(),
        entry::<structural::Meta>(),
        entry::<pause::Pause>(),
        entry::<raw::Raw>(),
        entry::<reboot::Reboot>(),
        entry::<script::Script>(),
        entry::<set_fact::SetFact>(),
        entry::<set_stats::SetStats>(),
        entry::<template::Template>(),
        entry::<unarchive::Unarchive>(),
        entry::<validate_argument_spec::ValidateArgumentSpec>(),
        entry::<wait_for_connection::WaitForConnection>(),
    ];
    ACTIONS
}

/// The action of a name without a collection.
pub fn find(name: &str) -> Option<&'static ActionEntry> {
    registry().iter().find(|entry| entry.name == name)
}
