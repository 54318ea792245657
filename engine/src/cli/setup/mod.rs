//! From options to a run: inventory, variables, playbooks, reports.

mod azure_cache;
mod constants;
mod extra;
mod facts;
mod interrupt;
mod options;
mod outside;
mod reports;
mod scope;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_inventory::{Inventory, Reader, Selection, VariableFolder, Variables};
use clouder_lang::yaml::Node;
use clouder_lang::{Diagnostic, Severity, Source};
use clouder_vault::Keyring;

pub(super) use self::options::run_options;
pub(super) use self::reports::{answers, reports};
pub(super) use self::scope::items_of;
use super::options::InventoryOptions;
use super::{Failure, show};
use crate::config::{self, Config};
use crate::connection::Connections;
use crate::playbook::check::{self, Syntax};
use crate::playbook::{Files, Layer, LoadedPlaybook, Loader, Origin, Places, Play, Playbook};
use crate::report::{Events, Report, deliver};
use crate::run::{Run, RunOptions};
use crate::template::{PluginFolders, Scope, TemplateOptions, Templates, Value, to_tags, to_texts};
use crate::vars::{PlayVariables, SharedVariables, TaskVariables};

/// Everything a run needs, made from options.
pub(in crate::cli) struct Setup {
    options: RunOptions,
    loader: Arc<Loader>,
    templates: Arc<Templates>,
    variables: Arc<SharedVariables>,
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
pub(in crate::cli) fn inventory(
    config: &Config,
    options: &InventoryOptions,
    keyring: &Arc<Keyring>,
    extra: &Variables,
) -> Result<Inventory, Failure> {
    inventory_anew(config, options, keyring, extra, options.flush_cache)
}

/// The same; `fresh` is for asking clouds whatever is kept of what they told.
fn inventory_anew(
    config: &Config,
    options: &InventoryOptions,
    keyring: &Arc<Keyring>,
    extra: &Variables,
    fresh: bool,
) -> Result<Inventory, Failure> {
    let mut reader = reader(config, keyring);
    let endpoint = options.azure_endpoint.clone().or_else(|| config.text(&config::AZURE_ENDPOINT));
    reader.outside = Some(outside::outside(config, keyring, extra.clone(), endpoint, fresh));
    let inventory = clouder_inventory::load(&sources(config, options), &reader)?;
    show(&reader.into_warnings());
    Ok(inventory)
}

/// Whether mappings of one name are merged instead of replaced.
fn merges(config: &Config) -> bool {
    config.text(&config::DEFAULT_HASH_BEHAVIOUR).is_some_and(|behaviour| behaviour == "merge")
}

/// Variables of the command line, where there is no playbook.
pub(in crate::cli) fn extra_of(
    config: &Config,
    options: &InventoryOptions,
    keyring: &Arc<Keyring>,
) -> Result<Variables, Failure> {
    let files = Files::new(Places::new(std::env::current_dir()?, config), Arc::clone(keyring));
    extra::extra_variables(&options.extra_vars, &files, merges(config))
}

/// What reads files of inventories and variables.
pub(in crate::cli) fn reader(config: &Config, keyring: &Arc<Keyring>) -> Reader {
    let mut reader = Reader::new(Arc::clone(keyring));
    reader.ignored_endings = config.list(&config::INVENTORY_IGNORE_EXTS);
    reader.ignored_patterns = config.list(&config::INVENTORY_IGNORE_PATTERNS);
    reader.merge = merges(config);
    reader
}

impl Setup {
    /// Makes everything ready for a playbook.
    pub(in crate::cli) fn new(
        config: &Arc<Config>,
        options: &InventoryOptions,
        keyring: &Arc<Keyring>,
        playbook: &Path,
        run: RunOptions,
    ) -> Result<Self, Failure> {
        Self::with_text(config, options, keyring, playbook, None, run)
    }

