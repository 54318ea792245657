//! crictl: says whether the container runtime works.

use serde_json::json;

use crate::failure::{Result, refuse};
use crate::flags::Flags;
use crate::terminal::say;
use crate::{cri, yaml};

/// Runs crictl.
///
/// # Errors
/// When the runtime does not answer, or something else than `info` and `version` is asked.
pub fn run(arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(
        arguments,
        "r/runtime-endpoint= i/image-endpoint= t/timeout= c/config= D/debug o/output= v/version",
    )?;
    let file =
        std::fs::read_to_string(flags.value("config").unwrap_or("/etc/crictl.yaml")).unwrap_or_default();
    let configured = yaml::documents(&file)?.pop().unwrap_or_default();
    let endpoint =
        flags.value("runtime-endpoint").or(configured["runtime-endpoint"].as_str()).unwrap_or(cri::SOCKET);
    let runtime = cri::Runtime::new(endpoint);
    match flags.words.first().map(String::as_str) {
        Some("info") => {
            runtime.version()?;
            let ready = |kind: &str| json!({"type": kind, "status": true, "reason": "", "message": ""});
            say(&json!({"status": {"conditions": [ready("RuntimeReady")]}}).to_string())
        }
        Some("version") => {
            let version = runtime.version()?;
            say(&format!(
                "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  {version}\nRuntimeApiVersion:  v1"
            ))
        }
        other => refuse!("the stand-in knows only info and version, not {}", other.unwrap_or("nothing")),
    }
}
