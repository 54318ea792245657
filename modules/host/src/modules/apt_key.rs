//! `apt_key`: keys that sign packages.

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::modules::group::State;
use crate::system::attributes::{FileAttributes, Mode};
use crate::system::openpgp::{self, Key};
use crate::system::{file, keyserver};
use crate::{Context, Diff, Module, ModuleError, Outcome};

/// Where apt keeps the keys it trusts: a file of old times, and a folder.
const TRUSTED: &str = "/etc/apt/trusted.gpg";
const TRUSTED_FOLDER: &str = "/etc/apt/trusted.gpg.d";

/// Has apt trust a key for all sources of packages, or no more. Neither `apt-key` nor `gpg` is needed. A key that only
/// one source needs is better named in that source; see `deb822_repository`.
#[derive(Arguments)]
#[arguments(exclusive("data", "file", "keyserver", "url"))]
pub struct AptKeyArgs {
    /// The key itself, as text.
    data: Option<String>,
    /// A file of the host with the key.
    file: Option<PathBuf>,
    /// The key's identifier: its fingerprint, best whole. A key that is trusted already is not fetched again.
    id: Option<String>,
    /// The file to keep it in, instead of one of its own; only that one is looked at then.
    keyring: Option<PathBuf>,
    /// A server of keys that has it.
    keyserver: Option<String>,
    /// Whether it is trusted.
    #[arg(default = "present")]
    state: State,
    /// An address that has it.
    url: Option<String>,
    /// Check the server's certificate.
    #[arg(default = "true")]
    validate_certs: bool,
}

/// The `apt_key` module.
pub struct AptKey;

impl Module for AptKey {
    type Args = AptKeyArgs;
    const NAME: &'static str = "apt_key";
    const SUMMARY: &'static str = "Manages keys that sign packages";

    fn run(args: AptKeyArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        manage(&args, Path::new(TRUSTED), Path::new(TRUSTED_FOLDER), context)
    }
}

