//! Stores that archives are copied to: S3 and what speaks like it, and Azure Blob Storage. What arrives there is encrypted before it
//! leaves the node, appears under its name when all of it is there, and says itself when it is to be deleted.

mod azure;
mod backend;
mod config;
mod s3;
mod web;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::digest;
use thiserror::Error;

use self::backend::{Backend, Looked};
pub use self::config::StoreConfig;
pub use self::web::WebError;
use crate::archive::Origin;
use crate::cluster::rfc3339;
use crate::seal::{Recipient, Sealed};

/// How much is sent at once. A store takes no more than 10000 parts, so that what is larger goes in larger ones.
const PART: u64 = 8 << 20;
const PARTS: u64 = 9000;

/// What is said of each object: whose it is, when it is to be deleted, and what is in it. Azure takes letters and digits only.
const CLUSTER: &str = "cloudercluster";
const EXPIRES: &str = "clouderexpires";
const SHA256: &str = "cloudersha256";

/// How the names of all copies end.
const SUFFIX: &str = ".tar.age";

/// Why a store did not do as it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Its configuration is wrong.
    #[error("the store {0}: {1}")]
    Config(String, String),
    /// The store said no, or nothing.
    #[error("the store does not {doing}: {source}")]
    Store {
        /// What it was asked to do.
        doing: &'static str,
        /// What it said.
        source: WebError,
    },
    /// The archive cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The archive.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What arrived is not what was sent.
    #[error("the copy {0} is not what was sent: {1}")]
    Broken(String, String),
}

/// A store, and the folder in it that is one cluster's.
#[derive(Debug)]
pub struct Store {
    store: Box<dyn Backend>,
    /// What all names begin with, up to the cluster's own.
    prefix: String,
    cluster: String,
}

/// Where a copy is in its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The schedule it is of.
    pub schedule: &'a str,
    /// Whose checkpoint it is.
    pub origin: &'a Origin,
    /// When that was made.
    pub time: Timestamp,
}

/// What came of looking for what is past its time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// How many objects are ours.
    pub ours: usize,
    /// Those that were deleted.
    pub deleted: Vec<String>,
}

/// What a store did not do, as an error.
fn failed(doing: &'static str) -> impl Fn(WebError) -> StoreError {
    move |source| StoreError::Store { doing, source }
}

impl Store {
    /// The store of a cluster.
    ///
    /// # Errors
    /// When the configuration is wrong.
    pub fn new(config: &StoreConfig, cluster: &str) -> Result<Self, StoreError> {
        let told = |why: String| StoreError::Config(config.name.clone(), why);
        let store = config.open().map_err(told)?;
        let parts = config.prefix.split('/').filter(|part| !part.is_empty()).chain([cluster]);
        let prefix = parts.map(|part| format!("{part}/")).collect();
        Ok(Self { store, prefix, cluster: cluster.to_owned() })
    }

    fn name(&self, place: &Place<'_>) -> String {
        let Place { schedule, origin: Origin { namespace, pod, container }, time } = place;
        let time = time.strftime("%Y%m%dT%H%M%SZ");
        format!("{}{namespace}/{schedule}/{pod}/{container}/{time}{SUFFIX}", self.prefix)
    }

