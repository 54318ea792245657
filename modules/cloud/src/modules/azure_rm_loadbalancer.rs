//! `azure_rm_loadbalancer`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::options::{ResourceOptions, State};
use super::resource::{NETWORK, absolute, capital, reference, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a load balancer. Each list is the whole of what there is of its kind; one that is not named stays.
#[derive(Arguments)]
pub struct LoadBalancerArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// Basic or Standard.
    sku: Option<String>,
    /// Where it is reached: mappings of `name` with `public_ip_address`, or `subnet`, `private_ip_address`,
    /// `private_ip_allocation_method`; `zones`.
    frontend_ip_configurations: Option<Vec<Map<String, Value>>>,
    /// Who answers: mappings of `name`; network interfaces say which of them they belong to.
    backend_address_pools: Option<Vec<Map<String, Value>>>,
    /// How it is seen who can answer: mappings of `name`, `protocol`, `port`, `request_path`, `interval`, `fail_count`.
    probes: Option<Vec<Map<String, Value>>>,
    /// What goes where: mappings of `name`, `frontend_ip_configuration`, `backend_address_pool`, `probe`, `protocol`,
    /// `frontend_port`, `backend_port`, `idle_timeout`, `load_distribution`, `enable_floating_ip`, `enable_tcp_reset`,
    /// `disable_outbound_snat`.
    load_balancing_rules: Option<Vec<Map<String, Value>>>,
    /// What goes to one machine: mappings of `name`, `frontend_ip_configuration`, `protocol`, `frontend_port`, `backend_port`,
    /// `idle_timeout`, `enable_floating_ip`, `enable_tcp_reset`.
    inbound_nat_rules: Option<Vec<Map<String, Value>>>,
    /// How machines reach the internet: mappings of `name`, `frontend_ip_configurations`, `backend_address_pool`, `protocol`,
    /// `allocated_outbound_ports`, `idle_timeout_in_minutes`, `enable_tcp_reset`.
    outbound_rules: Option<Vec<Map<String, Value>>>,
}

/// The module.
pub struct LoadBalancer;

impl CloudModule for LoadBalancer {
    type Args = LoadBalancerArgs;
    const NAME: &'static str = "azure_rm_loadbalancer";
    const SUMMARY: &'static str = "Makes, changes and deletes load balancers of Azure";

    async fn run(args: LoadBalancerArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.what.resource_group;
        let balancer = args.what.resource(context, "Microsoft.Network/loadBalancers", NETWORK);
        if args.what.state == State::Absent {
            return balancer.remove().await;
        }
        let current = balancer.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
        let mut wanted = json!({"location": place, "properties": {}});
        set(&mut wanted, &["sku", "name"], args.sku.as_deref().map(capital));
        let parts = Parts { context, group, id: absolute(context, &balancer.path) };
        for (field, given, translate) in [
            (
                "frontendIPConfigurations",
                args.frontend_ip_configurations,
                (|parts, one| parts.frontend(one)) as Translate,
            ),
            ("backendAddressPools", args.backend_address_pools, |parts, one| parts.pool(one)),
            ("probes", args.probes, |parts, one| parts.probe(one)),
            ("loadBalancingRules", args.load_balancing_rules, |parts, one| parts.rule(one)),
            ("inboundNatRules", args.inbound_nat_rules, |parts, one| parts.inbound(one)),
            ("outboundRules", args.outbound_rules, |parts, one| parts.outbound(one)),
        ] {
            let Some(given) = given else { continue };
            let all = given.iter().map(|one| translate(&parts, one)).collect::<Result<Vec<Value>, _>>()?;
            wanted["properties"][field] = all.into();
        }
        args.what.tags.put(&mut wanted, current);
        Ok(balancer.bring(current, &wanted).await?.outcome())
    }
}

/// What makes Azure's part of a load balancer of a mapping in a playbook.
type Translate = fn(&Parts<'_>, &Map<String, Value>) -> Result<Value, ModuleError>;

/// Parts of a load balancer, which name each other by ids below its own.
struct Parts<'a> {
    context: &'a CloudContext,
    group: &'a str,
    id: String,
}

/// What names a rule has, and Azure's names for them.
const RULE: [(&str, &str); 8] = [
    ("protocol", "protocol"),
    ("frontend_port", "frontendPort"),
    ("backend_port", "backendPort"),
    ("idle_timeout", "idleTimeoutInMinutes"),
    ("load_distribution", "loadDistribution"),
    ("enable_floating_ip", "enableFloatingIP"),
    ("enable_tcp_reset", "enableTcpReset"),
    ("disable_outbound_snat", "disableOutboundSnat"),
];

/// The same for probes.
const PROBE: [(&str, &str); 5] = [
    ("protocol", "protocol"),
    ("port", "port"),
    ("request_path", "requestPath"),
    ("interval", "intervalInSeconds"),
    ("fail_count", "numberOfProbes"),
];

/// The same for outbound rules.
const OUTBOUND: [(&str, &str); 4] = [
    ("protocol", "protocol"),
    ("allocated_outbound_ports", "allocatedOutboundPorts"),
    ("idle_timeout_in_minutes", "idleTimeoutInMinutes"),
    ("enable_tcp_reset", "enableTcpReset"),
];

