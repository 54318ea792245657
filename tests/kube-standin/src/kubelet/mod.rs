//! kubelet: gets its certificates, registers its node, runs the static pods of etcd and the API server, and says of itself and of
//! its pods only what is so.

mod certificates;
mod containers;
mod network;
mod node;
mod pods;
mod sandboxes;
mod server;
mod services;
pub(crate) mod static_pods;
mod volumes;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::config::{self, KubeletConfiguration};
use crate::failure::{Context as _, Result, refuse};
use crate::flags::Flags;
use crate::kubeconfig::Kubeconfig;
use crate::tool::Tool;
use crate::version::Version;
use crate::{cri, files, machine};

/// The flags that are left of the kubelet's, and that kubeadm or an administrator may give.
const FLAGS: &str = "bootstrap-kubeconfig= kubeconfig= config= config-dir= hostname-override= node-ip= node-labels= \
    register-with-taints= cloud-provider= container-runtime-endpoint= pod-infra-container-image= root-dir= \
    cert-dir= v= v/v= resolv-conf= max-pods= fail-swap-on= cgroup-driver= feature-gates= provider-id= \
    image-credential-provider-config= image-credential-provider-bin-dir= runtime-cgroups= system-reserved= \
    kube-reserved= eviction-hard= version";

/// How often the kubelet looks at its work.
const PERIOD: Duration = Duration::from_millis(1500);
/// How often it looks at its machine and says how that is, as long as that is ready.
const REPORT: Duration = Duration::from_secs(10);
/// How long the API server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a kubelet is told.
struct Kubelet {
    version: Version,
    name: String,
    address: String,
    labels: Vec<(String, String)>,
    taints: Vec<config::Taint>,
    waits_for_cloud: bool,
    provider_id: Option<String>,
    kubeconfig: PathBuf,
    bootstrap: Option<PathBuf>,
    endpoint: String,
    settings: KubeletConfiguration,
}

/// Runs the kubelet until it is killed.
///
/// # Errors
/// Whatever keeps the real one from starting: a flag or field it does not know, swap, a missing runtime, old control
/// groups, kernel parameters.
pub fn run(arguments: &[String]) -> Result<()> {
    let kubelet = Kubelet::new(arguments)?;
    kubelet.check()?;
    let mut static_pods = static_pods::StaticPods::new(kubelet.settings.static_pod_path.as_deref());
    static_pods.look();
    let mut pods = pods::Pods::default();
    let listener = TcpListener::bind(("127.0.0.1", 10248)).doing("failed to start healthz server")?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        }
    });
    let server = server::Server {
        node: kubelet.name.clone(),
        endpoint: kubelet.endpoint.clone(),
        kubeconfig: kubelet.kubeconfig.clone(),
        authentication: kubelet.settings.authentication.clone(),
    };
    server.start()?;
    let mut reported: Option<Instant> = None;
    loop {
        static_pods.look();
        match kubelet.client() {
            Ok(client) => {
                let worked = kubelet
                    .keep_serving_certificate(&client)
                    .and_then(|()| {
                        if reported.is_none_or(|at| at.elapsed() >= REPORT) {
                            reported = node::report(&client, &kubelet)?.then(Instant::now);
                        }
                        Ok(())
                    })
                    .and_then(|()| pods.tend(&client, &kubelet));
                if let Err(failure) = worked {
                    pods.forget();
                    complain(&failure.message);
                }
            }
            Err(failure) => complain(&failure.message),
        }
        std::thread::sleep(PERIOD);
    }
}

/// Writes a line to the journal.
#[expect(clippy::print_stderr, reason = "a service's standard error is its journal")]
fn complain(text: &str) {
    eprintln!("{text}");
}

