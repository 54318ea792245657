//! Mode, owner, group and the like of files: the parameters, what a file has, and the change between them.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::{Map, Value};

use super::{account, file, flags, mode, selinux};
use crate::args::{Arguments, FromArgument, Kind};
use crate::module::Doing as _;
use crate::{Context, Diff, ModuleError};

/// Attributes that every module that makes files takes.
#[derive(Arguments, Clone, Debug, Default)]
pub struct FileAttributes {
    /// Permissions: octal (quote it: '0644') or symbolic (u=rw,go=r); `preserve` where there is a source file.
    pub mode: Option<Mode>,
    /// Name or number of the user that owns the file.
    pub owner: Option<String>,
    /// Name or number of the group the file belongs to.
    pub group: Option<String>,
    /// Flags of the file system as `chattr` takes them: `+i`, `-a`, `=ia`.
    #[arg(alias = "attr")]
    pub attributes: Option<String>,
    /// User part of the SELinux context.
    pub seuser: Option<String>,
    /// Role part of the SELinux context.
    pub serole: Option<String>,
    /// Type part of the SELinux context.
    pub setype: Option<String>,
    /// Level part of the SELinux context.
    pub selevel: Option<String>,
    /// Write into the file where it cannot be replaced in one step (mount points); may leave half a file.
    #[arg(default = "false")]
    pub unsafe_writes: bool,
}

/// A mode as given: text, or the number YAML made of an unquoted `0644`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode(pub String);

impl FromArgument for Mode {
    const KIND: Kind = Kind::Text;

    fn from_argument(value: &Value) -> Option<Self> {
        match value {
            // YAML reads 0644 as the octal number it is; so the number is the mode itself.
            Value::Number(number) => number.as_u64().map(|mode| Self(format!("{mode:o}"))),
            Value::String(text) => Some(Self(text.clone())),
            _ => None,
        }
    }
}

/// What a change of attributes did, or would do.
#[derive(Debug, Default)]
pub struct AttributeChange {
    /// The attributes that differ, as they were. Empty when nothing differs.
    pub before: Map<String, Value>,
    /// The same attributes, as they are to be.
    pub after: Map<String, Value>,
}

impl AttributeChange {
    /// Whether anything differs.
    pub fn changed(&self) -> bool {
        !self.after.is_empty()
    }

    /// Adds one thing that differs.
    pub fn note(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name.to_owned(), before.into());
        self.after.insert(name.to_owned(), after.into());
    }

    /// Adds all that differs in another change of the same path.
    pub fn extend(&mut self, other: Self) {
        self.before.extend(other.before);
        self.after.extend(other.after);
    }

    /// The change as a difference to show, under its path.
    pub fn diff(&self, path: &Path) -> Diff {
        let under = |attributes: &Map<String, Value>| {
            let path = ("path".to_owned(), Value::from(path.to_string_lossy()));
            std::iter::once(path).chain(attributes.clone()).collect()
        };
        Diff::attributes(under(&self.before), under(&self.after))
    }
}

/// What is compared with what is asked for: the attributes a path has, or a new one would have.
struct Found {
    uid: u32,
    gid: u32,
    mode: u32,
    is_folder: bool,
    is_link: bool,
}

impl Found {
    fn of(metadata: &Metadata) -> Self {
        Self {
            uid: metadata.uid(),
            gid: metadata.gid(),
            mode: metadata.mode() & 0o7777,
            is_folder: metadata.is_dir(),
            is_link: metadata.is_symlink(),
        }
    }

    /// What this process makes at a path: by its umask, and in a set-group-id folder in that folder's group.
    fn new_at(path: &Path, is_folder: bool) -> Self {
        let parent = path.ancestors().skip(1).find_map(|parent| fs::metadata(parent).ok());
        let inherited = parent.filter(|parent| parent.mode() & 0o2000 != 0).map(|parent| parent.gid());
        let all = if is_folder { 0o777 } else { 0o666 };
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: inherited.unwrap_or_else(|| rustix::process::getegid().as_raw()),
            mode: (all & !file::umask()) | if is_folder && inherited.is_some() { 0o2000 } else { 0 },
            is_folder,
            is_link: false,
        }
    }
}

