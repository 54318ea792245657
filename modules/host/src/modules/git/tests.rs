use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{Git, same_address};
use crate::Outcome;
use crate::modules::testing::{changes_once, run};

/// A repository elsewhere, and a place for working copies.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.git(".", &["init", "--quiet", "--initial-branch=main", "up"]);
        place.commit("one", "1\n");
        place.git("up", &["tag", "-a", "v1", "-m", "first"]);
        place.git("up", &["branch", "dev"]);
        place.commit("two", "2\n");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=me", "-c", "user.email=me@here", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(self.path(folder))
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, message: &str, content: &str) -> String {
        fs::write(self.path("up/file"), content).unwrap();
        self.git("up", &["add", "file"]);
        self.git("up", &["commit", "--quiet", "-m", message]);
        self.git("up", &["rev-parse", "HEAD"])
    }

    fn arguments(&self, more: &Value) -> Value {
        let mut arguments = json!({"repo": self.path("up"), "dest": self.path("copy")});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    }

    fn changes(&self, more: &Value) -> Outcome {
        changes_once::<Git>(&self.arguments(more))
    }

    fn content(&self) -> String {
        fs::read_to_string(self.path("copy/file")).unwrap()
    }

    fn refusal(&self, more: &Value) -> String {
        let outcome = run::<Git>(self.arguments(more), false);
        assert!(outcome.failed, "{outcome:?}");
        outcome.msg.unwrap()
    }
}

#[test]
fn versions_are_checked_out_once() {
    let place = Place::new();
    let outcome = place.changes(&json!({}));
    assert_eq!((place.content().as_str(), &outcome.result["before"]), ("2\n", &Value::Null));
    let main = place.git("up", &["rev-parse", "main"]);
    assert_eq!(outcome.result["after"], main.as_str());
    assert!(outcome.diff[0].prepared.as_ref().unwrap().contains(&main));
    let outcome = place.changes(&json!({"version": "v1"}));
    assert_eq!((place.content().as_str(), &outcome.result["before"]), ("1\n", &json!(main)));
    assert!(outcome.diff[0].prepared.as_ref().unwrap().contains("+1"));
    assert_eq!(outcome.result["remote_url_changed"], false);
    place.changes(&json!({"version": "main"}));
    assert_eq!(place.git("copy", &["rev-parse", "--abbrev-ref", "HEAD"]), "main");
    let dev = place.git("up", &["rev-parse", "dev"]);
    place.changes(&json!({"version": dev}));
    assert_eq!(place.content(), "1\n");
    place.changes(&json!({"version": &main[..10]}));
    place.commit("three", "3\n");
    place.changes(&json!({}));
    assert_eq!(place.content(), "3\n");
    assert!(place.refusal(&json!({"version": "nosuch"})).contains("nosuch"));
    assert!(run::<Git>(place.arguments(&json!({"version": "nosuch"})), true).failed);
    assert!(place.refusal(&json!({"version": "abcdef123"})).contains("abcdef123"));
}

#[test]
fn a_branch_that_was_written_anew_is_followed() {
    let place = Place::new();
    place.changes(&json!({"version": "dev"}));
    place.git("up", &["branch", "--force", "dev", "main"]);
    place.git("up", &["checkout", "--quiet", "dev"]);
    place.git("up", &["commit", "--quiet", "--amend", "-m", "other"]);
    place.changes(&json!({"version": "dev"}));
    assert_eq!(place.content(), "2\n");
}

#[test]
fn changes_made_there_are_kept_or_thrown_away() {
    let place = Place::new();
    place.changes(&json!({}));
    fs::write(place.path("copy/untracked"), "").unwrap();
    fs::write(place.path("copy/file"), "mine\n").unwrap();
    assert!(place.refusal(&json!({})).contains("Local modifications"));
    assert_eq!(place.content(), "mine\n");
    let outcome = place.changes(&json!({"force": true}));
    assert_eq!(place.content(), "2\n");
    assert!(outcome.msg.unwrap().contains("Local modifications") && place.path("copy/untracked").exists());
}

#[test]
fn without_clone_or_update_only_versions_are_told() {
    let place = Place::new();
    let v1 = place.git("up", &["rev-parse", "v1^{}"]);
    let outcome = run::<Git>(place.arguments(&json!({"clone": false, "version": "v1"})), false);
    assert!(outcome.changed && !place.path("copy").exists());
    assert_eq!(outcome.result["after"], v1.as_str());
    place.changes(&json!({}));
    let outcome = run::<Git>(place.arguments(&json!({"update": false, "version": "v1"})), false);
    assert!(!outcome.changed && outcome.result["before"] == outcome.result["after"]);
}

#[test]
fn history_can_be_short() {
    let place = Place::new();
    place.changes(&json!({"depth": 1}));
    assert_eq!(place.git("copy", &["rev-list", "--count", "HEAD"]), "1");
    place.commit("three", "3\n");
    place.changes(&json!({"depth": 1}));
    assert_eq!(place.content(), "3\n");
    place.changes(&json!({"depth": 1, "version": "v1"}));
    assert_eq!(place.content(), "1\n");
    let dev = place.git("up", &["rev-parse", "main~1"]);
    place.changes(&json!({"depth": 1, "version": dev}));
    assert_eq!(place.content(), "2\n");
}

