//! The roles and playbooks inside of the binary, as a tree of files that exists nowhere on disk.

use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};

static ROLES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../roles");
static PLAYBOOKS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../playbooks");

/// Where the tree seems to be: absolute, so that it is never taken relative to something, and no name a folder has.
const ROOT: &str = "/clouder:built-in";

/// The folder all built-in files seem to be in.
pub(super) fn root() -> &'static Path {
    Path::new(ROOT)
}

/// What is at a path of the tree.
pub(super) enum Found {
    /// A file.
    File(&'static [u8]),
    /// A folder and what is in it.
    Folder(Vec<PathBuf>),
}

/// What is at a path, if it is one of the tree and there is something.
pub(super) fn find(path: &Path) -> Option<Found> {
    let inside = normal(path.strip_prefix(root()).ok()?)?;
    if inside.as_os_str().is_empty() {
        return Some(Found::Folder(vec![root().join("playbooks"), root().join("roles")]));
    }
    for (name, tree) in [("roles", &ROLES), ("playbooks", &PLAYBOOKS)] {
        let Ok(below) = inside.strip_prefix(name) else { continue };
        if below.as_os_str().is_empty() {
            return Some(folder(tree, name));
        }
        return match tree.get_entry(below)? {
            DirEntry::File(file) => Some(Found::File(file.contents())),
            DirEntry::Dir(inner) => Some(folder(inner, name)),
        };
    }
    None
}

fn folder(tree: &Dir<'_>, name: &str) -> Found {
    let mut paths: Vec<PathBuf> =
        tree.entries().iter().map(|entry| root().join(name).join(entry.path())).collect();
    paths.sort();
    Found::Folder(paths)
}

/// The path with `.` and `..` resolved; `None` when it leads out of the tree.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}
