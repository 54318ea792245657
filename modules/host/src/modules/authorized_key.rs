//! `authorized_key`: keys that may log in as a user.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::args::{Arguments, Choice};
use crate::system::attributes::{self, FileAttributes, Mode};
use crate::system::http::{self, HttpOptions, Request};
use crate::system::placement::{Content, Placement};
use crate::system::{account, file, folder};
use crate::{Context, Module, ModuleError, Outcome};

/// Makes sure that SSH lets the holders of keys log in as a user, or does not.
#[derive(Arguments)]
pub struct AuthorizedKeyArgs {
    /// The user.
    user: String,
    /// The keys, one a line as in a `.pub` file, or an address of the web where they are.
    key: String,
    /// Whether the keys should be there.
    #[arg(default = "present")]
    state: State,
    /// The file; `.ssh/authorized_keys` in the user's home unless given.
    path: Option<PathBuf>,
    /// Make the file's folder, and have it owned by and open to the user alone. Turn it off for a folder that is not the
    /// user's own.
    #[arg(default = "true")]
    manage_dir: bool,
    /// Options for the keys, such as `no-pty,from="10.0.0.0/8"`; they take the place of those in front of the keys.
    key_options: Option<String>,
    /// Remove all other keys; then all that should be there must be given in one task.
    #[arg(default = "false")]
    exclusive: bool,
    /// Comment for the keys, instead of those after the keys.
    comment: Option<String>,
    /// Check the certificate of the server that the keys come from.
    #[arg(default = "true")]
    validate_certs: bool,
    /// When the file is a symbolic link, write to what it leads to; otherwise the link is replaced by a file.
    #[arg(default = "false")]
    follow: bool,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    Present,
    Absent,
}

/// The `authorized_key` module.
pub struct AuthorizedKey;

impl Module for AuthorizedKey {
    type Args = AuthorizedKeyArgs;
    const NAME: &'static str = "authorized_key";
    const SUMMARY: &'static str = "Makes sure that keys may log in as a user, or may not";

    fn run(args: AuthorizedKeyArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let wanted = args.wanted(context)?;
        let Some(user) = account::user(context, &args.user) else {
            // An earlier task of the real run would have made the user.
            return if context.check {
                Ok(Outcome::new(args.state == State::Present)
                    .message(format!("there is no user {} yet", args.user)))
            } else {
                Err(ModuleError::new(format!("Failed to lookup user {}: there is no such user", args.user)))
            };
        };
        let mut path =
            args.path.clone().unwrap_or_else(|| Path::new(&user.home).join(".ssh/authorized_keys"));
        if args.follow && path.is_symlink() {
            path = file::follow(&path);
        }
        let before = file::read(&path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&before).into_owned();
        let lines = args.edited(&text, &wanted);
        let outcome = Outcome::new(false)
            .with("user", args.user.as_str())
            .with("key", args.key.as_str())
            .with("keyfile", path.to_string_lossy())
            .with("path", args.path.as_ref().map(|path| path.to_string_lossy().into_owned()));
        let owned = |mode: &str| FileAttributes {
            mode: Some(Mode(mode.to_owned())),
            owner: Some(user.uid.to_string()),
            group: Some(user.gid.to_string()),
            ..FileAttributes::default()
        };
        let Some(lines) = lines else {
            // SSH does not read keys that others could write.
            let mut outcome = outcome;
            if args.manage_dir && path.is_file() && args.state == State::Present {
                for (path, mode) in [(path.parent().unwrap_or(&path), "0700"), (path.as_path(), "0600")] {
                    let change = owned(mode).apply(path, args.follow, context)?;
                    outcome.changed |= change.changed();
                    if context.diff && change.changed() {
                        outcome.diff.push(change.diff(path));
                    }
                }
            }
            return Ok(outcome);
        };
        if let (false, Some(parent)) = (context.check, path.parent()) {
            if args.manage_dir {
                folder::make(parent, &owned("0700"), context)?;
                owned("0700").apply(parent, true, context)?;
            } else if !parent.is_dir() {
                return Err(ModuleError::new(format!(
                    "{} does not exist, and manage_dir is off",
                    parent.display()
                )));
            }
        }
        let after = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let attributes =
            if args.manage_dir { owned("0600") } else { FileAttributes { mode: None, ..owned("") } };
        let placed = Placement::new(&path, &attributes).place(&Content::Bytes(after.as_bytes()), context)?;
        let mut outcome = outcome;
        outcome.changed = placed.changed;
        outcome.diff = placed.diff;
        outcome.result.extend(attributes::describe(&path, context)?);
        Ok(outcome)
    }
}

/// A line with a key.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    options: Vec<String>,
    kind: String,
    key: String,
    comment: String,
}

