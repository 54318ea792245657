use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Copy;
use crate::modules::testing::{Contents, changes_once, context, folder, mode, refusal, run, run_in};
use crate::system::checksum::Algorithm;
use crate::{DiffSide, Outcome};

fn sha256(content: &[u8]) -> String {
    Algorithm::Sha256.of_bytes(content)
}

/// Runs with a controller that has these contents; tells how many it was asked for.
fn run_with(contents: &[&[u8]], arguments: &Value, check: bool) -> (Outcome, usize) {
    let mut context = context();
    context.check = check;
    let contents = Contents::of(contents);
    let asked = Arc::clone(&contents.asked);
    context.exchange = Box::new(contents);
    let outcome = run_in::<Copy>(arguments.clone(), &mut context);
    let count = asked.lock().unwrap().len();
    (outcome, count)
}

#[test]
fn a_text_is_written_once() {
    let (_guard, at) = folder();
    let path = at.join("file");
    let outcome = changes_once::<Copy>(&json!({"content": "hello\n", "dest": path, "mode": "0640"}));
    assert_eq!(fs::read(&path).unwrap(), b"hello\n");
    for (field, value) in [
        ("dest", json!(path)),
        ("src", Value::Null),
        ("checksum", json!("f572d396fae9206628714fb2ce00f72e94f2258f")),
        ("md5sum", json!("b1946ac92492d2347c6235b4d2611184")),
        ("mode", json!("0640")),
        ("size", json!(6)),
        ("state", json!("file")),
    ] {
        assert_eq!(outcome.result[field], value, "{field}");
    }
    assert_eq!(outcome.diff[0].before, Some(DiffSide::Text(String::new())));
    assert_eq!(outcome.diff[0].after, Some(DiffSide::Text("hello\n".to_owned())));
    let again = run::<Copy>(json!({"content": "hello\n", "dest": path}), false);
    assert!(!again.changed && again.diff.is_empty());
    assert_eq!(again.result["checksum"], "f572d396fae9206628714fb2ce00f72e94f2258f");
    changes_once::<Copy>(&json!({"content": {"a": [1, 2]}, "dest": path}));
    assert_eq!(fs::read(&path).unwrap(), br#"{"a": [1, 2]}"#);
    assert_eq!(mode(&path), 0o640);
    changes_once::<Copy>(&json!({"content": {"a": [1, 2]}, "dest": path, "mode": "u+x"}));
}

#[test]
fn a_content_travels_only_when_it_differs() {
    let (_guard, at) = folder();
    let content: &[u8] = b"#!/bin/sh\necho hi\n";
    let path = at.join("tool");
    let arguments = json!({
        "src": "/controller/tool", "dest": path, "mode": "preserve",
        "_sha256": sha256(content), "_size": content.len(), "_name": "tool", "_mode": "0755",
    });
    let mut quiet = context();
    quiet.check = true;
    quiet.diff = false;
    let contents = Contents::of(&[content]);
    let asked = Arc::clone(&contents.asked);
    quiet.exchange = Box::new(contents);
    assert!(run_in::<Copy>(arguments.clone(), &mut quiet).changed);
    assert!(asked.lock().unwrap().is_empty(), "check mode without differences needs no content");
    let (outcome, asked) = run_with(&[content], &arguments, false);
    assert!(outcome.changed && asked > 0);
    assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (content, 0o755));
    assert_eq!(outcome.diff[0].after_header.as_deref(), Some("/controller/tool"));
    let (outcome, asked) = run_with(&[], &arguments, false);
    assert!(!outcome.changed && !outcome.failed && asked == 0, "{outcome:?}");
}

#[test]
fn a_folder_as_destination_takes_the_sources_name() {
    let (_guard, at) = folder();
    let new = format!("{}/new/deep/", at.display());
    let arguments = json!({
        "src": "x/name", "dest": new, "directory_mode": "0711",
        "_sha256": sha256(b"a"), "_size": 1, "_name": "name",
    });
    let (checked, _) = run_with(&[b"a"], &arguments, true);
    assert!(checked.changed && !at.join("new").exists());
    let (outcome, _) = run_with(&[b"a"], &arguments, false);
    assert_eq!(outcome.result["dest"], json!(at.join("new/deep/name")));
    assert_eq!(mode(&at.join("new/deep")), 0o711);
    assert!(refusal::<Copy>(&json!({"content": "x", "dest": at})).contains("dir as dest"));
    let missing = json!({"content": "x", "dest": at.join("no/such")});
    assert!(refusal::<Copy>(&missing).contains("Destination directory"));
    assert!(run::<Copy>(missing, true).changed, "an earlier task of the real run makes the folder");
}

#[test]
fn a_small_source_comes_within_the_request() {
    let (_guard, at) = folder();
    let arguments = json!({"content": "x", "_src": "/controller/f.j2", "_name": "f", "dest": at});
    let outcome = changes_once::<Copy>(&arguments);
    assert_eq!(outcome.result["src"], "/controller/f.j2");
    assert_eq!(outcome.diff[0].after_header.as_deref(), Some("/controller/f.j2"));
    assert_eq!(fs::read(at.join("f")).unwrap(), b"x");
}

