//! `known_hosts`: keys by which SSH knows servers.

use std::io::Read as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::args::{Arguments, Choice};
use crate::module::Doing as _;
use crate::system::attributes::{self, FileAttributes, Mode};
use crate::system::placement::{Content, Placement};
use crate::system::{file, folder, glob};
use crate::{Context, Module, ModuleError, Outcome};

/// Makes sure that a file of known hosts has a server's key, or has none of it.
#[derive(Arguments)]
pub struct KnownHostsArgs {
    /// Name or address of the server, as SSH is told it; `[name]:port` for another port than 22.
    #[arg(alias = "host")]
    name: String,
    /// The line, or lines, for the file: name, kind of key, key. A key of the same kind is replaced. Required unless the
    /// state is `absent`; then only this key is removed.
    key: Option<String>,
    /// The file.
    #[arg(default = "~/.ssh/known_hosts")]
    path: PathBuf,
    /// Store the name so that it cannot be read.
    #[arg(default = "false")]
    hash_host: bool,
    /// Whether the key should be there.
    #[arg(default = "present")]
    state: State,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    Present,
    Absent,
}

/// The `known_hosts` module.
pub struct KnownHosts;

impl Module for KnownHosts {
    type Args = KnownHostsArgs;
    const NAME: &'static str = "known_hosts";
    const SUMMARY: &'static str = "Makes sure that SSH knows a server's key, or does not";

    fn run(args: KnownHostsArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let wanted = args.wanted()?;
        let path = if args.path.is_symlink() { file::follow(&args.path) } else { file::tidy(&args.path) };
        let before = file::read(&path)?;
        let text = String::from_utf8_lossy(before.as_deref().unwrap_or_default()).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        match args.state {
            State::Present => {
                for key in &wanted {
                    args.add(&mut lines, key)?;
                }
            }
            State::Absent => lines.retain(|line| !args.is_to_go(line, &wanted)),
        }
        let mut after = lines.join("\n");
        if !after.is_empty() {
            after.push('\n');
        }
        let outcome = Outcome::new(false)
            .with("name", args.name.as_str())
            .with("key", args.key.as_deref())
            .with("path", path.to_string_lossy());
        // Nothing else than keys is worth a change, such as a missing newline.
        if after.trim_end() == text.trim_end() {
            return described(outcome, &path, context);
        }
        if let (false, Some(parent)) = (context.check, path.parent()) {
            let private = FileAttributes { mode: Some(Mode("0700".to_owned())), ..FileAttributes::default() };
            folder::make(parent, &private, context)?;
        }
        let attributes = FileAttributes::default();
        let placed = Placement::new(&path, &attributes).place(&Content::Bytes(after.as_bytes()), context)?;
        let mut outcome = described(outcome, &path, context)?;
        outcome.changed = placed.changed;
        outcome.diff = placed.diff;
        Ok(outcome)
    }
}

fn described(
    mut outcome: Outcome,
    path: &std::path::Path,
    context: &Context,
) -> Result<Outcome, ModuleError> {
    outcome.result.extend(attributes::describe(path, context)?);
    Ok(outcome)
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    /// `@cert-authority` or `@revoked`, or nothing.
    marker: String,
    hosts: String,
    kind: String,
    key: String,
    comment: String,
}