impl Key {
    /// Reads a line; `None` when it has no key.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (first, rest) = split_word(line);
        let (options, kind, rest) = if is_kind(first) {
            (Vec::new(), first, rest)
        } else {
            let (kind, rest) = split_word(rest);
            (options_of(first), kind, rest)
        };
        let (key, comment) = split_word(rest);
        (is_kind(kind) && !key.is_empty()).then(|| Self {
            options,
            kind: kind.to_owned(),
            key: key.to_owned(),
            comment: comment.to_owned(),
        })
    }

    fn line(&self) -> String {
        let options = self.options.join(",");
        let parts = [options.as_str(), &self.kind, &self.key, &self.comment];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// A word and what follows it; quoted spaces are part of a word.
fn split_word(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => return (&text[..at], text[at..].trim_start()),
            _ => {}
        }
    }
    (text, "")
}

/// Options are separated by commas; those in quotes separate nothing.
fn options_of(text: &str) -> Vec<String> {
    let mut options = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for character in text.chars() {
        if character == ',' && !is_quoted {
            options.push(String::new());
            continue;
        }
        is_quoted ^= character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        if let Some(last) = options.last_mut() {
            last.push(character);
        }
    }
    options.into_iter().map(|option| option.trim().to_owned()).filter(|option| !option.is_empty()).collect()
}

/// Whether a word names a kind of key.
fn is_kind(word: &str) -> bool {
    let plain = word.split('@').next().unwrap_or_default().trim_start_matches("sk-");
    let plain = plain.strip_suffix("-cert-v01").unwrap_or(plain);
    matches!(plain, "ssh-rsa" | "ssh-dss" | "ssh-ed25519" | "ssh-xmss")
        || plain.starts_with("ecdsa-sha2-nistp")
}

