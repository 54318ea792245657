//! Why a cloud did not do what it was asked for.

use clouder_modules::ModuleError;
use thiserror::Error;

/// A failure of a cloud, or on the way to it.
#[derive(Debug, Error)]
pub enum CloudError {
    /// Who is asking is not known.
    #[error("cannot log in to Azure: {0}")]
    Login(String),
    /// The cloud cannot be reached.
    #[error("cannot reach Azure: {0}")]
    Unreachable(String),
    /// The cloud refused, or what was begun failed.
    #[error("{code}: {message}{}", told(request.as_deref()))]
    Refused {
        /// The status of the answer; 0 for what failed later.
        status: u16,
        /// Azure's word for it.
        code: String,
        /// Azure's message.
        message: String,
        /// The id of the request, which Azure's support asks for.
        request: Option<String>,
    },
    /// It answered what cannot be understood.
    #[error("Azure answered what cannot be understood: {0}")]
    Garbled(String),
    /// It took too long.
    #[error("Azure was not done after {0} seconds")]
    TooLong(u64),
}

fn told(request: Option<&str>) -> String {
    request.map(|id| format!(" (request {id})")).unwrap_or_default()
}

impl CloudError {
    /// Azure's word for what is wrong.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            _ => "",
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match (self, self.code()) {
            (Self::Login(_), _) => {
                "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or log in with `az login`"
            }
            (_, "AuthorizationFailed") => {
                "the identity lacks a role on that scope: a Contributor may make resources"
            }
            (_, "SkuNotAvailable") => {
                "choose another size or zone: `clouder azure sizes` shows which are to be had"
            }
            (_, "QuotaExceeded" | "OperationNotAllowed") => {
                "ask for more cores in the portal, or take fewer or smaller machines"
            }
            (_, "SubscriptionNotFound") => "subscription_id, or AZURE_SUBSCRIPTION_ID, names another one",
            (_, "ResourceGroupNotFound") => "make the resource group first, with azure_rm_resourcegroup",
            _ => return None,
        })
    }
}

impl From<CloudError> for ModuleError {
    fn from(error: CloudError) -> Self {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::new(format!("{error}{hint}")).with("error_code", error.code())
    }
}
