use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::der::{self, Oid, tag};
use crate::base::time::UnixTime;
use crate::format::x509::oids;
use crate::format::x509::testing::Authority;

const NOW: UnixTime = UnixTime::from_secs(1_767_225_660);

fn digest() -> Digest {
    Digest::of(DigestAlgorithm::Sha256, b"signature")
}

#[test]
fn a_granted_token_is_read_back() {
    let (leaf, key) = Authority::root("tsa").leaf();
    for (nonce, certificates) in [(Some(&[0, 0x80, 7][..]), true), (None, false)] {
        let request = TimestampRequest::new(digest(), nonce, certificates);
        let fields = TokenFields {
            policy: oids::SIGSTORE_TSA_POLICY,
            imprint: request.imprint(),
            serial: &[0xff; 16],
            time: NOW,
            accuracy_secs: 1,
            nonce: request.nonce(),
        };
        let unsigned = TokenToSign::new(fields, &leaf, key.scheme());
        let embedded: &[_] = if certificates { &[&leaf] } else { &[] };
        let response = unsigned.grant(&key.sign(unsigned.signed_bytes()), embedded);
        let Ok(TimestampResponse::Granted(token)) = TimestampResponse::parse(&response) else { panic!() };
        assert_eq!(request.check_answer(&token), Ok(()));
        assert_eq!(token.info.time, NOW);
        assert_eq!(token.info.accuracy, Some(std::time::Duration::from_secs(1)));
        assert_eq!(token.certificates.len(), usize::from(certificates));
        assert_eq!(token.info.serial.len(), 17);
        assert_eq!(token.signer.id, SignerId::IssuerAndSerial { issuer: leaf.issuer().der(), serial: leaf.serial() });
        assert_eq!(token.signer.attributes.signed_bytes(), unsigned.signed_bytes());
        assert_eq!(key.public().verify(token.signer.scheme, unsigned.signed_bytes(), token.signer.signature), Ok(()));
    }
}

#[test]
fn every_rejection_is_read_back() {
    use Failure::{BadAlgorithm, SystemFailure, TimeNotAvailable, UnacceptedExtension, UnacceptedPolicy};
    for failure in [BadAlgorithm, TimeNotAvailable, UnacceptedPolicy, UnacceptedExtension, SystemFailure] {
        let response = write_rejection(failure, "no");
        let expected = Rejection { status: 2, text: Some("no".to_owned()), failure: Some(failure) };
        assert_eq!(TimestampResponse::parse(&response), Ok(TimestampResponse::Rejected(expected)));
    }
    assert_eq!(
        TimestampResponse::parse(&write_rejection(BadAlgorithm, "a\nb")).map(|response| match response {
            TimestampResponse::Rejected(rejection) => rejection.to_string(),
            TimestampResponse::Granted(_) => String::new(),
        }),
        Ok("status 2, badAlg: \"a\u{fffd}b\"".to_owned())
    );
}

#[test]
fn requests_are_read_back() {
    let request = TimestampRequest::new(digest(), Some(&[0xff; 8]), true).with_policy(oids::SIGSTORE_TSA_POLICY);
    assert_eq!(request.nonce(), Some(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..]));
    assert_eq!(TimestampRequest::parse(&request.to_der()), Ok(request));
    let bare = TimestampRequest::new(digest(), None, false);
    assert_eq!(TimestampRequest::parse(&bare.to_der()), Ok(bare));
    // Parameters stay as they were sent: here NULL.
    let identifier = der::sequence(&[&der::oid(oids::SHA256), &der::null()]);
    let imprint = der::sequence(&[&identifier, &der::octet_string(digest().as_bytes())]);
    let read = TimestampRequest::parse(&der::sequence(&[&der::integer(1), &imprint])).unwrap();
    assert_eq!((read.imprint().der(), read.imprint().digest()), (&imprint[..], digest()));
}

