//! Clouds: machines, networks and what belongs to them, made, found, changed and deleted.
//!
//! [`Cloud`] is what a cloud can be asked for; [`azure`] is the one there is. Task modules ([`modules`]) act on a cloud from the
//! controller.

pub mod azure;
mod cloud;
mod error;
pub mod modules;

pub use cloud::Cloud;
pub use error::CloudError;
