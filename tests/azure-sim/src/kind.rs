//! The kinds of resources: what differs between them.

use std::sync::LazyLock;

use serde_json::Value;

use crate::cloud::Cloud;
use crate::failure::Result;
use crate::id::ResourceId;
use crate::operation::Style;
use crate::schema::{self, Schema};
use crate::store::Resource;
use crate::{compute, identity, network, storage};

/// A kind of resource.
#[derive(Debug)]
pub struct Kind {
    /// Such as `Microsoft.Network`.
    pub provider: &'static str,
    /// Such as `virtualNetworks/subnets`.
    pub name: &'static str,
    /// The api-versions that are served.
    pub versions: &'static [&'static str],
    /// The schema of requests.
    pub schema: &'static LazyLock<Schema>,
    /// The struct that a PUT is checked against.
    pub body: &'static str,
    /// The struct that a PATCH is checked against, if there is PATCH.
    pub patch: Option<&'static str>,
    /// The status when a PUT makes one.
    pub created: u16,
    /// How a PUT ends.
    pub put: Style,
    /// How a DELETE ends.
    pub delete: Style,
    /// The property of the parent that holds resources of this kind, for those that are a part of another.
    pub within: Option<&'static str>,
    /// The properties that hold parts, and what those are called in ids.
    pub parts: &'static [&'static str],
    /// Whether it has a location and tags of its own.
    pub tracked: bool,
    /// Whether it shows an ETag and a provisioning state in its parts, as Microsoft.Network does.
    pub etags: bool,
    /// Checks a request and completes it.
    pub prepare: fn(&mut Cloud, &mut Write) -> Result<()>,
    /// Adds what is known from elsewhere to what is shown.
    pub show: fn(&Cloud, &Resource, &mut Value),
    /// Whether it may be deleted, and whether this part of it may.
    pub removable: fn(&Cloud, &Resource, &ResourceId) -> Result<()>,
    /// What else happens when a PUT or PATCH has ended well.
    pub provisioned: fn(&mut Cloud, &str),
    /// What else happens when it is gone.
    pub removed: fn(&mut Cloud, &Resource),
}

/// A PUT or PATCH on its way to the store.
#[derive(Debug)]
pub struct Write {
    /// The resource.
    pub id: ResourceId,
    /// What it shall be.
    pub new: Value,
    /// What it was.
    pub old: Option<Value>,
    /// What no request shows.
    pub hidden: Value,
    /// The part that is written, if it is not the whole.
    pub part: Option<ResourceId>,
}

impl Kind {
    /// Something to begin with.
    const BASE: Self = Self {
        provider: "",
        name: "",
        versions: &[],
        schema: &schema::RESOURCES,
        body: "",
        patch: None,
        created: 201,
        put: Style::Synchronous,
        delete: Style::Synchronous,
        within: None,
        parts: &[],
        tracked: true,
        etags: false,
        prepare: |_, _| Ok(()),
        show: |_, _, _| {},
        removable: |_, _, _| Ok(()),
        provisioned: |_, _| {},
        removed: |_, _| {},
    };

    /// Provider and type.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.provider, self.name)
    }
}

const NETWORK_VERSIONS: &[&str] = &[
    "2018-11-01",
    "2019-02-01",
    "2019-04-01",
    "2019-06-01",
    "2019-07-01",
    "2019-08-01",
    "2019-09-01",
    "2019-11-01",
    "2019-12-01",
    "2020-03-01",
    "2020-04-01",
    "2020-05-01",
    "2020-06-01",
    "2020-07-01",
    "2020-08-01",
    "2020-11-01",
    "2021-02-01",
    "2021-03-01",
    "2021-05-01",
    "2021-08-01",
    "2022-01-01",
    "2022-05-01",
    "2022-07-01",
    "2022-09-01",
    "2022-11-01",
    "2023-02-01",
    "2023-04-01",
    "2023-05-01",
    "2023-06-01",
    "2023-09-01",
    "2023-11-01",
    "2024-01-01",
    "2024-03-01",
    "2024-05-01",
];

const COMPUTE_VERSIONS: &[&str] = &[
    "2017-03-30",
    "2017-12-01",
    "2018-04-01",
    "2018-06-01",
    "2018-10-01",
    "2019-03-01",
    "2019-07-01",
    "2019-12-01",
    "2020-06-01",
    "2020-12-01",
    "2021-03-01",
    "2021-04-01",
    "2021-07-01",
    "2021-11-01",
    "2022-03-01",
    "2022-08-01",
    "2022-11-01",
    "2023-03-01",
    "2023-07-01",
    "2023-09-01",
    "2024-03-01",
    "2024-07-01",
];

const DISK_VERSIONS: &[&str] = &[
    "2017-03-30",
    "2018-04-01",
    "2018-06-01",
    "2018-09-30",
    "2019-03-01",
    "2019-07-01",
    "2019-11-01",
    "2020-05-01",
    "2020-06-30",
    "2020-09-30",
    "2020-12-01",
    "2021-04-01",
    "2021-08-01",
    "2021-12-01",
    "2022-03-02",
    "2022-07-02",
    "2023-01-02",
    "2023-04-02",
    "2023-10-02",
    "2024-03-02",
];

const STORAGE_VERSIONS: &[&str] = &[
    "2018-07-01",
    "2019-06-01",
    "2021-01-01",
    "2021-02-01",
    "2021-04-01",
    "2021-06-01",
    "2021-08-01",
    "2021-09-01",
    "2022-05-01",
    "2022-09-01",
    "2023-01-01",
    "2023-04-01",
    "2023-05-01",
];

