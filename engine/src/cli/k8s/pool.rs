//! Pools of workers: what one is, and the commands that change them.

use std::borrow::Borrow;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::Failure;
use super::cluster::{Cluster, is_name};
use super::{Front, Named, confirm};

/// The playbook that brings pools to what they should be.
pub(super) const PLAYBOOK: &str = "nodepool.yml";

/// A pool of workers, as the playbooks take it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pool {
    /// Its name.
    pub(super) name: String,
    /// What its machines are called by, if not by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) machine_name: Option<String>,
    /// The size of its machines.
    pub(super) size: String,
    /// How many machines it should have.
    pub(super) desired: u32,
    /// How few it may have.
    #[serde(default)]
    pub(super) min: u32,
    /// How many it may have; as many as are asked for, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<u32>,
    /// Roles of its nodes, as `kubectl get nodes` shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
    /// Labels of its nodes.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) labels: Map<String, Value>,
    /// Taints of its nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) taints: Vec<Taint>,
    /// Zones that its machines are spread over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) zones: Vec<String>,
    /// Whether its machines may be taken away when others pay more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) spot: bool,
    /// What its machines compute with besides their processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) xpu: Option<Xpu>,
    /// Machines that are to go before others do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) leaving: Vec<String>,
}

/// What machines compute with besides their processors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Xpu {
    /// NVIDIA's GPUs: driver, container toolkit and device plugin are installed, and a taint keeps other pods away
    GpuCuda,
}

/// What keeps pods away from a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taint {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
    pub(super) effect: String,
}

impl Pool {
    /// A pool without machines.
    pub(super) fn named(name: &str, size: &str) -> Self {
        Self { name: name.to_owned(), size: size.to_owned(), ..Self::default() }
    }

    /// The pools of a variable.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn all(value: &Value) -> Result<Vec<Self>, String> {
        let pools: Vec<Self> =
            Vec::deserialize(value).map_err(|error| format!("node_pools are wrong: {error}"))?;
        for (at, pool) in pools.iter().enumerate() {
            pool.check()?;
            if pools[..at].iter().any(|other| other.name == pool.name) {
                return Err(format!("two pools are called `{}`", pool.name));
            }
        }
        Ok(pools)
    }

    /// As the playbooks take it.
    pub(super) fn to_json(&self) -> Value {
        // Texts, numbers and lists of them can always be written.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether it can be.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { name, desired, min, max, .. } = self;
        if !is_name(name, 20) {
            return Err(format!(
                "`{name}` cannot be the name of a pool: names have up to 20 small letters, digits and hyphens, and begin \
                 with a letter"
            ));
        }
        if name == "cp" {
            return Err("cp is the pool of the control planes".to_owned());
        }
        if desired < min {
            return Err(format!("the pool {name} has at least {min} machines: {desired} are too few"));
        }
        if let Some(max) = max
            && desired > max
        {
            return Err(format!("the pool {name} has at most {max} machines: {desired} are too many"));
        }
        Ok(())
    }
}

/// Adds a pool of workers.
#[derive(Args)]
pub(super) struct CreatePool {
    #[command(flatten)]
    cluster: Named,
    /// The pool's name
    #[arg(value_name = "POOL")]
    pool: String,
    /// The size of its machines
    #[arg(long, alias = "size", value_name = "SIZE")]
    flavor: String,
    /// How few machines it may have
    #[arg(long, default_value_t = 0)]
    min: u32,
    /// How many machines it has; the fewest if not said
    #[arg(long)]
    desired: Option<u32>,
    /// How many machines it may have
    #[arg(long)]
    max: Option<u32>,
    /// Roles of its nodes, as `kubectl get nodes` shows them
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<String>,
    /// Labels of its nodes
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    labels: Vec<String>,
    /// Taints of its nodes, which keep pods away that do not tolerate them
    #[arg(long, value_name = "KEY[=VALUE]:EFFECT", value_delimiter = ',')]
    taints: Vec<String>,
    /// Zones that its machines are spread over
    #[arg(long, value_name = "ZONE", value_delimiter = ',')]
    zones: Vec<String>,
    /// Machines that may be taken away when others pay more
    #[arg(long)]
    spot: bool,
    /// What its machines compute with besides their processors
    #[arg(long, value_enum)]
    xpu: Option<Xpu>,
    #[command(flatten)]
    front: Front,
}

