//! Playbook text → plays, blocks and tasks, with a span on every value; all checks that need no host.

pub mod argument_spec;
pub mod check;
mod files;
mod findings;
mod keywords;
mod layer;
mod loader;
mod names;
mod play;
mod role;
mod task;
mod words;

pub use clouder_modules::system::words::split as split_words;
pub(crate) use files::expand_user;
pub use files::{Files, OwnModule, Places, Routed};
pub use keywords::Keywords;
pub use layer::{Layer, Origin};
pub use loader::{LoadedPlaybook, Loader, Resolve, RoleError, RoleOptions, role_block};
pub use names::{ModuleName, short_name};
pub use play::{Play, Playbook};
pub use role::{Role, RoleUse};
pub use task::{Block, Invocation, Item, Loop, LoopControl, Task};