impl Kubelet {
    fn new(arguments: &[String]) -> Result<Self> {
        let flags = Flags::parse(arguments, FLAGS)?;
        let version = Tool::Kubelet.version()?;
        let file = flags.value("config").unwrap_or("/var/lib/kubelet/config.yaml");
        let text = files::read(file.as_ref()).map_err(|error| {
            error.context(format_args!(
                "failed to load kubelet config file, path: {file}, error: failed to read kubelet config file"
            ))
        })?;
        let settings = config::decode_kubelet(&text, version).map_err(|error| {
            error.context(format_args!("failed to load kubelet config file, path: {file}"))
        })?;
        let own_address = flags.value("node-ip").map(str::to_owned).or_else(machine::address);
        let Some(address) = own_address else {
            refuse!("the machine has no address, and --node-ip gives none")
        };
        let labels = flags
            .values("node-labels")
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let mut taints = settings.register_with_taints.clone().unwrap_or_default();
        for text in flags.values("register-with-taints") {
            let (key, effect) = text.rsplit_once(':').unwrap_or((&text, ""));
            let (key, value) = key.split_once('=').unwrap_or((key, ""));
            taints.push(config::Taint {
                key: key.to_owned(),
                value: Some(value.to_owned()).filter(|value| !value.is_empty()),
                effect: effect.to_owned(),
            });
        }
        Ok(Self {
            version,
            name: flags.value("hostname-override").map_or_else(machine::hostname, str::to_owned),
            address,
            labels,
            taints,
            provider_id: flags
                .value("provider-id")
                .map(str::to_owned)
                .or_else(|| settings.provider_id.clone()),
            waits_for_cloud: flags.value("cloud-provider") == Some("external"),
            kubeconfig: flags.value("kubeconfig").unwrap_or("/etc/kubernetes/kubelet.conf").into(),
            bootstrap: flags.value("bootstrap-kubeconfig").map(PathBuf::from),
            endpoint: flags
                .value("container-runtime-endpoint")
                .or(settings.container_runtime_endpoint.as_deref())
                .unwrap_or(cri::SOCKET)
                .to_owned(),
            settings,
        })
    }

    /// What must be so before the kubelet starts.
    fn check(&self) -> Result<()> {
        if self.settings.fail_swap_on.unwrap_or(true) && machine::swaps() {
            refuse!(
                "failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"
            );
        }
        if self.version.minor >= 35
            && self.settings.fail_cgroup_v1.unwrap_or(true)
            && machine::has_old_cgroups()
        {
            refuse!(
                "failed to run Kubelet: kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is in maintenance mode"
            );
        }
        if self.settings.protect_kernel_defaults {
            for (name, wanted) in
                [("vm.overcommit_memory", "1"), ("kernel.panic", "10"), ("kernel.panic_on_oops", "1")]
            {
                let found = machine::sysctl(name);
                if found.as_deref().is_some_and(|found| found != wanted) {
                    refuse!(
                        "invalid kernel flag: {name}, expected value: {wanted}, actual value: {}",
                        found.unwrap_or_default()
                    );
                }
            }
        }
        if let Some(driver) = &self.settings.cgroup_driver
            && !matches!(driver.as_str(), "systemd" | "cgroupfs")
        {
            refuse!("failed to run Kubelet: invalid configuration: cgroupDriver option {driver:?}");
        }
        if let Some(path) = &self.settings.resolv_conf
            && !path.is_empty()
            && !std::path::Path::new(path).exists()
        {
            refuse!("failed to run Kubelet: resolvConf {path:?} does not exist");
        }
        cri::Runtime::new(&self.endpoint).version().map(drop)
    }

    /// A client with the node's own credentials, which it gets first if it has none.
    fn client(&self) -> Result<Client> {
        if !self.kubeconfig.exists() {
            let Some(bootstrap) = self.bootstrap.as_deref().filter(|path| path.exists()) else {
                refuse!(
                    "unable to load bootstrap kubeconfig: stat {}: no such file or directory",
                    self.kubeconfig.display()
                );
            };
            certificates::bootstrap(&Kubeconfig::read(bootstrap)?, &self.name, &self.kubeconfig)?;
        }
        Ok(Client::new(Kubeconfig::read(&self.kubeconfig)?, PATIENCE))
    }

    fn keep_serving_certificate(&self, client: &Client) -> Result<()> {
        if self.settings.server_tls_bootstrap {
            certificates::serving(client, &self.name, &self.address)
        } else {
            certificates::own(&self.name, &self.address)
        }
    }
}
