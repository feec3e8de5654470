//! Why each rejected file must be refused, by what is wrong with it.

/// The code for a row or a conformance case, by the end of its folder's or file's name.
pub(crate) fn of(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches("/bundle.sigstore.json");
    REASONS.iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, code)| *code)
}

const REASONS: &[(&str, &str)] = &[
    // The conformance suite.
    ("bundle-empty-certificate-chain_fail", "bundle-material"),
    ("bundle-malformed-json_fail", "bundle-parse"),
    ("bundle-unknown-version_fail", "bundle-version"),
    // The root in a v0.1 chain is ignored; what is left is a proof without a checkpoint.
    ("bundle-with-root-cert_fail", "log-checkpoint-missing"),
    ("checkpoint-bad-keyhint_fail", "log-checkpoint-sig"),
    ("dsse-invalid-sig_fail", "sig-invalid"),
    ("dsse-mismatch-envelope_fail", "log-body-mismatch"),
    // The same key signed the same statement again: the signature is good, the entry is of the other one.
    ("dsse-mismatch-sig_fail", "log-body-mismatch"),
    ("inclusion-proof-corrupted-hash_fail", "log-proof-invalid"),
    ("integrated-time-in-future_fail", "cert-not-valid-at-time"),
    // A body that no log writes: Rekor encodes the signature twice.
    ("intoto-log-entry-mismatch_fail", "log-body-parse"),
    ("intoto-missing-inclusion-proof_fail", "log-proof-missing"),
    ("intoto-set-outside-signing-cert-validity_fail", "cert-not-valid-at-time"),
    ("invalid-checkpoint-signature_fail", "log-checkpoint-sig"),
    ("invalid-ct-key_fail", "sct-unknown-log"),
    ("invalid-inclusion-proof_fail", "log-checkpoint-missing"),
    ("managed-key-no-key_fail", "key-required"),
    ("managed-key-wrong-key_fail", "key-hint-mismatch"),
    ("rekor2-checkpoint-missing-log-signature_fail", "log-checkpoint-sig"),
    ("rekor2-checkpoint-missing-origin_fail", "log-checkpoint-parse"),
    ("rekor2-checkpoint-no-matching-signature_fail", "log-origin"),
    ("rekor2-dsse-invalid-sig_fail", "sig-invalid"),
    ("rekor2-no-inclusion-proof_fail", "log-proof-missing"),
    ("rekor2-no-timestamp_fail", "time-missing"),
    ("rekor2-timestamp-outside-trust-root-tsa-validity_fail", "tsa-not-valid-at-time"),
    ("rekor2-timestamp-payload-mismatch_fail", "tsa-imprint"),
    ("rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail", "tsa-untrusted"),
    // Line breaks in the base64; BEHIND_BASE64 has the rest.
    ("rekor2-timestamp-with-incorrect-time_fail", "bundle-base64"),
    ("signature-mismatch_fail", "sig-invalid"),
    ("wrong-hashedrekord-artifact_fail", "log-body-mismatch"),
    ("wrong-material_fail", "digest-mismatch"),
    // The other projects.
    ("dsse-2sigs.sigstore.json", "dsse-sig-count"),
    ("bundle-with-bad-checkpoint-signature.sigstore", "log-checkpoint-sig"),
    ("bundle-with-expired-cert.sigstore", "cert-not-valid-at-time"),
    ("bundle.dsse.mismatched-envelope.sigstore", "log-body-mismatch"),
    ("bundle.dsse.mismatched-signature.sigstore", "log-body-mismatch"),
    ("bundle.dsse.rekor-v2.bad-signature.sigstore", "sig-invalid"),
    ("bundle.dsse.rekor-v2.mismatched-envelope.sigstore", "log-body-mismatch"),
    ("bundle_cve_2022_36056.txt.sigstore", "log-body-mismatch"),
    ("bundle_invalid_version.txt.sigstore", "bundle-version"),
    ("bundle_no_cert_v1.txt.sigstore", "bundle-material"),
    ("bundle_no_checkpoint.txt.sigstore", "log-checkpoint-missing"),
    ("bundle_no_log_entry.txt.sigstore", "log-entry-missing"),
    ("bundle_v3_no_signed_time.txt.sigstore.json", "time-unauthenticated"),
    ("bundle.many_timestamp.sigstore", "limit-entries"),
    ("timestamps/payload_mismatch_bundle.json", "tsa-imprint"),
    ("-invalidsigprov.tgz.json#1", "sig-invalid"),
    ("-invalidsigpub.tgz.json", "sig-invalid"),
    // A changed character leaves stray bits; BEHIND_BASE64 has the rest.
    ("bundle/invalid-dsse-sig.intoto.sigstore", "bundle-base64"),
    ("bundle/invalid-set.intoto.sigstore", "bundle-base64"),
    ("bundle/mismatch-tlog.intoto.sigstore", "log-body-mismatch"),
    // The payload type was changed after the signature was made.
    ("npm-att-mismatch-prov-payloadtype.intoto.sigstore", "sig-invalid"),
    ("npm-att-mismatch-pub-payloadtype.intoto.sigstore", "sig-invalid"),
    // The statement was changed after the signature was made.
    ("npm-stmt-mismatch-prov-predicatetype.intoto.sigstore", "sig-invalid"),
    ("npm-stmt-mismatch-prov-type.intoto.sigstore", "sig-invalid"),
    ("npm-stmt-mismatch-pub-predicatetype.intoto.sigstore#1", "sig-invalid"),
    ("npm-stmt-mismatch-pub-type.intoto.sigstore#1", "sig-invalid"),
];

/// The npm publish attestations among the special rows.
pub(crate) const NPM_FAULTS: &[(&str, &str)] = &[
    ("npm-att-publish-invalid-signature.intoto.sigstore#1", "sig-invalid"),
    ("npm-att-publish-nodigest.intoto.sigstore#1", "subject-alg"),
    ("npm-att-publish-nosubjects.intoto.sigstore#1", "subject-empty"),
];

/// Files whose base64 is refused first, and what is wrong with them once it is repaired.
pub(crate) const BEHIND_BASE64: &[(&str, &str)] = &[
    ("rekor2-timestamp-with-incorrect-time_fail/bundle.sigstore.json", "cert-not-valid-at-time"),
    // The entry was made anew to fit the changed signature.
    ("bundle/invalid-dsse-sig.intoto.sigstore", "log-body-parse"),
    ("bundle/invalid-set.intoto.sigstore", "log-set-invalid"),
];