#[test]
fn json_requests() {
    let hash = crate::base::encoding::base64::encode(digest().as_bytes());
    let read = |rest: &str| {
        TimestampRequest::parse_json(
            format!(r#"{{"artifactHash":"{hash}","hashAlgorithm":"sha256"{rest}}}"#).as_bytes(),
        )
    };
    assert_eq!(read(""), Ok(TimestampRequest::new(digest(), None, false)));
    assert_eq!(
        read(r#","nonce":18446744073709551615,"certificates":true,"tsaPolicyOID":"1.3.6.1.4.1.57264.2""#),
        Ok(TimestampRequest::new(digest(), Some(&[0xff; 8]), true).with_policy(oids::SIGSTORE_TSA_POLICY))
    );
    assert_eq!(read(r#","nonce":0,"tsaPolicyOID":"""#), Ok(TimestampRequest::new(digest(), Some(&[0]), false)));
    let nonces = ["-1", "1.5", "\"1\"", "18446744073709551616"];
    for nonce in nonces {
        assert_eq!(read(&format!(",\"nonce\":{nonce}")), Err(RequestError::Nonce), "{nonce}");
    }
    assert_eq!(read(r#","tsaPolicyOID":"x""#), Err(RequestError::Policy));
    assert!(matches!(read(r#","more":1"#), Err(RequestError::Shape(_))));
    assert!(matches!(read(r#","certificates":1"#), Err(RequestError::Shape(_))));
    assert!(matches!(TimestampRequest::parse_json(b"{"), Err(RequestError::Json(_))));
    assert!(matches!(TimestampRequest::parse_json(&[b' '; 1025]), Err(RequestError::TooLong { .. })));
    for algorithm in ["sha1", "SHA256", "sha384", ""] {
        let body = format!(r#"{{"artifactHash":"{hash}","hashAlgorithm":"{algorithm}"}}"#);
        assert_eq!(TimestampRequest::parse_json(body.as_bytes()), Err(RequestError::Imprint), "{algorithm}");
    }
}

#[test]
fn t15_nonce_absent_or_different_t16_policy_t04_imprint() {
    let (leaf, key) = Authority::root("tsa").leaf();
    let answer = |nonce: Option<&[u8]>, digest| {
        let imprint = MessageImprint::new(digest);
        let (policy, time) = (oids::SIGSTORE_TSA_POLICY, NOW);
        let fields = TokenFields { policy, imprint: &imprint, serial: &[1], time, accuracy_secs: 1, nonce };
        let unsigned = TokenToSign::new(fields, &leaf, key.scheme());
        unsigned.grant(&key.sign(unsigned.signed_bytes()), &[])
    };
    let check = |request: &TimestampRequest, response: &[u8]| match TimestampResponse::parse(response) {
        Ok(TimestampResponse::Granted(token)) => request.check_answer(&token).map_err(|e| e.code().name()),
        other => panic!("{other:?}"),
    };
    let request = TimestampRequest::new(digest(), Some(&[9; 8]), false);
    assert_eq!(check(&request, &answer(Some(&[9; 8]), digest())), Ok(()));
    assert_eq!(check(&request, &answer(None, digest())), Err("tsa-nonce"));
    assert_eq!(check(&request, &answer(Some(&[9; 7]), digest())), Err("tsa-nonce"));
    let other = Digest::of(DigestAlgorithm::Sha256, b"artifact");
    assert_eq!(check(&request, &answer(Some(&[9; 8]), other)), Err("tsa-imprint"));
    let request = request.with_policy(Oid::constant(&[0x2a, 3]));
    assert_eq!(check(&request, &answer(Some(&[9; 8]), digest())), Err("tsa-policy"));
}

#[test]
fn a_nonce_that_is_not_minimal_is_not_der() {
    let imprint = MessageImprint::new(digest());
    let request = |nonce: &[u8]| {
        TimestampRequest::parse(&der::sequence(&[&der::integer(1), imprint.der(), &der::tlv(tag::INTEGER, nonce)]))
    };
    assert!(request(&[0, 0x80]).is_ok());
    assert_eq!(request(&[0, 0x7f]), Err(RequestError::Parse(DerError::Value("integer"))));
    assert_eq!(request(&[0x80]), Err(RequestError::Nonce));
    assert_eq!(request(&[1; 34]), Err(RequestError::Nonce));
}
