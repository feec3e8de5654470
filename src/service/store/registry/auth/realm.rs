//! Which token servers a registry may send to.

use super::belongs;
use crate::format::oci::Registry;
use crate::service::http::{Endpoint, Service};
use crate::service::store::registry::RegistryError;
use crate::service::store::registry::transport::Transport;

/// The realm as an endpoint, when the registry's credentials may go there.
pub(super) fn check(transport: &Transport, registry: &Registry, text: &str) -> Result<Endpoint, RegistryError> {
    let refused = |problem| refused(registry, text, problem);
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("it holds spaces or control characters"));
    }
    let own = Endpoint::at(Service::Registry, transport.settings.scheme(registry), &registry.authority(), "");
    let own = own.map_err(|_| refused("the registry has no URL"))?;
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return Err(refused("it is no URL of https"));
    }
    let realm = own.joined(text).ok_or_else(|| refused("it is no URL of https without user information"))?;
    if realm.same_origin(&own) {
        return Ok(realm);
    }
    let named = transport.settings.names_realm(registry, &realm);
    let plain_is_meant = named && realm.is_loopback();
    if !realm.is_https() && !plain_is_meant {
        return Err(refused("that is plain http"));
    }
    if named {
        return Ok(realm);
    }
    if realm.is_of_this_machine() {
        return Err(refused("that is this machine"));
    }
    if realm.address().is_some() {
        return Err(refused("that is an address, not a name of the registry's domain"));
    }
    if !belongs(registry, realm.host()) {
        return Err(refused("that host does not belong to the registry by its name"));
    }
    Ok(realm)
}

pub(super) fn refused(registry: &Registry, realm: &str, problem: &'static str) -> RegistryError {
    // User information and queries may hold secrets.
    let shown = realm.split(['?', '#']).next().unwrap_or_default();
    let shown = match (shown.split_once("://"), shown.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => shown.to_owned(),
    };
    RegistryError::Realm { registry: registry.to_string(), realm: shown.chars().take(100).collect(), problem }
}
