//! Folders that are test cases.

use std::fs;
use std::path::{Path, PathBuf};

/// Compares what each folder below `tests/KIND` gives with the snapshot `NAME.snap` in it.
#[expect(clippy::unwrap_used, reason = "a test that cannot read its cases has failed")]
pub fn compare(kind: &str, name: &str, give: impl Fn(&Path) -> String) {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(kind);
    let mut folders: Vec<PathBuf> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        // How long something took is different each time.
        settings.add_filter(r#""seconds":[0-9.e-]+"#, r#""seconds":0"#);
        settings.bind(|| insta::assert_snapshot!(name, give(&folder)));
    }
}
