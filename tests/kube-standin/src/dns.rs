//! coredns: answers for the names of services, which the kubelet keeps in a file, as `NAME ADDRESS` lines.

use std::net::{Ipv4Addr, UdpSocket};

use crate::failure::{Context as _, Result, refuse};

/// Where the kubelet keeps the names.
pub(crate) const NAMES: &str = "/run/kube-standin/names";

/// What a message begins with: its number, flags, and four counts.
const HEADER: usize = 12;
const ADDRESS: u16 = 1;
const NO_SUCH_NAME: u8 = 3;

/// Answers until it is killed.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        refuse!("unknown argument {:?}", arguments);
    }
    let socket = UdpSocket::bind(("0.0.0.0", 53)).doing("listen on 0.0.0.0:53")?;
    let mut room = [0; 1500];
    loop {
        let (length, from) = socket.recv_from(&mut room).doing("receive")?;
        let names = std::fs::read_to_string(NAMES).unwrap_or_default();
        if let Some(answer) = room.get(..length).and_then(|question| answer(question, &names)) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to a message with one question; nothing if it is none.
fn answer(question: &[u8], names: &str) -> Option<Vec<u8>> {
    let mut name = String::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = question.get(at..at + length)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*question.get(at)?, *question.get(at + 1)?]);
    let end = at + 4;
    let mut known = names.lines().filter_map(|line| line.split_once(' ')).filter(|(known, _)| *known == name);
    let addresses: Vec<Ipv4Addr> = known.clone().filter_map(|(_, address)| address.parse().ok()).collect();
    let code = if known.next().is_some() { 0 } else { NO_SUCH_NAME };
    let addresses = if kind == ADDRESS { addresses } else { Vec::new() };
    let mut told = question.get(..2)?.to_vec();
    // An answer, and one with authority.
    told.extend([
        0x84 | (question.get(2)? & 1),
        0x80 | code,
        0,
        1,
        0,
        u8::try_from(addresses.len()).ok()?,
        0,
        0,
        0,
        0,
    ]);
    told.extend(question.get(HEADER..end)?);
    for address in addresses {
        // The name is that of the question; the answer is good for five seconds.
        told.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
        told.extend(address.octets());
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str, kind: u8) -> Vec<u8> {
        let mut question = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).unwrap());
            question.extend(label.as_bytes());
        }
        question.extend([0, 0, kind, 0, 1]);
        answer(&question, "web.default.svc.cluster.local 10.96.0.7\n").unwrap()
    }

    #[test]
    fn names_of_services_have_addresses_and_others_are_unknown() {
        let found = ask("Web.default.svc.cluster.local", 1);
        assert_eq!((&found[..2], found[3] & 15, found[7]), (&[7, 7][..], 0, 1));
        assert!(found.ends_with(&[10, 96, 0, 7]));
        let other = ask("web.default.svc.cluster.local", 28);
        assert_eq!((other[3] & 15, other[7]), (0, 0));
        assert_eq!(ask("nobody.default.svc.cluster.local", 1)[3] & 15, NO_SUCH_NAME);
        assert_eq!(answer(&[0; 12], ""), None);
    }
}
