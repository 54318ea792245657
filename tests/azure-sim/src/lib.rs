//! A simulated Azure for tests: Resource Manager, its providers as far as clouder needs them, and the token endpoint.
//!
//! It keeps to what Microsoft publishes of the real one: requests are checked against the REST reference's schemas,
//! operations go on after they were answered, what is in use cannot be deleted, quotas and capacity run out, and what
//! was made a moment ago is not known everywhere. `README.md` says how to run it and what it leaves out.

pub mod arm;
pub mod authorization;
pub mod cloud;
pub mod compute;
pub mod containers;
pub mod failure;
pub mod forwarder;
pub mod graph;
pub mod http;
pub mod id;
pub mod identity;
pub mod json;
pub mod kind;
pub mod machine;
pub mod network;
pub mod operation;
pub mod random;
pub mod scenario;
pub mod schema;
pub mod server;
pub mod state;
pub mod storage;
pub mod store;
pub mod tls;
pub mod token;
