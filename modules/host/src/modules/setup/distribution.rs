//! The distribution and its version.

use std::collections::BTreeMap;

use serde_json::json;

use super::collectors::{Gathered, Host};
use super::files::Files;

const OS_RELEASE: &str = "/etc/os-release";

/// A distribution that goes by another name than it gives itself, or keeps its version elsewhere.
struct Known {
    /// `ID` in os-release.
    id: &'static str,
    /// What playbooks call it.
    name: &'static str,
    family: &'static str,
    /// The file that tells it apart, and whose kind of file that is.
    file: &'static str,
    variety: &'static str,
}

const fn known(
    id: &'static str,
    name: &'static str,
    family: &'static str,
    file: &'static str,
    variety: &'static str,
) -> Known {
    Known { id, name, family, file, variety }
}

const REDHAT: &str = "/etc/redhat-release";

const DISTRIBUTIONS: &[Known] = &[
    known("debian", "Debian", "Debian", OS_RELEASE, "Debian"),
    known("raspbian", "Debian", "Debian", OS_RELEASE, "Debian"),
    known("ubuntu", "Ubuntu", "Debian", OS_RELEASE, "Debian"),
    known("linuxmint", "Linux Mint", "Debian", OS_RELEASE, "Debian"),
    known("devuan", "Devuan", "Debian", OS_RELEASE, "Debian"),
    known("kali", "Kali", "Debian", OS_RELEASE, "Debian"),
    known("neon", "KDE neon", "Debian", OS_RELEASE, "Debian"),
    known("pop", "Pop!_OS", "Debian", OS_RELEASE, "Debian"),
    known("rhel", "RedHat", "RedHat", REDHAT, "RedHat"),
    known("centos", "CentOS", "RedHat", REDHAT, "RedHat"),
    known("rocky", "Rocky", "RedHat", REDHAT, "RedHat"),
    known("almalinux", "AlmaLinux", "RedHat", REDHAT, "RedHat"),
    known("fedora", "Fedora", "RedHat", REDHAT, "RedHat"),
    known("scientific", "Scientific", "RedHat", REDHAT, "RedHat"),
    known("ol", "OracleLinux", "RedHat", "/etc/oracle-release", "OracleLinux"),
    known("amzn", "Amazon", "RedHat", "/etc/system-release", "Amazon"),
    known("openEuler", "openEuler", "RedHat", REDHAT, "RedHat"),
    known("sles", "SLES", "Suse", OS_RELEASE, "SUSE"),
    known("sled", "SLED", "Suse", OS_RELEASE, "SUSE"),
    known("sles_sap", "SLES_SAP", "Suse", OS_RELEASE, "SUSE"),
    known("opensuse-leap", "openSUSE Leap", "Suse", OS_RELEASE, "SUSE"),
    known("opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse", OS_RELEASE, "SUSE"),
    known("alpine", "Alpine", "Alpine", "/etc/alpine-release", "Alpine"),
    known("arch", "Archlinux", "Archlinux", "/etc/arch-release", "Archlinux"),
    known("manjaro", "Manjaro", "Archlinux", OS_RELEASE, "Archlinux"),
    known("gentoo", "Gentoo", "Gentoo", "/etc/gentoo-release", "Gentoo"),
    known("flatcar", "Flatcar", "Flatcar", OS_RELEASE, "Flatcar"),
    known("nixos", "NixOS", "NixOS", OS_RELEASE, "NA"),
];

