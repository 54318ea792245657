//! From options to a run: inventory, variables, playbooks, reports.

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clouder_inventory::{Inventory, Reader, Selection, VariableFolder, Variables};
use clouder_lang::yaml::{self, Mapping, Node};
use clouder_lang::{Diagnostic, Severity, Source, Span};
use clouder_vault::Keyring;
use indexmap::IndexMap;

use super::options::{ConnectionOptions, InventoryOptions, Output, OutputOptions};
use super::{Failure, ask, show, tools};
use crate::config::{self, Config};
use crate::connection::Connections;
use crate::playbook::check::{self, Syntax};
use crate::playbook::{Files, Layer, LoadedPlaybook, Loader, Places, Play, Playbook};
use crate::report::{Answers, Colors, Events, JsonLines, Log, Report, Style, Terminal, deliver};
use crate::run::{INTERRUPTED, Run, RunOptions};
use crate::template::{Scope, TemplateOptions, Templates, Value, to_tags, to_texts};
use crate::vars::{FactCache, SharedVariables, TaskVariables};

/// Everything a run needs, made from options.
pub(super) struct Setup {
    options: RunOptions,
    loader: Arc<Loader>,
    templates: Arc<Templates>,
    variables: Arc<SharedVariables>,
}

/// What was asked for on the command line, or else in settings.
pub(super) fn run_options(
    config: &Config,
    connection: &ConnectionOptions,
    inventory: &InventoryOptions,
    output: &OutputOptions,
) -> Result<RunOptions, Failure> {
    let text = |given: &Option<String>, setting| given.clone().or_else(|| config.text(setting));
    let path = |given: &Option<PathBuf>, setting| given.clone().or_else(|| config.path(setting));
    let password_file = path(&connection.connection_password_file, &config::CONNECTION_PASSWORD_FILE);
    let connection_password = ask::password(
        connection.ask_pass || config.flag(&config::DEFAULT_ASK_PASS),
        "SSH password",
        password_file.as_deref().filter(|_| !connection.ask_pass),
    )?;
    let become_ = connection.become_ || config.flag(&config::DEFAULT_BECOME);
    let password_file = path(&connection.become_password_file, &config::BECOME_PASSWORD_FILE);
    let become_password = ask::password(
        connection.ask_become_pass || config.flag(&config::DEFAULT_BECOME_ASK_PASS),
        "BECOME password",
        password_file.as_deref().filter(|_| !connection.ask_become_pass),
    )?;
    let seconds = |number: u64| (number > 0).then(|| Duration::from_secs(number));
    Ok(RunOptions {
        check: connection.check,
        diff: connection.diff || config.flag(&config::DIFF_ALWAYS),
        forks: connection.forks.unwrap_or_else(|| whole(config.integer(&config::DEFAULT_FORKS))).max(1),
        limit: inventory.limit.clone(),
        verbosity: verbosity(config, output),
        become_,
        become_user: text(&connection.become_user, &config::DEFAULT_BECOME_USER),
        become_method: text(&connection.become_method, &config::DEFAULT_BECOME_METHOD),
        become_exe: config.text(&config::DEFAULT_BECOME_EXE),
        become_flags: config.text(&config::DEFAULT_BECOME_FLAGS),
        become_password: become_password.or_else(|| connection_password.clone().filter(|_| become_)),
        remote_user: text(&connection.remote_user, &config::DEFAULT_REMOTE_USER),
        connection_password,
        private_key: path(&connection.private_key, &config::DEFAULT_PRIVATE_KEY_FILE),
        connection: text(&connection.connection, &config::DEFAULT_TRANSPORT),
        port: u16::try_from(config.integer(&config::DEFAULT_REMOTE_PORT)).ok().filter(|port| *port > 0),
        ssh_executable: config.text(&config::SSH_EXECUTABLE),
        ssh_retries: config.integer(&config::SSH_RETRIES),
        ssh_args: config.text(&config::SSH_ARGS),
        ssh_common_args: text(&connection.ssh_common_args, &config::SSH_COMMON_ARGS),
        ssh_extra_args: text(&connection.ssh_extra_args, &config::SSH_EXTRA_ARGS),
        timeout: Duration::from_secs(
            connection.timeout.unwrap_or_else(|| config.integer(&config::DEFAULT_TIMEOUT)).max(1),
        ),
        host_key_checking: config.flag(&config::HOST_KEY_CHECKING),
        gathering: config.text(&config::DEFAULT_GATHERING).unwrap_or_default(),
        strategy: config.text(&config::DEFAULT_STRATEGY),
        task_timeout: seconds(config.integer(&config::TASK_TIMEOUT)),
        poll_interval: config.integer(&config::DEFAULT_POLL_INTERVAL),
        no_log: config.flag(&config::DEFAULT_NO_LOG),
        any_errors_fatal: config.flag(&config::ANY_ERRORS_FATAL),
        managed: config.text(&config::DEFAULT_MANAGED_STR).unwrap_or_default(),
        force_handlers: config.flag(&config::DEFAULT_FORCE_HANDLERS),
        tags: config.list(&config::TAGS_RUN),
        skip_tags: config.list(&config::TAGS_SKIP),
        ask: ask::terminal(),
        ..RunOptions::default()
    })
}

