//! S09: the Wycheproof sets for every algorithm that a [`PublicKey`] verifies, and the refusal of the keys
//! of those that it does not.
//!
//! Left out: `json_web_signature_test.json` (tokens are not read by `PublicKey`).

use sealmark::base::crypto::digest::DigestAlgorithm::{self, Sha256, Sha384, Sha512};
use sealmark::base::crypto::public_key::PublicKey;
use sealmark::base::crypto::scheme::{Family, Scheme};
use sealmark::base::encoding::hex;
use serde_json::Value;

use crate::vectors;

/// A set and the scheme that it is of.
const SETS: &[(&str, Family, DigestAlgorithm)] = &[
    ("ecdsa_secp256r1_sha256", Family::Ecdsa, Sha256),
    ("ecdsa_secp384r1_sha384", Family::Ecdsa, Sha384),
    ("ed25519", Family::Ed25519, Sha512),
    ("rsa_signature_2048_sha256", Family::RsaPkcs1, Sha256),
    ("rsa_signature_2048_sha512", Family::RsaPkcs1, Sha512),
    ("rsa_signature_3072_sha256", Family::RsaPkcs1, Sha256),
    ("rsa_signature_4096_sha256", Family::RsaPkcs1, Sha256),
    ("rsa_pss_2048_sha256_mgf1_32", Family::RsaPss, Sha256),
    ("rsa_pss_4096_sha256_mgf1_32", Family::RsaPss, Sha256),
    ("rsa_pss_4096_sha512_mgf1_64", Family::RsaPss, Sha512),
];

pub(crate) fn groups(name: &str) -> Option<Vec<Value>> {
    let folder = vectors::folder("wycheproof/testvectors_v1")?;
    let set: Value = serde_json::from_slice(&vectors::read(&folder.join(format!("{name}_test.json")))).unwrap();
    Some(set["testGroups"].as_array().unwrap().clone())
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// Runs one set; returns how many signatures were accepted.
fn run(name: &str, scheme: Scheme, expect: impl Fn(&Value) -> bool) -> Option<usize> {
    let mut accepted = 0;
    let mut wrong = Vec::new();
    for group in groups(name)? {
        let key = PublicKey::from_spki(&bytes(&group["publicKeyDer"]));
        for test in group["tests"].as_array().unwrap() {
            let verdict = key.clone().and_then(|key| key.verify(scheme, &bytes(&test["msg"]), &bytes(&test["sig"])));
            accepted += usize::from(verdict.is_ok());
            if verdict.is_ok() != expect(test) {
                wrong.push(format!("{name} {}: {verdict:?} {} {}", test["tcId"], test["comment"], test["flags"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} verdicts differ:\n{}", wrong.len(), wrong.join("\n"));
    Some(accepted)
}

/// Valid, but for keys with the exponent 3, which are refused as weak (C34). `acceptable` is refused too:
/// no encoding but the one that a signer writes.
fn valid(test: &Value) -> bool {
    let small_exponent = test["flags"].as_array().unwrap().iter().any(|flag| flag == "SmallPublicKey");
    test["result"] == "valid" && !small_exponent
}

#[test]
fn s09_every_supported_algorithm() {
    for (name, family, digest) in SETS {
        let scheme = Scheme { family: *family, digest: *digest };
        let Some(accepted) = run(name, scheme, valid) else { return };
        assert!(accepted > 5, "{name}: only {accepted} accepted");
    }
}

/// A salt shorter than the digest is another scheme.
#[test]
fn s07_pss_salt_of_another_length() {
    let scheme = Scheme { family: Family::RsaPss, digest: Sha512 };
    if let Some(accepted) = run("rsa_pss_4096_sha512_mgf1_32", scheme, |_| false) {
        assert_eq!(accepted, 0);
    }
}

#[test]
fn c35_c38_keys_of_other_algorithms() {
    for name in ["ecdsa_secp256k1_sha256", "mldsa_65_verify"] {
        let Some(groups) = groups(name) else { return };
        for group in groups {
            let Some(spki) = group["publicKeyDer"].as_str() else { continue };
            let error = PublicKey::from_spki(&hex::decode(spki).unwrap()).unwrap_err();
            assert_eq!(error.code().name(), "cert-key-alg", "{name}: {error}");
        }
    }
}

/// A signature is verified by the scheme of its key alone.
#[test]
fn s08_scheme_of_another_key() {
    let Some(groups) = groups("ecdsa_secp256r1_sha256") else { return };
    let key = PublicKey::from_spki(&bytes(&groups[0]["publicKeyDer"])).unwrap();
    for family in [Family::RsaPkcs1, Family::RsaPss, Family::Ed25519] {
        let error = key.verify(Scheme { family, digest: Sha256 }, b"", b"").unwrap_err();
        assert_eq!(error.code().name(), "sig-alg");
    }
}
