//! What a gate's flags mean.

use std::time::Duration;

use sealmark::format::oci::Registry;
use sealmark::gate::{PolicySource, Sources, Stores, TrustSource};
use sealmark::service::http::{Reach, Settings};

use super::registry::registry_store_with;
use super::trust;
use crate::cli::{GateArgs, GateRegistryArgs, RegistryArgs};
use crate::report::Failure;

/// Where a gate's policies and trust come from.
pub(crate) fn gate_sources(args: &GateArgs) -> Result<Sources, Failure> {
    let policies = match (&args.config, &args.policy) {
        (Some(path), _) => PolicySource::Settings(path.clone()),
        (None, Some(path)) => PolicySource::Policy(path.clone()),
        (None, None) => return Err(Failure::usage("--config or --policy is needed")),
    };
    let private_registries = args.registries.private_registry.clone();
    for registry in &private_registries {
        Registry::parse(registry)?;
    }
    let trust = match trust::file(&args.trust)? {
        Some(path) => TrustSource::File(path),
        None => TrustSource::Embedded(trust::embedded(&args.trust)),
    };
    Ok(Sources { policies, trust, private_registries })
}

/// The registries, with less patience than a person has: a webhook waits 30 s at most. Where a proxy is set it is the
/// one that resolves names, and decides where they may lead.
pub(crate) fn gate_stores(args: &GateRegistryArgs) -> Result<Stores, Failure> {
    let registry = RegistryArgs {
        registry_ca: args.registry_ca.clone(),
        plain_http: args.plain_http.clone(),
        ..RegistryArgs::default()
    };
    let hurry = |settings: Settings, reach| Settings {
        connect_timeout: Duration::from_secs(5),
        attempt_timeout: Duration::from_secs(10),
        budget: Duration::from_secs(20),
        attempts: 3,
        reach: if settings.proxies.https.is_some() { Reach::Any } else { reach },
        ..settings
    };
    Ok(Stores {
        public: registry_store_with(&registry, &[], |settings| hurry(settings, Reach::Public))?,
        named: registry_store_with(&registry, &[], |settings| hurry(settings, Reach::Any))?,
    })
}
