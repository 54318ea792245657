//! The TCP connections of this host, from `/proc/net`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::ModuleError;

/// A connection.
#[derive(Debug, PartialEq)]
pub struct Connection {
    /// This host's end; an IPv4 address also where the socket is for both kinds.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// `ESTABLISHED` and the like.
    pub state: &'static str,
}

/// The names of states, from 1.
const STATES: [&str; 11] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// All of them.
///
/// # Errors
/// When the kernel does not tell.
pub fn of_host() -> Result<Vec<Connection>, ModuleError> {
    let mut connections = Vec::new();
    let v4 = std::fs::read_to_string("/proc/net/tcp");
    let v4 = v4.map_err(|error| ModuleError::new(format!("cannot read /proc/net/tcp: {error}")))?;
    // A host without IPv6 has no such file.
    let v6 = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    for line in v4.lines().skip(1).chain(v6.lines().skip(1)) {
        connections.extend(connection(line));
    }
    Ok(connections)
}

fn connection(line: &str) -> Option<Connection> {
    let mut words = line.split_whitespace().skip(1);
    let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
    let state = usize::from_str_radix(words.next()?, 16).ok()?;
    Some(Connection { local, remote, state: STATES.get(state.checked_sub(1)?)? })
}

/// Reads `0100007F:1F90`: words of the address in this machine's byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let mut bytes = Vec::new();
    for at in (0..digits.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(digits.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let address: IpAddr = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(v4) => Ipv4Addr::from(v4).into(),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_the_kernel_are_read() {
        let line =
            "   0: 0100007F:1F90 0200007F:A0B1 01 00000000:00000000 00:00000000 00000000     0        0 1";
        let expected = Connection {
            local: "127.0.0.1:8080".parse().unwrap(),
            remote: "127.0.0.2:41137".parse().unwrap(),
            state: "ESTABLISHED",
        };
        assert_eq!(connection(line), Some(expected));
        let line = "1: 0000000000000000FFFF00000100007F:0016 00000000000000000000000000000000:0000 0A x";
        let found = connection(line).unwrap();
        assert_eq!((found.local, found.state), ("127.0.0.1:22".parse().unwrap(), "LISTEN"));
        assert_eq!(connection("0: x y"), None);
    }
}
