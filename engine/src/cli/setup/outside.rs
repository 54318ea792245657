//! What sources of an inventory need that are more than files: expressions, by our templates, and Azure.

use std::sync::{Arc, OnceLock};

use clouder_cloud::azure::{Account, Azure, Given};
use clouder_cloud::{Cloud as _, CloudError};
use clouder_inventory::{AzureCache, AzureLists, AzureQuestion, Expressions, Outside, Variables};
use clouder_lang::Diagnostic;
use clouder_lang::yaml::Node;
use clouder_vault::Keyring;
use futures::future::try_join_all;
use serde_json::{Map, Value as Json};

use super::azure_cache::Kept;
use crate::config::{self, Config};
use crate::template::{Scope, TemplateError, TemplateOptions, Templates, Value, to_json};

/// What sources need, by settings, passwords, and variables of the command line; `endpoint` is where Azure is, if it is not in
/// its usual place; `fresh` is for asking it whatever is kept.
pub(super) fn outside(
    config: &Config,
    keyring: &Arc<Keyring>,
    extra: Variables,
    endpoint: Option<String>,
    fresh: bool,
) -> Outside {
    let options = TemplateOptions {
        keyring: Arc::clone(keyring),
        lenient_conditions: config.flag(&config::ALLOW_BROKEN_CONDITIONALS),
        ..TemplateOptions::default()
    };
    let evaluating = Evaluating { options, templates: OnceLock::new() };
    Outside {
        expressions: Arc::new(evaluating),
        azure: Arc::new(Asked { endpoint, fresh }),
        extra,
        use_extra_vars: config.flag(&config::USE_EXTRA_VARS),
        use_vars_plugins: config.flag(&config::USE_VARS_PLUGINS),
    }
}

/// Templates, made when a source has expressions.
struct Evaluating {
    options: TemplateOptions,
    templates: OnceLock<Arc<Templates>>,
}

impl Evaluating {
    fn templates(&self) -> &Arc<Templates> {
        self.templates.get_or_init(|| Templates::new(self.options.clone()))
    }

    fn scope(&self, known: &Variables) -> Arc<dyn Scope> {
        Arc::new(OfHost { known: known.clone(), templates: Arc::clone(self.templates()) })
    }
}

impl Expressions for Evaluating {
    fn value(&self, expression: &Node, known: &Variables) -> Result<Json, Box<Diagnostic>> {
        let value = self.templates().expression(expression, &self.scope(known));
        value.map(|value| to_json(&value)).map_err(|error| error.diagnostic)
    }

    fn holds(&self, condition: &Node, known: &Variables) -> Result<bool, Box<Diagnostic>> {
        self.templates().condition(condition, &self.scope(known)).map_err(|error| error.diagnostic)
    }

    fn text(&self, text: &Node, known: &Variables) -> Result<String, Box<Diagnostic>> {
        self.templates().evaluate_text(text, &self.scope(known)).map_err(|error| error.diagnostic)
    }
}

/// What a source knows of a host.
struct OfHost {
    known: Variables,
    templates: Arc<Templates>,
}

impl std::fmt::Debug for OfHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.known.fmt(formatter)
    }
}

impl Scope for OfHost {
    fn variable(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>> {
        let node = self.known.get(name)?.clone();
        let templates = Arc::clone(&self.templates);
        let scope: Arc<dyn Scope> = self;
        Some(templates.lazy(&node, &scope))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.known.keys().cloned().collect()
    }

    fn search_path(&self) -> Vec<std::path::PathBuf> {
        Vec::new()
    }
}

/// Azure, asked when a source needs it.
struct Asked {
    endpoint: Option<String>,
    fresh: bool,
}

impl AzureLists for Asked {
    fn answer(
        &self,
        account: &Map<String, Json>,
        question: AzureQuestion<'_>,
        cache: Option<&AzureCache>,
    ) -> Result<Vec<Vec<Json>>, Box<Diagnostic>> {
        let given = |name: &str| account.get(name).and_then(Json::as_str).map(str::to_owned);
        let given = Given {
            subscription: given("subscription_id"),
            tenant: given("tenant"),
            client_id: given("client_id"),
            secret: given("secret"),
            profile: given("profile"),
            source: given("auth_source"),
            environment: given("cloud_environment"),
            endpoint: self.endpoint.clone(),
        };
        let account = Account::find(given, &|name| std::env::var(name).ok()).map_err(|error| told(&error))?;
        let kept = cache.map(|cache| Kept::new(cache, &account, &question)).transpose()?;
        if let Some(answer) = kept.as_ref().filter(|_| !self.fresh).and_then(Kept::read) {
            return Ok(answer);
        }
        // An inventory is read again in the midst of a run, which has a runtime of its own.
        let answer = std::thread::scope(|threads| threads.spawn(|| ask(&account, question)).join())
            .unwrap_or_else(|_| Err(Box::new(Diagnostic::without_place("asking broke off"))))?;
        if let Some(kept) = &kept {
            kept.write(&answer)?;
        }
        Ok(answer)
    }
}

fn told(error: &CloudError) -> Box<Diagnostic> {
    let finding = Diagnostic::without_place(error.to_string());
    Box::new(match error.hint() {
        Some(hint) => finding.hint(hint),
        None => finding,
    })
}

fn ask(account: &Account, question: AzureQuestion<'_>) -> Result<Vec<Vec<Json>>, Box<Diagnostic>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Diagnostic::without_place(error.to_string()))?;
    let answer = runtime.block_on(async {
        let azure = Azure::connect(account)?;
        match question {
            // All lists at once.
            AzureQuestion::Lists(lists) => {
                try_join_all(lists.iter().map(|(path, version)| azure.list(path, version))).await
            }
            AzureQuestion::Query(query) => Ok(vec![azure.query(query).await?]),
        }
    });
    answer.map_err(|error| told(&error))
}
