use super::*;
use crate::format::x509::testing::{Authority, Key};

fn digest(seed: &[u8]) -> Digest {
    Digest::of(DigestAlgorithm::Sha256, seed)
}

fn code(body: &str) -> &'static str {
    EntryBody::parse(body.as_bytes()).map_or_else(|error| error.code().name(), |_| "accepted")
}

/// A body of each kind that parses, signed by `certificate`.
fn bodies(certificate: &Certificate) -> [String; 4] {
    let verifier = Verifier::Certificate(certificate);
    [
        HashedRekord::body(&digest(b"artifact"), b"signature", &verifier),
        Dsse::body(&digest(b"envelope"), &digest(b"payload"), b"signature", &verifier),
        intoto(&verifier),
        HashedRekordV2::body(&digest(b"artifact"), b"signature", &verifier).unwrap(),
    ]
}

fn intoto(verifier: &Verifier<'_>) -> String {
    format!(
        r#"{{"apiVersion":"0.0.2","kind":"intoto","spec":{{"content":{{"envelope":{{"payloadType":"t","signatures":[{{"publicKey":"{}","sig":"{}"}}]}},"hash":{hash},"payloadHash":{hash}}}}}}}"#,
        base64::encode(verifier.pem().as_bytes()),
        base64::encode(base64::encode(b"signature").as_bytes()),
        hash = write_hash(&digest(b"payload")),
    )
}

#[test]
fn each_kind_round_trips() {
    let (certificate, _) = Authority::root("root").leaf();
    let pem = certificate.to_pem().into_bytes();
    let [hashed, dsse, intoto, v2] = bodies(&certificate).map(|body| EntryBody::parse(body.as_bytes()).unwrap());
    let (signature, verifier) = (b"signature".to_vec(), pem.clone());
    let record = HashedRekord { digest: digest(b"artifact"), signature: signature.clone(), verifier };
    assert_eq!(hashed, EntryBody::HashedRekord(record));
    let (payload_digest, verifier) = (digest(b"payload"), pem.clone());
    assert_eq!(dsse, EntryBody::Dsse(Dsse { payload_digest, signature: signature.clone(), verifier }));
    let EntryBody::Intoto(intoto) = intoto else { panic!("{intoto:?}") };
    assert_eq!((intoto.signature, intoto.verifier, intoto.payload), (signature.clone(), pem, None));
    let EntryBody::HashedRekordV2(v2) = v2 else { panic!("{v2:?}") };
    assert_eq!(v2.verifier, VerifierDer::Certificate(certificate.der().to_vec()));
    assert_eq!((v2.signature, v2.key_details.as_str()), (signature, "PKIX_ECDSA_P256_SHA_256"));
}

#[test]
fn keys_are_named_in_rekor_v2() {
    for (key, details, algorithm) in [
        (Key::p256(), "PKIX_ECDSA_P256_SHA_256", "SHA2_256"),
        (Key::p384(), "PKIX_ECDSA_P384_SHA_384", "SHA2_384"),
        (Key::p521(), "PKIX_ECDSA_P521_SHA_512", "SHA2_512"),
    ] {
        let digest = Digest::of(key.scheme().digest, b"artifact");
        let verifier = Verifier::PublicKey(key.public());
        let body = HashedRekordV2::body(&digest, b"signature", &verifier).unwrap();
        assert!(body.contains(details) && body.contains(algorithm), "{body}");
        let EntryBody::HashedRekordV2(read) = EntryBody::parse(body.as_bytes()).unwrap() else { panic!() };
        assert_eq!((read.verifier, read.digest), (VerifierDer::PublicKey(key.public().spki().to_vec()), digest));
        let request = HashedRekordV2::request(&digest, b"signature", &verifier).unwrap();
        assert!(Json::parse(request.as_bytes()).is_ok() && request.contains(details));
    }
}