impl Key {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let (marker, rest) = match line.starts_with('@') {
            true => line.split_once(char::is_whitespace)?,
            false => ("", line),
        };
        let mut words = rest.split_whitespace().map(str::to_owned);
        Some(Self {
            marker: marker.to_owned(),
            hosts: words.next()?,
            kind: words.next()?,
            key: words.next()?,
            comment: words.collect::<Vec<_>>().join(" "),
        })
    }

    /// Whether the line is for a host: its name as a hash, or among names and patterns.
    fn is_for(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        if let Some(hashed) = self.hosts.strip_prefix("|1|") {
            let parts =
                hashed.split_once('|').map(|(salt, hash)| (STANDARD.decode(salt), STANDARD.decode(hash)));
            return matches!(parts, Some((Ok(salt), Ok(hash))) if hmac_sha1(&salt, name.as_bytes()) == hash);
        }
        let mut is_for = false;
        for pattern in self.hosts.to_lowercase().split(',') {
            match pattern.strip_prefix('!') {
                Some(excluded) if is_host(excluded, &name) => return false,
                Some(_) => {}
                None => is_for |= is_host(pattern, &name),
            }
        }
        is_for
    }

    fn is_hashed(&self) -> bool {
        self.hosts.starts_with('|')
    }

    fn line(&self) -> String {
        let parts = [&self.marker, &self.hosts, &self.kind, &self.key, &self.comment];
        parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a pattern of the file, in which only `*` and `?` are special, is for a name.
fn is_host(pattern: &str, name: &str) -> bool {
    pattern == name || (pattern.contains(['*', '?']) && glob::matches(&pattern.replace('[', "[[]"), name))
}

impl KnownHostsArgs {
    /// The keys that the task gives.
    fn wanted(&self) -> Result<Vec<Key>, ModuleError> {
        let text = self.key.as_deref().unwrap_or_default();
        let mut wanted = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let key = Key::parse(line).ok_or_else(|| {
                ModuleError::new(format!(
                    "`{line}` is no line for known hosts: it needs a name, a kind of key and the key"
                ))
            })?;
            if !key.is_for(&self.name) {
                let message = "Host parameter does not match hashed host field in supplied key";
                return Err(ModuleError::new(format!("{message}: {} is not {}", self.name, key.hosts)));
            }
            wanted.push(key);
        }
        if wanted.is_empty() && self.state == State::Present {
            return Err(ModuleError::new("No key specified when adding a host"));
        }
        Ok(wanted)
    }

    /// Has one key among the lines, and no other of its kind for this host.
    fn add(&self, lines: &mut Vec<String>, wanted: &Key) -> Result<(), ModuleError> {
        let is_same_kind =
            |key: &Key| key.is_for(&self.name) && (&key.kind, &key.marker) == (&wanted.kind, &wanted.marker);
        let is_it = |key: &Key| {
            let hosts_agree = if self.hash_host || wanted.is_hashed() {
                key.is_hashed()
            } else {
                key.hosts.eq_ignore_ascii_case(&wanted.hosts)
            };
            is_same_kind(key) && key.key == wanted.key && hosts_agree
        };
        if lines.iter().filter_map(|line| Key::parse(line)).any(|key| is_it(&key)) {
            return Ok(());
        }
        lines.retain(|line| !Key::parse(line).is_some_and(|key| is_same_kind(&key)));
        let mut added = wanted.clone();
        if self.hash_host && !wanted.is_hashed() {
            added.hosts = hashed(&self.name)?;
        }
        lines.push(added.line());
        Ok(())
    }

    /// Whether a line goes: one for this host, and with the key that the task gives, if it gives one.
    fn is_to_go(&self, line: &str, wanted: &[Key]) -> bool {
        let Some(key) = Key::parse(line).filter(|key| key.is_for(&self.name)) else { return false };
        wanted.is_empty() || wanted.iter().any(|wanted| (&wanted.kind, &wanted.key) == (&key.kind, &key.key))
    }
}

/// A name that cannot be read but can be compared.
fn hashed(name: &str) -> Result<String, ModuleError> {
    let mut salt = [0; 20];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut salt));
    read.doing(|| "cannot read /dev/urandom".to_owned())?;
    let hash = hmac_sha1(&salt, name.to_lowercase().as_bytes());
    Ok(format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash)))
}

