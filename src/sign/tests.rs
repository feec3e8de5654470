//! The whole walk over services that misbehave in one way at a time; each is the instance of
//! [`World`], so that what they make is genuine but for that.

mod others;
pub(in crate::sign) mod services;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use services::{CaFault, LogFault, Stage, TsaFault, keyless_token, token_with};

use super::credential::{CredentialSource as _, Keyless, ManagedKey, Record};
use super::{Services, Session, SignError, Signed};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::format::bundle::UnverifiedBundle;
use crate::format::x509::testing::SIGNED;
use crate::service::http::fake::block_on;
use crate::service::identity::ExplicitToken;
use crate::service::signer::{EphemeralKey, KeyFile};
use crate::verify::testing::{ARTIFACT, NOW, statement};
use crate::verify::{Artifact, KeyTrust, Requirements, Signer as Who};

fn digest() -> Digest {
    Digest::of(DigestAlgorithm::Sha256, ARTIFACT)
}

fn sign(stage: &Stage) -> Result<Signed, SignError> {
    block_on(async { stage.begin().await?.sign(digest()).await })
}

/// The code of the refusal; nothing of the token may show in it.
fn refused(stage: &Stage) -> (&'static str, u8) {
    let error = sign(stage).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("Y2FuYXJ5"), "x09: {shown}");
    (error.code().name(), error.code().exit_code())
}

#[test]
fn keyless_message_and_attestation_verify_for_a_stranger() {
    for stage in [Stage::v1(), Stage::v2(), Stage::v1_and_v2()] {
        let [message, attestation] = block_on(async {
            let session = stage.begin().await.unwrap();
            let statement = statement(ARTIFACT);
            [session.sign(digest()).await.unwrap(), session.attest(&statement).await.unwrap()]
        });
        assert_eq!(stage.counts.issued.load(Ordering::Relaxed), 1);
        for signed in [&message, &attestation] {
            let bundle = UnverifiedBundle::parse(signed.json().as_bytes()).unwrap();
            let verifier = stage.world.verifier();
            let verified =
                verifier.verify(&Artifact::from_bytes(ARTIFACT), &bundle, &Requirements::STRICT, NOW).unwrap();
            let Who::Certificate(who) = verified.signer() else { panic!("a key signed") };
            assert_eq!(who.san().as_str(), "signer@example.com");
            assert_eq!(bundle.claimed_log_entries().len(), stage.logs());
        }
        assert_eq!(attestation.verified().statement().unwrap().predicate_type, "https://example.com/predicate");
    }
}

#[test]
fn one_session_signs_many_at_once() {
    let stage = Stage::v2();
    let digests: Vec<Digest> = (0u8..40).map(|n| Digest::of(DigestAlgorithm::Sha256, &[n])).collect();
    let results = block_on(async {
        let session = Arc::new(stage.begin().await.unwrap());
        super::blob::sign_all(&session, &digests).await
    });
    assert_eq!((results.len(), stage.counts.issued.load(Ordering::Relaxed)), (40, 1));
    for (digest, result) in digests.iter().zip(results) {
        assert_eq!(result.unwrap().verified().artifact(), *digest);
    }
}

#[test]
fn managed_keys_sign_without_certificate() {
    let stage = Stage::v2();
    let key = EphemeralKey::generate().unwrap();
    let public_key = crate::service::signer::Signer::public_key(&key).clone();
    let signed = block_on(async {
        let source = ManagedKey::new(key);
        let session = Session::begin(&source, stage.services(), stage.verifier(), stage.environment()).await.unwrap();
        session.sign(digest()).await.unwrap()
    });
    let verified = stage.world.verifier().verify_with_key(
        &Artifact::from_bytes(ARTIFACT),
        signed.bundle(),
        &KeyTrust::logged(public_key),
        &Requirements::STRICT,
        NOW,
    );
    assert_eq!(verified.unwrap().artifact(), digest());
}