/// How much is shown: what the command line says, if anything.
fn verbosity(config: &Config, output: &OutputOptions) -> u8 {
    match output.verbosity {
        0 => u8::try_from(config.integer(&config::DEFAULT_VERBOSITY)).unwrap_or(u8::MAX),
        given => given,
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Where the inventory is when nobody says so.
fn sources(config: &Config, options: &InventoryOptions) -> Vec<String> {
    if !options.inventory.is_empty() {
        return options.inventory.clone();
    }
    let mut sources = config.list(&config::DEFAULT_HOST_LIST);
    if !config.is_set(&config::DEFAULT_HOST_LIST) {
        sources.retain(|path| Path::new(path).exists());
    }
    sources
}

/// Reads the inventory that options name.
pub(super) fn inventory(
    config: &Config,
    options: &InventoryOptions,
    keyring: &Arc<Keyring>,
) -> Result<Inventory, Failure> {
    let reader = reader(config, keyring);
    let inventory = clouder_inventory::load(&sources(config, options), &reader)?;
    show(&reader.into_warnings());
    Ok(inventory)
}

/// What reads files of inventories and variables.
pub(super) fn reader(config: &Config, keyring: &Arc<Keyring>) -> Reader {
    let mut reader = Reader::new(Arc::clone(keyring));
    reader.ignored_endings = config.list(&config::INVENTORY_IGNORE_EXTS);
    reader.ignored_patterns = config.list(&config::INVENTORY_IGNORE_PATTERNS);
    reader
}

impl Setup {
    /// Makes everything ready for a playbook.
    pub(super) fn new(
        config: &Arc<Config>,
        options: &InventoryOptions,
        keyring: &Arc<Keyring>,
        playbook: &Path,
        run: RunOptions,
    ) -> Result<Self, Failure> {
        Self::with_text(config, options, keyring, playbook, None, run)
    }

    /// The same; `text` is the playbook's text if that is in no file.
    pub(super) fn with_text(
        config: &Arc<Config>,
        options: &InventoryOptions,
        keyring: &Arc<Keyring>,
        playbook: &Path,
        text: Option<&str>,
        mut run: RunOptions,
    ) -> Result<Self, Failure> {
        let (settings, inventory_of, passwords) = (Arc::clone(config), options.clone(), Arc::clone(keyring));
        run.reload_inventory = crate::run::Reload(Arc::new(move || {
            inventory(&settings, &inventory_of, &passwords).map_err(|failure| {
                failure.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            })
        }));
        let project = std::env::current_dir()?;
        let files = || {
            let files = Files::new(Places::new(project.clone(), config), Arc::clone(keyring));
            match text {
                Some(text) => files.with_text(playbook, text),
                None => files,
            }
        };
        let reading = files();
        let read = move |path: &Path| reading.read(path).map(std::borrow::Cow::into_owned);
        let templates = Templates::new(TemplateOptions {
            read: Arc::new(read),
            keyring: Arc::clone(keyring),
            lenient_conditions: config.flag(&config::ALLOW_BROKEN_CONDITIONALS),
            config: Arc::clone(config),
        });
        let path = find(&files(), playbook);
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.map_or_else(|| PathBuf::from("."), Path::to_owned);
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        let reader = reader(config, keyring);
        let beside = VariableFolder::read(&folder, &reader)?;
        show(&reader.into_warnings());
        let extra = extra_variables(&options.extra_vars, &files())?;
        let inventory = inventory(config, options, keyring)?;
        let mut variables = SharedVariables::new(
            Arc::clone(&templates),
            inventory,
            extra,
            std::path::absolute(&folder).unwrap_or(folder),
            beside,
            run.check,
        );
        variables.constants = constants(config, &run);
        variables.facts = fact_cache(config)?.map(Arc::new);
        if options.flush_cache {
            variables.host_names().iter().for_each(|host| variables.host(host).clear_facts());
        }
        let sources = variables.with_inventory(false, |inventory| inventory.sources.clone());
        let sources = sources.iter().map(|source| Value::from(source.display().to_string()));
        variables.constants.insert("ansible_inventory_sources", Value::from_iter(sources));
        let variables = Arc::new(variables);
        let loader = Arc::new(Loader::new(files(), resolver(&templates, &variables)));
        Ok(Self { options: run, loader, templates, variables })
    }

    /// Loads and checks a playbook; `missing` is for what its tasks need and is not there.
    pub(super) fn load(&self, path: &Path, missing: Severity) -> Result<Playbook, Failure> {
        let (path, syntax) = (find(self.loader.files(), path), Checks(&self.templates));
        let LoadedPlaybook { playbook, findings } = check::check(&self.loader, &path, &syntax, missing);
        if findings.iter().any(Diagnostic::is_error) {
            return Err(findings.into());
        }
        show(&findings);
        Ok(playbook)
    }

    /// What evaluates templates of plays, outside of any host.
    fn outside(&self) -> Arc<dyn Scope> {
        Arc::new(TaskVariables::of_host(&self.variables, &self.variables.host("localhost")))
    }

    /// The host pattern of a play.
    pub(super) fn pattern(&self, play: &Play) -> Result<String, Failure> {
        let value =
            self.templates.evaluate(&play.hosts, &self.outside()).map_err(|error| error.diagnostic)?;
        Ok(to_texts(&value).join(","))
    }

    /// The hosts of a pattern, within the limit.
    pub(super) fn select(&self, pattern: &str) -> Result<Vec<Arc<str>>, Failure> {
        let mut hosts = self.matching(pattern)?.hosts;
        if let Some(limit) = &self.options.limit {
            let limited = self.matching(limit)?.hosts;
            hosts.retain(|host| limited.contains(host));
        }
        Ok(hosts)
    }

    fn matching(&self, pattern: &str) -> Result<Selection, Failure> {
        let selected = self.variables.with_inventory(false, |inventory| inventory.select(pattern));
        selected.map_err(|error| {
            let hint = "patterns are names, globs, ~regular expressions, joined by : & !";
            Failure::new(error.to_string(), hint)
        })
    }

    /// Refuses a limit that leaves none of a pattern's hosts: most likely a name is misspelt.
    pub(super) fn check_limit(&self, pattern: &str) -> Result<(), Failure> {
        let Some(limit) = &self.options.limit else { return Ok(()) };
        let unmatched = self.matching(limit)?.unmatched;
        let warning = |part: String| Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::without_place(format!("the limit `{part}` matches no host"))
        };
        show(&unmatched.into_iter().map(warning).collect::<Vec<_>>());
        if !self.select(pattern)?.is_empty() {
            return Ok(());
        }
        let hosts = self.matching("all")?.hosts;
        let hint = match clouder_lang::nearest(limit, hosts.iter().map(|host| &**host)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("`clouder inventory --graph` shows the {} hosts there are", hosts.len()),
        };
        // Without any host there is nothing to limit.
        if hosts.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("the limit `{limit}` leaves no host to work on"), hint))
    }

    /// Tags as written, evaluated as far as that is possible without a host.
    pub(super) fn tags_of(&self, nodes: &[Node]) -> Vec<String> {
        let scope = self.outside();
        let mut tags = std::collections::BTreeSet::new();
        for node in nodes {
            match self.templates.evaluate(node, &scope) {
                Ok(value) => tags.extend(to_tags(&value)),
                Err(_) => tags.extend([node.to_text().to_string()]),
            }
        }
        tags.into_iter().collect()
    }

    /// Whether tasks with these tags are chosen.
    pub(super) fn chooses(&self, tags: &[String]) -> bool {
        self.options.chooses(&tags.iter().cloned().collect())
    }

    /// Runs playbooks; returns the exit code.
    pub(super) fn execute(
        self,
        playbooks: &[Playbook],
        reports: Vec<Box<dyn Report>>,
    ) -> Result<i32, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async move {
            let (events, receiver) = Events::channel();
            let reporting = tokio::spawn(deliver(receiver, reports));
            let (ask, mut asked) = tokio::sync::oneshot::channel();
            tokio::spawn(cut_off(ask));
            let connections = Connections::new(self.options.forks, self.variables.playbook_folder.clone());
            let run =
                Run::new(self.options, self.loader, self.templates, connections, self.variables, events);
            let outcome = {
                let work = async {
                    for playbook in playbooks {
                        run.playbook(playbook).await?;
                    }
                    Ok::<(), Box<Diagnostic>>(())
                };
                tokio::pin!(work);
                tokio::select! {
                    outcome = &mut work => outcome,
                    _ = &mut asked => {
                        run.interrupt();
                        // What is running is given up: closing connections ends it on the hosts too.
                        Ok(())
                    }
                }
            };
            let code = run.finish().await;
            reporting
                .await
                .map_err(|error| Failure::new(format!("the report failed: {error}"), "please report this"))?;
            match outcome {
                Ok(()) => Ok(code),
                Err(finding) => Err(finding.into()),
            }
        })
    }
}

