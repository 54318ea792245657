//! Virtual machines that are containers of the test fleet.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clouder_fleet::cloud::{self, Cloud};
use clouder_fleet::{FleetError, Software};

use crate::compute::images;
use crate::forwarder::Forwarder;
use crate::id::ResourceId;
use crate::machine::{Forwarding, Job, Machine, Machines, Network};
use crate::random;

/// What the network of public addresses is called.
const PUBLIC: &str = "public";

/// Containers, their networks, and the ports that are forwarded to them.
#[derive(Debug)]
pub struct Containers {
    cloud: Cloud,
    slots: HashMap<String, Slot>,
    /// The networks made for each virtual network.
    networks: HashMap<String, Vec<String>>,
    /// The forwarders of each load balancer.
    forwarders: HashMap<String, Vec<Forwarder>>,
}

/// What is known of a container.
#[derive(Debug, Default)]
struct Slot {
    /// Set when it is to be there no longer.
    gone: Arc<AtomicBool>,
    /// What was begun last.
    last: Option<Arc<Job>>,
    /// Its public address.
    public_address: Option<String>,
}

/// Public addresses of its own for each name, from those that are meant for tests.
#[must_use]
pub fn public_prefix(name: &str) -> String {
    let digest = random::signature(b"prefix", name.as_bytes());
    let [first, second] = [0, 1].map(|at| digest.get(at).copied().unwrap_or_default());
    format!("198.{}.{second}.0/24", 18 + first % 2)
}

/// Addresses for a virtual network, from the public ones: two on one machine cannot have the same.
#[must_use]
pub fn private_prefix(public: &str) -> String {
    public.replacen("198.18", "10.250", 1).replacen("198.19", "10.251", 1)
}

impl Containers {
    /// Makes what machines need: an image with some software, which all have but those of Debian's unstable release, and a network
    /// for public addresses.
    ///
    /// # Errors
    /// When Docker does not run, or the network's addresses are taken.
    pub fn new(name: &str, public: &str, software: Software) -> Result<Self, FleetError> {
        let cloud = Cloud::new(name, software)?;
        cloud.network(PUBLIC, public)?;
        Ok(Self { cloud, slots: HashMap::new(), networks: HashMap::new(), forwarders: HashMap::new() })
    }

    /// Does something to a container when what was begun before has ended.
    fn then(
        &mut self,
        key: &str,
        work: impl FnOnce(&Cloud, &AtomicBool) -> Result<(), FleetError> + Send + 'static,
    ) -> Arc<Job> {
        let slot = self.slots.entry(key.to_owned()).or_default();
        let (before, gone, cloud) = (slot.last.take(), Arc::clone(&slot.gone), self.cloud.clone());
        let job = Job::begin(move || {
            while before.as_ref().is_some_and(|before| before.ended().is_none()) {
                std::thread::sleep(Duration::from_millis(20));
            }
            work(&cloud, &gone).map_err(|error| error.to_string())
        });
        slot.last = Some(Arc::clone(&job));
        job
    }

    /// What the container's network for a virtual network is called.
    fn network(&mut self, network: &Network) -> String {
        let name = format!("{}-{}", container(&network.key), network.prefix.replace('/', "-"));
        let known = self.networks.entry(network.key.clone()).or_default();
        if !known.contains(&name) {
            known.push(name.clone());
        }
        name
    }
}

/// The name of what is made for a resource.
fn container(key: &str) -> String {
    let id = ResourceId::parse(key);
    let name = id.as_ref().map(|id| format!("{}-{}", id.group().unwrap_or_default(), id.name()));
    let valid =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    name.unwrap_or_default().chars().map(valid).collect()
}