#[test]
fn a_key_may_sign_without_a_log_by_explicit_words_only() {
    let stage = Stage::v2();
    let sign = |services: Services| {
        block_on(async {
            let source = ManagedKey::new(EphemeralKey::generate().unwrap());
            let session = Session::begin(&source, services, stage.verifier(), stage.environment()).await?;
            session.sign(digest()).await
        })
    };
    assert_eq!(sign(Services::new(Vec::new(), Vec::new())).unwrap_err().code().name(), "sign-no-log");
    let signed = sign(Services::without_log_unsafe(Vec::new())).unwrap();
    assert!(signed.bundle().claimed_log_entries().is_empty());
    // An identity never does: its certificate would prove nothing.
    let keyless = block_on(Session::begin(
        &stage.keyless(),
        Services::without_log_unsafe(stage.tsas()),
        stage.verifier(),
        stage.environment(),
    ));
    assert_eq!(keyless.unwrap_err().code().name(), "sign-no-log");
}

#[test]
fn x23_certificates_that_are_refused() {
    let code = |fault| refused(&Stage::v2().with_ca(fault));
    assert_eq!(code(CaFault::OtherKey), ("ca-other-key", 1));
    assert_eq!(code(CaFault::OtherIdentity), ("ca-other-identity", 1));
    assert_eq!(code(CaFault::OtherIssuer), ("ca-other-issuer", 1));
    assert_eq!(code(CaFault::OtherSubject), ("ca-other-identity", 1));
    assert_eq!(code(CaFault::NoSct), ("sct-missing", 1));
    assert_eq!(code(CaFault::SctBeside), ("ca-sct-detached", 1));
    assert_eq!(code(CaFault::Expired), ("cert-not-valid-at-time", 1));
    assert_eq!(code(CaFault::OtherAuthority), ("chain-signature", 1));
    assert_eq!(code(CaFault::NoCodeSigning), ("cert-eku-missing", 1));
}

#[test]
fn x23_a_refused_certificate_signs_nothing() {
    let stage = Stage::v2().with_ca(CaFault::NoSct);
    refused(&stage);
    assert_eq!(stage.counts.stamped.load(Ordering::Relaxed) + stage.counts.logged.load(Ordering::Relaxed), 0);
}

#[test]
fn x23_entries_that_are_refused() {
    let code = |fault| refused(&Stage::v2().with_log(fault));
    assert_eq!(code(LogFault::OtherDigest), ("log-body-mismatch", 1));
    assert_eq!(code(LogFault::NoProof), ("log-proof-missing", 1));
    assert_eq!(code(LogFault::BrokenProof), ("log-proof-invalid", 1));
    assert_eq!(refused(&Stage::v1().with_log(LogFault::NoProof)), ("log-proof-missing", 1));
}

#[test]
fn x23_timestamps_that_are_refused() {
    let code = |fault| refused(&Stage::v2().with_tsa(fault));
    assert_eq!(code(TsaFault::OtherImprint), ("tsa-imprint", 1));
    assert_eq!(code(TsaFault::OtherAuthority), ("tsa-untrusted", 1));
    assert_eq!(code(TsaFault::Garbage), ("tsa-parse", 1));
    // What is refused is not logged.
    let stage = Stage::v2().with_tsa(TsaFault::OtherImprint);
    refused(&stage);
    assert_eq!(stage.counts.logged.load(Ordering::Relaxed), 0);
}

#[test]
fn x25_the_whole_is_verified_when_every_part_was_good() {
    // The log's key went out of use before the time that the timestamp proves: no part alone shows it.
    let stage = Stage::v2().with_log_key_until(SIGNED.plus_secs(-1));
    let error = sign(&stage).unwrap_err();
    assert!(matches!(error, SignError::SelfVerification(_)), "{error:?}");
    assert_eq!(error.code().name(), "log-key-not-valid");
}

