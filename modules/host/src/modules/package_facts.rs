//! `package_facts`: which packages are installed.

use serde_json::{Map, Value, json};

use crate::args::Arguments;
use crate::system::dpkg::Packages;
use crate::{Context, Module, ModuleError, Outcome};

/// Gathers installed packages, as the fact `packages`: lists of versions by name.
#[derive(Arguments)]
pub struct PackageFactsArgs {
    /// Whose packages; `auto` and `apt` are known.
    #[arg(default = "auto")]
    manager: Vec<String>,
    /// `first` or `all` of the managers found.
    #[arg(default = "first")]
    strategy: String,
}

/// The `package_facts` module.
pub struct PackageFacts;

impl Module for PackageFacts {
    type Args = PackageFactsArgs;
    const NAME: &'static str = "package_facts";
    const SUMMARY: &'static str = "Gathers which packages are installed";

    fn run(args: PackageFactsArgs, _context: &mut Context) -> Result<Outcome, ModuleError> {
        // One manager is known, so the first is all.
        let _ = args.strategy;
        if !args.manager.iter().any(|manager| matches!(manager.as_str(), "auto" | "apt")) {
            return Err(ModuleError::new(format!(
                "clouder gathers packages of apt, not of {}",
                args.manager.join(", ")
            )));
        }
        let packages = Packages::read()?;
        let mut facts: Map<String, Value> = Map::new();
        for package in packages.iter().filter(|package| package.is_installed()) {
            let (category, section) =
                package.section.split_once('/').unwrap_or(("", package.section.as_str()));
            let category = if category.is_empty() { section } else { category };
            let entry = json!({
                "name": package.name,
                "version": package.version,
                "arch": package.architecture,
                "category": category,
                "origin": "",
                "source": "apt",
            });
            match facts.entry(&package.name).or_insert_with(|| json!([])) {
                Value::Array(entries) => entries.push(entry),
                _ => continue,
            }
        }
        let mut outcome = Outcome::new(false);
        outcome.ansible_facts.insert("packages".to_owned(), Value::Object(facts));
        Ok(outcome)
    }
}
