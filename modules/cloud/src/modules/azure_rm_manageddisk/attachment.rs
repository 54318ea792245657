//! Which machine a disk is attached to.

use clouder_modules::ModuleError;
use serde_json::{Value, json};

use crate::modules::CloudContext;
use crate::modules::azure_rm_virtualmachine::{COMPUTE, KIND};
use crate::modules::resource::{Resource, absolute};

/// How a disk is to be attached.
pub(super) struct Attachment<'a> {
    pub(super) context: &'a CloudContext,
    /// The resource group of the machine.
    pub(super) group: &'a str,
    pub(super) lun: Option<i64>,
    pub(super) caching: Option<&'a str>,
}

impl Attachment<'_> {
    /// Attaches the disk `id` to the machine `name`, or to none, and detaches it from the one it is `at`. Returns the id of the
    /// machine if that is another one now; it is null for none.
    pub(super) async fn bring(
        &self,
        at: Option<&str>,
        id: &str,
        name: &str,
    ) -> Result<Option<Value>, ModuleError> {
        let path = format!("resourceGroups/{}/providers/{KIND}/{name}", self.group);
        let wanted = (!name.is_empty()).then(|| absolute(self.context, &path));
        let is = |wanted: &String| at.is_some_and(|at| at.eq_ignore_ascii_case(wanted));
        if wanted.as_ref().map_or(at.is_none(), is) {
            return Ok(None);
        }
        if let Some(at) = at {
            self.change(at, id, false).await?;
        }
        if let Some(wanted) = &wanted {
            self.change(wanted, id, true).await?;
        }
        Ok(Some(wanted.into()))
    }

    /// Gives a disk to a machine, or takes it away.
    async fn change(&self, machine: &str, id: &str, attach: bool) -> Result<(), ModuleError> {
        let machine = Resource { context: self.context, path: machine.to_owned(), version: COMPUTE };
        let Some(current) = machine.get().await? else {
            // In check mode an earlier task would have made it.
            if self.context.check {
                return Ok(());
            }
            return Err(ModuleError::new(format!(
                "there is no machine {} that the disk could be attached to",
                machine.path
            )));
        };
        let there = current["properties"]["storageProfile"]["dataDisks"].as_array();
        let mut disks = there.cloned().unwrap_or_default();
        disks.retain(|disk| {
            disk["managedDisk"]["id"].as_str().is_none_or(|there| !there.eq_ignore_ascii_case(id))
        });
        if attach {
            let free = |lun: &i64| !disks.iter().any(|disk| disk["lun"].as_i64() == Some(*lun));
            let lun = self.lun.or_else(|| (0..64).find(free)).unwrap_or_default();
            let caching = match self.caching {
                Some("read_only") => "ReadOnly",
                Some("read_write") => "ReadWrite",
                _ => "None",
            };
            disks.push(
                json!({"lun": lun, "createOption": "Attach", "managedDisk": {"id": id}, "caching": caching}),
            );
        }
        let wanted = json!({"properties": {"storageProfile": {"dataDisks": disks}}});
        machine.bring(Some(&current), &wanted).await.map(drop)
    }
}