#[test]
fn without_a_proven_time_nothing_is_sent() {
    let stage = Stage::v2().without_tsa();
    assert_eq!(refused(&stage), ("sign-no-proven-time", 2));
    assert_eq!(stage.counts.issued.load(Ordering::Relaxed), 0);
    assert!(sign(&Stage::v1().without_tsa()).is_ok());
    let stage = Stage::none();
    assert_eq!(refused(&stage), ("sign-no-log", 2));
    assert_eq!(stage.counts.issued.load(Ordering::Relaxed), 0);
}

#[test]
fn clocks_may_differ_by_a_minute() {
    // The certificate starts a minute before the services' time.
    assert!(sign(&Stage::v2().at(SIGNED.plus_secs(-60))).is_ok());
    assert_eq!(refused(&Stage::v2().at(SIGNED.plus_secs(-61))), ("clock-wrong", 3));
    assert_eq!(refused(&Stage::v1().at(SIGNED.plus_secs(-200))), ("clock-wrong", 3));
    // Ahead of the services, but within the certificate's life.
    assert!(sign(&Stage::v2().at(SIGNED.plus_secs(300))).is_ok());
}

#[test]
fn a_token_that_no_authority_would_take_is_not_sent() {
    let stage = Stage::v2().at(SIGNED.plus_secs(100_000));
    assert_eq!(refused(&stage), ("identity-token-expired", 1));
    assert_eq!(stage.counts.issued.load(Ordering::Relaxed), 0);
}

#[test]
fn statements_that_are_refused_before_anything_is_signed() {
    let stage = Stage::v2();
    let code = |statement: &str| {
        let signed = block_on(async { stage.begin().await.unwrap().attest(statement).await });
        signed.unwrap_err().code().name()
    };
    assert_eq!(code("{}"), "predicate-parse");
    assert_eq!(code(&statement(ARTIFACT).replace("sha256", "gitCommit")), "subject-alg");
    assert_eq!(stage.counts.stamped.load(Ordering::Relaxed), 0);
}

#[test]
fn x09_no_part_of_a_session_shows_the_token() {
    let stage = Stage::v2();
    let source = ExplicitToken::text(zeroize::Zeroizing::new(keyless_token()));
    let keyless = Keyless::new(vec![Box::new(source)], stage.ca(), stage.verifier(), stage.environment());
    let session = block_on(stage.begin()).unwrap();
    let signed = block_on(session.sign(digest())).unwrap();
    let shown = format!("{keyless:?} {session:?} {signed:?} {}", signed.json());
    assert!(!shown.contains("Y2FuYXJ5") && !shown.contains(&keyless_token()), "{shown}");
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
    let key = ManagedKey::new(KeyFile::from_pem(pem, None).unwrap());
    assert!(!format!("{key:?}").contains("AAECAwQF"));
}

#[test]
fn what_waits_for_a_log_has_a_proven_time_and_a_log_that_proves_none() {
    let error = |stage: Stage| sign(&stage.with_log(LogFault::Unreachable)).unwrap_err();
    let waits = |error: &SignError| matches!(error, SignError::Unlogged { .. });
    let kept = error(Stage::v2());
    assert!(waits(&kept), "{kept:?}");
    assert_eq!((kept.code().name(), kept.code().exit_code()), ("log-unreachable", 3));
    // The entry of a log that proves its time must be made within the certificate's life.
    for none in [error(Stage::v1()), error(Stage::v1_and_v2())] {
        assert!(!waits(&none) && none.code().name() == "log-unreachable", "{none:?}");
    }
    // A log that lies is not waited for.
    assert!(!waits(&sign(&Stage::v2().with_log(LogFault::BrokenProof)).unwrap_err()));
    // A key has no certificate that ends, and without a timestamp nothing says when it signed.
    let stage = Stage::v2().with_log(LogFault::Unreachable).without_tsa();
    let source = ManagedKey::new(EphemeralKey::generate().unwrap());
    let key = block_on(async {
        let session = Session::begin(&source, stage.services(), stage.verifier(), stage.environment()).await.unwrap();
        session.sign(digest()).await.unwrap_err()
    });
    assert!(!waits(&key), "{key:?}");
}

