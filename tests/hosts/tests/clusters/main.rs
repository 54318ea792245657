//! Clusters on real machines: made, upgraded, damaged, mended and deleted. One program, so that they go on at once: most of
//! the time they wait.

#![expect(clippy::unwrap_used, reason = "a test that cannot run has failed")]

mod checkpoint;
mod cluster;
mod control_planes;
mod create;
mod high_availability;
mod k8s;
mod lab;
mod machines;
mod upgrade;
