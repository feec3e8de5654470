//! Which registries a gate may ask. Who writes an image's name into an object makes the gate send a request, so
//! names that lead into the cluster, to its machines or to a cloud's metadata are refused before anything is sent.

use std::net::IpAddr;
use std::sync::Arc;

use thiserror::Error;

use crate::base::code::Code;
use crate::format::oci::Registry;
use crate::service::http::is_public_address;
use crate::service::store::ArtifactStore;

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

/// Registries, reached in two ways. A name that looks public may lead anywhere once it is resolved.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Calls addresses of the public Internet only, whatever a name resolves to.
    pub public: Arc<dyn ArtifactStore>,
    /// For the registries that the settings name, wherever they are.
    pub named: Arc<dyn ArtifactStore>,
}

impl Stores {
    /// The way to a registry that is permitted.
    pub(super) fn to(&self, registry: &Registry, named: &[Registry]) -> &dyn ArtifactStore {
        if named.contains(registry) { self.named.as_ref() } else { self.public.as_ref() }
    }
}

/// Permits a registry that has a public name or address, and those that are named.
pub(super) fn permit(registry: &Registry, named: &[Registry]) -> Result<(), AddressError> {
    let permitted = named.contains(registry) || is_public(registry.host());
    if permitted { Ok(()) } else { Err(AddressError { registry: registry.to_string() }) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(registry: &str, named: &[&str]) -> bool {
        let named: Vec<_> = named.iter().map(|name| Registry::parse(name).unwrap()).collect();
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