    /// Copies an archive, unless its copy is there; returns the copy's name. Interrupted, it begins anew: nothing of an unfinished
    /// one is ever seen.
    ///
    /// # Errors
    /// When the archive cannot be read, or the store does not take it as it is.
    pub fn copy(
        &self,
        archive: &Path,
        place: &Place<'_>,
        recipients: &[Recipient],
        expires: Timestamp,
    ) -> Result<String, StoreError> {
        let name = self.name(place);
        let unread = |source| StoreError::Read { path: archive.to_owned(), source };
        let (sum, size) = checksum(archive).map_err(unread)?;
        if self.look(&name)?.is_some_and(|found| found.metadata.get(SHA256) == Some(&sum)) {
            return Ok(name);
        }
        let said = [(CLUSTER, self.cluster.clone()), (EXPIRES, rfc3339(expires)), (SHA256, sum)];
        let metadata = BTreeMap::from(said);
        let sealed = File::open(archive).and_then(|file| Sealed::new(file, recipients)).map_err(unread)?;
        let length = sealed.length(size);
        let upload = self.store.begin(&name, &metadata).map_err(failed("begin a copy"))?;
        let sent = self.send(&name, &upload, sealed, length).map_err(|error| match error {
            Sending::Read(source) => unread(source),
            Sending::Store(error) => failed("take a part of a copy")(error),
        });
        let done = sent.and_then(|parts| {
            let done = self.store.complete(&name, &upload, &parts, &metadata);
            done.map_err(failed("complete a copy"))
        });
        if let Err(error) = done {
            // What is left behind of it is not seen, and the first error counts.
            let _ = self.store.abort(&name, &upload);
            return Err(error);
        }
        match self.look(&name)? {
            Some(found) if found.size == length && found.metadata.get(SHA256) == metadata.get(SHA256) => {
                Ok(name)
            }
            Some(found) => {
                let why = format!("{length} bytes were sent, {} are there", found.size);
                Err(StoreError::Broken(name, why))
            }
            None => Err(StoreError::Broken(name, "it is not there".to_owned())),
        }
    }

    fn look(&self, name: &str) -> Result<Option<Looked>, StoreError> {
        self.store.look(name).map_err(failed("tell of a copy"))
    }

    /// Sends all of an archive, in parts.
    fn send(
        &self,
        name: &str,
        upload: &str,
        mut sealed: Sealed<File>,
        length: u64,
    ) -> Result<Vec<String>, Sending> {
        let size = PART.max(length.div_ceil(PARTS));
        let mut parts = Vec::new();
        let mut sent = 0;
        loop {
            let mut part = Vec::new();
            sealed.by_ref().take(size).read_to_end(&mut part).map_err(Sending::Read)?;
            if part.is_empty() {
                break;
            }
            sent += part.len() as u64;
            let number =
                u16::try_from(parts.len() + 1).map_err(|error| Sending::Read(io::Error::other(error)))?;
            parts.push(self.store.part(name, upload, number, &part).map_err(Sending::Store)?);
        }
        if sent != length {
            return Err(Sending::Read(io::Error::other("it changed while it was read")));
        }
        Ok(parts)
    }

    /// Deletes the copies of this cluster whose time is over: only what is named as copies are, and says itself that it is one, of
    /// this cluster.
    ///
    /// # Errors
    /// When the store does not list or delete them.
    pub fn expire(&self, now: Timestamp) -> Result<Expired, StoreError> {
        let mut expired = Expired::default();
        for name in self.store.list(&self.prefix).map_err(failed("list copies"))? {
            let own = name.strip_prefix(&self.prefix).unwrap_or_default();
            if !own.ends_with(SUFFIX) || own.split('/').count() != 5 {
                continue;
            }
            let Some(found) = self.look(&name)? else { continue };
            if found.metadata.get(CLUSTER) != Some(&self.cluster) {
                continue;
            }
            expired.ours += 1;
            let until = found.metadata.get(EXPIRES).and_then(|text| text.parse::<Timestamp>().ok());
            if until.is_some_and(|until| until < now) {
                self.store.delete(&name).map_err(failed("delete a copy"))?;
                expired.deleted.push(name);
            }
        }
        Ok(expired)
    }
}

/// Why a copy was not sent.
enum Sending {
    Read(io::Error),
    Store(WebError),
}

/// The SHA-256 of a file, and its size.
fn checksum(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut sum = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 18];
    let mut size = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => {
                sum.update(buffer.get(..count).unwrap_or_default());
                size += count as u64;
            }
        }
    }
    Ok((hex(sum.finish().as_ref()), size))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