#[test]
fn l04_digest_algorithms() {
    let (certificate, _) = Authority::root("root").leaf();
    for body in bodies(&certificate) {
        for (from, to) in [
            (r#""algorithm":"sha256","#, r#""algorithm":"md5","#),
            (r#""algorithm":"sha256","#, r#""algorithm":"SHA256","#),
            (r#""algorithm":"sha256","#, ""),
            (r#""algorithm":"SHA2_256","#, r#""algorithm":"sha256","#),
            (r#""algorithm":"SHA2_256","#, ""),
        ] {
            if body.contains(from) {
                assert_eq!(code(&body.replacen(from, to, 1)), "log-body-alg", "{to} in {body}");
            }
        }
        let longer = body.replacen("\"sha256\"", "\"sha512\"", 1).replacen("SHA2_256\"", "SHA2_512\"", 1);
        assert_eq!(code(&longer), "log-body-alg", "a digest of another length in {body}");
    }
}

#[test]
fn l06_kinds_and_versions() {
    let (certificate, _) = Authority::root("root").leaf();
    let [hashed, ..] = bodies(&certificate);
    for (from, to) in [("hashedrekord", "rekord"), ("hashedrekord", "HashedRekord"), ("0.0.1", "0.0.9")] {
        assert_eq!(code(&hashed.replacen(from, to, 1)), "log-kind", "{to}");
    }
    let dsse_v2 = r#"{"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{}}}"#;
    assert_eq!(code(dsse_v2), "log-kind");
    assert_eq!(code(r#"{"apiVersion":"0.0.1"}"#), "log-body-parse");
}

#[test]
fn l07_not_as_a_log_writes_it() {
    let (certificate, _) = Authority::root("root").leaf();
    for body in bodies(&certificate) {
        assert_eq!(code(&body), "accepted");
        for bad in [
            body.replacen("\"kind\":", "\"kind\":\"dsse\",\"kind\":", 1),
            body.replacen('{', "{\"a\":1,", 1),
            body.replacen("\"spec\":{", "\"spec\":{\"a\":1,", 1),
            body.replacen("\"signature", "\"added\":{},\"signature", 1),
            body.replacen(':', ": ", 1),
            body.replacen("\"kind\"", "\"\\u006bind\"", 1),
            body.replacen(r#""apiVersion":"0.0."#, r#""kind":"x","apiVersion":"0.0."#, 1),
            format!("{body}\n"),
            format!("\u{feff}{body}"),
            body[..body.len() - 1].to_owned(),
            String::new(),
            "null".to_owned(),
        ] {
            assert_eq!(code(&bad), "log-body-parse", "{bad}");
        }
        let swapped = body.replacen(r#"{"apiVersion""#, r#"{"zzzVersion""#, 1);
        assert_eq!(code(&swapped), "log-body-parse", "{swapped}");
    }
    assert_eq!(code(&" ".repeat(limits::LOG_BODY_BYTES + 1)), "limit-log-body");
}

#[test]
fn one_signature_is_logged() {
    let (certificate, _) = Authority::root("root").leaf();
    let [_, dsse, intoto, _] = bodies(&certificate);
    for body in [dsse, intoto] {
        let start = body.find("\"signatures\":[").unwrap() + 14;
        let end = start + body[start..].find(']').unwrap();
        let one = &body[start..end];
        assert_eq!(code(&body.replace(one, &format!("{one},{one}"))), "log-body-mismatch");
        assert_eq!(code(&body.replace(one, "")), "log-body-mismatch");
    }
}

#[test]
fn l10_pem_and_nothing_more() {
    let (certificate, key) = Authority::root("root").leaf();
    let verifier = Verifier::Certificate(&certificate);
    let pem = certificate.to_pem();
    let one_line =
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", base64::encode(certificate.der()));
    for good in [pem.clone(), pem.trim_end().to_owned(), one_line] {
        assert!(verifier.is_pem(good.as_bytes()), "{good}");
    }
    for bad in [
        format!("{pem}\n"),
        format!("\n{pem}"),
        format!(" {pem}"),
        pem.replace('\n', "\r\n"),
        pem.replacen('\n', "\n\n", 1),
        format!("{pem}{pem}"),
        format!("subject=someone\n{pem}"),
        key.public().to_pem(),
        String::new(),
    ] {
        assert!(!verifier.is_pem(bad.as_bytes()), "{bad:?}");
    }
    assert!(Verifier::PublicKey(key.public()).is_pem(key.public().to_pem().as_bytes()));
}

#[test]
fn proposals() {
    let (certificate, _) = Authority::root("root").leaf();
    let verifier = Verifier::Certificate(&certificate);
    let proposal = Dsse::proposal("{\"payload\":\"\"}", &verifier);
    let json = Json::parse(proposal.as_bytes()).unwrap();
    let content = json.member("spec").and_then(|spec| spec.member("proposedContent")).unwrap();
    assert_eq!(content.member("envelope").and_then(Json::as_str), Some("{\"payload\":\"\"}"));
    let pem = base64::encode(certificate.to_pem().as_bytes());
    assert_eq!(content.member("verifiers"), Some(&Json::Array(vec![Json::String(pem.into())])));
}
