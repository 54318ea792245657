//! `clouder k8s upgrade --replace`: pools get new machines of the release, and the old ones go, some at a time.

use serde_json::{Value, json};

use super::super::{Failure, print};
use super::cluster::Cluster;
use super::pool::{PLAYBOOK, Pool};
use super::{Context, Front};

/// Replaces the machines of pools whose nodes are of another release, `at_once` at a time; returns the exit code. What is to be done is
/// found out anew each time, so that it can be cut off and run again.
pub(super) fn replace(
    cluster: &Cluster,
    pools: &[Pool],
    release: &Value,
    at_once: u32,
    front: &Front,
    context: &Context<'_>,
) -> Result<i32, Failure> {
    for pool in pools {
        loop {
            let old = match old(cluster, pool, release, front, context)? {
                Ok(old) => old,
                Err(code) => return Ok(code),
            };
            if front.check {
                let which = if old.is_empty() { "none".to_owned() } else { old.join(", ") };
                print(&format!("of the pool {}, these machines would be replaced: {which}\n", pool.name));
            }
            if old.is_empty() || front.check {
                break;
            }
            let (more, fewer) = steps(pool, &old, at_once);
            for step in [more, fewer] {
                let changed = json!({
                    "kubernetes_version": release,
                    "node_pools": with(cluster, &step)?,
                    "machine_pools": [pool.name],
                });
                let code = front.play_alone(cluster, PLAYBOOK, &changed, context)?;
                if code != 0 {
                    return Ok(code);
                }
            }
        }
    }
    Ok(0)
}

/// What the pool is while old and new machines are there, and what it is once as many old ones have left.
fn steps(pool: &Pool, old: &[String], at_once: u32) -> (Pool, Pool) {
    let leaving: Vec<String> =
        old.iter().take(usize::try_from(at_once).unwrap_or(usize::MAX)).cloned().collect();
    let new = u32::try_from(leaving.len()).unwrap_or(at_once);
    let more = Pool { desired: pool.desired.saturating_add(new), ..pool.clone() };
    (more, Pool { leaving, ..pool.clone() })
}

/// All pools of a cluster, with one as it is to be for now.
fn with(cluster: &Cluster, now: &Pool) -> Result<Value, Failure> {
    let mut pools = cluster.pools()?;
    for pool in &mut pools {
        if pool.name == now.name {
            pool.clone_from(now);
        }
    }
    Ok(pools.iter().map(Pool::to_json).collect())
}

/// The machines of a pool that are nodes of another release; the exit code if they cannot be asked for.
fn old(
    cluster: &Cluster,
    pool: &Pool,
    release: &Value,
    front: &Front,
    context: &Context<'_>,
) -> Result<Result<Vec<String>, i32>, Failure> {
    let asked = json!({"kubernetes_version": release, "pool_releases_pool": pool.name});
    front.told(cluster, "pool-releases.yml", &asked, "pool_releases_report", context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_machines_leave_as_have_come() {
        let pool = Pool { desired: 3, max: Some(3), ..Pool::named("workers", "S") };
        let old = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let (more, fewer) = steps(&pool, &old, 2);
        assert_eq!((more.desired, more.leaving.len()), (5, 0));
        assert_eq!((fewer.desired, fewer.leaving), (3, vec!["a".to_owned(), "b".to_owned()]));
        let (more, fewer) = steps(&pool, &old[2..], 2);
        assert_eq!((more.desired, fewer.leaving.len()), (4, 1));
    }
}
