//! `dpkg_selections`: what dpkg may do with a package.

use crate::args::{Arguments, Choice};
use crate::system::dpkg::Packages;
use crate::{Context, Module, ModuleError, Outcome};

/// Holds packages, so that upgrades leave them alone, or lets them go again.
#[derive(Arguments)]
pub struct DpkgSelectionsArgs {
    /// The package.
    name: String,
    /// What dpkg may do with it.
    selection: Selection,
}

/// What dpkg may do with a package.
#[derive(Choice, Clone, Copy)]
pub enum Selection {
    /// Keep it and upgrade it.
    Install,
    /// Leave it alone.
    Hold,
    /// Remove it, but not its configuration.
    Deinstall,
    /// Remove it and its configuration.
    Purge,
}

impl Selection {
    fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Hold => "hold",
            Self::Deinstall => "deinstall",
            Self::Purge => "purge",
        }
    }
}

/// The `dpkg_selections` module.
pub struct DpkgSelections;

impl Module for DpkgSelections {
    type Args = DpkgSelectionsArgs;
    const NAME: &'static str = "dpkg_selections";
    const SUMMARY: &'static str = "Holds packages and lets them go";

    fn run(args: DpkgSelectionsArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let packages = Packages::read()?;
        let before = packages.find(&args.name).map_or("not present", |package| package.selection.as_str());
        let after = args.selection.word();
        let outcome = Outcome::new(before != after).with("before", before).with("after", after);
        if outcome.changed && !context.check {
            if packages.find(&args.name).is_none() {
                return Err(ModuleError::new(format!(
                    "Failed to find package '{}' to perform selection '{after}'.",
                    args.name
                )));
            }
            let line = format!("{} {after}\n", args.name);
            context.tool("dpkg").argument("--set-selections").input(line).succeed()?;
        }
        Ok(outcome)
    }
}
