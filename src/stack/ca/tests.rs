//! When the CA issues nothing.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::base::crypto::KeyKind;
use crate::format::x509::oids;
use crate::stack::config::IssuerKind;
use crate::stack::ct::{CtCodec, CtLog};
use crate::stack::issuer::{AUDIENCE, Issuer, TokenRequest};
use crate::stack::log::vfs::failing::FailingDisk;
use crate::stack::log::{Disk, Log, Vfs};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: i64 = 86_400;

struct Scene {
    ca: CertificateAuthority,
    principal: Principal,
    now: Arc<AtomicI64>,
}

/// A CA that is a minute old, whose CT log stands on `disk`.
async fn scene(dir: &Path, disk: Arc<dyn Vfs>) -> Scene {
    let generate = |kind| PrivateKey::generate(kind).unwrap();
    let (root_key, key) = (generate(KeyKind::P384), generate(KeyKind::P256));
    let authority =
        |common_name| profile::Authority { organization: "test", common_name, from: NOW.plus_secs(-60), until: None };
    let root = authority("root").root(&root_key).unwrap();
    let issuing = authority("issuing").intermediate(key.public_key(), oids::CODE_SIGNING, (&root, &root_key)).unwrap();
    let chain = vec![issuing, root];
    let now = Arc::new(AtomicI64::new(NOW.millis()));
    let shared = Arc::clone(&now);
    let clock = Clock::from_fn(move || UnixTime::from_millis(shared.load(Ordering::SeqCst)));
    let codec = CtCodec::new(generate(KeyKind::P256), "ct.example").unwrap();
    let dir = dir.join("ct");
    Log::create(Arc::new(Disk), &dir, &codec, &clock).unwrap();
    let ct = Arc::new(CtLog::new(Log::open(disk, &dir, codec, clock.clone()).unwrap(), chain.clone()));

    let issuer = Issuer::new(generate(KeyKind::P256), "http://x", zeroize::Zeroizing::new("s".to_owned()));
    let trusted = principal::TrustedIssuer {
        url: issuer_url::IssuerUrl::exact(&issuer.url(IssuerKind::Email)).unwrap(),
        audience: AUDIENCE.to_owned(),
        subject: principal::SubjectKind::Email { issuer_claim: None },
        keys: issuer_keys::IssuerKeys::Fixed(Arc::new(issuer.keys())),
    };
    let issuers = Issuers::new(vec![trusted]);
    let token = issuer.issue(&TokenRequest::email("me@example.com"), NOW).unwrap();
    let principal = issuers.authenticate(&token, NOW).await.unwrap();
    let ca = CertificateAuthority::new(key, chain, issuers, ct, clock).unwrap();
    Scene { ca, principal, now }
}

fn key() -> PublicKey {
    PrivateKey::generate(KeyKind::P256).unwrap().public_key().clone()
}

/// F23: without a durable entry there is no SCT, and without an SCT no certificate.
#[tokio::test]
async fn f23_no_certificate_when_the_ct_log_fails() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FailingDisk::after(usize::MAX);
    drop(scene(dir.path(), Arc::new(disk.clone())).await);
    let recovery = usize::MAX - disk.left();
    for operation in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let scene = scene(dir.path(), Arc::new(FailingDisk::after(recovery + operation))).await;
        for _ in 0..2 {
            let refused = scene.ca.issue(&scene.principal, &key()).await;
            assert!(matches!(refused, Err(IssueError::Ct(SctError::Append(_)))), "{refused:?}");
        }
    }
}

/// F24: a clock that is wrong, or a CA that would expire before its leaf.
#[tokio::test]
async fn f24_no_certificate_outside_of_the_authority_s_validity() {
    let dir = tempfile::tempdir().unwrap();
    let scene = scene(dir.path(), Arc::new(Disk)).await;
    let set = |seconds: i64| scene.now.store(NOW.plus_secs(seconds).millis(), Ordering::SeqCst);
    assert!(scene.ca.issue(&scene.principal, &key()).await.is_ok());
    let ends = 3653 * DAY - 60;
    for seconds in [-61, -3600, ends - 599, ends + DAY] {
        set(seconds);
        let refused = scene.ca.issue(&scene.principal, &key()).await;
        assert!(matches!(refused, Err(IssueError::AuthorityValidity { .. })), "{seconds}");
    }
    // Within the CA's validity, but before the CT log's last entry.
    set(-30);
    let refused = scene.ca.issue(&scene.principal, &key()).await;
    assert!(matches!(refused, Err(IssueError::Ct(_))), "{refused:?}");
    set(ends - 600);
    assert!(scene.ca.issue(&scene.principal, &key()).await.is_ok());
}