/// Microsoft.Network's resources end alike.
const NETWORK: Kind = Kind {
    provider: "Microsoft.Network",
    versions: NETWORK_VERSIONS,
    schema: &schema::NETWORK,
    patch: Some("TagsObject"),
    put: Style::Operation,
    delete: Style::Accepted,
    etags: true,
    ..Kind::BASE
};

/// All kinds, but for resource groups and roles.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "virtualNetworks",
        body: "VirtualNetwork",
        parts: &["subnets", "virtualNetworkPeerings"],
        prepare: network::virtual_network::prepare,
        show: network::virtual_network::show,
        removable: network::virtual_network::removable,
        removed: network::virtual_network::removed,
        ..NETWORK
    },
    Kind { name: "virtualNetworks/subnets", body: "Subnet", within: Some("subnets"), patch: None, ..NETWORK },
    Kind {
        name: "virtualNetworks/virtualNetworkPeerings",
        body: "VirtualNetworkPeering",
        within: Some("virtualNetworkPeerings"),
        patch: None,
        ..NETWORK
    },
    Kind {
        name: "networkSecurityGroups",
        body: "NetworkSecurityGroup",
        parts: &["securityRules"],
        prepare: network::security_group::prepare,
        show: network::security_group::show,
        removable: network::security_group::removable,
        ..NETWORK
    },
    Kind {
        name: "networkSecurityGroups/securityRules",
        body: "SecurityRule",
        within: Some("securityRules"),
        patch: None,
        ..NETWORK
    },
    Kind {
        name: "routeTables",
        body: "RouteTable",
        parts: &["routes"],
        prepare: network::route_table::prepare,
        show: network::route_table::show,
        removable: network::route_table::removable,
        ..NETWORK
    },
    Kind { name: "routeTables/routes", body: "Route", within: Some("routes"), patch: None, ..NETWORK },
    Kind {
        name: "publicIPAddresses",
        body: "PublicIPAddress",
        prepare: network::public_address::prepare,
        show: network::public_address::show,
        removable: network::public_address::removable,
        ..NETWORK
    },
    Kind {
        name: "networkInterfaces",
        body: "NetworkInterface",
        parts: &["ipConfigurations"],
        prepare: network::interface::prepare,
        show: network::interface::show,
        removable: network::interface::removable,
        provisioned: network::interface::provisioned,
        removed: network::interface::removed,
        ..NETWORK
    },
    Kind {
        name: "natGateways",
        body: "NatGateway",
        prepare: network::nat_gateway::prepare,
        show: network::nat_gateway::show,
        removable: network::nat_gateway::removable,
        ..NETWORK
    },
    Kind {
        name: "loadBalancers",
        body: "LoadBalancer",
        parts: network::load_balancer::PARTS,
        prepare: network::load_balancer::prepare,
        show: network::load_balancer::show,
        removable: network::load_balancer::removable,
        provisioned: network::load_balancer::provisioned,
        removed: network::load_balancer::removed,
        ..NETWORK
    },
    Kind {
        name: "loadBalancers/backendAddressPools",
        body: "BackendAddressPool",
        within: Some("backendAddressPools"),
        patch: None,
        ..NETWORK
    },
    Kind {
        name: "loadBalancers/inboundNatRules",
        body: "InboundNatRule",
        within: Some("inboundNatRules"),
        patch: None,
        ..NETWORK
    },
    Kind {
        provider: "Microsoft.Compute",
        name: "virtualMachines",
        versions: COMPUTE_VERSIONS,
        schema: &schema::COMPUTE,
        body: "VirtualMachine",
        patch: Some("VirtualMachineUpdate"),
        put: Style::Operation,
        delete: Style::Accepted,
        prepare: compute::machine::prepare,
        show: compute::machine::show,
        provisioned: compute::machine::provisioned,
        removed: compute::machine::removed,
        ..Kind::BASE
    },
    Kind {
        provider: "Microsoft.Compute",
        name: "disks",
        versions: DISK_VERSIONS,
        schema: &schema::DISKS,
        body: "Disk",
        patch: Some("DiskUpdate"),
        put: Style::Accepted,
        delete: Style::Accepted,
        prepare: compute::disk::prepare,
        show: compute::disk::show,
        removable: compute::disk::removable,
        ..Kind::BASE
    },
    Kind {
        provider: "Microsoft.Compute",
        name: "availabilitySets",
        versions: COMPUTE_VERSIONS,
        schema: &schema::COMPUTE,
        body: "AvailabilitySet",
        patch: Some("AvailabilitySetUpdate"),
        created: 200,
        prepare: compute::availability_set::prepare,
        show: compute::availability_set::show,
        removable: compute::availability_set::removable,
        ..Kind::BASE
    },
    Kind {
        provider: "Microsoft.ManagedIdentity",
        name: "userAssignedIdentities",
        versions: &["2018-11-30", "2022-01-31-preview", "2023-01-31"],
        schema: &schema::IDENTITY,
        body: "Identity",
        patch: Some("IdentityUpdate"),
        prepare: identity::prepare,
        removed: identity::removed,
        ..Kind::BASE
    },
    Kind {
        provider: "Microsoft.Storage",
        name: "storageAccounts",
        versions: STORAGE_VERSIONS,
        schema: &schema::STORAGE,
        body: "StorageAccountCreateParameters",
        patch: Some("StorageAccountUpdateParameters"),
        put: Style::Location,
        prepare: storage::prepare,
        ..Kind::BASE
    },
];

/// The kind of this provider and type, in any case.
#[must_use]
pub fn find(provider: &str, name: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| kind.provider.eq_ignore_ascii_case(provider) && kind.name.eq_ignore_ascii_case(name))
}
