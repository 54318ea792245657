//! The cloud: all that it holds, and what goes on in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::id::{ResourceId, group_of, key};
use crate::json;
use crate::kind;
use crate::machine::{Job, Machines};
use crate::operation::{Effect, Operation, Style};
use crate::random;
use crate::scenario::{Course, Scenario};
use crate::store::{Resource, Store};

/// How the cloud is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The only subscription.
    pub subscription: String,
    /// Its tenant.
    pub tenant: String,
    /// The only application, whose principal owns the subscription.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// How long an operation takes.
    pub latency: Duration,
    /// What clients are told to wait between two looks at an operation, in seconds; nothing if 0.
    pub retry_after: u64,
    /// How long a token is good for.
    pub token_lifetime: Duration,
    /// How long clients are told that it is, if that is something else.
    pub token_told: Option<Duration>,
    /// How many resources are on a page.
    pub page: usize,
    /// How many cores a region gives of each family of sizes, and in all.
    pub cores: u64,
    /// How many public addresses a region gives.
    pub public_addresses: u64,
    /// How long it takes until a new principal is known everywhere.
    pub principal_delay: Duration,
    /// The network that public addresses are from.
    pub public_prefix: String,
}

impl Settings {
    /// The variables by which clients find a cloud of these settings at an origin, and log in to it.
    #[must_use]
    pub fn environment<'a>(&'a self, origin: &'a str) -> [(&'static str, &'a str); 6] {
        [
            ("AZURE_AUTHORITY_HOST", origin),
            ("CLOUDER_AZURE_ENDPOINT", origin),
            ("AZURE_SUBSCRIPTION_ID", &self.subscription),
            ("AZURE_TENANT_ID", &self.tenant),
            ("AZURE_CLIENT_ID", &self.client_id),
            ("AZURE_CLIENT_SECRET", &self.client_secret),
        ]
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            subscription: "00000000-0000-4000-8000-0000000000a1".to_owned(),
            tenant: "00000000-0000-4000-8000-0000000000b2".to_owned(),
            client_id: "00000000-0000-4000-8000-0000000000c3".to_owned(),
            client_secret: random::secret(),
            latency: Duration::from_millis(500),
            retry_after: 1,
            token_lifetime: Duration::from_secs(3599),
            token_told: None,
            page: 100,
            cores: 100,
            public_addresses: 20,
            principal_delay: Duration::from_secs(2),
            public_prefix: "198.18.0.0/16".to_owned(),
        }
    }
}

/// The regions there are: name, what it is called, whether it has zones.
pub const LOCATIONS: [(&str, &str, bool); 6] = [
    ("eastus", "East US", true),
    ("francecentral", "France Central", true),
    ("germanywestcentral", "Germany West Central", true),
    ("northeurope", "North Europe", true),
    ("ukwest", "UK West", false),
    ("westeurope", "West Europe", true),
];

/// A region's name, from any way of writing it.
///
/// # Errors
/// When there is none of that name.
pub fn location(text: &str, kind: &str) -> Result<&'static str> {
    let plain = text.replace(' ', "").to_ascii_lowercase();
    LOCATIONS.iter().find(|(name, ..)| *name == plain).map(|(name, ..)| *name).ok_or_else(|| {
        let all = LOCATIONS.map(|(name, ..)| name).join(",");
        Failure::bad(
            "LocationNotAvailableForResourceType",
            format!("The provided location '{text}' is not available for resource type '{kind}'. List of available regions for the resource type is '{all}'."),
        )
    })
}

/// The cloud.
#[derive(Debug)]
pub struct Cloud {
    /// How it is.
    pub settings: Settings,
    /// Its resources.
    pub store: Store,
    /// Its resource groups, by name in small letters.
    pub groups: BTreeMap<String, Value>,
    /// What goes on or went on, by id.
    pub operations: BTreeMap<String, Operation>,
    /// Which operation works on a resource, by key.
    pub busy: HashMap<String, String>,
    /// Principals, and since when they are known everywhere.
    pub principals: BTreeMap<String, Instant>,
    /// What shall go wrong.
    pub scenario: Scenario,
    /// What machines are.
    pub machines: Box<dyn Machines>,
    /// What shall become of the operation that the current request begins.
    pub course: Course,
    /// The id of the operation that the current request began.
    pub begun: Option<String>,
    /// Whether something has changed since it was last written.
    pub changed: bool,
}

