//! Microsoft's own SDK for Python against the simulator.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clouder_fleet::{Service, run};

/// Python with Microsoft's SDK.
fn python() -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/requirements.txt");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("azure-sdk");
    clouder_fleet::python(&folder, &fs::read_to_string(requirements).unwrap()).unwrap()
}

#[test]
fn microsofts_sdk_finds_what_it_expects() {
    let python = python();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let arguments = [
        "--tls",
        "--latency",
        "0.3",
        "--retry-after",
        "0",
        "--cores",
        "10",
        "--page",
        "3",
        "--principal-delay",
        "1",
        "--log",
        log.to_str().unwrap(),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_azure-sim"));
    let simulator = Service::start(command.arg("--folder").arg(folder.path()).args(arguments)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/truth.py");
    let words = ["-B", script.to_str().unwrap(), simulator.ready()];
    let output = run(python.to_str().unwrap(), &words).unwrap();
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    // What it logged tells of each request, and nothing that is secret.
    let log = fs::read_to_string(log).unwrap();
    let secret = fs::read_to_string(folder.path().join("client-secret")).unwrap();
    assert!(log.lines().all(|line| line.starts_with('{')) && log.contains("/oauth2/v2.0/token"));
    assert!(!log.contains(&secret) && !log.contains("Bearer") && !log.contains("azureuser"));
}