/// A playbook by its path, or by the name of one of the organisation's or the built-in ones.
fn find(files: &Files, playbook: &Path) -> PathBuf {
    if playbook.exists() {
        return playbook.to_owned();
    }
    files.find_playbook(&playbook.to_string_lossy()).unwrap_or_else(|| playbook.to_owned())
}

/// Templates, as the static checks ask them.
struct Checks<'a>(&'a Templates);

impl Syntax for Checks<'_> {
    fn text(&self, node: &Node) -> Vec<Diagnostic> {
        self.0.check_text(node)
    }

    fn expression(&self, node: &Node) -> Vec<Diagnostic> {
        self.0.check_expression(node)
    }

    fn file(&self, source: &Arc<Source>) -> Vec<Diagnostic> {
        self.0.check_source(source)
    }
}

/// Gives names of imports their value, by what is known before any host is.
fn resolver(templates: &Arc<Templates>, variables: &Arc<SharedVariables>) -> Box<crate::playbook::Resolve> {
    let (templates, variables) = (Arc::clone(templates), Arc::clone(variables));
    Box::new(move |node: &Node, layer: Option<&Arc<Layer>>| {
        let mut scope = TaskVariables::of_host(&variables, &variables.host("localhost"));
        scope.layer = layer.cloned();
        let scope: Arc<dyn Scope> = Arc::new(scope);
        templates.evaluate_text(node, &scope).map_err(|error| *error.diagnostic)
    })
}

