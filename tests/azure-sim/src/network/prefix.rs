//! Address prefixes such as 10.0.0.0/16.

use std::net::Ipv4Addr;

use crate::failure::{Failure, Result};

/// An IPv4 prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// The first address.
    pub base: u32,
    /// How many bits it has.
    pub bits: u32,
}

impl Prefix {
    /// Reads a prefix.
    ///
    /// # Errors
    /// What is none, as Microsoft.Network says so of this resource.
    pub fn parse(text: &str, of: &str) -> Result<Self> {
        let malformed = || {
            Failure::bad(
                "InvalidAddressPrefixFormat",
                format!(
                    "Address prefix {text} of resource {of} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24."
                ),
            )
        };
        let (address, bits) = text.split_once('/').ok_or_else(malformed)?;
        let base: Ipv4Addr = address.parse().map_err(|_| malformed())?;
        let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32).ok_or_else(malformed)?;
        let prefix = Self { base: base.to_bits() & mask(bits), bits };
        if prefix.base != base.to_bits() {
            return Err(Failure::bad(
                "InvalidCIDRNotation",
                format!(
                    "The address prefix {text} in resource {of} has an invalid CIDR notation. For the given prefix length, the address prefix should be {prefix}."
                ),
            ));
        }
        Ok(prefix)
    }

    /// The last address.
    #[must_use]
    pub fn last(self) -> u32 {
        self.base | !mask(self.bits)
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn has(self, address: u32) -> bool {
        self.base <= address && address <= self.last()
    }

    /// Whether another one is within.
    #[must_use]
    pub fn holds(self, other: Self) -> bool {
        self.has(other.base) && self.has(other.last())
    }

    /// Whether two have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.has(other.base) || other.has(self.base)
    }

    /// The addresses that can be given: Azure keeps the first four and the last.
    #[must_use]
    pub fn usable(self) -> std::ops::Range<u32> {
        self.base.saturating_add(4)..self.last()
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from_bits(self.base), self.bits)
    }
}

fn mask(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_hold_and_overlap() {
        let of = |text: &str| Prefix::parse(text, "r").unwrap();
        assert!(of("10.0.0.0/8").holds(of("10.1.0.0/16")) && !of("10.1.0.0/16").holds(of("10.0.0.0/8")));
        assert!(
            of("10.0.0.0/24").overlaps(of("10.0.0.128/25")) && !of("10.0.0.0/24").overlaps(of("10.0.1.0/24"))
        );
        assert_eq!(of("10.0.0.0/29").usable().map(|address| address & 255).collect::<Vec<_>>(), [4, 5, 6]);
        assert_eq!(of("0.0.0.0/0").last(), u32::MAX);
        assert_eq!(Prefix::parse("10.0.0.1/24", "r").unwrap_err().code, "InvalidCIDRNotation");
        assert_eq!(Prefix::parse("10.0.0.0", "r").unwrap_err().code, "InvalidAddressPrefixFormat");
    }
}