fn manage(
    args: &AptKeyArgs,
    trusted: &Path,
    folder: &Path,
    context: &Context,
) -> Result<Outcome, ModuleError> {
    let rings = match &args.keyring {
        Some(path) => vec![path.clone()],
        None => rings(trusted, folder)?,
    };
    let mut warnings = Vec::new();
    let mut readable = Vec::new();
    for path in rings {
        match Ring::read(path) {
            Ok(ring) => readable.push(ring),
            // A file among many that cannot be read does not trust anything.
            Err(error) if args.keyring.is_none() => warnings.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    let rings = readable;
    let is_known = args.id.as_deref().and_then(openpgp::identifier).is_some_and(|id| trusts(&rings, &id));
    if let Some(path) = args.file.as_ref().filter(|path| context.check && !is_known && !path.exists()) {
        // An earlier task of the real run may fetch it.
        warnings.push(format!("{} is not there (yet): it would be added if it came", path.display()));
        return Ok(Outcome { warnings, ..Outcome::new(true) });
    }
    let given = match &args.id {
        Some(id) => Some(openpgp::identifier(id).ok_or_else(|| {
            let hint = "it has 8, 16 or 40 hexadecimal digits, best all 40 of the fingerprint";
            ModuleError::new(format!("Invalid key_id `{id}`: {hint}")).with("id", id.as_str())
        })?),
        None => None,
    };
    let mut coming = None;
    let id = match (given, args.state) {
        (Some(id), _) => id,
        (None, State::Absent) => {
            return Err(ModuleError::new("Invalid key_id: to remove a key, give its id"));
        }
        (None, State::Present) => {
            let keys = args.keys(None, context)?;
            let id =
                keys.first().map(|key| openpgp::long_id(&key.fingerprint).to_owned()).unwrap_or_default();
            coming = Some(keys);
            id
        }
    };
    let before = identifiers(&rings, id.len());
    let mut outcome = Outcome { warnings, ..Outcome::new(false) }
        .with("id", args.id.clone().unwrap_or_else(|| id.clone()))
        .with("fp", id.as_str())
        .with("key_id", id.as_str())
        .with("short_id", &id[id.len() - 8..])
        .with("before", before.as_slice());
    let after = if args.state == State::Present {
        if trusts(&rings, &id) {
            return Ok(outcome);
        }
        let keys = match coming {
            Some(keys) => keys,
            None => args.keys(Some(&id), context)?,
        };
        // A key that is in the way of reading, but trusted already, is not added twice.
        let known =
            |key: &Key| rings.iter().any(|ring| ring.keys.iter().any(|old| old.is_itself(&key.fingerprint)));
        let keys: Vec<Key> = keys.into_iter().filter(|key| !known(key)).collect();
        let mut ring = match rings.into_iter().next().filter(|_| args.keyring.is_some()) {
            Some(ring) => ring,
            None => Ring::read(folder.join(format!("{id}.gpg")))?,
        };
        let added = identifiers_of(&keys, id.len());
        ring.keys.extend(keys);
        ring.write(context)?;
        [before.clone(), added].concat()
    } else {
        for ring in rings {
            ring.remove(&id, context)?;
        }
        let removed =
            |known: &String| known.ends_with(&id) || (id.len() > known.len() && id.ends_with(known.as_str()));
        before.iter().filter(|known| !removed(known)).cloned().collect()
    };
    outcome.changed = after != before;
    if outcome.changed && context.diff {
        let lines = |ids: &[String]| ids.iter().map(|id| format!("{id}\n")).collect::<String>();
        outcome.diff.push(Diff::text("trusted keys", lines(&before), lines(&after)));
    }
    Ok(if outcome.changed { outcome.with("after", after) } else { outcome })
}

impl AptKeyArgs {
    /// The keys to add: with an identifier only the one it means.
    fn keys(&self, id: Option<&str>, context: &Context) -> Result<Vec<Key>, ModuleError> {
        let (content, name) = if let Some(server) = &self.keyserver {
            let id =
                id.ok_or_else(|| ModuleError::new("a keyserver is asked for a key by its id: give `id`"))?;
            return keyserver::fetch(server, id, self.validate_certs, context).map(|key| vec![key]);
        } else if let Some(text) = &self.data {
            (text.as_bytes().to_vec(), "inline data".to_owned())
        } else if let Some(path) = &self.file {
            let name = path.display().to_string();
            (fs::read(path).doing(|| format!("Unable to extract key from '{name}'"))?, name)
        } else if let Some(url) = &self.url {
            (keyserver::get(url, self.validate_certs, context)?, url.clone())
        } else {
            return Err(ModuleError::new(
                "the key is not there, and nothing says where it comes from: give url, data, file or keyserver",
            ));
        };
        let keys = openpgp::read(&content)
            .map_err(|reason| ModuleError::new(format!("Unable to extract key from '{name}': {reason}")))?;
        let found = |keys: Vec<Key>| if keys.is_empty() { None } else { Some(keys) };
        match id {
            None => found(keys)
                .ok_or_else(|| ModuleError::new(format!("Unable to extract key from '{name}': it has none"))),
            Some(id) => {
                let there = identifiers_of(&keys, 40).join(", ");
                found(keys.into_iter().filter(|key| key.is(id)).collect())
                    .ok_or_else(|| ModuleError::new(format!("'{name}' has not the key {id}, but {there}")))
            }
        }
    }
}

/// The files whose keys apt trusts.
fn rings(trusted: &Path, folder: &Path) -> Result<Vec<PathBuf>, ModuleError> {
    let mut rings = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder).doing(|| format!("cannot read {}", folder.display()))? {
            let path = entry.doing(|| format!("cannot read {}", folder.display()))?.path();
            let is_ring = path.extension().is_some_and(|ending| ending == "gpg" || ending == "asc");
            rings.extend(is_ring.then_some(path));
        }
    }
    rings.sort();
    rings.insert(0, trusted.to_owned());
    Ok(rings)
}

/// Whether a key, or one with this subkey, is in a file.
fn trusts(rings: &[Ring], id: &str) -> bool {
    rings.iter().any(|ring| ring.keys.iter().any(|key| key.is(id)))
}

/// All identifiers of keys and subkeys, as long as the one that is asked for.
fn identifiers(rings: &[Ring], length: usize) -> Vec<String> {
    rings.iter().flat_map(|ring| identifiers_of(&ring.keys, length)).collect()
}