/// `os_family`, `distribution` and all `distribution_…`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let release = os_release(&host.files);
    let value = |key: &str| release.get(key).cloned().unwrap_or_default();
    let (id, like) = (value("ID"), value("ID_LIKE"));
    let entry = DISTRIBUTIONS.iter().find(|known| known.id == id);
    let name = match entry {
        Some(known) => known.name.to_owned(),
        None => value("NAME"),
    };
    // One not listed is of the family of the one it says it is like.
    let family = entry
        .or_else(|| {
            like.split_whitespace().find_map(|like| DISTRIBUTIONS.iter().find(|known| known.id == like))
        })
        .map_or_else(|| name.clone(), |known| known.family.to_owned());
    let version = version(&host.files, &id, &value("VERSION_ID"));
    let mut parts = version.split('.');
    let major = parts.next().unwrap_or_default().to_owned();
    if let Some(minor) = parts.next() {
        gathered.set("distribution_minor_version", minor);
    }
    gathered.set("distribution_release", codename(&host.files, &id, &release));
    gathered.set("distribution_major_version", major);
    gathered.set("distribution_version", version);
    gathered.set("distribution", name);
    gathered.set("os_family", family);
    let file = entry.map_or(OS_RELEASE, |known| known.file);
    let file = if host.files.exists(file) { file } else { OS_RELEASE };
    if host.files.exists(file) {
        gathered.set("distribution_file_path", file);
        gathered.set("distribution_file_variety", entry.map_or("NA", |known| known.variety));
        gathered.set("distribution_file_parsed", true);
    }
}

/// `KEY=value` lines, values without their quotes.
fn os_release(files: &Files) -> BTreeMap<String, String> {
    let text = files.text(OS_RELEASE).or_else(|| files.text("/usr/lib/os-release")).unwrap_or_default();
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned()))
        .collect()
}

/// Debian and Alpine keep the point release in a file of their own.
fn version(files: &Files, id: &str, announced: &str) -> String {
    let own = match id {
        "debian" | "raspbian" => files.word("/etc/debian_version"),
        "alpine" => files.word("/etc/alpine-release"),
        "centos" => centos_version(files),
        _ => None,
    };
    let own = own.filter(|version| version.starts_with(|first: char| first.is_ascii_digit()));
    match (own, announced) {
        (Some(own), _) => own,
        (None, "") if id == "arch" || id == "opensuse-tumbleweed" => "rolling".to_owned(),
        (None, "") => files.word("/etc/debian_version").unwrap_or_else(|| "NA".to_owned()),
        (None, announced) => announced.to_owned(),
    }
}

/// The numbers in `CentOS Linux release 7.9.2009 (Core)`, to the second.
fn centos_version(files: &Files) -> Option<String> {
    let text = files.word(REDHAT)?;
    let numbers =
        text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    Some(numbers.split('.').take(2).collect::<Vec<_>>().join("."))
}

fn codename(files: &Files, id: &str, release: &BTreeMap<String, String>) -> String {
    let value = |key: &str| release.get(key).cloned().filter(|value| !value.is_empty());
    let in_brackets = |text: &str| {
        let inner = text.split_once('(')?.1.split_once(')')?.0;
        Some(inner.to_owned())
    };
    let name = match id {
        "centos" if value("NAME").is_some_and(|name| name.contains("Stream")) => Some("Stream".to_owned()),
        "sles" | "sled" | "sles_sap" | "opensuse-leap" => Some(
            value("VERSION_ID")
                .and_then(|version| Some(version.split_once('.')?.1.to_owned()))
                .unwrap_or_else(|| "0".to_owned()),
        ),
        "fedora" => Some(String::new()),
        _ => value("VERSION_CODENAME")
            .or_else(|| files.word(REDHAT).and_then(|text| in_brackets(&text)))
            .or_else(|| value("VERSION").and_then(|text| in_brackets(&text))),
    };
    name.unwrap_or_else(|| "NA".to_owned())
}

