use std::cell::Cell;

use serde_json::{Value, json};

use super::*;
use crate::modules::testing::{context, folder, mode};
use crate::modules::testing_server::{Server, text};
use crate::system::openpgp::tests::{PLAIN, PLAIN_FINGERPRINT};

/// apt's files in a folder, and lists that are not fetched really.
struct Host {
    _guard: tempfile::TempDir,
    places: Places,
    fetched: Cell<u32>,
    fails: Cell<bool>,
}

impl Host {
    fn new() -> Self {
        let (guard, apt) = folder();
        fs::create_dir(apt.join("sources.list.d")).unwrap();
        let places = Places { apt, launchpad: String::new(), keyserver: String::new() };
        Self { _guard: guard, places, fetched: Cell::new(0), fails: Cell::new(false) }
    }

    fn run(&self, arguments: &Value, check: bool) -> Result<Outcome, String> {
        let mut context = context();
        context.check = check;
        let args = AptRepositoryArgs::read(arguments.as_object().unwrap().clone()).unwrap();
        let fetch = |_: &Context| {
            self.fetched.set(self.fetched.get() + 1);
            if self.fails.get() { Err(ModuleError::new("Failed to update apt cache")) } else { Ok(()) }
        };
        manage(&args, &self.places, &fetch, &context).map_err(|error| error.to_string())
    }

    fn changes_once(&self, arguments: &Value) -> Outcome {
        for _ in 0..2 {
            assert!(self.run(arguments, true).unwrap().changed, "a change is foreseen");
        }
        let outcome = self.run(arguments, false).unwrap();
        assert!(outcome.changed);
        for check in [false, true] {
            assert!(!self.run(arguments, check).unwrap().changed, "no second change");
        }
        outcome
    }

    fn path(&self, name: &str) -> PathBuf {
        self.places.apt.join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

#[test]
fn sources_come_and_go() {
    let host = Host::new();
    let repo = "deb [arch=amd64]  http://a.org/d   sid main # why";
    let outcome = host.changes_once(&json!({"repo": repo}));
    let path = host.path("sources.list.d/a_org_d.list");
    assert_eq!(outcome.result["sources_added"], json!([path]));
    assert_eq!(
        (host.text("sources.list.d/a_org_d.list").as_str(), mode(&path)),
        ("deb [arch=amd64] http://a.org/d sid main\n", 0o644)
    );
    assert_eq!(host.fetched.get(), 1);
    host.changes_once(&json!({"repo": "deb http://b.org/ ./", "filename": "a_org_d", "update_cache": false}));
    host.changes_once(&json!({"repo": "deb-src http://c.org/ sid main", "filename": "c", "mode": "0600"}));
    assert_eq!((host.fetched.get(), mode(&host.path("sources.list.d/c.list"))), (2, 0o600));
    let outcome = host.changes_once(&json!({"repo": repo, "state": "absent"}));
    assert_eq!(outcome.result["sources_removed"], json!([]));
    assert_eq!(host.text("sources.list.d/a_org_d.list"), "deb http://b.org/ ./\n");
    let outcome = host.changes_once(&json!({"repo": "deb http://b.org/ ./", "state": "absent"}));
    assert_eq!(outcome.result["sources_removed"], json!([path]));
    assert!(!path.exists());
}

#[test]
fn sources_are_known_wherever_they_are() {
    let host = Host::new();
    fs::write(
        host.path("sources.list"),
        "deb http://a.org/d sid main # why\n# deb http://b.org/d sid main # off\n",
    )
    .unwrap();
    fs::write(host.path("sources.list.d/x.list"), "# text\n deb  http://c.org/d  sid main").unwrap();
    fs::write(host.path("sources.list.d/y.list.save"), "deb http://d.org/d sid main\n").unwrap();
    for host_name in ["a", "c"] {
        let repo = format!("deb http://{host_name}.org/d sid main");
        assert!(!host.run(&json!({"repo": repo}), false).unwrap().changed);
    }
    host.changes_once(&json!({"repo": "deb http://b.org/d sid main"}));
    assert_eq!(
        host.text("sources.list"),
        "deb http://a.org/d sid main # why\ndeb http://b.org/d sid main # off\n"
    );
    host.changes_once(&json!({"repo": "deb http://d.org/d sid main"}));
    host.changes_once(&json!({"repo": "deb http://c.org/d sid main", "state": "absent"}));
    assert_eq!(host.text("sources.list.d/x.list"), "# text\n");
}

#[test]
fn a_source_that_cannot_be_used_is_taken_back() {
    let host = Host::new();
    host.fails.set(true);
    fs::write(host.path("sources.list.d/a_org_d.list"), "deb http://b.org/d sid main\n").unwrap();
    for repo in ["deb http://a.org/d sid main", "deb http://c.org/d sid main"] {
        assert!(host.run(&json!({"repo": repo}), false).unwrap_err().contains("Failed to update"));
    }
    assert!(host.run(&json!({"repo": "deb http://b.org/d sid main", "state": "absent"}), false).is_err());
    assert_eq!(host.text("sources.list.d/a_org_d.list"), "deb http://b.org/d sid main\n");
    assert_eq!(fs::read_dir(host.path("sources.list.d")).unwrap().count(), 1);
}

#[test]
fn archives_of_launchpad_come_with_their_keys() {
    let mut host = Host::new();
    let server = Server::start(|asked| match asked.target.as_str() {
        "/api/~me/+archive/ubuntu/tools" => {
            text(&json!({"signing_key_fingerprint": PLAIN_FINGERPRINT}).to_string())
        }
        "/api/~me/+archive/ubuntu/ppa" => text("{\"signing_key_fingerprint\": null}"),
        target if target.ends_with(PLAIN_FINGERPRINT) => text(PLAIN),
        _ => (404, Vec::new(), Vec::new()),
    });
    host.places.launchpad = server.url("/api");
    host.places.keyserver = server.url("");
    let key = host.path("keyrings/me-ubuntu-tools.gpg");
    host.changes_once(&json!({"repo": "ppa:me/tools", "codename": "noble"}));
    let line = format!(
        "deb [signed-by={}] https://ppa.launchpadcontent.net/me/tools/ubuntu noble main\n",
        key.display()
    );
    assert_eq!(host.text("sources.list.d/ppa_launchpadcontent_net_me_tools_ubuntu.list"), line);
    assert_eq!(openpgp_fingerprint(&key), PLAIN_FINGERPRINT);
    // One that was added without naming the key counts as well.
    let other = "deb https://ppa.launchpadcontent.net/me/tools/ubuntu jammy main";
    host.changes_once(&json!({"repo": other}));
    assert!(!host.run(&json!({"repo": "ppa:me/tools", "codename": "jammy"}), false).unwrap().changed);
    host.changes_once(&json!({"repo": "ppa:me/tools", "codename": "noble", "state": "absent"}));
    assert!(!key.exists());
    for (repo, reason) in [
        ("ppa:me", "no key yet"),
        ("ppa:you/tools", "failed to fetch PPA information"),
        ("ppa:me/a b", "not like"),
        ("nonsense", "Invalid repository string"),
        ("# deb http://a.org/d sid main", "Invalid repository string"),
    ] {
        let refused = host.run(&json!({"repo": repo, "codename": "noble"}), false).unwrap_err();
        assert!(refused.contains(reason), "{repo}: {refused}");
    }
}

fn openpgp_fingerprint(path: &Path) -> String {
    crate::system::openpgp::read(&fs::read(path).unwrap()).unwrap()[0].fingerprint.clone()
}
