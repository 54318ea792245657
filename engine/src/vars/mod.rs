//! Where a variable comes from.
//!
//! [`TaskVariables`] is what one task of one host sees: it asks the layers from the strongest to the weakest, and
//! evaluates what it finds only then. The order is Ansible's, see [`task`].

mod cache;
mod explain;
mod host;
mod hostvars;
mod magic;
mod play;
mod shared;
pub mod task;

pub use cache::FactCache;
pub use explain::{Definition, Explanation};
pub use host::HostState;
pub use hostvars::{HostVars, ScopeMapping};
pub use play::{FileVariables, PlayVariables, mapping_of};
pub use shared::SharedVariables;
pub use task::TaskVariables;