/// Changes how many machines a pool has, and may have.
#[derive(Args)]
pub(super) struct UpdatePool {
    #[command(flatten)]
    cluster: Named,
    /// The pool's name
    #[arg(value_name = "POOL")]
    pool: String,
    /// How many machines it has
    #[arg(long)]
    desired: Option<u32>,
    /// How few machines it may have
    #[arg(long)]
    min: Option<u32>,
    /// How many machines it may have
    #[arg(long)]
    max: Option<u32>,
    #[command(flatten)]
    front: Front,
}

/// Removes a pool with all its machines.
#[derive(Args)]
pub(super) struct DeletePool {
    #[command(flatten)]
    cluster: Named,
    /// The pool's name
    #[arg(value_name = "POOL")]
    pool: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    front: Front,
}

impl CreatePool {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &super::Context<'_>) -> Result<i32, Failure> {
        let mut cluster = made(self.cluster.find(context)?)?;
        let mut pools = cluster.pools()?;
        let pool = Pool {
            name: self.pool,
            machine_name: None,
            size: self.flavor,
            desired: self.desired.unwrap_or(self.min),
            min: self.min,
            max: self.max,
            roles: self.roles,
            labels: labels(&self.labels)?,
            taints: self.taints.iter().map(|text| taint(text)).collect::<Result<_, _>>()?,
            zones: self.zones,
            spot: self.spot,
            xpu: self.xpu,
            leaving: Vec::new(),
        };
        pool.check().map_err(Failure::plain)?;
        match pools.iter().find(|other| other.name == pool.name) {
            // Begun before, it is brought to its end.
            Some(other) if *other == pool => {}
            Some(_) => {
                let message =
                    format!("the cluster {} has a pool {} that is different", cluster.name, pool.name);
                let hint =
                    "`clouder k8s update-nodepool` changes how many machines it has; the rest stays as it is";
                return Err(Failure::new(message, hint));
            }
            None => pools.push(pool.clone()),
        }
        cluster.set_pools(&pools);
        self.front.keep(&cluster)?;
        apply(&cluster, &pool.name, &self.front, context)
    }
}

impl UpdatePool {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &super::Context<'_>) -> Result<i32, Failure> {
        let mut cluster = made(self.cluster.find(context)?)?;
        let mut pools = cluster.pools()?;
        let pool = one(&cluster, &mut pools, &self.pool)?;
        pool.min = self.min.unwrap_or(pool.min);
        pool.max = self.max.or(pool.max);
        pool.desired = self.desired.unwrap_or(pool.desired);
        pool.check().map_err(|message| {
            Failure::new(message, "--desired lies between --min and --max, all of which can be changed")
        })?;
        cluster.set_pools(&pools);
        self.front.keep(&cluster)?;
        apply(&cluster, &self.pool, &self.front, context)
    }
}

impl DeletePool {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &super::Context<'_>) -> Result<i32, Failure> {
        let mut cluster = made(self.cluster.find(context)?)?;
        let mut pools = cluster.pools()?;
        let pool = one(&cluster, &mut pools, &self.pool)?;
        let question = format!("{} machines of the pool {} are drained and deleted", pool.desired, pool.name);
        confirm(self.yes || self.front.check, &question)?;
        (pool.desired, pool.min) = (0, 0);
        cluster.set_pools(&pools);
        // Without machines first: interrupted, it is still known what was going on.
        self.front.keep(&cluster)?;
        let code = apply(&cluster, &self.pool, &self.front, context)?;
        if code == 0 {
            pools.retain(|pool| pool.name != self.pool);
            cluster.set_pools(&pools);
            self.front.keep(&cluster)?;
        }
        Ok(code)
    }
}

