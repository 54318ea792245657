//! The keywords of plays, roles, blocks and tasks: where each may stand, and what its value looks like.

use clouder_lang::nearest;
use clouder_lang::yaml::{Node, Yaml};

/// Where keywords stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `import_playbook`.
    ImportPlaybook,
    Play,
    /// An entry of `roles` or of `dependencies`.
    Role,
    Block,
    Task,
    Handler,
    /// `include_tasks` and `include_role`: what only matters for the tasks inside belongs into `apply`.
    Include,
    /// `loop_control`.
    LoopControl,
    /// An entry of `vars_prompt`.
    Prompt,
    /// `meta/main.yml` of a role.
    Meta,
    /// `apply` of an include.
    Apply,
}

impl Place {
    /// In words, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ImportPlaybook => "`import_playbook`",
            Self::Play => "a play",
            Self::Role => "a role",
            Self::Block => "a block",
            Self::Task => "a task",
            Self::Handler => "a handler",
            Self::Include => "an include",
            Self::LoopControl => "`loop_control`",
            Self::Prompt => "`vars_prompt`",
            Self::Meta => "a role's meta file",
            Self::Apply => "`apply`",
        }
    }

    /// Whether a keyword may stand here.
    pub(super) fn allows(self, word: &str) -> bool {
        shape(self, word).is_some()
    }

    /// The keyword that was most likely meant.
    pub(super) fn nearest(self, word: &str) -> Option<&'static str> {
        let own = self.own().iter().map(|(name, _)| *name);
        let shared = SHARED.iter().map(|(name, _)| *name).filter(|name| self.allows(name));
        nearest(word, own.chain(shared))
    }

    fn own(self) -> &'static [(&'static str, Shape)] {
        match self {
            Self::ImportPlaybook => IMPORT_PLAYBOOK,
            Self::Play => PLAY,
            Self::Role => ROLE,
            Self::Block => BLOCK,
            Self::Task | Self::Handler => TASK,
            Self::Include => INCLUDE,
            Self::LoopControl => LOOP_CONTROL,
            Self::Prompt => PROMPT,
            Self::Meta => META,
            Self::Apply => &[],
        }
    }
}

/// What a keyword's value looks like, unless it is a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Boolean,
    Integer,
    Number,
    /// A number, perhaps with `%`.
    Percentage,
    Text,
    /// A text or a list of them.
    Texts,
    /// An expression, or a list of them.
    Conditions,
    /// A text, perhaps with commas, or a list.
    Tags,
    /// A mapping of variables.
    Variables,
    /// A mapping, or a list of them.
    Mappings,
    Mapping,
    /// Read elsewhere.
    Any,
}

impl Shape {
    /// What the value must be, when it is something else.
    pub(super) fn refuses(self, node: &Node) -> Option<&'static str> {
        if node.is_null() || node.is_template() || matches!(node.value, Yaml::Vault(_)) {
            return None;
        }
        let container = matches!(node.value, Yaml::Sequence(_) | Yaml::Mapping(_));
        let each = |shape: Self| match node.as_sequence() {
            Some(items) => items.iter().all(|item| shape.refuses(item).is_none()),
            None => shape.refuses(node).is_none(),
        };
        let (fits, expected) = match self {
            Self::Any => (true, ""),
            Self::Boolean => (node.as_bool().is_some(), "a boolean"),
            Self::Integer => (whole(node), "a whole number"),
            Self::Number => (number(node, false), "a number"),
            Self::Percentage => (number(node, true), "a number or a percentage"),
            Self::Text => (!container, "text"),
            Self::Texts => (each(Self::Text), "text or a list of texts"),
            Self::Conditions => (each(Self::Text), "an expression or a list of them"),
            Self::Tags => {
                (node.as_str().is_some() || node.as_sequence().is_some(), "text or a list of texts")
            }
            Self::Variables => (node.as_mapping().is_some(), "a mapping of variables"),
            Self::Mapping => (node.as_mapping().is_some(), "a mapping"),
            Self::Mappings => (each(Self::Mapping), "a mapping or a list of mappings"),
        };
        (!fits).then_some(expected)
    }
}

