//! Who of several schedulers works: the one that holds a Lease.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Api, AskError, Cluster, ClusterError, failed, rfc3339};

/// How long a lease lasts that is not renewed.
pub const LASTS: Duration = Duration::from_secs(15);

/// How long its holder relies on it: others may take it only later.
const RELIED: Duration = Duration::from_secs(10);

/// A lease that is held, or wanted.
pub struct Leadership {
    api: Api,
    namespace: String,
    name: String,
    holder: String,
    /// When it was last renewed, by the clock of this process.
    renewed: Option<Instant>,
    /// The version of it that another one holds, and since when it has not changed by the clock of this process: clocks of others
    /// are not relied on.
    seen: Option<(String, Instant)>,
}

impl Leadership {
    /// Wants a lease, for a holder whose name nobody else has.
    #[must_use]
    pub fn new(cluster: &Cluster, namespace: &str, name: &str, holder: &str) -> Self {
        let own = |text: &str| text.to_owned();
        Self {
            api: cluster.api.clone(),
            namespace: own(namespace),
            name: own(name),
            holder: own(holder),
            renewed: None,
            seen: None,
        }
    }

    /// Whether it is held now.
    #[must_use]
    pub fn held(&self) -> bool {
        self.renewed.is_some_and(|renewed| renewed.elapsed() < RELIED)
    }

    fn path(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    fn get(&self) -> Result<Option<Value>, AskError> {
        match self.api.ask("GET", &format!("{}/{}", self.path(), self.name), None) {
            Err(error) if error.is(404) => Ok(None),
            other => other.map(Some),
        }
    }

    fn replace(&self, lease: &Value) -> Result<Value, AskError> {
        self.api.ask("PUT", &format!("{}/{}", self.path(), self.name), Some(("application/json", lease)))
    }

    /// Renews it, or takes it if nobody has renewed it for long enough; returns whether it is held.
    ///
    /// # Errors
    /// When the API server does not say.
    pub fn keep(&mut self) -> Result<bool, ClusterError> {
        let asked = Instant::now();
        let taken = match self.get().map_err(failed("tell of the lease"))? {
            None => {
                let lease = json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": self.name, "namespace": self.namespace}, "spec": self.spec(&Value::Null),
                });
                self.api.ask("POST", &self.path(), Some(("application/json", &lease)))
            }
            Some(mut lease) => {
                let own = lease["spec"]["holderIdentity"] == self.holder.as_str();
                if !own && !self.is_over(&lease, asked) {
                    self.renewed = None;
                    return Ok(false);
                }
                lease["spec"] = self.spec(&lease["spec"]);
                // With the version that was read: whoever was faster has it.
                self.replace(&lease)
            }
        };
        match taken {
            Ok(_) => {
                self.renewed = Some(asked);
                Ok(true)
            }
            Err(error) if error.is(409) => {
                self.renewed = None;
                Ok(false)
            }
            Err(error) => Err(failed("give the lease")(error)),
        }
    }

    /// Gives it back, so that another one need not wait.
    pub fn release(&mut self) {
        if self.renewed.take().is_none() {
            return;
        }
        let Ok(Some(mut lease)) = self.get() else { return };
        if lease["spec"]["holderIdentity"] == self.holder.as_str() {
            lease["spec"]["holderIdentity"] = "".into();
            // If that fails, others take it when it has run out.
            let _ = self.replace(&lease);
        }
    }

    /// Whether a lease of another one, or of nobody, may be taken.
    fn is_over(&mut self, lease: &Value, now: Instant) -> bool {
        if lease["spec"]["holderIdentity"].as_str().unwrap_or_default().is_empty() {
            return true;
        }
        let version = lease["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        match &self.seen {
            Some((seen, since)) if seen == version => {
                let lasts = lease["spec"]["leaseDurationSeconds"].as_u64().map_or(LASTS, Duration::from_secs);
                now.duration_since(*since) > lasts
            }
            _ => {
                self.seen = Some((version.to_owned(), now));
                false
            }
        }
    }

    fn spec(&self, before: &Value) -> Value {
        let now = Timestamp::now();
        let micro = format!("{}.{:06}Z", rfc3339(now).trim_end_matches('Z'), now.subsec_microsecond());
        let own = before["holderIdentity"] == self.holder.as_str();
        let changes = before["leaseTransitions"].as_u64().unwrap_or_default();
        json!({
            "holderIdentity": self.holder,
            "leaseDurationSeconds": LASTS.as_secs(),
            "acquireTime": if own { before["acquireTime"].clone() } else { micro.clone().into() },
            "renewTime": micro,
            "leaseTransitions": if own || before.is_null() { changes } else { changes + 1 },
        })
    }
}
