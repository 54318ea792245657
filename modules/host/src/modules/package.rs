//! `package`: packages, whatever manages them.

use serde_json::{Map, Value};

use super::apt::Apt;
use crate::args::Arguments;
use crate::{Context, Module, ModuleError, Outcome};

/// Installs and removes packages with the host's own package manager.
#[derive(Arguments)]
pub struct PackageArgs {
    /// Packages.
    #[arg(alias = "pkg")]
    name: Vec<String>,
    /// `present`, `absent`, `latest`.
    state: String,
    /// Which package manager; the host's own if nothing is said.
    #[arg(name = "use", default = "auto")]
    manager: String,
    /// Fetch the lists of packages first.
    update_cache: Option<bool>,
    /// Seconds the lists stay good.
    cache_valid_time: Option<u64>,
    /// Remove configuration files, too.
    purge: Option<bool>,
    /// Remove packages that are needed no more.
    autoremove: Option<bool>,
    /// Install what packages recommend.
    install_recommends: Option<bool>,
    /// Install an older version than there is.
    allow_downgrade: Option<bool>,
    /// Go on in spite of warnings.
    force: Option<bool>,
}

/// The `package` module.
pub struct Package;

impl Module for Package {
    type Args = PackageArgs;
    const NAME: &'static str = "package";
    const SUMMARY: &'static str = "Manages packages with the host's own package manager";

    fn run(args: PackageArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        match manager(&args.manager, context) {
            Some("apt") => through_apt(&args, context),
            Some(other) => {
                Err(ModuleError::new(format!("clouder manages packages with apt; this host has {other}")))
            }
            None => Err(ModuleError::new("this host has no package manager that is known")),
        }
    }
}

fn manager(asked: &str, context: &Context) -> Option<&'static str> {
    let known = ["apt", "dnf", "yum", "zypper", "apk", "pacman"];
    if asked != "auto" {
        return known.into_iter().find(|name| asked.ends_with(name));
    }
    let program = |name: &str| if name == "apt" { "apt-get".to_owned() } else { name.to_owned() };
    known.into_iter().find(|name| context.find_program(&program(name)).is_some())
}

fn through_apt(args: &PackageArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
    let mut given = Map::new();
    given.insert("name".to_owned(), args.name.clone().into());
    given.insert("state".to_owned(), args.state.as_str().into());
    let flags = [
        ("update_cache", args.update_cache),
        ("purge", args.purge),
        ("autoremove", args.autoremove),
        ("install_recommends", args.install_recommends),
        ("allow_downgrade", args.allow_downgrade),
        ("force", args.force),
    ];
    given.extend(
        flags
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), Value::from(value)))),
    );
    given.extend(args.cache_valid_time.map(|seconds| ("cache_valid_time".to_owned(), Value::from(seconds))));
    let read = <Apt as Module>::Args::read(given).map_err(|error| ModuleError::new(error.to_string()))?;
    Apt::run(read, context)
}
