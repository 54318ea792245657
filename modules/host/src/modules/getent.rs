//! `getent`: entries of the host's databases.

use serde_json::{Map, Value, json};

use crate::args::Arguments;
use crate::{Context, Module, ModuleError, Outcome};

/// Looks into a database of the host (users, groups, hosts …) and keeps what it finds as the fact `getent_DATABASE`.
#[derive(Arguments)]
pub struct GetentArgs {
    /// The database: `passwd`, `group`, `hosts`, `services` …
    database: String,
    /// The entry; all of them if nothing is said.
    key: Option<String>,
    /// Where to look, if not in the usual place.
    service: Option<String>,
    /// What stands between fields; a colon in databases of accounts, blanks elsewhere.
    split: Option<String>,
    /// Whether an entry that is not there is a failure.
    #[arg(default = "true")]
    fail_key: bool,
}

/// The `getent` module.
pub struct Getent;

impl Module for Getent {
    type Args = GetentArgs;
    const NAME: &'static str = "getent";
    const SUMMARY: &'static str = "Looks into the host's databases";

    fn run(args: GetentArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let mut command = context.tool("getent");
        if let Some(service) = &args.service {
            command = command.arguments(["-s", service]);
        }
        let finished = command.argument(&args.database).arguments(&args.key).run()?;
        let mut found = Map::new();
        match finished.code() {
            0 => {
                let accounts = ["passwd", "shadow", "group", "gshadow"].contains(&args.database.as_str());
                let separator = args.split.clone().or_else(|| accounts.then(|| ":".to_owned()));
                for line in finished.out().lines() {
                    let fields: Vec<String> = match &separator {
                        Some(separator) => line.split(separator.as_str()).map(str::to_owned).collect(),
                        None => line.split_whitespace().map(str::to_owned).collect(),
                    };
                    if let Some((key, rest)) = fields.split_first() {
                        found.insert(key.clone(), json!(rest));
                    }
                }
            }
            1 => {
                return Err(ModuleError::new(format!(
                    "Missing arguments, or database {} unknown.",
                    args.database
                )));
            }
            2 if args.fail_key => {
                return Err(ModuleError::new("One or more supplied key could not be found in the database."));
            }
            2 => {
                found.insert(args.key.clone().unwrap_or_default(), Value::Null);
            }
            3 => return Err(ModuleError::new("Enumeration not supported on this database.")),
            _ => return Err(finished.failure("getent failed")),
        }
        let mut outcome = Outcome::new(false);
        outcome.ansible_facts.insert(format!("getent_{}", args.database), Value::Object(found));
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Getent;
    use crate::modules::testing::run;

    #[test]
    fn users_are_found_and_missing_ones_told() {
        let outcome = run::<Getent>(json!({"database": "passwd", "key": "root"}), false);
        assert_eq!(outcome.ansible_facts["getent_passwd"]["root"][1], "0");
        assert!(run::<Getent>(json!({"database": "passwd", "key": "nobody-at-all"}), false).failed);
    }
}
