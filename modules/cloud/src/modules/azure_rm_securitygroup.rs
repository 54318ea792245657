//! `azure_rm_securitygroup`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::options::{ResourceOptions, State};
use super::resource::NETWORK;
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a network security group and its rules.
#[derive(Arguments)]
pub struct SecurityGroupArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// Its rules: mappings of `name`, `priority`, and as needed `protocol`, `access`, `direction`, `description`,
    /// `source_address_prefix`, `source_port_range`, `destination_address_prefix`, `destination_port_range`, each of the last four
    /// one value or a list.
    #[arg(default = "")]
    rules: Vec<Map<String, Value>>,
    /// Take away rules that are not named.
    #[arg(default = "false")]
    purge_rules: bool,
}

/// The module.
pub struct SecurityGroup;

impl CloudModule for SecurityGroup {
    type Args = SecurityGroupArgs;
    const NAME: &'static str = "azure_rm_securitygroup";
    const SUMMARY: &'static str = "Makes, changes and deletes network security groups of Azure";

    async fn run(args: SecurityGroupArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let kind = "Microsoft.Network/networkSecurityGroups";
        let group = args.what.resource(context, kind, NETWORK);
        if args.what.state == State::Absent {
            return group.remove().await;
        }
        let current = group.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
        let mut rules = args.rules.iter().map(rule).collect::<Result<Vec<Value>, ModuleError>>()?;
        let named = |rules: &[Value], name: &Value| {
            let is = |rule: &Value| {
                rule["name"]
                    .as_str()
                    .zip(name.as_str())
                    .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
            };
            rules.iter().any(is)
        };
        if !args.purge_rules {
            let there = current.and_then(|current| current["properties"]["securityRules"].as_array());
            let kept: Vec<Value> =
                there.into_iter().flatten().filter(|there| !named(&rules, &there["name"])).cloned().collect();
            rules.extend(kept);
        }
        let mut wanted = json!({"location": place, "properties": {"securityRules": rules}});
        args.what.tags.put(&mut wanted, current);
        let change = group.bring(current, &wanted).await?;
        let mut outcome = change.outcome();
        outcome.result["state"]["rules"] = outcome.result["state"]["security_rules"].clone();
        Ok(outcome)
    }
}

/// The parameters of a rule, what Azure calls them, and what they are unless said.
const PARAMETERS: [(&str, &str, &str); 9] = [
    ("description", "description", ""),
    ("protocol", "protocol", "*"),
    ("access", "access", "Allow"),
    ("direction", "direction", "Inbound"),
    ("priority", "priority", ""),
    ("source_port_range", "sourcePortRange", "*"),
    ("destination_port_range", "destinationPortRange", "*"),
    ("source_address_prefix", "sourceAddressPrefix", "*"),
    ("destination_address_prefix", "destinationAddressPrefix", "*"),
];

/// A rule as Azure has it.
fn rule(given: &Map<String, Value>) -> Result<Value, ModuleError> {
    let name =
        given.get("name").and_then(Value::as_str).ok_or_else(|| ModuleError::new("a rule needs a `name`"))?;
    if let Some(strange) =
        given.keys().find(|key| *key != "name" && !PARAMETERS.iter().any(|(own, _, _)| own == key))
    {
        let known: Vec<&str> = PARAMETERS.iter().map(|(own, _, _)| *own).collect();
        return Err(ModuleError::new(format!(
            "the rule {name} has no parameter `{strange}`; known are {}",
            known.join(", ")
        )));
    }
    let mut properties = Map::new();
    for (own, field, usual) in PARAMETERS {
        let value = match given.get(own) {
            None | Some(Value::Null) if usual.is_empty() => continue,
            None | Some(Value::Null) => Value::from(usual),
            Some(value) => value.clone(),
        };
        match value {
            // Of several, Azure has lists of their own.
            Value::Array(items) if field.ends_with("Prefix") || field.ends_with("Range") => {
                let plural =
                    if field.ends_with("Prefix") { format!("{field}es") } else { format!("{field}s") };
                properties.insert(plural, items.iter().map(text).collect());
            }
            Value::Array(_) => {
                return Err(ModuleError::new(format!("`{own}` of the rule {name} is no list")));
            }
            value if own == "priority" => {
                let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
                let number = number.ok_or_else(|| {
                    ModuleError::new(format!("`priority` of the rule {name} must be a number"))
                })?;
                properties.insert(field.to_owned(), number.into());
            }
            value => drop(properties.insert(field.to_owned(), text(&value))),
        }
    }
    if !properties.contains_key("priority") {
        return Err(ModuleError::new(format!("the rule {name} needs a `priority`, from 100 to 4096")));
    }
    Ok(json!({"name": name, "properties": properties}))
}

/// A group that lets in these ports, or those that log in to such a system.
pub(super) fn open_group(os_type: &str, ports: Option<&[String]>, place: &str) -> Value {
    let rule = |name: String, priority: usize, port: &str, description: Option<&str>| {
        let mut rule = json!({"name": name, "properties": {
            "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": priority,
            "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": port,
        }});
        if let Some(description) = description {
            rule["properties"]["description"] = description.into();
        }
        rule
    };
    let rules: Vec<Value> = match ports {
        Some(ports) => {
            (101..).zip(ports).map(|(at, port)| rule(format!("Rule_{at}"), at, port, None)).collect()
        }
        None if os_type.eq_ignore_ascii_case("windows") => vec![
            rule("RDP01".to_owned(), 100, "3389", Some("Allow RDP port 3389")),
            rule("WinRM01".to_owned(), 101, "5986", Some("Allow WinRM HTTPS port 5986")),
        ],
        None => vec![rule("SSH".to_owned(), 100, "22", Some("Allow SSH Access"))],
    };
    json!({"location": place, "properties": {"securityRules": rules}})
}

/// A value as text: ports may be written as numbers.
fn text(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).into()
}
