//! An address within a network, and what can be told of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use minijinja::{Error, Value};

use super::number_value;
use crate::template::filters::wrong;

/// An address within a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) version: u8,
    pub(super) address: u128,
    pub(super) prefix: u8,
    /// Whether a prefix was written.
    pub(super) has_prefix: bool,
}

impl Network {
    /// `192.0.2.1`, `192.0.2.1/24`, `192.0.2.1/255.255.255.0`, `2001:db8::1/64`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(head, tail)| (head, Some(tail)));
        let (version, address, width) = match address.trim().parse::<IpAddr>().ok()? {
            IpAddr::V4(address) => (4, u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (6, u128::from(address), 128),
        };
        let length = match prefix {
            None => width,
            Some(prefix) => match prefix.parse::<u8>() {
                Ok(length) => length,
                Err(_) => mask_length(prefix)?,
            },
        };
        (length <= width).then_some(Self { version, address, prefix: length, has_prefix: prefix.is_some() })
    }

    pub(super) fn width(&self) -> u8 {
        if self.version == 4 { 32 } else { 128 }
    }

    pub(super) fn hostmask(&self) -> u128 {
        let bits = self.width() - self.prefix;
        if bits == 128 { u128::MAX } else { (1 << bits) - 1 }
    }

    pub(super) fn netmask(&self) -> u128 {
        let all = if self.version == 4 { u128::from(u32::MAX) } else { u128::MAX };
        all & !self.hostmask()
    }

    pub(super) fn first(&self) -> u128 {
        self.address & !self.hostmask()
    }

    pub(super) fn last(&self) -> u128 {
        self.address | self.hostmask()
    }

    pub(super) fn size(&self) -> u128 {
        self.hostmask().saturating_add(1)
    }

    /// A number as an address of this version.
    pub(super) fn show(&self, address: u128) -> String {
        match self.version {
            4 => Ipv4Addr::from(u32::try_from(address).unwrap_or(u32::MAX)).to_string(),
            _ => Ipv6Addr::from(address).to_string(),
        }
    }

    pub(super) fn text(&self) -> String {
        self.show(self.address)
    }

    pub(super) fn with_prefix(&self, address: u128) -> String {
        format!("{}/{}", self.show(address), self.prefix)
    }

    /// The first and last address that a host may have.
    pub(super) fn usable(&self) -> Option<(u128, u128)> {
        match self.width() - self.prefix {
            0 => Some((self.address, self.address)),
            1 => Some((self.first(), self.last())),
            _ if self.version == 4 => Some((self.first() + 1, self.last() - 1)),
            _ => Some((self.first() + 1, self.last())),
        }
    }

    pub(super) fn holds(&self, other: &Self) -> bool {
        self.version == other.version && self.first() <= other.first() && other.last() <= self.last()
    }

    pub(super) fn moved(&self, amount: i128) -> Self {
        Self { address: self.address.wrapping_add_signed(amount), ..*self }
    }

    /// The address at a place in the network, from its end when negative.
    pub(super) fn nth(&self, index: i128) -> Option<String> {
        let offset = index.unsigned_abs();
        let address = if index < 0 {
            self.last().checked_add(1)?.checked_sub(offset)
        } else {
            self.first().checked_add(offset)
        };
        address
            .filter(|address| (self.first()..=self.last()).contains(address))
            .map(|address| self.show(address))
    }

    /// Whether it stands for a network rather than a host within one.
    pub(super) fn is_network(&self) -> bool {
        self.has_prefix && self.address == self.first() && self.prefix < self.width()
    }