impl Machines for Containers {
    fn start(&mut self, machine: Machine) -> Option<Arc<Job>> {
        if !machine.boots {
            return None;
        }
        if self.slots.get(&machine.key).is_some_and(|slot| slot.gone.load(Ordering::SeqCst)) {
            // Another one of the same name, once the first is gone.
            let last = self.slots.remove(&machine.key).and_then(|slot| slot.last);
            self.slots.insert(machine.key.clone(), Slot { last, ..Slot::default() });
        }
        let mut made: Vec<(String, String)> = Vec::new();
        let mut networks: Vec<(String, String)> = Vec::new();
        for network in &machine.networks {
            let name = self.network(network);
            // A container is on each network once.
            if !networks.iter().any(|(known, _)| *known == name) {
                made.push((name.clone(), network.prefix.clone()));
                networks.push((name, network.address.clone()));
            }
        }
        self.slots.entry(machine.key.clone()).or_default().public_address = machine.public_address.clone();
        networks.extend(machine.public_address.iter().map(|address| (PUBLIC.to_owned(), address.clone())));
        let wanted = cloud::Machine {
            name: container(&machine.key),
            host_name: machine.host_name.clone(),
            software: (machine.offer == images::UNSTABLE).then_some(Software::Checkpointing),
            user: machine.user.clone(),
            authorized_keys: machine.public_keys.iter().map(|key| format!("{key}\n")).collect(),
            user_data: (!machine.custom_data.is_empty()).then(|| machine.custom_data.clone()),
            networks,
        };
        Some(self.then(&machine.key, move |cloud, gone| {
            made.iter().try_for_each(|(name, prefix)| cloud.network(name, prefix))?;
            if gone.load(Ordering::SeqCst) { Ok(()) } else { cloud.start(&wanted) }
        }))
    }

    fn readdress(&mut self, key: &str, public_address: Option<String>) {
        let Some(slot) = self.slots.get_mut(key).filter(|slot| slot.public_address != public_address) else {
            return;
        };
        slot.public_address.clone_from(&public_address);
        let name = container(key);
        self.then(key, move |cloud, gone| {
            if gone.load(Ordering::SeqCst) {
                Ok(())
            } else {
                cloud.readdress(&name, PUBLIC, public_address.as_deref())
            }
        });
    }

    fn stop(&mut self, key: &str) -> Option<Arc<Job>> {
        self.slots.get(key)?;
        let name = container(key);
        Some(self.then(key, move |cloud, _| cloud.stop(&name)))
    }

    fn restart(&mut self, key: &str) -> Option<Arc<Job>> {
        self.slots.get(key)?;
        let name = container(key);
        Some(self.then(key, move |cloud, _| cloud.restart(&name)))
    }

    fn remove(&mut self, key: &str) -> Option<Arc<Job>> {
        let slot = self.slots.get(key)?;
        if slot.gone.swap(true, Ordering::SeqCst) {
            return slot.last.clone();
        }
        let name = container(key);
        Some(self.then(key, move |cloud, _| cloud.remove(&name)))
    }

    fn remove_network(&mut self, key: &str) {
        let (names, cloud) = (self.networks.remove(key).unwrap_or_default(), self.cloud.clone());
        // What cannot be removed now is removed at the end.
        names.iter().for_each(|name| drop(cloud.remove_network(name)));
    }

    fn console(&self, key: &str) -> Option<String> {
        self.slots.get(key)?;
        self.cloud.console(&container(key)).ok()
    }

    fn forward(&mut self, balancer: &str, ports: Vec<Forwarding>) {
        let mut before = self.forwarders.remove(balancer).unwrap_or_default();
        let mut now = Vec::new();
        for port in ports {
            if let Some(at) = before.iter().position(|one| one.from() == &port.from) {
                let forwarder = before.swap_remove(at);
                forwarder.change(port.to);
                now.push(forwarder);
                continue;
            }
            let network = match &port.network {
                Some(network) => (self.network(network), Some(network.prefix.clone())),
                None => (PUBLIC.to_owned(), None),
            };
            now.push(Forwarder::start(self.cloud.clone(), network, port));
        }
        drop(before);
        if !now.is_empty() {
            self.forwarders.insert(balancer.to_owned(), now);
        }
    }

    fn end(&mut self) {
        self.forwarders.clear();
        for slot in self.slots.values() {
            slot.gone.store(true, Ordering::SeqCst);
        }
        // Nobody is left to be told what cannot be removed; the next one of this name tries again.
        drop(self.cloud.down());
    }
}
