//! `checkpoint_image`: archives of checkpointed containers as images that a container can be restored from.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::group::State;
use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::checkpoint::Checkpoint;
use crate::system::checksum::Algorithm;
use crate::system::command::Command;
use crate::system::oci::Image;
use crate::{Context, Module, ModuleError, Outcome};

/// Where Kubernetes' images are in containerd.
const NAMESPACE: &str = "k8s.io";

/// Makes an archive of a checkpointed container an image in containerd, from which Kubernetes restores the container, or removes
/// such an image. The image has the archive as its only layer; it goes into containerd directly, and no further file is made.
#[derive(Arguments)]
pub struct CheckpointImageArgs {
    /// The archive; its image goes by the name that `checkpoint_info` tells.
    path: Option<PathBuf>,
    /// The name of an image that is to be removed.
    name: Option<String>,
    /// The SHA-256 that the archive must have.
    sha256: Option<String>,
    /// The socket of containerd.
    #[arg(default = "/run/containerd/containerd.sock")]
    address: PathBuf,
    /// Whether the image is there.
    #[arg(default = "present")]
    state: State,
}

/// The `checkpoint_image` module.
pub struct CheckpointImage;

impl Module for CheckpointImage {
    type Args = CheckpointImageArgs;
    const NAME: &'static str = "checkpoint_image";
    const SUMMARY: &'static str = "Makes archives of checkpointed containers images to restore them from";

    fn run(args: CheckpointImageArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let containerd = Containerd { address: args.address };
        match (args.state, args.path, args.name) {
            (State::Present, Some(path), None) => {
                present(&path, args.sha256.as_deref(), &containerd, context)
            }
            (State::Absent, None, Some(name)) => absent(&name, &containerd, context),
            (State::Present, ..) => Err(ModuleError::new("state present takes path, and no name")),
            (State::Absent, ..) => Err(ModuleError::new("state absent takes name, and no path")),
        }
    }
}

fn present(
    path: &Path,
    wanted: Option<&str>,
    containerd: &Containerd,
    context: &Context,
) -> Result<Outcome, ModuleError> {
    let told = || format!("cannot read {}", path.display());
    let checkpoint = Checkpoint::read(path).doing(told)?;
    let sum = Algorithm::Sha256.of_file(path).doing(told)?;
    if let Some(wanted) = wanted.filter(|wanted| !wanted.eq_ignore_ascii_case(&sum)) {
        return Err(ModuleError::new(format!(
            "{} is not what it was: its SHA-256 is {sum}, and should be {wanted}",
            path.display()
        )));
    }
    let name = checkpoint.image_name();
    let annotations = json!({
        "org.criu.checkpoint.container.name": checkpoint.container,
        "org.criu.checkpoint.pod.name": checkpoint.pod,
        "org.criu.checkpoint.pod.namespace": checkpoint.namespace,
        "org.criu.checkpoint.rootfsImageName": checkpoint.image,
    });
    let image = Image::new(&name, path, &sum, &annotations).doing(told)?;
    let changed = containerd.find(&name, context)?.as_deref() != Some(image.digest().as_str());
    let outcome = Outcome::new(changed).with("name", name).with("digest", image.digest()).with("sha256", sum);
    if changed && !context.check {
        let import = containerd.command(&["images", "import", "-"], context);
        import.input_by(move |pipe| image.write(pipe)).succeed()?;
    }
    Ok(outcome)
}

fn absent(name: &str, containerd: &Containerd, context: &Context) -> Result<Outcome, ModuleError> {
    let changed = containerd.find(name, context)?.is_some();
    if changed && !context.check {
        containerd.command(&["images", "remove", "--sync", name], context).succeed()?;
    }
    Ok(Outcome::new(changed).with("name", name))
}

/// containerd, asked through its own client.
struct Containerd {
    address: PathBuf,
}

