//! All connections of a run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use openssh::Session;
use tokio::sync::{OnceCell, Semaphore};

use super::binary::Binaries;
use super::bootstrap::{Bootstrap, Led};
use super::channel::{self, ALL_MESSAGES, Channel, Executed, MESSAGES};
use super::escalate::{self, BECAME, becoming, quote};
use super::ssh::Interrupted;
use super::{Agent, ConnectionError, SshTarget, Target, Traffic, Transport, container, ssh};

/// A connection that all who want it wait for together.
type Shared<T> = Arc<OnceCell<T>>;

/// The host's name and the way to it.
type SessionKey = (Arc<str>, SshTarget);

/// All connections of a run: one ssh connection per host, one agent per host and user.
pub struct Connections {
    binaries: Binaries,
    folder: PathBuf,
    agents: Mutex<HashMap<Target, Shared<Arc<Agent>>>>,
    sessions: Mutex<HashMap<SessionKey, Shared<Arc<Session>>>>,
    /// How many connections are made at once.
    opening: Semaphore,
    closed: Mutex<Traffic>,
}

impl Connections {
    /// No connection yet; at most `at_once` are made at once. What runs on this machine runs in `folder`.
    pub fn new(at_once: usize, folder: PathBuf) -> Self {
        // A playbook that is built in has no folder.
        let folder = if folder.is_dir() { folder } else { PathBuf::from(".") };
        Self {
            folder,
            binaries: Binaries::default(),
            agents: Mutex::default(),
            sessions: Mutex::default(),
            opening: Semaphore::new(at_once.max(1)),
            closed: Mutex::default(),
        }
    }

    /// The agent of a target; made when first asked for, or when the last one was lost.
    ///
    /// # Errors
    /// When the host cannot be reached, the user not become, or the agent not started.
    pub async fn agent(&self, target: &Target) -> Result<Arc<Agent>, ConnectionError> {
        let cell = {
            let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
            if agents.get(target).and_then(|cell| cell.get()).is_some_and(|agent| agent.is_lost()) {
                agents.remove(target);
                // The connection below it may be gone with it.
                self.sessions
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retain(|(host, _), _| *host != target.host);
            }
            Arc::clone(agents.entry(target.clone()).or_default())
        };
        cell.get_or_try_init(|| self.open(target)).await.cloned()
    }

    async fn open(&self, target: &Target) -> Result<Arc<Agent>, ConnectionError> {
        // The semaphore is never closed.
        let _permit = self.opening.acquire().await.ok();
        let bootstrap = Bootstrap {
            binaries: &self.binaries,
            become_: target.become_.as_ref(),
            beside: self.beside(target),
            timeout: target.timeout,
        };
        match self.led(target, &bootstrap).await? {
            (channel, Led::Greeted) => return Agent::start(channel).await,
            (_, Led::Outside { architecture, reason }) => self.place(target, &architecture, &reason).await?,
        }
        match self.led(target, &bootstrap).await? {
            (channel, Led::Greeted) => Agent::start(channel).await,
            (_, Led::Outside { reason, .. }) => Err(ConnectionError::Agent(format!(
                "it was put into the container, but cannot be executed there: {reason}"
            ))),
        }
    }

