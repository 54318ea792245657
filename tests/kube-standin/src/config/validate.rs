//! What a schema cannot say: forms of tokens, addresses and networks, and which fields exclude each other.

use std::net::IpAddr;

use super::{Argument, ClusterConfiguration, Configuration, JoinConfiguration, NodeRegistration};
use crate::failure::{Result, refuse};
use crate::version::Version;

/// Checks a whole file, with all mistakes in one message.
///
/// # Errors
/// Every value that kubeadm of this version refuses.
pub fn validate(configuration: &Configuration, kubeadm: Version) -> Result<()> {
    let mut mistakes = Vec::new();
    if let Some(init) = &configuration.init {
        registration(&init.node_registration, &mut mistakes);
        address("localAPIEndpoint", init.local_api_endpoint.advertise_address.as_deref(), &mut mistakes);
        for (index, token) in init.bootstrap_tokens.iter().flatten().enumerate() {
            if let Some(text) = &token.token
                && let Err(failure) = validate_token(text)
            {
                mistakes.push(format!("bootstrapTokens[{index}].token: {failure}"));
            }
            if token.ttl.is_some() && token.expires.is_some() {
                mistakes.push(format!("bootstrapTokens[{index}]: ttl and expires are mutually exclusive"));
            }
        }
        if let Some(key) = &init.certificate_key
            && let Err(failure) = validate_certificate_key(key)
        {
            mistakes.push(format!("certificateKey: {failure}"));
        }
    }
    if let Some(found) = &configuration.cluster {
        cluster(found, kubeadm, &mut mistakes);
    }
    if let Some(found) = &configuration.join {
        join(found, &mut mistakes);
    }
    if let Some(kubelet) = &configuration.kubelet {
        for (index, server) in kubelet["clusterDNS"].as_array().into_iter().flatten().enumerate() {
            address(&format!("clusterDNS[{index}]"), server.as_str(), &mut mistakes);
        }
        if kubelet["readOnlyPort"].as_i64().is_some_and(|port| !(0..=65535).contains(&port)) {
            mistakes.push("readOnlyPort: must be between 0 and 65535, inclusive".to_owned());
        }
    }
    if mistakes.is_empty() {
        return Ok(());
    }
    if let [single] = &mistakes[..] {
        refuse!("{single}");
    }
    refuse!("[{}]", mistakes.join(", "));
}

/// Checks the form of a bootstrap token.
///
/// # Errors
/// Anything but six and sixteen small letters or digits around a point.
pub fn validate_token(token: &str) -> Result<(&str, &str)> {
    let small = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match token.split_once('.') {
        Some((id, secret)) if id.len() == 6 && secret.len() == 16 && small(id) && small(secret) => {
            Ok((id, secret))
        }
        _ => refuse!(
            "the bootstrap token is invalid: it was not of the form \"\\A([a-z0-9]{{6}})\\.([a-z0-9]{{16}})\\z\""
        ),
    }
}

/// Checks the form of a certificate key.
///
/// # Errors
/// Anything but 64 hexadecimal digits.
pub fn validate_certificate_key(key: &str) -> Result<()> {
    if key.len() != 64 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        refuse!(
            "the certificate key is invalid: it must be a hex encoded string of an AES key of size 32 bytes"
        );
    }
    Ok(())
}