impl Cloud {
    /// An empty cloud.
    #[must_use]
    pub fn new(settings: Settings, scenario: Scenario, machines: Box<dyn Machines>) -> Self {
        let owner = random::uuid_of(&settings.client_id);
        Self {
            settings,
            store: Store::default(),
            groups: BTreeMap::new(),
            operations: BTreeMap::new(),
            busy: HashMap::new(),
            principals: BTreeMap::from([(owner, Instant::now())]),
            scenario,
            machines,
            course: Course::default(),
            begun: None,
            changed: false,
        }
    }

    /// The id of a resource group.
    #[must_use]
    pub fn group_id(&self, name: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{name}", self.settings.subscription)
    }

    /// The key that all resources of the subscription begin with.
    #[must_use]
    pub fn root(&self) -> String {
        format!("/subscriptions/{}/", self.settings.subscription).to_ascii_lowercase()
    }

    /// The resource group that a scope names.
    ///
    /// # Errors
    /// When it is not there.
    pub fn group(&self, name: &str) -> Result<&Value> {
        self.groups.get(&name.to_ascii_lowercase()).ok_or_else(|| {
            Failure::new(404, "ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
        })
    }

    /// A new principal, which is not known everywhere at once.
    pub fn new_principal(&mut self) -> String {
        let id = random::uuid();
        self.principals.insert(id.clone(), Instant::now() + self.settings.principal_delay);
        id
    }

    /// Begins an operation on a resource.
    pub fn begin(
        &mut self,
        target: &str,
        shown: Option<String>,
        effect: Effect,
        job: Option<Arc<Job>>,
    ) -> String {
        let course = std::mem::take(&mut self.course);
        let id = random::uuid();
        let latency = course.latency.unwrap_or(self.settings.latency);
        let operation = Operation {
            id: id.clone(),
            target: target.to_owned(),
            shown,
            effect,
            started: SystemTime::now(),
            due: Instant::now() + latency,
            job,
            fault: course.fault,
            outcome: None,
        };
        self.operations.insert(id.clone(), operation);
        self.busy.insert(target.to_owned(), id.clone());
        self.begun = Some(id.clone());
        self.changed = true;
        id
    }

    /// Ends what is to end by now.
    pub fn settle(&mut self) {
        if self.busy.is_empty() {
            return;
        }
        let now = Instant::now();
        let running = self.busy.values().filter_map(|id| self.operations.get(id));
        let mut due: Vec<_> =
            running.filter(|one| one.is_due(now)).map(|one| (one.due, one.id.clone())).collect();
        due.sort();
        for (_, id) in due {
            self.end(&id);
        }
    }

    /// Ends an operation at once.
    pub fn end(&mut self, id: &str) {
        let Some(operation) = self.operations.get(id) else { return };
        let (target, effect) = (operation.target.clone(), operation.effect.clone());
        let failed = operation.job.as_ref().and_then(|job| job.ended()).and_then(std::result::Result::err);
        let fault = operation.fault.clone();
        let fault =
            fault.or_else(|| failed.map(|said| Failure::conflict("OSProvisioningInternalError", said)));
        let outcome = match fault {
            Some(fault) => {
                self.store.change(&target, |value, _| state(value, "Failed"));
                Err(fault)
            }
            None => self.take_effect(&target, &effect),
        };
        self.busy.retain(|_, busy| busy != id);
        self.changed = true;
        if let Some(operation) = self.operations.get_mut(id) {
            operation.outcome = Some((outcome, SystemTime::now()));
        }
    }

    fn take_effect(&mut self, target: &str, effect: &Effect) -> Result<()> {
        match effect {
            Effect::Provisioned => {
                self.store.change(target, |value, _| state(value, "Succeeded"));
                if let Some(resource) = self.store.get(target)
                    && let Some(kind) = kind::find(&resource.id.provider, &resource.id.kind())
                {
                    (kind.provisioned)(self, target);
                }
            }
            Effect::Removed => self.remove(target),
            Effect::PartRemoved(property, name) => self.store.change(target, |value, _| {
                if let Some(parts) =
                    value.pointer_mut(&format!("/properties/{property}")).and_then(Value::as_array_mut)
                {
                    parts.retain(|part| !json::text(part, "/name").eq_ignore_ascii_case(name));
                }
                state(value, "Succeeded");
            }),
            Effect::Power(power) => self.store.change(target, |value, hidden| {
                state(value, "Succeeded");
                hidden["power"] = json!(power);
            }),
            Effect::GroupRemoved => return self.remove_group(target),
        }
        Ok(())
    }

    /// Takes a resource away, with what goes with it.
    pub fn remove(&mut self, target: &str) {
        self.busy.remove(target);
        if let Some(resource) = self.store.remove(target) {
            // What is assigned on it goes with it.
            let prefix = format!("{target}/");
            let within: Vec<_> = self.store.under(&prefix).map(|resource| resource.id.key()).collect();
            within.iter().for_each(|key| drop(self.store.remove(key)));
            if let Some(kind) = kind::find(&resource.id.provider, &resource.id.kind()) {
                (kind.removed)(self, &resource);
            }
        }
    }

    fn remove_group(&mut self, target: &str) -> Result<()> {
        let prefix = format!("{target}/");
        let inside: Vec<String> = self.store.under(&prefix).map(|resource| resource.id.key()).collect();
        for inner in &inside {
            let outside = self.store.users(inner).find(|(_, user)| !user.id.key().starts_with(&prefix));
            if let Some((part, _)) = outside {
                let name = group_of(target).unwrap_or_default();
                if let Some(group) = self.groups.get_mut(&name.to_ascii_lowercase()) {
                    state(group, "Succeeded");
                }
                return Err(Failure::conflict(
                    "ResourceGroupDeletionBlocked",
                    format!("Deletion of resource group '{name}' failed as resources with identifiers '{inner}' could not be deleted. The provisioning state of the resource group will be rolled back."),
                )
                .because("InUse", format!("{inner} is in use by {part}.")));
            }
        }
        // Machines first, so that what they cascade to is there.
        let (machines, rest): (Vec<String>, Vec<String>) =
            inside.into_iter().partition(|key| key.contains("/microsoft.compute/virtualmachines/"));
        machines.iter().chain(&rest).for_each(|key| self.remove(key));
        self.groups.remove(&group_of(target).unwrap_or_default().to_ascii_lowercase());
        Ok(())
    }

    /// A resource as a request shows it.
    #[must_use]
    pub fn shown(&self, resource: &Resource) -> Value {
        let mut value = resource.value.clone();
        if let Some(kind) = kind::find(&resource.id.provider, &resource.id.kind()) {
            if kind.etags {
                let etag = resource.etag();
                for part in kind.parts {
                    for part in json::list_mut(&mut value, &format!("/properties/{part}")) {
                        part["etag"] = json!(etag);
                    }
                }
                value["etag"] = json!(etag);
            }
            (kind.show)(self, resource, &mut value);
        }
        value
    }

    /// The resource that a property names.
    ///
    /// # Errors
    /// When it is not there, as Microsoft.Network says so.
    pub fn referenced(&self, id: &str, by: &ResourceId) -> Result<&Resource> {
        self.store.find(id).ok_or_else(|| {
            Failure::bad(
                "InvalidResourceReference",
                format!("Resource {id} referenced by resource {by} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."),
            )
        })
    }

    /// Whether a resource that is referred to is at rest.
    ///
    /// # Errors
    /// 429, when a write to it goes on.
    pub fn at_rest(&self, resource: &Resource, used: &str, by: &ResourceId) -> Result<()> {
        if !self.busy.contains_key(&resource.id.key()) {
            return Ok(());
        }
        Err(Failure::new(429, "RetryableError", "A retryable error occurred.")
            .because(
                "ReferencedResourceNotProvisioned",
                format!("Cannot proceed with operation because resource {used} used by resource {by} is not in Succeeded state. Resource is in Updating state and the last operation that updated/is updating the resource is {}.", last_operation(resource)),
            )
            .after(self.settings.retry_after.max(1)))
    }

    /// How an operation on this resource is to be followed.
    #[must_use]
    pub fn style(&self, usual: Style) -> Style {
        self.course.style.filter(|_| usual != Style::Synchronous).unwrap_or(usual)
    }

    /// Whether a location is written so; both in any form.
    #[must_use]
    pub fn same_place(one: &str, other: &str) -> bool {
        let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
        plain(one) == plain(other)
    }

    /// The key of a reference at a pointer, if there is one.
    #[must_use]
    pub fn reference(value: &Value, pointer: &str) -> Option<String> {
        let id = json::text(value, pointer);
        (!id.is_empty()).then(|| key(id))
    }
}

fn last_operation(resource: &Resource) -> String {
    let kind = resource.id.kind();
    format!("Put{}{}Operation", kind[..1].to_uppercase(), kind[1..].trim_end_matches('s'))
}

/// Writes the provisioning state of a resource and of its parts.
pub fn state(value: &mut Value, state: &str) {
    json::set(value, "/properties/provisioningState", state);
    let Some(properties) = value["properties"].as_object_mut() else { return };
    for part in properties.values_mut().filter_map(Value::as_array_mut).flatten() {
        if part.pointer("/properties/provisioningState").is_some() {
            json::set(part, "/properties/provisioningState", state);
        }
    }
}
