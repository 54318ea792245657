//! Keywords that plays, roles, blocks and tasks share, and that what is inside inherits.

use clouder_lang::yaml::Node;

/// The shared keywords as written; templates in them are evaluated when a task needs them.
#[derive(Clone, Debug, Default)]
pub struct Keywords {
    /// Variables (a mapping).
    pub vars: Option<Node>,
    /// Conditions; all of those further out count too.
    pub when: Vec<Node>,
    /// Tags; those further out count too.
    pub tags: Vec<Node>,
    /// Whether to become another user.
    pub become_: Option<Node>,
    /// Which user to become.
    pub become_user: Option<Node>,
    /// How.
    pub become_method: Option<Node>,
    /// Flags for the program that does it.
    pub become_flags: Option<Node>,
    /// The program that does it.
    pub become_exe: Option<Node>,
    /// Environment variables: mappings, inner ones win.
    pub environment: Option<Node>,
    /// Only predict.
    pub check_mode: Option<Node>,
    /// Show differences.
    pub diff: Option<Node>,
    /// Hide arguments and results.
    pub no_log: Option<Node>,
    /// A failure does not take the host out of the play.
    pub ignore_errors: Option<Node>,
    /// Nor does a lost connection.
    pub ignore_unreachable: Option<Node>,
    /// Run on another host, for this one.
    pub delegate_to: Option<Node>,
    /// Facts gathered there belong to that host.
    pub delegate_facts: Option<Node>,
    /// Run on one host of the batch, for all.
    pub run_once: Option<Node>,
    /// How many hosts at once.
    pub throttle: Option<Node>,
    /// Seconds a task may take.
    pub timeout: Option<Node>,
    /// How hosts are reached.
    pub connection: Option<Node>,
    /// Who logs in there.
    pub remote_user: Option<Node>,
    /// At which port.
    pub port: Option<Node>,
    /// One failed host fails all.
    pub any_errors_fatal: Option<Node>,
    /// Default arguments by module or group (mappings; inner ones win).
    pub module_defaults: Vec<Node>,
    /// Collections searched for short names.
    pub collections: Option<Node>,
    /// When to start the debugger.
    pub debugger: Option<Node>,
    /// Handlers to notify on change (blocks and tasks); the innermost list counts alone, also an empty one.
    pub notify: Option<Vec<Node>>,
}
