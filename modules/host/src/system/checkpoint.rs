//! Archives of checkpointed containers, as container runtimes write them: what is told about the container in them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::Value;

/// The size of a piece of a tar archive.
const BLOCK: usize = 512;
/// How much of a description is read; archives come from elsewhere, and are not trusted.
const LARGEST: u64 = 16 << 20;
/// How many members are looked at; the descriptions come among the first.
const MOST_MEMBERS: usize = 100_000;

/// What a runtime calls the container in its description, its pod, the pod's namespace and the image: containerd's way, and
/// CRI-O's.
const ANNOTATIONS: [[&str; 2]; 4] = [
    ["io.kubernetes.cri.container-name", "io.kubernetes.container.name"],
    ["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"],
    ["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"],
    ["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"],
];

/// What an archive says of its container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The container's name in its pod.
    pub container: String,
    /// The pod.
    pub pod: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The image that the container was started from.
    pub image: String,
    /// The same by its digest: what a restore needs.
    pub base: String,
    /// When the checkpoint was made, as RFC 3339 has it.
    pub time: String,
}

impl Checkpoint {
    /// Reads what an archive says.
    ///
    /// # Errors
    /// When it cannot be read, is no such archive, or is not complete.
    pub fn read(path: &Path) -> io::Result<Self> {
        let (mut specification, mut configuration) = (None, None);
        let mut file = File::open(path)?;
        for _ in 0..MOST_MEMBERS {
            let Some(member) = Member::next(&mut file)? else { break };
            match member.name.trim_start_matches("./") {
                "spec.dump" => specification = Some(member.json(&mut file)?),
                "config.dump" => configuration = Some(member.json(&mut file)?),
                _ => {}
            }
            if let (Some(specification), Some(configuration)) = (&specification, &configuration) {
                return Self::of(specification, configuration);
            }
            file.seek(SeekFrom::Start(member.end))?;
        }
        Err(wrong("it has no spec.dump or no config.dump: it is no archive of a checkpoint, or not complete"))
    }

    fn of(specification: &Value, configuration: &Value) -> io::Result<Self> {
        let annotations = &specification["annotations"];
        let [container, pod, namespace, image] = ANNOTATIONS.map(|names| {
            let found = names.iter().find_map(|name| annotations[*name].as_str());
            found.unwrap_or_default().to_owned()
        });
        if [&container, &pod, &namespace].into_iter().any(|text| !is_name(text)) {
            return Err(wrong("its spec.dump does not say which container of which pod it is of"));
        }
        let text = |name: &str| configuration[name].as_str().unwrap_or_default().to_owned();
        // containerd's annotations of a container that was restored call it something else; its full name is right.
        let container = own_name(&text("name"), &pod, &namespace).unwrap_or(container);
        let image = if image.is_empty() { text("rootfsImageName") } else { image };
        Ok(Self {
            container,
            pod,
            namespace,
            image,
            base: text("rootfsImageRef"),
            time: text("checkpointedTime"),
        })
    }

    /// The name of the image that the archive is made into where it is restored.
    pub fn image_name(&self) -> String {
        let tag: String = self
            .time
            .to_lowercase()
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        let tag = if tag.is_empty() { "unknown" } else { &tag };
        format!("localhost/clouder-checkpoint/{}/{}/{}:{tag}", self.namespace, self.pod, self.container)
    }
}

/// The name of a container, of the one that runtimes make for it: `CONTAINER_POD_NAMESPACE_UID_ATTEMPT`, after `k8s_` with CRI-O.
fn own_name(full: &str, pod: &str, namespace: &str) -> Option<String> {
    let parts: Vec<&str> = full.strip_prefix("k8s_").unwrap_or(full).split('_').collect();
    match parts.as_slice() {
        [container, of_pod, of_namespace, _, _]
            if *of_pod == pod && *of_namespace == namespace && is_name(container) =>
        {
            Some((*container).to_owned())
        }
        _ => None,
    }
}

/// Whether a text can be the name of an object of Kubernetes.
fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    let ends = |letter: char| letter.is_ascii_alphanumeric();
    text.len() <= 253 && text.chars().all(fits) && text.starts_with(ends) && text.ends_with(ends)
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// One member of a tar archive whose reader is behind its head.
struct Member {
    name: String,
    size: u64,
    /// Where the next head is.
    end: u64,
}

impl Member {
    /// Reads a head; none at the end of the archive.
    fn next(file: &mut File) -> io::Result<Option<Self>> {
        let mut head = [0; BLOCK];
        file.read_exact(&mut head).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof { wrong("it ends early") } else { error }
        })?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u64 = head
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
            .sum();
        if number(&head[148..156]) != Some(sum) {
            return Err(wrong("it is no tar archive"));
        }
        let size = number(&head[124..136]).ok_or_else(|| wrong("it is no tar archive"))?;
        let name = head[..100].split(|byte| *byte == 0).next().unwrap_or_default();
        // Only plain files can be descriptions; what else there is, is passed over.
        let name = if matches!(head[156], b'0' | 0) {
            String::from_utf8_lossy(name).into_owned()
        } else {
            String::new()
        };
        let padded = size.checked_next_multiple_of(BLOCK as u64);
        let end = padded.and_then(|size| file.stream_position().ok()?.checked_add(size));
        Ok(Some(Self { name, size, end: end.ok_or_else(|| wrong("it is no tar archive"))? }))
    }

    fn json(&self, file: &mut File) -> io::Result<Value> {
        if self.size > LARGEST {
            return Err(wrong("the description of its container is too large"));
        }
        let mut text = Vec::new();
        file.take(self.size).read_to_end(&mut text)?;
        if text.len() as u64 != self.size {
            return Err(wrong("it ends early"));
        }
        serde_json::from_slice(&text).map_err(|error| wrong(&format!("{} is no JSON: {error}", self.name)))
    }
}

