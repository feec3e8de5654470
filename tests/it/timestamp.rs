//! Real timestamp tokens under the trusted roots that they belong to, and `openssl` as a second opinion
//! about ours.

#[cfg(feature = "stack")]
mod openssl;

use std::path::Path;

use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::base::encoding::base64;
use sealmark::base::time::{UnixTime, ValidityPeriod};
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::timestamp::TimestampResponse;
use sealmark::format::trust::{Embedded, TrustedRoot};
use sealmark::verify::times::{TimestampAuthorities, check_chain};

use crate::vectors;

/// 2026-11-24T00:00:00Z: later than every vector.
const NOW: UnixTime = UnixTime::from_secs(1_795_478_400);

fn authorities(root: &Path) -> TimestampAuthorities {
    TimestampAuthorities::new(&TrustedRoot::parse(&vectors::read(root)).unwrap().timestamp_authorities)
}

/// What each token of a bundle proves: the time, or the code of the refusal.
fn verdicts(bundle: &Path, authorities: &TimestampAuthorities) -> Vec<String> {
    let bundle = UnverifiedBundle::parse(&vectors::read(bundle)).unwrap();
    let verify = |token: &Vec<u8>| match authorities.verify_token(token, bundle.claimed_content().signature(), NOW) {
        Ok(valid) => valid.time().to_string(),
        Err(error) => error.code().name().to_owned(),
    };
    bundle.claimed_timestamps().iter().map(verify).collect()
}

#[test]
fn embedded_authorities_hold() {
    for embedded in Embedded::ALL {
        let root = TrustedRoot::parse(embedded.trusted_root_json().as_bytes()).unwrap();
        assert!(!root.timestamp_authorities.is_empty());
        for authority in &root.timestamp_authorities {
            assert_eq!(check_chain(&authority.chain), Ok(()), "{} of {}", authority.name(), embedded.name());
        }
    }
}

/// The conformance suite's timestamps: the codes of its `_fail` cases, the times of the others.
#[test]
fn conformance_cases() {
    let Some(cases) = vectors::folder("sigstore-conformance/test/assets/bundle-verify") else { return };
    let check = |case: &str, expected: &[&str]| {
        let folder = cases.join(case);
        let authorities = authorities(&folder.join("trusted_root.json"));
        assert_eq!(verdicts(&folder.join("bundle.sigstore.json"), &authorities), expected, "{case}");
    };
    check("rekor2-happy-path", &["2025-06-12T12:02:20Z"]);
    check("rekor2-timestamp-with-embedded-cert", &["2025-08-06T18:51:36Z"]);
    check("rekor2-timestamp-without-embedded-cert", &["2025-08-06T19:03:51Z"]);
    check("intoto-with-custom-trust-root", &["2023-02-01T00:00:00Z"]);
    check("rekor2-timestamp-payload-mismatch_fail", &["tsa-imprint"]);
    check("rekor2-timestamp-outside-trust-root-tsa-validity_fail", &["tsa-not-valid-at-time"]);
    check("rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail", &["tsa-untrusted"]);
}

/// A token in order, for a time outside the signing certificate, which the walk refuses. Its base64 has
/// line breaks, so the bundle as a whole is refused before that.
#[test]
fn conformance_timestamp_with_incorrect_time() {
    const CASE: &str = "sigstore-conformance/test/assets/bundle-verify/rekor2-timestamp-with-incorrect-time_fail";
    let Some(case) = vectors::folder(CASE) else { return };
    let bundle: serde_json::Value = serde_json::from_slice(&vectors::read(&case.join("bundle.sigstore.json"))).unwrap();
    let bytes = |value: &serde_json::Value| base64::decode(&value.as_str().unwrap().replace('\n', "")).unwrap();
    let token = &bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"];
    let signature = bytes(&bundle["messageSignature"]["signature"]);
    let valid = authorities(&case.join("trusted_root.json")).verify_token(&bytes(token), &signature, NOW).unwrap();
    assert_eq!(valid.time().to_string(), "2025-07-15T10:33:31Z");
}

/// The window's last second belongs to it.
#[test]
fn t09_window_ends_with_the_token() {
    let Some(case) = vectors::folder("sigstore-conformance/test/assets/bundle-verify/rekor2-happy-path") else {
        return;
    };
    let root = TrustedRoot::parse(&vectors::read(&case.join("trusted_root.json"))).unwrap();
    let ending = |seconds| {
        let end = UnixTime::parse_rfc3339("2025-06-12T12:02:20Z").unwrap().plus_secs(seconds);
        let mut authority = root.timestamp_authorities[0].clone();
        authority.validity = ValidityPeriod::new(authority.validity.start(), Some(end)).unwrap();
        verdicts(&case.join("bundle.sigstore.json"), &TimestampAuthorities::new(&[authority]))
    };
    assert_eq!(ending(0), ["2025-06-12T12:02:20Z"]);
    assert_eq!(ending(-1), ["tsa-not-valid-at-time"]);
}

