//! What was asked for on the command line and in settings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clouder_inventory::Inventory;

use crate::config::{self, Config};
use crate::connection::Secret;

/// Reads the inventory again: `meta: refresh_inventory`.
#[derive(Clone)]
pub struct Reload(pub Arc<dyn Fn() -> Result<Inventory, String> + Send + Sync>);

/// Asks a question at the terminal; the flag hides what is typed. Ends with an error where input ends.
#[derive(Clone)]
pub struct Ask(pub Arc<AskFunction>);

/// Where a person gives commands while the run waits.
pub trait Console: std::fmt::Debug + Send + Sync {
    /// A line that is typed after a prompt; `None` where input ends.
    fn line(&self, prompt: &str) -> Option<String>;

    /// Shows a text.
    fn tell(&self, text: &str);
}

/// Takes the question, and whether what is typed is hidden; gives the answer.
pub type AskFunction = dyn Fn(&str, bool) -> std::io::Result<String> + Send + Sync;

impl std::fmt::Debug for Reload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Reload")
    }
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ask")
    }
}

/// What was asked for.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Only predict.
    pub check: bool,
    /// Show differences.
    pub diff: bool,
    /// How many hosts are worked on at once.
    pub forks: usize,
    /// Only tasks with one of these tags; `all` if nothing is said.
    pub tags: Vec<String>,
    /// No task with one of these tags.
    pub skip_tags: Vec<String>,
    /// Only these hosts.
    pub limit: Option<String>,
    /// How much is shown.
    pub verbosity: u8,
    /// Begin at the task of this name.
    pub start_at_task: Option<String>,
    /// Ask before each task.
    pub step: bool,
    /// Become another user, unless a playbook says otherwise.
    pub become_: bool,
    /// Which user.
    pub become_user: Option<String>,
    /// How.
    pub become_method: Option<String>,
    /// With which program.
    pub become_exe: Option<String>,
    /// With which arguments.
    pub become_flags: Option<String>,
    /// The password that takes.
    pub become_password: Option<Secret>,
    /// Who logs in.
    pub remote_user: Option<String>,
    /// The password that takes.
    pub connection_password: Option<Secret>,
    /// With which key.
    pub private_key: Option<PathBuf>,
    /// How hosts are reached.
    pub connection: Option<String>,
    /// The port of ssh.
    pub port: Option<u16>,
    /// The program ssh.
    pub ssh_executable: Option<String>,
    /// How often it is tried again.
    pub ssh_retries: u64,
    /// Arguments for it, as a shell would split them.
    pub ssh_args: Option<String>,
    /// More of them.
    pub ssh_common_args: Option<String>,
    /// Still more of them.
    pub ssh_extra_args: Option<String>,
    /// How long a connection may take.
    pub timeout: Duration,
    /// Whether host keys are checked.
    pub host_key_checking: bool,
    /// `smart`, `implicit` or `explicit`: whether plays gather facts without being asked.
    pub gathering: String,
    /// Look into failed tasks.
    pub debug: bool,
    /// But not into those whose failure does not count.
    pub debugger_forgives: bool,
    /// Where they are looked into.
    pub console: Option<Arc<dyn Console>>,
    /// The strategy of plays that name none.
    pub strategy: Option<String>,
    /// How long a task may take that does not say so.
    pub task_timeout: Option<Duration>,
    /// How many seconds lie between two looks at a task in the background.
    pub poll_interval: u64,
    /// Show nothing of arguments and results, unless a task says otherwise.
    pub no_log: bool,
    /// A failure on one host ends the play for all, unless it says otherwise.
    pub any_errors_fatal: bool,
    /// The value of `ansible_managed`.
    pub managed: String,
    /// Handlers run even on hosts that failed.
    pub force_handlers: bool,
    /// The Python of hosts that name none themselves.
    pub python: Option<String>,
    /// The origin of Azure's resource manager, where it is not the usual one.
    pub azure_endpoint: Option<String>,
    /// Reads the inventory again.
    pub reload_inventory: Reload,
    /// Asks at the terminal; `None` where there is nobody to ask.
    pub ask: Option<Ask>,
}

impl RunOptions {
    /// What settings say, and nothing else.
    pub fn new(config: &Config) -> Self {
        let seconds = |number: u64| (number > 0).then(|| Duration::from_secs(number));
        Self {
            check: false,
            diff: config.flag(&config::DIFF_ALWAYS),
            forks: usize::try_from(config.integer(&config::DEFAULT_FORKS)).unwrap_or(usize::MAX).max(1),
            tags: config.list(&config::TAGS_RUN),
            skip_tags: config.list(&config::TAGS_SKIP),
            limit: None,
            verbosity: u8::try_from(config.integer(&config::DEFAULT_VERBOSITY)).unwrap_or(u8::MAX),
            start_at_task: None,
            step: false,
            become_: config.flag(&config::DEFAULT_BECOME),
            become_user: config.text(&config::DEFAULT_BECOME_USER),
            become_method: config.text(&config::DEFAULT_BECOME_METHOD),
            become_exe: config.text(&config::DEFAULT_BECOME_EXE),
            become_flags: config.text(&config::DEFAULT_BECOME_FLAGS),
            become_password: None,
            remote_user: config.text(&config::DEFAULT_REMOTE_USER),
            connection_password: None,
            private_key: config.path(&config::DEFAULT_PRIVATE_KEY_FILE),
            connection: config.text(&config::DEFAULT_TRANSPORT),
            port: u16::try_from(config.integer(&config::DEFAULT_REMOTE_PORT)).ok().filter(|port| *port > 0),
            ssh_executable: config.text(&config::SSH_EXECUTABLE),
            ssh_retries: config.integer(&config::SSH_RETRIES),
            ssh_args: config.text(&config::SSH_ARGS),
            ssh_common_args: config.text(&config::SSH_COMMON_ARGS),
            ssh_extra_args: config.text(&config::SSH_EXTRA_ARGS),
            timeout: Duration::from_secs(config.integer(&config::DEFAULT_TIMEOUT).max(1)),
            host_key_checking: config.flag(&config::HOST_KEY_CHECKING),
            gathering: config.text(&config::DEFAULT_GATHERING).unwrap_or_default(),
            strategy: config.text(&config::DEFAULT_STRATEGY),
            task_timeout: seconds(config.integer(&config::TASK_TIMEOUT)),
            poll_interval: config.integer(&config::DEFAULT_POLL_INTERVAL),
            no_log: config.flag(&config::DEFAULT_NO_LOG),
            any_errors_fatal: config.flag(&config::ANY_ERRORS_FATAL),
            managed: config.text(&config::DEFAULT_MANAGED_STR).unwrap_or_default(),
            force_handlers: config.flag(&config::DEFAULT_FORCE_HANDLERS),
            python: config.text(&config::INTERPRETER_PYTHON),
            azure_endpoint: config.text(&config::AZURE_ENDPOINT),
            reload_inventory: Reload(Arc::new(|| Err("there is nothing to read it from".to_owned()))),
            debug: config.flag(&config::ENABLE_TASK_DEBUGGER),
            debugger_forgives: config.flag(&config::TASK_DEBUGGER_IGNORE_ERRORS),
            console: None,
            ask: None,
        }
    }

    /// Whether tasks with these tags are chosen.
    pub fn chooses(&self, tags: &indexmap::IndexSet<String>) -> bool {
        super::tags::chosen(tags, self)
    }
}