/// `lsb`, where the host has `lsb_release` or its file; what that prints comes from files, which are read instead.
pub(super) fn collect_lsb(host: &Host<'_>, gathered: &mut Gathered) {
    let own: BTreeMap<String, String> = host
        .files
        .text("/etc/lsb-release")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        .collect();
    let installed = ["/usr/bin/lsb_release", "/bin/lsb_release"].iter().any(|path| host.files.exists(path));
    if own.is_empty() && !installed {
        gathered.set("lsb", json!({}));
        return;
    }
    let release = os_release(&host.files);
    let id = release.get("ID").map(String::as_str).unwrap_or_default();
    let name = DISTRIBUTIONS.iter().find(|known| known.id == id).map(|known| known.name.to_owned());
    let value = |own_key: &str, key: &str| own.get(own_key).or_else(|| release.get(key)).cloned();
    let number = value("DISTRIB_RELEASE", "VERSION_ID").unwrap_or_default();
    gathered.set(
        "lsb",
        json!({
            "id": own.get("DISTRIB_ID").cloned().or(name).or_else(|| release.get("NAME").cloned()),
            "description": value("DISTRIB_DESCRIPTION", "PRETTY_NAME"),
            "codename": value("DISTRIB_CODENAME", "VERSION_CODENAME"),
            "major_release": number.split('.').next().unwrap_or_default(),
            "release": number,
        }),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::setup::files::tests::facts_of;

    /// os family, distribution, version, major version, release
    fn told(files: &[(&str, &str)]) -> [String; 5] {
        let facts = facts_of(files, collect);
        [
            "os_family",
            "distribution",
            "distribution_version",
            "distribution_major_version",
            "distribution_release",
        ]
        .map(|fact| facts[fact].as_str().unwrap().to_owned())
    }

    #[test]
    fn distributions_have_the_names_playbooks_branch_on() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"13\"\n\
            VERSION=\"13 (trixie)\"\nVERSION_CODENAME=trixie\nID=debian\n";
        assert_eq!(
            told(&[(OS_RELEASE, debian), ("/etc/debian_version", "13.1\n")]),
            ["Debian", "Debian", "13.1", "13", "trixie"]
        );
        let ubuntu =
            "NAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n";
        assert_eq!(
            told(&[(OS_RELEASE, ubuntu), ("/etc/debian_version", "trixie/sid\n")]),
            ["Debian", "Ubuntu", "24.04", "24", "noble"]
        );
        let rocky = "NAME=\"Rocky Linux\"\nVERSION=\"9.4 (Blue Onyx)\"\nID=\"rocky\"\nVERSION_ID=\"9.4\"\n";
        assert_eq!(told(&[(OS_RELEASE, rocky)]), ["RedHat", "Rocky", "9.4", "9", "Blue Onyx"]);
        let stream = "NAME=\"CentOS Stream\"\nID=centos\nVERSION_ID=\"9\"\n";
        assert_eq!(
            told(&[(OS_RELEASE, stream), (REDHAT, "CentOS Stream release 9\n")]),
            ["RedHat", "CentOS", "9", "9", "Stream"]
        );
        let leap = "NAME=\"openSUSE Leap\"\nID=opensuse-leap\nVERSION_ID=\"15.6\"\n";
        assert_eq!(told(&[(OS_RELEASE, leap)]), ["Suse", "openSUSE Leap", "15.6", "15", "6"]);
        let alpine = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.1\n";
        assert_eq!(
            told(&[(OS_RELEASE, alpine), ("/etc/alpine-release", "3.20.1\n")]),
            ["Alpine", "Alpine", "3.20.1", "3", "NA"]
        );
        let derived = "NAME=\"Example OS\"\nID=example\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=7\n";
        assert_eq!(told(&[(OS_RELEASE, derived)]), ["Debian", "Example OS", "7", "7", "NA"]);
    }

    #[test]
    fn lsb_is_empty_without_its_program() {
        let debian = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian 13\"\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\nID=debian\n";
        assert_eq!(facts_of(&[(OS_RELEASE, debian)], collect_lsb)["lsb"], json!({}));
        let installed = facts_of(&[(OS_RELEASE, debian), ("/usr/bin/lsb_release", "")], collect_lsb);
        assert_eq!(
            installed["lsb"],
            json!({"id": "Debian", "description": "Debian 13", "codename": "trixie", "major_release": "13",
                "release": "13"})
        );
    }
}
