//! What goes wrong at Azure, and what a run makes of it: the right state in the end, and nothing that is left over.

use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use azure_sim::cloud::Settings;
use azure_sim::containers::{Containers, public_prefix};
use azure_sim::machine::Nothing;
use clouder_fleet::Software;

use crate::Azure;

/// What `up.yml` makes when nothing goes wrong.
fn undisturbed() -> &'static [String] {
    static HELD: OnceLock<Vec<String>> = OnceLock::new();
    HELD.get_or_init(|| {
        let azure = Azure::new("");
        let made = azure.run("up.yml", &[]);
        assert_eq!(made.code, 0, "{}", made.shown);
        azure.holds()
    })
}

/// A further run changes nothing, and what is there is what should be.
fn stands(azure: &Azure, what: &str) {
    azure.writes();
    let again = azure.run("up.yml", &[]);
    assert_eq!((again.code, azure.writes()), (0, 0), "{what}: {}", again.shown);
    assert!(again.recap("localhost").contains("changed=0"), "{what}: {}", again.shown);
    assert_eq!(azure.holds(), undisturbed(), "{what}");
}

#[test]
fn storms_are_weathered() {
    let storms = [
        "rules: [{path: '/subscriptions/**', every: 3, answer: {status: 500}}]",
        "rules: [{path: '/subscriptions/**', every: 2, count: 25, answer: {status: 429, retry_after: 0}}]",
        "rules: [{method: [PUT], after: 3, count: 5, answer: {status: 429, retry_after: 1}}]",
        "rules: [{method: [PUT], every: 4, answer: {status: 503, retry_after: 0, done: true}}]",
        "rules: [{method: [PUT], path: '**/virtualNetworks/**', every: 2, answer: {status: 409}}]",
    ];
    std::thread::scope(|scope| {
        for storm in storms {
            scope.spawn(move || {
                let azure = Azure::new(storm);
                let made = azure.run("up.yml", &[]);
                assert_eq!(made.code, 0, "{storm}: {}", made.shown);
                assert!(azure.log().iter().any(|asked| asked.0["status"].as_u64() >= Some(409)), "{storm}");
                stands(&azure, storm);
            });
        }
    });
}

#[test]
fn what_failed_is_told_and_made_by_the_next_run() {
    let azure = Azure::new(
        "rules: [{method: [PUT], path: '**/virtualMachines/vm-1', count: 1, \
         fail: {code: SkuNotAvailable, message: none left}}]",
    );
    let failed = azure.run("up.yml", &[]);
    assert_eq!(failed.code, 2, "{}", failed.shown);
    for said in ["SkuNotAvailable: none left (request ", "; choose another size or zone"] {
        assert!(failed.shown.contains(said), "{said}: {}", failed.shown);
    }
    azure.writes();
    let made = azure.run("up.yml", &[]);
    assert_eq!(made.code, 0, "{}", made.shown);
    assert!(azure.log().iter().any(|asked| asked.writes() && asked.path().ends_with("/vm-1")));
    stands(&azure, "after a failure");
}

#[test]
fn tokens_are_renewed_when_they_expire_and_when_they_are_refused() {
    for told in [None, Some(Duration::from_secs(3600))] {
        let lifetime = Duration::from_secs(1);
        let settings = Settings { token_lifetime: lifetime, token_told: told, ..Settings::default() };
        let azure = Azure::of("", settings, Box::new(Nothing));
        let made = azure.run("up.yml", &[]);
        assert_eq!(made.code, 0, "{}", made.shown);
        let log = azure.log();
        let refused = log.iter().filter(|asked| asked.0["status"] == 401).count();
        let tokens = log.iter().filter(|asked| asked.path().contains("/oauth2/")).count();
        // One that is known to end soon is renewed before; what clouder cannot know, Azure tells it.
        let renewed = if told.is_some() { (1..=refused).contains(&(tokens - 1)) } else { tokens > 1 };
        assert!(renewed, "{tokens} tokens, {refused} refused");
        stands(&azure, "after tokens that expired");
    }
}

#[test]
fn a_run_that_was_killed_after_each_step_goes_on() {
    let azure = Azure::new("");
    for step in 1..=10 {
        azure.writes();
        let mut running = azure.command(&["run"]);
        let playbook = concat!(env!("CARGO_MANIFEST_DIR"), "/azure/up.yml");
        let mut running = running.arg(playbook).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !azure.log().iter().any(crate::Asked::writes) && running.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "step {step} was not reached");
            std::thread::sleep(Duration::from_millis(2));
        }
        // SIGKILL, right after a request that changes something.
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let made = azure.run("up.yml", &[]);
    assert_eq!(made.code, 0, "{}", made.shown);
    stands(&azure, "after ten runs that were killed");
    azure.writes();
    let down = azure.run("down.yml", &["--start-at-task", "delete all"]);
    assert_eq!((down.code, azure.holds()), (0, Vec::new()), "{}", down.shown);
}

#[test]
fn a_machine_that_never_boots_is_told_and_made_anew() {
    let fleet = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_default();
    let name = format!("tests-boot{fleet}");
    let public = public_prefix(&name);
    let machines = Containers::new(&name, &public, Software::Bare).unwrap();
    let dead = "rules: [{method: [PUT], path: '**/virtualMachines/*', count: 1, boots: false}]";
    let settings = Settings { public_prefix: public, ..Settings::default() };
    let azure = Azure::of(dead, settings, Box::new(machines));
    let key = azure.key();
    let public_key = format!("public_key_file={key}.pub");
    let playbook = concat!(env!("CARGO_MANIFEST_DIR"), "/azure/boot.yml");
    let run = |more: &[&str]| {
        azure.clouder(&[&["run", playbook, "--private-key", &key, "-e", &public_key], more].concat())
    };

    let waited = run(&[]);
    assert_eq!(waited.code, 2, "{}", waited.shown);
    let said = "timed out waiting for the host: ";
    assert!(waited.shown.contains(said) && waited.shown.contains("vm-1"), "{}", waited.shown);
    let again = run(&["-e", "anew=true"]);
    assert_eq!(again.code, 0, "{}", again.shown);
    let held = azure.holds();
    azure.writes();
    let again = run(&[]);
    assert_eq!((again.code, azure.writes()), (0, 0), "{}", again.shown);
    assert_eq!(azure.holds(), held);
    assert_eq!(held.iter().filter(|id| id.contains("/disks/")).count(), 1, "{held:?}");
    azure.server.cloud().machines.end();
}
