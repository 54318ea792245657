//! Connections over TCP, through a proxy, or to a socket of this host, below what is said over them.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

use crate::system::resolver;

/// Resolves names without the C library.
pub(super) struct Names {
    pub(super) resolver: resolver::Resolver,
    /// A proxy that is asked in the host's place.
    pub(super) instead: Option<(String, u16)>,
}

impl fmt::Debug for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Names")
    }
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        const LONGEST: Duration = Duration::from_secs(60);
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let (host, port) = match &self.instead {
            Some((host, port)) => (host.as_str(), *port),
            None => (uri.host().ok_or(Error::HostNotFound)?, uri.port_u16().unwrap_or(default_port)),
        };
        let limit = timeout.not_zero().map_or(LONGEST, |limit| *limit);
        let addresses = self.resolver.addresses(host, Instant::now() + limit)?;
        let mut resolved = self.empty();
        const MOST: usize = 16;
        for address in addresses.into_iter().take(MOST) {
            resolved.push(SocketAddr::new(address, port));
        }
        Ok(resolved)
    }
}

/// Opens the connection itself.
#[derive(Debug)]
pub(super) struct Sockets {
    /// A socket of this host, to be used instead of TCP.
    pub(super) unix: Option<PathBuf>,
    /// Scheme and host, which a proxy wants to see in the first line of a request.
    pub(super) origin: Option<String>,
}

impl<In: Transport> Connector<In> for Sockets {
    type Out = Either<In, Socket>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        // A tunnel through a proxy is open already.
        if let Some(tunnel) = chained {
            return Ok(Some(Either::A(tunnel)));
        }
        let stream = match &self.unix {
            Some(path) => Stream::Unix(UnixStream::connect(path)?),
            None => Stream::Tcp(connect(&details.addrs, details.timeout)?),
        };
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(Socket { stream, buffers, origin: self.origin.clone(), is_open: true })))
    }
}

fn connect(addresses: &ResolvedSocketAddrs, timeout: NextTimeout) -> Result<TcpStream, Error> {
    let mut failure = Error::ConnectionFailed;
    for address in addresses.iter() {
        let connected = match timeout.not_zero() {
            Some(limit) => TcpStream::connect_timeout(address, *limit),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if is_timeout(&error) => failure = Error::Timeout(Timeout::Connect),
            Err(error) => failure = error.into(),
        }
    }
    Err(failure)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn set_timeouts(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                stream.set_read_timeout(read)?;
                stream.set_write_timeout(write)
            }
            Self::Unix(stream) => {
                stream.set_read_timeout(read)?;
                stream.set_write_timeout(write)
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(stream) => stream.read(buffer),
                Self::Unix(stream) => stream.read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }
}

/// An open connection.
pub(super) struct Socket {
    stream: Stream,
    buffers: LazyBuffers,
    /// What is to be put before the path in the request's first line, until it is sent.
    origin: Option<String>,
    is_open: bool,
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let limit = timeout.not_zero().map(|limit| *limit);
        self.stream.set_timeouts(limit, limit)?;
        let output = &self.buffers.output()[..amount];
        // `GET /path` becomes `GET http://host/path`.
        let path_at = output.iter().position(|byte| *byte == b' ').map(|at| at + 1);
        let sent = match (self.origin.take(), path_at) {
            (Some(origin), Some(at)) => {
                self.stream.write_all(&[&output[..at], origin.as_bytes(), &output[at..]].concat())
            }
            _ => self.stream.write_all(output),
        };
        sent.map_err(|error| if is_timeout(&error) { Error::Timeout(timeout.reason) } else { error.into() })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let limit = timeout.not_zero().map(|limit| *limit);
        self.stream.set_timeouts(limit, limit)?;
        let input = self.buffers.input_append_buf();
        match self.stream.read(input) {
            Ok(amount) => {
                self.is_open = amount > 0;
                self.buffers.input_appended(amount);
                Ok(amount > 0)
            }
            Err(error) if is_timeout(&error) => Err(Error::Timeout(timeout.reason)),
            Err(error) => Err(error.into()),
        }
    }

    fn is_open(&mut self) -> bool {
        self.is_open
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Socket").field("stream", &self.stream).finish_non_exhaustive()
    }
}
