//! Which addresses may be called. A name that another server gave (a token realm, the target of a redirect)
//! must not lead back into this machine, its links or a cloud's metadata, whatever DNS says at that moment:
//! the addresses are looked at where they are resolved, and those are the ones that are connected to.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::HttpError;

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All: the host was named by whoever configured us.
    Any,
    /// Those of other machines: the host was named by somebody else.
    Foreign,
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

pub(super) fn refused() -> HttpError {
    HttpError::Setup("an address of this machine, named by another server, is not called".to_owned())
}

/// Resolves names to addresses of other machines only.
#[derive(Debug)]
pub(super) struct ForeignOnly;

impl Resolve for ForeignOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let foreign = foreign(found);
            if foreign.is_empty() {
                return Err(format!("{} has no address of another machine", name.as_str()).into());
            }
            Ok(Box::new(foreign.into_iter()) as Addrs)
        })
    }
}

fn foreign(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    addresses.filter(|address| !is_of_this_machine(address.ip())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::http::fake::block_on;

    #[test]
    fn o17_a_name_that_leads_back_here_has_no_address() {
        // As it is resolved for a call, at that moment.
        let resolved = block_on(ForeignOnly.resolve("localhost".parse().unwrap()));
        let Err(error) = resolved else { panic!("resolved") };
        assert_eq!(error.to_string(), "localhost has no address of another machine");
        let both = ["127.0.0.1:0", "93.184.216.34:0"].map(|address| address.parse().unwrap());
        assert_eq!(foreign(both.into_iter()), [both[1]]);
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
