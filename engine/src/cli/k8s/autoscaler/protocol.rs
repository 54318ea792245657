//! The messages of cluster-autoscaler's external gRPC provider, by the numbers that its reference publishes
//! (`clusterautoscaler.cloudprovider.v1.externalgrpc`), and those of Kubernetes' nodes as far as they are told of.

use std::collections::HashMap;

use prost::Message;

/// What every method's path begins with.
pub(super) const SERVICE: &str = "/clusterautoscaler.cloudprovider.v1.externalgrpc.CloudProvider/";

/// A message without fields, and whatever is not looked at.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Empty {}

/// What names a group of nodes: most requests.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Id {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeGroup {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(int32, tag = "2")]
    pub(super) min_size: i32,
    #[prost(int32, tag = "3")]
    pub(super) max_size: i32,
    #[prost(string, tag = "4")]
    pub(super) debug: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeGroupsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) node_groups: Vec<NodeGroup>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExternalNode {
    #[prost(string, tag = "1")]
    pub(super) provider_id: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(map = "string, string", tag = "3")]
    pub(super) labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeGroupForNodeRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) node: Option<ExternalNode>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeGroupForNodeResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) node_group: Option<NodeGroup>,
}

/// A text: the label of nodes with GPUs.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GpuLabelResponse {
    #[prost(string, tag = "1")]
    pub(super) label: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetAvailableGpuTypesResponse {
    #[prost(map = "string, message", tag = "1")]
    pub(super) gpu_types: HashMap<String, Any>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TargetSizeResponse {
    #[prost(int32, tag = "1")]
    pub(super) target_size: i32,
}

/// To make a group larger, or to ask for fewer nodes than were asked for.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SizeRequest {
    #[prost(int32, tag = "1")]
    pub(super) delta: i32,
    #[prost(string, tag = "2")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DeleteNodesRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) nodes: Vec<ExternalNode>,
    #[prost(string, tag = "2")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeGroupNodesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) instances: Vec<Instance>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Instance {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) status: Option<InstanceStatus>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct InstanceStatus {
    #[prost(enumeration = "InstanceState", tag = "1")]
    pub(super) instance_state: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum InstanceState {
    Unspecified = 0,
    Running = 1,
    Creating = 2,
    Deleting = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TemplateNodeInfoResponse {
    #[prost(bytes = "vec", tag = "2")]
    pub(super) node_bytes: Vec<u8>,
}

/// A node, as Kubernetes writes it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(message, optional, tag = "1")]
    pub(super) metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    pub(super) spec: Option<NodeSpec>,
    #[prost(message, optional, tag = "3")]
    pub(super) status: Option<NodeStatus>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ObjectMeta {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(map = "string, string", tag = "11")]
    pub(super) labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeSpec {
    #[prost(message, repeated, tag = "5")]
    pub(super) taints: Vec<NodeTaint>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeTaint {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
    #[prost(string, tag = "3")]
    pub(super) effect: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeStatus {
    #[prost(map = "string, message", tag = "1")]
    pub(super) capacity: HashMap<String, Quantity>,
    #[prost(map = "string, message", tag = "2")]
    pub(super) allocatable: HashMap<String, Quantity>,
    #[prost(message, repeated, tag = "4")]
    pub(super) conditions: Vec<NodeCondition>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Quantity {
    #[prost(string, tag = "1")]
    pub(super) string: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeCondition {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(string, tag = "2")]
    pub(super) status: String,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
}

/// gRPC's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    InvalidArgument = 3,
    NotFound = 5,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

impl Code {
    /// With what is wrong.
    pub(super) fn with(self, message: impl Into<String>) -> Refusal {
        Refusal { code: self, message: message.into() }
    }
}
