//! YAML text → [`Node`]s, by the rules of YAML 1.1 as PyYAML and Ansible apply them.

mod node;

pub use node::{Entry, Mapping, Node, Yaml};
