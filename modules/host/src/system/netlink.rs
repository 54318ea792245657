//! Addresses and routes of this host, asked from the kernel over a netlink socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const TABLE_LOCAL: u8 = 255;
const ROUTE_LOCAL: u8 = 2;
const HEADER: usize = 16;

/// An address of an interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// Number of the interface.
    pub interface: u32,
    /// The address of this host.
    pub address: IpAddr,
    /// How many bits of it name the network.
    pub prefix: u8,
    /// Where one packet reaches all, for IPv4.
    pub broadcast: Option<Ipv4Addr>,
    /// The name it goes by, for IPv4: the interface's, or an alias such as `eth0:1`.
    pub label: Option<String>,
    /// `global`, `site`, `link`, `host`.
    pub scope: &'static str,
    /// Whether the interface had another address of the same network before.
    pub secondary: bool,
}

/// The way to somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Number of the interface it leaves by.
    pub interface: u32,
    /// The address it leaves from.
    pub source: Option<IpAddr>,
    /// Who passes it on.
    pub gateway: Option<IpAddr>,
}

/// All addresses of this host, of the interfaces in order.
///
/// # Errors
/// When the kernel does not answer.
pub fn addresses() -> io::Result<Vec<Address>> {
    // struct ifaddrmsg
    let request = [0; 8];
    let messages = ask(RTM_GETADDR, NLM_F_DUMP, &request)?;
    let mut addresses: Vec<Address> = messages
        .iter()
        .filter(|message| message.kind == RTM_NEWADDR)
        .filter_map(|message| address(&message.body))
        .collect();
    addresses.sort_by_key(|address| address.interface);
    Ok(addresses)
}

/// The way the kernel would send a packet now; `None` when there is none.
///
/// # Errors
/// When the kernel does not answer.
pub fn route_to(destination: IpAddr) -> io::Result<Option<Route>> {
    let (family, bytes) = match destination {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
    };
    // struct rtmsg, then the attribute RTA_DST
    let bits = u8::try_from(bytes.len() * 8).unwrap_or(u8::MAX);
    let mut request = vec![family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let length = u16::try_from(bytes.len() + 4).unwrap_or(u16::MAX);
    request.extend(length.to_ne_bytes());
    request.extend(1u16.to_ne_bytes());
    request.extend(bytes);
    match ask(RTM_GETROUTE, 0, &request) {
        Ok(messages) => Ok(messages.iter().find(|message| message.kind == RTM_NEWROUTE).and_then(route)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The networks and addresses that never leave this host.
///
/// # Errors
/// When the kernel does not answer.
pub fn local_destinations() -> io::Result<Vec<(IpAddr, u8)>> {
    let mut found = Vec::new();
    for family in [AF_INET, AF_INET6] {
        let request = [family, 0, 0, 0, TABLE_LOCAL, 0, 0, 0, 0, 0, 0, 0];
        for message in ask(RTM_GETROUTE, NLM_F_DUMP, &request)? {
            let [_, bits, _, _, table, _, _, kind, ..] = *message.body.as_slice() else { continue };
            if message.kind != RTM_NEWROUTE || table != TABLE_LOCAL || kind != ROUTE_LOCAL {
                continue;
            }
            if let Some(address) = attribute(message.body.get(12..).unwrap_or_default(), 1).and_then(ip) {
                found.push((address, bits));
            }
        }
    }
    Ok(found)
}

struct Message {
    kind: u16,
    body: Vec<u8>,
}

/// Sends a request and collects the answers.
fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<Vec<Message>> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    request.extend(1u32.to_ne_bytes());
    request.extend(0u32.to_ne_bytes());
    request.extend(body);
    send(&socket, &request, SendFlags::empty())?;
    let mut messages = Vec::new();
    loop {
        let buffer = receive(&socket)?;
        let mut rest = buffer.as_slice();
        while let Some((message, next)) = message(rest) {
            match message.kind {
                NLMSG_DONE => return Ok(messages),
                NLMSG_ERROR => {
                    let code = message.body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                    return if code == 0 { Ok(messages) } else { Err(io::Error::from_raw_os_error(-code)) };
                }
                _ => messages.push(message),
            }
            rest = next;
        }
        if flags & NLM_F_DUMP == 0 {
            return Ok(messages);
        }
    }
}

fn receive(socket: &OwnedFd) -> io::Result<Vec<u8>> {
    // As large as the kernel makes its answers.
    let mut buffer = vec![0; 64 * 1024];
    let (length, _) = recv(socket, buffer.as_mut_slice(), RecvFlags::empty())?;
    buffer.truncate(length);
    Ok(buffer)
}

/// The first message, and what follows it.
fn message(bytes: &[u8]) -> Option<(Message, &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(HEADER..length)?.to_vec();
    Some((Message { kind, body }, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// The payload of one attribute.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?);
        let payload = bytes.get(4..length)?;
        if kind == wanted {
            return Some(payload);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(bytes)));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))
}

fn address(body: &[u8]) -> Option<Address> {
    const SECONDARY: u8 = 1;
    let [_family, prefix, flags, scope, ..] = *body else { return None };
    let interface = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let attributes = body.get(8..)?;
    // Of a connection with one peer, IFA_ADDRESS (1) is the peer's and IFA_LOCAL (2) ours.
    let address = attribute(attributes, 2).or_else(|| attribute(attributes, 1)).and_then(ip)?;
    let broadcast = match attribute(attributes, 4).and_then(ip) {
        Some(IpAddr::V4(broadcast)) => Some(broadcast),
        _ => None,
    };
    let label = attribute(attributes, 3);
    let label = label.map(|label| String::from_utf8_lossy(label).trim_end_matches('\0').to_owned());
    let scope = match scope {
        0 => "global",
        200 => "site",
        253 => "link",
        254 => "host",
        _ => "nowhere",
    };
    let secondary = matches!(address, IpAddr::V4(_)) && flags & SECONDARY != 0;
    Some(Address { interface, address, prefix, broadcast, label, scope, secondary })
}

fn route(message: &Message) -> Option<Route> {
    let attributes = message.body.get(12..)?;
    let interface = attribute(attributes, 4)?.first_chunk().map(|index| u32::from_ne_bytes(*index))?;
    Some(Route {
        interface,
        source: attribute(attributes, 7).and_then(ip),
        gateway: attribute(attributes, 5).and_then(ip),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn the_loopback_interface_is_seen() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let addresses = addresses().unwrap();
        let found = addresses.iter().find(|address| address.address == loopback).unwrap();
        assert_eq!((found.prefix, found.scope, found.label.as_deref()), (8, "host", Some("lo")));
        assert!(local_destinations().unwrap().contains(&(loopback, 32)));
        assert_eq!(route_to(loopback).unwrap().unwrap().interface, found.interface);
    }

    #[test]
    fn cut_off_messages_are_no_messages() {
        let mut bytes = 20u32.to_ne_bytes().to_vec();
        bytes.extend([0; 12]);
        assert!(message(&bytes).is_none() && message(&bytes[..3]).is_none());
        assert_eq!(attribute(&[8, 0, 1, 0, 1, 2], 1), None);
        assert_eq!(attribute(&[5, 0, 9, 0, 7, 0, 0, 0, 6, 0, 1, 0, 1, 2], 1), Some([1, 2].as_slice()));
    }
}
