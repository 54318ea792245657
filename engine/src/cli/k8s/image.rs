//! The image of what runs in clusters: this program, and nothing else.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use clouder_modules::system::checksum::Algorithm;
use clouder_modules::system::oci;
use serde_json::{Value, json};

use super::super::Failure;

/// An image of the running program, in an archive that goes when this is dropped.
pub(super) struct Image {
    name: String,
    folder: tempfile::TempDir,
}

impl Image {
    /// Makes it.
    ///
    /// # Errors
    /// When the program cannot be read, or there is no room for the archive.
    pub(super) fn of_this_program() -> Result<Self, Failure> {
        Self::make().map_err(|error| Failure::plain(format!("cannot make an image of this program: {error}")))
    }

    fn make() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let folder = tempfile::tempdir()?;
        let layer = folder.path().join("layer.tar");
        oci::layer(&program, "clouder", &mut BufWriter::new(File::create(&layer)?))?;
        let sum = Algorithm::Sha256.of_file(&layer)?;
        // What differs has another name, so that nodes get what they do not have, and only that.
        let short: String = sum.chars().take(12).collect();
        let name = format!("localhost/clouder:{}-{short}", env!("CARGO_PKG_VERSION"));
        let image = oci::Image::new(&name, &layer, &sum, &json!({}))?;
        let made = Self { name, folder };
        image.write(&mut BufWriter::new(File::create(made.archive())?))?;
        std::fs::remove_file(layer)?;
        Ok(made)
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("image.tar")
    }

    /// What roles are told of it: its name, its archive, and the machines that it is for, as `uname -m` names them.
    pub(super) fn variables(&self) -> Value {
        json!({"image": self.name, "archive": self.archive(), "machine": std::env::consts::ARCH})
    }
}
