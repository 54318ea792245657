use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Value, json};

use super::Archive;
use crate::modules::testing::{changes_once, context, folder, mode, refusal, run};
use crate::modules::unarchive::Unarchive;

fn tree(at: &Path) {
    fs::create_dir_all(at.join("tree/sub")).unwrap();
    fs::write(at.join("tree/a ü"), "one\n").unwrap();
    fs::write(at.join("tree/-dash"), "two\n").unwrap();
    fs::write(at.join("tree/sub/b.log"), "three\n").unwrap();
    symlink("a ü", at.join("tree/link")).unwrap();
}

/// The names in an archive, sorted.
fn names(at: &Path, archive: &Path) -> Vec<String> {
    let dest = at.join("unpacked");
    let _ = fs::remove_dir_all(&dest);
    fs::create_dir(&dest).unwrap();
    let arguments = json!({"src": archive, "dest": dest, "remote_src": true, "list_files": true});
    let outcome = changes_once::<Unarchive>(&arguments);
    let files = outcome.result["files"].as_array().unwrap();
    let mut names: Vec<String> = files.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn folders_are_packed_once_in_every_format() {
    for format in ["tar", "gz", "bz2", "xz", "zip"] {
        let program = match format {
            "bz2" => "bzip2",
            "xz" => "xz",
            _ => "tar",
        };
        if context().find_program(program).is_none() {
            continue;
        }
        let (_guard, at) = folder();
        tree(&at);
        let dest = at.join("packed");
        let arguments = json!({"path": at.join("tree"), "dest": dest, "format": format, "mode": "0600"});
        let outcome = changes_once::<Archive>(&arguments);
        assert_eq!((&outcome.result["dest_state"], mode(&dest)), (&json!("archive"), 0o600));
        assert_eq!(outcome.result["arcroot"], json!(at.join("")));
        let all = ["tree/", "tree/-dash", "tree/a ü", "tree/link", "tree/sub/", "tree/sub/b.log"];
        assert_eq!(names(&at, &dest), all, "{format}");
        assert_eq!(fs::read_to_string(at.join("unpacked/tree/link")).unwrap(), "one\n");
        for change in [
            &|at: &Path| fs::write(at.join("tree/a ü"), "ONE\n").unwrap(),
            &|at: &Path| fs::write(at.join("tree/new"), "").unwrap(),
            &|at: &Path| fs::remove_file(at.join("tree/new")).unwrap(),
            &|at: &Path| fs::set_permissions(at.join("tree/sub"), Permissions::from_mode(0o700)).unwrap(),
        ] as [&dyn Fn(&Path); 4]
        {
            change(&at);
            changes_once::<Archive>(&arguments);
        }
    }
}

#[test]
fn a_single_file_is_compressed() {
    for format in ["gz", "bz2", "xz"] {
        if format != "gz" && context().find_program(if format == "xz" { "xz" } else { "bzip2" }).is_none() {
            continue;
        }
        let (_guard, at) = folder();
        let file = at.join("file");
        fs::write(&file, "text\n".repeat(50_000)).unwrap();
        let outcome = changes_once::<Archive>(&json!({"path": file, "format": format}));
        assert_eq!(outcome.result["dest"], json!(at.join(format!("file.{format}"))));
        assert_eq!(outcome.result["dest_state"], "compress");
        fs::write(&file, "other\n").unwrap();
        changes_once::<Archive>(&json!({"path": file, "format": format}));
        let dest = at.join("forced");
        let forced = json!({"path": file, "format": format, "force_archive": true, "dest": dest});
        changes_once::<Archive>(&forced);
        assert_eq!(names(&at, &dest), ["file"]);
    }
}

#[test]
fn what_is_left_out_is_not_packed() {
    let (_guard, at) = folder();
    tree(&at);
    fs::write(at.join("other"), "").unwrap();
    let dest = at.join("x:y z.tgz");
    let arguments = json!({
        "path": [at.join("tree/"), at.join("oth*"), at.join("none")],
        "dest": dest,
        "exclude_path": [at.join("tree/-*")],
        "exclusion_patterns": ["*.log", "tree/link"],
    });
    let outcome = changes_once::<Archive>(&arguments);
    assert_eq!(names(&at, &dest), ["other", "tree/", "tree/a ü", "tree/sub/"]);
    assert_eq!(outcome.result["missing"], json!([at.join("none")]));
    assert_eq!(outcome.result["dest_state"], "incomplete");
    assert_eq!(outcome.result["expanded_exclude_paths"], json!([at.join("tree/-dash")]));
}

#[test]
fn an_archive_may_be_in_the_folder_it_packs() {
    for format in ["gz", "zip"] {
        let (_guard, at) = folder();
        tree(&at);
        let dest = at.join("tree/own");
        let path = format!("{}/", at.join("tree").display());
        changes_once::<Archive>(&json!({"path": path, "dest": dest, "format": format}));
        assert_eq!(names(&at, &dest), ["-dash", "a ü", "link", "sub/", "sub/b.log"]);
    }
}

#[test]
fn what_was_packed_can_be_removed() {
    let (_guard, at) = folder();
    tree(&at);
    let dest = at.join("x.zip");
    let arguments = json!({"path": at.join("tree"), "dest": dest, "format": "zip", "remove": true,
        "exclusion_patterns": ["tree/sub/*"]});
    let foreseen = run::<Archive>(arguments.clone(), true);
    assert!(foreseen.changed && at.join("tree/a ü").exists());
    assert!(run::<Archive>(arguments, false).changed);
    assert!(!at.join("tree/a ü").exists() && at.join("tree/sub/b.log").exists());
    let whole = json!({"path": at.join("tree"), "dest": dest, "remove": true});
    changes_once::<Archive>(&whole);
    assert!(!at.join("tree").exists() && dest.exists());
    let outcome = run::<Archive>(whole, false);
    assert_eq!(
        (&outcome.result["state"], &outcome.result["dest_state"]),
        (&json!("absent"), &json!("archive"))
    );
}

#[test]
fn mistakes_are_told() {
    let (_guard, at) = folder();
    tree(&at);
    for (arguments, reason) in [
        (json!({"path": [at.join("tree"), at.join("x")]}), "dest must be given"),
        (json!({"path": at.join("tree"), "dest": at.join("none/x.tgz")}), "does not exist"),
        (json!({"path": at.join("tree"), "dest": at}), "is a folder"),
        (json!({"path": at.join("tree"), "dest": at.join("tree/x"), "remove": true}), "can not be contained"),
        (json!({"path": at.join("tree"), "format": "rar"}), "rar"),
    ] as [(Value, &str); 5]
    {
        assert!(refusal::<Archive>(&arguments).contains(reason), "{arguments}");
    }
    let nothing = run::<Archive>(json!({"path": at.join("none")}), false);
    assert_eq!((nothing.changed, &nothing.result["dest_state"]), (false, &json!("absent")));
}
