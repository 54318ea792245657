//! Who asks, and where: arguments of a task, the environment, a profile of `~/.azure/credentials`, in this order.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use crate::CloudError;

/// An account of Azure. Its secrets do not show.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Account {
    /// The subscription.
    pub subscription: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The application that asks.
    pub client_id: Option<String>,
    /// Its secret.
    pub secret: Option<String>,
    /// Which way to log in, if not the first one that is there: `env`, `msi`, `cli`, `credential_file`, `auto`.
    pub source: Option<String>,
    /// Which Azure.
    pub environment: CloudEnvironment,
    /// The origin of the resource manager, if it is not that environment's.
    pub endpoint: Option<String>,
    /// The origin that gives tokens, if it is not that environment's.
    pub authority: Option<String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Account")
            .field("subscription", &self.subscription)
            .field("client_id", &self.client_id)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// Which Azure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CloudEnvironment {
    /// That of everybody.
    #[default]
    Public,
    /// That of the government of the United States.
    UsGovernment,
    /// That in China.
    China,
}

impl CloudEnvironment {
    /// By the name that Azure's tools give it.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn from_name(name: &str) -> Result<Self, CloudError> {
        match name {
            "AzureCloud" | "AzurePublicCloud" => Ok(Self::Public),
            "AzureUSGovernment" => Ok(Self::UsGovernment),
            "AzureChinaCloud" => Ok(Self::China),
            other => Err(CloudError::Login(format!(
                "there is no cloud environment `{other}`; known are AzureCloud, AzureUSGovernment, AzureChinaCloud"
            ))),
        }
    }

    /// The origin of its resource manager.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGovernment => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        }
    }

    /// The origin that gives tokens.
    pub(super) fn authority(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }
}

/// What a task may say of its account itself.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `subscription_id`.
    pub subscription: Option<String>,
    /// `tenant`.
    pub tenant: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `secret`.
    pub secret: Option<String>,
    /// `profile`.
    pub profile: Option<String>,
    /// `auth_source`.
    pub source: Option<String>,
    /// `cloud_environment`.
    pub environment: Option<String>,
    /// The origin of the resource manager, from the command line or settings.
    pub endpoint: Option<String>,
}

impl Account {
    /// The account of a task, what it does not say filled in by the environment and a profile.
    ///
    /// # Errors
    /// When a profile or cloud environment is named that is not there.
    pub fn find(given: Given, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, CloudError> {
        let of =
            |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let source = given.source.or_else(|| of(&["ANSIBLE_AZURE_AUTH_SOURCE"]));
        let profile = given.profile.or_else(|| of(&["AZURE_PROFILE"]));
        let uses_file = source.as_deref() == Some("credential_file") || profile.is_some();
        let saved = match (&profile, uses_file) {
            (Some(name), _) => profile_of(name, variable)?,
            (None, true) => profile_of("default", variable)?,
            (None, false) => HashMap::new(),
        };
        let pick = |given: Option<String>, names: &[&str], key: &str| {
            given.or_else(|| saved.get(key).cloned()).or_else(|| if uses_file { None } else { of(names) })
        };
        let environment = pick(given.environment, &["AZURE_CLOUD_ENVIRONMENT"], "cloud_environment");
        Ok(Self {
            subscription: pick(given.subscription, &["AZURE_SUBSCRIPTION_ID"], "subscription_id"),
            tenant: pick(given.tenant, &["AZURE_TENANT", "AZURE_TENANT_ID"], "tenant"),
            client_id: pick(given.client_id, &["AZURE_CLIENT_ID"], "client_id"),
            secret: pick(given.secret, &["AZURE_SECRET", "AZURE_CLIENT_SECRET"], "secret"),
            source,
            environment: environment
                .as_deref()
                .map_or(Ok(CloudEnvironment::Public), CloudEnvironment::from_name)?,
            endpoint: given.endpoint.or_else(|| of(&["CLOUDER_AZURE_ENDPOINT"])),
            authority: of(&["AZURE_AUTHORITY_HOST"]),
        })
    }
}

/// A section of `~/.azure/credentials`.
fn profile_of(
    name: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<HashMap<String, String>, CloudError> {
    let home = variable("HOME").unwrap_or_else(|| "/".to_owned());
    let path = PathBuf::from(home).join(".azure/credentials");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| CloudError::Login(format!("cannot read {}: {error}", path.display())))?;
    let mut section = None;
    let mut found: Option<HashMap<String, String>> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = Some(heading.trim());
            if section == Some(name) {
                found.get_or_insert_default();
            }
        } else if let (Some((key, value)), true) = (line.split_once('='), section == Some(name)) {
            found.get_or_insert_default().insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    found.ok_or_else(|| CloudError::Login(format!("{} has no profile `{name}`", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(given: Given, variables: &[(&str, &str)]) -> Result<Account, CloudError> {
        let variables: HashMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Account::find(given, &|name| variables.get(name).cloned())
    }

    #[test]
    fn arguments_go_before_the_environment() {
        let given = Given { subscription: Some("own".to_owned()), ..Given::default() };
        let account =
            find(given, &[("AZURE_SUBSCRIPTION_ID", "env"), ("AZURE_TENANT_ID", "t"), ("AZURE_SECRET", "s")])
                .unwrap();
        assert_eq!(account.subscription.as_deref(), Some("own"));
        assert_eq!((account.tenant.as_deref(), account.secret.as_deref()), (Some("t"), Some("s")));
    }

    #[test]
    fn a_profile_is_read_and_a_missing_one_told() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".azure")).unwrap();
        let text = "# mine\n[default]\nsubscription_id=a\n[other]\nsubscription_id = b\nsecret=x\ncloud_environment=AzureChinaCloud\n";
        std::fs::write(home.path().join(".azure/credentials"), text).unwrap();
        let home = home.path().to_str().unwrap();
        let variables = [("HOME", home), ("AZURE_PROFILE", "other"), ("AZURE_SUBSCRIPTION_ID", "env")];
        let account = find(Given::default(), &variables).unwrap();
        assert_eq!(account.subscription.as_deref(), Some("b"));
        assert_eq!(account.environment.endpoint(), "https://management.chinacloudapi.cn");
        let wrong = Given { profile: Some("nobody".to_owned()), ..Given::default() };
        assert!(find(wrong, &[("HOME", home)]).unwrap_err().to_string().contains("has no profile `nobody`"));
    }

    #[test]
    fn secrets_do_not_show() {
        let account = Account { secret: Some("hush".to_owned()), ..Account::default() };
        assert!(!format!("{account:?}").contains("hush"));
    }
}