impl Parts<'_> {
    fn frontend(&self, given: &Map<String, Value>) -> Result<Value, ModuleError> {
        let mut frontend = part(
            given,
            &[("private_ip_address", "privateIPAddress")],
            &["public_ip_address", "subnet", "private_ip_allocation_method", "zones"],
        )?;
        for (name, field, kind) in [
            ("public_ip_address", "publicIPAddress", "Microsoft.Network/publicIPAddresses"),
            ("subnet", "subnet", "Microsoft.Network/virtualNetworks"),
        ] {
            let Some(named) = given.get(name).filter(|named| !named.is_null()) else { continue };
            if name == "subnet" && !named.as_str().unwrap_or_default().starts_with('/') {
                return Err(ModuleError::new(format!("`subnet` of a frontend is an id, not {named}")));
            }
            frontend["properties"][field] = json!({"id": reference(self.context, named, kind, self.group)?});
        }
        let method = given.get("private_ip_allocation_method").filter(|method| !method.is_null());
        set(&mut frontend, &["properties", "privateIPAllocationMethod"], method.cloned());
        set(&mut frontend, &["zones"], given.get("zones").filter(|zones| !zones.is_null()).cloned());
        Ok(frontend)
    }

    fn pool(&self, given: &Map<String, Value>) -> Result<Value, ModuleError> {
        let name = name(given)?;
        Ok(json!({"name": name}))
    }

    fn probe(&self, given: &Map<String, Value>) -> Result<Value, ModuleError> {
        let defaults = [("intervalInSeconds", json!(15)), ("numberOfProbes", json!(3))];
        Ok(with_defaults(part(given, &PROBE, &[])?, defaults))
    }

    fn rule(&self, given: &Map<String, Value>) -> Result<Value, ModuleError> {
        let own = ["frontend_ip_configuration", "backend_address_pool", "probe"];
        let mut rule = part(given, &RULE, &own)?;
        self.link(&mut rule, given, own[0], "frontendIPConfiguration", "frontendIPConfigurations");
        self.link(&mut rule, given, own[1], "backendAddressPool", "backendAddressPools");
        self.link(&mut rule, given, own[2], "probe", "probes");
        let port = rule["properties"]["frontendPort"].clone();
        let defaults = [
            ("protocol", json!("Tcp")),
            ("backendPort", port),
            ("idleTimeoutInMinutes", json!(4)),
            ("loadDistribution", json!("Default")),
        ];
        Ok(with_defaults(rule, defaults))
    }

    fn inbound(&self, given: &Map<String, Value>) -> Result<Value, ModuleError> {
        let mut rule = part(given, &RULE, &["frontend_ip_configuration"])?;
        let name = "frontend_ip_configuration";
        self.link(&mut rule, given, name, "frontendIPConfiguration", "frontendIPConfigurations");
        Ok(with_defaults(rule, [("protocol", json!("Tcp"))]))
    }

    fn outbound(&self, given: &Map<String, Value>) -> Result<Value, ModuleError> {
        let own = ["frontend_ip_configurations", "backend_address_pool"];
        let mut rule = part(given, &OUTBOUND, &own)?;
        let frontends = given.get(own[0]).and_then(Value::as_array).into_iter().flatten();
        let frontends = frontends.filter_map(Value::as_str);
        rule["properties"]["frontendIPConfigurations"] =
            frontends.map(|name| json!({"id": self.below("frontendIPConfigurations", name)})).collect();
        self.link(&mut rule, given, own[1], "backendAddressPool", "backendAddressPools");
        Ok(with_defaults(rule, [("protocol", json!("All"))]))
    }

    /// The id of another part.
    fn below(&self, kind: &str, name: &str) -> String {
        if name.starts_with('/') { name.to_owned() } else { format!("{}/{kind}/{name}", self.id) }
    }

    fn link(&self, rule: &mut Value, given: &Map<String, Value>, key: &str, field: &str, kind: &str) {
        if let Some(name) = given.get(key).and_then(Value::as_str) {
            rule["properties"][field] = json!({"id": self.below(kind, name)});
        }
    }
}

fn name(given: &Map<String, Value>) -> Result<&str, ModuleError> {
    let name = given.get("name").and_then(Value::as_str);
    name.ok_or_else(|| ModuleError::new("each part of a load balancer needs a `name`"))
}

/// A part with its name and properties; what has no name of Azure's is an error, unless it is read elsewhere.
fn part(
    given: &Map<String, Value>,
    names: &[(&str, &str)],
    elsewhere: &[&str],
) -> Result<Value, ModuleError> {
    let part_name = name(given)?;
    let mut part = json!({"name": part_name, "properties": {}});
    for (key, value) in given.iter().filter(|(key, value)| *key != "name" && !value.is_null()) {
        if let Some((_, field)) = names.iter().find(|(own, _)| own == key) {
            part["properties"][*field] = number_or_flag(field, value);
        } else if !elsewhere.contains(&key.as_str()) {
            return Err(ModuleError::new(format!("`{part_name}` has no `{key}` in a load balancer")));
        }
    }
    Ok(part)
}

/// Numbers and flags that a template made texts of, as what they are.
fn number_or_flag(field: &str, value: &Value) -> Value {
    match value.as_str() {
        Some(text)
            if !matches!(field, "protocol" | "requestPath" | "loadDistribution" | "privateIPAddress") =>
        {
            match text.to_ascii_lowercase().as_str() {
                "true" | "yes" => true.into(),
                "false" | "no" => false.into(),
                number => number.parse::<i64>().map_or_else(|_| value.clone(), Value::from),
            }
        }
        _ => value.clone(),
    }
}

fn with_defaults<const N: usize>(mut part: Value, defaults: [(&str, Value); N]) -> Value {
    for (field, default) in defaults {
        if part["properties"][field].is_null() && !default.is_null() {
            part["properties"][field] = default;
        }
    }
    part
}
