//! What apt-get must be asked for, so that packages are as they should be.

use super::State;
use crate::ModuleError;
use crate::system::dpkg::{Package, Packages, compare_versions};
use crate::system::glob;

/// How packages should be.
pub(super) struct Wish {
    pub(super) state: State,
    pub(super) only_upgrade: bool,
    pub(super) purge: bool,
}

/// What is known of the host.
pub(super) struct Host<'a> {
    pub(super) packages: &'a Packages,
    /// The version that would be installed of a name; `None` when there is no package of this name to be had.
    pub(super) candidate: &'a dyn Fn(&str) -> Result<Option<String>, ModuleError>,
}

/// A package as a task names it.
#[derive(Debug, PartialEq)]
struct Spec<'a> {
    /// Name, with an architecture if one is said.
    name: &'a str,
    version: Version<'a>,
    release: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version<'a> {
    Any,
    /// This one.
    Exactly(&'a str),
    /// The newest one that matches a pattern.
    Like(&'a str),
    /// This one or a later.
    AtLeast(&'a str),
}

impl<'a> Spec<'a> {
    fn read(text: &'a str) -> Result<Self, ModuleError> {
        let (name, version) = match text.split_once('=') {
            Some((name, version)) if name.ends_with('>') => {
                (name.trim_end_matches('>').trim(), Version::AtLeast(version.trim()))
            }
            Some((name, version)) if glob::is_pattern(version) => {
                (name.trim(), Version::Like(version.trim()))
            }
            Some((name, version)) => (name.trim(), Version::Exactly(version.trim())),
            None => (text.trim(), Version::Any),
        };
        let (name, release) =
            name.split_once('/').map_or((name, None), |(name, release)| (name, Some(release)));
        if name.is_empty() || name.contains(['<', '>', ' ']) {
            return Err(ModuleError::new(format!(
                "`{text}` does not name a package: versions are said as name=1.0, name=1.* or name>=1.0"
            )));
        }
        Ok(Self { name, version, release })
    }
}

impl Version<'_> {
    fn admits(self, version: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => version == wanted,
            Self::Like(pattern) => glob::matches(pattern, version),
            Self::AtLeast(least) => compare_versions(version, least).is_ge(),
        }
    }
}

impl Wish {
    /// The packages something has to be done about, as apt-get takes them.
    pub(super) fn needed(&self, wanted: &[&str], host: &Host<'_>) -> Result<Vec<String>, ModuleError> {
        let mut needed = Vec::new();
        for text in wanted {
            let spec = Spec::read(text)?;
            match self.state {
                State::Absent => needed.extend(self.removed(&spec, host)),
                State::Latest => needed.extend(self.latest(text, &spec, host)?),
                State::BuildDep => needed.push((*text).to_owned()),
                State::Present | State::Fixed => needed.extend(self.present(&spec, host)?),
            }
        }
        Ok(needed)
    }

    fn removed(&self, spec: &Spec<'_>, host: &Host<'_>) -> Vec<String> {
        let remains = |package: &&Package| match self.purge {
            true => !package.is_gone(),
            false => package.has_files(),
        };
        let remaining = |package: &&Package| remains(package) && spec.version.admits(&package.version);
        if glob::is_pattern(spec.name) {
            let matching = host.packages.iter().filter(|package| glob::matches(spec.name, &package.name));
            return matching.filter(remaining).map(|package| package.name.clone()).collect();
        }
        host.packages.find(spec.name).filter(remaining).map(|_| spec.name.to_owned()).into_iter().collect()
    }

    fn latest(&self, text: &str, spec: &Spec<'_>, host: &Host<'_>) -> Result<Vec<String>, ModuleError> {
        if spec.version != Version::Any {
            return Err(ModuleError::new(format!("version number inconsistent with state=latest: {text}")));
        }
        if glob::is_pattern(spec.name) {
            let matching = host.packages.iter().filter(|package| glob::matches(spec.name, &package.name));
            return Ok(matching
                .filter(|package| package.is_installed())
                .map(|package| package.name.clone())
                .collect());
        }
        let is_installed = host.packages.installed(spec.name).is_some();
        if !is_installed {
            let providers = self.providers(spec, host)?;
            if !providers.is_empty() || self.only_upgrade {
                return Ok(providers);
            }
        }
        Ok(vec![spec.asked(None)])
    }

    fn present(&self, spec: &Spec<'_>, host: &Host<'_>) -> Result<Option<String>, ModuleError> {
        if glob::is_pattern(spec.name) {
            return Ok(Some(spec.asked(None)));
        }
        let installed = host.packages.installed(spec.name);
        if installed.is_none() && self.only_upgrade {
            return Ok(None);
        }
        let is_done = match (installed, spec.version) {
            // apt knows which version a release has, and which one that matches is the newest.
            (Some(_), Version::Like(_)) => false,
            (Some(_), Version::Any) => spec.release.is_none(),
            (Some(package), version) => version.admits(&package.version),
            (None, Version::Any) => spec.release.is_none() && !self.providers(spec, host)?.is_empty(),
            (None, _) => false,
        };
        if is_done {
            return Ok(None);
        }
        if let Version::AtLeast(least) = spec.version {
            let candidate = (host.candidate)(spec.name)?.filter(|candidate| spec.version.admits(candidate));
            let candidate = candidate.ok_or_else(|| {
                ModuleError::new(format!("no available installation candidate for {}>={least}", spec.name))
            })?;
            return Ok(Some(spec.asked(Some(&candidate))));
        }
        Ok(Some(spec.asked(None)))
    }

