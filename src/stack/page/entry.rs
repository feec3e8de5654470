//! What an entry says, for the page and for its search. Nothing of it is proven by being here: the log takes what
//! its admission lets in, and the certificate is the signer's.

use serde_json::{Value, json};

use crate::base::encoding::{base64, hex};
use crate::format::log_entry_body::{EntryBody, HashedRekordV2, VerifierDer};
use crate::format::x509::{Certificate, FulcioClaims};

/// An entry as JSON.
pub(super) fn shown(index: u64, body: &[u8]) -> Value {
    match EntryBody::parse(body) {
        Ok(EntryBody::HashedRekordV2(entry)) => read(index, &entry),
        _ => json!({ "index": index, "kind": "unknown" }),
    }
}

fn read(index: u64, entry: &HashedRekordV2) -> Value {
    let mut shown = json!({
        "index": index,
        "kind": "hashedrekord 0.0.2",
        "digest": entry.digest.to_string(),
        "keyDetails": entry.key_details,
        "signature": base64::encode(&entry.signature),
    });
    let VerifierDer::Certificate(der) = &entry.verifier else { return shown };
    let Ok(certificate) = Certificate::from_der(der) else { return shown };
    let claims = FulcioClaims::read(&certificate).unwrap_or_default();
    shown["identity"] = certificate.san().map(|san| san.as_str().to_owned()).unwrap_or_default().into();
    shown["certificate"] = json!({
        "serial": hex::encode(certificate.serial()),
        "notBefore": certificate.validity().start().to_string(),
        "notAfter": certificate.validity().end().map(|end| end.to_string()),
        "claims": claims.iter().map(|(claim, value)| json!([claim.name, claim.meaning, value])).collect::<Vec<_>>(),
        "pem": certificate.to_pem(),
    });
    shown
}

/// A search as it is looked up: a digest without the name of its algorithm, anything else as it is.
pub(super) fn term(text: &str) -> String {
    let text = text.trim();
    let digest = text.strip_prefix("sha256:").unwrap_or(text);
    match digest.len() {
        64 | 96 | 128 if digest.bytes().all(|c| c.is_ascii_hexdigit()) => digest.to_ascii_lowercase(),
        _ => text.to_owned(),
    }
}

/// Whether an entry says what was searched for.
pub(super) fn says(shown: &Value, term: &str) -> bool {
    terms(shown).iter().any(|said| said == term)
}

/// What an entry can be found by: digest, identity, the identity without its ref, repository.
pub(super) fn terms(shown: &Value) -> Vec<String> {
    let mut terms = Vec::new();
    if let Some((_, digest)) = shown["digest"].as_str().and_then(|digest| digest.split_once(':')) {
        terms.push(digest.to_owned());
    }
    if let Some(identity) = shown["identity"].as_str().filter(|identity| !identity.is_empty()) {
        terms.push(identity.to_owned());
        if let Some((workflow, _)) = identity.split_once('@').filter(|(workflow, _)| workflow.contains("://")) {
            terms.push(workflow.to_owned());
        }
    }
    let claims = shown["certificate"]["claims"].as_array().map(Vec::as_slice).unwrap_or_default();
    let repository =
        claims.iter().find(|claim| claim[0] == "source-repository-uri").and_then(|claim| claim[2].as_str());
    terms.extend(repository.map(str::to_owned));
    terms
}
