//! Which addresses may be called. A name that another server gave (a token realm, the target of a redirect)
//! must not lead back into this machine, its links or a cloud's metadata, whatever DNS says at that moment:
//! the addresses are looked at where they are resolved, and those are the ones that are connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use super::HttpError;

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All: the host was named by whoever configured us.
    Any,
    /// Those of other machines: the host was named by somebody else.
    Foreign,
    /// Those of the public Internet ([`is_public_address`]): the host was named by somebody who may not even
    /// choose one of our network.
    Public,
    /// None: nothing is resolved and nothing is opened.
    Nowhere,
}

impl Reach {
    /// Whether an address may be called.
    pub(super) fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Foreign => !is_of_this_machine(address),
            Self::Public => is_public_address(address),
            Self::Nowhere => false,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Foreign => "another machine",
            Self::Public => "the public Internet",
            Self::Nowhere => "nowhere",
        }
    }
}

/// Whether an address is of the public Internet: none of the special blocks of RFC 6890.
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (18..20).contains(&b);
    let protocols = (a, b, c) == (192, 0, 0);
    !(a == 0
        || a >= 224
        || shared
        || benchmark
        || protocols
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Whatever carries an IPv4 address is what that address is: mapped, NAT64 (RFC 6052), 6to4.
    let [.., g, h] = segments;
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => embedded(g, h),
        [0x2002, b, c, ..] => embedded(b, c),
        // 2000::/3 is what is handed out; documentation and special blocks lie in it.
        [0x2001, 0xdb8, ..] | [0x2001, 0..=0x1ff, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

/// Whether `address` is this machine's, its links', nobody's or a metadata service's.
pub(super) fn is_of_this_machine(address: IpAddr) -> bool {
    /// The metadata service of Amazon's cloud (IPv6).
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let embedded = match address {
        // ::a.b.c.d (obsolete), and 64:ff9b::a.b.c.d (RFC 6052).
        IpAddr::V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0, high, _] | [0x64, 0xff9b, 0, 0, 0, 0, high, _] if high != 0 => {
                let [.., a, b, c, d] = v6.octets();
                Some(IpAddr::from([a, b, c, d]))
            }
            _ => None,
        },
        IpAddr::V4(_) => None,
    };
    match embedded.unwrap_or_else(|| address.to_canonical()) {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.is_unspecified()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast() || v6 == METADATA
        }
    }
}

pub(super) fn refused(reach: Reach) -> HttpError {
    HttpError::Setup(format!("an address that is not of {}, named by another server, is not called", reach.what()))
}

/// A name all of whose addresses are out of reach.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name} has no address of {}", reach.what())]
pub(super) struct OutOfReach {
    name: String,
    reach: Reach,
}

/// Resolves names to addresses within reach only.
#[derive(Debug)]
pub(super) struct Within(pub(super) Reach);

impl Resolve for Within {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let within = within(reach, found);
            if within.is_empty() {
                return Err(OutOfReach { name: name.as_str().to_owned(), reach }.into());
            }
            Ok(Box::new(within.into_iter()) as Addrs)
        })
    }
}

fn within(reach: Reach, addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    addresses.filter(|address| reach.admits(address.ip())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::http::fake::block_on;

    #[test]
    fn o17_a_name_that_leads_back_here_has_no_address() {
        // As it is resolved for a call, at that moment.
        let resolved = block_on(Within(Reach::Foreign).resolve("localhost".parse().unwrap()));
        let Err(error) = resolved else { panic!("resolved") };
        assert_eq!(error.to_string(), "localhost has no address of another machine");
        let both = ["127.0.0.1:0", "93.184.216.34:0"].map(|address| address.parse().unwrap());
        assert_eq!(within(Reach::Foreign, both.into_iter()), [both[1]]);
    }

    #[test]
    fn f11_a_name_of_a_private_network_has_no_address() {
        let resolved = block_on(Within(Reach::Public).resolve("localhost".parse().unwrap()));
        let Err(error) = resolved else { panic!("resolved") };
        assert_eq!(error.to_string(), "localhost has no address of the public Internet");
        let three = ["10.0.0.1:0", "[fd00::1]:0", "93.184.216.34:0"].map(|address| address.parse().unwrap());
        assert_eq!(within(Reach::Public, three.into_iter()), [three[2]]);
        assert_eq!(within(Reach::Any, three.into_iter()), three);
    }

    #[test]
    fn addresses_of_this_machine() {
        for own in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
        ] {
            assert!(is_of_this_machine(own.parse().unwrap()), "{own}");
        }
        for other in ["93.184.216.34", "10.0.0.1", "192.168.1.1", "2606:2800::1", "fd00::1", "64:ff9b::5db8:d822"] {
            assert!(!is_of_this_machine(other.parse().unwrap()), "{other}");
        }
    }
}
