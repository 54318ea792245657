//! What dpkg knows: read from its own files, without starting it.

use std::cmp::Ordering;
use std::path::Path;

use super::file;
use crate::ModuleError;

/// dpkg's list of packages.
pub const STATUS: &str = "/var/lib/dpkg/status";

/// Changes to the list that dpkg has not merged into it yet, after it was interrupted.
const UPDATES: &str = "/var/lib/dpkg/updates";

/// One package, installed or with something left of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Package {
    /// Name without architecture.
    pub name: String,
    /// `amd64`, `all` …
    pub architecture: String,
    /// Its version; empty when only a selection is left.
    pub version: String,
    /// What dpkg is asked to do with it: `install`, `hold`, `deinstall`, `purge`.
    pub selection: String,
    /// How it stands: `installed`, `config-files`, `half-configured` …
    pub state: String,
    /// The section it is filed under: `utils`, `contrib/net`.
    pub section: String,
    /// Names it also answers to, without their versions.
    pub provides: Vec<String>,
}

impl Package {
    /// Whether it is there and works: a package waiting for a trigger of another does.
    pub fn is_installed(&self) -> bool {
        matches!(self.state.as_str(), "installed" | "triggers-pending" | "triggers-awaited")
    }

    /// Whether its files are there, be it unconfigured or half installed.
    pub fn has_files(&self) -> bool {
        !matches!(self.state.as_str(), "not-installed" | "config-files" | "")
    }

    /// Whether nothing is left of it, not even configuration.
    pub fn is_gone(&self) -> bool {
        matches!(self.state.as_str(), "not-installed" | "")
    }
}

/// All packages dpkg has an entry of.
#[derive(Debug, Default)]
pub struct Packages {
    packages: Vec<Package>,
    native: String,
}

impl Packages {
    /// Those of this host.
    ///
    /// # Errors
    /// When this host has no dpkg, or its list cannot be read.
    pub fn read() -> Result<Self, ModuleError> {
        let Some(status) = file::read(Path::new(STATUS))? else {
            return Err(ModuleError::new(format!(
                "this host has no {STATUS}: its packages are not managed by dpkg"
            )));
        };
        let mut packages = Self::parse(&String::from_utf8_lossy(&status));
        let mut updates: Vec<_> =
            std::fs::read_dir(UPDATES).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        updates.retain(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
        });
        updates.sort();
        for update in updates {
            if let Some(text) = file::read(&update)? {
                packages.merge(Self::parse(&String::from_utf8_lossy(&text)));
            }
        }
        Ok(packages)
    }

    /// Reads paragraphs as in dpkg's list.
    pub fn parse(text: &str) -> Self {
        let packages: Vec<Package> = text.split("\n\n").filter_map(paragraph).collect();
        // dpkg itself is always of the native architecture.
        let native = packages.iter().find(|package| package.name == "dpkg");
        let native =
            native.map_or_else(|| default_architecture().to_owned(), |dpkg| dpkg.architecture.clone());
        Self { packages, native }
    }

    fn merge(&mut self, updates: Self) {
        for update in updates.packages {
            let same =
                |old: &&mut Package| old.name == update.name && old.architecture == update.architecture;
            match self.packages.iter_mut().find(same) {
                Some(old) => *old = update,
                None => self.packages.push(update),
            }
        }
    }

    /// The architecture packages are of when nothing is said.
    pub fn native(&self) -> &str {
        &self.native
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter()
    }

    /// The entry of a name, which may say an architecture (`libc6:i386`). Without one it means the native one, or one
    /// that is for all.
    pub fn find(&self, name: &str) -> Option<&Package> {
        let (name, architecture) = name.split_once(':').unwrap_or((name, "native"));
        let fits = |package: &&Package| match architecture {
            "any" => true,
            "native" => {
                package.architecture == self.native || matches!(package.architecture.as_str(), "all" | "")
            }
            other => package.architecture == other || package.architecture == "all",
        };
        self.packages.iter().filter(|package| package.name == name).find(fits)
    }

    /// The installed package of a name; see [`Self::find`].
    pub fn installed(&self, name: &str) -> Option<&Package> {
        self.find(name).filter(|package| package.is_installed())
    }

    /// The installed packages that answer to a name that need not be their own.
    pub fn providers(&self, name: &str) -> impl Iterator<Item = &Package> {
        let name = name.split(':').next().unwrap_or(name);
        self.packages.iter().filter(move |package| {
            package.is_installed() && package.provides.iter().any(|provided| provided == name)
        })
    }
}