/// How long a run may take to end by itself once that was asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the run to end when that is wanted. Whoever evaluates a template without an end does not hear it: the second time,
/// or after a while, the whole program ends.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread that would end connections in order is the one that hangs"
)]
async fn cut_off(ask: tokio::sync::oneshot::Sender<()>) {
    interrupted().await;
    let _ = ask.send(());
    tokio::select! {
        () = interrupted() => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
    show(&[Diagnostic::without_place("interrupted in the middle of something that did not end by itself")]);
    std::process::exit(INTERRUPTED)
}

/// Ends when the run is to be cut off: Ctrl-C, or a request to terminate.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

/// Reports of a whole run: on standard output, and in the log file if there is one.
pub(super) fn reports(
    config: &Config,
    output: Output,
    options: &RunOptions,
) -> Result<Vec<Box<dyn Report>>, Failure> {
    let mut reports: Vec<Box<dyn Report>> = vec![match output {
        Output::Json => Box::new(JsonLines::new(std::io::stdout())),
        Output::Text => Box::new(Terminal::new(std::io::stdout(), style(config, options.verbosity))),
    }];
    if let Some(path) = config.path(&config::DEFAULT_LOG_PATH) {
        let log = Log::open(&path).map_err(|error| {
            Failure::new(
                format!("cannot write the log {}: {error}", path.display()),
                "log_path in ansible.cfg, or ANSIBLE_LOG_PATH, names a file that can be written to",
            )
        })?;
        let plain = Style { colors: None, progress: false, ..style(config, options.verbosity) };
        reports.push(Box::new(Terminal::new(log, plain)));
    }
    Ok(reports)
}

/// Reports of a single task, on standard output.
pub(super) fn answers(
    config: &Config,
    output: Output,
    options: &RunOptions,
    one_line: bool,
) -> Vec<Box<dyn Report>> {
    vec![match output {
        Output::Json => Box::new(JsonLines::new(std::io::stdout())),
        Output::Text => Box::new(Answers::new(std::io::stdout(), style(config, options.verbosity), one_line)),
    }]
}

/// How standard output wants to be written to.
fn style(config: &Config, verbosity: u8) -> Style {
    let is_terminal = std::io::stdout().is_terminal();
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).or_else(|| {
        rustix::termios::tcgetwinsize(std::io::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|width| *width > 0)
    });
    let color = if config.flag(&config::ANSIBLE_NOCOLOR) {
        false
    } else {
        is_terminal || config.flag(&config::ANSIBLE_FORCE_COLOR)
    };
    Style {
        colors: color.then(|| Colors::new(config)),
        progress: is_terminal && std::io::stderr().is_terminal(),
        verbosity,
        width: width.unwrap_or(79),
        context: whole(config.integer(&config::DIFF_CONTEXT)),
        ok: config.flag(&config::DISPLAY_OK_HOSTS),
        skipped: config.flag(&config::DISPLAY_SKIPPED_HOSTS),
        stats: config.flag(&config::SHOW_CUSTOM_STATS),
    }
}

