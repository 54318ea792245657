//! `azure_rm_resource`.

use clouder_modules::args::{Arguments, Choice};
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::compare::{differs, overlaid};
use super::options::State;
use super::resource::absolute;
use super::{CloudContext, CloudModule};

/// Makes, changes, deletes or asks for a resource of any type, with the body that Azure's REST reference tells.
#[derive(Arguments)]
pub struct ResourceArgs {
    /// Which one.
    #[arg(flatten)]
    which: ResourcePath,
    /// How to ask for it.
    #[arg(default = "PUT")]
    method: Method,
    /// What it should be.
    body: Option<Map<String, Value>>,
    /// Ask for it only when it is not yet what it should be.
    #[arg(default = "true")]
    idempotency: bool,
    /// Whether it should be there.
    #[arg(default = "present")]
    state: State,
}

/// Tells of a resource of any type, or of all of a type.
#[derive(Arguments)]
#[arguments(one_of("url", "resource_type"), exclusive("url", "resource_type"))]
pub struct ResourcePath {
    /// The path of the resource, from `/subscriptions` on.
    url: Option<String>,
    /// The resource group it is in.
    resource_group: Option<String>,
    /// The provider of its type: `Network` or `Microsoft.Network`.
    provider: Option<String>,
    /// Its type: `virtualNetworks`.
    resource_type: Option<String>,
    /// Its name.
    resource_name: Option<String>,
    /// What leads on from there: mappings of `type` and `name`.
    #[arg(default = "")]
    subresource: Vec<Map<String, Value>>,
    /// The version of the interface.
    pub(super) api_version: String,
}

/// How to ask.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
enum Method {
    #[choice(alias = "GET")]
    Get,
    #[choice(alias = "PUT")]
    Put,
    #[choice(alias = "POST")]
    Post,
    #[choice(alias = "PATCH")]
    Patch,
    #[choice(alias = "DELETE")]
    Delete,
}

/// The module.
pub struct Resource;

impl CloudModule for Resource {
    type Args = ResourceArgs;
    const NAME: &'static str = "azure_rm_resource";
    const SUMMARY: &'static str = "Makes, changes and deletes resources of Azure of any type";

    async fn run(args: ResourceArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let (path, version, cloud) =
            (args.which.path(context)?, args.which.api_version.as_str(), &context.cloud);
        let absent = args.state == State::Absent || args.method == Method::Delete;
        if args.method == Method::Post {
            let answer = if context.check {
                Value::Null
            } else {
                cloud.post(&path, version, args.body.map(Value::from).as_ref()).await?
            };
            return Ok(Outcome::new(true).with("response", answer));
        }
        let current = cloud.get(&path, version).await?;
        if args.method == Method::Get {
            return Ok(Outcome::new(false).with("response", current.unwrap_or_default()));
        }
        if absent {
            if current.is_some() && !context.check {
                cloud.delete(&path, version).await?;
            }
            return Ok(Outcome::new(current.is_some()).with("response", Value::Null));
        }
        let wanted = Value::from(args.body.unwrap_or_default());
        if let Some(current) =
            current.as_ref().filter(|current| args.idempotency && !differs(current, &wanted))
        {
            return Ok(Outcome::new(false).with("response", current.clone()));
        }
        let answer = match (context.check, args.method) {
            (true, _) => overlaid(&current.unwrap_or(json!({})), &wanted),
            (false, Method::Patch) => cloud.patch(&path, version, &wanted).await?,
            (false, _) => cloud.put(&path, version, &wanted).await?,
        };
        Ok(Outcome::new(true).with("response", answer))
    }
}

impl ResourcePath {
    /// The path of the resource.
    pub(super) fn path(&self, context: &CloudContext) -> Result<String, ModuleError> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        let mut path = match &self.resource_group {
            Some(group) => absolute(context, &format!("resourceGroups/{group}")),
            None => format!("/subscriptions/{}", context.cloud.subscription()),
        };
        if let Some(provider) = &self.provider {
            let full =
                if provider.contains('.') { provider.clone() } else { format!("Microsoft.{provider}") };
            path = format!("{path}/providers/{full}");
        }
        let mut add = |kind: Option<&str>, name: Option<&str>| {
            for part in [kind, name].into_iter().flatten() {
                path = format!("{path}/{part}");
            }
        };
        add(self.resource_type.as_deref(), self.resource_name.as_deref());
        for part in &self.subresource {
            let text = |name: &str| part.get(name).and_then(Value::as_str);
            if text("type").is_none() {
                return Err(ModuleError::new("each of `subresource` needs a `type`"));
            }
            add(text("type"), text("name"));
        }
        Ok(path)
    }
}
