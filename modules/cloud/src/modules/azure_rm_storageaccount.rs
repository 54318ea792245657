//! `azure_rm_storageaccount`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::options::{ResourceOptions, State};
use super::resource::set;
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes an account of storage.
#[derive(Arguments)]
pub struct StorageAccountArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// How often and where data is kept: Standard_LRS, Premium_LRS, Standard_ZRS …; needed for a new one.
    #[arg(alias = "type")]
    account_type: Option<String>,
    /// Storage, StorageV2, BlobStorage, BlockBlobStorage or FileStorage; Storage for a new one if nothing is said.
    kind: Option<String>,
    /// Hot or Cool.
    access_tier: Option<String>,
    /// Whether only encrypted connections are let in. NFS shares need it to be no.
    https_only: Option<bool>,
    /// The oldest encryption of connections: TLS1_0, TLS1_1, TLS1_2.
    minimum_tls_version: Option<String>,
    /// Whether blobs may be made public.
    allow_blob_public_access: Option<bool>,
    /// Whether keys of the account let in.
    allow_shared_key_access: Option<bool>,
    /// Whether it may be copied to accounts of other tenants.
    allow_cross_tenant_replication: Option<bool>,
    /// Whether the portal asks with the identity of who looks.
    default_to_o_auth_authentication: Option<bool>,
    /// Whether blobs are in folders.
    is_hns_enabled: Option<bool>,
    /// Whether blobs are served by NFS.
    enable_nfs_v3: Option<bool>,
    /// Whether file shares may be large: Enabled or Disabled.
    large_file_shares_state: Option<String>,
    /// Whether it is reached from public networks: Enabled or Disabled.
    public_network_access: Option<String>,
    /// Who is let in: a mapping of `default_action`, `bypass`, `ip_rules` (mappings of `value`), `virtual_network_rules` (mappings
    /// of `id`, the subnet).
    network_acls: Option<Map<String, Value>>,
}

/// The module.
pub struct StorageAccount;

impl CloudModule for StorageAccount {
    type Args = StorageAccountArgs;
    const NAME: &'static str = "azure_rm_storageaccount";
    const SUMMARY: &'static str = "Makes, changes and deletes accounts of storage in Azure";

    async fn run(args: StorageAccountArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let _group = &args.what.resource_group;
        let account = args.what.resource(context, "Microsoft.Storage/storageAccounts", "2023-05-01");
        if args.what.state == State::Absent {
            return account.remove().await;
        }
        let current = account.get().await?;
        let current = current.as_ref();
        if current.is_none() && args.account_type.is_none() {
            return Err(ModuleError::new("a new account of storage needs `account_type`"));
        }
        let place = args.what.place(context, current).await?;
        let mut wanted = json!({"location": place, "properties": {}});
        set(&mut wanted, &["sku", "name"], args.account_type);
        set(&mut wanted, &["kind"], args.kind.or_else(|| current.is_none().then(|| "Storage".to_owned())));
        for (field, flag) in [
            ("supportsHttpsTrafficOnly", args.https_only),
            ("allowBlobPublicAccess", args.allow_blob_public_access),
            ("allowSharedKeyAccess", args.allow_shared_key_access),
            ("allowCrossTenantReplication", args.allow_cross_tenant_replication),
            ("defaultToOAuthAuthentication", args.default_to_o_auth_authentication),
            ("isHnsEnabled", args.is_hns_enabled),
            ("isNfsV3Enabled", args.enable_nfs_v3),
        ] {
            set(&mut wanted, &["properties", field], flag);
        }
        for (field, text) in [
            ("accessTier", args.access_tier),
            ("minimumTlsVersion", args.minimum_tls_version),
            ("largeFileSharesState", args.large_file_shares_state),
            ("publicNetworkAccess", args.public_network_access),
        ] {
            set(&mut wanted, &["properties", field], text);
        }
        set(&mut wanted, &["properties", "networkAcls"], args.network_acls.as_ref().map(let_in).transpose()?);
        args.what.tags.put(&mut wanted, current);
        Ok(account.amend(current, &wanted).await?.outcome())
    }
}

/// Who is let in, as Azure has it.
fn let_in(given: &Map<String, Value>) -> Result<Value, ModuleError> {
    let mut rules = json!({"bypass": "AzureServices", "defaultAction": "Allow"});
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let allowed = |key: &str| -> Value {
            let all = value.as_array().into_iter().flatten();
            all.map(|rule| json!({key: rule[key], "action": "Allow"})).collect()
        };
        match name.as_str() {
            "bypass" => rules["bypass"] = value.clone(),
            "default_action" => rules["defaultAction"] = value.clone(),
            "ip_rules" => rules["ipRules"] = allowed("value"),
            "virtual_network_rules" => rules["virtualNetworkRules"] = allowed("id"),
            other => return Err(ModuleError::new(format!("`network_acls` has no `{other}`"))),
        }
    }
    Ok(rules)
}