    pub(super) fn ip(&self) -> IpAddr {
        match self.version {
            4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(self.address).unwrap_or(0))),
            _ => IpAddr::V6(Ipv6Addr::from(self.address)),
        }
    }

    pub(super) fn is_private(&self) -> bool {
        match self.ip() {
            IpAddr::V4(address) => address.is_private() || address.is_link_local() || address.is_loopback(),
            IpAddr::V6(address) => {
                address.is_unique_local() || address.is_unicast_link_local() || address.is_loopback()
            }
        }
    }

    /// What is asked of it; none when it does not fit.
    pub(super) fn answer(&self, query: &str, written: &str) -> Result<Option<Value>, Error> {
        let text = |text: String| Ok(Some(Value::from(text)));
        let given = || Value::from(written);
        let keep = |fits: bool| Ok(fits.then(given));
        let usable = self.usable();
        let single = self.prefix == self.width();
        match query {
            "" | "bool" | "4" | "6" => Ok(Some(if query == "bool" { Value::from(true) } else { given() })),
            "address" | "ip" => {
                if self.is_network() && !single && self.width() - self.prefix > 1 {
                    Ok(None)
                } else {
                    text(self.text())
                }
            }
            "host" | "host/prefix" | "address/prefix" | "cidr" | "hostnet" => {
                let is_host = self.has_prefix && !self.is_network();
                if query == "host" && !self.has_prefix {
                    return text(self.with_prefix(self.address));
                }
                if is_host { text(self.with_prefix(self.address)) } else { Ok(None) }
            }
            "net" => {
                if self.is_network() {
                    text(self.with_prefix(self.first()))
                } else {
                    Ok(None)
                }
            }
            "network" | "network_id" | "network/id" => text(self.show(self.first())),
            "network/prefix" | "subnet" => text(self.with_prefix(self.first())),
            "netmask" => text(self.show(self.netmask())),
            "hostmask" | "wildcard" => text(self.show(self.hostmask())),
            "network_netmask" | "network/netmask" => {
                text(format!("{} {}", self.show(self.first()), self.show(self.netmask())))
            }
            "network_wildcard" => text(format!("{} {}", self.show(self.first()), self.show(self.hostmask()))),
            "ip_netmask" => text(format!("{} {}", self.text(), self.show(self.netmask()))),
            "ip_wildcard" => text(format!("{} {}", self.text(), self.show(self.hostmask()))),
            "ip/prefix" => {
                if self.is_network() {
                    Ok(None)
                } else {
                    text(self.with_prefix(self.address))
                }
            }
            "gateway" | "gw" => {
                if self.has_prefix && !self.is_network() {
                    text(self.text())
                } else {
                    Ok(None)
                }
            }
            "prefix" => Ok(Some(Value::from(self.prefix))),
            "size" => Ok(Some(number_value(self.size()))),
            "broadcast" => {
                if self.version == 4 && self.width() - self.prefix > 1 {
                    text(self.show(self.last()))
                } else {
                    Ok(None)
                }
            }
            "first_usable" => match usable {
                Some((first, _)) if !single => text(self.show(first)),
                _ => Ok(None),
            },
            "last_usable" => match usable {
                Some((_, last)) if !single => text(self.show(last)),
                _ => Ok(None),
            },
            "usable" | "range_usable" => match usable {
                Some((first, last)) if !single => text(format!("{}-{}", self.show(first), self.show(last))),
                _ => Ok(None),
            },
            "size_usable" => Ok(Some(number_value(usable.map_or(0, |(first, last)| last - first + 1)))),
            "next_usable" => Ok(self.beside(1)),
            "previous_usable" => Ok(self.beside(-1)),
            "peer" => match self.width() - self.prefix {
                1 => text(self.show(self.address ^ 1)),
                2 if self.address & 3 == 1 || self.address & 3 == 2 => text(self.show(self.address ^ 3)),
                _ => Ok(None),
            },
            "version" => Ok(Some(Value::from(self.version))),
            "type" => text(if self.is_network() { "network" } else { "address" }.to_owned()),
            "int" => Ok(Some(if self.has_prefix {
                Value::from(format!("{}/{}", self.address, self.prefix))
            } else {
                number_value(self.address)
            })),
            "revdns" => text(self.reverse()),
            "ipv4" | "v4" => keep(self.version == 4),
            "ipv6" | "v6" => keep(self.version == 6),
            "private" => keep(self.is_private()),
            "public" => keep(!self.is_private() && !self.ip().is_multicast() && !self.ip().is_unspecified()),
            "loopback" | "lo" => keep(self.ip().is_loopback()),
            "multicast" => keep(self.ip().is_multicast()),
            "unicast" => keep(!self.ip().is_multicast()),
            "link-local" => keep(match self.ip() {
                IpAddr::V4(address) => address.is_link_local(),
                IpAddr::V6(address) => address.is_unicast_link_local(),
            }),
            "wrap" => text(match (self.version, self.has_prefix) {
                (6, true) => format!("[{}]/{}", self.text(), self.prefix),
                (6, false) => format!("[{}]", self.text()),
                _ => written.to_owned(),
            }),
            other => match Self::parse(other) {
                Some(network) if other.contains(['.', ':']) => keep(network.holds(self)),
                _ => match other.parse::<i128>() {
                    Ok(index) => {
                        Ok(self.nth(index).map(|address| Value::from(format!("{address}/{}", self.prefix))))
                    }
                    Err(_) => Err(wrong(format!("ipaddr: unknown filter type: {other}"))),
                },
            },
        }
    }

    pub(super) fn beside(&self, step: i128) -> Option<Value> {
        let (first, last) = self.usable()?;
        let address = self.moved(step).address;
        (first..=last).contains(&address).then(|| Value::from(self.show(address)))
    }

    pub(super) fn reverse(&self) -> String {
        match self.ip() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
            }
            IpAddr::V6(address) => {
                let digits: String = address.octets().iter().map(|byte| format!("{byte:02x}")).collect();
                let parts: Vec<String> = digits.chars().rev().map(String::from).collect();
                format!("{}.ip6.arpa.", parts.join("."))
            }
        }
    }
}

/// The length of a mask that is written as an address.
fn mask_length(mask: &str) -> Option<u8> {
    let (bits, width) = match mask.parse::<IpAddr>().ok()? {
        IpAddr::V4(mask) => (u128::from(u32::from(mask)) << 96, 32),
        IpAddr::V6(mask) => (u128::from(mask), 128),
    };
    let length = bits.leading_ones();
    (bits.checked_shl(length).unwrap_or(0) == 0 && length <= width).then(|| u8::try_from(length).unwrap_or(0))
}
