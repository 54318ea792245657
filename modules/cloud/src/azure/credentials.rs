//! Logging in: a client secret, a federated token, a managed identity, or the Azure CLI, the first that is there.

use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::ClientOptions;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::Account;
use crate::CloudError;

/// What gives tokens to an account.
pub(super) fn credential(
    account: &Account,
    options: ClientOptions,
) -> Result<Arc<dyn TokenCredential>, CloudError> {
    let told = |error: azure_core::Error| CloudError::Login(error.to_string());
    let source = account.source.as_deref().unwrap_or("auto");
    let is = |name: &str| source == "auto" || source == name;
    let options = authority(account, options);
    if let (Some(tenant), Some(client), Some(secret), true) =
        (&account.tenant, &account.client_id, &account.secret, is("env") || source == "credential_file")
    {
        let options = ClientSecretCredentialOptions { client_options: options };
        let secret = Secret::new(secret.clone());
        return Ok(ClientSecretCredential::new(tenant, client.clone(), secret, Some(options)).map_err(told)?);
    }
    if std::env::var_os("AZURE_FEDERATED_TOKEN_FILE").is_some() && is("env") {
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options: options },
            client_id: account.client_id.clone(),
            tenant_id: account.tenant.clone(),
            ..Default::default()
        };
        return Ok(WorkloadIdentityCredential::new(Some(options)).map_err(told)?);
    }
    let has_identity =
        ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"].iter().any(|name| std::env::var_os(name).is_some());
    if source == "msi" || (source == "auto" && has_identity) {
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: account.client_id.clone().map(UserAssignedId::ClientId),
            client_options: options,
        };
        return Ok(ManagedIdentityCredential::new(Some(options)).map_err(told)?);
    }
    if is("cli") {
        let options = AzureCliCredentialOptions { tenant_id: account.tenant.clone(), ..Default::default() };
        return Ok(AzureCliCredential::new(Some(options)).map_err(told)?);
    }
    Err(CloudError::Login(match source {
        "env" | "credential_file" => "tenant, client_id and secret are needed together".to_owned(),
        other => {
            format!("there is no way `{other}` to log in; known are auto, env, msi, cli and credential_file")
        }
    }))
}

/// The options with the origin that gives tokens. One that is this machine may speak http, which azure_identity refuses: it is
/// told https, and what sends requests knows better.
fn authority(account: &Account, options: ClientOptions) -> ClientOptions {
    let host = account.authority.clone().unwrap_or_else(|| account.environment.authority().to_owned());
    let host = host.replacen("http://", "https://", 1);
    let mut custom = CustomConfiguration::default();
    custom.authority_host = host;
    ClientOptions { cloud: Some(Arc::new(CloudConfiguration::Custom(custom))), ..options }
}
