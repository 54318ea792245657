//! `azure_rm_hostkeys_info`: the name is ours, azure.azcollection has no such module.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::json;

use super::azure_rm_virtualmachine::{COMPUTE, KIND};
use super::{CloudContext, CloudModule};
use crate::CloudError;

/// How often the console is looked at. Azure writes it down now and then, not at once.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells the keys by which SSH knows a machine, as cloud-init writes them to the console of a machine with boot diagnostics when it
/// starts. They come from Azure, not over the connection that they are to secure. None are told for a machine that is silent.
#[derive(Arguments)]
pub struct HostKeysArgs {
    /// The resource group the machine is in.
    resource_group: String,
    /// Its name.
    name: String,
    /// How long to wait for its keys, in seconds.
    #[arg(default = "0")]
    timeout: u64,
}

/// The module.
pub struct HostKeys;

impl CloudModule for HostKeys {
    type Args = HostKeysArgs;
    const NAME: &'static str = "azure_rm_hostkeys_info";
    const SUMMARY: &'static str = "Tells the host keys that machines of Azure write to their consoles";

    async fn run(args: HostKeysArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let machine = format!("resourceGroups/{}/providers/{KIND}/{}", args.resource_group, args.name);
        let limit = Duration::from_secs(args.timeout);
        let started = Instant::now();
        loop {
            let keys = host_keys(&console(context, &machine).await?);
            let left = limit.saturating_sub(started.elapsed());
            if !keys.is_empty() || left.is_zero() {
                return Ok(Outcome::new(false).with("host_keys", json!(keys)));
            }
            tokio::time::sleep(PAUSE.min(left)).await;
        }
    }
}

/// What a machine has written to its console so far; nothing, if that is not kept.
async fn console(context: &CloudContext, machine: &str) -> Result<String, CloudError> {
    let answer = context.cloud.post(&format!("{machine}/retrieveBootDiagnosticsData"), COMPUTE, None).await;
    let links = match answer {
        Ok(links) => links,
        // A machine that is only predicted.
        Err(CloudError::Refused { status: 404, .. }) if context.check => return Ok(String::new()),
        // Its console is not kept, or not yet.
        Err(CloudError::Refused { status: 400 | 409, .. }) => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    match links["serialConsoleLogBlobUri"].as_str() {
        Some(link) => Ok(context.cloud.read(link).await?.unwrap_or_default()),
        None => Ok(String::new()),
    }
}

/// The keys between the last two lines that say so; what stands before them in a line is no matter.
fn host_keys(console: &str) -> Vec<String> {
    let Some((before, _)) = console.rsplit_once("-----END SSH HOST KEY KEYS-----") else { return Vec::new() };
    let Some((_, lines)) = before.rsplit_once("-----BEGIN SSH HOST KEY KEYS-----") else { return Vec::new() };
    lines.lines().filter_map(key).collect()
}

/// The kind and the key in a line.
fn key(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let kind_and_key = words.windows(2).find(|pair| is_key(pair[0], pair[1]))?;
    Some(kind_and_key.join(" "))
}

/// Whether a key is of the kind that it is said to be: it begins with the length of its kind, and its kind.
fn is_key(kind: &str, key: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(key) else { return false };
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return false };
    usize::try_from(u32::from_be_bytes(*length)) == Ok(kind.len()) && rest.starts_with(kind.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_keys_on_a_console_count() {
        let old = "AAAAC3NzaC1lZDI1NTE5AAAAIAAA";
        let new = "AAAAC3NzaC1lZDI1NTE5AAAAIAAB";
        let console = format!(
            "boot\r\n-----BEGIN SSH HOST KEY KEYS-----\r\nssh-ed25519 {old} root@a\r\n-----END SSH HOST KEY KEYS-----\r\n\
             [  9.1] cloud-init[7]: -----BEGIN SSH HOST KEY KEYS-----\r\n[  9.2] cloud-init[7]: ssh-ed25519 {new} root@a\r\n\
             ssh-rsa {new} a kind that it is not\r\nssh-ed25519 short\r\n[  9.3] cloud-init[7]: -----END SSH HOST KEY KEYS-----\r\na login:"
        );
        assert_eq!(host_keys(&console), [format!("ssh-ed25519 {new}")]);
        for silent in
            ["", "-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519", "-----END SSH HOST KEY KEYS-----"]
        {
            assert_eq!(host_keys(silent), [""; 0]);
        }
    }
}