impl Containerd {
    fn command(&self, words: &[&str], context: &Context) -> Command {
        context
            .tool("ctr")
            .argument("--address")
            .argument(&self.address)
            .arguments(["--namespace", NAMESPACE])
            .arguments(words)
    }

    /// The digest of the image of a name.
    fn find(&self, name: &str, context: &Context) -> Result<Option<String>, ModuleError> {
        let listed = self.command(&["images", "list", &format!("name=={name}")], context).succeed()?;
        let out = listed.out();
        let mut words = out.lines().map(str::split_whitespace);
        Ok(words.find_map(|mut words| {
            (words.next() == Some(name)).then(|| words.nth(1).unwrap_or_default().to_owned())
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::{Value, json};

    use super::CheckpointImage;
    use crate::modules::testing::{context, folder, run_in};
    use crate::system::checkpoint::example;
    use crate::{Context, Outcome};

    /// A client that keeps what is imported in a folder, as one image.
    const CTR: &str = r#"#!/bin/sh
[ "$1 $2 $3 $4" = "--address /run/x.sock --namespace k8s.io" ] || exit 9
shift 4
case "$1 $2" in
"images import") cat >"$STORE/image.tar"; tar -xOf "$STORE/image.tar" index.json >"$STORE/index.json";;
"images list")
  echo "REF TYPE DIGEST SIZE PLATFORMS LABELS"
  [ ! -e "$STORE/index.json" ] || sed 's/.*"digest":"\([^"]*\)".*image.name":"\([^"]*\)".*/\2 type \1 1 linux -/' "$STORE/index.json";;
"images remove") rm "$STORE/index.json";;
*) exit 8;;
esac
"#;

    fn machine(path: &std::path::Path) -> Context {
        let client = path.join("ctr");
        std::fs::write(&client, CTR).unwrap();
        std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut context = context();
        let search = format!("{}:{}", path.display(), std::env::var("PATH").unwrap());
        context.environment.insert("PATH".to_owned(), search);
        context.environment.insert("STORE".to_owned(), path.display().to_string());
        context
    }

    fn ran(mut arguments: Value, check: bool, context: &mut Context) -> Outcome {
        arguments["address"] = "/run/x.sock".into();
        context.check = check;
        run_in::<CheckpointImage>(arguments, context)
    }

    #[test]
    fn an_archive_becomes_an_image_once_and_goes() {
        let (_folder, path) = folder();
        let archive = example(&path);
        let mut context = machine(&path);
        let wanted = json!({"path": archive});
        for (check, changed) in [(true, true), (false, true), (false, false), (true, false)] {
            let outcome = ran(wanted.clone(), check, &mut context);
            assert_eq!((outcome.failed, outcome.changed), (false, changed), "{outcome:?}");
        }
        let index: Value = serde_json::from_slice(&std::fs::read(path.join("index.json")).unwrap()).unwrap();
        let name = "localhost/clouder-checkpoint/default/web/counter:2026-11-27t03-09-44-5z";
        assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], name);
        for (check, changed) in [(true, true), (false, true), (false, false)] {
            let outcome = ran(json!({"name": name, "state": "absent"}), check, &mut context);
            assert_eq!((outcome.failed, outcome.changed), (false, changed), "{outcome:?}");
        }
    }

    #[test]
    fn another_archive_than_the_one_meant_is_refused() {
        let (_folder, path) = folder();
        let archive = example(&path);
        let mut context = machine(&path);
        let outcome = ran(json!({"path": archive, "sha256": "00"}), false, &mut context);
        assert!(
            outcome.failed && outcome.msg.as_ref().unwrap().contains("is not what it was"),
            "{outcome:?}"
        );
        assert!(!path.join("index.json").exists());
        for wrong in
            [json!({"name": "x"}), json!({"path": "x", "state": "absent"}), json!({"path": "/no/such"})]
        {
            assert!(ran(wrong, false, &mut context).failed);
        }
    }
}
