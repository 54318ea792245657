//! Bootstrap tokens: Secrets by which joining nodes know the cluster, and the cluster them.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{administrator, say};
use crate::client::Client;
use crate::config::{self, duration};
use crate::failure::{Context as _, Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::Kubeconfig;
use crate::pki;
use crate::yaml;

const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";
/// How long a token lives when nothing is said: a day.
const LIFE: Duration = Duration::from_secs(24 * 3600);
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// A new token.
pub(super) fn random() -> String {
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let text: String = crate::random::random::<22>()
        .iter()
        .map(|byte| char::from(letters[usize::from(*byte) % letters.len()]))
        .collect();
    let (id, secret) = text.split_at(6);
    format!("{id}.{secret}")
}

/// Makes a token that lives this long, or for ever when that is nothing.
pub(super) fn make(client: &Client, token: &str, life: Option<Duration>, description: &str) -> Result<()> {
    let (id, secret) = config::validate_token(token)?;
    let mut data = json!({
        "token-id": id, "token-secret": secret, "description": description, "auth-extra-groups": GROUP,
        "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
    });
    if let Some(life) = life {
        data["expiration"] = (OffsetDateTime::now_utc() + life).format(&Rfc3339).unwrap_or_default().into();
    }
    let object = json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": format!("bootstrap-token-{id}"), "namespace": "kube-system"}, "stringData": data});
    client.create(SECRETS, &object)?;
    Ok(())
}

/// How long a token lives by its text: `0` is for ever.
pub(super) fn life(text: Option<&str>) -> Option<Duration> {
    match text {
        Some("0" | "0s") => None,
        other => Some(duration(other, LIFE)),
    }
}

/// `kubeadm token create`
pub(super) fn create(arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(
        arguments,
        "kubeconfig= config= ttl= description= usages= groups= certificate-key= print-join-command v/v=",
    )?;
    let client = administrator(&flags)?;
    let token = flags.words.first().cloned().unwrap_or_else(random);
    make(&client, &token, life(flags.value("ttl")), flags.value("description").unwrap_or_default())?;
    if !flags.is_on("print-join-command")? {
        return say(&token);
    }
    let (server, authority) = place(&client)?;
    let endpoint = server.trim_start_matches("https://");
    let mut line = format!(
        "kubeadm join {endpoint} --token {token} --discovery-token-ca-cert-hash {}",
        pki::hash(&authority)?
    );
    if let Some(key) = flags.value("certificate-key") {
        line.push_str(&format!(" --control-plane --certificate-key {key}"));
    }
    say(&line)
}

/// Where cluster-info says that the cluster is, and its authority.
fn place(client: &Client) -> Result<(String, String)> {
    let info = client.get("/api/v1/namespaces/kube-public/configmaps/cluster-info")?;
    let text = info["data"]["kubeconfig"].as_str().unwrap_or_default();
    let value = yaml::documents(text)?.pop().unwrap_or_default();
    let config = Kubeconfig::from_value(&value, "/".as_ref())?;
    match config.authority {
        Some(authority) => Ok((config.server, authority)),
        None => refuse!("cluster-info names no authority"),
    }
}

/// `kubeadm token list`
pub(super) fn list(arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "kubeconfig= v/v=")?;
    let secrets = administrator(&flags)?.get(SECRETS)?;
    say("TOKEN                     EXPIRES                USAGES                   DESCRIPTION")?;
    for secret in secrets["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|secret| secret["type"] == "bootstrap.kubernetes.io/token")
    {
        let text = |key: &str| decoded(secret, key).unwrap_or_default();
        say(&format!(
            "{}.{}   {:<22} {:<24} {}",
            text("token-id"),
            text("token-secret"),
            text("expiration"),
            "authentication,signing",
            text("description")
        ))?;
    }
    Ok(())
}

fn decoded(secret: &Value, key: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(secret["data"][key].as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

/// `kubeadm token delete`
pub(super) fn delete(arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, "kubeconfig= v/v=")?;
    if flags.words.is_empty() {
        refuse!(
            "missing argument; 'token delete' is missing token of form [\"^([a-z0-9]{{6}})$\" \"^([a-z0-9]{{6}})\\.([a-z0-9]{{16}})$\"]"
        );
    }
    let client = administrator(&flags)?;
    for word in &flags.words {
        let id = word.split('.').next().unwrap_or_default();
        client
            .delete(&format!("{SECRETS}/bootstrap-token-{id}"))
            .map_err(crate::failure::Failure::from)
            .doing("failed to delete bootstrap token")?;
        say(&format!("bootstrap token {id:?} deleted"))?;
    }
    Ok(())
}
