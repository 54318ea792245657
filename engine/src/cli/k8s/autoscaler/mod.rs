//! `clouder autoscaler`: the pools of a cluster for cluster-autoscaler, by its external gRPC provider's protocol.

mod pools;
mod protocol;
mod serve;
mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio::net::TcpListener;

use super::super::{Failure, azure as account, print};
use super::azure::{ask, machines};
use super::cluster::{Cluster, Clusters};
use super::{Context, Front, Named};
use crate::config::Config;
use pools::Pools;
use service::Service;

/// Lets cluster-autoscaler scale the pools of a cluster on Azure: those that have a largest size, between their smallest and their largest.
/// Runs until it is ended; what it is told is kept in the cluster's file, so that it can be ended at any time.
#[derive(Args)]
pub(in crate::cli) struct AutoscalerCommand {
    #[command(flatten)]
    cluster: Named,
    /// Where it listens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8086")]
    listen: String,
    /// Its certificate, in PEM
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// The key of its certificate, in PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The authority of clients' certificates, in PEM; nobody else is heard
    #[arg(long, value_name = "FILE")]
    clients: PathBuf,
    #[command(flatten)]
    front: Front,
}

impl AutoscalerCommand {
    /// Runs the command; returns the exit code.
    pub(in crate::cli) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let context = Context { config, clusters: Clusters::new(config) };
        let cluster = super::pool::made(context.clusters.find(&self.cluster.cluster)?)?;
        let cloud = account::cloud(self.front.azure_endpoint.clone(), config)?;
        let tls = Arc::new(tls(&self.certificate, &self.key, &self.clients)?);
        let pools = Pools::new(Clusters::new(config), &cluster.name);
        let service = Arc::new(Service::new(pools, cloud));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let told =
            |error: std::io::Error| Failure::plain(format!("cannot listen at {}: {error}", self.listen));
        let listener = runtime.block_on(TcpListener::bind(&self.listen)).map_err(told)?;
        let address = listener.local_addr().map_err(told)?;
        take_up(&cluster, &service);
        let worker = (Arc::clone(&service), Arc::clone(config), self.front);
        std::thread::spawn(move || {
            let (service, config, front) = worker;
            service.pools.work_off(|cluster, names| apply(cluster, names, &front, &config));
        });
        print(&format!("answering at {address}\n"));
        let answer: serve::Answer = Arc::new(move |method, message| service.answer(method, message));
        runtime.block_on(serve::serve(listener, tls, answer));
        Ok(0)
    }
}

/// Goes on with what was not done when the last one was ended.
fn take_up(cluster: &Cluster, service: &Service) {
    let there = ask(machines(service.cloud.as_ref())).unwrap_or_default();
    for pool in service.pools.scaled().unwrap_or_default() {
        let own = there.iter().filter(|one| one.cluster == cluster.name && one.pool == pool.name);
        if u32::try_from(own.count()) != Ok(pool.desired) || !pool.leaving.is_empty() {
            service.pools.look_at(&pool.name);
        }
    }
}

/// Brings pools to what the cluster's file says.
fn apply(cluster: &Cluster, names: &[String], front: &Front, config: &Arc<Config>) -> Result<bool, Failure> {
    let context = Context { config, clusters: Clusters::new(config) };
    let code =
        front.play_alone(cluster, super::pool::PLAYBOOK, &json!({"machine_pools": names}), &context)?;
    Ok(code == 0)
}

/// Both sides show certificates.
fn tls(certificate: &Path, key: &Path, clients: &Path) -> Result<ServerConfig, Failure> {
    let told = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(format!("cannot use {}: {error}", path.display()), "it has to be a file in PEM")
    };
    let all = |path: &Path| -> Result<Vec<CertificateDer<'static>>, Failure> {
        let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match found {
            Ok(found) if found.is_empty() => Err(told(path, &"there is no certificate in it")),
            found => found.map_err(|error| told(path, &error)),
        }
    };
    let mut roots = RootCertStore::empty();
    for authority in all(clients)? {
        roots.add(authority).map_err(|error| told(clients, &error))?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| told(clients, &error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| told(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| told(certificate, &error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(all(certificate)?, secret)
        .map_err(|error| told(certificate, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
