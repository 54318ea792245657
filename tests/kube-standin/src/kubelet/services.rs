//! What kube-proxy and coredns know of services: which pods are behind an address, and which address a name has.

use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::dns::NAMES;
use crate::failure::{Context as _, Failure, Result};
use crate::files;
use crate::listing;

const CHAIN: &str = "STANDIN-SERVICES";

/// The rules that were made last.
#[derive(Default)]
pub(super) struct Services {
    rules: String,
    /// The address of the service that is the API server.
    api: Option<String>,
}

impl Services {
    /// The address that pods find the API server at.
    pub(super) fn api(&self) -> Option<&str> {
        self.api.as_deref()
    }

    /// Leads the addresses of services to pods, as kube-proxy does, and that of the API server to where it is: at `https://HOST:PORT`.
    pub(super) fn lead(&mut self, services: &Value, pods: &Value, api: &str) -> Result<()> {
        let mut rules = rules(services, pods);
        let all = listing::items(services);
        let is_api = |one: &&Value| {
            one["metadata"]["name"] == "kubernetes" && one["metadata"]["namespace"] == "default"
        };
        self.api =
            all.clone().find(is_api).and_then(|one| one["spec"]["clusterIP"].as_str()).map(str::to_owned);
        if let Some(address) = &self.api {
            let mut found = api.trim_start_matches("https://").to_socket_addrs().doing(api)?;
            let Some(api) = found.find(SocketAddr::is_ipv4) else {
                return Err(Failure::new(format!("{api} has no address")));
            };
            rules += &format!(
                "-A {CHAIN} -d {address}/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination {api}\n"
            );
        }
        if rules == self.rules {
            return Ok(());
        }
        for from in ["PREROUTING", "OUTPUT"] {
            let jump = [from, "-j", CHAIN];
            let _ = Command::new("iptables")
                .args(["-w", "-t", "nat", "-N", CHAIN])
                .stderr(Stdio::null())
                .status();
            let there = Command::new("iptables")
                .args(["-w", "-t", "nat", "-C"])
                .args(jump)
                .stderr(Stdio::null())
                .status();
            if !there.doing("iptables")?.success() {
                let made = Command::new("iptables").args(["-w", "-t", "nat", "-A"]).args(jump).status();
                made.doing("iptables")?;
            }
        }
        let mut restore = Command::new("iptables-restore")
            .args(["-w", "--noflush"])
            .stdin(Stdio::piped())
            .spawn()
            .doing("iptables-restore")?;
        let text = format!("*nat\n:{CHAIN} - [0:0]\n{rules}COMMIT\n");
        if let Some(mut input) = restore.stdin.take() {
            input.write_all(text.as_bytes()).doing("iptables-restore")?;
        }
        if !restore.wait().doing("iptables-restore")?.success() {
            return Err(Failure::new(format!("iptables-restore refuses {text:?}")));
        }
        self.rules = rules;
        Ok(())
    }
}

/// Keeps the names of services where coredns looks.
pub(super) fn name(services: &Value, domain: &str) -> Result<()> {
    let mut text = String::new();
    for service in listing::items(services) {
        if let (Some(name), Some(namespace), Some(address)) = (
            service["metadata"]["name"].as_str(),
            service["metadata"]["namespace"].as_str(),
            service["spec"]["clusterIP"].as_str(),
        ) {
            text.push_str(&format!("{name}.{namespace}.svc.{domain} {address}\n"));
        }
    }
    if std::fs::read_to_string(NAMES).is_ok_and(|found| found == text) {
        return Ok(());
    }
    files::write(NAMES.as_ref(), &text, 0o644)
}

/// A rule for each port of each service that has a pod which is ready.
fn rules(services: &Value, pods: &Value) -> String {
    let mut rules = String::new();
    for service in listing::items(services) {
        let Some(address) = service["spec"]["clusterIP"].as_str().filter(|address| *address != "None") else {
            continue;
        };
        let Some(selector) = service["spec"]["selector"].as_object() else { continue };
        let behind = listing::items(pods).find(|pod| {
            let chosen = selector.iter().all(|(label, value)| pod["metadata"]["labels"][label] == *value);
            let conditions = pod["status"]["conditions"].as_array();
            let ready = conditions
                .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
            chosen
                && ready
                && pod["status"]["podIP"].is_string()
                && pod["metadata"]["namespace"] == service["metadata"]["namespace"]
        });
        let Some(pod) = behind.and_then(|pod| pod["status"]["podIP"].as_str()) else { continue };
        for port in service["spec"]["ports"].as_array().into_iter().flatten() {
            let protocol = port["protocol"].as_str().unwrap_or("TCP").to_lowercase();
            let target = port["targetPort"].as_u64().or(port["port"].as_u64());
            if let (Some(port), Some(target)) = (port["port"].as_u64(), target) {
                rules.push_str(&format!(
                    "-A {CHAIN} -d {address}/32 -p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {pod}:{target}\n"
                ));
            }
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_leads_to_a_pod_that_is_ready() {
        let services = json!({"items": [{"metadata": {"name": "web", "namespace": "x"},
            "spec": {"clusterIP": "10.96.0.7", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}]});
        let mut pods = json!({"items": [{"metadata": {"namespace": "x", "labels": {"app": "web"}}, "status": {"podIP": "10.244.0.2"}}]});
        assert_eq!(rules(&services, &pods), "");
        pods["items"][0]["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
        assert_eq!(
            rules(&services, &pods),
            "-A STANDIN-SERVICES -d 10.96.0.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.0.2:8080\n"
        );
    }
}
