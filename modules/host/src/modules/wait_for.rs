//! `wait_for`: waits until a port, a file or connections are as asked.

use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::args::{Arguments, Choice};
use crate::system::connections::{self, Connection};
use crate::system::regex::{Match, Options, Pattern};
use crate::system::resolver::Resolver;
use crate::system::{attributes, file};
use crate::{Context, Module, ModuleError, Outcome};

/// Waits until a port answers or does not, a file is there or is not, a text shows up in either, or a port has no more
/// connections. Without a port and a path it just waits.
#[derive(Arguments)]
pub struct WaitForArgs {
    /// Name or address of the host whose port is waited for, as the host sees it that the task runs on.
    #[arg(default = "127.0.0.1")]
    host: String,
    /// The TCP port.
    port: Option<u16>,
    /// The file.
    path: Option<PathBuf>,
    /// What to wait for: `started` or `present` for a port that answers or a file that is there, `stopped` for a port
    /// that does not answer, `absent` for that or a file that is not there, `drained` for a port without connections.
    #[arg(default = "started")]
    state: State,
    /// With `started` or `present`, what must be in the file or come from the port: a Python regular expression in which
    /// `^` and `$` match at every line.
    search_regex: Option<String>,
    /// Seconds after which it is a failure.
    #[arg(default = "300")]
    timeout: u64,
    /// Seconds to wait before looking for the first time.
    #[arg(default = "0")]
    delay: u64,
    /// Seconds between two looks.
    #[arg(default = "1")]
    sleep: u64,
    /// Seconds that one attempt to connect may take.
    #[arg(default = "5")]
    connect_timeout: u64,
    /// Names or addresses whose connections do not count for `drained`.
    exclude_hosts: Option<Vec<String>>,
    /// States of connections that count for `drained`.
    #[arg(default = "ESTABLISHED,FIN_WAIT1,FIN_WAIT2,SYN_RECV,SYN_SENT,TIME_WAIT")]
    active_connection_states: Vec<String>,
    /// What to say when it takes too long, instead of what was waited for.
    msg: Option<String>,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum State {
    Absent,
    Drained,
    Present,
    Started,
    Stopped,
}

/// The `wait_for` module.
pub struct WaitFor;

impl Module for WaitFor {
    type Args = WaitForArgs;
    const NAME: &'static str = "wait_for";
    const SUMMARY: &'static str = "Waits until a port, a file or connections are as asked";

    fn run(args: WaitForArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        args.check()?;
        if context.check {
            let mut outcome =
                Outcome::new(false).message("what is waited for cannot be foreseen in check mode");
            outcome.skipped = true;
            return Ok(outcome);
        }
        let started = Instant::now();
        let pattern = match &args.search_regex {
            Some(source) => {
                Some(Pattern::new(source, Options { multi_line: true, ascii: true, ..Options::default() })?)
            }
            None => None,
        };
        let deadline = started + Duration::from_secs(args.timeout);
        let waiting = Waiting { args: &args, pattern, deadline, resolver: Resolver::of_host() };
        let groups =
            waiting.wait(context).map_err(|error| error.with("elapsed", started.elapsed().as_secs()))?;
        let mut outcome = Outcome::new(false)
            .with("state", args.state.word())
            .with("port", args.port)
            .with("path", args.path.as_ref().map(|path| path.to_string_lossy().into_owned()))
            .with("search_regex", args.search_regex.clone())
            .with("match_groups", groups.numbered)
            .with("match_groupdict", groups.named);
        outcome = outcome.with("elapsed", started.elapsed().as_secs());
        if let Some(path) = &args.path {
            outcome.result.extend(attributes::describe(path, context)?);
        }
        Ok(outcome)
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Drained => "drained",
            Self::Present => "present",
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }
}

impl WaitForArgs {
    fn check(&self) -> Result<(), ModuleError> {
        let message = if self.port.is_some() && self.path.is_some() {
            "port and path parameter can not both be passed to wait_for"
        } else if self.path.is_some() && matches!(self.state, State::Stopped | State::Drained) {
            let state = self.state.word();
            let message =
                format!("state={state} should only be used for checking a port in the wait_for module");
            return Err(ModuleError::new(message).with("elapsed", 0));
        } else if self.exclude_hosts.is_some() && self.state != State::Drained {
            "exclude_hosts should only be with state=drained"
        } else {
            return Ok(());
        };
        Err(ModuleError::new(message).with("elapsed", 0))
    }
}

/// What the groups of the pattern matched.
#[derive(Default)]
struct Groups {
    numbered: Vec<Value>,
    named: Map<String, Value>,
}

impl Groups {
    fn of(pattern: &Pattern, found: &Match<'_>) -> Self {
        let group = |number: usize| {
            found
                .group(number)
                .map_or(Value::Null, |bytes| String::from_utf8_lossy(bytes).into_owned().into())
        };
        let named = pattern.names().into_iter().map(|(number, name)| (name.to_owned(), group(number)));
        Self { numbered: (1..=pattern.groups()).map(group).collect(), named: named.collect() }
    }
}

struct Waiting<'a> {
    args: &'a WaitForArgs,
    pattern: Option<Pattern>,
    deadline: Instant,
    resolver: Resolver,
}

