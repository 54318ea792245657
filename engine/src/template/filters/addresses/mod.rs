//! Addresses and networks: `ipaddr` and its kin, of ansible.utils.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

mod network;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

use self::network::Network;
use super::{elements, wrong};
use crate::template::python::{int_of, is_list};
use crate::template::to_text;

pub(super) fn add(environment: &mut Environment<'static>) {
    for (name, version) in [("ipaddr", None), ("ipv4", Some(4)), ("ipv6", Some(6))] {
        environment.add_filter(name, move |value: &Value, query: Option<Value>, kwargs: Kwargs| {
            let query = kwargs.get::<Option<Value>>("query")?.or(query);
            let wanted = kwargs.get::<Option<u8>>("version")?.or(version);
            kwargs.assert_all_used()?;
            ipaddr(value, &query.unwrap_or_else(|| Value::from("")), wanted)
        });
    }
    environment.add_filter("ipwrap", |value: &Value, query: Option<Value>| {
        let wrap = |value: &Value| {
            let text = to_text(value);
            match text.split_once('/').map_or((text.as_str(), None), |(head, tail)| (head, Some(tail))) {
                (address, prefix) if address.parse::<Ipv6Addr>().is_ok() => Value::from(match prefix {
                    Some(prefix) => format!("[{address}]/{prefix}"),
                    None => format!("[{address}]"),
                }),
                _ => value.clone(),
            }
        };
        match query {
            Some(query) => ipaddr(value, &query, None).map(|found| wrap(&found)),
            None if is_list(value) => {
                Ok::<_, Error>(Value::from(elements("ipwrap", value)?.iter().map(wrap).collect::<Vec<_>>()))
            }
            None => Ok(wrap(value)),
        }
    });
    environment.add_filter("ipsubnet", ipsubnet);
    environment.add_filter("ipmath", |value: &Value, amount: i64| {
        let network = read("ipmath", value)?;
        Ok::<_, Error>(network.moved(i128::from(amount)).text())
    });
    environment.add_filter("nthhost", |value: &Value, query: Option<Value>| {
        let network = read("nthhost", value)?;
        let index = query.as_ref().and_then(number).unwrap_or(0);
        Ok::<_, Error>(network.nth(index).map_or_else(|| Value::from(false), Value::from))
    });
    environment.add_filter("network_in_usable", |value: &Value, test: &Value| {
        let (network, other) = (read("network_in_usable", value)?, read("network_in_usable", test)?);
        Ok::<_, Error>(match (network.usable(), network.version == other.version) {
            (Some((first, last)), true) => first <= other.first() && other.last() <= last,
            _ => false,
        })
    });
    environment.add_filter("network_in_network", |value: &Value, test: &Value| {
        let (network, other) = (read("network_in_network", value)?, read("network_in_network", test)?);
        Ok::<_, Error>(network.holds(&other))
    });
    environment
        .add_filter("next_nth_usable", |value: &Value, offset: i64| neighbour(value, i128::from(offset)));
    environment.add_filter("previous_nth_usable", |value: &Value, offset: i64| {
        neighbour(value, -i128::from(offset))
    });
    environment.add_filter("reduce_on_network", |list: &Value, network: &Value| {
        let network = read("reduce_on_network", network)?;
        let fits = |item: &Value| Network::parse(&to_text(item)).is_some_and(|item| network.holds(&item));
        let found: Vec<Value> =
            elements("reduce_on_network", list)?.into_iter().filter(|item| fits(item)).collect();
        Ok::<_, Error>(Value::from(found))
    });
    environment.add_filter("cidr_merge", cidr_merge);
    environment.add_filter("ip4_hex", |value: &Value, delimiter: Option<String>| {
        let network = read("ip4_hex", value)?;
        let bytes = u32::try_from(network.address).unwrap_or(0).to_be_bytes();
        Ok::<_, Error>(bytes.map(|byte| format!("{byte:02x}")).join(delimiter.as_deref().unwrap_or("")))
    });
    environment.add_filter("slaac", slaac);
    environment.add_filter("hwaddr", hwaddr);
    environment.add_filter("macaddr", hwaddr);
    for (name, version) in [
        ("ip", None),
        ("ip_address", None),
        ("ipv4", Some(4)),
        ("ipv6", Some(6)),
        ("ipv4_address", Some(4)),
        ("ipv6_address", Some(6)),
    ] {
        environment.add_test(name, move |value: &Value| {
            let address = to_text(value).parse::<IpAddr>();
            address.is_ok_and(|address| version.is_none_or(|version| (version == 4) == address.is_ipv4()))
        });
    }
}

fn number_value(number: u128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::from(number), Value::from)
}

/// A whole number, also one written as text.
fn number(value: &Value) -> Option<i128> {
    int_of(value).or_else(|| value.as_str()?.parse().ok())
}

fn read(filter: &str, value: &Value) -> Result<Network, Error> {
    Network::parse(&to_text(value))
        .ok_or_else(|| wrong(format!("{filter}: `{}` is no address or network", to_text(value))))
}

