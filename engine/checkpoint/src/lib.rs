//! Schedules of checkpoints: when they are due, which archives are kept on the nodes, and where copies of them go.

pub mod amount;
pub mod archive;
mod fault;
pub mod retention;
pub mod schedule;
pub mod seal;
pub mod timetable;

pub use fault::Fault;
pub use schedule::Schedule;
