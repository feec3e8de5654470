//! The rows of the bundle container. A key-signed bundle stands in for all: the certificate's own rows are
//! `format::x509`'s.

use super::*;
use crate::base::code::Code;
use crate::base::limits;
use crate::verify::testing::cases;

fn entry() -> LogEntry {
    LogEntry {
        log_index: 7,
        log_id: vec![1; 32],
        kind: "hashedrekord".to_owned(),
        version: "0.0.2".to_owned(),
        integrated_time: 0,
        inclusion_promise: None,
        inclusion_proof: Some(InclusionProof {
            log_index: 7,
            root_hash: vec![2; 32],
            tree_size: 8,
            hashes: vec![[3; 32]],
            checkpoint: Some("note".to_owned()),
        }),
        canonicalized_body: b"{}".to_vec(),
    }
}

fn good() -> UnverifiedBundle {
    UnverifiedBundle::assemble(
        VerificationMaterial::PublicKey { hint: "key".to_owned(), raw: None },
        vec![entry()],
        vec![vec![0x30, 0]],
        Content::Message { digest: Some(Digest::of(DigestAlgorithm::Sha256, b"x")), signature: vec![9; 70] },
    )
}

fn dsse() -> UnverifiedBundle {
    let envelope = Envelope {
        payload_type: dsse::IN_TOTO.to_owned(),
        payload: b"{}".to_vec(),
        signature: vec![1],
        key_id: String::new(),
    };
    UnverifiedBundle { content: Content::Dsse(envelope), ..good() }
}

fn code(json: &str) -> &'static str {
    refusal(json.as_bytes()).name()
}

/// The refusal of bytes, written out as a case.
fn refusal(bytes: &[u8]) -> Code {
    let code = UnverifiedBundle::parse(bytes).unwrap_err().code();
    cases::bundle(bytes, code);
    code
}

/// Replaces a text that must be there, in the good message bundle.
fn with(from: &str, to: &str) -> String {
    replaced(&good().to_json(), from, to)
}

fn replaced(json: &str, from: &str, to: &str) -> String {
    assert!(json.contains(from), "{from} is not in {json}");
    json.replacen(from, to, 1)
}

