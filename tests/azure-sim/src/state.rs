//! What is kept when the simulator ends and is started again.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{Cloud, state};
use crate::id::ResourceId;
use crate::json::text;

/// All that a cloud holds, but for what goes on in it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    groups: Vec<Value>,
    resources: Vec<Resource>,
    principals: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    id: String,
    value: Value,
    hidden: Value,
}

/// Reads what was kept into a cloud; what went on then has ended well. Nothing was kept if there is no file.
///
/// # Errors
/// When the file cannot be read, or is no such file.
pub fn read(cloud: &mut Cloud, path: &Path) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let kept: Kept = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    for mut group in kept.groups {
        state(&mut group, "Succeeded");
        cloud.groups.insert(text(&group, "/name").to_ascii_lowercase(), group);
    }
    for mut resource in kept.resources {
        let Some(id) = ResourceId::parse(&resource.id) else { continue };
        if !text(&resource.value, "/properties/provisioningState").is_empty() {
            state(&mut resource.value, "Succeeded");
        }
        let ended = match text(&resource.hidden, "/power") {
            "starting" => Some("running"),
            "stopping" => Some("stopped"),
            "deallocating" => Some("deallocated"),
            _ => None,
        };
        if let Some(ended) = ended {
            resource.hidden["power"] = json!(ended);
        }
        cloud.store.put(id, resource.value, resource.hidden);
    }
    cloud.principals.extend(kept.principals.into_iter().map(|id| (id, Instant::now())));
    Ok(())
}

/// Keeps what a cloud holds, in a file that is replaced whole and that nobody else may read.
///
/// # Errors
/// When it cannot be written.
pub fn write(cloud: &Cloud, path: &Path) -> io::Result<()> {
    let resources = cloud.store.under("/").map(|resource| Resource {
        id: resource.id.to_string(),
        value: resource.value.clone(),
        hidden: resource.hidden.clone(),
    });
    let kept = Kept {
        groups: cloud.groups.values().cloned().collect(),
        resources: resources.collect(),
        principals: cloud.principals.keys().cloned().collect(),
    };
    let beside = path.with_extension("new");
    let mut file =
        std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec(&kept)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Settings;
    use crate::machine::Nothing;
    use crate::scenario::Scenario;

    #[test]
    fn a_cloud_is_kept_and_what_went_on_has_ended() {
        let cloud = || Cloud::new(Settings::default(), Scenario::default(), Box::new(Nothing));
        let mut before = cloud();
        before.groups.insert("g".to_owned(), json!({"name": "G"}));
        let id = ResourceId::parse(&format!("{}/providers/A.B/c/d", before.group_id("G"))).unwrap();
        let value = json!({"properties": {"provisioningState": "Creating"}});
        before.store.put(id.clone(), value, json!({"power": "starting"}));
        let principal = before.new_principal();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let mut after = cloud();
        read(&mut after, &path).unwrap();
        write(&before, &path).unwrap();
        read(&mut after, &path).unwrap();
        let found = after.store.get(&id.key()).unwrap();
        assert_eq!(text(&found.value, "/properties/provisioningState"), "Succeeded");
        assert_eq!(found.hidden["power"], "running");
        assert!(after.principals.contains_key(&principal) && after.groups.contains_key("g"));
    }
}