/// Where facts are kept from run to run.
fn fact_cache(config: &Config) -> Result<Option<FactCache>, Failure> {
    let plugin = config.text(&config::CACHE_PLUGIN).unwrap_or_default();
    match plugin.rsplit('.').next().unwrap_or_default() {
        "memory" | "" => Ok(None),
        "jsonfile" => {
            let Some(folder) = config.path(&config::CACHE_PLUGIN_CONNECTION) else {
                return Err(Failure::new(
                    "facts are to be kept in files, and nothing says where",
                    "fact_caching_connection in ansible.cfg names the folder",
                ));
            };
            let age = config.integer(&config::CACHE_PLUGIN_TIMEOUT);
            let age = (age > 0).then(|| Duration::from_secs(age));
            let prefix = config.text(&config::CACHE_PLUGIN_PREFIX).unwrap_or_default();
            let cache = FactCache::new(folder.clone(), prefix, age).map_err(|error| {
                Failure::new(
                    format!("cannot make the folder {} for facts: {error}", folder.display()),
                    "fact_caching_connection in ansible.cfg names the folder",
                )
            })?;
            Ok(Some(cache))
        }
        other => {
            let message = format!("facts cannot be kept in `{other}`, and are kept nowhere");
            show(&[Diagnostic::warning(message, &Span::of_text("fact_caching", &plugin))
                .hint("fact_caching knows memory and jsonfile")]);
            Ok(None)
        }
    }
}

