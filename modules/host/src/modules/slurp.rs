//! `slurp`: a file's content as a result.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::file;
use crate::{Context, Module, ModuleError, Outcome};

/// Reads a file of the host into the result, in base64; the filter `b64decode` makes text of it.
#[derive(Arguments)]
pub struct SlurpArgs {
    /// The file.
    #[arg(alias = "path")]
    src: PathBuf,
}

/// The `slurp` module.
pub struct Slurp;

impl Module for Slurp {
    type Args = SlurpArgs;
    const NAME: &'static str = "slurp";
    const SUMMARY: &'static str = "Reads a file of the host into the result";

    fn run(args: SlurpArgs, _context: &mut Context) -> Result<Outcome, ModuleError> {
        let path = args.src.display();
        match file::look_through(&args.src)? {
            None => return Err(ModuleError::new(format!("File not found: {path}"))),
            Some(found) if found.is_dir() => {
                return Err(ModuleError::new(format!("Source is a directory and must be a file: {path}")));
            }
            Some(_) => {}
        }
        let content = std::fs::read(&args.src).doing(|| format!("cannot read {path}"))?;
        Ok(Outcome::new(false)
            .with("content", STANDARD.encode(content))
            .with("encoding", "base64")
            .with("source", args.src.to_string_lossy()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Slurp;
    use crate::modules::testing::run;

    #[test]
    fn a_file_comes_back_in_base64() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"hi\xff\n").unwrap();
        let outcome = run::<Slurp>(json!({"path": path}), true);
        assert!(!outcome.changed && !outcome.failed);
        assert_eq!(
            (&outcome.result["content"], &outcome.result["encoding"]),
            (&json!("aGn/Cg=="), &json!("base64"))
        );
        assert_eq!(outcome.result["source"], json!(path));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for (path, reason) in [("/no/such", "not found"), ("/", "directory")] {
            let outcome = run::<Slurp>(json!({"src": path}), false);
            assert!(outcome.failed && outcome.msg.unwrap().contains(reason));
        }
    }
}
