//! Real bundles that no one here made, through the library: every row of `EXPECT.tsv` and every case of the
//! conformance suite has its verdict, and each refusal is for the fault that the file has.
//!
//! Left out: conformance folders without a bundle (the vectors do not hold them).

mod command_line;
pub(crate) mod ours;
mod reasons;
pub(crate) mod row;

use sealmark::admit::Trust;
use sealmark::base::crypto::PublicKey;
use sealmark::base::time::{UnixTime, ValidityPeriod};
use sealmark::verify::{KeyTrust, Promise};

use ours::{Given, Verdict, verdict};
use row::{Artifact, Row};

use crate::vectors;

/// A verdict in a word: `accept` or the code.
fn word(verdict: &Verdict) -> &str {
    verdict.as_ref().map_or_else(|(code, _)| code.as_str(), |()| "accept")
}

/// What each of `rows` must give, against what it gives; empty when all is well.
fn differences<'a>(rows: impl IntoIterator<Item = (&'a Row, Given, Trust, &'a str)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (row, given, trust, expected) in rows {
        let found = verdict(row, given, &trust);
        if word(&found) != expected {
            wrong.push(format!("{} ({given:?}): {expected} expected, found {found:?}", row.name));
        }
    }
    wrong
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} verdicts differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn sha256_of(bytes: &[u8]) -> String {
    sealmark::verify::Artifact::from_bytes(bytes).shown_digest().to_string()
}

/// Rows whose expectation starts with `word`.
fn rows_of(word: &str) -> Option<Vec<Row>> {
    Some(row::expected()?.into_iter().filter(|row| row.expect.starts_with(word)).collect())
}

#[test]
fn accept_rows() {
    let Some(rows) = rows_of("accept") else { return };
    assert!(rows.len() > 250, "{} rows", rows.len());
    // A promise is no proof, whatever the peers say: those rows are in `promises` too.
    let proven = rows.iter().filter(|row| !row.rests_on_promise());
    assert_none(&differences(proven.map(|row| (row, Given::Bytes, ours::trust(row, Promise::Refused), "accept"))));
}

#[test]
fn reject_rows() {
    let Some(mut rows) = rows_of("reject") else { return };
    for row in &mut rows {
        complete(row);
    }
    assert!(rows.len() > 60, "{} rows", rows.len());
    let cases = rows.iter().map(|row| {
        let reason = reasons::of(&row.name).unwrap_or("(the table of reasons has no line)");
        (row, Given::Bytes, ours::trust(row, Promise::Refused), reason)
    });
    assert_none(&differences(cases));
}

/// Entries with a SET and no proof: refused, and accepted by explicit words; the media type has no say.
#[test]
fn b09_promises() {
    let Some(rows) = row::expected() else { return };
    let rows: Vec<_> = rows.into_iter().filter(Row::is_promise_row).collect();
    assert!(rows.len() > 10, "{} rows", rows.len());
    let cases =
        |promise, expected| rows.iter().map(move |row| (row, Given::Bytes, ours::trust(row, promise), expected));
    let mut wrong = differences(cases(Promise::Refused, "log-proof-missing"));
    wrong.extend(differences(cases(Promise::Accepted, "accept")));
    assert_none(&wrong);
}

#[test]
fn conformance_by_path_and_by_digest() {
    let Some(mut rows) = row::conformance() else { return };
    assert!(rows.len() > 40, "{} cases", rows.len());
    rows.retain(|row| !WITHOUT_ROOT.contains(&row.name.as_str()));
    for row in &mut rows {
        complete(row);
    }
    let cases = rows.iter().flat_map(|row| {
        let expected = if row.expect == "accept" { "accept" } else { reasons::of(&row.name).unwrap_or("(no line)") };
        [Given::Bytes, Given::Digest].map(|given| (row, given, ours::trust(row, Promise::Refused), expected))
    });
    assert_none(&differences(cases));
}

/// Cases about a trusted root that the vectors do not hold: see [`trust_root_cases`].
const WITHOUT_ROOT: [&str; 2] =
    ["trust-root-tlog-missing-validity-start_fail", "trust-root-tsa-validity-end-inclusive"];

