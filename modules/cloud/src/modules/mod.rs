//! Task modules that act on a cloud, from the controller: one a file, named and parameterised as in azure.azcollection.

mod compare;
mod info;
mod options;
mod registry;
mod resource;

pub mod azure_rm_availabilityset;
pub mod azure_rm_capacity;
pub mod azure_rm_hostkeys_info;
pub mod azure_rm_loadbalancer;
pub mod azure_rm_manageddisk;
pub mod azure_rm_manageddisk_info;
pub mod azure_rm_managedidentity;
pub mod azure_rm_natgateway;
pub mod azure_rm_networkinterface;
pub mod azure_rm_networkinterface_info;
pub mod azure_rm_publicipaddress;
pub mod azure_rm_publicipaddress_info;
pub mod azure_rm_resource;
pub mod azure_rm_resource_info;
pub mod azure_rm_resourcegroup;
pub mod azure_rm_resourcegroup_info;
pub mod azure_rm_roleassignment;
pub mod azure_rm_securitygroup;
pub mod azure_rm_storageaccount;
pub mod azure_rm_subnet;
pub mod azure_rm_subnet_info;
pub mod azure_rm_virtualmachine;
pub mod azure_rm_virtualmachine_info;
pub mod azure_rm_virtualnetwork;
pub mod azure_rm_virtualnetwork_info;

use std::sync::Arc;

use clouder_modules::{Arguments, ModuleError, Outcome};

pub use self::options::AzureOptions;
pub use self::registry::{Call, Entry, find, registry};
use crate::Cloud;

/// What a module knows about the run it is part of.
#[derive(Clone, Debug)]
pub struct CloudContext {
    /// Only predict; change nothing.
    pub check: bool,
    /// Tell what changes.
    pub diff: bool,
    /// The cloud.
    pub cloud: Arc<dyn Cloud>,
}

/// A task module that acts on a cloud. As one of a host, it finds what is, works out what should be and changes the
/// difference; check mode leaves out the last step.
pub trait CloudModule: 'static {
    /// Its arguments, those apart that say whose account it is.
    type Args: Arguments + Send;

    /// The name without a collection.
    const NAME: &'static str;

    /// What it does, in one line without a full stop.
    const SUMMARY: &'static str;

    /// Does its work.
    fn run(
        args: Self::Args,
        context: &CloudContext,
    ) -> impl Future<Output = Result<Outcome, ModuleError>> + Send;
}