impl FileAttributes {
    /// Whether anything is asked for.
    pub fn asks(&self) -> bool {
        let texts = [
            &self.owner,
            &self.group,
            &self.attributes,
            &self.seuser,
            &self.serole,
            &self.setype,
            &self.selevel,
        ];
        self.mode.is_some() || texts.iter().any(|text| text.is_some())
    }

    /// The permission bits asked for, of something that has `current` now; `None` when none are, or `preserve`.
    ///
    /// # Errors
    /// When the mode is not understood.
    pub fn mode_for(&self, current: u32, is_folder: bool) -> Result<Option<u32>, ModuleError> {
        match &self.mode {
            Some(Mode(text)) if text != "preserve" => {
                mode::resolve(text, current, is_folder).map(Some).map_err(ModuleError::new)
            }
            _ => Ok(None),
        }
    }

    /// The numbers of the user and the group asked for.
    ///
    /// # Errors
    /// When there is no such user or group.
    pub fn ids(&self, context: &Context) -> Result<(Option<u32>, Option<u32>), ModuleError> {
        let number = |name: &str| name.parse::<u32>().ok();
        let uid = match self.owner.as_deref().filter(|owner| !owner.is_empty()) {
            Some(owner) => Some(
                number(owner).or_else(|| account::user(context, owner).map(|user| user.uid)).ok_or_else(
                    || ModuleError::new(format!("chown failed: failed to look up user {owner}")),
                )?,
            ),
            None => None,
        };
        let gid = match self.group.as_deref().filter(|group| !group.is_empty()) {
            Some(group) => Some(
                number(group).or_else(|| account::group(context, group).map(|group| group.gid)).ok_or_else(
                    || ModuleError::new(format!("chgrp failed: failed to look up group {group}")),
                )?,
            ),
            None => None,
        };
        Ok((uid, gid))
    }

    /// What would change of a path's attributes. A user or group that does not exist yet is, in check mode, one that
    /// an earlier task of the real run would have made.
    ///
    /// # Errors
    /// When the path cannot be looked at, or an attribute is not understood.
    pub fn compare(
        &self,
        path: &Path,
        follow: bool,
        context: &Context,
    ) -> Result<AttributeChange, ModuleError> {
        let found = if follow { file::look_through(path)? } else { file::look(path)? };
        let Some(metadata) = found else { return Ok(AttributeChange::default()) };
        let mut change = self.difference(&Found::of(&metadata), context)?;
        if !metadata.is_symlink()
            && let Some(wanted) = &self.attributes
        {
            let now = flags::read(path).unwrap_or_default();
            let after = flags::resolve(wanted, now)?;
            if after != now {
                change.note("attributes", flags::letters(now), flags::letters(after));
            }
        }
        if let Some(wanted) = self.selinux_label(path) {
            let now = selinux::label(path).unwrap_or_default();
            if now != wanted {
                change.note("secontext", now, wanted);
            }
        }
        Ok(change)
    }

    /// How a new file or folder would differ from one made without these attributes.
    ///
    /// # Errors
    /// As [`Self::compare`].
    pub fn compare_new(
        &self,
        path: &Path,
        is_folder: bool,
        context: &Context,
    ) -> Result<AttributeChange, ModuleError> {
        self.difference(&Found::new_at(path, is_folder), context)
    }

    /// Owner, group and mode.
    fn difference(&self, found: &Found, context: &Context) -> Result<AttributeChange, ModuleError> {
        let mut change = AttributeChange::default();
        self.compare_ids(found, context, &mut change)?;
        if !found.is_link {
            let now = found.mode;
            if let Some(wanted) = self.mode_for(now, found.is_folder)?.filter(|wanted| *wanted != now) {
                change.note("mode", mode::octal(now), mode::octal(wanted));
            }
        }
        Ok(change)
    }