/// A number as tar writes it: in octal digits, or where those would not do, in bytes.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first @ 0x80.., rest)) = field.split_first() {
        let mut value = u64::from(first & 0x7f);
        for byte in rest {
            value = value.checked_mul(256)? | u64::from(*byte);
        }
        return Some(value);
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(if text.is_empty() { "0" } else { text }, 8).ok()
}

/// An archive for tests: of the container `counter` in the pod `web` of `default`.
#[cfg(test)]
pub(crate) fn example(folder: &Path) -> std::path::PathBuf {
    let inside = folder.join("inside");
    std::fs::create_dir_all(inside.join("checkpoint")).unwrap();
    let specification = serde_json::json!({"annotations": {
        "io.kubernetes.cri.container-name": "counter", "io.kubernetes.cri.sandbox-name": "web",
        "io.kubernetes.cri.sandbox-namespace": "default", "io.kubernetes.cri.image-name": "registry.example/counter:1"}});
    let configuration = serde_json::json!({"rootfsImageRef": "registry.example/counter@sha256:00", "checkpointedTime": "2026-11-27T03:09:44.5Z"});
    std::fs::write(inside.join("checkpoint/pages-1.img"), vec![7; 100_000]).unwrap();
    std::fs::write(inside.join("config.dump"), configuration.to_string()).unwrap();
    std::fs::write(inside.join("spec.dump"), specification.to_string()).unwrap();
    let archive = folder.join("checkpoint-web_default-counter-2026-11-27T03:09:44Z.tar");
    let packed = std::process::Command::new("tar")
        .args(["--sort=name", "-C"])
        .arg(&inside)
        .args(["--force-local", "-cf"])
        .arg(&archive)
        .arg(".")
        .status();
    assert!(packed.unwrap().success());
    std::fs::remove_dir_all(&inside).unwrap();
    archive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_says_what_it_is_of() {
        let folder = tempfile::tempdir().unwrap();
        let found = Checkpoint::read(&example(folder.path())).unwrap();
        assert_eq!(
            (found.namespace.as_str(), found.pod.as_str(), found.container.as_str()),
            ("default", "web", "counter")
        );
        assert_eq!(
            (found.image.as_str(), found.base.as_str()),
            ("registry.example/counter:1", "registry.example/counter@sha256:00")
        );
        assert_eq!(
            found.image_name(),
            "localhost/clouder-checkpoint/default/web/counter:2026-11-27t03-09-44-5z"
        );
    }

    #[test]
    fn what_is_no_archive_or_not_whole_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = example(folder.path());
        let whole = std::fs::read(&archive).unwrap();
        for (content, why) in [
            (&b"nonsense"[..], "ends early"),
            (&[b'x'; 2048][..], "no tar archive"),
            (&whole[..BLOCK * 8], "ends early"),
            (&[0; 1024][..], "no spec.dump"),
        ] {
            std::fs::write(&archive, content).unwrap();
            let told = Checkpoint::read(&archive).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn names_that_could_lead_elsewhere_are_refused() {
        let named = |pod: &str| {
            let annotations = serde_json::json!({"annotations": {
                "io.kubernetes.container.name": "c", "io.kubernetes.pod.name": pod, "io.kubernetes.pod.namespace": "n"}});
            Checkpoint::of(&annotations, &serde_json::json!({}))
        };
        assert_eq!(named("a.b-1").unwrap().image_name(), "localhost/clouder-checkpoint/n/a.b-1/c:unknown");
        for pod in ["", "../x", "a/b", "A", "-a", "a\n"] {
            assert!(named(pod).is_err(), "{pod}");
        }
    }

    #[test]
    fn a_container_that_was_restored_keeps_its_name() {
        let annotations = serde_json::json!({"annotations": {
            "io.kubernetes.cri.container-name": "containerd", "io.kubernetes.cri.sandbox-name": "web",
            "io.kubernetes.cri.sandbox-namespace": "shop"}});
        let named = |full: &str| {
            let configuration = serde_json::json!({"name": full});
            Checkpoint::of(&annotations, &configuration).unwrap().container
        };
        for (full, container) in [
            ("app_web_shop_1d4bd8d0-b3e0_0", "app"),
            ("k8s_app_web_shop_1d4bd8d0-b3e0_2", "app"),
            ("app_other_shop_1d4bd8d0-b3e0_0", "containerd"),
            ("../x_web_shop_1_0", "containerd"),
            ("", "containerd"),
        ] {
            assert_eq!(named(full), container, "{full}");
        }
    }

    #[test]
    fn large_numbers_are_read() {
        assert_eq!(number(b"00000001750\0"), Some(1000));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), Some(8 << 30));
        assert_eq!(number(b"nonsense"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_archive_panics(bytes: Vec<u8>) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let _ = Checkpoint::read(file.path());
        }
    }
}