fn cluster(cluster: &ClusterConfiguration, kubeadm: Version, mistakes: &mut Vec<String>) {
    if let Some(text) = &cluster.kubernetes_version
        && !text.starts_with("stable")
    {
        match text.parse::<Version>() {
            Err(failure) => mistakes.push(failure.message),
            Ok(version) if version.minor + 1 < kubeadm.minor => mistakes.push(format!(
                "this version of kubeadm only supports deploying clusters with the control plane version >= 1.{}.0. Current version: v{version}",
                kubeadm.minor - 1
            )),
            Ok(_) => {}
        }
    }
    for (name, network) in [
        ("networking.podSubnet", &cluster.networking.pod_subnet),
        ("networking.serviceSubnet", &cluster.networking.service_subnet),
    ] {
        for part in network.iter().flat_map(|list| list.split(',')).filter(|part| !part.is_empty()) {
            let length = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
            let good = part
                .split_once('/')
                .and_then(|(address, bits)| Some(bits.parse::<u8>().ok()? <= length(address.parse().ok()?)));
            if good != Some(true) {
                mistakes.push(format!("{name}: Invalid value: {part:?}: couldn't parse subnet"));
            }
        }
    }
    if let Some(endpoint) = &cluster.control_plane_endpoint {
        let (host, port) = split_port(endpoint);
        if !is_host(host) || port.is_some_and(|port| port.parse::<u16>().is_err()) {
            mistakes.push(format!(
                "controlPlaneEndpoint: Invalid value: {endpoint:?}: it must be a valid IP address or a RFC-1123 DNS subdomain, both with optional TCP port"
            ));
        }
    }
    for name in &cluster.api_server.cert_sans {
        if !is_host(name.strip_prefix("*.").unwrap_or(name)) {
            mistakes.push(format!(
                "apiServer.certSANs: Invalid value: {name:?}: altname is not a valid IP address, DNS label or a DNS label with subdomain wildcards"
            ));
        }
    }
    for (name, component) in [
        ("apiServer", &cluster.api_server.component),
        ("controllerManager", &cluster.controller_manager),
        ("scheduler", &cluster.scheduler),
    ] {
        arguments(&format!("{name}.extraArgs"), &component.extra_args, mistakes);
    }
    if let Some(local) = &cluster.etcd.local {
        arguments("etcd.local.extraArgs", &local.extra_args, mistakes);
        if local.data_dir.as_ref().is_some_and(|path| !path.starts_with('/')) {
            mistakes.push("etcd.local.dataDir: Invalid value: path is not absolute".to_owned());
        }
        if cluster.etcd.external.is_some() {
            mistakes.push(
                "etcd: Invalid value: .Etcd.Local and .Etcd.External are mutually exclusive".to_owned(),
            );
        }
    }
}

fn join(join: &JoinConfiguration, mistakes: &mut Vec<String>) {
    registration(&join.node_registration, mistakes);
    match (&join.discovery.bootstrap_token, &join.discovery.file) {
        (None, None) => {
            mistakes.push("discovery: Invalid value: \"\": bootstrapToken or file must be set".to_owned());
        }
        (Some(_), Some(_)) => {
            mistakes.push(
                "discovery: Invalid value: \"\": bootstrapToken and file cannot both be set".to_owned(),
            );
        }
        (Some(token), None) => {
            if let Err(failure) = validate_token(&token.token) {
                mistakes.push(format!("discovery.bootstrapToken.token: Invalid value: {failure}"));
            }
            let endpoint = token.api_server_endpoint.as_deref().unwrap_or_default();
            let (host, port) = split_port(endpoint);
            if !is_host(host) || port.is_none_or(|port| port.parse::<u16>().is_err()) {
                mistakes.push(format!(
                    "discovery.bootstrapToken.apiServerEndpoint: Invalid value: {endpoint:?}: address {endpoint}: missing port in address"
                ));
            }
            if token.ca_cert_hashes.is_empty() && !token.unsafe_skip_ca_verification {
                mistakes.push("discovery.bootstrapToken.caCertHashes: Invalid value: \"\": using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue".to_owned());
            }
            for hash in &token.ca_cert_hashes {
                let digits = hash.strip_prefix("sha256:");
                if digits.is_none_or(|digits| {
                    digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
                }) {
                    mistakes.push(format!("discovery.bootstrapToken.caCertHashes: Invalid value: {hash:?}: invalid public key hash, expected \"format:hex-value\""));
                }
            }
        }
        (None, Some(_)) => {
            mistakes.push("discovery.file: the stand-in knows only discovery by bootstrapToken".to_owned());
        }
    }
    if let Some(control_plane) = &join.control_plane {
        address(
            "controlPlane.localAPIEndpoint",
            control_plane.local_api_endpoint.advertise_address.as_deref(),
            mistakes,
        );
        if let Some(key) = &control_plane.certificate_key
            && let Err(failure) = validate_certificate_key(key)
        {
            mistakes.push(format!("controlPlane.certificateKey: {failure}"));
        }
    }
}