#[test]
fn b29_round_trip() {
    for bundle in [good(), dsse()] {
        let json = bundle.to_json();
        assert_eq!(UnverifiedBundle::parse(json.as_bytes()), Ok(bundle.clone()));
        let old = replaced(&json, MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.1");
        assert_eq!(UnverifiedBundle::parse(old.as_bytes()).unwrap().claimed_version(), Version::V0_1);
    }
    // Omitted defaults parse (cosign leaves them out).
    assert!(UnverifiedBundle::parse(with(r#""integratedTime":"0","inclusionPromise":null,"#, "").as_bytes()).is_ok());
}

#[test]
fn b01_size_before_parse() {
    assert_eq!(code(&" ".repeat(limits::BUNDLE_BYTES + 1)), "limit-bundle-size");
    let lines = vec![b' '; limits::BUNDLES_BYTES + 1];
    assert_eq!(UnverifiedBundle::parse_lines(&lines).unwrap_err().code().name(), "limit-bundle-size");
}

#[test]
fn b02_b18_b27_b28_not_a_bundle() {
    let good = good().to_json();
    for text in ["", "null", "[]", "1", "\u{feff}{}", "\u{0}", &good[..good.len() - 1]] {
        assert_eq!(code(text), "bundle-parse", "{text:?}");
    }
    for bytes in [&b"\x1f\x8b\x08\x00"[..], b"\x0a\x2d\x61\x70\x70", b"\xff\xfe{\x00}\x00"] {
        assert_eq!(refusal(bytes).name(), "bundle-parse");
    }
    assert_eq!(code(&with("\"hint\":\"key\"", "\"hint\":\"\\ud800\"")), "bundle-parse");
}

#[test]
fn b03_depth() {
    assert_eq!(code(&with("\"0\"", &("[".repeat(10_000) + &"]".repeat(10_000)))), "limit-depth");
}

#[test]
fn b04_duplicate_keys_at_each_level() {
    for (bundle, key) in [
        (good(), "mediaType"),
        (good(), "hint"),
        (good(), "logIndex"),
        (good(), "messageDigest"),
        (good(), "signature"),
        (dsse(), "payload"),
        (dsse(), "payloadType"),
        (dsse(), "signatures"),
        (dsse(), "keyid"),
    ] {
        let json = bundle.to_json();
        let twice = replaced(&json, &format!("\"{key}\":"), &format!("\"{key}\":null,\"{key}\":"));
        assert_eq!(code(&twice), "bundle-dup-key", "{key}");
    }
}

#[test]
fn b05_snake_case() {
    assert_eq!(code(&with("\"messageSignature\"", "\"message_signature\"")), "bundle-content");
    let both = with("\"messageSignature\"", "\"message_signature\":{},\"messageSignature\"");
    assert_eq!(code(&both), "bundle-unknown-field");
    assert_eq!(code(&with("\"logIndex\"", "\"log_index\":\"7\",\"logIndex\"")), "bundle-unknown-field");
}

#[test]
fn b06_unknown_field() {
    assert_eq!(code(&with("{", "{\"extra\":1,")), "bundle-unknown-field");
    assert_eq!(code(&with("\"hint\"", "\"extra\":1,\"hint\"")), "bundle-unknown-field");
}

#[test]
fn b07_media_type() {
    let wrong = [
        "",
        "application/json",
        "application/vnd.dev.sigstore.bundle.v0.4+json",
        "application/vnd.dev.sigstore.bundle+json;version=99",
        "application/vnd.dev.sigstore.bundle+json;version=0.1;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.1;charset=utf-8",
    ];
    for media_type in wrong {
        assert_eq!(code(&with(MEDIA_TYPE, media_type)), "bundle-version", "{media_type}");
    }
    assert_eq!(code(&with("\"mediaType\"", "\"mediatype\"")), "bundle-version");
}

#[test]
fn b08_version_mix() {
    let chain = with("\"publicKey\":{\"hint\":\"key\"}", "\"x509CertificateChain\":{\"certificates\":[]}");
    assert_eq!(code(&chain), "bundle-version-mix");
    let single = with("\"publicKey\":{\"hint\":\"key\"}", "\"certificate\":{\"rawBytes\":\"AA==\"}");
    let old = replaced(&single, MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.2");
    assert_eq!(code(&old), "bundle-version-mix");
}

#[test]
fn b10_content() {
    assert_eq!(code(&with("\"messageSignature\":{", "\"dsseEnvelope\":{},\"messageSignature\":{")), "bundle-content");
    assert_eq!(
        code(&with("\"messageSignature\":{", "\"dsseEnvelope\":null,\"messageSignature\":null,\"x\":{")),
        "bundle-content"
    );
}

#[test]
fn b11_b12_material() {
    let key = "\"publicKey\":{\"hint\":\"key\"}";
    for other in [
        "\"publicKey\":null",
        "\"publicKey\":{\"hint\":\"key\"},\"certificate\":{\"rawBytes\":\"AA==\"}",
        "\"certificate\":{\"rawBytes\":\"\"}",
        "\"certificate\":{}",
    ] {
        assert_eq!(code(&with(key, other)), "bundle-material", "{other}");
    }
    let chain = with(key, "\"x509CertificateChain\":{\"certificates\":[]}");
    let old = replaced(&chain, MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.1");
    assert_eq!(code(&old), "bundle-material");
}

#[test]
fn b13_material_missing() {
    assert_eq!(code(&with("\"verificationMaterial\":{", "\"verificationMaterial\":null,\"x\":{")), "bundle-parse");
}

#[test]
fn b14_too_many() {
    let mut many = good();
    many.log_entries = vec![entry(); limits::LOG_ENTRIES + 1];
    assert_eq!(code(&many.to_json()), "limit-entries");
    let mut many = good();
    many.timestamps = vec![vec![1]; limits::TIMESTAMPS + 1];
    assert_eq!(code(&many.to_json()), "limit-entries");
}

#[test]
fn b15_base64() {
    let signature = crate::base::encoding::base64::encode(&[9; 70]);
    let other = |text: String| code(&with(&format!("\"{signature}\""), &format!("\"{text}\"")));
    let bare = signature.trim_end_matches('=');
    for text in [
        bare.to_owned(),
        format!("{signature}="),
        format!(" {signature}"),
        format!("{}\\n", signature),
        signature.replacen("CQ", "_-", 1),
        format!("{}B==", &bare[..bare.len() - 1]),
    ] {
        assert_eq!(other(text.clone()), "bundle-base64", "{text}");
    }
}

#[test]
fn b17_integers() {
    for value in [
        "\"1e3\"",
        "1.0",
        "1e3",
        "-1",
        "\"-1\"",
        "\"9223372036854775808\"",
        "18446744073709551616",
        "\"07\"",
        "\" 7\"",
        "\"+7\"",
        "\"0x7\"",
        "\"\"",
        "true",
    ] {
        assert_eq!(code(&with("\"logIndex\":\"7\"", &format!("\"logIndex\":{value}"))), "bundle-int", "{value}");
        assert_eq!(code(&with("\"treeSize\":\"8\"", &format!("\"treeSize\":{value}"))), "bundle-int", "{value}");
        assert_eq!(
            code(&with("\"integratedTime\":\"0\"", &format!("\"integratedTime\":{value}"))),
            "bundle-int",
            "{value}"
        );
    }
    assert!(UnverifiedBundle::parse(with("\"logIndex\":\"7\"", "\"logIndex\":7").as_bytes()).is_ok());
}

#[test]
fn b19_lines() {
    let good = good().to_json();
    let verdicts = |text: &str| {
        let parsed = UnverifiedBundle::parse_lines(text.as_bytes()).unwrap();
        parsed.into_iter().map(|line| line.map_or_else(|error| error.code().name(), |_| "ok")).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&good), ["ok"]);
    assert_eq!(verdicts(&format!("{good}\n{good}\n\n")), ["ok", "ok"]);
    assert_eq!(verdicts(&format!("{{}}\n{good}")), ["bundle-version", "ok"]);
    assert_eq!(verdicts(&format!("{good}{good}")), ["bundle-trailing"]);
    assert_eq!(verdicts("{\n\"a\":\n"), ["bundle-parse"]);
    let many = "{}\n".repeat(limits::BUNDLES + 1);
    assert_eq!(UnverifiedBundle::parse_lines(many.as_bytes()).unwrap_err().code().name(), "limit-bundles");
}

#[test]
fn b20_message_digest() {
    for (from, to) in [
        ("\"SHA2_256\"", "\"SHA2_512\""),
        ("\"SHA2_256\"", "1"),
        ("\"SHA2_256\"", "\"HASH_ALGORITHM_UNSPECIFIED\""),
        ("\"SHA2_256\"", "\"sha256\""),
        ("\"SHA2_256\"", "null"),
    ] {
        assert_eq!(code(&with(from, to)), "digest-alg", "{to}");
    }
}

#[test]
fn b26_legacy_cosign() {
    assert_eq!(code(r#"{"base64Signature":"AA==","cert":"x","rekorBundle":{}}"#), "bundle-version");
}

#[test]
fn b30_public_key_in_the_certificate_field() {
    let spki = "MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=";
    let pem = crate::base::encoding::base64::encode(b"-----BEGIN PUBLIC KEY-----\n");
    for raw in [spki, &pem] {
        let bundle = with("\"publicKey\":{\"hint\":\"key\"}", &format!("\"certificate\":{{\"rawBytes\":\"{raw}\"}}"));
        assert_eq!(code(&bundle), "bundle-material");
    }
}

#[test]
fn s10_a21_signature_count() {
    let one = "{\"sig\":\"AQ==\",\"keyid\":\"\"}";
    assert_eq!(code(&replaced(&dsse().to_json(), one, "")), "dsse-sig-count");
    assert_eq!(code(&replaced(&dsse().to_json(), one, &format!("{one},{one}"))), "dsse-sig-count");
}

#[test]
fn l15_too_many_hashes() {
    let mut many = good();
    many.log_entries[0].inclusion_proof.as_mut().unwrap().hashes = vec![[0; 32]; limits::PROOF_HASHES + 1];
    assert_eq!(code(&many.to_json()), "limit-entries");
}
