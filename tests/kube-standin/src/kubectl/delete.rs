//! `kubectl delete`

use super::apply::{objects, place};
use super::target::{Target, title};
use super::{Kubectl, say};
use crate::failure::{Result, refuse};
use crate::resources::identity;

pub(super) fn run(kubectl: &Kubectl) -> Result<()> {
    let ignore = kubectl.flags.is_on("ignore-not-found")?;
    let mut paths = Vec::new();
    if kubectl.flags.value("filename").is_some() {
        for object in objects(kubectl)? {
            let (kind, path) = place(kubectl, &object)?;
            paths.push((title(kind, identity(&object).1), path));
        }
    } else {
        for target in Target::all(kubectl, &kubectl.flags.words)? {
            if let Some(name) = &target.name {
                paths.push((target.title(name), target.path(kubectl)?));
                continue;
            }
            if !kubectl.flags.is_on("all")? && kubectl.flags.value("selector").is_none() {
                refuse!("error: resource(s) were provided, but no name was specified");
            }
            for object in target.fetch(kubectl)? {
                let name = identity(&object).1;
                paths.push((target.title(name), format!("{}/{name}", target.kind.path(identity(&object).0))));
            }
        }
    }
    for (title, path) in paths {
        match kubectl.client.delete(&path) {
            Ok(_) => {
                say(&format!("{title} deleted").replacen('/', " \"", 1).replace(" deleted", "\" deleted"))?;
            }
            Err(error) if error.is_not_found() && ignore => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