/// What dpkg was built for, where it does not tell.
fn default_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn paragraph(text: &str) -> Option<Package> {
    let mut package = Package::default();
    for line in text.lines() {
        let Some((field, value)) = line.split_once(": ") else { continue };
        match field {
            "Package" => package.name = value.to_owned(),
            "Architecture" => package.architecture = value.to_owned(),
            "Version" => package.version = value.to_owned(),
            "Section" => package.section = value.to_owned(),
            "Status" => {
                let mut words = value.split(' ');
                package.selection = words.next().unwrap_or_default().to_owned();
                package.state = words.nth(1).unwrap_or_default().to_owned();
            }
            "Provides" => {
                let names = value.split(',').filter_map(|provided| provided.split_whitespace().next());
                package.provides = names.map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    (!package.name.is_empty()).then_some(package)
}

/// Which of two versions is newer, by Debian's rules.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    let parts = |version: &str| {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch.parse::<u64>().unwrap_or(0), upstream.to_owned(), revision.to_owned())
    };
    let (left, right) = (parts(left), parts(right));
    left.0
        .cmp(&right.0)
        .then_with(|| compare_parts(&left.1, &right.1))
        .then_with(|| compare_parts(&left.2, &right.2))
}

/// Compares by turns what is no digit and what is one.
fn compare_parts(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        while starts_with_letterlike(left) || starts_with_letterlike(right) {
            match rank(left.first()).cmp(&rank(right.first())) {
                // Only a character that is there can be equal to one that is no digit.
                Ordering::Equal => (left, right) = (&left[1..], &right[1..]),
                unequal => return unequal,
            }
        }
        let (number_left, rest_left) = number(left);
        let (number_right, rest_right) = number(right);
        let by_value = number_left.len().cmp(&number_right.len()).then_with(|| number_left.cmp(number_right));
        if by_value != Ordering::Equal {
            return by_value;
        }
        (left, right) = (rest_left, rest_right);
    }
    Ordering::Equal
}

fn starts_with_letterlike(text: &[u8]) -> bool {
    text.first().is_some_and(|byte| !byte.is_ascii_digit())
}

/// How a character sorts where digits are not compared: `~` before the end, letters before the rest.
fn rank(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None | Some(b'0'..=b'9') => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    }
}

/// The digits in front, without leading zeros, and the rest.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let start = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    (&digits[start..], rest)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::*;

    const LIST: &str = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.6\n\n\
        Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2.41-1\n\n\
        Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.40-1\n\n\
        Package: postfix\nStatus: hold ok installed\nSection: mail\nArchitecture: amd64\nVersion: 3.9-1\n\
        Description: a mail server\n with a second line: of it\nProvides: default-mta, mail-transport-agent (= 3)\n\n\
        Package: nano\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 8.0-1\n";

    #[test]
    fn the_list_is_read() {
        let packages = Packages::parse(LIST);
        assert_eq!((packages.native(), packages.iter().count()), ("amd64", 5));
        assert_eq!(packages.installed("libc6").unwrap().version, "2.41-1");
        assert_eq!(packages.installed("libc6:i386").unwrap().version, "2.40-1");
        assert_eq!(packages.installed("libc6:arm64"), None);
        assert_eq!(packages.installed("nano"), None);
        assert!(!packages.find("nano").unwrap().has_files());
        let postfix = packages.find("postfix").unwrap();
        assert_eq!((postfix.selection.as_str(), postfix.section.as_str()), ("hold", "mail"));
        let providers: Vec<&str> =
            packages.providers("mail-transport-agent").map(|package| package.name.as_str()).collect();
        assert_eq!(providers, ["postfix"]);
    }

    #[test]
    fn later_updates_win() {
        let mut packages = Packages::parse(LIST);
        packages.merge(Packages::parse(
            "Package: nano\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9\n",
        ));
        assert_eq!(packages.installed("nano").unwrap().version, "9");
    }

    #[test]
    fn versions_compare_as_dpkg_compares_them() {
        for (left, right, expected) in [
            ("1.0", "1.0", Equal),
            ("1.0", "1.00", Equal),
            ("1.9", "1.10", Less),
            ("1:0.1", "2.0", Greater),
            ("0:1.0", "1.0", Equal),
            ("1.0~rc1", "1.0", Less),
            ("1.0~rc1", "1.0~rc1-1", Less),
            ("1.0~~", "1.0~", Less),
            ("1.0-1", "1.0-1+deb13u1", Less),
            ("1.0-1", "1.0", Greater),
            ("1.0a", "1.0+", Less),
            ("1.0a", "1.0.1", Less),
            ("2:1.2.3-4ubuntu5", "2:1.2.3-4ubuntu10", Less),
            ("1.32.1-1.1", "1.32.1-1.1", Equal),
            ("1.0-0", "1.0", Equal),
        ] {
            assert_eq!(compare_versions(left, right), expected, "{left} and {right}");
            assert_eq!(compare_versions(right, left), expected.reverse(), "{right} and {left}");
        }
    }
}