fn whole(node: &Node) -> bool {
    match &node.value {
        Yaml::Int(_) => true,
        Yaml::Float(number) => number.fract() == 0.0,
        Yaml::String(text) | Yaml::Raw(text) => text.trim().parse::<i64>().is_ok(),
        _ => false,
    }
}

fn number(node: &Node, percentage: bool) -> bool {
    match &node.value {
        Yaml::Int(_) | Yaml::Float(_) => true,
        Yaml::String(text) | Yaml::Raw(text) => {
            let bare = if percentage { text.trim().trim_end_matches('%') } else { text.trim() };
            bare.parse::<f64>().is_ok()
        }
        _ => false,
    }
}

/// What the value of a keyword looks like at a place; `None` when it may not stand there.
pub(super) fn shape(place: Place, word: &str) -> Option<Shape> {
    let find =
        |words: &[(&str, Shape)]| words.iter().find(|(name, _)| *name == word).map(|(_, shape)| *shape);
    if let Some(shape) = find(place.own()) {
        return Some(shape);
    }
    if place == Place::Handler && word == "listen" {
        return Some(Shape::Texts);
    }
    let shared = match place {
        Place::LoopControl | Place::Prompt | Place::Meta | Place::Include => false,
        Place::Play | Place::ImportPlaybook => {
            !matches!(word, "delegate_to" | "delegate_facts" | "notify" | "when")
        }
        Place::Role => word != "notify",
        Place::Block | Place::Task | Place::Handler | Place::Apply => true,
    };
    if shared { find(SHARED) } else { None }
}

/// Keywords of all or most places; see [`super::Keywords`].
const SHARED: &[(&str, Shape)] = &[
    ("name", Shape::Text),
    ("vars", Shape::Variables),
    ("when", Shape::Conditions),
    ("tags", Shape::Tags),
    ("become", Shape::Boolean),
    ("become_user", Shape::Text),
    ("become_method", Shape::Text),
    ("become_flags", Shape::Text),
    ("become_exe", Shape::Text),
    ("environment", Shape::Mappings),
    ("check_mode", Shape::Boolean),
    ("diff", Shape::Boolean),
    ("no_log", Shape::Boolean),
    ("ignore_errors", Shape::Boolean),
    ("ignore_unreachable", Shape::Boolean),
    ("delegate_to", Shape::Text),
    ("delegate_facts", Shape::Boolean),
    ("run_once", Shape::Boolean),
    ("throttle", Shape::Integer),
    ("timeout", Shape::Integer),
    ("connection", Shape::Text),
    ("remote_user", Shape::Text),
    ("port", Shape::Integer),
    ("any_errors_fatal", Shape::Boolean),
    ("module_defaults", Shape::Mappings),
    ("collections", Shape::Texts),
    ("debugger", Shape::Text),
    ("notify", Shape::Texts),
];

const IMPORT_PLAYBOOK: &[(&str, Shape)] = &[
    ("import_playbook", Shape::Text),
    ("ansible.builtin.import_playbook", Shape::Text),
    ("when", Shape::Conditions),
];

const PLAY: &[(&str, Shape)] = &[
    ("hosts", Shape::Any),
    ("gather_facts", Shape::Boolean),
    ("gather_subset", Shape::Texts),
    ("gather_timeout", Shape::Integer),
    ("fact_path", Shape::Text),
    ("serial", Shape::Any),
    ("strategy", Shape::Text),
    ("order", Shape::Text),
    ("max_fail_percentage", Shape::Percentage),
    ("force_handlers", Shape::Boolean),
    ("vars_files", Shape::Any),
    ("vars_prompt", Shape::Any),
    ("pre_tasks", Shape::Any),
    ("roles", Shape::Any),
    ("tasks", Shape::Any),
    ("post_tasks", Shape::Any),
    ("handlers", Shape::Any),
    // An old name of `remote_user` that Ansible still takes.
    ("user", Shape::Text),
];