impl Waiting<'_> {
    fn wait(&self, context: &Context) -> Result<Groups, ModuleError> {
        pause(Duration::from_secs(self.args.delay), context)?;
        if self.args.port.is_none() && self.args.path.is_none() && self.args.state != State::Drained {
            pause(self.deadline.saturating_duration_since(Instant::now()), context)?;
            return Ok(Groups::default());
        }
        loop {
            if let Some(groups) = self.look(context)? {
                return Ok(groups);
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let message = self.args.msg.clone().unwrap_or_else(|| self.too_late());
                return Err(ModuleError::new(message));
            }
            pause(Duration::from_secs(self.args.sleep).min(left), context)?;
        }
    }

    /// Whether it is as asked by now.
    fn look(&self, context: &Context) -> Result<Option<Groups>, ModuleError> {
        let reached = |is: bool| Ok(is.then(Groups::default));
        match (self.args.state, self.args.port, &self.args.path) {
            (State::Drained, port, _) => reached(self.is_drained(port.unwrap_or_default())?),
            (State::Started | State::Present, Some(port), _) => {
                self.connect(port).map_or(Ok(None), |stream| self.search_stream(stream, context))
            }
            (State::Started | State::Present, None, Some(path)) => {
                if file::look_through(path)?.is_none() {
                    return Ok(None);
                }
                match &self.pattern {
                    None => reached(true),
                    // A file that goes away, or may not be read yet, is one to wait for.
                    Some(pattern) => {
                        std::fs::read(path).map_or(Ok(None), |content| search(pattern, &content))
                    }
                }
            }
            (_, Some(port), _) => reached(self.connect(port).is_none()),
            (_, None, Some(path)) => reached(file::look_through(path)?.is_none()),
            (_, None, None) => reached(true),
        }
    }

    fn connect(&self, port: u16) -> Option<TcpStream> {
        let limit = Duration::from_secs(self.args.connect_timeout);
        // A name that is not known yet is a host that does not answer.
        let addresses = self.resolver.addresses(&self.args.host, Instant::now() + limit).ok()?;
        addresses.into_iter().find_map(|address| {
            TcpStream::connect_timeout(&SocketAddr::new(address, port), limit.max(Duration::from_millis(1)))
                .ok()
        })
    }

    /// Reads what comes until the pattern is in it, or no more comes.
    fn search_stream(&self, mut stream: TcpStream, context: &Context) -> Result<Option<Groups>, ModuleError> {
        const PIECE: usize = 1024;
        let Some(pattern) = &self.pattern else { return Ok(Some(Groups::default())) };
        let until = self.deadline.min(Instant::now() + Duration::from_secs(self.args.connect_timeout));
        let mut received = Vec::new();
        let mut piece = [0; PIECE];
        while Instant::now() < until && !context.is_cancelled() {
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let limited = stream.set_read_timeout(Some(left.min(Duration::from_millis(200))));
            match limited.and_then(|()| stream.read(&mut piece)) {
                Ok(0) => break,
                Ok(length) => {
                    received.extend_from_slice(&piece[..length]);
                    if let Some(groups) = search(pattern, &received)? {
                        return Ok(Some(groups));
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        Ok(None)
    }

    fn is_drained(&self, port: u16) -> Result<bool, ModuleError> {
        let soon = || Instant::now() + Duration::from_secs(self.args.connect_timeout);
        let resolved = |name: &String| self.resolver.addresses(name, soon()).unwrap_or_default();
        let excluded: Vec<IpAddr> = self.args.exclude_hosts.iter().flatten().flat_map(resolved).collect();
        let own = resolved(&self.args.host);
        let counts = |connection: &Connection| {
            connection.local.port() == port
                && self.args.active_connection_states.iter().any(|state| state == connection.state)
                && !excluded.contains(&connection.remote.ip())
                && own.iter().any(|own| own.is_unspecified() || *own == connection.local.ip())
        };
        Ok(!connections::of_host()?.iter().any(counts))
    }

    fn too_late(&self) -> String {
        let place = match (&self.args.path, self.args.port) {
            (Some(path), _) => path.display().to_string(),
            (None, Some(port)) => format!("{}:{port}", self.args.host),
            (None, None) => self.args.host.clone(),
        };
        match (self.args.state, &self.pattern) {
            (State::Started | State::Present, Some(pattern)) => {
                format!("Timeout when waiting for search string {} in {place}", pattern.source())
            }
            (State::Started | State::Present, None) if self.args.path.is_some() => {
                format!("Timeout when waiting for file {place}")
            }
            (State::Started | State::Present, None) => format!("Timeout when waiting for {place}"),
            (State::Absent, _) if self.args.path.is_some() => {
                format!("Timeout when waiting for {place} to be absent.")
            }
            (State::Absent | State::Stopped, _) => format!("Timeout when waiting for {place} to stop."),
            (State::Drained, _) => format!("Timeout when waiting for {place} to drain"),
        }
    }
}

fn search(pattern: &Pattern, content: &[u8]) -> Result<Option<Groups>, ModuleError> {
    Ok(pattern.find(content)?.map(|found| Groups::of(pattern, &found)))
}

/// Sleeps, but not beyond a cancellation.
fn pause(duration: Duration, context: &Context) -> Result<(), ModuleError> {
    const LONGEST: Duration = Duration::from_millis(200);
    let until = Instant::now() + duration;
    while Instant::now() < until {
        if context.is_cancelled() {
            return Err(ModuleError::new("wait_for was cancelled"));
        }
        std::thread::sleep(until.saturating_duration_since(Instant::now()).min(LONGEST));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::WaitFor;
    use crate::Outcome;
    use crate::modules::testing::run;

    fn reached(arguments: Value) -> Outcome {
        let outcome = run::<WaitFor>(arguments, false);
        assert!(!outcome.failed && !outcome.changed, "{outcome:?}");
        outcome
    }

    fn refused(arguments: Value) -> String {
        let started = Instant::now();
        let outcome = run::<WaitFor>(arguments, false);
        assert!(outcome.failed && outcome.result.contains_key("elapsed"), "{outcome:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
        outcome.msg.unwrap()
    }

    /// A port that nothing listens at.
    fn closed_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn ports_are_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let outcome = reached(json!({"port": port, "host": "localhost", "timeout": 5}));
        assert_eq!((&outcome.result["state"], &outcome.result["port"]), (&json!("started"), &json!(port)));
        let message = refused(json!({"port": port, "state": "stopped", "timeout": 1}));
        assert_eq!(message, format!("Timeout when waiting for 127.0.0.1:{port} to stop."));
        let closed = closed_port();
        reached(json!({"port": closed, "state": "stopped", "timeout": 5}));
        let message = refused(json!({"port": closed, "timeout": 1}));
        assert_eq!(message, format!("Timeout when waiting for 127.0.0.1:{closed}"));
        assert_eq!(refused(json!({"port": closed, "timeout": 0, "msg": "not yet"})), "not yet");
    }

    #[test]
    fn a_port_that_opens_later_is_noticed() {
        let port = closed_port();
        let opener = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"220 ready\r\nOpen").unwrap();
            std::thread::sleep(Duration::from_millis(100));
            stream.write_all(b"SSH_9\r\n").unwrap();
        });
        let arguments = json!({"port": port, "timeout": 10, "search_regex": "^Open(?P<what>[A-Z]+)_(\\d)"});
        let outcome = reached(arguments);
        assert_eq!(outcome.result["match_groups"], json!(["SSH", "9"]));
        assert_eq!(outcome.result["match_groupdict"], json!({"what": "SSH"}));
        opener.join().unwrap();
    }

    #[test]
    fn files_are_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(refused(json!({"path": path, "timeout": 0})).starts_with("Timeout when waiting for file"));
        reached(json!({"path": path, "state": "absent", "timeout": 5}));
        std::fs::write(&path, "one\ntwo=2\n").unwrap();
        assert_eq!(reached(json!({"path": path, "timeout": 5})).result["state"], "file");
        let outcome = reached(json!({"path": path, "search_regex": "^two=(.)$", "timeout": 5}));
        assert_eq!(outcome.result["match_groups"], json!(["2"]));
        assert!(refused(json!({"path": path, "search_regex": "three", "timeout": 0})).contains("three"));
        assert!(refused(json!({"path": path, "state": "absent", "timeout": 0})).contains("to be absent"));
    }

    #[test]
    fn a_port_is_drained_when_its_connections_are_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let arguments = json!({"port": port, "state": "drained", "timeout": 1});
        reached(arguments.clone());
        let _client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _server = listener.accept().unwrap();
        assert!(refused(arguments.clone()).contains("to drain"));
        let mut excluded = arguments;
        excluded["exclude_hosts"] = "127.0.0.1".into();
        reached(excluded);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            json!({"port": 1, "path": "/x"}),
            json!({"path": "/x", "state": "drained"}),
            json!({"path": "/x", "state": "stopped"}),
            json!({"port": 1, "exclude_hosts": "a"}),
        ] {
            refused(arguments);
        }
        assert!(run::<WaitFor>(json!({"port": 1}), true).skipped);
        let started = Instant::now();
        reached(json!({"timeout": 1}));
        assert!(started.elapsed() >= Duration::from_secs(1));
    }
}
