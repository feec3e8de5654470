//! Which registries a gate may ask. Who writes an image's name into an object makes the gate send a request, so
//! names that lead into the cluster, to its machines or to a cloud's metadata are refused before anything is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::base::code::Code;
use crate::format::oci::Registry;

/// A registry that must not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{registry} is no public host, and the gate's settings do not name it")]
pub struct AddressError {
    /// The registry.
    registry: String,
}

impl AddressError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::refused(
            "registry-forbidden",
            "if it is a registry of yours, name it in private-registries of the settings",
        )
    }
}

/// Permits a registry that has a public name or address, and those that are named.
pub(super) fn permit(registry: &Registry, named: &[String]) -> Result<(), AddressError> {
    let is_named = || named.iter().any(|name| Registry::parse(name).is_ok_and(|named| named == *registry));
    if is_public(registry.host()) || is_named() { Ok(()) } else { Err(AddressError { registry: registry.to_string() }) }
}

/// Names of networks that are not the public one (RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's `internal`),
/// and Kubernetes' own.
const PRIVATE_NAMES: &[&str] = &["local", "localhost", "internal", "svc", "test", "invalid", "alt", "home.arpa"];

fn is_public(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_public_address(address);
    }
    // A name without a dot is looked for in the cluster's own domains.
    host.contains('.')
        && !PRIVATE_NAMES
            .iter()
            .any(|name| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(registry: &str, named: &[&str]) -> bool {
        let named: Vec<_> = named.iter().map(|name| (*name).to_owned()).collect();
        match permit(&Registry::parse(registry).unwrap(), &named) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.code().name(), "registry-forbidden");
                false
            }
        }
    }

    #[test]
    fn g27_names_that_lead_inside_are_refused() {
        for inside in [
            "169.254.169.254",
            "127.0.0.1:5000",
            "localhost:5000",
            "10.0.0.1",
            "172.16.1.1",
            "192.168.0.1:5000",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "registry:5000",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "metadata.google.internal",
            "printer.local",
            "x.localhost",
        ] {
            assert!(!permitted(inside, &[]), "{inside}");
        }
        for outside in
            ["ghcr.io", "docker.io", "8.8.8.8", "[2606:4700::1111]", "registry.example.com:5000", "notlocal.example"]
        {
            assert!(permitted(outside, &[]), "{outside}");
        }
    }

    #[test]
    fn a_named_registry_is_named_with_its_port() {
        let named = ["registry.kube-system.svc:5000", "127.0.0.1:5000"];
        assert!(permitted("registry.kube-system.svc:5000", &named));
        assert!(permitted("127.0.0.1:5000", &named));
        assert!(!permitted("registry.kube-system.svc", &named));
        assert!(!permitted("127.0.0.1:5001", &named));
        assert!(!permitted("x.registry.kube-system.svc:5000", &named));
    }
}