const ROLE: &[(&str, Shape)] = &[("role", Shape::Text)];

const BLOCK: &[(&str, Shape)] = &[("block", Shape::Any), ("rescue", Shape::Any), ("always", Shape::Any)];

const TASK: &[(&str, Shape)] = &[
    ("action", Shape::Any),
    ("local_action", Shape::Any),
    ("args", Shape::Any),
    ("async", Shape::Integer),
    ("poll", Shape::Integer),
    ("changed_when", Shape::Conditions),
    ("failed_when", Shape::Conditions),
    ("until", Shape::Conditions),
    ("retries", Shape::Integer),
    ("delay", Shape::Number),
    ("register", Shape::Any),
    ("loop", Shape::Any),
    ("loop_control", Shape::Any),
];

const INCLUDE: &[(&str, Shape)] = &[
    ("action", Shape::Any),
    ("args", Shape::Any),
    ("collections", Shape::Texts),
    ("debugger", Shape::Text),
    ("ignore_errors", Shape::Boolean),
    ("loop", Shape::Any),
    ("loop_control", Shape::Any),
    ("name", Shape::Text),
    ("no_log", Shape::Boolean),
    ("register", Shape::Any),
    ("run_once", Shape::Boolean),
    ("tags", Shape::Tags),
    ("timeout", Shape::Integer),
    ("vars", Shape::Variables),
    ("when", Shape::Conditions),
];

const LOOP_CONTROL: &[(&str, Shape)] = &[
    ("loop_var", Shape::Text),
    ("index_var", Shape::Text),
    ("label", Shape::Text),
    ("pause", Shape::Number),
    ("extended", Shape::Boolean),
    ("extended_allitems", Shape::Boolean),
    ("break_when", Shape::Conditions),
];

const PROMPT: &[(&str, Shape)] = &[
    ("name", Shape::Text),
    ("prompt", Shape::Text),
    ("default", Shape::Any),
    ("private", Shape::Boolean),
    ("confirm", Shape::Boolean),
    ("encrypt", Shape::Text),
    ("salt_size", Shape::Integer),
    ("salt", Shape::Text),
    ("unsafe", Shape::Boolean),
];

const META: &[(&str, Shape)] = &[
    ("allow_duplicates", Shape::Boolean),
    ("dependencies", Shape::Any),
    ("galaxy_info", Shape::Any),
    ("argument_specs", Shape::Any),
    ("collections", Shape::Texts),
];

/// What took the place of words that Ansible no longer knows.
pub(super) fn replaced(word: &str) -> Option<&'static str> {
    Some(match word {
        "sudo" | "su" => "use `become: true`",
        "sudo_user" | "su_user" => "use `become_user`",
        "sudo_exe" | "su_exe" => "use `become_exe`",
        "sudo_flags" | "su_flags" => "use `become_flags`",
        "sudo_pass" | "su_pass" => "use the variable `ansible_become_password`",
        "user" => "use `remote_user`",
        "include" => "use `import_tasks` or `include_tasks`, for playbooks `import_playbook`",
        "static" => "use `import_tasks` or `import_role` instead of an include",
        "always_run" => "use `check_mode: false`",
        "only_if" => "use `when`",
        "first_available_file" => "use `with_first_found`",
        "accelerate" | "accelerate_port" | "accelerate_ipv6" => "remove it: connections are always reused",
        "tasks_from" | "vars_from" | "defaults_from" | "handlers_from" | "public" | "apply"
        | "allow_duplicates" => "it belongs inside the module's arguments",
        "listen" => "only handlers listen",
        "until_retries" => "use `until` and `retries`",
        _ => return None,
    })
}

/// Whether a name can be that of a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Words that mean something in expressions, so that a variable of that name cannot be used in them.
pub(super) fn is_reserved(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "True", "False", "None", "true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "for",
    ];
    WORDS.contains(&name)
}