fn identifiers_of(keys: &[Key], length: usize) -> Vec<String> {
    let shortened = |fingerprint: &String| match length {
        8 => openpgp::long_id(fingerprint)[8..].to_owned(),
        16 => openpgp::long_id(fingerprint).to_owned(),
        _ => fingerprint.clone(),
    };
    let all = keys.iter().flat_map(|key| std::iter::once(&key.fingerprint).chain(&key.subkeys));
    all.map(shortened).collect()
}

/// A file with keys.
struct Ring {
    path: PathBuf,
    keys: Vec<Key>,
    is_armored: bool,
}

impl Ring {
    fn read(path: PathBuf) -> Result<Self, ModuleError> {
        let content = file::read(&path)?.unwrap_or_default();
        let is_armored = match content.is_empty() {
            true => path.extension().is_some_and(|ending| ending == "asc"),
            false => openpgp::is_armored(&content),
        };
        let keys = openpgp::read(&content).map_err(|reason| {
            ModuleError::new(format!("cannot read keys in {}: {reason}", path.display()))
        })?;
        Ok(Self { path, keys, is_armored })
    }

    /// Takes a key out, and the file away when it has no other.
    fn remove(mut self, id: &str, context: &Context) -> Result<(), ModuleError> {
        let count = self.keys.len();
        if let Some(key) = self.keys.iter().find(|key| key.is(id) && !key.is_itself(id)) {
            return Err(ModuleError::new(format!(
                "{id} is a subkey, which cannot be removed alone: give the id of the key, {}",
                key.fingerprint
            )));
        }
        self.keys.retain(|key| !key.is_itself(id));
        if self.keys.len() == count || context.check {
            return Ok(());
        }
        if self.keys.is_empty() {
            return fs::remove_file(&self.path).doing(|| format!("cannot remove {}", self.path.display()));
        }
        self.write(context)
    }

