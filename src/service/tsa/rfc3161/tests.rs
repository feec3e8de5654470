use super::*;
use crate::base::crypto::DigestAlgorithm;
use crate::format::timestamp::{Failure, MessageImprint, TokenFields, TokenToSign, write_rejection};
use crate::format::x509::oids;
use crate::format::x509::testing::{Authority, SIGNED};
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
use crate::verify::testing::{World, timestamp_leaf};

fn imprint() -> Digest {
    Digest::of(DigestAlgorithm::Sha256, b"signature")
}

fn ask(server: &FakeServer) -> Result<Vec<u8>, TsaError> {
    let tsa = Rfc3161::new(&format!("{}/api/v1/timestamp", server.url), impatient_client()).unwrap();
    block_on(tsa.timestamp(imprint()))
}

/// Answers a request as `tsa` would, over this imprint and nonce.
fn grant(tsa: &Authority, imprint: &MessageImprint, nonce: Option<&[u8]>) -> Vec<u8> {
    let policy = oids::SIGSTORE_TSA_POLICY;
    let fields = TokenFields { policy, imprint, serial: &[7; 16], time: SIGNED, accuracy_secs: 1, nonce };
    let token = TokenToSign::new(fields, &tsa.certificate, tsa.key.scheme());
    token.grant(&tsa.key.sign(token.signed_bytes()), &[])
}

fn serve(answer: impl Fn(&TimestampRequest) -> Vec<u8> + Send + 'static) -> FakeServer {
    FakeServer::start(move |_, sent| Answer::new(200, answer(&TimestampRequest::parse(&sent.body).unwrap())))
}

#[test]
fn asks_over_the_imprint_with_a_fresh_nonce() {
    let world = World::new();
    let tsa = timestamp_leaf(&world.tsa_root);
    let server = serve(move |request| grant(&tsa, request.imprint(), request.nonce()));
    ask(&server).unwrap();
    ask(&server).unwrap();
    let sent = server.received();
    assert_eq!(sent[0].target, "/api/v1/timestamp");
    assert_eq!(sent[0].header("content-type"), Some("application/timestamp-query"));
    let [one, other] = [0, 1].map(|at: usize| TimestampRequest::parse(&sent[at].body).unwrap());
    assert_eq!((one.imprint().digest(), one.wants_certificates()), (imprint(), false));
    assert_ne!(one.nonce(), other.nonce());
}

#[test]
fn t15_another_nonce_or_none_x23_another_imprint() {
    let world = World::new();
    let code = |answer: fn(&Authority, &TimestampRequest) -> Vec<u8>| {
        let tsa = timestamp_leaf(&world.tsa_root);
        let error = ask(&serve(move |request| answer(&tsa, request))).unwrap_err();
        assert_eq!(error.code().exit_code(), 1);
        error.code().name()
    };
    assert_eq!(code(|tsa, request| grant(tsa, request.imprint(), None)), "tsa-nonce");
    assert_eq!(code(|tsa, request| grant(tsa, request.imprint(), Some(&[1]))), "tsa-nonce");
    let other = |tsa: &Authority, request: &TimestampRequest| {
        let imprint = MessageImprint::new(Digest::of(DigestAlgorithm::Sha256, b"other"));
        grant(tsa, &imprint, request.nonce())
    };
    assert_eq!(code(other), "tsa-imprint");
}

#[test]
fn refusals_and_answers_that_are_none() {
    let rejected = serve(|_| write_rejection(Failure::BadAlgorithm, "unsupported hash"));
    let error = ask(&rejected).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("tsa-rejected", 1));
    assert!(error.to_string().contains("unsupported hash"), "{error}");
    assert_eq!(ask(&serve(|_| b"<html>".to_vec())).unwrap_err().code().name(), "tsa-parse");
    let server = FakeServer::start(|_, _| Answer::gateway(415, "unsupported media type"));
    assert_eq!(ask(&server).unwrap_err().code().name(), "tsa-refused");
}
