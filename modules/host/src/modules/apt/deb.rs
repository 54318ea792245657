//! Package files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Map;

use crate::args::Arguments as _;
use crate::module::Doing as _;
use crate::system::dpkg::Packages;
use crate::system::expand;
use crate::system::http::{self, HttpOptions, Request};
use crate::{Context, ModuleError};

/// How long a server may be silent.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// A package file of the host, or one that was fetched and goes with this value.
pub(super) enum PackageFile {
    There(PathBuf),
    Fetched(tempfile::NamedTempFile),
}

impl PackageFile {
    /// A path, or an address.
    pub(super) fn of(deb: &str, context: &Context) -> Result<Self, ModuleError> {
        if deb.contains("://") {
            return fetch(deb, context).map(Self::Fetched);
        }
        let deb = &expand::path(deb);
        if !Path::new(deb).is_file() {
            return Err(ModuleError::new(format!("there is no package file {deb}")));
        }
        Ok(Self::There(std::path::absolute(deb).unwrap_or_else(|_| PathBuf::from(deb))))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::There(path) => path,
            Self::Fetched(file) => file.path(),
        }
    }

    /// Whether exactly this version of the package is installed.
    pub(super) fn is_installed(&self, packages: &Packages, context: &Context) -> Result<bool, ModuleError> {
        let field = |name: &str| {
            let command = context.tool("dpkg-deb").argument("-f").argument(self.path()).argument(name);
            command.succeed().map(|finished| finished.out().trim().to_owned())
        };
        let (name, version, architecture) = (field("Package")?, field("Version")?, field("Architecture")?);
        let installed = packages.installed(&format!("{name}:{architecture}"));
        Ok(installed.is_some_and(|package| package.version == version))
    }
}

fn fetch(url: &str, context: &Context) -> Result<tempfile::NamedTempFile, ModuleError> {
    let options = HttpOptions::read(Map::new()).map_err(|error| ModuleError::new(error.to_string()))?;
    let told = |error: ModuleError| ModuleError::new(format!("Failure downloading {url}, {error}"));
    let mut response = http::send(&Request::get(url, FETCH_TIMEOUT), &options, context).map_err(told)?;
    if !(200..=299).contains(&response.status) {
        let (status, reason) = (response.status, &response.reason);
        return Err(ModuleError::new(format!("Failure downloading {url}, HTTP Error {status}: {reason}")));
    }
    // apt-get takes only what ends like this for a file.
    let failed = || format!("cannot write in {}", context.scratch.display());
    let mut file =
        tempfile::Builder::new().prefix("apt-").suffix(".deb").tempfile_in(&context.scratch).doing(failed)?;
    response.copy_to(file.as_file_mut(), context)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::testing::{context, folder};
    use crate::modules::testing_server::Server;

    const LIST: &str = "Package: tool\nStatus: install ok installed\nArchitecture: all\nVersion: 1.2-3\n";

    #[test]
    fn files_are_fetched_and_compared_with_what_is_installed() {
        let context = context();
        if context.find_program("dpkg-deb").is_none() {
            return;
        }
        let (_guard, at) = folder();
        std::fs::create_dir_all(at.join("tool/DEBIAN")).unwrap();
        let control = "Package: tool\nVersion: 1.2-3\nArchitecture: all\nMaintainer: me <me@example.com>\nDescription: x\n";
        std::fs::write(at.join("tool/DEBIAN/control"), control).unwrap();
        let built =
            context.tool("dpkg-deb").arguments(["--build", "tool", "tool.deb"]).folder(&at).run().unwrap();
        assert!(built.status.success(), "{built:?}");
        let bytes = std::fs::read(at.join("tool.deb")).unwrap();
        let server = Server::start(move |asked| match asked.target.as_str() {
            "/tool.deb" => (200, Vec::new(), bytes.clone()),
            _ => (404, Vec::new(), Vec::new()),
        });
        let there = at.join("tool.deb").display().to_string();
        for deb in [there, server.url("/tool.deb")] {
            let file = PackageFile::of(&deb, &context).unwrap();
            assert!(file.path().extension().unwrap() == "deb");
            assert!(file.is_installed(&Packages::parse(LIST), &context).unwrap());
            let older = LIST.replace("1.2-3", "1.2-2");
            assert!(!file.is_installed(&Packages::parse(&older), &context).unwrap());
        }
        for (deb, reason) in
            [(server.url("/none.deb"), "404"), (at.join("none.deb").display().to_string(), "no package file")]
        {
            assert!(PackageFile::of(&deb, &context).err().unwrap().to_string().contains(reason), "{deb}");
        }
    }
}