#[test]
fn links_are_replaced_or_followed() {
    let (_guard, at) = folder();
    let (real, link) = (at.join("real"), at.join("link"));
    fs::write(&real, "old").unwrap();
    symlink("real", &link).unwrap();
    changes_once::<Copy>(&json!({"content": "new", "dest": link, "follow": true}));
    assert!(link.is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
    changes_once::<Copy>(&json!({"content": "new", "dest": link}));
    assert!(!link.is_symlink());
}

#[test]
fn what_is_there_stays_without_force_and_is_kept_with_backup() {
    let (_guard, at) = folder();
    let path = at.join("file");
    fs::write(&path, "mine").unwrap();
    let outcome = run::<Copy>(json!({"content": "yours", "dest": path, "force": false}), false);
    assert!(!outcome.changed && !outcome.failed);
    let outcome = changes_once::<Copy>(&json!({"content": "yours", "dest": path, "backup": true}));
    let backup = outcome.result["backup_file"].as_str().unwrap();
    assert!(backup.starts_with(&format!("{}.", path.display())) && backup.ends_with('~'), "{backup}");
    assert_eq!(fs::read(backup).unwrap(), b"mine");
}

#[test]
fn validation_and_checksum_guard_the_content() {
    let (_guard, at) = folder();
    let path = at.join("file");
    assert!(
        refusal::<Copy>(&json!({"content": "a", "dest": path, "validate": "false %s"}))
            .contains("failed to validate")
    );
    assert!(refusal::<Copy>(&json!({"content": "a", "dest": path, "validate": "true"})).contains("%s"));
    assert!(refusal::<Copy>(&json!({"content": "a", "dest": path, "checksum": "00"})).contains("checksum"));
    assert!(!path.exists() && fs::read_dir(&at).unwrap().next().is_none());
    let good = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8";
    changes_once::<Copy>(&json!({
        "content": "a", "dest": path, "checksum": good, "validate": "grep -q a %s",
    }));
}

#[test]
fn a_folder_of_the_controller_comes_in_one_request() {
    let (_guard, at) = folder();
    let dest = at.join("dest");
    let (one, two): (&[u8], &[u8]) = (b"one\n", b"two\n");
    let arguments = json!({
        "src": "/controller/folder/", "dest": dest, "directory_mode": "0750", "mode": "preserve",
        "_tree": [
            {"path": "sub", "kind": "directory", "mode": "0700"},
            {"path": "empty", "kind": "directory"},
            {"path": "a", "kind": "file", "sha256": sha256(one), "size": 4, "mode": "0600"},
            {"path": "sub/b", "kind": "file", "sha256": sha256(two), "size": 4, "mode": "0755"},
            {"path": "sub/l", "kind": "link", "target": "b"},
        ],
    });
    let (outcome, _) = run_with(&[one, two], &arguments, true);
    assert!(outcome.changed && !outcome.failed && !dest.exists(), "{outcome:?}");
    let predicted = serde_json::to_value(&outcome.diff).unwrap();
    let (outcome, asked) = run_with(&[one, two], &arguments, false);
    assert!(outcome.changed && asked == 2, "{outcome:?}");
    assert_eq!(serde_json::to_value(&outcome.diff).unwrap(), predicted);
    assert_eq!(
        (mode(&dest.join("sub")), mode(&dest.join("a")), mode(&dest.join("sub/b"))),
        (0o750, 0o600, 0o755)
    );
    assert_eq!(fs::read(dest.join("sub/l")).unwrap(), two);
    assert!(dest.join("empty").is_dir());
    let (outcome, asked) = run_with(&[], &arguments, false);
    assert!(!outcome.changed && !outcome.failed && asked == 0);
    fs::write(dest.join("sub/b"), "other").unwrap();
    fs::set_permissions(dest.join("a"), Permissions::from_mode(0o644)).unwrap();
    let (outcome, asked) = run_with(&[two], &arguments, false);
    assert!(outcome.changed && asked == 1);
    assert_eq!((fs::read(dest.join("sub/b")).unwrap().as_slice(), mode(&dest.join("a"))), (two, 0o600));
}

#[test]
fn what_the_host_has_is_copied_there() {
    let (_guard, at) = folder();
    let source = at.join("source");
    fs::create_dir_all(source.join("sub")).unwrap();
    fs::write(source.join("sub/file"), "x").unwrap();
    fs::set_permissions(source.join("sub/file"), Permissions::from_mode(0o700)).unwrap();
    symlink("sub/file", source.join("link")).unwrap();
    changes_once::<Copy>(&json!({"src": source, "dest": at.join("dest"), "remote_src": true}));
    assert_eq!(mode(&at.join("dest/source/sub/file")), 0o700);
    assert!(at.join("dest/source/link").is_symlink());
    let contents = format!("{}/", source.display());
    changes_once::<Copy>(&json!({
        "src": contents, "dest": at.join("other"), "remote_src": true, "mode": "0600", "local_follow": true,
    }));
    assert_eq!(mode(&at.join("other/sub/file")), 0o600);
    assert!(!at.join("other/link").is_symlink());
    let file = source.join("sub/file");
    changes_once::<Copy>(&json!({"src": file, "dest": at.join("plain"), "remote_src": true}));
    assert_eq!(mode(&at.join("plain")), 0o666 & !crate::system::file::umask());
    changes_once::<Copy>(&json!({"src": file, "dest": at, "remote_src": true, "mode": "preserve"}));
    assert_eq!(mode(&at.join("file")), 0o700);
    let missing = json!({"src": at.join("none"), "dest": at.join("x"), "remote_src": true});
    assert!(refusal::<Copy>(&missing).contains("not found"));
}

#[test]
fn devices_and_folders_are_not_overwritten() {
    let (_guard, at) = folder();
    assert!(refusal::<Copy>(&json!({"content": "x", "dest": "/dev/null"})).contains("device"));
    fs::create_dir_all(at.join("source/name")).unwrap();
    fs::create_dir(at.join("dest")).unwrap();
    fs::write(at.join("dest/name"), "").unwrap();
    let contents = format!("{}/", at.join("source").display());
    let over = json!({"src": contents, "dest": at.join("dest"), "remote_src": true});
    assert!(refusal::<Copy>(&over).contains("there is a file"));
}
