//! `tempfile`: a new file or folder with a name of its own.

use std::path::PathBuf;

use crate::args::{Arguments, Choice};
use crate::module::Doing as _;
use crate::system::attributes;
use crate::{Context, Module, ModuleError, Outcome};

/// Makes a file or folder with a name that nothing has yet, for this user alone. It stays until a task removes it.
#[derive(Arguments)]
pub struct TempfileArgs {
    /// Whether to make a file or a folder.
    #[arg(default = "file")]
    state: State,
    /// The folder to make it in; that of `TMPDIR`, or `/tmp`, unless given.
    path: Option<PathBuf>,
    /// What the name begins with.
    #[arg(default = "ansible.")]
    prefix: String,
    /// What the name ends with.
    #[arg(default = "")]
    suffix: String,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    File,
    Directory,
}

/// The `tempfile` module.
pub struct Tempfile;

impl Module for Tempfile {
    type Args = TempfileArgs;
    const NAME: &'static str = "tempfile";
    const SUMMARY: &'static str = "Makes a file or folder with a name of its own";

    fn run(args: TempfileArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        if context.check {
            let mut outcome =
                Outcome::new(false).message("the name of a new file cannot be foreseen in check mode");
            outcome.skipped = true;
            return Ok(outcome);
        }
        let from_environment = || context.environment.get("TMPDIR").map(PathBuf::from);
        let folder = args.path.or_else(from_environment).unwrap_or_else(std::env::temp_dir);
        let failed = || format!("cannot make a temporary file in {}", folder.display());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&args.prefix).suffix(&args.suffix).rand_bytes(8);
        let path = match args.state {
            State::File => builder.tempfile_in(&folder).doing(failed)?.keep().doing(failed)?.1,
            State::Directory => {
                use std::os::unix::fs::PermissionsExt as _;
                builder.permissions(std::fs::Permissions::from_mode(0o700));
                builder.tempdir_in(&folder).doing(failed)?.keep()
            }
        };
        let mut outcome = Outcome::new(true).with("path", path.to_string_lossy());
        outcome.result.extend(attributes::describe(&path, context)?);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Tempfile;
    use crate::modules::testing::run;

    #[test]
    fn each_run_makes_another() {
        let folder = tempfile::tempdir().unwrap();
        for (state, mode) in [("file", "0600"), ("directory", "0700")] {
            let arguments = json!({"path": folder.path(), "state": state, "prefix": "a", "suffix": ".z"});
            let one = run::<Tempfile>(arguments.clone(), false);
            let other = run::<Tempfile>(arguments.clone(), false);
            assert!(one.changed && one.result["path"] != other.result["path"], "{one:?}");
            let name = std::path::Path::new(one.result["path"].as_str().unwrap());
            assert!(name.exists());
            let name = name.file_name().unwrap().to_string_lossy();
            assert!(name.starts_with('a') && name.ends_with(".z"));
            assert_eq!((&one.result["mode"], &one.result["state"]), (&json!(mode), &json!(state)));
            assert!(run::<Tempfile>(arguments, true).skipped);
        }
        let outcome = run::<Tempfile>(json!({"path": "/no/such"}), false);
        assert!(outcome.failed && outcome.msg.unwrap().contains("/no/such"));
    }
}
