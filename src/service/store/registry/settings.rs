//! How registries are reached, each by its own word.

use std::collections::{BTreeMap, BTreeSet};

use super::Credential;
use crate::format::oci::Registry;
use crate::service::http::{self, ClientCertificate, Endpoint};

/// How registries are reached.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// Timeouts, attempts, extra roots and proxies, the same for all.
    pub http: http::Settings,
    /// What is particular to a registry.
    pub hosts: BTreeMap<Registry, HostSettings>,
}

/// What is particular to one registry.
#[derive(Debug, Clone, Default)]
pub struct HostSettings {
    /// Who we are there; without it the files of Docker and Podman say.
    pub credential: Option<Credential>,
    /// Shown to this registry alone, never to a host that it names.
    pub client_certificate: Option<ClientCertificate>,
    /// How it is reached: by https, loopback by plain http, unless this says otherwise.
    pub scheme: Option<Scheme>,
    /// Hosts (`HOST` or `HOST:PORT`) of token servers that may have its credentials, beside those that belong to
    /// it by their name.
    pub realms: BTreeSet<String>,
}

/// How a registry is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Over TLS.
    Https,
    /// Without TLS: whoever is on the way reads and changes all but what digests hold.
    PlainHttp,
}

impl RegistrySettings {
    pub(super) fn scheme(&self, registry: &Registry) -> &'static str {
        let told = self.hosts.get(registry).and_then(|host| host.scheme);
        match told {
            Some(Scheme::Https) => "https",
            Some(Scheme::PlainHttp) => "http",
            None if registry.is_loopback() => "http",
            None => "https",
        }
    }

    /// Whether `target` is a token server that was named for `registry`.
    pub(super) fn names_realm(&self, registry: &Registry, target: &Endpoint) -> bool {
        let named = |host: &HostSettings| host.realms.iter().any(|realm| target.is_at(realm));
        self.hosts.get(registry).is_some_and(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_or_by_word() {
        let registry = |text| Registry::parse(text).unwrap();
        let mut settings = RegistrySettings::default();
        for (name, scheme) in [
            ("localhost:5000", "http"),
            ("[::1]:5000", "http"),
            ("registry.example:5000", "https"),
            ("10.0.0.1:5000", "https"),
            ("localhost.evil.com", "https"),
        ] {
            assert_eq!(settings.scheme(&registry(name)), scheme, "{name}");
        }
        for (name, scheme) in [("localhost:5000", Scheme::Https), ("registry.example:5000", Scheme::PlainHttp)] {
            let host = HostSettings { scheme: Some(scheme), ..HostSettings::default() };
            settings.hosts.insert(registry(name), host);
        }
        assert_eq!(settings.scheme(&registry("localhost:5000")), "https");
        assert_eq!(settings.scheme(&registry("registry.example:5000")), "http");
        // The word is for this registry alone.
        assert_eq!(settings.scheme(&registry("registry.example")), "https");
    }
}