/// `ipaddr(query, version)`: false for what does not fit; of lists, what fits.
fn ipaddr(value: &Value, query: &Value, version: Option<u8>) -> Result<Value, Error> {
    if is_list(value) {
        let mut found = Vec::new();
        for item in value.try_iter()? {
            let answer = ipaddr(&item, query, version)?;
            if answer.is_true() {
                found.push(answer);
            }
        }
        return Ok(Value::from(found));
    }
    let text = match int_of(value).filter(|_| value.as_str().is_none() && value.is_integer()) {
        Some(number) => match (u32::try_from(number), version) {
            (Ok(number), None | Some(4)) => Ipv4Addr::from(number).to_string(),
            _ => Ipv6Addr::from(number.unsigned_abs()).to_string(),
        },
        None => to_text(value),
    };
    let network =
        Network::parse(&text).filter(|network| version.is_none_or(|version| network.version == version));
    let answer = match network {
        Some(network) => network.answer(&to_text(query), &text)?,
        None => None,
    };
    Ok(answer.unwrap_or_else(|| Value::from(false)))
}

/// The address so many usable ones further, within the same network.
fn neighbour(value: &Value, offset: i128) -> Result<Value, Error> {
    let network = read("next_nth_usable", value)?;
    let moved = network.moved(offset);
    let fits = network.usable().is_some_and(|(first, last)| (first..=last).contains(&moved.address));
    Ok(if fits { Value::from(moved.text()) } else { Value::from(false) })
}

/// Networks within a network: how many, or one of them; or the network around an address.
fn ipsubnet(value: &Value, args: Rest<Value>) -> Result<Value, Error> {
    let text = to_text(value);
    let Some(network) = Network::parse(&text) else { return Ok(Value::from(false)) };
    let Some(query) = args.first().filter(|query| query.is_true()) else {
        return Ok(Value::from(network.with_prefix(network.first())));
    };
    let index = args.get(1).and_then(number);
    let Some(length) = number(query).and_then(|length| u8::try_from(length).ok()) else {
        // A network is asked for the place that this one has in it.
        let outer = read("ipsubnet", query)?;
        if !outer.holds(&network) {
            return Err(wrong(format!("ipsubnet: {text} is not in the subnet {}", to_text(query))));
        }
        let place = (network.first() - outer.first()) / network.size() + 1;
        return Ok(number_value(place));
    };
    if length > network.width() {
        return Ok(Value::from(false));
    }
    if network.has_prefix && length >= network.prefix {
        let count = 1_u128.checked_shl(u32::from(length - network.prefix)).unwrap_or(u128::MAX);
        let size = 1_u128.checked_shl(u32::from(network.width() - length)).unwrap_or(0);
        return Ok(match index {
            None => Value::from(count.to_string()),
            Some(index) => {
                let count = i128::try_from(count).unwrap_or(i128::MAX);
                let at = if index < 0 { index + count } else { index };
                if !(0..count).contains(&at) {
                    return Ok(Value::from(false));
                }
                let address = network.first() + at.unsigned_abs() * size;
                Value::from(format!("{}/{length}", network.show(address)))
            }
        });
    }
    let around = Network { prefix: length, ..network };
    match index {
        None => Ok(Value::from(around.with_prefix(around.first()))),
        Some(index) => {
            // Networks around the address, from the largest to the smallest.
            let lengths: Vec<u8> = (length..network.prefix).collect();
            let count = i128::try_from(lengths.len()).unwrap_or(0);
            let at = usize::try_from(if index < 0 { index + count } else { index }).ok();
            let found = at.and_then(|at| lengths.get(at));
            Ok(found.map_or_else(
                || Value::from(false),
                |length| {
                    let around = Network { prefix: *length, ..network };
                    Value::from(around.with_prefix(around.first()))
                },
            ))
        }
    }
}

/// Networks merged, or the one that holds all of them.
fn cidr_merge(list: &Value, action: Option<String>) -> Result<Value, Error> {
    let mut networks = elements("cidr_merge", list)?
        .iter()
        .map(|item| read("cidr_merge", item).map(|network| Network { address: network.first(), ..network }))
        .collect::<Result<Vec<_>, _>>()?;
    if action.as_deref() == Some("span") {
        let Some(mut span) = networks.first().copied() else { return Ok(Value::from(())) };
        while span.prefix > 0 && !networks.iter().all(|network| span.holds(network)) {
            span.prefix -= 1;
            span.address = span.first();
        }
        return Ok(Value::from(span.with_prefix(span.first())));
    }
    networks.sort_by_key(|network| (network.version, network.address, network.prefix));
    loop {
        let before = networks.len();
        let mut merged: Vec<Network> = Vec::new();
        for network in &networks {
            match merged.last_mut() {
                Some(last) if last.holds(network) => {}
                Some(last)
                    if last.version == network.version
                        && last.prefix == network.prefix
                        && last.prefix > 0 =>
                {
                    let outer = Network { prefix: last.prefix - 1, ..*last };
                    if outer.holds(network) && outer.first() == last.address {
                        *last = outer;
                    } else {
                        merged.push(*network);
                    }
                }
                _ => merged.push(*network),
            }
        }
        networks = merged;
        if networks.len() == before {
            break;
        }
    }
    Ok(Value::from(networks.iter().map(|network| network.with_prefix(network.address)).collect::<Vec<_>>()))
}

