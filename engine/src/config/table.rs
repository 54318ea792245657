//! The settings there are. Those of Ansible have Ansible's names, and mean what they mean there.

use super::{Kind, Setting};

/// Declares settings, and lists them all.
macro_rules! settings {
    ($($(#[doc = $about:literal])+ $constant:ident: $kind:ident $default:literal [$($section:literal $key:literal),*] [$($env:literal),*];)*) => {
        $(
            $(#[doc = $about])+
            pub static $constant: Setting = Setting {
                name: stringify!($constant),
                kind: Kind::$kind,
                default: $default,
                ini: &[$(($section, $key)),*],
                env: &[$($env),*],
                about: concat!($($about),+),
            };
        )*

        /// All settings, by name.
        pub static ALL: &[&Setting] = &[$(&$constant),*];
    };
}

settings! {
    /// Conditions may be of any type, as before ansible-core 2.19
    ALLOW_BROKEN_CONDITIONALS: Flag "false" ["defaults" "allow_broken_conditionals"] ["ANSIBLE_ALLOW_BROKEN_CONDITIONALS"];
    /// Show colours even where there is no terminal
    ANSIBLE_FORCE_COLOR: Flag "false" ["defaults" "force_color"] ["ANSIBLE_FORCE_COLOR"];
    /// The folder of what belongs to the user
    ANSIBLE_HOME: Path "~/.ansible" ["defaults" "home"] ["ANSIBLE_HOME"];
    /// Show no colours
    ANSIBLE_NOCOLOR: Flag "false" ["defaults" "nocolor"] ["ANSIBLE_NOCOLOR", "NO_COLOR"];
    /// A failure on one host ends the play for all
    ANY_ERRORS_FATAL: Flag "false" ["defaults" "any_errors_fatal"] ["ANSIBLE_ANY_ERRORS_FATAL"];
    /// The origin of Azure's resource manager, where it is not that of the cloud environment
    AZURE_ENDPOINT: Text "" ["clouder" "azure_endpoint"] ["CLOUDER_AZURE_ENDPOINT"];
    /// Whose first line is the password to become another user
    BECOME_PASSWORD_FILE: Path "" ["defaults" "become_password_file"] ["ANSIBLE_BECOME_PASSWORD_FILE"];
    /// Where facts are kept from run to run: memory (nowhere), or jsonfile
    CACHE_PLUGIN: Text "memory" ["defaults" "fact_caching"] ["ANSIBLE_CACHE_PLUGIN"];
    /// The folder facts are kept in
    CACHE_PLUGIN_CONNECTION: Path "" ["defaults" "fact_caching_connection"] ["ANSIBLE_CACHE_PLUGIN_CONNECTION"];
    /// What the names of files with facts begin with
    CACHE_PLUGIN_PREFIX: Text "" ["defaults" "fact_caching_prefix"] ["ANSIBLE_CACHE_PLUGIN_PREFIX"];
    /// How many seconds facts are good for; 0 for ever
    CACHE_PLUGIN_TIMEOUT: Integer "86400" ["defaults" "fact_caching_timeout"] ["ANSIBLE_CACHE_PLUGIN_TIMEOUT"];
    /// Folders of the organisation, the stronger one first; each may hold roles and playbooks
    CLOUDER_PATH: Paths "" ["clouder" "path"] ["CLOUDER_PATH"];
    /// The folder of the files of clusters, one for each, that `clouder k8s` works with
    CLUSTERS_FOLDER: Path "~/.config/clouder/clusters" ["clouder" "clusters_folder"] ["CLOUDER_CLUSTERS_FOLDER"];
    /// Folders that hold an ansible_collections
    COLLECTIONS_PATHS: Paths "{home}/collections:/usr/share/ansible/collections" ["defaults" "collections_path"] ["ANSIBLE_COLLECTIONS_PATH"];
    /// The colour of changes
    COLOR_CHANGED: Text "yellow" ["colors" "changed"] ["ANSIBLE_COLOR_CHANGED"];
    /// The colour of lines a difference adds
    COLOR_DIFF_ADD: Text "green" ["colors" "diff_add"] ["ANSIBLE_COLOR_DIFF_ADD"];
    /// The colour of places in a difference
    COLOR_DIFF_LINES: Text "cyan" ["colors" "diff_lines"] ["ANSIBLE_COLOR_DIFF_LINES"];
    /// The colour of lines a difference removes
    COLOR_DIFF_REMOVE: Text "red" ["colors" "diff_remove"] ["ANSIBLE_COLOR_DIFF_REMOVE"];
    /// The colour of failures
    COLOR_ERROR: Text "red" ["colors" "error"] ["ANSIBLE_COLOR_ERROR"];
    /// The colour of what is as it should be
    COLOR_OK: Text "green" ["colors" "ok"] ["ANSIBLE_COLOR_OK"];
    /// The colour of what is skipped
    COLOR_SKIP: Text "cyan" ["colors" "skip"] ["ANSIBLE_COLOR_SKIP"];
    /// The colour of hosts that cannot be reached
    COLOR_UNREACHABLE: Text "bright red" ["colors" "unreachable"] ["ANSIBLE_COLOR_UNREACHABLE"];
    /// The colour of warnings
    COLOR_WARN: Text "bright purple" ["colors" "warn"] ["ANSIBLE_COLOR_WARN"];
    /// Whose first line is the password to log in
    CONNECTION_PASSWORD_FILE: Path "" ["defaults" "connection_password_file"] ["ANSIBLE_CONNECTION_PASSWORD_FILE"];
    /// Ask for the password to log in
    DEFAULT_ASK_PASS: Flag "false" ["defaults" "ask_pass"] ["ANSIBLE_ASK_PASS"];
    /// Ask for the vault password
    DEFAULT_ASK_VAULT_PASS: Flag "false" ["defaults" "ask_vault_pass"] ["ANSIBLE_ASK_VAULT_PASS"];
    /// Become another user
    DEFAULT_BECOME: Flag "false" ["privilege_escalation" "become"] ["ANSIBLE_BECOME"];
    /// Ask for the password to become another user
    DEFAULT_BECOME_ASK_PASS: Flag "false" ["privilege_escalation" "become_ask_pass"] ["ANSIBLE_BECOME_ASK_PASS"];
    /// The program that makes another user of one
    DEFAULT_BECOME_EXE: Text "" ["privilege_escalation" "become_exe"] ["ANSIBLE_BECOME_EXE"];
    /// Its arguments
    DEFAULT_BECOME_FLAGS: Text "" ["privilege_escalation" "become_flags"] ["ANSIBLE_BECOME_FLAGS"];
    /// How to become another user: sudo, su
    DEFAULT_BECOME_METHOD: Text "sudo" ["privilege_escalation" "become_method"] ["ANSIBLE_BECOME_METHOD"];
    /// Which user to become
    DEFAULT_BECOME_USER: Text "root" ["privilege_escalation" "become_user"] ["ANSIBLE_BECOME_USER"];
    /// Folders of filters in Python
    DEFAULT_FILTER_PLUGIN_PATH: Paths "{home}/plugins/filter:/usr/share/ansible/plugins/filter" ["defaults" "filter_plugins"] ["ANSIBLE_FILTER_PLUGINS"];
    /// Handlers run even on hosts that failed
    DEFAULT_FORCE_HANDLERS: Flag "false" ["defaults" "force_handlers"] ["ANSIBLE_FORCE_HANDLERS"];
    /// How many hosts are worked on at once
    DEFAULT_FORKS: Integer "50" ["defaults" "forks"] ["ANSIBLE_FORKS"];
    /// Whether plays gather facts without being asked: implicit, explicit, smart
    DEFAULT_GATHERING: Text "implicit" ["defaults" "gathering"] ["ANSIBLE_GATHERING"];
    /// Whether a mapping replaces a weaker one of its name, or is merged with it: replace, merge
    DEFAULT_HASH_BEHAVIOUR: Text "replace" ["defaults" "hash_behaviour"] ["ANSIBLE_HASH_BEHAVIOUR"];
    /// The inventory
    DEFAULT_HOST_LIST: Sources "/etc/ansible/hosts" ["defaults" "inventory"] ["ANSIBLE_INVENTORY"];
    /// A file that is told all that is shown
    DEFAULT_LOG_PATH: Path "" ["defaults" "log_path"] ["ANSIBLE_LOG_PATH"];
    /// Folders of lookups in Python
    DEFAULT_LOOKUP_PLUGIN_PATH: Paths "{home}/plugins/lookup:/usr/share/ansible/plugins/lookup" ["defaults" "lookup_plugins"] ["ANSIBLE_LOOKUP_PLUGINS"];
    /// The value of ansible_managed
    DEFAULT_MANAGED_STR: Text "Ansible managed" ["defaults" "ansible_managed"] [];
    /// Folders of modules that are no part of clouder
    DEFAULT_MODULE_PATH: Paths "{home}/plugins/modules:/usr/share/ansible/plugins/modules" ["defaults" "library"] ["ANSIBLE_LIBRARY"];
    /// The arguments of a module that is run by itself
    DEFAULT_MODULE_ARGS: Text "" ["defaults" "module_args"] ["ANSIBLE_MODULE_ARGS"];
    /// The module that is run by itself when none is named
    DEFAULT_MODULE_NAME: Text "command" ["defaults" "module_name"] [];
    /// Show nothing of arguments and results
    DEFAULT_NO_LOG: Flag "false" ["defaults" "no_log"] ["ANSIBLE_NO_LOG"];
    /// How many seconds lie between two looks at a task in the background
    DEFAULT_POLL_INTERVAL: Integer "15" ["defaults" "poll_interval"] ["ANSIBLE_POLL_INTERVAL"];
    /// The key to log in with
    DEFAULT_PRIVATE_KEY_FILE: Path "" ["defaults" "private_key_file"] ["ANSIBLE_PRIVATE_KEY_FILE"];
    /// The port of ssh
    DEFAULT_REMOTE_PORT: Integer "" ["defaults" "remote_port"] ["ANSIBLE_REMOTE_PORT"];
    /// Who logs in
    DEFAULT_REMOTE_USER: Text "" ["defaults" "remote_user"] ["ANSIBLE_REMOTE_USER"];
    /// Folders of installed roles
    DEFAULT_ROLES_PATH: Paths "{home}/roles:/usr/share/ansible/roles:/etc/ansible/roles" ["defaults" "roles_path"] ["ANSIBLE_ROLES_PATH"];
    /// In which order hosts and tasks are gone through: linear, free, host_pinned
    DEFAULT_STRATEGY: Text "linear" ["defaults" "strategy"] ["ANSIBLE_STRATEGY"];
    /// Folders of tests in Python
    DEFAULT_TEST_PLUGIN_PATH: Paths "{home}/plugins/test:/usr/share/ansible/plugins/test" ["defaults" "test_plugins"] ["ANSIBLE_TEST_PLUGINS"];
    /// Seconds a connection may take
    DEFAULT_TIMEOUT: Integer "10" ["defaults" "timeout"] ["ANSIBLE_TIMEOUT"];
    /// How hosts are reached: ssh, local, docker, podman
    DEFAULT_TRANSPORT: Text "ssh" ["defaults" "transport"] ["ANSIBLE_TRANSPORT"];
    /// The label of the vault password to encrypt with, when there are several
    DEFAULT_VAULT_ENCRYPT_IDENTITY: Text "" ["defaults" "vault_encrypt_identity"] ["ANSIBLE_VAULT_ENCRYPT_IDENTITY"];
    /// The label of vault passwords that are given without one
    DEFAULT_VAULT_IDENTITY: Text "default" ["defaults" "vault_identity"] ["ANSIBLE_VAULT_IDENTITY"];
    /// Sources of vault passwords, as --vault-id takes them
    DEFAULT_VAULT_IDENTITY_LIST: List "" ["defaults" "vault_identity_list"] ["ANSIBLE_VAULT_IDENTITY_LIST"];
    /// Only vault passwords whose label is that of the encrypted text are tried
    DEFAULT_VAULT_ID_MATCH: Flag "false" ["defaults" "vault_id_match"] ["ANSIBLE_VAULT_ID_MATCH"];
    /// A file that holds the vault password, or a program that prints it
    DEFAULT_VAULT_PASSWORD_FILE: Path "" ["defaults" "vault_password_file"] ["ANSIBLE_VAULT_PASSWORD_FILE"];
    /// How much is shown
    DEFAULT_VERBOSITY: Integer "0" ["defaults" "verbosity"] ["ANSIBLE_VERBOSITY"];
    /// Show what changes inside files
    DIFF_ALWAYS: Flag "false" ["diff" "always"] ["ANSIBLE_DIFF_ALWAYS"];
    /// How many lines a difference shows around each change
    DIFF_CONTEXT: Integer "3" ["diff" "context"] ["ANSIBLE_DIFF_CONTEXT"];
    /// Show tasks that leave everything as it was
    DISPLAY_OK_HOSTS: Flag "true" ["defaults" "display_ok_hosts"] ["ANSIBLE_DISPLAY_OK_HOSTS"];
    /// Show tasks that are skipped
    DISPLAY_SKIPPED_HOSTS: Flag "true" ["defaults" "display_skipped_hosts"] ["ANSIBLE_DISPLAY_SKIPPED_HOSTS"];
    /// Stop at tasks that fail, to look into them
    ENABLE_TASK_DEBUGGER: Flag "false" ["defaults" "enable_task_debugger"] ["ANSIBLE_ENABLE_TASK_DEBUGGER"];
    /// The editor
    EDITOR: Text "vi" ["defaults" "editor"] ["ANSIBLE_EDITOR", "VISUAL", "EDITOR"];
    /// Host keys are checked
    HOST_KEY_CHECKING: Flag "true" ["defaults" "host_key_checking", "ssh_connection" "host_key_checking"] ["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"];
    /// The Python of hosts, for modules that are written in it; auto: the one that is there
    INTERPRETER_PYTHON: Text "auto" ["defaults" "interpreter_python"] ["ANSIBLE_PYTHON_INTERPRETER"];
    /// ansible-inventory leaves variables with the group that has them
    INVENTORY_EXPORT: Flag "false" ["inventory" "export"] ["ANSIBLE_INVENTORY_EXPORT"];
    /// Ends of names that are no inventory in an inventory folder
    INVENTORY_IGNORE_EXTS: List ".pyc,.pyo,.swp,.bak,~,.rpm,.md,.txt,.rst,.orig,.cfg,.retry" ["defaults" "inventory_ignore_extensions", "inventory" "ignore_extensions"] ["ANSIBLE_INVENTORY_IGNORE"];
    /// Regular expressions of names that are no inventory in an inventory folder
    INVENTORY_IGNORE_PATTERNS: List "" ["defaults" "inventory_ignore_patterns", "inventory" "ignore_patterns"] ["ANSIBLE_INVENTORY_IGNORE_REGEX"];
    /// What shows texts page by page
    PAGER: Text "less" ["defaults" "pager"] ["ANSIBLE_PAGER", "PAGER"];
    /// The folder whose group_vars and host_vars count where there is no playbook
    PLAYBOOK_DIR: Path "" ["defaults" "playbook_dir"] ["ANSIBLE_PLAYBOOK_DIR"];
    /// Show what set_stats kept
    SHOW_CUSTOM_STATS: Flag "false" ["defaults" "show_custom_stats"] ["ANSIBLE_SHOW_CUSTOM_STATS"];
    /// Arguments for ssh, instead of those it is given otherwise
    SSH_ARGS: Text "" ["ssh_connection" "ssh_args"] ["ANSIBLE_SSH_ARGS"];
    /// More arguments for ssh
    SSH_COMMON_ARGS: Text "" ["ssh_connection" "ssh_common_args"] ["ANSIBLE_SSH_COMMON_ARGS"];
    /// The program ssh
    SSH_EXECUTABLE: Text "ssh" ["ssh_connection" "ssh_executable"] ["ANSIBLE_SSH_EXECUTABLE"];
    /// More arguments for ssh
    SSH_EXTRA_ARGS: Text "" ["ssh_connection" "ssh_extra_args"] ["ANSIBLE_SSH_EXTRA_ARGS"];
    /// How often ssh is tried again
    SSH_RETRIES: Integer "0" ["ssh_connection" "retries", "connection" "retries"] ["ANSIBLE_SSH_RETRIES"];
    /// Only tasks with one of these tags
    TAGS_RUN: List "" ["tags" "run"] ["ANSIBLE_RUN_TAGS"];
    /// No tasks with one of these tags
    TAGS_SKIP: List "" ["tags" "skip"] ["ANSIBLE_SKIP_TAGS"];
    /// The debugger passes over failures that do not count
    TASK_DEBUGGER_IGNORE_ERRORS: Flag "true" ["defaults" "task_debugger_ignore_errors"] ["ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS"];
    /// Seconds a task may take; 0 for as long as it needs
    TASK_TIMEOUT: Integer "0" ["defaults" "task_timeout"] ["ANSIBLE_TASK_TIMEOUT"];
    /// Expressions in inventories see variables of the command line
    USE_EXTRA_VARS: Flag "false" ["inventory_plugins" "use_extra_vars"] ["ANSIBLE_INVENTORY_USE_EXTRA_VARS"];
    /// Expressions in inventories see group_vars and host_vars
    USE_VARS_PLUGINS: Flag "false" ["inventory_plugins" "use_vars_plugins"] ["ANSIBLE_INVENTORY_USE_VARS_PLUGINS"];
    /// The salt to encrypt with, instead of a random one
    VAULT_ENCRYPT_SALT: Text "" ["defaults" "vault_encrypt_salt"] ["ANSIBLE_VAULT_ENCRYPT_SALT"];
}
