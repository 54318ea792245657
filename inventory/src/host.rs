//! Names of hosts as people write them: with a port, or in brackets.

use std::net::Ipv6Addr;

/// A port at the end of a host name; a bare IPv6 address has none.
pub(crate) fn split_port(name: &str) -> (&str, Option<&str>) {
    if name.parse::<Ipv6Addr>().is_ok() {
        return (name, None);
    }
    if let Some((address, rest)) = name.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && address.parse::<Ipv6Addr>().is_ok()
        && (rest.is_empty() || rest.starts_with(':'))
    {
        return (address, rest.strip_prefix(':'));
    }
    match name.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty()
                && port.chars().all(|c| c.is_ascii_digit())
                && !host.ends_with('[')
                && host.matches('[').count() == host.matches(']').count() =>
        {
            (host, Some(port))
        }
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::split_port;

    #[test]
    fn ports_are_told_from_addresses_and_ranges() {
        for (name, expected) in [
            ("h", ("h", None)),
            ("h:22", ("h", Some("22"))),
            ("w[1:3]", ("w[1:3]", None)),
            ("w[1:3]:22", ("w[1:3]", Some("22"))),
            ("[a:c].x", ("[a:c].x", None)),
            ("::1", ("::1", None)),
            ("[::1]", ("::1", None)),
            ("[2001:db8::1]:22", ("2001:db8::1", Some("22"))),
        ] {
            assert_eq!(split_port(name), expected, "{name}");
        }
    }
}