/// The bytes of a hardware address.
fn hardware(text: &str) -> Option<[u8; 6]> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let is_strange = text.chars().any(|c| !c.is_ascii_hexdigit() && !":-.".contains(c));
    if is_strange || digits.len() != 12 {
        return None;
    }
    let bytes: Vec<u8> =
        (0..6).filter_map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok()).collect();
    bytes.try_into().ok()
}

/// The address that a host with a hardware address gives itself in a network.
fn slaac(value: &Value, hardware_address: &Value) -> Result<Value, Error> {
    let network = read("slaac", value)?;
    let Some([a, b, c, d, e, f]) = hardware(&to_text(hardware_address)) else {
        return Ok(Value::from(false));
    };
    let own = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ok(Value::from(network.show((network.first() & !u128::from(u64::MAX)) | u128::from(own))))
}

/// A hardware address in one of its notations.
fn hwaddr(value: &Value, query: Option<String>, kwargs: Kwargs) -> Result<Value, Error> {
    let query = kwargs.get::<Option<String>>("query")?.or(query).unwrap_or_default();
    kwargs.assert_all_used()?;
    let Some(bytes) = hardware(&to_text(value)) else { return Ok(Value::from(false)) };
    let pairs = |separator: &str| bytes.map(|byte| format!("{byte:02x}")).join(separator);
    let plain = pairs("");
    Ok(match query.as_str() {
        "" => value.clone(),
        "bool" => Value::from(true),
        "linux" | "unix" => Value::from(pairs(":")),
        "win" | "eui48" => Value::from(pairs("-").to_uppercase()),
        "bare" => Value::from(plain.to_uppercase()),
        "cisco" => Value::from(format!("{}.{}.{}", &plain[..4], &plain[4..8], &plain[8..])),
        "pgsql" | "postgresql" | "psql" => Value::from(format!("{}:{}", &plain[..6], &plain[6..])),
        "int" => Value::from(bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))),
        other => return Err(wrong(format!("hwaddr: unknown filter type: {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str, query: &str) -> String {
        to_text(&ipaddr(&Value::from(value), &Value::from(query), None).unwrap())
    }

    #[test]
    fn addresses_answer() {
        for (value, query, expected) in [
            ("192.0.2.1/24", "address", "192.0.2.1"),
            ("192.0.2.1/24", "network", "192.0.2.0"),
            ("192.0.2.1/24", "netmask", "255.255.255.0"),
            ("192.0.2.1/24", "broadcast", "192.0.2.255"),
            ("192.0.2.1/24", "prefix", "24"),
            ("192.0.2.1/24", "subnet", "192.0.2.0/24"),
            ("192.0.2.0/24", "net", "192.0.2.0/24"),
            ("192.0.2.0/24", "address", "False"),
            ("192.0.2.1/255.255.255.0", "prefix", "24"),
            ("192.0.2.0/24", "1", "192.0.2.1/24"),
            ("192.0.2.0/24", "-2", "192.0.2.254/24"),
            ("192.0.2.0/24", "size", "256"),
            ("192.0.2.1/24", "host", "192.0.2.1/24"),
            ("192.0.2.0/24", "range_usable", "192.0.2.1-192.0.2.254"),
            ("192.0.2.5", "192.0.2.0/24", "192.0.2.5"),
            ("192.0.3.5", "192.0.2.0/24", "False"),
            ("10.0.0.1", "private", "10.0.0.1"),
            ("10.0.0.1", "public", "False"),
            ("2001:db8::1/64", "address", "2001:db8::1"),
            ("2001:db8::1", "wrap", "[2001:db8::1]"),
            ("192.0.2.1", "revdns", "1.2.0.192.in-addr.arpa."),
            ("nonsense", "", "False"),
            ("192.0.2.1", "type", "address"),
        ] {
            assert_eq!(asked(value, query), expected, "{value} {query}");
        }
    }

    #[test]
    fn networks_are_parted_and_merged() {
        let part =
            |args: &[Value]| to_text(&ipsubnet(&Value::from("192.168.0.0/16"), Rest(args.to_vec())).unwrap());
        assert_eq!(part(&[Value::from(20)]), "16");
        assert_eq!(part(&[Value::from(20), Value::from(0)]), "192.168.0.0/20");
        assert_eq!(part(&[Value::from(20), Value::from(-1)]), "192.168.240.0/20");
        let merged =
            cidr_merge(&Value::from(vec!["10.0.0.0/25", "10.0.0.128/25", "10.0.1.0/24"]), None).unwrap();
        assert_eq!(to_text(&merged), "['10.0.0.0/23']");
    }
}
