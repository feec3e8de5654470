//! The private Sigstore over loopback: raw requests in, and everything that it answers verified with the
//! core.

#[cfg(feature = "cli")]
mod apart;
#[cfg(feature = "object-storage")]
mod bucket;
mod ca;
mod clock;
#[cfg(feature = "cli")]
mod crash;
mod folder;
mod http;
mod log;
mod mutated;
mod operations;
mod rates;
mod rekor_v1;
mod renew;
mod rotate;
mod signer;
mod upkeep;

use std::path::Path;

use sealmark::base::time::UnixTime;
use sealmark::stack::clock::Clock;
use sealmark::stack::{IssuerKind, Running, TokenRequest};
use sealmark::verify::{Artifact, Requirements, Verifier};

use http::Http;
use signer::Form;

async fn start(dir: &Path) -> (Running, Http) {
    let running = Running::start(&dir.join("stack")).await.unwrap();
    let http = Http::new(running.url());
    (running, http)
}

fn now() -> UnixTime {
    Clock::system().now()
}

/// Token, certificate by both request forms, timestamp, log entry: the core accepts the bundle.
#[tokio::test(flavor = "multi_thread")]
async fn a_round_over_loopback() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let verifier = Verifier::new(running.trusted_root()).unwrap();
    let mut artifacts = Vec::new();
    for form in [Form::PublicKey, Form::SigningRequest] {
        for kind in IssuerKind::ALL {
            let token = running.token(&TokenRequest::new(kind)).unwrap();
            let artifact = format!("{kind:?} by {form:?}").into_bytes();
            let bundle = signer::sign(&http, &token, form, &artifact).await;
            let verified = verifier.verify(&Artifact::from_bytes(&artifact), &bundle, &Requirements::STRICT, now());
            let verified = verified.unwrap_or_else(|error| panic!("{kind:?} {form:?}: {error}"));
            assert_eq!(verified.evidence().entries().len(), 1);
            artifacts.push(artifact);
        }
    }
    assert_eq!(log::check_rekor(running.trusted_root(), &http).await.len(), artifacts.len());
    assert_eq!(log::check_ct(running.trusted_root(), &http).await.len(), artifacts.len());
    running.stop().await.unwrap();
}
