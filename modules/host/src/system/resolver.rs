//! Addresses of names, without the C library: a static program cannot load the host's modules for them.
//!
//! Asks `/etc/hosts`, then the servers of `/etc/resolv.conf` over UDP and, for long answers, TCP; and last the host's
//! own `getent`, which knows whatever else the host is set up to ask.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::dns::{self, Answer, Kind};

const DNS_PORT: u16 = 53;

/// Where and how names are looked up.
#[derive(Debug)]
pub struct Resolver {
    /// The text of `/etc/hosts`.
    hosts: String,
    servers: Vec<SocketAddr>,
    search: Vec<String>,
    /// Names with at least this many dots are tried as they are before the search domains.
    dots: usize,
    timeout: Duration,
    attempts: usize,
    /// Whether `getent` is asked last.
    asks_host: bool,
}

impl Resolver {
    /// As this host is set up.
    pub fn of_host() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self { asks_host: true, ..Self::of(&read("/etc/resolv.conf"), read("/etc/hosts")) }
    }

    fn of(configuration: &str, hosts: String) -> Self {
        const MOST_SERVERS: usize = 3;
        let mut resolver = Self {
            hosts,
            servers: Vec::new(),
            search: Vec::new(),
            dots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            asks_host: false,
        };
        for line in configuration.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") if resolver.servers.len() < MOST_SERVERS => {
                    let server = words.next().and_then(address_of_text);
                    resolver.servers.extend(server.map(|server| SocketAddr::new(server, DNS_PORT)));
                }
                Some("search" | "domain") => resolver.search = words.map(str::to_owned).collect(),
                Some("options") => words.for_each(|option| resolver.option(option)),
                _ => {}
            }
        }
        if resolver.servers.is_empty() {
            resolver.servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT));
        }
        resolver
    }

    fn option(&mut self, option: &str) {
        let Some((name, number)) = option.split_once(':') else { return };
        let Ok(number) = number.parse::<u32>() else { return };
        match name {
            "ndots" => self.dots = number.min(15) as usize,
            "timeout" => self.timeout = Duration::from_secs(u64::from(number.clamp(1, 30))),
            "attempts" => self.attempts = number.clamp(1, 5) as usize,
            _ => {}
        }
    }

    /// The addresses of a name, those that can be reached first.
    ///
    /// # Errors
    /// When there are none, or none can be found before `deadline`.
    pub fn addresses(&self, name: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
        if let Some(address) = address_of_text(name.trim_start_matches('[').trim_end_matches(']')) {
            return Ok(vec![address]);
        }
        let plain = name.trim_end_matches('.');
        let mut addresses = self.in_hosts(plain);
        if addresses.is_empty() && (plain == "localhost" || plain.ends_with(".localhost")) {
            addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        let mut failure = None;
        if addresses.is_empty() {
            for candidate in self.candidates(name) {
                match self.ask(&candidate, deadline) {
                    Ok(found) if !found.is_empty() => {
                        addresses = found;
                        break;
                    }
                    Ok(_) => {}
                    Err(error) => failure = Some(error),
                }
            }
        }
        if addresses.is_empty() && self.asks_host {
            addresses = from_getent(plain);
        }
        if addresses.is_empty() {
            let unknown = || io::Error::new(io::ErrorKind::NotFound, "no such name");
            let reason = failure.unwrap_or_else(unknown);
            return Err(io::Error::new(reason.kind(), format!("cannot resolve `{name}`: {reason}")));
        }
        // Of one family all can be reached or none; which, the kernel's routes say without a packet being sent.
        addresses.sort_by_key(|address| !is_routed(*address));
        Ok(addresses)
    }

    fn in_hosts(&self, name: &str) -> Vec<IpAddr> {
        let lines = self.hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
        let mut found = Vec::new();
        for line in lines {
            let mut words = line.split_whitespace();
            let Some(address) = words.next().and_then(address_of_text) else { continue };
            if words.any(|word| word.eq_ignore_ascii_case(name)) && !found.contains(&address) {
                found.push(address);
            }
        }
        found
    }

    /// The full names that a name may mean, in the order in which they are tried.
    fn candidates(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let mut names: Vec<String> =
            self.search.iter().map(|domain| format!("{name}.{}", domain.trim_matches('.'))).collect();
        let has_dots = name.matches('.').count() >= self.dots;
        names.insert(if has_dots { 0 } else { names.len() }, name.to_owned());
        names
    }

    /// Asks the servers in turn; an empty answer when the name does not exist.
    fn ask(&self, name: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
        let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "not a name");
        for _ in 0..self.attempts {
            for server in &self.servers {
                match self.ask_server(*server, name, deadline) {
                    Ok(addresses) => return Ok(addresses),
                    Err(error) => failure = error,
                }
                if Instant::now() >= deadline {
                    return Err(failure);
                }
            }
        }
        Err(failure)
    }

    /// Asks one server for both kinds of addresses at once.
    fn ask_server(&self, server: SocketAddr, name: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "not a name");
        let id = random_id()?;
        let mut pending = vec![
            (Kind::V4, dns::question(id, name, Kind::V4).ok_or_else(invalid)?),
            (Kind::V6, dns::question(id.wrapping_add(1), name, Kind::V6).ok_or_else(invalid)?),
        ];
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        for (_, question) in &pending {
            socket.send(question)?;
        }
        let until = deadline.min(Instant::now() + self.timeout);
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut buffer = [0; 4096];
        while !pending.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let message = format!("{} does not answer", server.ip());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            socket.set_read_timeout(Some(left))?;
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let message = &buffer[..length];
            let answered = pending.iter().enumerate().find_map(|(at, (kind, question))| {
                dns::answer(question, message, *kind).map(|answer| (at, answer))
            });
            // Anything else is no answer to what was asked.
            let Some((at, mut answer)) = answered else { continue };
            let (kind, question) = pending.swap_remove(at);
            if answer == Answer::Truncated {
                answer = ask_by_stream(server, &question, kind, until)?;
            }
            match answer {
                Answer::Addresses(found) if kind == Kind::V4 => v4 = found,
                Answer::Addresses(found) => v6 = found,
                Answer::NoName => return Ok(Vec::new()),
                Answer::Failed | Answer::Truncated => {
                    return Err(io::Error::other(format!("{} cannot say", server.ip())));
                }
            }
        }
        v6.extend(v4);
        Ok(v6)
    }
}

