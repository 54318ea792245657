//! The configuration files of kubeadm and of the components: read, held against their schema, and checked for
//! what a schema cannot say.

mod documents;
mod kinds;
mod validate;

pub use documents::{Configuration, decode_kubelet, read, read_file};
pub use kinds::{
    Argument, BootstrapToken, ClusterConfiguration, InitConfiguration, JoinConfiguration,
    KubeletConfiguration, NodeRegistration, Taint, UpgradeConfiguration, duration,
};
pub use validate::{validate, validate_certificate_key, validate_token};