#[test]
fn what_waited_is_finished_after_the_certificate_has_ended() {
    for by_key in [false, true] {
        let stage = Stage::v2().with_log(LogFault::Unreachable);
        let key = ManagedKey::new(EphemeralKey::generate().unwrap());
        let keyless = stage.keyless();
        let source: &dyn super::CredentialSource = if by_key { &key } else { &keyless };
        let begun = Session::begin(source, stage.services(), stage.verifier(), stage.environment());
        let kept = block_on(async { begun.await.unwrap().sign(digest()).await.unwrap_err() });
        let SignError::Unlogged { unlogged, .. } = kept else { panic!("{kept:?}") };
        let json = unlogged.to_json(&[("file", "a \"b\"")]);
        assert_eq!(UnverifiedBundle::parse(json.as_bytes()).unwrap_err().code().name(), "bundle-version");
        let (read, [file]) = super::Unlogged::parse(json.as_bytes(), ["file"]).unwrap();
        assert_eq!(file, "a \"b\"");
        let later = Stage::v2().of(&stage).at(SIGNED.plus_secs(86_400));
        let (services, verifier, environment) = (later.services(), later.verifier(), later.environment());
        let finished = block_on(read.finish(&services, &verifier, &*environment)).unwrap();
        assert_eq!(finished.bundle().claimed_log_entries().len(), 1);
    }
}

#[test]
fn a_time_that_comes_after_the_certificates_end_is_not_waited_for() {
    // A second before the end of its ten minutes, and an authority that never answers.
    let left = |stage: &Stage| block_on(stage.begin()).unwrap().certified_for().unwrap();
    let stage = Stage::v2().with_tsa(TsaFault::Silent);
    let stage = stage.at(SIGNED.plus_secs(i64::try_from(left(&Stage::v2()).as_secs()).unwrap() - 1));
    let start = std::time::Instant::now();
    let error = sign(&stage).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("sign-certificate-expired", 3));
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn a_certificate_that_is_about_to_end_is_renewed_before_the_next_signature() {
    let stage = Stage::v2();
    let left = i64::try_from(block_on(stage.begin()).unwrap().certified_for().unwrap().as_secs()).unwrap();
    for (before_end, issued) in [(90, 1), (50, 4)] {
        let stage = Stage::v2().at(SIGNED.plus_secs(left - before_end));
        let keyless = stage.keyless();
        let results = block_on(async {
            let session = Arc::new(stage.begin().await.unwrap());
            super::blob::sign_paced(&session, Some(&keyless), None, &[digest(); 3]).await
        });
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(stage.counts.issued.load(Ordering::Relaxed), issued);
    }
}

#[test]
fn a_hidden_repository_is_not_published_unless_it_is_said() {
    let stage = Stage::v2();
    let acquire = |record: Record, claims: &str| {
        let source = ExplicitToken::text(zeroize::Zeroizing::new(token_with(claims)));
        let keyless = Keyless::new(vec![Box::new(source)], stage.ca(), stage.verifier(), stage.environment());
        let acquired = block_on(keyless.on_record(record).acquire());
        acquired.map(drop).map_err(|error| (error.code().name(), error.code().exit_code()))
    };
    let hidden = [
        r#""repository_visibility":"private","#,
        r#""repository_visibility":"internal","#,
        r#""repository_visibility":"whatever comes next","#,
        r#""project_visibility":"private","#,
        r#""repository_visibility":"public","project_visibility":"internal","#,
    ];
    for claims in hidden {
        assert_eq!(acquire(Record::Public, claims), Err(("sign-would-publish", 1)), "{claims}");
    }
    // Nothing was sent.
    assert_eq!(stage.counts.issued.load(Ordering::Relaxed), 0);
    for claims in hidden {
        assert_eq!(acquire(Record::PublicByChoice, claims), Ok(()));
        assert_eq!(acquire(Record::Private, claims), Ok(()));
    }
    for open in ["", r#""repository_visibility":"public","#, r#""project_visibility":"public","#] {
        assert_eq!(acquire(Record::Public, open), Ok(()), "{open}");
    }
}