#[test]
fn bare_repositories_follow_all_branches() {
    let place = Place::new();
    place.changes(&json!({"bare": true}));
    let newest = place.commit("three", "3\n");
    let outcome = place.changes(&json!({"bare": true}));
    assert_eq!(outcome.result["after"], newest.as_str());
}

#[test]
fn another_address_is_noted() {
    let place = Place::new();
    place.changes(&json!({}));
    place.git(".", &["clone", "--quiet", "--bare", "up", "other.git"]);
    let outcome = place.changes(&json!({"repo": place.path("other.git")}));
    assert_eq!(outcome.result["remote_url_changed"], true);
    assert!(same_address("file:///a//b/", "/a/b") && !same_address("https://a/b", "https://a/c"));
}

#[test]
fn refspecs_bring_what_has_no_branch() {
    let place = Place::new();
    let hidden = place.commit("hidden", "hidden\n");
    place.git("up", &["update-ref", "refs/pull/1/head", &hidden]);
    place.git("up", &["reset", "--quiet", "--hard", "HEAD~1"]);
    let arguments = json!({"refspec": "+refs/pull/*:refs/pull/*", "version": hidden});
    place.changes(&arguments);
    assert_eq!(place.content(), "hidden\n");
}

#[test]
fn submodules_come_along() {
    let place = Place::new();
    place.git(".", &["init", "--quiet", "--initial-branch=main", "lib"]);
    fs::write(place.path("lib/code"), "a\n").unwrap();
    place.git("lib", &["add", "code"]);
    place.git("lib", &["commit", "--quiet", "-m", "lib"]);
    let lib = place.path("lib").to_string_lossy().into_owned();
    place.git("up", &["submodule", "--quiet", "add", &lib, "lib"]);
    place.git("up", &["commit", "--quiet", "-m", "with lib"]);
    let mut context = crate::modules::testing::context();
    for (name, value) in [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "protocol.file.allow"),
        ("GIT_CONFIG_VALUE_0", "always"),
    ] {
        context.environment.insert(name.to_owned(), value.to_owned());
    }
    let run = |context: &mut crate::Context| {
        crate::modules::testing::run_in::<Git>(place.arguments(&json!({})), context)
    };
    assert!(run(&mut context).changed);
    assert_eq!(fs::read_to_string(place.path("copy/lib/code")).unwrap(), "a\n");
    assert!(!run(&mut context).changed);
    place.git("copy/lib", &["checkout", "--quiet", "--orphan", "elsewhere"]);
    place.git("copy/lib", &["commit", "--quiet", "-m", "moved"]);
    context.check = true;
    let predicted = run(&mut context);
    assert!(predicted.changed && predicted.result["submodules_changed"] == true, "{predicted:?}");
    context.check = false;
    assert!(run(&mut context).changed);
    assert!(!run(&mut context).changed);
}

#[test]
fn versions_are_packed() {
    let place = Place::new();
    let archive = place.path("out.tar.gz");
    let arguments = place.arguments(&json!({"archive": archive, "archive_prefix": "top/"}));
    assert!(run::<Git>(arguments.clone(), false).changed);
    let listed = Command::new("tar").arg("tzf").arg(&archive).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("top/file"));
    assert!(!run::<Git>(arguments.clone(), false).changed);
    fs::write(&archive, "spoilt").unwrap();
    assert!(run::<Git>(arguments, false).changed);
    assert!(place.refusal(&json!({"archive": place.path("out.rar")})).contains(".zip"));
}

#[test]
fn the_repository_can_be_elsewhere() {
    let place = Place::new();
    let outcome = place.changes(&json!({"separate_git_dir": place.path("apart")}));
    assert!(outcome.changed && place.path("copy/.git").is_file() && place.path("apart/HEAD").is_file());
    let outcome = place.changes(&json!({"separate_git_dir": place.path("moved")}));
    assert_eq!(Path::new(outcome.result["git_dir_now"].as_str().unwrap()), place.path("moved"));
    assert_eq!(place.git("copy", &["status", "--porcelain"]), "");
}

#[test]
fn the_umask_is_gits() {
    use std::os::unix::fs::MetadataExt as _;
    let place = Place::new();
    place.changes(&json!({"umask": "077"}));
    assert_eq!(fs::metadata(place.path("copy/file")).unwrap().mode() & 0o777, 0o600);
    assert!(place.refusal(&json!({"umask": "9"})).contains("octal"));
}

#[test]
fn what_cannot_be_is_refused() {
    let place = Place::new();
    assert!(place.refusal(&json!({"repo": place.path("none")})).contains("none"));
    assert!(run::<Git>(place.arguments(&json!({"repo": place.path("none")})), true).failed);
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/x"), "").unwrap();
    assert!(place.refusal(&json!({"dest": place.path("full")})).contains("not an empty directory"));
    assert!(place.refusal(&json!({"executable": "/no/git"})).contains("/no/git"));
    place.refusal(&json!({"bare": true, "separate_git_dir": "/x"}));
    place.refusal(&json!({"verify_commit": true}));
}
