use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Systemd;
use crate::Outcome;
use crate::modules::testing::{context, folder, run_in};

/// A systemctl that keeps what it knows of units in files, and all calls in a list.
const SYSTEMCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")/units" || exit 9
echo "$XDG_RUNTIME_DIR:$*" >>../calls
while [ "${1#--}" != "$1" ]; do shift; done
verb=$1; shift
while [ "${1#--}" != "$1" ]; do shift; done
unit=${1%.service}
state() { sed -i "s/^$2=.*/$2=$3/" "$1"; }
case $verb in
show) cat "$unit" 2>/dev/null || echo "LoadState=not-found";;
is-enabled) sed -n 's/^UnitFileState=//p' "$unit"; grep -Eq '^UnitFileState=(enabled|static|indirect|generated)$' "$unit";;
enable|disable)
  for other in $(sed -n 's/^Also=//p' "$(sed -n 's/^FragmentPath=//p' "$unit")" 2>/dev/null) "$unit"; do
    grep -q '^UnitFileState=indirect' "$other" || state "$other" UnitFileState "${verb}d"
  done;;
mask) state "$unit" LoadState masked;;
unmask) state "$unit" LoadState loaded;;
start|restart|reload) state "$unit" ActiveState active;;
stop) state "$unit" ActiveState inactive;;
esac
"#;

/// A host with the stand-in.
struct Host {
    _guard: tempfile::TempDir,
    at: PathBuf,
}

impl Host {
    fn new() -> Self {
        let (guard, at) = folder();
        fs::create_dir(at.join("units")).unwrap();
        fs::write(at.join("systemctl"), SYSTEMCTL).unwrap();
        fs::set_permissions(at.join("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { _guard: guard, at }
    }

    fn unit(&self, name: &str, file_state: &str, active: &str) {
        let text = format!(
            "Id={name}.service\nLoadState=loaded\nActiveState={active}\nUnitFileState={file_state}\nFragmentPath={}\n",
            self.at.join(format!("{name}.file")).display()
        );
        fs::write(self.at.join("units").join(name), text).unwrap();
    }

    fn run(&self, arguments: &Value, check: bool) -> Outcome {
        let mut context = context();
        context.check = check;
        let path = format!("{}:{}", self.at.display(), std::env::var("PATH").unwrap());
        context.environment.insert("PATH".to_owned(), path);
        run_in::<Systemd>(arguments.clone(), &mut context)
    }

    #[track_caller]
    fn changes_once(&self, arguments: &Value) {
        for check in [true, true, false] {
            let outcome = self.run(arguments, check);
            assert!(outcome.changed && !outcome.failed, "{arguments} changes: {outcome:?}");
        }
        self.stays(arguments);
    }

    #[track_caller]
    fn stays(&self, arguments: &Value) {
        for check in [false, true] {
            let outcome = self.run(arguments, check);
            assert!(!outcome.changed && !outcome.failed, "{arguments} stays: {outcome:?}");
        }
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.at.join("calls")).unwrap()
    }
}

#[test]
fn units_are_enabled_started_and_masked_once() {
    let host = Host::new();
    host.unit("web", "disabled", "inactive");
    host.changes_once(&json!({"name": "web", "enabled": true, "state": "started"}));
    host.changes_once(&json!({"name": "web.service", "enabled": false, "state": "stopped"}));
    host.changes_once(&json!({"name": "web", "masked": true}));
    host.changes_once(&json!({"name": "web", "masked": false}));
    assert!(host.run(&json!({"name": "web", "state": "restarted"}), false).changed);
    assert!(host.run(&json!({"name": "none", "state": "started"}), false).failed);
}

#[test]
fn units_that_cannot_be_enabled_stay() {
    let host = Host::new();
    for state in ["static", "transient", "generated"] {
        host.unit("fixed", state, "active");
        for enabled in [true, false] {
            host.stays(&json!({"name": "fixed", "enabled": enabled}));
        }
    }
    assert!(!host.calls().contains("able fixed.service"), "{}", host.calls());
}

#[test]
fn units_that_are_only_linked_are_not_enabled() {
    let host = Host::new();
    host.unit("web", "linked", "inactive");
    host.stays(&json!({"name": "web", "enabled": false}));
    host.changes_once(&json!({"name": "web", "enabled": true}));
}

#[test]
fn indirect_units_are_as_those_they_enable() {
    let host = Host::new();
    fs::write(host.at.join("front.file"), "[Install]\nAlso=back fixed\n").unwrap();
    host.unit("front", "indirect", "inactive");
    host.unit("back", "disabled", "inactive");
    host.unit("fixed", "static", "inactive");
    host.stays(&json!({"name": "front", "enabled": false}));
    let outcome = host.run(&json!({"name": "front", "enabled": true}), true);
    assert!(outcome.changed);
    fs::write(host.at.join("front.file"), "[Install]\nAlso=back\n").unwrap();
    host.changes_once(&json!({"name": "front", "enabled": true}));
    host.changes_once(&json!({"name": "front", "enabled": false}));
}

#[test]
fn an_alias_is_enabled_under_the_unit_s_own_name() {
    let host = Host::new();
    host.unit("ssh", "disabled", "inactive");
    std::os::unix::fs::symlink("ssh", host.at.join("units/sshd")).unwrap();
    host.changes_once(&json!({"name": "sshd", "enabled": true}));
    assert!(host.calls().contains("enable ssh.service"));
}

#[test]
fn patterns_are_refused() {
    let host = Host::new();
    for name in ["web*", "we?", "[w]eb"] {
        let outcome = host.run(&json!({"name": name, "state": "started"}), false);
        assert!(outcome.failed && outcome.msg.unwrap().contains("pattern"), "{name}");
    }
    assert!(!Path::new(&host.at.join("calls")).exists());
}

#[test]
fn the_user_s_systemd_is_found_without_a_login() {
    let host = Host::new();
    host.unit("mine", "disabled", "inactive");
    host.changes_once(&json!({"name": "mine", "enabled": true, "scope": "user"}));
    let expected = match std::env::var("XDG_RUNTIME_DIR") {
        Ok(folder) => folder,
        Err(_) => format!("/run/user/{}", rustix::process::geteuid().as_raw()),
    };
    assert!(host.calls().contains(&format!("{expected}:--user enable")), "{}", host.calls());
}
