//! The methods of cluster-autoscaler's provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use clouder_cloud::Cloud;
use clouder_cloud::modules::azure_rm_capacity::Size;
use prost::Message;

use super::super::azure::{Machine, ask, machines};
use super::super::pool::{Pool, Xpu};
use super::pools::Pools;
use super::protocol::{
    Any, Code, DeleteNodesRequest, Empty, ExternalNode, GetAvailableGpuTypesResponse, GpuLabelResponse, Id,
    Instance, InstanceState, InstanceStatus, Node, NodeCondition, NodeGroup, NodeGroupForNodeRequest,
    NodeGroupForNodeResponse, NodeGroupNodesResponse, NodeGroupsResponse, NodeSpec, NodeStatus, NodeTaint,
    ObjectMeta, Quantity, Refusal, SizeRequest, TargetSizeResponse, TemplateNodeInfoResponse,
};
use crate::cli::Failure;

/// The label of nodes that says which pool they are of.
const POOL: &str = "clouder.io/pool";
/// The label of nodes that compute with more than their processors.
const XPU: &str = "clouder.io/xpu";

/// What answers for one cluster.
pub(super) struct Service {
    pub(super) pools: Pools,
    pub(super) cloud: Arc<dyn Cloud>,
    /// What machines of a size have, by the size: Azure takes its time to say it, and it stays as it is.
    sizes: Mutex<HashMap<String, Size>>,
}

