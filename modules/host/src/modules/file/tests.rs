use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Value, json};

use super::File;
use crate::modules::testing::{changes_once, folder, mode, refusal, run};
use crate::{DiffSide, Outcome};

fn sides(outcome: &Outcome) -> (Value, Value) {
    let [diff] = outcome.diff.as_slice() else { panic!("one difference: {outcome:?}") };
    match (&diff.before, &diff.after) {
        (Some(DiffSide::Attributes(before)), Some(DiffSide::Attributes(after))) => {
            (before.clone().into(), after.clone().into())
        }
        other => panic!("attributes: {other:?}"),
    }
}

#[test]
fn folders_are_made_with_all_above_them() {
    let (_guard, at) = folder();
    let path = at.join("a/b/c");
    let outcome = changes_once::<File>(&json!({"path": path, "state": "directory", "mode": "0751"}));
    assert_eq!((mode(&path), mode(&at.join("a"))), (0o751, 0o751));
    assert_eq!(outcome.result["state"], "directory");
    assert_eq!(outcome.result["mode"], "0751");
    let (before, after) = sides(&outcome);
    assert_eq!(before, json!({"path": path, "state": "absent", "mode": "0755"}));
    assert_eq!(after, json!({"path": path, "state": "directory", "mode": "0751"}));
}

#[test]
fn check_mode_shows_the_difference_of_the_run() {
    let (_guard, at) = folder();
    fs::write(at.join("file"), "").unwrap();
    for arguments in [
        json!({"path": at.join("new"), "state": "directory", "mode": "0700"}),
        json!({"path": at.join("touched"), "state": "touch", "mode": "u=rw,go="}),
        json!({"path": at.join("file"), "mode": "0600"}),
        json!({"path": at.join("link"), "src": "file", "state": "link"}),
        json!({"path": at.join("hard"), "src": at.join("file"), "state": "hard"}),
        json!({"path": at.join("new"), "state": "absent"}),
    ] {
        let predicted = sides(&run::<File>(arguments.clone(), true));
        assert_eq!(predicted, sides(&run::<File>(arguments, false)));
    }
}

#[test]
fn attributes_of_files_change_and_nothing_is_made() {
    let (_guard, at) = folder();
    let path = at.join("file");
    assert!(refusal::<File>(&json!({"path": path, "state": "file"})).contains("is absent"));
    assert!(refusal::<File>(&json!({"path": path})).contains("is absent"));
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    changes_once::<File>(&json!({"path": path, "state": "file", "mode": "u+x,o="}));
    assert_eq!(mode(&path), 0o740);
    assert_eq!(fs::read(&path).unwrap(), b"x");
    assert!(
        refusal::<File>(&json!({"path": path, "state": "directory"})).contains("already exists as a file")
    );
    assert!(refusal::<File>(&json!({"path": path, "mode": "rwx"})).contains("rwx"));
    assert!(refusal::<File>(&json!({"path": path, "owner": "no-such-user"})).contains("no-such-user"));
}

#[test]
fn links_are_made_changed_and_kept() {
    let (_guard, at) = folder();
    let link = at.join("link");
    fs::write(at.join("one"), "").unwrap();
    fs::write(at.join("two"), "").unwrap();
    let outcome = changes_once::<File>(&json!({"path": link, "src": "one", "state": "link"}));
    assert_eq!((&outcome.result["src"], &outcome.result["state"]), (&json!("one"), &json!("link")));
    let outcome = changes_once::<File>(&json!({"dest": link, "src": "two", "state": "link"}));
    assert_eq!(sides(&outcome), (json!({"path": link, "src": "one"}), json!({"path": link, "src": "two"})));
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("two"));
    assert!(
        refusal::<File>(&json!({"path": at.join("x"), "src": "none", "state": "link"})).contains("force")
    );
    changes_once::<File>(&json!({"path": at.join("x"), "src": "none", "state": "link", "force": true}));
    assert!(!run::<File>(json!({"path": link, "state": "link"}), false).changed);
    assert!(refusal::<File>(&json!({"path": at.join("none"), "state": "link"})).contains("src is required"));
}

#[test]
fn a_link_takes_the_place_of_something_only_by_force() {
    let (_guard, at) = folder();
    fs::write(at.join("aim"), "").unwrap();
    fs::write(at.join("file"), "").unwrap();
    fs::create_dir(at.join("empty")).unwrap();
    fs::create_dir_all(at.join("full/x")).unwrap();
    for name in ["file", "empty"] {
        let mut arguments = json!({"path": at.join(name), "src": "aim", "state": "link"});
        assert!(refusal::<File>(&arguments).contains("refusing to convert"));
        arguments["force"] = true.into();
        changes_once::<File>(&arguments);
        assert!(at.join(name).is_symlink());
    }
    let full = json!({"path": at.join("full"), "src": "aim", "state": "link", "force": true});
    assert!(refusal::<File>(&full).contains("not empty"));
    assert!(
        fs::read_dir(&at).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.'))
    );
}

