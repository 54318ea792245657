//! Certificates for further control planes: uploaded under a key that is shown once.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde_json::{Value, json};

use super::certificates::SHARED;
use super::cluster::Cluster;
use super::{administrator, configuration, init, kubelet, say, tokens};
use crate::client::Client;
use crate::failure::{Context as _, Failure, Result, refuse};
use crate::flags::Flags;
use crate::pki::hex;
use crate::random::random;
use crate::version::Version;
use crate::{config, files};

const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";
/// After this long the certificates are gone.
const LIFE: std::time::Duration = std::time::Duration::from_secs(2 * 3600);

/// `kubeadm init phase upload-certs`
pub(super) fn run(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(
        arguments,
        "config= upload-certs certificate-key= skip-certificate-key-print kubeconfig= v/v=",
    )?;
    if !flags.is_on("upload-certs")? {
        return say("[upload-certs] Skipping phase. Please see --upload-certs");
    }
    let cluster = Cluster::new(configuration(&flags, version)?.cluster, version)?;
    let client = administrator(&flags)?;
    let key = match flags.value("certificate-key") {
        Some(key) => key.to_owned(),
        None => hex(&random::<32>()),
    };
    upload(&client, &cluster, &key)?;
    say(
        "[upload-certs] Storing the certificates in Secret \"kubeadm-certs\" in the \"kube-system\" Namespace",
    )?;
    if flags.is_on("skip-certificate-key-print")? {
        return Ok(());
    }
    say("[upload-certs] Using certificate key:")?;
    say(&key)
}

/// `kubeadm init phase upload-config kubelet`
pub(super) fn kubelet_config(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "config= kubeconfig= cri-socket= dry-run v/v=")?;
    let configuration = configuration(&flags, version)?;
    let cluster = Cluster::new(configuration.cluster, version)?;
    let domain = cluster.configuration.networking.dns_domain.as_deref().unwrap_or_default();
    let settings = kubelet::configuration(configuration.kubelet.as_ref(), cluster.services(), domain);
    init::put_kubelet_config(&administrator(&flags)?, &settings)?;
    say("[upload-config] Uploading the kubelet component config to a ConfigMap")
}

/// Uploads all shared files, encrypted, with a token whose end is theirs.
pub(super) fn upload(client: &Client, cluster: &Cluster, key: &str) -> Result<()> {
    config::validate_certificate_key(key)?;
    let mut data = json!({});
    for name in SHARED {
        let text = files::read(&cluster.certificates().join(name))?;
        data[name.replace('/', "-")] = BASE64.encode(encrypt(key, text.as_bytes())?).into();
    }
    let token = tokens::random();
    tokens::make(client, &token, Some(LIFE), "Proxy for managing TTL for the kubeadm-certs secret")?;
    let object = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "kubeadm-certs", "namespace": "kube-system"}, "data": data});
    client.put(SECRETS, &object)?;
    Ok(())
}

/// Downloads all shared files into the folder.
pub(super) fn download(client: &Client, folder: &Path, key: &str) -> Result<()> {
    let secret = client.get(&format!("{SECRETS}/kubeadm-certs")).map_err(|error| {
        if error.is_not_found() {
            Failure::new("error execution phase control-plane-prepare/download-certs: error downloading certs: error downloading the secret: Secret \"kubeadm-certs\" was not found in the \"kube-system\" Namespace. This Secret might have expired. Please, run `kubeadm init phase upload-certs --upload-certs` on a control plane to generate a new one")
        } else {
            error.into()
        }
    })?;
    for name in SHARED {
        let text = decrypt(key, &secret["data"][name.replace('/', "-")])?;
        let mode = if name.ends_with(".crt") { 0o644 } else { 0o600 };
        files::write(&folder.join(name), &text, mode)?;
    }
    Ok(())
}

fn cipher(key: &str) -> Result<LessSafeKey> {
    let bytes: Vec<u8> = (0..key.len())
        .step_by(2)
        .filter_map(|at| u8::from_str_radix(key.get(at..at + 2)?, 16).ok())
        .collect();
    match UnboundKey::new(&AES_256_GCM, &bytes) {
        Ok(key) => Ok(LessSafeKey::new(key)),
        Err(_) => refuse!("error decoding certificate key"),
    }
}

fn encrypt(key: &str, text: &[u8]) -> Result<Vec<u8>> {
    let nonce = random::<NONCE_LEN>();
    let mut sealed = text.to_vec();
    match cipher(key)?.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut sealed,
    ) {
        Ok(()) => Ok([&nonce[..], &sealed].concat()),
        Err(_) => refuse!("error encrypting a certificate"),
    }
}

fn decrypt(key: &str, value: &Value) -> Result<String> {
    let wrong = || Failure::new("error decrypting certificates: cipher: message authentication failed");
    let bytes = BASE64.decode(value.as_str().unwrap_or_default()).doing("kubeadm-certs")?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
    let mut opened = sealed.to_vec();
    let text = cipher(key)?.open_in_place(nonce, Aad::empty(), &mut opened).map_err(|_| wrong())?;
    String::from_utf8(text.to_vec()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_opens_what_was_uploaded() {
        let key = hex(&random::<32>());
        let sealed = Value::String(BASE64.encode(encrypt(&key, b"secret").unwrap()));
        assert_eq!(decrypt(&key, &sealed).unwrap(), "secret");
        assert!(decrypt(&hex(&random::<32>()), &sealed).is_err());
        assert!(decrypt(&key, &Value::String("AAAA".into())).is_err());
    }
}
