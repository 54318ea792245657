//! Playbook text → plays, blocks and tasks, with a span on every value; all checks that need no host.

mod keywords;
mod layer;
mod play;
mod role;
mod task;

pub use keywords::Keywords;
pub use layer::{Layer, Origin};
pub use play::{Play, Playbook};
pub use role::{Role, RoleUse};
pub use task::{Block, Invocation, Item, Loop, LoopControl, Task};
