//! `azure-sim`: serves a simulated Azure on this machine until it is told to end.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to whoever starts it")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use azure_sim::cloud::{Cloud, Settings};
use azure_sim::containers::{self, Containers};
use azure_sim::machine::{Machines, Nothing};
use azure_sim::scenario::Scenario;
use azure_sim::server::Server;
use azure_sim::{state, tls, token};
use clap::{Parser, ValueEnum};
use clouder_fleet::Software;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// How often what has changed is kept.
const KEEPING: Duration = Duration::from_millis(200);

/// Serves a simulated Azure on this machine.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 is any that is free
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Serve HTTPS, with a certificate that is made for it
    #[arg(long)]
    tls: bool,
    /// Write a line of JSON here for each request
    #[arg(long)]
    log: Option<PathBuf>,
    /// Where what clients need goes: the secret, the certificate's authority
    #[arg(long, default_value = "azure-sim")]
    folder: PathBuf,
    /// Keep what it holds in this file, and begin with it
    #[arg(long)]
    state: Option<PathBuf>,
    /// What shall go wrong
    #[arg(long)]
    scenario: Option<PathBuf>,
    /// What virtual machines are
    #[arg(long, value_enum, default_value_t = Kind::None)]
    machines: Kind,
    /// What containers and networks are labelled and named by; one simulator of a name at a time
    #[arg(long, default_value = "azure-sim")]
    name: String,
    /// How many seconds an operation takes
    #[arg(long, default_value_t = 0.5)]
    latency: f64,
    /// How many seconds clients are told to wait between two looks; 0 tells them nothing
    #[arg(long, default_value_t = 1)]
    retry_after: u64,
    /// How many resources are on a page
    #[arg(long, default_value_t = 100)]
    page: usize,
    /// How many cores a region gives of each family, and in all
    #[arg(long, default_value_t = 100)]
    cores: u64,
    /// How many public addresses a region gives
    #[arg(long, default_value_t = 20)]
    public_addresses: u64,
    /// How many seconds until a new principal is known everywhere
    #[arg(long, default_value_t = 2.0)]
    principal_delay: f64,
}

/// What virtual machines are.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Nothing but what Azure says of them
    None,
    /// Containers with systemd and sshd
    Containers,
}

fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("azure-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    let scenario = arguments.scenario.as_deref().map(Scenario::read).transpose()?.unwrap_or_default();
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string());
    let usual = Settings::default();
    let settings = Settings {
        latency: seconds(arguments.latency)?,
        retry_after: arguments.retry_after,
        token_told: scenario.token_told.map(Duration::from_secs),
        token_lifetime: scenario.token_lifetime.map_or(usual.token_lifetime, Duration::from_secs),
        page: arguments.page.max(1),
        cores: arguments.cores,
        public_addresses: arguments.public_addresses,
        principal_delay: seconds(arguments.principal_delay)?,
        public_prefix: match arguments.machines {
            Kind::None => usual.public_prefix,
            Kind::Containers => containers::public_prefix(&arguments.name),
        },
        ..usual
    };
    if arguments.state.is_some() && arguments.machines != Kind::None {
        return Err(
            "--state keeps what Azure knows of machines, not what they are: it does not go with --machines"
                .to_owned(),
        );
    }
    let folder = &arguments.folder;
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(told)?;
    let folder = std::fs::canonicalize(folder).map_err(told)?;
    let machines: Box<dyn Machines> = match arguments.machines {
        Kind::None => Box::new(Nothing),
        Kind::Containers => Box::new(
            Containers::new(&arguments.name, &settings.public_prefix, Software::Bare)
                .map_err(|error| error.to_string())?,
        ),
    };
    let mut cloud = Cloud::new(settings.clone(), scenario, machines);
    if let Some(path) = &arguments.state {
        state::read(&mut cloud, path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (secret, federated, authority) =
        (folder.join("client-secret"), folder.join("federated-token"), folder.join("ca.pem"));
    write_secret(&secret, &settings.client_secret)?;
    write_secret(&federated, &token::assertion(&cloud))?;
    let config = if arguments.tls { Some(tls::server(&authority).map_err(told)?) } else { None };
    let server = Server::start(cloud, arguments.listen, arguments.log.as_deref(), config)
        .map_err(|error| format!("cannot serve at {}: {error}", arguments.listen))?;
    let mut ready = json!({
        "endpoint": server.origin, "subscription": settings.subscription, "tenant": settings.tenant,
        "client_id": settings.client_id, "client_secret_file": secret, "federated_token_file": federated,
    });
    if arguments.tls {
        ready["ca_file"] = json!(authority);
    }
    if arguments.machines == Kind::Containers {
        // Docker gives this machine the first address; virtual machines reach its servers there.
        ready["host_address"] = json!(settings.public_prefix.replace(".0/24", ".1"));
    }
    println!("{ready}");
    std::io::stdout().flush().map_err(told)?;
    let ended = told_to_end(|| keep(&server, arguments.state.as_deref()));
    server.cloud().machines.end();
    ended.map_err(told)
}

/// Keeps what has changed.
fn keep(server: &Server, path: Option<&Path>) -> std::io::Result<()> {
    let mut cloud = server.cloud();
    match path {
        Some(path) if std::mem::take(&mut cloud.changed) => state::write(&cloud, path),
        _ => Ok(()),
    }
}

/// Waits until it is told to end, and keeps what there is to keep meanwhile and then.
fn told_to_end(keep: impl Fn() -> std::io::Result<()>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut moments = tokio::time::interval(KEEPING);
        loop {
            tokio::select! {
                _ = terminated.recv() => return keep(),
                _ = interrupted.recv() => return keep(),
                _ = moments.tick() => keep()?,
            }
        }
    })
}

/// Writes what nobody else may read.
fn write_secret(path: &Path, text: &str) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let opened = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
