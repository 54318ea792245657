//! `deb822_repository`: sources of packages, in the form of today.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::args::{Arguments, FromArgument, Kind};
use crate::module::Doing as _;
use crate::modules::group::State;
use crate::system::attributes::{FileAttributes, Mode};
use crate::system::{file, keyserver};
use crate::{Context, Diff, Module, ModuleError, Outcome};

/// Where apt keeps sources and keys of the administrator.
const SOURCES: &str = "/etc/apt/sources.list.d";
const KEYRINGS: &str = "/etc/apt/keyrings";

/// Adds and removes sources of packages, each in a file of its own, with the key that signs it.
#[derive(Arguments)]
pub struct Deb822RepositoryArgs {
    /// The source's name: its file is made from it.
    name: String,
    /// Whether it is there.
    #[arg(default = "present")]
    state: State,
    /// Whether apt uses it.
    enabled: Option<bool>,
    /// `deb` for packages, `deb-src` for their sources.
    #[arg(default = "deb")]
    types: Vec<String>,
    /// Addresses.
    uris: Option<Vec<String>>,
    /// Releases; one that ends in `/` is a path, and then there are no components.
    suites: Option<Vec<String>>,
    /// Parts of a release: `main`.
    components: Option<Vec<String>>,
    /// Architectures.
    architectures: Option<Vec<String>>,
    /// The key that signs it: a path, an address it is fetched from, a fingerprint, or the key itself as text.
    signed_by: Option<String>,
    /// Take it for good though nothing signs it.
    trusted: Option<bool>,
    /// Refuse weak signatures.
    allow_weak: Option<bool>,
    /// Take it though it is not signed.
    allow_insecure: Option<bool>,
    /// Take it though it was signed and is no more.
    allow_downgrade_to_insecure: Option<bool>,
    /// Look at the dates of releases.
    check_date: Option<bool>,
    /// Look at whether releases are still valid.
    check_valid_until: Option<bool>,
    /// Seconds a clock may be off.
    date_max_future: Option<i64>,
    /// The release file, if not the usual one.
    inrelease_path: Option<String>,
    /// Languages of descriptions.
    languages: Option<Vec<String>>,
    /// Fetch lists by differences.
    pdiffs: Option<bool>,
    /// Fetch lists by hash.
    by_hash: Option<Tristate>,
    /// What is fetched.
    targets: Option<Vec<String>>,
    /// The files' mode.
    #[arg(default = "0644")]
    mode: Mode,
    /// Install what reading keys takes; nothing is needed.
    #[arg(default = "false")]
    install_python_debian: bool,
}

/// `yes`, `no` or a word of apt's own.
pub struct Tristate(String);

impl FromArgument for Tristate {
    const KIND: Kind = Kind::Text;

    fn from_argument(value: &serde_json::Value) -> Option<Self> {
        match bool::from_argument(value) {
            Some(flag) => Some(Self(yes_no(flag).to_owned())),
            None => String::from_argument(value).map(Self),
        }
    }
}

/// The `deb822_repository` module.
pub struct Deb822Repository;

impl Module for Deb822Repository {
    type Args = Deb822RepositoryArgs;
    const NAME: &'static str = "deb822_repository";
    const SUMMARY: &'static str = "Manages sources of packages";

    fn run(args: Deb822RepositoryArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        // Keys are read without any help.
        let _ = args.install_python_debian;
        let slug: String = args
            .name
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
            .collect();
        let source = Path::new(SOURCES).join(format!("{slug}.sources"));
        let attributes = FileAttributes { mode: Some(args.mode.clone()), ..FileAttributes::default() };
        if args.state == State::Absent {
            return remove(&slug, &source, context);
        }
        let mut outcome = Outcome::new(false);
        let key = signed_by(&args, &slug, &attributes, &mut outcome, context)?;
        let text = stanza(&args, key.as_deref());
        write(&source, text.as_bytes(), &attributes, &mut outcome, context)?;
        let outcome = outcome.with("repo", text).with("dest", source.display().to_string());
        Ok(match key {
            Some(key) => outcome.with("key_filename", key),
            None => outcome.with("key_filename", serde_json::Value::Null),
        })
    }
}

