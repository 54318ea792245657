//! Code that is not clouder's: what playbooks and roles bring along, and the Python of this machine that runs it.

mod brought;
mod python;

pub use brought::Brought;
pub use python::Python;
