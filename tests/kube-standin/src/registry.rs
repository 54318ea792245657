//! A registry of images that have the machine's own busybox in them and nothing else: every name and tag is one, and each name
//! has an image of its own.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::failure::{Context as _, Result, refuse};
use crate::http::{Request, Response};
use crate::pki::hex;

const PROGRAM: &str = "/usr/bin/busybox";
/// What images can run by name.
const APPLETS: [&str; 4] = ["cat", "echo", "sh", "sleep"];
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The one layer of all images.
struct Registry {
    layer: Vec<u8>,
}

/// Serves images at an address until it is killed.
///
/// # Errors
/// When the machine has no busybox, or the address is taken.
pub fn serve(address: &str) -> Result<()> {
    let registry = Arc::new(Registry { layer: layer()? });
    let listener = TcpListener::bind(address).doing(address)?;
    for stream in listener.incoming().flatten() {
        let registry = Arc::clone(&registry);
        std::thread::spawn(move || drop(registry.exchange(stream)));
    }
    Ok(())
}

/// A tar archive of what images have.
fn layer() -> Result<Vec<u8>> {
    let folder = std::env::temp_dir().join(format!("kube-standin-registry-{}", std::process::id()));
    let filled = || -> Result<Vec<u8>> {
        let programs = folder.join("bin");
        std::fs::create_dir_all(&programs).doing(programs.display())?;
        std::fs::copy(PROGRAM, programs.join("busybox")).doing(PROGRAM)?;
        for applet in APPLETS {
            symlink("busybox", programs.join(applet)).doing(applet)?;
        }
        let options = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
        let packed = Command::new("tar").args(options).arg("-C").arg(&folder).args(["-c", "bin"]).output();
        let packed = packed.doing("tar")?;
        if !packed.status.success() {
            refuse!("tar: {}", String::from_utf8_lossy(&packed.stderr));
        }
        Ok(packed.stdout)
    };
    let layer = filled();
    let _ = std::fs::remove_dir_all(&folder);
    layer
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(content)))
}

impl Registry {
    fn exchange(&self, mut stream: TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(PATIENCE)).doing("accept")?;
        let Some(request) = Request::read(&mut stream)? else { return Ok(()) };
        self.answer(request.path()).write(&mut stream, request.method != "HEAD")
    }

    fn answer(&self, path: &str) -> Response {
        let missing = || Response::new(404, "application/json", "{}");
        let Some(rest) = path.strip_prefix("/v2/") else { return missing() };
        if rest.is_empty() {
            return Response::new(200, "application/json", "{}");
        }
        if let Some((name, wanted)) = rest.rsplit_once("/manifests/") {
            let manifest = self.manifest(name);
            let is_it = !wanted.starts_with("sha256:") || digest(manifest.as_bytes()) == wanted;
            return if is_it { Response::new(200, MANIFEST, manifest) } else { missing() };
        }
        let Some((name, wanted)) = rest.rsplit_once("/blobs/") else { return missing() };
        let blobs = [self.layer.clone(), self.configuration(name).into_bytes()];
        let found = blobs.into_iter().find(|blob| digest(blob) == wanted);
        found.map_or_else(missing, |blob| Response::new(200, "application/octet-stream", blob))
    }

    fn configuration(&self, name: &str) -> String {
        let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
        let runs = json!({"Entrypoint": ["/bin/sleep", "2147483647"], "Labels": {"name": name}});
        json!({
            "architecture": architecture, "os": "linux", "config": runs,
            "rootfs": {"type": "layers", "diff_ids": [digest(&self.layer)]},
        })
        .to_string()
    }

    fn manifest(&self, name: &str) -> String {
        let part = |kind: &str, content: &[u8]| json!({"mediaType": kind, "digest": digest(content), "size": content.len()});
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": part(CONFIGURATION, self.configuration(name).as_bytes()), "layers": [part(LAYER, &self.layer)],
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_image_is_found_by_its_name_and_by_what_it_says() {
        let registry = Registry { layer: b"layer".to_vec() };
        let manifest = registry.answer("/v2/a/b/manifests/1");
        assert_eq!((manifest.status, manifest.content_type.as_str()), (200, MANIFEST));
        let own = digest(&manifest.body);
        assert_eq!(registry.answer(&format!("/v2/a/b/manifests/{own}")), manifest);
        assert_eq!(registry.answer(&format!("/v2/other/manifests/{own}")).status, 404);
        let told: Value = serde_json::from_slice(&manifest.body).unwrap();
        for part in [&told["config"], &told["layers"][0]] {
            let blob = registry.answer(&format!("/v2/a/b/blobs/{}", part["digest"].as_str().unwrap()));
            assert_eq!((blob.status, Some(blob.body.len() as u64)), (200, part["size"].as_u64()));
        }
        assert_eq!((registry.answer("/v2/").status, registry.answer("/v1/").status), (200, 404));
    }
}