fn remove(slug: &str, source: &Path, context: &Context) -> Result<Outcome, ModuleError> {
    let keys = ["gpg", "asc"].map(|ending| Path::new(KEYRINGS).join(format!("{slug}.{ending}")));
    let mut outcome = Outcome::new(false).with("repo", serde_json::Value::Null);
    for path in std::iter::once(source.to_owned()).chain(keys).filter(|path| path.exists()) {
        outcome.changed = true;
        if !context.check {
            fs::remove_file(&path).doing(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(outcome.with("dest", source.display().to_string()))
}

fn yes_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// The source as apt reads it.
fn stanza(args: &Deb822RepositoryArgs, key: Option<&str>) -> String {
    let list = |values: &Option<Vec<String>>| values.as_ref().map(|values| values.join(" "));
    let flag = |value: Option<bool>| value.map(|value| yes_no(value).to_owned());
    let fields: [(&str, Option<String>); 20] = [
        ("X-Repolib-Name", Some(args.name.clone())),
        ("Allow-Downgrade-To-Insecure", flag(args.allow_downgrade_to_insecure)),
        ("Allow-Insecure", flag(args.allow_insecure)),
        ("Allow-Weak", flag(args.allow_weak)),
        ("Architectures", list(&args.architectures)),
        ("By-Hash", args.by_hash.as_ref().map(|value| value.0.clone())),
        ("Check-Date", flag(args.check_date)),
        ("Check-Valid-Until", flag(args.check_valid_until)),
        ("Components", list(&args.components)),
        ("Date-Max-Future", args.date_max_future.map(|seconds| seconds.to_string())),
        ("Enabled", flag(args.enabled)),
        ("InRelease-Path", args.inrelease_path.clone()),
        ("Languages", list(&args.languages)),
        ("PDiffs", flag(args.pdiffs)),
        ("Signed-By", key.map(str::to_owned)),
        ("Suites", list(&args.suites)),
        ("Targets", list(&args.targets)),
        ("Trusted", flag(args.trusted)),
        ("Types", Some(args.types.join(" "))),
        ("URIs", list(&args.uris)),
    ];
    fields.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}: {value}\n"))).collect()
}

/// What `Signed-By` says: a path or fingerprint as given; a key given as text or fetched is kept beside apt's own.
fn signed_by(
    args: &Deb822RepositoryArgs,
    slug: &str,
    attributes: &FileAttributes,
    outcome: &mut Outcome,
    context: &Context,
) -> Result<Option<String>, ModuleError> {
    let Some(given) = &args.signed_by else { return Ok(None) };
    let key: Vec<u8> = if given.contains("-----BEGIN") {
        given.trim().as_bytes().to_vec()
    } else if given.starts_with("http://") || given.starts_with("https://") {
        keyserver::get(given, true, context)?
    } else {
        return Ok(Some(given.clone()));
    };
    let is_text = key.trim_ascii_start().starts_with(b"-----BEGIN");
    let path = Path::new(KEYRINGS).join(format!("{slug}.{}", if is_text { "asc" } else { "gpg" }));
    if !context.check {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(KEYRINGS)
            .doing(|| format!("cannot make {KEYRINGS}"))?;
    }
    write(&path, &key, attributes, outcome, context)?;
    Ok(Some(path.display().to_string()))
}

/// Makes a file have a content; tells what that changes.
fn write(
    path: &Path,
    content: &[u8],
    attributes: &FileAttributes,
    outcome: &mut Outcome,
    context: &Context,
) -> Result<(), ModuleError> {
    let before = file::read(path)?;
    if before.as_deref() == Some(content) {
        outcome.changed |= attributes.apply(path, true, context)?.changed();
        return Ok(());
    }
    outcome.changed = true;
    if context.diff {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        outcome.diff.push(Diff::text(
            path.display().to_string(),
            before.as_deref().map(text).unwrap_or_default(),
            text(content),
        ));
    }
    if context.check { Ok(()) } else { file::replace(path, content, attributes, context) }
}
