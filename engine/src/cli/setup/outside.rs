//! What sources of an inventory need that are more than files: expressions, by our templates, and Azure.

use std::sync::{Arc, OnceLock};

use clouder_cloud::azure::{Account, Azure, Given};
use clouder_cloud::{Cloud as _, CloudError};
use clouder_inventory::{AzureList, AzureLists, Expressions, Known, Outside};
use clouder_lang::Diagnostic;
use clouder_lang::yaml::Node;
use clouder_vault::Keyring;
use futures::future::try_join_all;
use serde_json::Value as Json;

use crate::config::{self, Config};
use crate::template::{Scope, TemplateError, TemplateOptions, Templates, Value, from_json, to_json};

/// What sources need, by settings and passwords; `endpoint` is where Azure is, if it is not in its usual place.
pub(super) fn outside(config: &Config, keyring: &Arc<Keyring>, endpoint: Option<String>) -> Outside {
    let options = TemplateOptions {
        keyring: Arc::clone(keyring),
        lenient_conditions: config.flag(&config::ALLOW_BROKEN_CONDITIONALS),
        ..TemplateOptions::default()
    };
    let evaluating = Evaluating { options, templates: OnceLock::new() };
    Outside { expressions: Arc::new(evaluating), azure: Arc::new(Asked { endpoint }) }
}

/// Templates, made when a source has expressions.
struct Evaluating {
    options: TemplateOptions,
    templates: OnceLock<Arc<Templates>>,
}

impl Evaluating {
    fn templates(&self) -> &Templates {
        self.templates.get_or_init(|| Templates::new(self.options.clone()))
    }
}

fn scope(known: &Known) -> Arc<dyn Scope> {
    Arc::new(OfHost(known.clone()))
}

impl Expressions for Evaluating {
    fn value(&self, expression: &Node, known: &Known) -> Result<Json, Box<Diagnostic>> {
        let value = self.templates().expression(expression, &scope(known));
        value.map(|value| to_json(&value)).map_err(|error| error.diagnostic)
    }

    fn holds(&self, condition: &Node, known: &Known) -> Result<bool, Box<Diagnostic>> {
        self.templates().condition(condition, &scope(known)).map_err(|error| error.diagnostic)
    }

    fn text(&self, text: &Node, known: &Known) -> Result<String, Box<Diagnostic>> {
        self.templates().evaluate_text(text, &scope(known)).map_err(|error| error.diagnostic)
    }
}

/// What a source knows of a host.
#[derive(Debug)]
struct OfHost(Known);

impl Scope for OfHost {
    fn variable(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>> {
        self.0.get(name).map(|value| Ok(from_json(value.clone())))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0.keys().map(|name| Arc::from(name.as_str())).collect()
    }

    fn search_path(&self) -> Vec<std::path::PathBuf> {
        Vec::new()
    }
}

/// Azure, asked when a source needs it.
struct Asked {
    endpoint: Option<String>,
}

impl AzureLists for Asked {
    fn lists(&self, account: &Known, lists: &[AzureList]) -> Result<Vec<Vec<Json>>, Box<Diagnostic>> {
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
        // An inventory is read again in the midst of a run, which has a runtime of its own.
        std::thread::scope(|threads| threads.spawn(|| ask(given, lists)).join())
            .unwrap_or_else(|_| Err(Box::new(Diagnostic::without_place("asking broke off"))))
    }
}

/// All lists at once.
fn ask(given: Given, lists: &[AzureList]) -> Result<Vec<Vec<Json>>, Box<Diagnostic>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Diagnostic::without_place(error.to_string()))?;
    let answer = runtime.block_on(async {
        let account = Account::find(given, &|name| std::env::var(name).ok())?;
        let azure = Azure::connect(&account)?;
        try_join_all(lists.iter().map(|(path, version)| azure.list(path, version))).await
    });
    answer.map_err(|error: CloudError| {
        let finding = Diagnostic::without_place(error.to_string());
        Box::new(match error.hint() {
            Some(hint) => finding.hint(hint),
            None => finding,
        })
    })
}
