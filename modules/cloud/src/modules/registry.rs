//! The list of all task modules that act on a cloud.

use std::pin::Pin;

use clouder_modules::args::{ArgumentError, ArgumentSource, Arguments, Schema};
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value};

use super::{
    AzureOptions, CloudContext, CloudModule, azure_rm_availabilityset, azure_rm_capacity,
    azure_rm_hostkeys_info, azure_rm_loadbalancer, azure_rm_manageddisk, azure_rm_manageddisk_info,
    azure_rm_managedidentity, azure_rm_natgateway, azure_rm_networkinterface, azure_rm_networkinterface_info,
    azure_rm_publicipaddress, azure_rm_publicipaddress_info, azure_rm_resource, azure_rm_resource_info,
    azure_rm_resourcegroup, azure_rm_resourcegroup_info, azure_rm_roleassignment, azure_rm_securitygroup,
    azure_rm_storageaccount, azure_rm_subnet, azure_rm_subnet_info, azure_rm_virtualmachine,
    azure_rm_virtualmachine_info, azure_rm_virtualnetwork, azure_rm_virtualnetwork_info,
};
use crate::azure::{Account, Clouds};

/// How a task is to be done.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Only predict.
    pub check: bool,
    /// Tell what changes.
    pub diff: bool,
    /// The subscriptions that are connected to.
    pub clouds: &'a Clouds,
    /// The origin of the resource manager, if the command line or a setting names one.
    pub endpoint: Option<&'a str>,
    /// A variable of the environment.
    pub variable: &'a (dyn Fn(&str) -> Option<String> + Send + Sync),
}

type Done<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// A module without its type.
pub struct Entry {
    /// The name without a collection.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its parameters.
    pub schema: fn() -> &'static Schema,
    /// Reads the arguments and says what is wrong with them.
    pub check: fn(Map<String, Value>) -> Result<(), ArgumentError>,
    /// Reads the arguments and does its work; every failure is an outcome.
    pub run: for<'a> fn(Map<String, Value>, Call<'a>) -> Done<'a>,
}

/// The arguments of a module, and those that say whose account it is.
struct Whole<A> {
    own: A,
    azure: AzureOptions,
}

impl<A: Arguments> Whole<A> {
    const SCHEMA: &'static Schema =
        &Schema { doc: "", parameters: &[], groups: &[A::schema, AzureOptions::schema], constraints: &[] };
}

impl<A: Arguments> Arguments for Whole<A> {
    fn schema() -> &'static Schema {
        Self::SCHEMA
    }

    fn take(source: &mut ArgumentSource) -> Result<Self, ArgumentError> {
        Ok(Self { own: A::take(source)?, azure: AzureOptions::take(source)? })
    }
}

const fn entry<M: CloudModule>() -> Entry {
    Entry {
        name: M::NAME,
        summary: M::SUMMARY,
        schema: Whole::<M::Args>::schema,
        check: |arguments| Whole::<M::Args>::read(arguments).map(drop),
        run: |arguments, call| {
            Box::pin(async move {
                match Whole::<M::Args>::read(arguments) {
                    Ok(args) => run::<M>(args, call).await.unwrap_or_else(ModuleError::into_outcome),
                    Err(error) => Outcome::failed(error.to_string()),
                }
            })
        },
    }
}

async fn run<M: CloudModule>(args: Whole<M::Args>, call: Call<'_>) -> Result<Outcome, ModuleError> {
    let account = Account::find(args.azure.given(call.endpoint), call.variable)?;
    let context = CloudContext { check: call.check, diff: call.diff, cloud: call.clouds.azure(&account)? };
    M::run(args.own, &context).await
}

/// All of them, by name.
pub fn registry() -> &'static [Entry] {
    const MODULES: &[Entry] = &[
        entry::<azure_rm_availabilityset::AvailabilitySet>(),
        entry::<azure_rm_capacity::Capacity>(),
        entry::<azure_rm_hostkeys_info::HostKeys>(),
        entry::<azure_rm_loadbalancer::LoadBalancer>(),
        entry::<azure_rm_manageddisk::ManagedDisk>(),
        entry::<azure_rm_manageddisk_info::ManagedDiskInfo>(),
        entry::<azure_rm_managedidentity::ManagedIdentity>(),
        entry::<azure_rm_natgateway::NatGateway>(),
        entry::<azure_rm_networkinterface::NetworkInterface>(),
        entry::<azure_rm_networkinterface_info::NetworkInterfaceInfo>(),
        entry::<azure_rm_publicipaddress::PublicIpAddress>(),
        entry::<azure_rm_publicipaddress_info::PublicIpAddressInfo>(),
        entry::<azure_rm_resource::Resource>(),
        entry::<azure_rm_resource_info::ResourceInfo>(),
        entry::<azure_rm_resourcegroup::ResourceGroup>(),
        entry::<azure_rm_resourcegroup_info::ResourceGroupInfo>(),
        entry::<azure_rm_roleassignment::RoleAssignment>(),
        entry::<azure_rm_securitygroup::SecurityGroup>(),
        entry::<azure_rm_storageaccount::StorageAccount>(),
        entry::<azure_rm_subnet::Subnet>(),
        entry::<azure_rm_subnet_info::SubnetInfo>(),
        entry::<azure_rm_virtualmachine::VirtualMachine>(),
        entry::<azure_rm_virtualmachine_info::VirtualMachineInfo>(),
        entry::<azure_rm_virtualnetwork::VirtualNetwork>(),
        entry::<azure_rm_virtualnetwork_info::VirtualNetworkInfo>(),
    ];
    MODULES
}

/// The module of a name without a collection.
pub fn find(name: &str) -> Option<&'static Entry> {
    registry().iter().find(|entry| entry.name == name)
}
