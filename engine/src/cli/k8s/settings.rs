//! What a cluster is made by, each setting with how its value is read.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::cluster::INVENTORY;

/// Something that a cluster is made by.
pub(super) struct Setting {
    /// The variable; those of workers are of their pool.
    pub(super) variable: &'static str,
    /// What it is called in a question.
    pub(super) question: &'static str,
    /// What it is if nobody says so.
    pub(super) default: &'static str,
    /// Reads its value.
    pub(super) read: fn(&str) -> Result<Value, String>,
    /// Whose it is: of one provider, or of all.
    pub(super) provider: Option<&'static str>,
}

/// The size of workers, and how many they are: of the pool of workers, no variables.
pub(super) const WORKER_SIZE: &str = "worker_size";
pub(super) const WORKER_COUNT: &str = "worker_count";

/// The option of a variable.
pub(super) fn option(variable: &str) -> String {
    let name = match variable {
        INVENTORY => "inventory",
        "azure_location" => "region",
        "azure_ssh_public_key_file" => "ssh-key",
        "criu_enabled" => "enable-criu",
        other => other.strip_prefix("azure_").or(other.strip_prefix("cluster_")).unwrap_or(other),
    };
    format!("--{}", name.replace('_', "-"))
}

/// In the order of the questions.
pub(super) const SETTINGS: [Setting; 13] = [
    Setting {
        variable: "provider",
        question: "Where its machines are from (azure, static)",
        default: "azure",
        read: provider,
        provider: None,
    },
    Setting {
        variable: INVENTORY,
        question: "The inventory of its machines",
        default: "",
        read: inventory,
        provider: Some("static"),
    },
    Setting {
        variable: "azure_location",
        question: "The region",
        default: "westeurope",
        read: region,
        provider: Some("azure"),
    },
    Setting {
        variable: "control_plane_count",
        question: "How many control planes (1, 3, 5)",
        default: "1",
        read: odd,
        provider: Some("azure"),
    },
    Setting {
        variable: "control_plane_size",
        question: "The size of control planes",
        default: "Standard_D2s_v5",
        read: size,
        provider: Some("azure"),
    },
    Setting {
        variable: WORKER_COUNT,
        question: "How many workers",
        default: "2",
        read: count,
        provider: Some("azure"),
    },
    Setting {
        variable: WORKER_SIZE,
        question: "The size of workers",
        default: "Standard_D2s_v5",
        read: size,
        provider: Some("azure"),
    },
    Setting {
        variable: "azure_zones",
        question: "Zones to spread machines over, separated by commas; empty for none",
        default: "",
        read: zones,
        provider: Some("azure"),
    },
    Setting {
        variable: "azure_ssh_sources",
        question: "Addresses that ssh may come from, such as 203.0.113.0/24",
        default: "",
        read: addresses,
        provider: Some("azure"),
    },
    Setting {
        variable: "azure_ssh_public_key_file",
        question: "The public key that logs in",
        default: "~/.ssh/id_ed25519.pub",
        read: public_key,
        provider: Some("azure"),
    },
    Setting {
        variable: "kubernetes_version",
        question: "The release of Kubernetes",
        default: "1.35.9",
        read: version,
        provider: None,
    },
    Setting {
        variable: "cluster_cni",
        question: "The network between pods (flannel, none)",
        default: "flannel",
        read: cni,
        provider: None,
    },
    Setting {
        variable: "criu_enabled",
        question: "Prepare machines for checkpoint and restore (yes, no)",
        default: "yes",
        read: flag,
        provider: None,
    },
];

fn provider(text: &str) -> Result<Value, String> {
    match text {
        "azure" | "static" => Ok(text.into()),
        _ => {
            Err(format!("`{text}` is no provider: azure makes machines, static takes those of an inventory"))
        }
    }
}

fn inventory(text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Err("machines that are there need an inventory".to_owned());
    }
    // From wherever the next command is run.
    let is_file = !text.contains(',') && Path::new(text).exists();
    let path = if is_file { std::path::absolute(text).ok() } else { None };
    Ok(path.map_or_else(|| text.into(), |path| path.display().to_string().into()))
}

fn region(text: &str) -> Result<Value, String> {
    let plain = text.replace(' ', "").to_lowercase();
    match plain.chars().all(|letter| letter.is_ascii_alphanumeric()) && !plain.is_empty() {
        true => Ok(plain.into()),
        false => Err(format!("`{text}` is no region: one is called westeurope, eastus2 …")),
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is no number of machines"))
}

fn odd(text: &str) -> Result<Value, String> {
    match number(text)? {
        count @ (1 | 3 | 5) => Ok(count.into()),
        _ => Err("a cluster has 1, 3 or 5 control planes: etcd wants a majority to be clear".to_owned()),
    }
}

fn count(text: &str) -> Result<Value, String> {
    match number(text)? {
        count @ 0..=1000 => Ok(count.into()),
        _ => Err("a pool has at most 1000 machines".to_owned()),
    }
}

fn size(text: &str) -> Result<Value, String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    match !text.is_empty() && text.chars().all(fits) {
        true => Ok(text.into()),
        false => Err(format!("`{text}` is no size: one is called Standard_D2s_v5")),
    }
}

