//! Images of one layer, as archives of the OCI's layout: written to whoever reads them, and held nowhere.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::checksum::Algorithm;

/// The size of a piece of a tar archive.
const BLOCK: usize = 512;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image whose only layer is a tar archive that is there.
pub struct Image {
    layer: PathBuf,
    layer_sum: String,
    configuration: String,
    manifest: String,
    index: String,
    size: u64,
}

impl Image {
    /// Describes an image of this name; `sum` is the SHA-256 of the layer's file.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn new(name: &str, layer: &Path, sum: &str, annotations: &Value) -> io::Result<Self> {
        let size = std::fs::metadata(layer)?.len();
        let descriptor = |kind: &str, sum: &str, size: u64| json!({"mediaType": kind, "digest": format!("sha256:{sum}"), "size": size});
        let configuration = json!({
            "architecture": architecture(), "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{sum}")]},
        })
        .to_string();
        let configuration_sum = digest(&configuration);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &configuration_sum, configuration.len() as u64),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", sum, size)],
            "annotations": annotations,
        })
        .to_string();
        let mut entry = descriptor(MANIFEST, &digest(&manifest), manifest.len() as u64);
        entry["annotations"] = json!({"io.containerd.image.name": name});
        let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}).to_string();
        Ok(Self { layer: layer.to_owned(), layer_sum: sum.to_owned(), configuration, manifest, index, size })
    }

    /// What containerd knows the image by.
    pub fn digest(&self) -> String {
        format!("sha256:{}", digest(&self.manifest))
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// When the layer cannot be read or has changed its length, or nobody reads any more.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let text = |to: &mut dyn Write, name: &str, text: &str| -> io::Result<()> {
            to.write_all(&head(name, 0o644, text.len() as u64)?)?;
            to.write_all(text.as_bytes())?;
            pad(to, text.len() as u64)
        };
        text(to, "oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        text(to, "index.json", &self.index)?;
        for blob in [&self.manifest, &self.configuration] {
            text(to, &format!("blobs/sha256/{}", digest(blob)), blob)?;
        }
        member(to, &format!("blobs/sha256/{}", self.layer_sum), 0o644, &self.layer, self.size)?;
        to.write_all(&[0; 2 * BLOCK])?;
        to.flush()
    }
}

/// Writes a layer that holds a program, under this name, and nothing else.
///
/// # Errors
/// When the program cannot be read, or nobody reads any more.
pub fn layer(program: &Path, name: &str, to: &mut dyn Write) -> io::Result<()> {
    member(to, name, 0o755, program, std::fs::metadata(program)?.len())?;
    to.write_all(&[0; 2 * BLOCK])?;
    to.flush()
}

/// Writes a file of this length as a member of an archive.
fn member(to: &mut dyn Write, name: &str, mode: u32, file: &Path, size: u64) -> io::Result<()> {
    to.write_all(&head(name, mode, size)?)?;
    let copied = io::copy(&mut File::open(file)?.take(size), to)?;
    if copied != size {
        return Err(io::Error::other("it became shorter while it was read"));
    }
    pad(to, size)
}

fn digest(text: &str) -> String {
    Algorithm::Sha256.of_bytes(text.as_bytes())
}

/// The machine's architecture as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn pad(to: &mut dyn Write, size: u64) -> io::Result<()> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    if over == 0 { Ok(()) } else { to.write_all(&vec![0; BLOCK - over]) }
}

/// The head of a plain file; sizes that have no room as octal digits are written in bytes.
fn head(name: &str, mode: u32, size: u64) -> io::Result<[u8; BLOCK]> {
    let mut head = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = head.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    if name.len() > 100 {
        return Err(io::Error::other("the name of a member is too long"));
    }
    put(0, name.as_bytes());
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    if let Some(place) = head.get_mut(148..156) {
        place.copy_from_slice(sum.as_bytes());
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_one_that_tar_reads() {
        let folder = tempfile::tempdir().unwrap();
        let layer = folder.path().join("layer");
        std::fs::write(&layer, vec![3; 1300]).unwrap();
        let sum = Algorithm::Sha256.of_file(&layer).unwrap();
        let image = Image::new("localhost/x:1", &layer, &sum, &json!({"a": "b"})).unwrap();
        let archive = folder.path().join("image.tar");
        image.write(&mut File::create(&archive).unwrap()).unwrap();
        let tar = |words: &[&str]| {
            let output =
                std::process::Command::new("tar").args(words).arg("-f").arg(&archive).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            output.stdout
        };
        let names = String::from_utf8(tar(&["-t"])).unwrap();
        assert_eq!(names.lines().count(), 5, "{names}");
        std::fs::remove_file(&layer).unwrap();
        tar(&["-x", "-C", folder.path().to_str().unwrap()]);
        let blob =
            |digest: &str| folder.path().join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
        for name in names.lines().filter_map(|name| name.strip_prefix("blobs/sha256/")) {
            assert_eq!(Algorithm::Sha256.of_file(&blob(name)).unwrap(), name);
        }
        let read = |path: &Path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
        let index = read(&folder.path().join("index.json"));
        assert_eq!(index["manifests"][0]["digest"], image.digest());
        let manifest = read(&blob(&image.digest()));
        assert_eq!(
            (&manifest["annotations"]["a"], &manifest["layers"][0]["size"]),
            (&json!("b"), &json!(1300))
        );
        assert!(blob(manifest["config"]["digest"].as_str().unwrap()).exists());
    }

    #[test]
    fn a_layer_is_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let (program, archive) = (folder.path().join("own"), folder.path().join("layer.tar"));
        std::fs::write(&program, "#!/bin/sh\necho it runs\n").unwrap();
        layer(&program, "clouder", &mut File::create(&archive).unwrap()).unwrap();
        let run = |program: &str, words: &[&str]| {
            let mut command = std::process::Command::new(program);
            let output = command.args(words).current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        run("tar", &["-xf", "layer.tar"]);
        assert_eq!(run("./clouder", &[]), "it runs\n");
    }

    #[test]
    fn sizes_beyond_octal_digits_have_room() {
        let head = head("x", 0o644, 9 << 30).unwrap();
        assert_eq!(&head[124..136], [0x80, 0, 0, 0, 0, 0, 0, 2, 0x40, 0, 0, 0]);
    }
}
