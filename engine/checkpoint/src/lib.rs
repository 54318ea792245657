//! Schedules of checkpoints: when they are due, which archives are kept on the nodes, and where copies of them go.

pub mod agent;
pub mod amount;
pub mod archive;
pub mod cluster;
pub mod due;
mod fault;
pub mod retention;
pub mod schedule;
pub mod scheduler;
pub mod seal;
pub mod store;
pub mod timetable;

pub use fault::Fault;
pub use schedule::Schedule;
