//! `fetch`: a file of the host for the controller.
//!
//! The controller decides where the file goes (`dest`, `flat`) and sends `_sha256`, the hash of what it has there. The
//! content is given with [`Exchange::give`](crate::Exchange::give) only when it differs; the result has `checksum`,
//! `md5sum`, `size` and `file`, and the controller adds `dest`.

use std::path::PathBuf;

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::checksum::Algorithm;
use crate::system::{file, placement};
use crate::{Context, Module, ModuleError, Outcome};

/// Brings a file of the host to the controller.
#[derive(Arguments)]
pub struct FetchArgs {
    /// The file on the host.
    src: PathBuf,
    /// Where it goes on the controller: a folder, in which it comes to `HOST/PATH`; with `flat` the path itself, or a
    /// folder if it ends in a slash.
    #[expect(dead_code, reason = "the controller reads it")]
    dest: String,
    /// Use `dest` as it is, without the host's name and the file's path; for one host only.
    #[arg(default = "false")]
    #[expect(dead_code, reason = "the controller reads it")]
    flat: bool,
    /// Fail when there is no such file.
    #[arg(default = "true")]
    fail_on_missing: bool,
    /// Compare the content that came with its digest.
    #[arg(default = "true")]
    #[expect(dead_code, reason = "the controller reads it")]
    validate_checksum: bool,
    /// SHA-256 of what the controller has.
    #[arg(name = "_sha256")]
    sha256: Option<String>,
}

/// The `fetch` module.
pub struct Fetch;

impl Module for Fetch {
    type Args = FetchArgs;
    const NAME: &'static str = "fetch";
    const SUMMARY: &'static str = "Brings a file of the host to the controller";

    fn run(args: FetchArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let path = args.src.display();
        let missing = match file::look_through(&args.src)? {
            None => Some("the remote file does not exist"),
            Some(found) if found.is_dir() => {
                Some("remote file is a directory, fetch cannot work on directories")
            }
            Some(found) if !found.is_file() => Some("the remote file is a device, pipe or socket"),
            Some(_) => None,
        };
        if let Some(reason) = missing {
            return if args.fail_on_missing {
                Err(ModuleError::new(format!("{reason}: {path}")).with("file", args.src.to_string_lossy()))
            } else {
                let outcome = Outcome::new(false).with("file", args.src.to_string_lossy());
                Ok(outcome.message(format!("{reason}, not transferring, ignored")))
            };
        }
        let sha256 = Algorithm::Sha256.of_file(&args.src).doing(|| format!("cannot read {path}"))?;
        let changed = args.sha256.as_deref() != Some(&*sha256);
        if changed && !context.check {
            context.exchange.give(&args.src)?;
        }
        let digests = placement::digests(&args.src)?;
        Ok(Outcome::new(changed)
            .with("file", args.src.to_string_lossy())
            .with("checksum", digests.sha1)
            .with("md5sum", digests.md5)
            .with("size", file::look_through(&args.src)?.map(|found| found.len())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::Fetch;
    use crate::modules::testing::{Contents, context, run, run_in};
    use crate::system::checksum::Algorithm;

    #[test]
    fn a_file_is_given_only_when_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "hello\n").unwrap();
        let same = Algorithm::Sha256.of_bytes(b"hello\n");
        for (has, check, changed, given) in [
            (None, true, true, 0),
            (None, false, true, 1),
            (Some("00"), false, true, 1),
            (Some(same.as_str()), false, false, 0),
        ] {
            let mut context = context();
            context.check = check;
            let contents = Contents::of(&[]);
            let taken = Arc::clone(&contents.given);
            context.exchange = Box::new(contents);
            let outcome = run_in::<Fetch>(json!({"src": path, "dest": "x", "_sha256": has}), &mut context);
            assert!(!outcome.failed);
            assert_eq!((outcome.changed, taken.lock().unwrap().len()), (changed, given));
            assert_eq!(outcome.result["checksum"], "f572d396fae9206628714fb2ce00f72e94f2258f");
            assert_eq!(outcome.result["size"], 6);
        }
    }

    #[test]
    fn what_is_no_file_fails_unless_that_is_fine() {
        for (path, reason) in [("/no/such", "does not exist"), ("/", "directory"), ("/dev/null", "device")] {
            let outcome = run::<Fetch>(json!({"src": path, "dest": "x"}), false);
            assert!(outcome.failed && outcome.msg.unwrap().contains(reason));
            let outcome = run::<Fetch>(json!({"src": path, "dest": "x", "fail_on_missing": false}), false);
            assert!(!outcome.failed && !outcome.changed && outcome.msg.unwrap().contains("ignored"));
        }
    }
}