fn read<T: Message + Default>(message: &[u8]) -> Result<T, Refusal> {
    T::decode(message).map_err(|error| Code::InvalidArgument.with(error.to_string()))
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl Service {
    pub(super) fn new(pools: Pools, cloud: Arc<dyn Cloud>) -> Self {
        Self { pools, cloud, sizes: Mutex::default() }
    }

    /// Answers a request.
    pub(super) fn answer(&self, method: &str, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        match method {
            "NodeGroups" => self.node_groups(),
            "NodeGroupForNode" => self.node_group_for_node(&read(message)?),
            "GPULabel" => Ok(GpuLabelResponse { label: XPU.to_owned() }.encode_to_vec()),
            "GetAvailableGPUTypes" => Ok(gpu_types()),
            "Cleanup" | "Refresh" => Ok(Empty {}.encode_to_vec()),
            "NodeGroupTargetSize" => {
                let pool = self.pools.one(&read::<Id>(message)?.id)?;
                Ok(TargetSizeResponse { target_size: count(pool.desired) }.encode_to_vec())
            }
            "NodeGroupIncreaseSize" => self.increase(&read(message)?),
            "NodeGroupDeleteNodes" => self.delete_nodes(&read(message)?),
            "NodeGroupDecreaseTargetSize" => self.decrease_target(&read(message)?),
            "NodeGroupNodes" => self.nodes(&read::<Id>(message)?.id),
            "NodeGroupTemplateNodeInfo" => self.template(&read::<Id>(message)?.id),
            "PricingNodePrice" | "PricingPodPrice" => {
                Err(Code::Unimplemented.with("what machines cost is not known"))
            }
            "NodeGroupGetOptions" => Err(Code::Unimplemented.with("the autoscaler's own options are good")),
            other => Err(Code::Unimplemented.with(format!("there is no method {other}"))),
        }
    }

    fn group(pool: &Pool) -> NodeGroup {
        NodeGroup {
            id: pool.name.clone(),
            min_size: count(pool.min),
            max_size: count(pool.max.unwrap_or(pool.desired)),
            debug: format!("{} machines of the size {}", pool.desired, pool.size),
        }
    }

    fn node_groups(&self) -> Result<Vec<u8>, Refusal> {
        let node_groups = self.pools.scaled()?.iter().map(Self::group).collect();
        Ok(NodeGroupsResponse { node_groups }.encode_to_vec())
    }

    /// The pool of a node; none for nodes that are not known to Azure by what they say of themselves.
    fn node_group_for_node(&self, request: &NodeGroupForNodeRequest) -> Result<Vec<u8>, Refusal> {
        let named = request.node.as_ref().filter(|node| !node.provider_id.is_empty());
        let pool = named.and_then(|node| node.labels.get(POOL));
        let pools = self.pools.scaled()?;
        let found = pool.and_then(|name| pools.iter().find(|pool| pool.name == *name));
        let node_group = Some(found.map(Self::group).unwrap_or_default());
        Ok(NodeGroupForNodeResponse { node_group }.encode_to_vec())
    }

    fn increase(&self, request: &SizeRequest) -> Result<Vec<u8>, Refusal> {
        let more = u32::try_from(request.delta).ok().filter(|more| *more > 0);
        let more = more.ok_or_else(|| Code::InvalidArgument.with("the size grows by one at least"))?;
        self.pools.change(&request.id, |pool| {
            pool.desired = pool.desired.saturating_add(more);
            Ok(())
        })?;
        Ok(Empty {}.encode_to_vec())
    }

    fn delete_nodes(&self, request: &DeleteNodesRequest) -> Result<Vec<u8>, Refusal> {
        let there = self.machines(&request.id)?;
        let name = |node: &ExternalNode| {
            let found =
                there.iter().find(|machine| machine.provider_id().eq_ignore_ascii_case(&node.provider_id));
            let missing =
                || Code::NotFound.with(format!("{} is no machine of {}", node.provider_id, request.id));
            found.map(|machine| machine.name.clone()).ok_or_else(missing)
        };
        let names: Vec<String> = request.nodes.iter().map(name).collect::<Result<_, _>>()?;
        self.pools.change(&request.id, |pool| {
            // Asked for again, it leaves once.
            let new: Vec<String> = names.into_iter().filter(|name| !pool.leaving.contains(name)).collect();
            pool.desired = pool.desired.saturating_sub(u32::try_from(new.len()).unwrap_or(u32::MAX));
            pool.leaving.extend(new);
            Ok(())
        })?;
        Ok(Empty {}.encode_to_vec())
    }

    /// Asks for fewer machines, without deleting any.
    fn decrease_target(&self, request: &SizeRequest) -> Result<Vec<u8>, Refusal> {
        if request.delta >= 0 {
            return Err(Code::InvalidArgument.with("the target shrinks by one at least"));
        }
        let there = self.machines(&request.id)?.len();
        self.pools.change(&request.id, |pool| {
            let staying = there.saturating_sub(pool.leaving.len());
            pool.desired = pool.desired.saturating_sub(request.delta.unsigned_abs());
            if usize::try_from(pool.desired).is_ok_and(|desired| desired < staying) {
                return Err(Code::FailedPrecondition.with(format!("{staying} machines are there, and stay")));
            }
            Ok(())
        })?;
        Ok(Empty {}.encode_to_vec())
    }

    /// The machines that Azure has of a pool.
    fn machines(&self, pool: &str) -> Result<Vec<Machine>, Refusal> {
        self.pools.one(pool)?;
        let cluster = self.pools.cluster()?.name;
        let mut found = ask(machines(self.cloud.as_ref())).map_err(|failure| unavailable(&failure))?;
        found.retain(|machine| machine.cluster == cluster && machine.pool == pool);
        Ok(found)
    }

    fn nodes(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        let pool = self.pools.one(id)?;
        let instance = |machine: &Machine| {
            let state = if pool.leaving.contains(&machine.name) {
                InstanceState::Deleting
            } else if machine.state == "running" {
                InstanceState::Running
            } else {
                InstanceState::Creating
            };
            Instance {
                id: machine.provider_id(),
                status: Some(InstanceStatus { instance_state: state.into() }),
            }
        };
        let instances = self.machines(id)?.iter().map(instance).collect();
        Ok(NodeGroupNodesResponse { instances }.encode_to_vec())
    }

    /// What a machine of a pool will be as a node: so a pool without machines can grow, too.
    fn template(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        let pool = self.pools.one(id)?;
        let cluster = self.pools.cluster()?;
        let location = cluster.text("azure_location").unwrap_or_default();
        let size = self.size(location, &pool.size)?;
        let node_bytes = node(&cluster.name, &pool, &size).encode_to_vec();
        Ok(TemplateNodeInfoResponse { node_bytes }.encode_to_vec())
    }
}

impl Service {
    /// What machines of a size have.
    fn size(&self, location: &str, name: &str) -> Result<Size, Refusal> {
        let known = || self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(size) = known().get(name) {
            return Ok(size.clone());
        }
        let asked =
            ask(Size::of(self.cloud.as_ref(), location, name)).map_err(|failure| unavailable(&failure))?;
        let size = asked.ok_or_else(|| Code::NotFound.with(format!("{location} has no size {name}")))?;
        known().insert(name.to_owned(), size.clone());
        Ok(size)
    }
}

/// Azure cannot be asked.
fn unavailable(failure: &Failure) -> Refusal {
    let why = failure.findings.first().map(|finding| finding.message.clone());
    Code::Unavailable.with(why.unwrap_or_default())
}

fn gpu_types() -> Vec<u8> {
    let gpu_types = HashMap::from([("gpu-cuda".to_owned(), Any::default())]);
    GetAvailableGpuTypesResponse { gpu_types }.encode_to_vec()
}

/// A node as it will be.
fn node(cluster: &str, pool: &Pool, size: &Size) -> Node {
    let name = format!("{cluster}-{}-template", pool.machine_name.as_ref().unwrap_or(&pool.name));
    let own = |text: &str| text.to_owned();
    let mut labels = HashMap::from([
        (own("kubernetes.io/os"), own("linux")),
        (own("kubernetes.io/arch"), own(if size.is_arm { "arm64" } else { "amd64" })),
        (own("kubernetes.io/hostname"), name.clone()),
        (own(POOL), pool.name.clone()),
    ]);
    let given = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    labels.extend(pool.labels.iter().map(|(name, value)| (name.clone(), given(value))));
    labels.extend(pool.roles.iter().map(|role| (format!("node-role.kubernetes.io/{role}"), String::new())));
    let mut taints: Vec<NodeTaint> = pool
        .taints
        .iter()
        .map(|taint| NodeTaint {
            key: taint.key.clone(),
            value: taint.value.clone(),
            effect: taint.effect.clone(),
        })
        .collect();
    // The kubelet keeps some of the memory for itself and the system.
    let room = (size.memory_mib * 9 / 10).saturating_sub(100);
    let mut capacity = HashMap::from([
        (own("cpu"), size.cores.to_string()),
        (own("memory"), format!("{room}Mi")),
        (own("pods"), own("110")),
    ]);
    if pool.xpu == Some(Xpu::GpuCuda) {
        labels.insert(own(XPU), own("gpu-cuda"));
        taints.push(NodeTaint {
            key: own("nvidia.com/gpu"),
            value: own("present"),
            effect: own("NoSchedule"),
        });
        capacity.insert(own("nvidia.com/gpu"), size.gpus.to_string());
    }
    let capacity: HashMap<String, Quantity> =
        capacity.into_iter().map(|(name, string)| (name, Quantity { string })).collect();
    Node {
        metadata: Some(ObjectMeta { name, labels }),
        spec: Some(NodeSpec { taints }),
        status: Some(NodeStatus {
            allocatable: capacity.clone(),
            capacity,
            conditions: vec![NodeCondition { kind: own("Ready"), status: own("True") }],
        }),
    }
}
