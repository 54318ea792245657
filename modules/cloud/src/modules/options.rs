//! Arguments that many modules share.

use std::collections::BTreeMap;

use clouder_modules::ModuleError;
use clouder_modules::args::{Arguments, Choice};
use serde_json::{Map, Value};

use super::CloudContext;
use super::resource::{Resource, location};
use crate::azure::Given;

/// Who asks, and where; what is not said here comes from the environment.
#[derive(Arguments, Clone, Debug, Default)]
pub struct AzureOptions {
    /// The subscription; else AZURE_SUBSCRIPTION_ID.
    subscription_id: Option<String>,
    /// The tenant; else AZURE_TENANT or AZURE_TENANT_ID.
    tenant: Option<String>,
    /// The application that asks; else AZURE_CLIENT_ID.
    client_id: Option<String>,
    /// Its secret; else AZURE_SECRET or AZURE_CLIENT_SECRET.
    #[arg(secret)]
    secret: Option<String>,
    /// A profile of ~/.azure/credentials; else AZURE_PROFILE.
    profile: Option<String>,
    /// How to log in: auto, env, msi, cli or credential_file; else ANSIBLE_AZURE_AUTH_SOURCE.
    auth_source: Option<String>,
    /// AzureCloud, AzureUSGovernment or AzureChinaCloud; else AZURE_CLOUD_ENVIRONMENT.
    cloud_environment: Option<String>,
}

impl AzureOptions {
    pub(super) fn given(&self, endpoint: Option<&str>) -> Given {
        Given {
            subscription: self.subscription_id.clone(),
            tenant: self.tenant.clone(),
            client_id: self.client_id.clone(),
            secret: self.secret.clone(),
            profile: self.profile.clone(),
            source: self.auth_source.clone(),
            environment: self.cloud_environment.clone(),
            endpoint: endpoint.map(str::to_owned),
        }
    }
}

/// Whether a resource should be there.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It should.
    Present,
    /// It should not.
    Absent,
}

/// A resource of a resource group: which one, and where it should be.
#[derive(Arguments)]
pub struct ResourceOptions {
    /// The resource group it is in.
    pub(super) resource_group: String,
    /// Its name.
    pub(super) name: String,
    /// The region; that of the resource group if none is named.
    location: Option<String>,
    /// Whether it should be there.
    #[arg(default = "present")]
    pub(super) state: State,
    /// Tags.
    #[arg(flatten)]
    pub(super) tags: TagOptions,
}

impl ResourceOptions {
    /// The resource; `kind` is `Microsoft.Network/virtualNetworks`.
    pub(super) fn resource<'a>(
        &self,
        context: &'a CloudContext,
        kind: &str,
        version: &'static str,
    ) -> Resource<'a> {
        Resource::of_group(context, &self.resource_group, kind, &self.name, version)
    }

    /// The region it should be in.
    pub(super) async fn place(
        &self,
        context: &CloudContext,
        current: Option<&Value>,
    ) -> Result<String, ModuleError> {
        location(context, self.location.as_deref(), current, &self.resource_group).await
    }
}

/// Tags of a resource.
#[derive(Arguments, Clone, Debug, Default)]
pub struct TagOptions {
    /// Tags.
    tags: Option<BTreeMap<String, String>>,
    /// Keep tags that are not named here.
    #[arg(default = "true")]
    append_tags: bool,
}

impl TagOptions {
    /// Puts the tags into what is wanted; those that are there already are kept, unless that is not asked for.
    pub(super) fn put(&self, wanted: &mut Value, current: Option<&Value>) {
        let Some(own) = &self.tags else { return };
        let mut tags = match current.and_then(|current| current["tags"].as_object()) {
            Some(there) if self.append_tags => there.clone(),
            _ => Map::new(),
        };
        tags.extend(own.iter().map(|(name, value)| (name.clone(), value.clone().into())));
        wanted["tags"] = tags.into();
    }
}
