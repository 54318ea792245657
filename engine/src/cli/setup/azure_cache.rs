//! What Azure answered, kept from run to run for sources that want it: one file per account and question, which nobody else may
//! read, without anything that could be secret.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clouder_cloud::azure::Account;
use clouder_inventory::{AzureCache, AzureQuestion};
use clouder_lang::Diagnostic;
use clouder_modules::system::checksum::Algorithm;
use serde_json::{Map, Value};

/// What a machine is given and no inventory is made of. Azure tells next to none of it.
const LEFT_OUT: [&str; 6] =
    ["adminPassword", "customData", "userData", "protectedSettings", "secrets", "resources"];

/// The file of an answer.
pub(super) struct Kept {
    path: PathBuf,
    /// How old it may be.
    age: Option<Duration>,
}

impl Kept {
    /// The file for an account and a question.
    ///
    /// # Errors
    /// When no folder is named, and there is no home to put one into.
    pub(super) fn new(
        cache: &AzureCache,
        account: &Account,
        question: &AzureQuestion<'_>,
    ) -> Result<Self, Box<Diagnostic>> {
        let home = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let usual = || {
            let caches = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache")))?;
            Some(caches.join("clouder/inventory"))
        };
        let folder = cache.folder.as_ref().and_then(|folder| match folder.strip_prefix("~") {
            Ok(rest) => Some(home("HOME")?.join(rest)),
            Err(_) => Some(folder.clone()),
        });
        let folder = folder.or_else(usual).ok_or_else(|| {
            Diagnostic::without_place("there is no place for the cache: cache_connection names none")
        })?;
        let who = (&account.subscription, &account.tenant, &account.client_id, &account.environment);
        let named = format!("{who:?} {:?} {question:?}", account.endpoint);
        let name = &Algorithm::Sha256.of_bytes(named.as_bytes())[..16];
        let path = folder.join(format!("{}azure_rm_{name}", cache.prefix));
        Ok(Self { path, age: (cache.timeout > 0).then(|| Duration::from_secs(cache.timeout)) })
    }

    /// What is kept, if it is there, this user's own, not too old, and whole.
    pub(super) fn read(&self) -> Option<Vec<Vec<Value>>> {
        let file = fs::File::open(&self.path).ok()?;
        let about = file.metadata().ok()?;
        let age = SystemTime::now().duration_since(about.modified().ok()?).unwrap_or_default();
        let is_own = about.uid() == rustix::process::getuid().as_raw() && about.mode() & 0o022 == 0;
        if !is_own || self.age.is_some_and(|longest| age > longest) {
            return None;
        }
        serde_json::from_reader(std::io::BufReader::new(file)).ok()
    }

    /// Keeps an answer, in place of the one before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, answer: &[Vec<Value>]) -> Result<(), Box<Diagnostic>> {
        let failed = |error: std::io::Error| {
            let path = self.path.display();
            let finding = Diagnostic::without_place(format!("cannot keep the inventory in {path}: {error}"));
            Box::new(finding.hint("cache_connection names the folder"))
        };
        let folder = self.path.parent().unwrap_or(&self.path);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let kept: Vec<Vec<Value>> =
            answer.iter().map(|list| list.iter().map(without_secrets).collect()).collect();
        // A temporary file is its user's alone.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let text = serde_json::to_vec(&kept).map_err(|error| failed(error.into()))?;
        file.write_all(&text).map_err(failed)?;
        file.persist(&self.path).map(drop).map_err(|error| failed(error.error))
    }
}

fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), without_secrets(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_kept_without_secrets_for_their_account_and_for_some_time() {
        let folder = tempfile::tempdir().unwrap();
        let cache =
            AzureCache { folder: Some(folder.path().join("a/b")), prefix: "x_".to_owned(), timeout: 60 };
        let account = |subscription: &str| Account {
            subscription: Some(subscription.to_owned()),
            secret: Some("hush".to_owned()),
            ..Account::default()
        };
        let question = AzureQuestion::Query("q");
        let kept = Kept::new(&cache, &account("s"), &question).unwrap();
        assert_eq!(kept.read(), None);
        kept.write(&[vec![
            json!({"id": "/a", "properties": {"osProfile": {"customData": "hush", "computerName": "a"}}}),
        ]])
        .unwrap();
        assert_eq!(
            kept.read().unwrap(),
            [[json!({"id": "/a", "properties": {"osProfile": {"computerName": "a"}}})]]
        );
        assert_eq!(fs::metadata(&kept.path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.path().join("a/b")).unwrap().mode() & 0o777, 0o700);
        assert!(!fs::read_to_string(&kept.path).unwrap().contains("hush"));
        assert_eq!(Kept::new(&cache, &account("other"), &question).unwrap().read(), None);
        let old = SystemTime::now() - Duration::from_secs(61);
        fs::File::options().append(true).open(&kept.path).unwrap().set_modified(old).unwrap();
        assert_eq!(kept.read(), None, "too old");
        assert!(Kept { age: None, ..kept }.read().is_some(), "any age");
    }
}