/// RFC 2104 over SHA-1, for keys no longer than a block.
fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let padded = |pad: u8| (0..BLOCK).map(|at| key.get(at).copied().unwrap_or(0) ^ pad).collect::<Vec<_>>();
    let inner = Sha1::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use serde_json::{Value, json};

    use super::{Key, KnownHosts, hashed, hmac_sha1};
    use crate::modules::testing::{changes_once, run};

    struct Hosts {
        folder: tempfile::TempDir,
    }

    impl Hosts {
        fn new(content: &str) -> Self {
            let hosts = Self { folder: tempfile::tempdir().unwrap() };
            std::fs::write(hosts.folder.path().join("known_hosts"), content).unwrap();
            hosts
        }

        fn arguments(&self, mut arguments: Value) -> Value {
            arguments["path"] = json!(self.folder.path().join("known_hosts"));
            arguments
        }

        fn changed(&self, arguments: Value) -> String {
            changes_once::<KnownHosts>(&self.arguments(arguments));
            std::fs::read_to_string(self.folder.path().join("known_hosts")).unwrap()
        }

        fn is_kept(&self, arguments: Value) -> bool {
            let outcome = run::<KnownHosts>(self.arguments(arguments), false);
            !outcome.failed && !outcome.changed
        }
    }

    #[test]
    fn keys_are_added_and_replaced_by_kind() {
        let hosts = Hosts::new("# mine\nother kind OTHER\n");
        assert_eq!(
            hosts.changed(json!({"name": "h", "key": "h ed KEY1"})),
            "# mine\nother kind OTHER\nh ed KEY1\n"
        );
        assert!(hosts.is_kept(json!({"name": "H", "key": "h ed KEY1 with a comment"})));
        assert_eq!(
            hosts.changed(json!({"name": "h", "key": "h rsa KEY2\nh ed KEY3 note"})),
            "# mine\nother kind OTHER\nh rsa KEY2\nh ed KEY3 note\n"
        );
        assert_eq!(
            hosts.changed(json!({"name": "[h]:22", "key": "[h]:22 ed KEY4"})),
            "# mine\nother kind OTHER\nh rsa KEY2\nh ed KEY3 note\n[h]:22 ed KEY4\n"
        );
    }

    #[test]
    fn names_can_be_hidden() {
        let hosts = Hosts::new("h ed KEY\n");
        let after = hosts.changed(json!({"name": "h", "key": "h ed KEY", "hash_host": true}));
        assert!(
            after.starts_with("|1|") && after.ends_with(" ed KEY\n") && after.lines().count() == 1,
            "{after}"
        );
        assert!(Key::parse(&after).unwrap().is_for("h"));
        assert!(hosts.is_kept(json!({"name": "h", "key": "h ed KEY", "hash_host": true})));
        assert_eq!(hosts.changed(json!({"name": "h", "key": "h ed KEY"})), "h ed KEY\n");
    }

    #[test]
    fn keys_are_removed() {
        let content = format!("h,a ed ONE\nh rsa TWO\n{} ed THREE\nother ed ONE\n", hashed("h").unwrap());
        let hosts = Hosts::new(&content);
        let after = hosts.changed(json!({"name": "h", "key": "h rsa TWO", "state": "absent"}));
        assert!(!after.contains("TWO") && after.contains("h,a ed ONE"));
        assert_eq!(hosts.changed(json!({"name": "h", "state": "absent"})), "other ed ONE\n");
        assert!(hosts.is_kept(json!({"name": "h", "state": "absent"})));
    }

    #[test]
    fn the_folder_is_made_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".ssh/known_hosts");
        let absent = run::<KnownHosts>(json!({"name": "h", "state": "absent", "path": path}), false);
        assert!(!absent.failed && !absent.changed && !path.exists());
        changes_once::<KnownHosts>(&json!({"name": "h", "key": "h ed KEY", "path": path}));
        assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let hosts = Hosts::new("");
        for arguments in [
            json!({"name": "h"}),
            json!({"name": "h", "key": "h ed"}),
            json!({"name": "h", "key": "other ed KEY"}),
        ] {
            assert!(run::<KnownHosts>(hosts.arguments(arguments.clone()), false).failed, "{arguments}");
        }
    }

    #[test]
    fn patterns_and_hashes_are_those_of_ssh() {
        let is_for = |hosts: &str, name: &str| Key::parse(&format!("{hosts} k K")).unwrap().is_for(name);
        assert!(is_for("*.example.org,!bad.example.org", "a.example.org"));
        assert!(!is_for("*.example.org,!bad.example.org", "bad.example.org"));
        assert!(is_for("[a]:2222", "[a]:2222") && !is_for("[a]:2222", "a"));
        assert!(Key::parse("@revoked * ssh-rsa K").unwrap().is_for("any"));
        // RFC 2202, case 2.
        let expected = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        let digest = hmac_sha1(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(crate::system::checksum::hex(&digest), expected);
    }
}