impl AuthorizedKeyArgs {
    /// The keys that the task gives, with the options and the comment that it wants them to have.
    fn wanted(&self, context: &Context) -> Result<Vec<Key>, ModuleError> {
        let is_address = ["http://", "https://", "file://"].iter().any(|scheme| self.key.starts_with(scheme));
        let text = if let Some(path) = self.key.strip_prefix("file://") {
            let read = file::read(Path::new(path))?;
            let read = read.ok_or_else(|| ModuleError::new(format!("there is no file {path}")))?;
            String::from_utf8_lossy(&read).into_owned()
        } else if is_address {
            self.fetched(context)?
        } else {
            self.key.clone()
        };
        let mut wanted = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut key = Key::parse(line).ok_or_else(|| {
                ModuleError::new(format!("invalid key specified: {line}")).with("key", line)
            })?;
            if let Some(options) = &self.key_options {
                key.options = options_of(options);
            }
            if let Some(comment) = &self.comment {
                key.comment.clone_from(comment);
            }
            wanted.push(key);
        }
        if wanted.is_empty() {
            return Err(ModuleError::new("no key is given"));
        }
        Ok(wanted)
    }

    fn fetched(&self, context: &Context) -> Result<String, ModuleError> {
        const TIMEOUT: Duration = Duration::from_secs(10);
        let options = HttpOptions {
            validate_certs: self.validate_certs,
            use_proxy: true,
            http_agent: "ansible-httpget".to_owned(),
            decompress: true,
            ..HttpOptions::default()
        };
        let response = http::send(&Request::get(&self.key, TIMEOUT), &options, context)?;
        if response.status != 200 {
            let message = format!("Error getting key from: {} (HTTP Error {})", self.key, response.status);
            return Err(ModuleError::new(message));
        }
        Ok(String::from_utf8_lossy(&response.read(context)?).into_owned())
    }

    /// The lines as they should be; `None` when they are.
    fn edited(&self, text: &str, wanted: &[Key]) -> Option<Vec<String>> {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut is_changed = false;
        let same = |line: &str, key: &Key| Key::parse(line).is_some_and(|there| there.key == key.key);
        if self.state == State::Absent || self.exclusive {
            let before = lines.len();
            let goes = |line: &String| match self.state {
                State::Absent => wanted.iter().any(|key| same(line, key)),
                State::Present => {
                    Key::parse(line).is_some_and(|there| !wanted.iter().any(|key| key.key == there.key))
                }
            };
            lines.retain(|line| !goes(line));
            is_changed = lines.len() != before;
        }
        if self.state == State::Present {
            for key in wanted {
                match lines.iter_mut().find(|line| same(line, key)) {
                    Some(line) if Key::parse(line).as_ref() == Some(key) => {}
                    Some(line) => {
                        *line = key.line();
                        is_changed = true;
                    }
                    None => {
                        lines.push(key.line());
                        is_changed = true;
                    }
                }
            }
        }
        is_changed.then_some(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use serde_json::{Value, json};

    use super::{AuthorizedKey, Key};
    use crate::modules::testing::{changes_once, run};
    use crate::modules::testing_server::{Server, text};

    /// This process's user: tests may run as anyone.
    fn user() -> String {
        rustix::process::getuid().as_raw().to_string()
    }

    struct Keys {
        folder: tempfile::TempDir,
    }

    impl Keys {
        fn new(content: &str) -> Self {
            let keys = Self { folder: tempfile::tempdir().unwrap() };
            if !content.is_empty() {
                std::fs::create_dir(keys.folder.path().join(".ssh")).unwrap();
                std::fs::write(keys.path(), content).unwrap();
            }
            keys
        }

        fn path(&self) -> std::path::PathBuf {
            self.folder.path().join(".ssh/keys")
        }

        fn arguments(&self, mut arguments: Value) -> Value {
            arguments["path"] = json!(self.path());
            arguments["user"] = user().into();
            arguments
        }

        fn changed(&self, arguments: Value) -> String {
            changes_once::<AuthorizedKey>(&self.arguments(arguments));
            std::fs::read_to_string(self.path()).unwrap()
        }
    }

    #[test]
    fn keys_are_added_and_the_file_is_private() {
        let keys = Keys::new("");
        assert_eq!(keys.changed(json!({"key": "ssh-ed25519 AAA me@home"})), "ssh-ed25519 AAA me@home\n");
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&keys.path()), mode(keys.path().parent().unwrap())), (0o600, 0o700));
        let both = "# two\nssh-ed25519 AAA me@home\nssh-rsa BBB you\n";
        assert_eq!(keys.changed(json!({"key": both})), "ssh-ed25519 AAA me@home\nssh-rsa BBB you\n");
    }

    #[test]
    fn options_and_comments_are_changed_in_place() {
        let keys = Keys::new("# mine\nssh-rsa AAA old\nssh-rsa BBB\n");
        let options = "no-pty,command=\"echo a, b\"";
        assert_eq!(
            keys.changed(json!({"key": "ssh-rsa AAA old", "key_options": options})),
            format!("# mine\n{options} ssh-rsa AAA old\nssh-rsa BBB\n")
        );
        assert_eq!(
            keys.changed(json!({"key": "ssh-rsa AAA", "comment": "new one"})),
            "# mine\nssh-rsa AAA new one\nssh-rsa BBB\n"
        );
    }

    #[test]
    fn keys_are_removed_one_by_one_or_all_others() {
        let content = "# mine\nfrom=\"x y\" ssh-rsa AAA a\nssh-rsa BBB b\nssh-rsa CCC c\n";
        let keys = Keys::new(content);
        assert_eq!(
            keys.changed(json!({"key": "ssh-rsa AAA other comment", "state": "absent"})),
            "# mine\nssh-rsa BBB b\nssh-rsa CCC c\n"
        );
        assert_eq!(
            keys.changed(json!({"key": "ssh-rsa CCC c", "exclusive": true})),
            "# mine\nssh-rsa CCC c\n"
        );
        std::fs::set_permissions(keys.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(keys.changed(json!({"key": "ssh-rsa CCC c"})), "# mine\nssh-rsa CCC c\n");
        assert_eq!(std::fs::metadata(keys.path()).unwrap().mode() & 0o777, 0o600);
        let absent = keys.arguments(json!({"key": "ssh-rsa ZZZ", "state": "absent"}));
        assert!(!run::<AuthorizedKey>(absent, false).changed);
    }

    #[test]
    fn keys_come_from_the_web_too() {
        let server = Server::start(|asked| match asked.target.as_str() {
            "/me.keys" => text("ssh-ed25519 AAA\n"),
            _ => (404, Vec::new(), Vec::new()),
        });
        let keys = Keys::new("");
        assert_eq!(keys.changed(json!({"key": server.url("/me.keys")})), "ssh-ed25519 AAA\n");
        assert!(run::<AuthorizedKey>(keys.arguments(json!({"key": server.url("/none")})), false).failed);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let keys = Keys::new("");
        for key in ["nonsense", "ssh-rsa", "# only a remark"] {
            assert!(run::<AuthorizedKey>(keys.arguments(json!({"key": key})), false).failed, "{key}");
        }
        let unmanaged = keys.arguments(json!({"key": "ssh-rsa AAA", "manage_dir": false}));
        assert!(run::<AuthorizedKey>(unmanaged, false).msg.unwrap().contains("manage_dir"));
        let nobody = json!({"user": "no-such-user", "key": "ssh-rsa AAA"});
        assert!(run::<AuthorizedKey>(nobody.clone(), false).failed);
        assert!(run::<AuthorizedKey>(nobody, true).changed, "an earlier task makes the user");
    }

    #[test]
    fn lines_are_taken_apart() {
        let key =
            Key::parse("command=\"a \\\" b, c\",no-pty sk-ssh-ed25519@openssh.com AAA two words").unwrap();
        assert_eq!(key.options, ["command=\"a \\\" b, c\"", "no-pty"]);
        assert_eq!((key.kind.as_str(), key.comment.as_str()), ("sk-ssh-ed25519@openssh.com", "two words"));
        assert!(Key::parse("ecdsa-sha2-nistp256 AAA").is_some());
        assert!(Key::parse("ssh-rsa-cert-v01@openssh.com AAA").is_some());
        assert!(Key::parse("rsa AAA").is_none());
    }
}