/// Magic variables that are the same for all.
fn constants(config: &Config, options: &RunOptions) -> IndexMap<&'static str, Value> {
    let version = Value::from_pairs([
        ("full", Value::from(tools::ANSIBLE)),
        ("major", Value::from(2)),
        ("minor", Value::from(19)),
        ("revision", Value::from(0)),
        ("string", Value::from(tools::ANSIBLE)),
    ]);
    let list = |items: &[String]| Value::from_iter(items.iter().map(|item| Value::from(item.as_str())));
    let all = ["all".to_owned()];
    let mut constants: IndexMap<&'static str, Value> = [
        ("ansible_version", version),
        ("clouder_version", Value::from(env!("CARGO_PKG_VERSION"))),
        ("ansible_check_mode", Value::from(options.check)),
        ("ansible_diff_mode", Value::from(options.diff)),
        ("ansible_forks", Value::from(options.forks)),
        ("ansible_verbosity", Value::from(options.verbosity)),
        ("ansible_run_tags", list(if options.tags.is_empty() { &all } else { &options.tags })),
        ("ansible_skip_tags", list(&options.skip_tags)),
    ]
    .into_iter()
    .collect();
    let python = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|path| path.is_file())
    });
    if let Some(python) = python {
        constants.insert("ansible_playbook_python", Value::from(python.display().to_string()));
    }
    let file = config.file.as_ref().map(|path| Value::from(path.display().to_string()));
    constants.insert("ansible_config_file", file.unwrap_or(Value::from(())));
    if let Some(limit) = &options.limit {
        constants.insert("ansible_limit", Value::from(limit.as_str()));
    }
    constants
}

/// `-e`: `@file`, a YAML or JSON mapping, or `key=value` pairs.
fn extra_variables(given: &[String], files: &Files) -> Result<Variables, Failure> {
    let mut variables = Variables::new();
    for text in given {
        let mapping = if let Some(path) = text.strip_prefix('@') {
            let told = |error: Diagnostic| match error.hint {
                Some(_) => error,
                None => error.hint("-e @FILE reads variables from a file"),
            };
            document(&files.source(Path::new(path)).map_err(told)?)?
        } else if text.trim_start().starts_with(['{', '[']) {
            document(&Source::new("-e", text.as_str()))?
        } else {
            pairs(text)?
        };
        variables.extend(mapping.iter().map(|(name, entry)| (Arc::clone(name), entry.value.clone())));
    }
    Ok(variables)
}

fn document(source: &Arc<Source>) -> Result<Mapping, Failure> {
    let Some(node) = yaml::load_file(source)?.document else { return Ok(Mapping::default()) };
    let wrong =
        || Diagnostic::error(format!("extra variables must be a mapping, not {}", node.kind()), &node.span);
    Ok(node.as_mapping().ok_or_else(wrong)?.clone())
}

fn pairs(text: &str) -> Result<Mapping, Failure> {
    let node = Node::text(text, Span::of_text("-e", text));
    let parsed = clouder_lang::arguments::parse(&node, clouder_lang::arguments::Named::All)?;
    match parsed.rest {
        Some(rest) => {
            Err(Diagnostic::error("extra variables are key=value pairs, YAML, or @file", &rest.span).into())
        }
        None => Ok(parsed.arguments),
    }
}
