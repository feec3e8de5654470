//! `stack renew`: the roots' keys are taken back for one act; what was signed before and after verifies.

use std::path::Path;

use sealmark::format::trust::TrustedRoot;
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::{self, Config, KeyPlan, Role, Stack, TokenRequest, token};
use sealmark::verify::{Artifact, Requirements, Verifier};

use super::http::Http;
use super::now;
use super::signer::{self, Form};

fn trusted(dir: &Path) -> TrustedRoot {
    TrustedRoot::parse(&std::fs::read(dir.join("trusted_root.json")).unwrap()).unwrap()
}

/// Serves a stack while something is done with it.
async fn serving<T>(dir: &Path, work: impl AsyncFnOnce(Http) -> T) -> T {
    let stack = Stack::open(dir).unwrap();
    let (url, listener) = (stack.config().url.clone(), sealmark::serve::bind(&stack.config().listen).await.unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(stack.serve(listener, async { drop(stopped.await) }));
    let done = work(Http::new(&url)).await;
    drop(stop);
    served.await.unwrap().unwrap();
    done
}

async fn signed(dir: &Path, what: &[u8]) -> sealmark::format::bundle::UnverifiedBundle {
    let token = token(dir, &TokenRequest::email("me@example.com")).unwrap();
    serving(dir, async |http| signer::sign(&http, &token, Form::PublicKey, what).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn z06_f24_what_was_signed_before_and_after_a_renewal_verifies() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, roots) = (parent.path().join("stack"), parent.path().join("roots"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let plan = KeyPlan { root_keys: Some(roots.clone()), ..KeyPlan::default() };
    Stack::init_with(&dir, &Config::loopback(port), &plan).unwrap();
    let old = trusted(&dir);
    let before = signed(&dir, b"before").await;

    // What does not fit changes nothing.
    let renew = |roots: &Path| stack::renew(&dir, roots, &KeyPlan::default());
    let code = |roots: &Path| renew(roots).unwrap_err().code().name();
    let other = parent.path().join("other");
    std::fs::create_dir(&other).unwrap();
    assert_eq!(code(&other), "stack-root-key-absent");
    PrivateKey::generate(sealmark::base::crypto::KeyKind::P384).unwrap().write(&other.join("ca-root.pem")).unwrap();
    assert_eq!(code(&other), "stack-root-key-other");
    let open = Stack::open(&dir).unwrap();
    assert_eq!(code(&roots), "log-locked");
    drop(open);
    let tokens = vec![("ct".to_owned(), "pkcs11:object=x".to_owned())];
    let refused = stack::renew(&dir, &roots, &KeyPlan { tokens, ..KeyPlan::default() });
    assert_eq!(refused.unwrap_err().code().name(), "stack-config");
    assert_eq!(trusted(&dir), old);

    assert_eq!(renew(&roots).unwrap().authorities, [Role::Ca, Role::Tsa]);
    let after = signed(&dir, b"after").await;
    // And once more, and a rotation on top.
    renew(&roots).unwrap();
    let again = signed(&dir, b"again").await;
    stack::rotate(&dir).unwrap();
    let last = signed(&dir, b"last").await;

    let verifies = |root: &TrustedRoot, artifact: &[u8], bundle| {
        let verifier = Verifier::new(root).unwrap();
        verifier.verify(&Artifact::from_bytes(artifact), bundle, &Requirements::STRICT, now()).is_ok()
    };
    let new = trusted(&dir);
    for (artifact, bundle) in [(&b"before"[..], &before), (b"after", &after), (b"again", &again), (b"last", &last)] {
        assert!(verifies(&new, artifact, bundle), "{}", String::from_utf8_lossy(artifact));
    }
    // Who has the trusted root of before believes what it was for, and nothing of later.
    assert!(verifies(&old, b"before", &before) && !verifies(&old, b"after", &after));
    // The roots are the same; every chain but the last has an end.
    for (now, then) in [
        (&new.certificate_authorities, &old.certificate_authorities),
        (&new.timestamp_authorities, &old.timestamp_authorities),
    ] {
        assert_eq!((now.len(), then.len()), (3, 1));
        assert!(now.iter().all(|authority| authority.chain.last() == then[0].chain.last()));
        let ends: Vec<_> = now.iter().map(|authority| authority.validity.end().is_some()).collect();
        assert_eq!(ends, [true, true, false]);
        let end = |authority: usize| now[authority].chain[0].validity().end();
        assert!((0..3).all(|at| end(at) <= now[at].chain[1].validity().end()), "never longer than its root");
    }
    // The CT log still knows who issued what is in it.
    serving(&dir, async |http| {
        for authority in &new.certificate_authorities {
            let issuer = &authority.chain[0];
            let name = sealmark::base::encoding::hex::encode(&sealmark::base::crypto::sha256(&[issuer.der()]));
            assert_eq!(http.get(&format!("/ct/issuer/{name}")).await.body, issuer.der());
        }
    })
    .await;
    assert!(stack::fsck(&dir).unwrap().iter().all(|log| log.result.findings.is_empty()));
}