    /// A channel on which the script ran, and what came of it.
    async fn led(
        &self,
        target: &Target,
        bootstrap: &Bootstrap<'_>,
    ) -> Result<(Channel, Led), ConnectionError> {
        let mut channel = self.channel(target, bootstrap).await?;
        match (bootstrap.lead(&mut channel).await, &target.transport) {
            (Ok(led), _) => Ok((channel, led)),
            (Err(error), Transport::Container { engine, name, .. }) => {
                Err(container::refusal(*engine, name, &error.to_string()).unwrap_or(error))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Puts the agent in place without the host's help.
    async fn place(&self, target: &Target, architecture: &str, reason: &str) -> Result<(), ConnectionError> {
        match &target.transport {
            Transport::Container { engine, name, .. } => {
                container::place(*engine, name, &*self.binaries.of(architecture)?).await
            }
            _ => Err(ConnectionError::Agent(format!("no folder is fit for it: {reason}"))),
        }
    }

    /// Agents on the host that may be run as they are: the one put into a container, and for root that of the login user.
    fn beside(&self, target: &Target) -> Vec<String> {
        let placed = matches!(target.transport, Transport::Container { .. });
        let placed = placed.then(|| container::PLACED.to_owned());
        let login = target.become_.as_ref().filter(|become_| become_.user == "root").and_then(|_| {
            let login = Target { become_: None, ..target.clone() };
            let agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
            agents.get(&login)?.get().map(|agent| quote(&agent.hello().path))
        });
        login.into_iter().chain(placed).collect()
    }

    async fn channel(&self, target: &Target, bootstrap: &Bootstrap<'_>) -> Result<Channel, ConnectionError> {
        if matches!(target.transport, Transport::Local) && target.become_.is_none() {
            let binary = self.binaries.of(std::env::consts::ARCH)?;
            return channel::local(&binary.path.display().to_string(), &[], &self.folder, MESSAGES);
        }
        self.command(target, bootstrap.command()?, MESSAGES).await
    }

    /// A running command of a host, with its input and output; so much of its messages is kept.
    async fn command(
        &self,
        target: &Target,
        words: Vec<String>,
        messages: usize,
    ) -> Result<Channel, ConnectionError> {
        let words = match &target.transport {
            Transport::Local => words,
            Transport::Container { engine, name, user } => {
                container::exec(*engine, name, user.as_deref(), true).into_iter().chain(words).collect()
            }
            Transport::Ssh(ssh_target) => {
                let line = &line_of(&words);
                let open = |session| async move { ssh::open(&session, line, messages).await };
                return self.over_ssh(target, ssh_target, open).await;
            }
        };
        let (program, arguments) =
            words.split_first().ok_or_else(|| ConnectionError::Agent("an empty command".to_owned()))?;
        channel::local(program, arguments, &self.folder, messages)
    }

    /// Does something over the master connection of a host. One that has ended meanwhile, or takes no more channels, is
    /// replaced.
    async fn over_ssh<T, F: Future<Output = Result<T, Interrupted>>>(
        &self,
        target: &Target,
        ssh_target: &SshTarget,
        work: impl Fn(Arc<Session>) -> F,
    ) -> Result<T, ConnectionError> {
        let session = self.session(&target.host, ssh_target, target.timeout).await?;
        match work(Arc::clone(&session)).await {
            Err(Interrupted::Before(_)) => {}
            other => return other.map_err(Interrupted::into_error),
        }
        let key = (Arc::clone(&target.host), ssh_target.clone());
        {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            // Somebody else may have replaced it already.
            if sessions.get(&key).and_then(|cell| cell.get()).is_some_and(|kept| Arc::ptr_eq(kept, &session))
            {
                sessions.remove(&key);
            }
        }
        let session = self.session(&target.host, ssh_target, target.timeout).await?;
        work(session).await.map_err(Interrupted::into_error)
    }

    async fn session(
        &self,
        host: &Arc<str>,
        target: &SshTarget,
        timeout: std::time::Duration,
    ) -> Result<Arc<Session>, ConnectionError> {
        let cell = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(sessions.entry((Arc::clone(host), target.clone())).or_default())
        };
        cell.get_or_try_init(|| ssh::connect(target, timeout)).await.cloned()
    }

    /// Runs a command line without an agent, as the login shell understands it.
    ///
    /// # Errors
    /// When the host cannot be reached, or the user not become.
    pub async fn execute(&self, target: &Target, line: &str) -> Result<Executed, ConnectionError> {
        if let (Transport::Ssh(ssh_target), None) = (&target.transport, &target.become_) {
            let wait = |session| async move { ssh::wait(&session, line).await };
            let (code, stdout, stderr) = self.over_ssh(target, ssh_target, wait).await?;
            return Ok(Executed { code, stdout, stderr });
        }
        let line = match &target.become_ {
            Some(_) => format!("echo {BECAME}; {line}"),
            None => line.to_owned(),
        };
        let shell = ["/bin/sh".to_owned(), "-c".to_owned(), line];
        let words = match &target.become_ {
            Some(become_) => becoming(become_, &shell),
            None => shell.to_vec(),
        };
        let mut channel = self.command(target, words, ALL_MESSAGES).await?;
        if let Some(become_) = &target.become_ {
            escalate::unlock(become_, target.timeout, &mut channel).await?;
        }
        let finished = channel.finish().await;
        if let Transport::Container { engine, name, .. } = &target.transport
            && finished.code != 0
            && let said = String::from_utf8_lossy(&finished.stderr)
            && said.starts_with("Error")
            && let Some(error) = container::refusal(*engine, name, &said)
        {
            return Err(error);
        }
        match &target.become_ {
            Some(become_) => escalate::without_marks(become_, finished),
            None => Ok(finished),
        }
    }

    /// Forgets the connections of a host; the next task makes new ones.
    pub async fn reset(&self, host: &str) {
        let agents: Vec<_> = {
            let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
            let gone: Vec<Target> =
                agents.keys().filter(|target| target.host.as_ref() == host).cloned().collect();
            gone.iter().filter_map(|target| agents.remove(target)).collect()
        };
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(name, _), _| name.as_ref() != host);
        for agent in agents.iter().filter_map(|cell| cell.get()) {
            self.end(agent).await;
        }
    }

    async fn end(&self, agent: &Arc<Agent>) {
        let traffic = agent.traffic();
        {
            let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
            closed.sent += traffic.sent;
            closed.received += traffic.received;
        }
        Arc::clone(agent).close().await;
    }

    /// Bytes that went over all connections so far.
    pub fn traffic(&self) -> Traffic {
        let mut all = *self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        for agent in
            self.agents.lock().unwrap_or_else(PoisonError::into_inner).values().filter_map(|cell| cell.get())
        {
            let traffic = agent.traffic();
            all.sent += traffic.sent;
            all.received += traffic.received;
        }
        all
    }

    /// Ends all agents and connections.
    pub async fn close(self) {
        let agents: Vec<_> = self
            .agents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .map(|(_, cell)| cell)
            .collect();
        futures::future::join_all(agents.iter().filter_map(|cell| cell.get()).map(|agent| self.end(agent)))
            .await;
        // Dropping the last reference to a session ends its master.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Words as one line for a login shell.
fn line_of(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}
