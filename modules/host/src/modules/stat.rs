//! `stat`: tells of a file or folder.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use serde_json::{Map, Value, json};

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::checksum::Algorithm;
use crate::system::{file, flags, status};
use crate::{Context, Module, ModuleError, Outcome};

/// Tells of a path on the host what `stat` would, in the result's `stat`; `stat.exists` is false when nothing is there.
#[derive(Arguments)]
pub struct StatArgs {
    /// The path.
    #[arg(alias = "dest", alias = "name")]
    path: PathBuf,
    /// Follow symbolic links.
    #[arg(default = "false")]
    follow: bool,
    /// Tell a digest of a file's content, as `stat.checksum`.
    #[arg(default = "true")]
    get_checksum: bool,
    /// Which digest.
    #[arg(default = "sha1", alias = "checksum", alias = "checksum_algo")]
    checksum_algorithm: Algorithm,
    /// Tell the kind of content by the host's `file` program, as `stat.mimetype` and `stat.charset`; `unknown` when it
    /// has none. Starts a process for each file: turn it off where it is not needed.
    #[arg(default = "true", alias = "mime", alias = "mime_type", alias = "mime-type")]
    get_mime: bool,
    /// Tell the flags of the file system, as `stat.attributes` and `stat.attr_flags`.
    #[arg(default = "true", alias = "attr", alias = "attributes")]
    get_attributes: bool,
}

/// The `stat` module.
pub struct Stat;

impl Module for Stat {
    type Args = StatArgs;
    const NAME: &'static str = "stat";
    const SUMMARY: &'static str = "Tells of a file or folder";

    fn run(args: StatArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let path = args.path.as_path();
        let found = if args.follow { file::look_through(path)? } else { file::look(path)? };
        let Some(metadata) = found else {
            return Ok(Outcome::new(false).with("stat", json!({"exists": false})));
        };
        let mut facts = status::status(path, &metadata, context);
        facts.insert("exists".to_owned(), true.into());
        facts.insert("blocks".to_owned(), metadata.blocks().into());
        facts.insert("block_size".to_owned(), metadata.blksize().into());
        facts.insert("device_type".to_owned(), metadata.rdev().into());
        for (name, right) in
            [("readable", Access::READ_OK), ("writeable", Access::WRITE_OK), ("executable", Access::EXEC_OK)]
        {
            facts.insert(name.to_owned(), access(path, right).is_ok().into());
        }
        if metadata.is_symlink() {
            let target = std::fs::read_link(path).doing(|| format!("cannot read {}", path.display()))?;
            let source = target_of(path, &target);
            facts.insert("lnk_target".to_owned(), target.to_string_lossy().into());
            facts.insert("lnk_source".to_owned(), source.to_string_lossy().into());
        }
        if args.get_checksum && metadata.is_file() && access(path, Access::READ_OK).is_ok() {
            let algorithm = args.checksum_algorithm;
            let digest = algorithm.of_file(path).doing(|| format!("cannot read {}", path.display()))?;
            facts.insert("checksum".to_owned(), digest.into());
        }
        if args.get_mime {
            facts.extend(content_kind(path, args.follow, &metadata, context));
        }
        if args.get_attributes {
            let bits = flags::read(path).unwrap_or_default();
            facts.insert("attr_flags".to_owned(), flags::letters(bits).into());
            facts.insert("attributes".to_owned(), flags::names(bits).into());
        }
        Ok(Outcome::new(false).with("stat", facts))
    }
}

/// The absolute path a link leads to, as far as it exists.
fn target_of(path: &Path, target: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.parent().unwrap_or(Path::new("/")).join(target))
}

/// `mimetype` and `charset`. Only the content of a real file needs a process to tell.
fn content_kind(
    path: &Path,
    follow: bool,
    metadata: &std::fs::Metadata,
    context: &Context,
) -> Map<String, Value> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    let special = [
        (kind.is_symlink(), "inode/symlink"),
        (kind.is_dir(), "inode/directory"),
        (kind.is_char_device(), "inode/chardevice"),
        (kind.is_block_device(), "inode/blockdevice"),
        (kind.is_fifo(), "inode/fifo"),
        (kind.is_socket(), "inode/socket"),
        (metadata.size() == 0, "inode/x-empty"),
    ];
    let (mime, charset) = match special.iter().find(|(is, _)| *is) {
        Some((_, mime)) => ((*mime).to_owned(), "binary".to_owned()),
        None => told_by_file(path, follow, context).unwrap_or(("unknown".to_owned(), "unknown".to_owned())),
    };
    Map::from_iter([("mimetype".to_owned(), mime.into()), ("charset".to_owned(), charset.into())])
}

fn told_by_file(path: &Path, follow: bool, context: &Context) -> Option<(String, String)> {
    let program = context.find_program("file")?;
    let follow = if follow { "--dereference" } else { "--no-dereference" };
    let command =
        context.tool(program).arguments(["--brief", "--mime-type", "--mime-encoding", follow, "--"]);
    let finished = command.argument(path).run().ok()?;
    let told = finished.out();
    let (mime, charset) = told.trim().split_once("; charset=")?;
    finished.status.success().then(|| (mime.to_owned(), charset.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::{Value, json};

    use super::Stat;
    use crate::modules::testing::run;

    fn stat(arguments: Value) -> Value {
        let outcome = run::<Stat>(arguments, true);
        assert!(!outcome.failed && !outcome.changed, "{outcome:?}");
        outcome.result["stat"].clone()
    }

    #[test]
    fn a_file_is_told_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "hello\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4750)).unwrap();
        let told = stat(json!({"path": path}));
        for (field, value) in [
            ("exists", json!(true)),
            ("isreg", json!(true)),
            ("isdir", json!(false)),
            ("mode", json!("4750")),
            ("size", json!(6)),
            ("isuid", json!(true)),
            ("xgrp", json!(true)),
            ("roth", json!(false)),
            ("readable", json!(true)),
            ("checksum", json!("f572d396fae9206628714fb2ce00f72e94f2258f")),
        ] {
            assert_eq!(told[field], value, "{field}");
        }
        assert!(told["mtime"].as_f64().is_some_and(|time| time > 1.6e9));
        let other = stat(json!({"dest": path, "checksum_algorithm": "md5", "get_mime": false}));
        assert_eq!(other["checksum"], "b1946ac92492d2347c6235b4d2611184");
        assert!(other.get("mimetype").is_none());
        let none = stat(json!({"path": path, "get_checksum": false, "get_attributes": false}));
        assert!(none.get("checksum").is_none() && none.get("attr_flags").is_none());
    }

    #[test]
    fn links_are_told_or_followed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::fs::write(folder.path().join("real"), "").unwrap();
        symlink("real", &link).unwrap();
        let told = stat(json!({"path": link}));
        assert_eq!((&told["islnk"], &told["lnk_target"]), (&json!(true), &json!("real")));
        assert_eq!(told["lnk_source"], json!(folder.path().canonicalize().unwrap().join("real")));
        assert_eq!(told["mimetype"], "inode/symlink");
        let followed = stat(json!({"path": link, "follow": true}));
        assert_eq!((&followed["isreg"], &followed["mimetype"]), (&json!(true), &json!("inode/x-empty")));
    }

    #[test]
    fn nothing_is_told_of_nothing() {
        assert_eq!(stat(json!({"path": "/no/such/path"})), json!({"exists": false}));
        let folder = tempfile::tempdir().unwrap();
        let dangling = folder.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        assert_eq!(stat(json!({"path": dangling, "follow": true})), json!({"exists": false}));
        assert_eq!(stat(json!({"path": dangling}))["exists"], true);
    }
}