/// Texts between commas.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn zones(text: &str) -> Result<Value, String> {
    match listed(text).find(|zone| !zone.chars().all(|digit| digit.is_ascii_digit())) {
        Some(wrong) => Err(format!("`{wrong}` is no zone: zones are called 1, 2, 3")),
        None => Ok(listed(text).collect()),
    }
}

fn addresses(text: &str) -> Result<Value, String> {
    let is_address = |text: &str| {
        let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
        match address.parse::<std::net::IpAddr>() {
            Ok(address) => {
                bits.parse::<u8>().is_ok_and(|bits| bits <= if address.is_ipv4() { 32 } else { 128 })
            }
            // A service tag of Azure's.
            Err(_) => {
                !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphabetic() || letter == '.')
            }
        }
    };
    match listed(text).find(|part| !is_address(part)) {
        Some(wrong) => Err(format!("`{wrong}` is no address, such as 203.0.113.0/24, and no service tag")),
        None if listed(text).next().is_none() => {
            Err("nobody could reach the machines: name the addresses that ssh may come from".to_owned())
        }
        None => Ok(listed(text).collect()),
    }
}

/// `~` is the home folder.
pub(super) fn expanded(path: &str) -> PathBuf {
    crate::playbook::expand_user(path)
}

fn public_key(text: &str) -> Result<Value, String> {
    let path = expanded(text);
    let content = std::fs::read_to_string(&path).map_err(|error| {
        format!("cannot read the public key {}: {error}; `ssh-keygen -t ed25519` makes one", path.display())
    })?;
    if content.contains("PRIVATE KEY") {
        return Err(format!("{} is a private key; the public one beside it ends in .pub", path.display()));
    }
    let absolute =
        if text.starts_with('~') { PathBuf::from(text) } else { std::path::absolute(&path).unwrap_or(path) };
    Ok(absolute.display().to_string().into())
}

/// A release of Kubernetes, with or without its letter.
pub(super) fn version(text: &str) -> Result<Value, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let parts: Vec<u32> = text.split('.').filter_map(|part| part.parse().ok()).collect();
    match parts[..] {
        [1, minor, _] if text.split('.').count() == 3 && minor >= 31 => Ok(text.into()),
        [1, _, _] => {
            Err(format!("Kubernetes {text} is too old: kubeadm's configuration is that of 1.31 and newer"))
        }
        _ => Err(format!("`{text}` is no release of Kubernetes: one is called 1.35.9")),
    }
}

fn cni(text: &str) -> Result<Value, String> {
    match text {
        "flannel" | "none" => Ok(text.into()),
        _ => Err(format!("`{text}` is no network between pods: flannel, or none if you bring your own")),
    }
}

fn flag(text: &str) -> Result<Value, String> {
    match text {
        "yes" | "true" | "y" => Ok(true.into()),
        "no" | "false" | "n" => Ok(false.into()),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_or_refused_with_a_reason() {
        assert_eq!(version("v1.32.0"), Ok("1.32.0".into()));
        assert!(version("1.29.1").unwrap_err().contains("1.31"));
        for wrong in ["1.32", "latest", "1.32.x", "2.0.0", ""] {
            assert!(version(wrong).is_err(), "{wrong}");
        }
        assert!(odd("2").unwrap_err().contains("majority"));
        assert_eq!(odd("3"), Ok(3.into()));
        assert_eq!(zones("1, 2,"), Ok(json!(["1", "2"])));
        assert_eq!(
            addresses("203.0.113.0/24,VirtualNetwork"),
            Ok(json!(["203.0.113.0/24", "VirtualNetwork"]))
        );
        for wrong in ["", "203.0.113.0/33", "300.1.1.1", "10.0.0.0/x"] {
            assert!(addresses(wrong).is_err(), "{wrong}");
        }
        assert_eq!(region("West Europe"), Ok("westeurope".into()));
        assert!(
            count("-1").is_err()
                && count("2000").is_err()
                && size("a b").is_err()
                && flag("perhaps").is_err()
        );
        assert_eq!(
            (option("azure_location"), option("kubernetes_version")),
            ("--region".to_owned(), "--kubernetes-version".to_owned())
        );
    }

    #[test]
    fn the_default_release_is_that_of_the_roles() {
        let defaults = include_str!("../../../../roles/kubernetes-defaults/defaults/main.yml");
        let default =
            SETTINGS.iter().find(|setting| setting.variable == "kubernetes_version").unwrap().default;
        assert!(defaults.contains(&format!("kubernetes_version: \"{default}\"")));
    }
}
