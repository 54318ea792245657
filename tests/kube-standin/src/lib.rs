//! Small strict stand-ins for kubeadm, kubelet, kubectl and crictl, for tests on machines that cannot reach the
//! real ones. They refuse what the real ones refuse, keep real certificates and real state, and are packaged and
//! served as the real ones are.

mod api;
mod client;
pub mod config;
mod cri;
mod crictl;
mod dns;
mod etcd;
pub mod failure;
mod files;
pub mod flags;
mod http;
mod image;
mod kubeadm;
mod kubeconfig;
mod kubectl;
mod kubelet;
mod listing;
mod machine;
mod pki;
mod random;
pub mod registry;
pub mod repository;
mod resources;
pub mod schema;
pub mod terminal;
mod tls;
pub mod tool;
pub mod version;
pub mod yaml;

use failure::Result;
use tool::Tool;

/// Runs one of the tools.
///
/// # Errors
/// What the tool says, with its exit code.
pub fn run(tool: Tool, arguments: &[String]) -> Result<()> {
    match tool {
        Tool::Kubeadm => kubeadm::run(arguments),
        Tool::Kubelet => kubelet::run(arguments),
        Tool::Kubectl => kubectl::run(arguments),
        Tool::Crictl => crictl::run(arguments),
        Tool::ApiServer => api::run(arguments),
        Tool::CoreDns => dns::run(arguments),
    }
}
