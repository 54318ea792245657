//! Reading the files that facts come from.

use std::fs;
use std::path::{Path, PathBuf};

/// A file tree to read facts from: the host's own, or a made-up one in tests.
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    /// The tree below a folder; `/` for the host itself.
    pub(super) fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a path, written as on the host, really is.
    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A file's text; `None` when there is none or it may not be read, which for facts is the same.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read(self.path(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file's text without white space around it; `None` also for an empty one.
    pub(super) fn word(&self, path: impl AsRef<Path>) -> Option<String> {
        self.text(path).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether there is anything.
    pub(super) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    /// The names in a folder, sorted; none when there is no such folder.
    pub(super) fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The last part of what a symbolic link points to.
    pub(super) fn link_name(&self, path: impl AsRef<Path>) -> Option<String> {
        let target = fs::read_link(self.path(path)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use serde_json::{Map, Value};

    use super::Files;
    use crate::modules::setup::collectors::{Gathered, Host};
    use crate::modules::testing::context;

    /// What a collector finds in a tree of these files.
    pub(in crate::modules::setup) fn facts_of(
        files: &[(&str, &str)],
        collect: fn(&Host<'_>, &mut Gathered),
    ) -> Map<String, Value> {
        let (_folder, files) = tree(files);
        let context = context();
        let fact_path = files.path("/etc/ansible/facts.d");
        let mut gathered = Gathered::default();
        collect(
            &Host { files, context: &context, fact_path, patience: Duration::from_secs(5) },
            &mut gathered,
        );
        gathered.facts
    }

    /// A tree with these files, in a folder that goes with the first value.
    pub(in crate::modules::setup) fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let tree = Files::below(folder.path());
        for (path, text) in files {
            let path = tree.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (folder, tree)
    }

    #[test]
    fn absent_files_and_folders_are_empty() {
        let (_folder, files) = tree(&[("/etc/b", " x \n"), ("/etc/a", "\n")]);
        assert_eq!(files.word("/etc/b").as_deref(), Some("x"));
        assert_eq!((files.word("/etc/a"), files.text("/etc/c")), (None, None));
        assert_eq!(files.names("/etc"), ["a", "b"]);
        assert!(files.names("/none").is_empty());
    }
}
