//! What would be made.

use std::fmt::Write as _;

use clouder_cloud::CloudError;
use clouder_cloud::modules::azure_rm_capacity::Room;
use serde_json::json;

use super::super::{Failure, azure as account};
use super::azure::ask;
use super::cluster::Cluster;
use super::{Context, Front};

/// A cluster before it is made.
pub(super) struct Plan {
    heading: String,
    rows: Vec<(&'static str, String)>,
}

impl Plan {
    /// Works out what a cluster takes; of Azure it is asked whether there is that much.
    ///
    /// # Errors
    /// When a size is not to be had, or there are not enough cores.
    pub(super) fn new(cluster: &Cluster, front: &Front, context: &Context<'_>) -> Result<Self, Failure> {
        let text = |variable: &str| cluster.text(variable).unwrap_or_default().to_owned();
        let mut rows = Vec::new();
        let heading = if cluster.is_made() {
            let pools = cluster.pools()?;
            let planes = cluster.variables.get("control_plane_count").and_then(serde_json::Value::as_u64);
            let planes = planes.unwrap_or(1);
            let mut machines = vec![("cp".to_owned(), planes, text("control_plane_size"))];
            machines.extend(pools.iter().map(|pool| {
                let name = pool.machine_name.as_ref().unwrap_or(&pool.name);
                (name.clone(), pool.desired.into(), pool.size.clone())
            }));
            for (name, count, size) in &machines {
                let first = format!("{}-{name}-1", cluster.name);
                let names = match count {
                    0 => format!("{}-{name}: none", cluster.name),
                    1 => first,
                    _ => format!("{first} … {}-{name}-{count}", cluster.name),
                };
                rows.push(("machines", format!("{names}  {size}")));
            }
            if !cluster.is_known() {
                rows.push(("cores", room(cluster, &machines, front, context)?));
            }
            format!("The cluster {} on Azure, in {}", cluster.name, text("azure_location"))
        } else {
            rows.push(("machines", format!("those of {}", cluster.inventory())));
            format!("The cluster {} on machines that are there", cluster.name)
        };
        let criu = cluster.variables.get("criu_enabled") != Some(&false.into());
        let network = match text("cluster_cni").as_str() {
            "none" => "no network between pods",
            _ => "flannel",
        };
        let checkpoints = if criu { "checkpoints by CRIU" } else { "no checkpoints" };
        rows.push(("Kubernetes", format!("{}, {network}, {checkpoints}", text("kubernetes_version"))));
        Ok(Self { heading, rows })
    }

    /// For a person.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        let mut last = "";
        for (name, value) in &self.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {:10}  {value}", if last == *name { "" } else { name });
            last = name;
        }
        text
    }
}

/// How many cores the machines take, each kind with its count and size, of those that are left; asked as the playbook does before it
/// makes them.
///
/// # Errors
/// When the region has no room for them.
fn room(
    cluster: &Cluster,
    machines: &[(String, u64, String)],
    front: &Front,
    context: &Context<'_>,
) -> Result<String, Failure> {
    let cloud = account::cloud(front.azure_endpoint.clone(), context.config)?;
    let location = cluster.text("azure_location").unwrap_or_default();
    let group = cluster.text("azure_resource_group").unwrap_or(&cluster.name);
    let each = machines.iter().flat_map(|(name, count, size)| {
        (1..=*count).map(move |number| (format!("{}-{name}-{number}", cluster.name), size))
    });
    let wanted: Vec<_> =
        each.filter_map(|(name, size)| json!({"name": name, "size": size}).as_object().cloned()).collect();
    let found = ask(async {
        // What is wrong with the machines themselves is told like what Azure refuses.
        Ok::<_, CloudError>(Room::of(cloud.as_ref(), location, group, &wanted, &[]).await)
    })?;
    let room = found.map_err(|error| Failure::plain(error.to_string()))?;
    if let Some(refusal) = room.refusal() {
        return Err(Failure::plain(refusal));
    }
    Ok(match room.left {
        Some(left) => format!("{} of {left} that are left", room.cores),
        None => room.cores.to_string(),
    })
}