fn registration(node: &NodeRegistration, mistakes: &mut Vec<String>) {
    if let Some(name) = &node.name
        && (!is_host(name) || name.bytes().any(|byte| byte.is_ascii_uppercase()))
    {
        mistakes.push(format!(
            "nodeRegistration.name: Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
        ));
    }
    if let Some(socket) = &node.cri_socket
        && !socket.starts_with("unix:///")
    {
        mistakes.push(format!("nodeRegistration.criSocket: Invalid value: {socket:?}: only URL scheme \"unix\" is supported, got \"\""));
    }
    for taint in node.taints.iter().flatten() {
        if taint.key.is_empty() || taint.effect.is_empty() {
            mistakes.push("nodeRegistration.taints: a taint needs a key and an effect".to_owned());
        }
    }
    arguments("nodeRegistration.kubeletExtraArgs", &node.kubelet_extra_args, mistakes);
}

fn arguments(path: &str, arguments: &[Argument], mistakes: &mut Vec<String>) {
    for (index, argument) in arguments.iter().enumerate() {
        if argument.name.trim().is_empty() {
            mistakes.push(format!("{path}[{index}]: Invalid value: argument has no name"));
        } else if argument.name.starts_with('-') {
            mistakes.push(format!(
                "{path}[{index}]: Invalid value: {:?}: a name is written without dashes",
                argument.name
            ));
        }
    }
}

fn address(path: &str, given: Option<&str>, mistakes: &mut Vec<String>) {
    if let Some(text) = given
        && text.parse::<IpAddr>().is_err()
    {
        mistakes.push(format!("{path}: Invalid value: {text:?}: ip address is not valid"));
    }
}

fn split_port(endpoint: &str) -> (&str, Option<&str>) {
    match endpoint.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host.trim_matches(['[', ']']), Some(port))
        }
        _ => (endpoint, None),
    }
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() < 64
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.parse::<IpAddr>().is_ok() || text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn refused(kind: &str, rest: &str) -> String {
        let text = format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: {kind}\n{rest}");
        validate(&read(&text, 34).unwrap(), Version::new(34, 2)).unwrap_err().message
    }

    #[test]
    fn a_version_more_than_one_minor_behind_is_refused() {
        assert!(refused("ClusterConfiguration", "kubernetesVersion: v1.32.9\n").contains(">= 1.33.0"));
        assert!(refused("ClusterConfiguration", "kubernetesVersion: newest\n").contains("semantic version"));
    }

    #[test]
    fn a_join_needs_all_that_makes_it_safe() {
        let message = refused(
            "JoinConfiguration",
            "discovery: {bootstrapToken: {token: ABC, apiServerEndpoint: 10.0.0.4}}\n",
        );
        assert!(message.contains("bootstrap token is invalid"), "{message}");
        assert!(message.contains("missing port in address"), "{message}");
        assert!(message.contains("without caCertHashes can be unsafe"), "{message}");
    }

    #[test]
    fn names_networks_and_sockets_have_a_form() {
        assert!(
            refused("ClusterConfiguration", "networking: {podSubnet: 10.244.0.0}\n")
                .contains("couldn't parse subnet")
        );
        assert!(refused("InitConfiguration", "nodeRegistration: {name: CP_1}\n").contains("RFC 1123"));
        assert!(
            refused("InitConfiguration", "nodeRegistration: {criSocket: /run/x.sock}\n").contains("scheme")
        );
        assert!(
            refused(
                "InitConfiguration",
                "nodeRegistration: {kubeletExtraArgs: [{name: --node-ip, value: a}]}\n"
            )
            .contains("without dashes")
        );
        assert!(
            refused("ClusterConfiguration", "controlPlaneEndpoint: 'https://api:6443'\n")
                .contains("controlPlaneEndpoint")
        );
    }

    #[test]
    fn tokens_and_keys_have_a_form() {
        assert_eq!(validate_token("abcdef.0123456789abcdef").unwrap(), ("abcdef", "0123456789abcdef"));
        assert!(validate_token("abcdef.short").is_err());
        assert!(validate_certificate_key(&"a".repeat(64)).is_ok());
        assert!(validate_certificate_key("xyz").is_err());
    }
}
