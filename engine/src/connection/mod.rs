//! How hosts are reached: ssh, local, containers; the agent there; becoming another user.
//!
//! [`Connections`] keeps one agent per host and user for the whole run. Only this folder and `clouder_cloud` use the
//! network.

mod agent;
mod askpass;
mod binary;
mod bootstrap;
mod channel;
mod container;
mod contents;
mod error;
mod escalate;
mod pool;
mod ssh;
mod target;

pub use agent::{Agent, Call, CallError, Traffic};
pub use channel::Executed;
pub use contents::Contents;
pub use error::ConnectionError;
pub use pool::Connections;
pub use target::{Become, BecomeMethod, ContainerEngine, Secret, SshTarget, Target, Transport};