/// Adds what a row leaves out: the wrong key of the case that needs one, and the staging root for staging
/// bundles whose fault would hide behind an unknown log.
fn complete(row: &mut Row) {
    const STAGING: [&str; 2] = ["bundle_no_checkpoint.txt.sigstore", "payload_mismatch_bundle.json"];
    if row.name.contains("managed-key-wrong-key_fail") {
        row.key = Some(OTHER_KEY.to_owned());
    }
    if STAGING.iter().any(|suffix| row.name.ends_with(suffix)) {
        let root = vectors::folder("root-signing-staging/targets").unwrap();
        row.trusted_root = vectors::read(&root.join("trusted_root.json"));
    }
}

/// The two cases whose trusted roots are made here, from that of another case.
#[test]
fn trust_root_cases() {
    let Some(rows) = row::conformance() else { return };
    let with_root = |name: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut root = serde_json::from_slice(&one(&rows, "rekor2-happy-path").trusted_root).unwrap();
        change(&mut root);
        let mut row = one(&rows, name).clone();
        row.trusted_root = serde_json::to_vec(&root).unwrap();
        verdict(&row, Given::Bytes, &ours::trust(&row, Promise::Refused))
    };
    // L32: a log whose validity has no start.
    let without_start = with_root(WITHOUT_ROOT[0], &|root| {
        for log in root["tlogs"].as_array_mut().unwrap() {
            log["publicKey"]["validFor"].as_object_mut().unwrap().remove("start");
        }
    });
    assert_eq!(word(&without_start), "trust-root-parse", "{without_start:?}");
    // L31: the authority's last second, and the one before it. The timestamp is of that second.
    for (end, expected) in [("2025-06-12T12:02:20Z", "accept"), ("2025-06-12T12:02:19Z", "tsa-not-valid-at-time")] {
        let found = with_root(WITHOUT_ROOT[1], &|root| {
            for authority in root["timestampAuthorities"].as_array_mut().unwrap() {
                authority["validFor"]["end"] = end.into();
            }
        });
        assert_eq!(word(&found), expected, "{end}: {found:?}");
    }
}

/// A P-256 key that signed none of the vectors.
const OTHER_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";

fn one<'a>(rows: &'a [Row], suffix: &str) -> &'a Row {
    rows.iter().find(|row| row.name.ends_with(suffix)).unwrap_or_else(|| panic!("no row {suffix}"))
}

/// Signatures of models by a bare key, in no log: only by the words that say so.
#[test]
fn special_model_keys() {
    let Some(rows) = rows_of("special") else { return };
    for suffix in ["v1.0.0-elliptic-key/model.sig", "v1.0.1-elliptic-key/model.sig"] {
        let row = one(&rows, suffix);
        let key = PublicKey::from_pem(row.key.as_ref().unwrap()).unwrap();
        let trust = |key: KeyTrust| Trust::Key(Box::new(key));
        let logged = verdict(row, Given::Digest, &trust(KeyTrust::logged(key.clone())));
        assert_eq!(word(&logged), "log-entry-missing", "{suffix}");
        let waived = verdict(row, Given::Digest, &trust(KeyTrust::without_log_unsafe(key)));
        assert_eq!(word(&waived), "accept", "{suffix}: {waived:?}");
        let other = KeyTrust::without_log_unsafe(PublicKey::from_pem(OTHER_KEY).unwrap());
        assert_eq!(word(&verdict(row, Given::Digest, &trust(other))), "key-hint-mismatch", "{suffix}");
    }
}

/// Signatures of models by a certificate: a chain in a v0.3 bundle is a mix of versions, and is refused
/// whatever is trusted.
#[test]
fn b08_special_model_certificates() {
    let Some(rows) = rows_of("special") else { return };
    for row in rows.iter().filter(|row| row.name.ends_with("-certificate/model.sig")) {
        assert_eq!(word(&verdict(row, Given::Digest, &ours::trust(row, Promise::Accepted))), "bundle-version-mix");
    }
}

/// B25: a managed key with a window, proven by a timestamp of 2026-06-04 17:43:29, in no log.
#[test]
fn b25_special_key_validity() {
    let Some(rows) = rows_of("special") else { return };
    let row = one(&rows, "public-key-validity.sigstore.json");
    let key = PublicKey::from_pem(row.key.as_ref().unwrap()).unwrap();
    let time = |text| UnixTime::parse_rfc3339(text).unwrap();
    let until = |end| {
        let period = ValidityPeriod::new(time("2026-06-01T00:00:00Z"), Some(time(end))).unwrap();
        Trust::Key(Box::new(KeyTrust::without_log_unsafe(key.clone()).valid_for(period)))
    };
    let logged = Trust::Key(Box::new(KeyTrust::logged(key.clone())));
    assert_eq!(word(&verdict(row, Given::Digest, &logged)), "log-entry-missing");
    let within = verdict(row, Given::Digest, &until("2026-07-01T00:00:00Z"));
    assert_eq!(word(&within), "accept", "{within:?}");
    let outside = verdict(row, Given::Digest, &until("2026-06-04T17:43:28Z"));
    assert_eq!(word(&outside), "key-not-valid-at-time", "{outside:?}");
}

