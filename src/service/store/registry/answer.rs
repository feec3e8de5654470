//! What an answer of a registry means: absent is only what the registry itself says is absent.

use super::super::{StoreError, Thing};
use super::RegistryError;
use crate::base::encoding::json::Json;
use crate::service::http::{Endpoint, HttpError, Response, Service, excerpt};

/// The error codes that say "there is no such thing" (distribution-spec, "Error Codes"), and Harbor's.
const ABSENT: [&str; 4] = ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"];

/// Whether the body is a registry's own word that something is not there.
pub(super) fn says_absent(body: &[u8]) -> bool {
    let Ok(json) = Json::parse(body) else { return false };
    match json.member("errors") {
        Some(Json::Array(errors)) => errors
            .iter()
            .any(|error| error.member("code").and_then(Json::as_str).is_some_and(|code| ABSENT.contains(&code))),
        _ => false,
    }
}

/// The error of a read that was answered with another status than the one that was hoped for.
pub(super) fn of_read(thing: Thing, name: &str, url: &Endpoint, response: &Response) -> StoreError {
    if response.status != 404 {
        return unexpected(url, response);
    }
    if says_absent(&response.body) {
        return StoreError::Absent { thing, name: name.to_owned() };
    }
    malformed(url, "404 without the error body of a registry: a proxy or another server may have answered")
}

/// The error of a write that was answered with another status than the one that was hoped for.
pub(super) fn of_write(url: &Endpoint, response: &Response) -> StoreError {
    match response.status {
        400..=499 => {
            let (service, status) = (Service::Registry, response.status);
            HttpError::Refused { service, url: url.to_string(), status, answer: excerpt(&response.body, &[]) }.into()
        }
        _ => unexpected(url, response),
    }
}

fn unexpected(url: &Endpoint, response: &Response) -> StoreError {
    let (status, answer) = (response.status, excerpt(&response.body, &[]));
    RegistryError::Unexpected { url: url.to_string(), status, answer }.into()
}

pub(super) fn malformed(url: &Endpoint, problem: &'static str) -> StoreError {
    RegistryError::Malformed { url: url.to_string(), problem }.into()
}

/// A header field that is text.
pub(super) fn field<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers.get(name).and_then(|value| value.to_str().ok())
}