    /// The installed packages that answer to a name of which there is no package.
    fn providers(&self, spec: &Spec<'_>, host: &Host<'_>) -> Result<Vec<String>, ModuleError> {
        let providers: Vec<String> =
            host.packages.providers(spec.name).map(|package| package.name.clone()).collect();
        // A package of the name itself is what is meant, if there is one.
        let is_real = !providers.is_empty() && (host.candidate)(spec.name)?.is_some();
        Ok(if is_real { Vec::new() } else { providers })
    }
}

impl Spec<'_> {
    /// As apt-get takes it.
    fn asked(&self, candidate: Option<&str>) -> String {
        let name = self.name;
        match (candidate, self.version, self.release) {
            (Some(version), _, _) | (None, Version::Exactly(version) | Version::Like(version), _) => {
                format!("{name}={version}")
            }
            (None, _, Some(release)) => format!("{name}/{release}"),
            (None, _, None) => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.6\n\n\
        Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n\n\
        Package: libx1\nStatus: install ok installed\nArchitecture: i386\nVersion: 1.0\n\n\
        Package: mawk\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.3\nProvides: awk, mawk-real\n\n\
        Package: nano\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 8.0-1\n";

    fn needed_with(wish: &Wish, wanted: &[&str]) -> Result<Vec<String>, String> {
        let candidate = |name: &str| {
            Ok(match name {
                "bash" => Some("5.3-1".to_owned()),
                "zsh" => Some("5.9-4".to_owned()),
                "mawk-real" => Some("1".to_owned()),
                _ => None,
            })
        };
        let host = Host { packages: &Packages::parse(LIST), candidate: &candidate };
        wish.needed(wanted, &host).map_err(|error| error.to_string())
    }

    fn needed(state: State, wanted: &[&str]) -> Result<Vec<String>, String> {
        needed_with(&Wish { state, only_upgrade: false, purge: false }, wanted)
    }

    #[track_caller]
    fn assert_needed(state: State, wanted: &str, expected: &[&str]) {
        assert_eq!(needed(state, &[wanted]).unwrap(), expected, "{wanted}");
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        for (wanted, expected) in [
            ("bash", &[][..]),
            ("bash:amd64", &[]),
            ("bash:i386", &["bash:i386"]),
            ("libx1:i386", &[]),
            ("libx1", &["libx1"]),
            ("bash=5.2-1", &[]),
            ("bash = 5.1-1", &["bash=5.1-1"]),
            ("bash=5.*", &["bash=5.*"]),
            ("bash>=5.2", &[]),
            ("bash >= 5.2-1", &[]),
            ("bash>=5.2-2", &["bash=5.3-1"]),
            ("zsh>=5", &["zsh=5.9-4"]),
            ("bash/sid", &["bash/sid"]),
            ("zsh", &["zsh"]),
            ("nano", &["nano"]),
            ("lib*", &["lib*"]),
            ("awk", &[]),
            ("awk=1", &["awk=1"]),
            ("mawk-real", &["mawk-real"]),
        ] {
            assert_needed(State::Present, wanted, expected);
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert_eq!(
            needed(State::Present, &["bash>=6"]).unwrap_err(),
            "no available installation candidate for bash>=6"
        );
        assert!(needed(State::Latest, &["bash=5"]).unwrap_err().contains("inconsistent with state=latest"));
        for wrong in ["bash>5", "bash<=5", "a b", "=5"] {
            assert!(
                needed(State::Present, &[wrong]).unwrap_err().contains("does not name a package"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_newest_is_asked_for_under_its_own_name() {
        assert_needed(State::Latest, "bash", &["bash"]);
        assert_needed(State::Latest, "zsh", &["zsh"]);
        assert_needed(State::Latest, "awk", &["mawk"]);
        assert_needed(State::Latest, "*a*", &["bash", "mawk"]);
        let wish = Wish { state: State::Latest, only_upgrade: true, purge: false };
        assert_eq!(needed_with(&wish, &["zsh", "bash"]).unwrap(), ["bash"]);
    }

    #[test]
    fn only_what_is_left_is_removed() {
        for (wanted, expected) in [
            ("bash", &["bash"][..]),
            ("bash=5.2-1", &["bash"]),
            ("bash=4", &[]),
            ("bash>=6", &[]),
            ("nano", &[]),
            ("awk", &[]),
            ("zsh", &[]),
            ("*a*", &["bash", "mawk"]),
        ] {
            assert_needed(State::Absent, wanted, expected);
        }
        let wish = Wish { state: State::Absent, only_upgrade: false, purge: true };
        assert_eq!(needed_with(&wish, &["nano"]).unwrap(), ["nano"]);
    }
}
