//! Personal archives of Launchpad.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Places;
use super::source::Source;
use crate::module::Doing as _;
use crate::system::attributes::{FileAttributes, Mode};
use crate::system::{file, folder, keyserver, openpgp};
use crate::{Context, ModuleError};

/// Where the archives are.
const ARCHIVES: &str = "https://ppa.launchpadcontent.net";

/// An archive of a person's.
pub(super) struct Ppa {
    owner: String,
    name: String,
    codename: String,
    /// Where its key is kept.
    pub(super) key_file: PathBuf,
}

impl Ppa {
    /// Reads what follows `ppa:`.
    pub(super) fn of(text: &str, codename: Option<&str>, apt: &Path) -> Result<Self, ModuleError> {
        let text = text.trim();
        let (owner, name) = match text.split_once('/') {
            Some((owner, name)) => (owner, name.strip_prefix("ubuntu/").unwrap_or(name)),
            None => (text, "ppa"),
        };
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        };
        if !is_word(owner) || !is_word(name) {
            return Err(ModuleError::new(format!("`ppa:{text}` is not like ppa:OWNER/NAME")));
        }
        let codename = match codename {
            Some(codename) => codename.to_owned(),
            None => host_codename()?,
        };
        let key_file = apt.join("keyrings").join(format!("{owner}-ubuntu-{name}.gpg"));
        Ok(Self { owner: owner.to_owned(), name: name.to_owned(), codename, key_file })
    }

    /// Its line.
    pub(super) fn source(&self) -> Source {
        Source {
            is_enabled: true,
            kind: "deb".to_owned(),
            options: Some(format!("signed-by={}", self.key_file.display())),
            address: format!("{ARCHIVES}/{}/{}/ubuntu", self.owner, self.name),
            rest: vec![self.codename.clone(), "main".to_owned()],
            remark: None,
        }
    }

    /// Fetches its key, whose fingerprint Launchpad tells, from a server of keys.
    pub(super) fn fetch_key(
        &self,
        places: &Places,
        validate_certs: bool,
        context: &Context,
    ) -> Result<(), ModuleError> {
        let Self { owner, name, .. } = self;
        let url = format!("{}/~{owner}/+archive/ubuntu/{name}", places.launchpad);
        let told = |error: ModuleError| {
            ModuleError::new(format!("failed to fetch PPA information, error was: {error}"))
        };
        let answer = keyserver::get(&url, validate_certs, context).map_err(told)?;
        let answer: Value =
            serde_json::from_slice(&answer).doing(|| format!("the answer of {url} is no JSON"))?;
        let fingerprint = answer.get("signing_key_fingerprint").and_then(Value::as_str);
        let fingerprint = fingerprint.and_then(openpgp::identifier).ok_or_else(|| {
            ModuleError::new(format!(
                "ppa:{owner}/{name} has no key yet: it is signed with its first package"
            ))
        })?;
        let key = keyserver::fetch(&places.keyserver, &fingerprint, validate_certs, context)?;
        let parent = self.key_file.parent().unwrap_or(Path::new("/"));
        folder::make(parent, &FileAttributes::default(), context)?;
        let attributes = FileAttributes { mode: Some(Mode("0644".to_owned())), ..FileAttributes::default() };
        file::replace(&self.key_file, &key.bytes, &attributes, context)
    }
}

/// The release of Ubuntu this host is, or is made from.
fn host_codename() -> Result<String, ModuleError> {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
    };
    field("UBUNTU_CODENAME").or_else(|| field("VERSION_CODENAME")).ok_or_else(|| {
        ModuleError::new("/etc/os-release does not tell the release of this host: give the PPA's `codename`")
    })
}