#[test]
fn attributes_go_through_links_when_they_are_followed() {
    let (_guard, at) = folder();
    fs::write(at.join("file"), "").unwrap();
    fs::set_permissions(at.join("file"), Permissions::from_mode(0o644)).unwrap();
    symlink("file", at.join("link")).unwrap();
    assert!(!run::<File>(json!({"path": at.join("link"), "mode": "0600", "follow": false}), false).changed);
    changes_once::<File>(&json!({"path": at.join("link"), "mode": "0600"}));
    assert_eq!(mode(&at.join("file")), 0o600);
    changes_once::<File>(&json!({"path": at.join("link"), "state": "file", "mode": "0640"}));
    assert!(at.join("link").is_symlink());
    fs::create_dir(at.join("folder")).unwrap();
    symlink("folder", at.join("to-folder")).unwrap();
    assert!(!run::<File>(json!({"path": at.join("to-folder"), "state": "directory"}), false).changed);
    let kept = json!({"path": at.join("to-folder"), "state": "directory", "follow": false});
    assert!(refusal::<File>(&kept).contains("already exists as a link"));
}

#[test]
fn hard_links_are_second_names() {
    let (_guard, at) = folder();
    let source = at.join("source");
    fs::write(&source, "x").unwrap();
    changes_once::<File>(&json!({"path": at.join("second"), "src": source, "state": "hard"}));
    assert_eq!(fs::metadata(at.join("second")).unwrap().ino(), fs::metadata(&source).unwrap().ino());
    fs::write(at.join("other"), "y").unwrap();
    let mut over = json!({"path": at.join("other"), "src": source, "state": "hard"});
    assert!(refusal::<File>(&over).contains("exists at destination"));
    over["force"] = true.into();
    changes_once::<File>(&over);
    assert!(
        refusal::<File>(&json!({"path": at.join("z"), "src": at.join("none"), "state": "hard"}))
            .contains("src")
    );
    fs::create_dir(at.join("folder")).unwrap();
    changes_once::<File>(&json!({"path": at.join("folder"), "src": source, "state": "hard"}));
    assert!(at.join("folder/source").exists());
}

#[test]
fn touching_makes_or_refreshes() {
    let (_guard, at) = folder();
    let path = at.join("file");
    assert!(run::<File>(json!({"path": path, "state": "touch"}), true).changed && !path.exists());
    let outcome = run::<File>(json!({"path": path, "state": "touch", "mode": "0600"}), false);
    assert!(outcome.changed);
    assert_eq!((&outcome.result["dest"], mode(&path)), (&json!(path), 0o600));
    assert!(run::<File>(json!({"path": path, "state": "touch"}), false).changed);
    let kept = json!({
        "path": path, "state": "touch", "access_time": "preserve", "modification_time": "preserve",
    });
    assert!(!run::<File>(kept, false).changed);
    let fixed = json!({
        "path": path, "state": "touch", "access_time": "preserve", "modification_time": "202001020304.05",
    });
    changes_once::<File>(&fixed);
    let expected = crate::system::clock::from_local((2020, 1, 2), (3, 4, 5));
    assert_eq!(fs::metadata(&path).unwrap().mtime(), expected);
    let wrong = json!({"path": path, "state": "touch", "modification_time": "yesterday"});
    assert!(refusal::<File>(&wrong).contains("yesterday"));
    changes_once::<File>(
        &json!({"path": path, "modification_time": "2021", "modification_time_format": "%Y"}),
    );
}

#[test]
fn removal_takes_folders_and_links_but_not_their_aims() {
    let (_guard, at) = folder();
    fs::create_dir_all(at.join("folder/sub")).unwrap();
    fs::write(at.join("folder/sub/file"), "").unwrap();
    symlink("folder", at.join("link")).unwrap();
    let through_slash = format!("{}/", at.join("link").display());
    changes_once::<File>(&json!({"path": through_slash, "state": "absent"}));
    assert!(at.join("folder/sub/file").exists() && !at.join("link").is_symlink());
    let outcome = changes_once::<File>(&json!({"path": at.join("folder"), "state": "absent"}));
    let (before, _) = sides(&outcome);
    assert_eq!(before["path_content"]["files"], json!([at.join("folder/sub/file")]));
    assert!(refusal::<File>(&json!({"path": "/", "state": "absent"})).contains("root"));
}

#[test]
fn recursion_reaches_all_below() {
    let (_guard, at) = folder();
    fs::create_dir_all(at.join("top/sub")).unwrap();
    fs::write(at.join("top/sub/file"), "").unwrap();
    fs::write(at.join("outside"), "").unwrap();
    symlink(at.join("top"), at.join("top/sub/loop")).unwrap();
    fs::set_permissions(at.join("outside"), Permissions::from_mode(0o640)).unwrap();
    symlink(at.join("outside"), at.join("top/out")).unwrap();
    let arguments = json!({
        "path": at.join("top"), "recurse": true, "mode": "u=rwX,g=rX,o=", "follow": false,
    });
    let outcome = changes_once::<File>(&arguments);
    assert_eq!((mode(&at.join("top/sub")), mode(&at.join("top/sub/file"))), (0o750, 0o640));
    assert_eq!(outcome.diff.len(), 3);
    changes_once::<File>(&json!({"path": at.join("top"), "recurse": true, "mode": "o+r"}));
    assert_eq!(mode(&at.join("outside")), 0o644);
    assert!(
        refusal::<File>(&json!({"path": at.join("outside"), "state": "file", "recurse": true}))
            .contains("recurse")
    );
}
