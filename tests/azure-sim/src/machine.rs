//! What a virtual machine is beneath: nothing, or a container.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// Work that goes on in a thread of its own.
#[derive(Debug, Default)]
pub struct Job {
    outcome: Mutex<Option<Result<(), String>>>,
}

impl Job {
    /// What has ended when all of these have.
    #[must_use]
    pub fn all(jobs: Vec<Arc<Self>>) -> Option<Arc<Self>> {
        if jobs.is_empty() {
            return None;
        }
        let wait = move || {
            for job in &jobs {
                while job.ended().is_none() {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
            Ok(())
        };
        Some(Self::begin(wait))
    }

    /// Begins work.
    pub fn begin(work: impl FnOnce() -> Result<(), String> + Send + 'static) -> Arc<Self> {
        let job = Arc::new(Self::default());
        let ours = Arc::clone(&job);
        std::thread::spawn(move || {
            let outcome = work();
            *ours.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        });
        job
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<Result<(), String>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A machine as it is to be.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// The key of its resource.
    pub key: String,
    /// Its host name.
    pub host_name: String,
    /// The offer of the marketplace that its image is of.
    pub offer: String,
    /// Who may log in.
    pub user: String,
    /// With which keys.
    pub public_keys: Vec<String>,
    /// What cloud-init is given.
    pub custom_data: Vec<u8>,
    /// Its networks.
    pub networks: Vec<Network>,
    /// Its public address.
    pub public_address: Option<String>,
    /// Whether it boots.
    pub boots: bool,
}

/// A place in a virtual network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The key of the virtual network.
    pub key: String,
    /// The prefix of it that the address is in.
    pub prefix: String,
    /// The address.
    pub address: String,
}

/// A port that is forwarded to a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// The address and port that is listened on.
    pub from: (String, u16),
    /// The virtual network that address is of; none if it is public.
    pub network: Option<Network>,
    /// The addresses and ports behind it.
    pub to: Vec<(String, u16)>,
}

/// What machines are made of.
pub trait Machines: Debug + Send {
    /// Makes a machine, or starts it again.
    fn start(&mut self, machine: Machine) -> Option<Arc<Job>>;
    /// Gives a machine another public address, or none.
    fn readdress(&mut self, key: &str, public_address: Option<String>);
    /// Stops a machine.
    fn stop(&mut self, key: &str) -> Option<Arc<Job>>;
    /// Restarts a machine.
    fn restart(&mut self, key: &str) -> Option<Arc<Job>>;
    /// Removes a machine.
    fn remove(&mut self, key: &str) -> Option<Arc<Job>>;
    /// Removes what was made for a virtual network.
    fn remove_network(&mut self, key: &str);
    /// What a machine has written to its console, if it has one.
    fn console(&self, key: &str) -> Option<String>;
    /// Forwards these ports for a load balancer, and no others.
    fn forward(&mut self, balancer: &str, ports: Vec<Forwarding>);
    /// Removes everything.
    fn end(&mut self);
}

/// Machines that are nothing but what Azure says of them.
#[derive(Debug, Default)]
pub struct Nothing;

impl Machines for Nothing {
    fn start(&mut self, _machine: Machine) -> Option<Arc<Job>> {
        None
    }

    fn readdress(&mut self, _key: &str, _public_address: Option<String>) {}

    fn stop(&mut self, _key: &str) -> Option<Arc<Job>> {
        None
    }

    fn restart(&mut self, _key: &str) -> Option<Arc<Job>> {
        None
    }

    fn remove(&mut self, _key: &str) -> Option<Arc<Job>> {
        None
    }

    fn remove_network(&mut self, _key: &str) {}

    fn console(&self, _key: &str) -> Option<String> {
        None
    }

    fn forward(&mut self, _balancer: &str, _ports: Vec<Forwarding>) {}

    fn end(&mut self) {}
}
