//! Registries that hold to the specification, those that do not, and those that lie.

mod conversation;
mod hostile;
mod hostile_lists;
mod hostile_places;
#[path = "../../../../tests/it/registry/real.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the integration tests, which use other parts")]
mod real;
#[path = "../../../../tests/it/registry/server.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the integration tests, which use other parts")]
mod server;
mod signing_in;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use super::super::tests::{bundle, contract, image};
use super::*;
use crate::service::environment::FixedEnvironment;
use crate::service::http::Settings;
use crate::service::http::fake::block_on;

use real::RealRegistry;
use server::{Answer, Login, Options, TestRegistry, Way};

/// Settings that do not wait long.
fn impatient() -> RegistrySettings {
    let http = Settings {
        connect_timeout: Duration::from_secs(2),
        attempt_timeout: Duration::from_secs(2),
        budget: Duration::from_secs(4),
        attempts: 3,
        first_pause: Duration::from_millis(5),
        ..Settings::default()
    };
    RegistrySettings { http, ..RegistrySettings::default() }
}

/// A store without any credentials.
fn store() -> RegistryStore {
    RegistryStore::new(impatient(), Arc::new(FixedEnvironment::default()))
}

fn repository(authority: &str) -> Repository {
    Repository::parse(&format!("{authority}/acme/app")).unwrap()
}

#[test]
fn registries_hold_to_the_contract() {
    for (referrers, conditional, page) in [(true, false, 0), (true, false, 1), (false, false, 0), (false, true, 0)] {
        let registry = TestRegistry::start(Options { referrers, conditional, page, ..Options::default() });
        block_on(contract(&store(), &repository(&registry.authority)));
    }
}

#[test]
fn docker_registry_holds_to_the_contract() {
    let Some(registry) = RealRegistry::docker() else { return };
    block_on(contract(&store(), &repository(&registry.authority)));
}

#[test]
fn go_containerregistry_holds_to_the_contract() {
    let Some(registry) = RealRegistry::go_containerregistry() else { return };
    block_on(contract(&store(), &repository(&registry.authority)));
}