fn ask_by_stream(server: SocketAddr, question: &[u8], kind: Kind, until: Instant) -> io::Result<Answer> {
    let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&server, left())?;
    stream.set_read_timeout(Some(left()))?;
    stream.set_write_timeout(Some(left()))?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(dns::answer(question, &message, kind).unwrap_or(Answer::Failed))
}

/// An address as text; the zone of a local one is of no use here.
fn address_of_text(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

fn random_id() -> io::Result<u16> {
    let mut bytes = [0; 2];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u16::from_be_bytes(bytes))
}

fn from_getent(name: &str) -> Vec<IpAddr> {
    let command = std::process::Command::new("getent").args(["ahosts", name]).output();
    let told = command.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut addresses = Vec::new();
    for address in told.lines().filter_map(|line| line.split_whitespace().next().and_then(address_of_text)) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn is_routed(address: IpAddr) -> bool {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, DNS_PORT))).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::dns::tests::reply;
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    fn with_server(server: SocketAddr, configuration: &str) -> Resolver {
        let hosts = "127.0.0.9 here here.local # remark\n::9 HERE\nnonsense here\n";
        Resolver { servers: vec![server], ..Resolver::of(configuration, hosts.to_owned()) }
    }

    /// A server that knows `known.example` and `long.example`, whose answer needs a stream.
    fn server() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                // Noise before each answer must be passed over.
                socket.send_to(b"noise", from).unwrap();
                socket.send_to(&answered(&buffer[..length], false), from).unwrap();
            }
        });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).unwrap();
                let answer = answered(&question, true);
                stream.write_all(&(answer.len() as u16).to_be_bytes()).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        address
    }

    fn answered(question: &[u8], by_stream: bool) -> Vec<u8> {
        let asks = |name: &[u8]| question[12..].starts_with(name);
        let is_v4 = question[question.len() - 3] == 1;
        if asks(b"\x05known\x07example\0") {
            let record = if is_v4 { ("", 1, vec![192, 0, 2, 7]) } else { ("", 28, vec![0x20; 16]) };
            reply(question, 0, &[record])
        } else if asks(b"\x04long\x07example\0") {
            let records = if is_v4 { vec![("", 1, vec![192, 0, 2, 8])] } else { vec![] };
            reply(question, if by_stream { 0 } else { 0x0200 }, if by_stream { &records } else { &[] })
        } else if asks(b"\x06broken") {
            reply(question, 2, &[])
        } else {
            reply(question, 3, &[])
        }
    }

    #[test]
    fn servers_are_asked_over_both_ways() {
        let resolver = with_server(server(), "search nowhere example\noptions ndots:2 timeout:1");
        let found = resolver.addresses("known.example.", soon()).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.contains(&"192.0.2.7".parse().unwrap()));
        assert!(resolver.addresses("known", soon()).is_ok(), "by a search domain");
        assert_eq!(
            resolver.addresses("long.example", soon()).unwrap(),
            ["192.0.2.8".parse::<IpAddr>().unwrap()]
        );
        let error = resolver.addresses("unknown.example.", soon()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = resolver.addresses("broken.example.", soon()).unwrap_err();
        assert!(error.to_string().contains("cannot say"), "{error}");
        assert!(resolver.addresses("not..a.name.", soon()).is_err());
    }

    #[test]
    fn addresses_and_the_hosts_file_need_no_server() {
        let resolver = with_server("127.0.0.1:9".parse().unwrap(), "");
        for (name, expected) in [
            ("192.0.2.3", "192.0.2.3"),
            ("[::1]", "::1"),
            ("here.local", "127.0.0.9"),
            ("localhost", "127.0.0.1"),
        ] {
            assert_eq!(resolver.addresses(name, soon()).unwrap()[0], expected.parse::<IpAddr>().unwrap());
        }
        assert_eq!(resolver.addresses("Here", soon()).unwrap().len(), 2);
    }

    #[test]
    fn a_silent_server_is_given_up() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let resolver = with_server(silent.local_addr().unwrap(), "options attempts:1");
        let started = Instant::now();
        let error = resolver.addresses("a.b.", started + Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn the_configuration_is_read() {
        let resolver = Resolver::of(
            "# x\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nsearch a.org b.org\noptions ndots:3 rotate timeout:9 attempts:1",
            String::new(),
        );
        assert_eq!(resolver.servers, ["192.0.2.1:53".parse().unwrap(), "[fe80::1]:53".parse().unwrap()]);
        assert_eq!((resolver.dots, resolver.timeout.as_secs(), resolver.attempts), (3, 9, 1));
        assert_eq!(resolver.candidates("x.y"), ["x.y.a.org", "x.y.b.org", "x.y"]);
        assert_eq!(resolver.candidates("w.x.y.z"), ["w.x.y.z", "w.x.y.z.a.org", "w.x.y.z.b.org"]);
        assert_eq!(Resolver::of("", String::new()).servers, ["127.0.0.1:53".parse().unwrap()]);
    }
}