    /// The same; `text` is the playbook's text if that is in no file.
    pub(in crate::cli) fn with_text(
        config: &Arc<Config>,
        options: &InventoryOptions,
        keyring: &Arc<Keyring>,
        playbook: &Path,
        text: Option<&str>,
        mut run: RunOptions,
    ) -> Result<Self, Failure> {
        let project = std::env::current_dir()?;
        let places = Places::new(project, config);
        let files = || {
            let files = Files::new(places.clone(), Arc::clone(keyring));
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
            plugins: PluginFolders::new(places.brought.clone(), places.all_collections(), config),
        });
        let path = find(&files(), playbook);
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.map_or_else(|| PathBuf::from("."), Path::to_owned);
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        let extra = extra::extra_variables(&options.extra_vars, &files(), merges(config))?;
        let inventory = inventory(config, options, keyring, &extra)?;
        let reader = reader(config, keyring);
        let beside = VariableFolder::read(&folder, &reader)?;
        beside.read_for(&inventory, &reader)?;
        show(&reader.into_warnings());
        let (settings, inventory_of, passwords) = (Arc::clone(config), options.clone(), Arc::clone(keyring));
        let given = extra.clone();
        run.reload_inventory = crate::run::Reload(Arc::new(move || {
            inventory_anew(&settings, &inventory_of, &passwords, &given, true).map_err(|failure| {
                failure.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            })
        }));
        let mut variables = SharedVariables::new(
            Arc::clone(&templates),
            inventory,
            extra,
            std::path::absolute(&folder).unwrap_or(folder),
            beside,
            run.check,
        );
        variables.constants = constants::constants(config, &run);
        variables.facts = facts::fact_cache(config)?.map(Arc::new);
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
    pub(in crate::cli) fn load(&self, path: &Path, missing: Severity) -> Result<Playbook, Failure> {
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

    /// A text of a play with what can be evaluated without a host; the text as written where that is not all.
    pub(in crate::cli) fn text_of(&self, node: &Node) -> String {
        let evaluated = self.templates.evaluate_text(node, &self.outside());
        evaluated.unwrap_or_else(|_| node.to_text().to_string())
    }

    /// The host pattern of a play.
    pub(in crate::cli) fn pattern(&self, play: &Play) -> Result<String, Failure> {
        let value =
            self.templates.evaluate(&play.hosts, &self.outside()).map_err(|error| error.diagnostic)?;
        Ok(to_texts(&value).join(","))
    }

    /// The hosts of a pattern, within the limit.
    pub(in crate::cli) fn select(&self, pattern: &str) -> Result<Vec<Arc<str>>, Failure> {
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
    pub(in crate::cli) fn check_limit(&self, pattern: &str) -> Result<(), Failure> {
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
    pub(in crate::cli) fn tags_of(&self, nodes: &[Node]) -> Vec<String> {
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
    pub(in crate::cli) fn chooses(&self, tags: &[String]) -> bool {
        self.options.chooses(&tags.iter().cloned().collect())
    }

    /// Runs playbooks; returns the exit code.
    pub(in crate::cli) fn execute(
        self,
        playbooks: &[Playbook],
        reports: Vec<Box<dyn Report>>,
    ) -> Result<i32, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async move {
            let (events, receiver) = Events::channel();
            let reporting = tokio::spawn(deliver(receiver, reports));
            let (ask, mut asked) = tokio::sync::oneshot::channel();
            tokio::spawn(interrupt::cut_off(ask));
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
        let play = layer.and_then(|layer| layer.chain().find(|layer| matches!(layer.origin, Origin::Play)));
        scope.play = play.map(|play| {
            let file = play.span.source().name();
            Arc::new(PlayVariables::of(&play.keywords, file.parent().unwrap_or(file)))
        });
        let scope: Arc<dyn Scope> = Arc::new(scope);
        templates.evaluate_text(node, &scope).map_err(|error| *error.diagnostic)
    })
}
