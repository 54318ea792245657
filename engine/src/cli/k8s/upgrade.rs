//! `clouder k8s upgrade`.

use clap::Args;
use serde_json::{Value, json};

use super::super::Failure;
use super::cluster::Cluster;
use super::{Context, Front, Named, confirm, pool, replace, settings};

/// The variable that says which release a cluster is of.
const RELEASE: &str = "kubernetes_version";

/// The playbook that takes a cluster to the next release, and the one that finds the way to a later one.
const PLAYBOOK: &str = "upgrade-cluster.yml";
const PATH: &str = "upgrade-path.yml";

/// Takes a cluster to another release of Kubernetes: its control planes one by one, then the workers. Each node is drained before
/// its kubelet changes. Where minor releases lie between, it goes by way of the newest of each. Interrupted, the same command goes on
/// where it ended.
#[derive(Args)]
pub(super) struct Upgrade {
    #[command(flatten)]
    cluster: Named,
    /// The release
    #[arg(long, value_name = "VERSION")]
    to: String,
    /// Leave the workers at their release for now
    #[arg(long, conflicts_with = "pool")]
    control_plane_only: bool,
    /// Only the workers of this pool, once the control planes are at the release
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Replace workers by new machines of the release, instead of upgrading those that are there
    #[arg(long, conflicts_with = "control_plane_only")]
    replace: bool,
    /// How many workers are upgraded at once
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    max_unavailable: u32,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    front: Front,
}

impl Upgrade {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let release = settings::version(&self.to).map_err(Failure::plain)?;
        let mut cluster = self.cluster.find(context)?;
        if let Some(name) = &self.pool
            && cluster.is_made()
        {
            pool::one(&cluster, &mut cluster.pools()?, name)?;
        }
        let path = match self.path(&cluster, &release, context)? {
            Ok(path) => path,
            Err(code) => return Ok(code),
        };
        confirm(self.yes || self.front.check, &self.question(&cluster, &path))?;
        let code = if self.replace {
            self.replace(&cluster, &path, context)?
        } else {
            self.each(&cluster, &path, |release| self.variables(release), context)?
        };
        // As long as some nodes are left behind, the cluster is not of this release.
        if code == 0 && !self.control_plane_only && self.pool.is_none() {
            cluster.variables.insert(RELEASE.to_owned(), release);
            self.front.keep(&cluster)?;
        }
        Ok(code)
    }

    /// The releases to go to, one after the other; the exit code if they cannot be found.
    fn path(
        &self,
        cluster: &Cluster,
        release: &Value,
        context: &Context<'_>,
    ) -> Result<Result<Vec<Value>, i32>, Failure> {
        let minor = |release: &str| release.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        let (now, to) = (cluster.text(RELEASE).and_then(minor), release.as_str().and_then(minor));
        let is_near = now.zip(to).is_some_and(|(now, to)| to <= now + 1);
        // A pool's workers may go from any release that the control planes support to theirs.
        if is_near || self.pool.is_some() {
            return Ok(Ok(vec![release.clone()]));
        }
        self.front.told(cluster, PATH, &json!({RELEASE: release}), "upgrade_path_report", context)
    }

    /// Takes the cluster to each release, with variables of each; returns the first exit code that is not 0. A prediction can only tell of
    /// the first.
    fn each(
        &self,
        cluster: &Cluster,
        path: &[Value],
        variables: impl Fn(&Value) -> Value,
        context: &Context<'_>,
    ) -> Result<i32, Failure> {
        let path = if self.front.check { path.get(..1).unwrap_or_default() } else { path };
        for release in path {
            let code = self.front.play_alone(cluster, PLAYBOOK, &variables(release), context)?;
            if code != 0 {
                return Ok(code);
            }
        }
        Ok(0)
    }

    /// Upgrades the control planes, then gives pools new machines.
    fn replace(&self, cluster: &Cluster, path: &[Value], context: &Context<'_>) -> Result<i32, Failure> {
        let Some(release) = path.last() else { return Ok(0) };
        let mut pools = pool::made(cluster)?.pools()?;
        match &self.pool {
            Some(name) => pools.retain(|pool| pool.name == *name),
            None => {
                let planes = |release: &Value| json!({RELEASE: release, "upgrade_control_plane_only": true, "smoke_enabled": false});
                let code = self.each(cluster, path, planes, context)?;
                if code != 0 {
                    return Ok(code);
                }
            }
        }
        let code = replace::replace(cluster, &pools, release, self.max_unavailable, &self.front, context)?;
        if code != 0 {
            return Ok(code);
        }
        self.front.play_alone(cluster, "smoke.yml", &json!({RELEASE: release}), context)
    }

    fn question(&self, cluster: &Cluster, path: &[Value]) -> String {
        let releases: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
        let what = match &self.pool {
            Some(pool) => format!("the workers of the pool {pool} of {}", cluster.name),
            None if self.control_plane_only => format!("the control planes of {}", cluster.name),
            None => format!("all nodes of {}", cluster.name),
        };
        let now = cluster.text(RELEASE).map(|release| format!(" from {release}")).unwrap_or_default();
        let to = match releases.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, way)) => format!("{last} by way of {}", way.join(" and ")),
            None => String::new(),
        };
        if self.replace {
            let planes = if self.pool.is_some() { "" } else { ", its control planes are upgraded," };
            return format!(
                "{what} are taken{now} to {to}{planes} and workers are replaced by new machines, which cannot be undone"
            );
        }
        format!("{what} are drained and taken{now} to {to}, which cannot be undone")
    }

    /// What the playbook is told.
    fn variables(&self, release: &Value) -> Value {
        json!({
            RELEASE: release,
            "upgrade_control_plane_only": self.control_plane_only,
            "upgrade_pool": self.pool.as_deref().unwrap_or_default(),
            "upgrade_max_unavailable": self.max_unavailable,
        })
    }
}