/// Brings the machines of a pool to what it should have.
fn apply(cluster: &Cluster, pool: &str, front: &Front, context: &super::Context<'_>) -> Result<i32, Failure> {
    front.play_alone(cluster, PLAYBOOK, &json!({"machine_pools": [pool]}), context)
}

/// A cluster whose machines are made by clouder.
pub(super) fn made<C: Borrow<Cluster>>(given: C) -> Result<C, Failure> {
    let cluster = given.borrow();
    if cluster.is_made() {
        return Ok(given);
    }
    let message =
        format!("the machines of the cluster {} are in the inventory {}", cluster.name, cluster.inventory());
    let hint = format!(
        "add machines there to the group workers, then `clouder k8s create {}`; `clouder run playbooks/remove-nodes.yml` \
         takes them out",
        cluster.name
    );
    Err(Failure::new(message, hint))
}

/// The pool of this name.
pub(super) fn one<'a>(cluster: &Cluster, pools: &'a mut [Pool], name: &str) -> Result<&'a mut Pool, Failure> {
    let names: Vec<String> = pools.iter().map(|pool| pool.name.clone()).collect();
    pools.iter_mut().find(|pool| pool.name == name).ok_or_else(|| {
        let hint = match clouder_lang::nearest(name, names.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("it has {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
        };
        Failure::new(format!("the cluster {} has no pool `{name}`", cluster.name), hint)
    })
}

fn labels(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let split = |label: &String| match label.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), Value::from(value))),
        _ => Err(Failure::new(format!("`{label}` is no label"), "write NAME=VALUE")),
    };
    given.iter().map(split).collect()
}

/// `KEY[=VALUE]:EFFECT`, as kubectl takes it.
fn taint(text: &str) -> Result<Taint, Failure> {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let (what, effect) = text.rsplit_once(':').unwrap_or((text, ""));
    let (key, value) = what.split_once('=').unwrap_or((what, ""));
    if key.is_empty() || !EFFECTS.contains(&effect) {
        let hint = format!("write KEY=VALUE:EFFECT or KEY:EFFECT; effects are {}", EFFECTS.join(", "));
        return Err(Failure::new(format!("`{text}` is no taint"), hint));
    }
    Ok(Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_checked() {
        let told = |value: Value| Pool::all(&value).unwrap_err();
        let fine = json!([{"name": "gpu-1", "size": "Standard_NC6s_v3", "desired": 1, "min": 0, "max": 5}]);
        assert_eq!(Pool::all(&fine).unwrap()[0].max, Some(5));
        assert!(
            told(json!([{"name": "a", "size": "s", "desired": 0, "maximum": 1}]))
                .contains("unknown field `maximum`")
        );
        assert!(told(json!([{"name": "a", "size": "s", "desired": 3, "max": 2}])).contains("at most 2"));
        assert!(told(json!([{"name": "a", "size": "s", "desired": 0, "min": 2}])).contains("at least 2"));
        assert!(told(json!([{"name": "cp", "size": "s", "desired": 0}])).contains("control planes"));
        assert!(told(json!([{"name": "a_b", "size": "s", "desired": 0}])).contains("cannot be the name"));
        let twice = json!({"name": "a", "size": "s", "desired": 0});
        assert!(told(json!([twice, twice])).contains("two pools"));
    }

    #[test]
    fn taints_and_labels_are_read_as_kubectl_does() {
        let read = taint("nvidia.com/gpu=present:NoSchedule").unwrap();
        assert_eq!(
            (read.key.as_str(), read.value.as_str(), read.effect.as_str()),
            ("nvidia.com/gpu", "present", "NoSchedule")
        );
        assert_eq!(taint("spot:NoExecute").unwrap().value, "");
        for wrong in ["spot", "spot:Never", ":NoSchedule", ""] {
            assert!(taint(wrong).is_err(), "{wrong}");
        }
        assert_eq!(labels(&["a=b".to_owned()]).unwrap()["a"], "b");
        assert!(labels(&["a".to_owned()]).is_err());
    }
}