/// A Fulcio username in an otherName: the rule names it as it stands in the certificate.
#[test]
fn special_other_name() {
    let Some(rows) = rows_of("special") else { return };
    for row in rows.iter().filter(|row| row.name.ends_with("othername.sigstore.json")) {
        let mut row = row.clone();
        assert_eq!(word(&verdict(&row, Given::Digest, &ours::trust(&row, Promise::Refused))), "identity-mismatch");
        row.identity = "foo!oidc.local".to_owned();
        let found = verdict(&row, Given::Digest, &ours::trust(&row, Promise::Refused));
        assert_eq!(word(&found), "accept", "{found:?}");
    }
}

/// Publish attestations that name their fault, key-signed and with a promise: refused for the fault even
/// where the promise is accepted.
#[test]
fn special_npm_faults() {
    let Some(rows) = rows_of("special") else { return };
    for (suffix, reason) in reasons::NPM_FAULTS {
        let row = one(&rows, suffix);
        let found = verdict(row, Given::Bytes, &ours::trust(row, Promise::Accepted));
        assert_eq!(word(&found), *reason, "{suffix}: {found:?}");
    }
}

/// Where the peers differ, we chose.
#[test]
fn disputed_rows() {
    let Some(rows) = rows_of("disputed") else { return };
    // `dsse/0.0.2` was withdrawn from Rekor v2 before it was used: only sigstore-js still reads it.
    let old = one(&rows, "bundle.dsse.rekor-v2.bad-entry-type.sigstore");
    assert_eq!(word(&verdict(old, Given::Bytes, &ours::trust(old, Promise::Refused))), "log-kind");
    // Sound; sigstore-rust's refusal was of the digest that it was run with.
    let sound = one(&rows, "a.dsse.staging-rekor-v2.txt.sigstore.json");
    let found = verdict(sound, Given::Bytes, &ours::trust(sound, Promise::Refused));
    assert_eq!(word(&found), "accept", "{found:?}");
}

/// Strict base64 hides the fault that these files were made for; with the encoding repaired it shows.
#[test]
fn faults_behind_the_encoding() {
    let Some(rows) = row::expected() else { return };
    for (suffix, reason) in reasons::BEHIND_BASE64 {
        let mut row = one(&rows, suffix).clone();
        row.bundle = repair_base64(&row.bundle);
        let found = verdict(&row, Given::Bytes, &ours::trust(&row, Promise::Accepted));
        assert_eq!(word(&found), *reason, "{suffix}: {found:?}");
    }
}

/// Takes line breaks out of every string, and clears the bits that padding leaves over.
fn repair_base64(bundle: &[u8]) -> Vec<u8> {
    fn repair(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                let joined: String = text.split_ascii_whitespace().collect();
                if let Some(repaired) = lenient_base64(&joined) {
                    *text = repaired;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(repair),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(repair),
            _ => {}
        }
    }
    let mut bundle = serde_json::from_slice(bundle).unwrap();
    repair(&mut bundle);
    serde_json::to_vec(&bundle).unwrap()
}

/// `text` in canonical base64, when it is base64 but for stray bits before the padding.
fn lenient_base64(text: &str) -> Option<String> {
    use base64::engine::general_purpose::PAD;
    use base64::{Engine as _, alphabet, engine::GeneralPurpose};
    let lenient = GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));
    lenient.decode(text).ok().map(|bytes| sealmark::base::encoding::base64::encode(&bytes))
}

/// The artifact itself is what counts: another file is refused under every accepted bundle.
#[test]
fn s01_another_artifact() {
    let Some(rows) = rows_of("accept") else { return };
    for row in rows.iter().filter(|row| row.key.is_none()).step_by(7) {
        let mut row = row.clone();
        row.artifact = Artifact::Digest(format!("sha256:{}", "11".repeat(32)));
        let found = verdict(&row, Given::Bytes, &ours::trust(&row, Promise::Accepted));
        assert!(
            matches!(word(&found), "digest-mismatch" | "digest-missing" | "subject-mismatch" | "subject-alg"),
            "{found:?}"
        );
    }
}
