//! Actions that steer the run. The run does them itself; here are their names and parameters.

use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value};

use super::{Action, Running};
use crate::run::Step;

/// Which role, and which of its files.
#[derive(Arguments)]
#[expect(dead_code, reason = "the run reads these from the task itself")]
pub struct RoleChoice {
    /// The role.
    #[arg(alias = "role")]
    pub name: String,
    /// Which of its task files.
    #[arg(default = "main")]
    pub tasks_from: String,
    /// Which of its variable files.
    #[arg(default = "main")]
    pub vars_from: String,
    /// Which of its files of defaults.
    #[arg(default = "main")]
    pub defaults_from: String,
    /// Which of its handler files.
    #[arg(default = "main")]
    pub handlers_from: String,
    /// Whether it may run again with the same parameters.
    #[arg(default = "true")]
    pub allow_duplicates: bool,
    /// Whether its variables are checked against its argument specification.
    #[arg(default = "true")]
    pub rolespec_validate: bool,
}

/// Declares an action that the run does itself.
macro_rules! structural {
    ($(#[doc = $summary:literal] $type:ident $args:ident $name:literal { $($(#[$meta:meta])* $field:ident: $kind:ty,)* })*) => {$(
        #[doc = $summary]
        #[derive(Arguments)]
        #[expect(dead_code, reason = "the run reads these from the task itself")]
        pub struct $args {
            $($(#[$meta])* pub $field: $kind,)*
        }

        #[doc = concat!("The `", $name, "` action.")]
        pub struct $type;

        impl Action for $type {
            type Args = $args;
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = $summary;

            fn run<'a>(_args: $args, _step: &'a Step<'a>) -> Running<'a> {
                // The run never calls it; `action: "{{ x }}"` could.
                let outcome = Outcome::failed(concat!($name, " must be written as a task's own key, not chosen by a template"));
                Box::pin(std::future::ready(Ok(outcome.into())))
            }
        }
    )*};
}

structural! {
    /// Adds the plays of another playbook
    ImportPlaybook ImportPlaybookArgs "import_playbook" {
        /// The playbook.
        #[arg(name = "_raw_params", free_form, alias = "file")]
        file: String,
    }

    /// Adds the tasks of a role, while loading
    ImportRole ImportRoleArgs "import_role" {
        /// Which role, and which of its files.
        #[arg(flatten)]
        choice: RoleChoice,
        /// Whether all tasks of the play see its variables.
        public: Option<bool>,
    }

    /// Adds the tasks of a file, while loading
    ImportTasks ImportTasksArgs "import_tasks" {
        /// The file.
        #[arg(name = "_raw_params", free_form, alias = "file")]
        file: String,
    }

    /// Runs the tasks of a role that is chosen while running
    IncludeRole IncludeRoleArgs "include_role" {
        /// Which role, and which of its files.
        #[arg(flatten)]
        choice: RoleChoice,
        /// Whether all tasks of the play see its variables.
        #[arg(default = "false")]
        public: bool,
        /// Keywords for all its tasks.
        apply: Option<Map<String, Value>>,
    }

    /// Runs the tasks of a file that is chosen while running
    IncludeTasks IncludeTasksArgs "include_tasks" {
        /// The file.
        #[arg(name = "_raw_params", free_form, alias = "file")]
        file: String,
        /// Keywords for all its tasks.
        apply: Option<Map<String, Value>>,
    }

    /// Steers the run: flush_handlers, end_host, end_play, refresh_inventory …
    Meta MetaArgs "meta" {
        /// What to do.
        #[arg(name = "_raw_params", free_form)]
        action: String,
    }
}
