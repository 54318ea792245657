//! Python, for playbooks that ask; clouder itself needs none on the host.

use serde_json::json;

use super::collectors::{Gathered, Host};
use crate::system::dpkg;

const EXECUTABLE: &str = "/usr/bin/python3";

/// The version of the host's `/usr/bin/python3`.
pub(super) struct Version {
    /// As text: `3.13.5`.
    pub(super) text: String,
    parts: [u32; 3],
}

/// The version, without starting it where the package manager knows; `None` where there is no Python.
pub(super) fn version(host: &Host<'_>) -> Option<Version> {
    if !host.files.exists(EXECUTABLE) {
        return None;
    }
    packaged(host).or_else(|| {
        let program = "import platform; print(platform.python_version())";
        let finished = host.context.tool(EXECUTABLE).arguments(["-I", "-S", "-c", program]).run().ok()?;
        parse(finished.out().trim())
    })
}

/// `/usr/bin/python3` leads to `python3.13`, and that package's version begins with Python's.
fn packaged(host: &Host<'_>) -> Option<Version> {
    let name = host.files.link_name(EXECUTABLE)?;
    let status = host.files.text(dpkg::STATUS)?;
    let package = status.find(&format!("\nPackage: {name}-minimal\n")).map(|at| &status[at + 1..])?;
    let paragraph = package.split("\n\n").next()?;
    let version = paragraph.lines().find_map(|line| line.strip_prefix("Version: "))?;
    let upstream = version.split('-').next()?;
    parse(upstream).filter(|version| name == format!("python{}.{}", version.parts[0], version.parts[1]))
}

fn parse(text: &str) -> Option<Version> {
    let numbers: Vec<u32> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let parts = <[u32; 3]>::try_from(numbers).ok()?;
    Some(Version { text: text.to_owned(), parts })
}

/// `python`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let Some(version) = version(host) else { return };
    let [major, minor, micro] = version.parts;
    gathered.set(
        "python",
        json!({
            "executable": EXECUTABLE,
            "has_sslcontext": true,
            "type": "cpython",
            "version": {"major": major, "minor": minor, "micro": micro, "releaselevel": "final", "serial": 0},
            "version_info": [major, minor, micro, "final", 0],
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_whole_versions_are_taken() {
        assert_eq!(parse("3.13.5").unwrap().parts, [3, 13, 5]);
        assert!(parse("3.14.0~rc1").is_none() && parse("3.13").is_none());
    }
}
