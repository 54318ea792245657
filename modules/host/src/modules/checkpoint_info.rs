//! `checkpoint_info`: which archives of checkpointed containers there are.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::checkpoint::Checkpoint;
use crate::{Context, Module, ModuleError, Outcome};

/// Lists archives of checkpointed containers, as `checkpoints`: of each its `name`, `path`, `size`, `mode`, `sha256` if that is
/// kept beside it, and what it says of itself: `container`, `pod`, `namespace`, `image`, `base`, `time`, and `image_name`, the
/// image it is made into by `checkpoint_image`. One that cannot be read has an `error` instead.
#[derive(Arguments)]
pub struct CheckpointInfoArgs {
    /// The folder they are in; where there is none, there are no archives.
    #[arg(default = "/var/lib/kubelet/checkpoints")]
    path: PathBuf,
}

/// The `checkpoint_info` module.
pub struct CheckpointInfo;

impl Module for CheckpointInfo {
    type Args = CheckpointInfoArgs;
    const NAME: &'static str = "checkpoint_info";
    const SUMMARY: &'static str = "Lists archives of checkpointed containers";

    fn run(args: CheckpointInfoArgs, _context: &mut Context) -> Result<Outcome, ModuleError> {
        let failed = || format!("cannot read the folder {}", args.path.display());
        let entries = match fs::read_dir(&args.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Outcome::new(false).with("checkpoints", json!([])));
            }
            entries => entries.doing(failed)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.doing(failed)?.path();
            let is_archive = path.extension().is_some_and(|end| end == "tar");
            // What is no file, or has gone meanwhile, is none of ours.
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            if let Some(name) = path.file_name().and_then(|name| name.to_str())
                && is_archive
                && about.is_file()
            {
                found.push(told(name, &path, &about));
            }
        }
        found.sort_by_key(|one| (one["time"].to_string(), one["name"].to_string()));
        Ok(Outcome::new(false).with("checkpoints", Value::Array(found)))
    }
}

fn told(name: &str, path: &Path, about: &fs::Metadata) -> Value {
    let mut one = json!({
        "name": name, "path": path.to_string_lossy(), "size": about.len(), "mode": format!("{:04o}", about.mode() & 0o7777),
        "uid": about.uid(), "sha256": kept_sum(path),
    });
    match Checkpoint::read(path) {
        Ok(checkpoint) => {
            one["image_name"] = checkpoint.image_name().into();
            for (field, value) in [
                ("container", checkpoint.container),
                ("pod", checkpoint.pod),
                ("namespace", checkpoint.namespace),
                ("image", checkpoint.image),
                ("base", checkpoint.base),
                ("time", checkpoint.time),
            ] {
                one[field] = value.into();
            }
        }
        Err(error) => one["error"] = error.to_string().into(),
    }
    one
}

/// The digest that is kept beside an archive, as `sha256sum` writes it.
fn kept_sum(path: &Path) -> Option<String> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sha256");
    let text = fs::read_to_string(beside).ok()?;
    let sum = text.split_whitespace().next()?;
    (sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| sum.to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CheckpointInfo;
    use crate::modules::testing::{folder, run};
    use crate::system::checkpoint::example;

    #[test]
    fn archives_are_listed_with_what_they_are_of() {
        let (_folder, path) = folder();
        let archive = example(&path);
        let name = archive.file_name().unwrap().to_str().unwrap().to_owned();
        let sum = "0123456789abcdef".repeat(4);
        std::fs::write(path.join(format!("{name}.sha256")), format!("{sum}  {name}\n")).unwrap();
        std::fs::write(path.join("broken.tar"), "nonsense").unwrap();
        std::fs::create_dir(path.join("folder.tar")).unwrap();
        let outcome = run::<CheckpointInfo>(json!({"path": path}), false);
        let found = outcome.result["checkpoints"].as_array().unwrap();
        assert_eq!((outcome.changed, found.len()), (false, 2), "{found:?}");
        assert_eq!((&found[0]["pod"], &found[0]["sha256"]), (&json!("web"), &json!(sum)));
        assert_eq!(
            found[0]["image_name"],
            "localhost/clouder-checkpoint/default/web/counter:2026-11-27t03-09-44-5z"
        );
        assert!(found[1]["error"].as_str().unwrap().contains("ends early"), "{found:?}");
    }

    #[test]
    fn without_a_folder_there_are_none() {
        let outcome = run::<CheckpointInfo>(json!({"path": "/no/such/folder"}), true);
        assert!(!outcome.failed);
        assert_eq!(outcome.result["checkpoints"], json!([]));
    }
}