    fn compare_ids(
        &self,
        found: &Found,
        context: &Context,
        change: &mut AttributeChange,
    ) -> Result<(), ModuleError> {
        let (uid, gid) = match self.ids(context) {
            Ok(ids) => ids,
            Err(_) if context.check => {
                if let Some(owner) = &self.owner {
                    change.note("owner", found.uid, owner.as_str());
                }
                if let Some(group) = &self.group {
                    change.note("group", found.gid, group.as_str());
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(uid) = uid.filter(|uid| *uid != found.uid) {
            change.note("owner", found.uid, uid);
        }
        if let Some(gid) = gid.filter(|gid| *gid != found.gid) {
            change.note("group", found.gid, gid);
        }
        Ok(())
    }

    /// Gives a path the attributes asked for, or in check mode only says what would change.
    ///
    /// # Errors
    /// When it cannot.
    pub fn apply(
        &self,
        path: &Path,
        follow: bool,
        context: &Context,
    ) -> Result<AttributeChange, ModuleError> {
        let change = self.compare(path, follow, context)?;
        if context.check || !change.changed() {
            return Ok(change);
        }
        let failed = |what: &str| format!("cannot change the {what} of {}", path.display());
        if change.after.contains_key("owner") || change.after.contains_key("group") {
            let (uid, gid) = self.ids(context)?;
            if follow {
                std::os::unix::fs::chown(path, uid, gid).doing(|| failed("owner"))?;
            } else {
                std::os::unix::fs::lchown(path, uid, gid).doing(|| failed("owner"))?;
            }
        }
        // After chown, which clears set-id bits.
        let metadata = if follow { file::look_through(path)? } else { file::look(path)? };
        if let Some(metadata) = metadata.filter(|metadata| !metadata.is_symlink())
            && let Some(mode) = self.mode_for(metadata.mode() & 0o7777, metadata.is_dir())?
        {
            fs::set_permissions(path, Permissions::from_mode(mode)).doing(|| failed("mode"))?;
        }
        if let (true, Some(wanted)) = (change.after.contains_key("attributes"), &self.attributes) {
            flags::write(path, flags::resolve(wanted, flags::read(path).unwrap_or_default())?)?;
        }
        if let Some(wanted) = change.after.get("secontext").and_then(Value::as_str) {
            selinux::set(path, wanted)?;
        }
        Ok(change)
    }

    /// The whole SELinux label asked for, the parts not asked for as they are; `None` without SELinux.
    fn selinux_label(&self, path: &Path) -> Option<String> {
        let parts = [&self.seuser, &self.serole, &self.setype, &self.selevel];
        if parts.iter().all(|part| part.is_none()) || !selinux::is_on() {
            return None;
        }
        let now = selinux::label(path).unwrap_or_default();
        let mut now = now.splitn(4, ':');
        let wanted = parts.map(|part| {
            let now = now.next().unwrap_or_default();
            part.clone().unwrap_or_else(|| now.to_owned())
        });
        Some(wanted.join(":").trim_end_matches(':').to_owned())
    }
}

/// The name of a user or group number, or the number where it has no name.
pub fn names_of(metadata: &Metadata, context: &Context) -> (String, String) {
    let (uid, gid) = (metadata.uid().to_string(), metadata.gid().to_string());
    let owner = account::user(context, &uid).map_or(uid, |user| user.name);
    let group = account::group(context, &gid).map_or(gid, |group| group.name);
    (owner, group)
}

/// What playbooks read of a path after a task made it: owner, group, mode, size, state.
///
/// # Errors
/// When it cannot be looked at.
pub fn describe(path: &Path, context: &Context) -> Result<Map<String, Value>, ModuleError> {
    let mut facts = Map::new();
    let Some(metadata) = file::look(path)? else { return Ok(facts) };
    let (owner, group) = names_of(&metadata, context);
    facts.insert("uid".to_owned(), metadata.uid().into());
    facts.insert("gid".to_owned(), metadata.gid().into());
    facts.insert("owner".to_owned(), owner.into());
    facts.insert("group".to_owned(), group.into());
    facts.insert("mode".to_owned(), mode::octal(metadata.mode()).into());
    facts.insert("state".to_owned(), state(&metadata).into());
    facts.insert("size".to_owned(), metadata.size().into());
    Ok(facts)
}

/// What a path is, in the words of results: `file`, `directory`, `link`, or `hard` for a file with several names.
pub fn state(metadata: &Metadata) -> &'static str {
    if metadata.is_symlink() {
        "link"
    } else if metadata.is_dir() {
        "directory"
    } else if metadata.nlink() > 1 {
        "hard"
    } else {
        "file"
    }
}
