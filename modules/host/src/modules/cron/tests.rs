use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::Cron;
use crate::Outcome;
use crate::modules::testing::{changes_once, context, folder, mode, refusal, run, run_in};

/// Arguments for a file, with more.
fn in_file(path: &Path, more: &Value) -> Value {
    let mut arguments = json!({"cron_file": path, "user": "root"});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    arguments
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn jobs_come_change_and_go() {
    let (_guard, at) = folder();
    let path = at.join("jobs");
    let outcome = changes_once::<Cron>(&in_file(
        &path,
        &json!({"name": "a b", "job": "run it", "minute": 5, "hour": "1,2"}),
    ));
    assert_eq!(text(&path), "#Ansible: a b\n5 1,2 * * * root run it\n");
    assert_eq!((outcome.result["jobs"].clone(), mode(&path)), (json!(["a b"]), 0o644));
    changes_once::<Cron>(&in_file(&path, &json!({"name": "c", "job": "other", "special_time": "reboot"})));
    changes_once::<Cron>(&in_file(
        &path,
        &json!({"name": "a b", "job": "run it", "dow": "sun", "dom": 3, "month": "jan"}),
    ));
    changes_once::<Cron>(&in_file(
        &path,
        &json!({"name": "c", "job": "other", "special_time": "reboot", "disabled": true}),
    ));
    assert_eq!(text(&path), "#Ansible: a b\n* * 3 jan sun root run it\n#Ansible: c\n#@reboot root other\n");
    changes_once::<Cron>(&json!({"cron_file": path, "name": "a b", "state": "absent"}));
    changes_once::<Cron>(&json!({"cron_file": path, "name": "c", "state": "absent"}));
    assert_eq!(text(&path), "");
    assert!(
        !run::<Cron>(json!({"cron_file": at.join("none"), "name": "c", "state": "absent"}), false).changed
    );
    assert!(!at.join("none").exists());
}

#[test]
fn other_lines_stay_and_marks_without_a_job_get_theirs() {
    let (_guard, at) = folder();
    let path = at.join("jobs");
    fs::write(&path, "# without an end").unwrap();
    assert!(!run::<Cron>(json!({"cron_file": path, "name": "c", "state": "absent"}), false).changed);
    fs::write(&path, "# mine\n\n5 4 * * * root own\n#Ansible: lone\n#Ansible: next\n1 1 * * * root next")
        .unwrap();
    changes_once::<Cron>(&in_file(&path, &json!({"name": "lone", "job": "x"})));
    assert_eq!(
        text(&path),
        "# mine\n\n5 4 * * * root own\n#Ansible: lone\n* * * * * root x\n#Ansible: next\n1 1 * * * root next\n"
    );
    changes_once::<Cron>(&json!({"cron_file": path, "name": "next", "state": "absent"}));
    assert!(text(&path).ends_with("#Ansible: lone\n* * * * * root x\n"));
}

#[test]
fn variables_have_their_places() {
    let (_guard, at) = folder();
    let path = at.join("jobs");
    fs::write(&path, "# top\nMAILTO = root\n#NOT=one\n* * * * * root A=b run\n").unwrap();
    let set = |more: Value| changes_once::<Cron>(&in_file(&path, &more));
    set(json!({"name": "PATH", "env": true, "value": "/opt/bin"}));
    set(json!({"name": "AFTER", "env": true, "job": "a b", "insertafter": "MAILTO"}));
    set(json!({"name": "BEFORE", "env": true, "job": "say \"x\"", "insertbefore": "MAILTO"}));
    let outcome = set(json!({"name": "MAILTO", "env": true, "job": "ops"}));
    assert_eq!(
        text(&path),
        "PATH=\"/opt/bin\"\n# top\nBEFORE='say \"x\"'\nMAILTO=\"ops\"\nAFTER=\"a b\"\n#NOT=one\n* * * * * root A=b run\n"
    );
    assert_eq!(outcome.result["envs"], json!(["PATH", "BEFORE", "MAILTO", "AFTER"]));
    changes_once::<Cron>(&json!({"cron_file": path, "name": "PATH", "env": true, "state": "absent"}));
    assert!(text(&path).starts_with("# top\n"));
    let arguments = in_file(&path, &json!({"name": "X", "env": true, "job": "1", "insertafter": "NONE"}));
    assert_eq!(refusal::<Cron>(&arguments), "Variable named 'NONE' not found.");
}

#[test]
fn the_old_table_is_kept_when_it_changes() {
    let (_guard, at) = folder();
    let path = at.join("jobs");
    fs::write(&path, "# old\n").unwrap();
    let outcome = changes_once::<Cron>(&in_file(&path, &json!({"name": "a", "job": "x", "backup": true})));
    let kept = outcome.result["backup_file"].as_str().unwrap();
    assert_eq!(text(Path::new(kept)), "# old\n");
    fs::remove_file(kept).unwrap();
    let again = run::<Cron>(in_file(&path, &json!({"name": "a", "job": "x", "backup": true})), false);
    assert!(!again.result.contains_key("backup_file"));
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (arguments, reason) in [
        (json!({"name": "a"}), "You must specify 'job'"),
        (
            json!({"name": "a", "job": "x", "special_time": "daily", "minute": 3}),
            "cannot combine special_time",
        ),
        (json!({"name": "a", "job": "x", "cron_file": "/none/x"}), "must specify user"),
        (json!({"name": "a", "job": "x", "insertafter": "y"}), "valid only with env"),
        (json!({"name": "a", "job": "x\n* * * * * y"}), "line break"),
        (json!({"name": "a", "job": "x", "special_time": "noon"}), "noon"),
    ] {
        assert!(refusal::<Cron>(&arguments).contains(reason), "{arguments}");
    }
}

/// Runs the module with a `crontab` that keeps tables in a folder.
fn with_crontab(at: &Path, arguments: &Value, check: bool) -> Outcome {
    let script = at.join("crontab");
    if !script.exists() {
        let text = format!(
            "#!/bin/sh\nuser=me\n[ \"$1\" = -u ] && {{ user=$2; shift 2; }}\ntable={}/table.$user\n\
             case $1 in\n-l) cat \"$table\" 2>/dev/null || {{ echo \"no crontab for $user\" >&2; exit 1; }};;\n\
             -) new=$(cat; echo .); case $new in *bad*) echo 'bad minute' >&2; exit 1;; esac\n\
             printf %s \"${{new%.}}\" >\"$table\";;\nesac\n",
            at.display()
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut context = context();
    context.check = check;
    let path = format!("{}:{}", at.display(), std::env::var("PATH").unwrap());
    context.environment.insert("PATH".to_owned(), path);
    run_in::<Cron>(arguments.clone(), &mut context)
}

#[test]
fn tables_of_users_go_through_crontab() {
    let (_guard, at) = folder();
    fs::write(at.join("table.other"), "# mine\n").unwrap();
    let arguments = json!({"name": "a", "job": "x", "user": "other"});
    assert!(with_crontab(&at, &arguments, true).changed);
    assert_eq!(text(&at.join("table.other")), "# mine\n");
    let outcome = with_crontab(&at, &arguments, false);
    assert_eq!(outcome.diff[0].after_header.as_deref(), Some("crontab for user \"other\""));
    assert!(!with_crontab(&at, &arguments, false).changed);
    assert_eq!(text(&at.join("table.other")), "# mine\n#Ansible: a\n* * * * * x\n");
    assert!(with_crontab(&at, &json!({"name": "a", "job": "x"}), false).changed);
    assert_eq!(text(&at.join("table.me")), "#Ansible: a\n* * * * * x\n");
    let refused = with_crontab(&at, &json!({"name": "b", "job": "bad"}), false);
    assert!(refused.failed && refused.msg.unwrap().contains("bad minute"));
    assert_eq!(text(&at.join("table.me")), "#Ansible: a\n* * * * * x\n");
}