/// Every bundle of EXPECT.tsv with timestamps that must be accepted: every token is proven.
#[test]
fn accepted_bundles() {
    let Some(root) = vectors::folder(".") else { return };
    let expect = String::from_utf8(vectors::read(&root.join("EXPECT.tsv"))).unwrap();
    let mut tokens = 0;
    for row in expect.lines().skip(1) {
        let columns: Vec<_> = row.split('\t').collect();
        let (bundle, expected, trusted_root) = (columns[0], columns[1], columns[3]);
        let count: usize = columns.get(10).and_then(|count| count.parse().ok()).unwrap_or_default();
        if expected != "accept" || count == 0 {
            continue;
        }
        let times = verdicts(&root.join(bundle), &authorities(&root.join(trusted_root)));
        assert_eq!(times.len(), count, "{bundle}");
        assert!(times.iter().all(|time| time.starts_with("202")), "{bundle}: {times:?}");
        tokens += times.len();
    }
    assert!(tokens > 15, "{tokens}");
}

#[test]
fn tokens_of_sigstore_python() {
    let Some(assets) = vectors::folder("sigstore-python/test/assets/tsa") else { return };
    // Two authorities of one name: the tokens are of the first. The second token is over `hello`.
    let authority = String::from_utf8(vectors::read(&assets.join("ca.json"))).unwrap();
    let root = |authorities: &str| {
        let media_type = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
        let json = format!(r#"{{"mediaType":"{media_type}","timestampAuthorities":{authorities}}}"#);
        TimestampAuthorities::new(&TrustedRoot::parse(json.as_bytes()).unwrap().timestamp_authorities)
    };
    let bundle = assets.join("bundle.txt.sigstore");
    let verdict = verdicts(&bundle, &root(&format!("[{authority}]")));
    assert_eq!(verdict, ["2024-10-31T10:23:39Z", "tsa-imprint"]);
    let config: serde_json::Value = serde_json::from_slice(&vectors::read(&assets.join("trust_config.json"))).unwrap();
    let other = config["trustedRoot"]["timestampAuthorities"].to_string();
    assert_eq!(verdicts(&bundle, &root(&other)), ["tsa-untrusted", "tsa-untrusted"]);
    let response = vectors::read(&assets.join("issue1482-timestamp-with-no-cert"));
    assert!(matches!(TimestampResponse::parse(&response), Ok(TimestampResponse::Granted(_))));
}

#[test]
fn bare_responses() {
    let Some(java) = vectors::folder("sigstore-java") else { return };
    let folder = java.join("sigstore-java/src/test/resources/dev/sigstore/samples/timestamp-response");
    let root = TrustedRoot::parse(Embedded::Staging.trusted_root_json().as_bytes()).unwrap();
    let authorities = TimestampAuthorities::new(&root.timestamp_authorities);
    let code = |path: &Path| {
        let result = authorities.verify_token(&vectors::read(path), b"", NOW);
        result.unwrap_err().code().name()
    };
    assert_eq!(code(&folder.join("valid/freetsa_response.tsr")), "tsa-untrusted");
    assert_eq!(code(&folder.join("invalid/sigstore_tsa_response_invalid.tsr")), "tsa-parse");
    // Its imprint is the digest's hexadecimal text, 64 bytes under SHA-256.
    assert_eq!(code(&folder.join("valid/sigstore_tsa_response_with_embedded_certs.tsr")), "tsa-imprint");
    assert_eq!(code(&folder.join("valid/sigstore_tsa_response_without_embedded_certs.tsr")), "tsa-imprint");
    let Some(tsa) = vectors::folder("timestamp-authority") else { return };
    let injected = tsa.join("pkg/verification/testdata/response-injected-certs.tsr");
    assert_eq!(code(&injected), "tsa-untrusted");
    let response = vectors::read(&injected);
    let Ok(TimestampResponse::Granted(token)) = TimestampResponse::parse(&response) else { panic!("not granted") };
    assert_eq!(token.certificates.len(), 3);
    assert_eq!(token.info.imprint.digest(), Digest::of(DigestAlgorithm::Sha512, b"hello"));
}