    fn write(&self, context: &Context) -> Result<(), ModuleError> {
        if context.check {
            return Ok(());
        }
        let content = match self.is_armored {
            true => openpgp::armored(&self.keys).into_bytes(),
            false => self.keys.iter().flat_map(|key| key.bytes.clone()).collect(),
        };
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        crate::system::folder::make(folder, &FileAttributes::default(), context)?;
        // apt reads keys as a user of its own.
        let mode = (!self.path.exists()).then(|| Mode("0644".to_owned()));
        file::replace(&self.path, &content, &FileAttributes { mode, ..FileAttributes::default() }, context)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::testing::{context, folder, mode};
    use crate::modules::testing_server::{Server, text};
    use crate::system::openpgp::tests::{
        PLAIN, PLAIN_FINGERPRINT, SUBKEY, WITH_SUBKEY, WITH_SUBKEY_FINGERPRINT,
    };

    /// The module, with apt's files in a folder.
    fn run_at(at: &Path, arguments: &Value, check: bool) -> Result<Outcome, String> {
        let mut context = context();
        context.check = check;
        let arguments = arguments.as_object().unwrap().clone();
        let args = AptKeyArgs::read(arguments).map_err(|error| error.to_string())?;
        manage(&args, &at.join("trusted.gpg"), &at.join("parts"), &context).map_err(|error| error.to_string())
    }

    fn changes_once(at: &Path, arguments: &Value) -> Outcome {
        for _ in 0..2 {
            assert!(run_at(at, arguments, true).unwrap().changed, "a change is foreseen");
        }
        let outcome = run_at(at, arguments, false).unwrap();
        assert!(outcome.changed);
        for check in [false, true] {
            assert!(!run_at(at, arguments, check).unwrap().changed, "no second change");
        }
        outcome
    }

    #[test]
    fn keys_come_from_texts_and_files_and_go_again() {
        let (_guard, at) = folder();
        let outcome = changes_once(&at, &json!({"data": PLAIN}));
        let long = &PLAIN_FINGERPRINT[24..];
        assert_eq!((&outcome.result["key_id"], &outcome.result["after"]), (&json!(long), &json!([long])));
        let kept = at.join("parts").join(format!("{long}.gpg"));
        assert_eq!((openpgp::read(&fs::read(&kept).unwrap()).unwrap().len(), mode(&kept)), (1, 0o644));
        fs::write(at.join("key.asc"), WITH_SUBKEY).unwrap();
        let outcome = changes_once(
            &at,
            &json!({"file": at.join("key.asc"), "id": WITH_SUBKEY_FINGERPRINT.to_lowercase()}),
        );
        assert_eq!(outcome.result["after"].as_array().unwrap().len(), 3);
        assert!(!run_at(&at, &json!({"id": SUBKEY, "url": "http://localhost:1/"}), false).unwrap().changed);
        assert!(
            run_at(&at, &json!({"id": SUBKEY, "state": "absent"}), false).unwrap_err().contains("subkey")
        );
        let outcome = changes_once(&at, &json!({"id": format!("0x{}", &long[8..]), "state": "absent"}));
        assert_eq!(outcome.result["short_id"], &long[8..]);
        assert!(!kept.exists());
        changes_once(&at, &json!({"id": WITH_SUBKEY_FINGERPRINT, "state": "absent"}));
    }

    #[test]
    fn keyrings_keep_their_other_keys_and_their_form() {
        let (_guard, at) = folder();
        for name in ["ring.gpg", "ring.asc"] {
            let ring = at.join(name);
            changes_once(&at, &json!({"data": PLAIN, "keyring": ring}));
            changes_once(&at, &json!({"data": WITH_SUBKEY, "keyring": ring}));
            let content = fs::read(&ring).unwrap();
            assert_eq!(openpgp::is_armored(&content), name.ends_with("asc"));
            assert_eq!(openpgp::read(&content).unwrap().len(), 2);
            changes_once(&at, &json!({"id": PLAIN_FINGERPRINT, "keyring": ring, "state": "absent"}));
            let left = openpgp::read(&fs::read(&ring).unwrap()).unwrap();
            assert_eq!((left.len(), left[0].is_itself(WITH_SUBKEY_FINGERPRINT)), (1, true));
        }
    }

    #[test]
    fn keys_are_fetched_and_must_be_the_right_ones() {
        let (_guard, at) = folder();
        let server = Server::start(|asked| match asked.target.as_str() {
            "/key.asc" => text(PLAIN),
            target if target.starts_with("/pks/lookup?op=get&options=mr&search=0x") => text(WITH_SUBKEY),
            _ => (404, Vec::new(), Vec::new()),
        });
        changes_once(&at, &json!({"url": server.url("/key.asc"), "id": PLAIN_FINGERPRINT}));
        changes_once(&at, &json!({"keyserver": server.url(""), "id": WITH_SUBKEY_FINGERPRINT}));
        assert!(server.last().target.ends_with(WITH_SUBKEY_FINGERPRINT));
        let other = "0123456789ABCDEF0123456789ABCDEF01234567";
        for (arguments, reason) in [
            (json!({"keyserver": server.url(""), "id": other}), "another key"),
            (json!({"url": server.url("/key.asc"), "id": other}), PLAIN_FINGERPRINT),
            (json!({"url": server.url("/none"), "id": other}), "404"),
            (json!({"keyserver": server.url("")}), "give `id`"),
            (json!({"id": other}), "nothing says where"),
            (json!({"id": "xyz", "state": "absent"}), "Invalid key_id"),
            (json!({"state": "absent"}), "Invalid key_id"),
            (json!({"data": "nonsense"}), "inline data"),
            (json!({"file": at.join("none")}), "Unable to extract key"),
            (json!({"data": PLAIN, "url": "x"}), "`data`"),
        ] {
            assert!(run_at(&at, &arguments, false).unwrap_err().contains(reason), "{arguments}");
        }
        assert_eq!(fs::read_dir(at.join("parts")).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_warned_of() {
        let (_guard, at) = folder();
        fs::create_dir(at.join("parts")).unwrap();
        fs::write(at.join("parts/old.gpg"), "nonsense").unwrap();
        assert!(changes_once(&at, &json!({"data": PLAIN})).warnings[0].contains("old.gpg"));
        let foreseen = run_at(&at, &json!({"file": at.join("later.asc")}), true).unwrap();
        assert!(foreseen.changed && foreseen.warnings[1].contains("later.asc"));
    }
}
