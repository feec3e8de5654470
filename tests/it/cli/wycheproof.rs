//! S07 and S09 through the command line: every invalid signature of Wycheproof as a bundle over its message, with
//! the set's key.

use sealmark::base::crypto::{Digest, DigestAlgorithm, PublicKey};
use sealmark::base::encoding::base64;

use super::{json, sealmark, stderr};
use crate::wycheproof::{bytes, groups};

/// Sets whose scheme is that of their keys.
const SETS: [(&str, DigestAlgorithm); 5] = [
    ("ecdsa_secp256r1_sha256", DigestAlgorithm::Sha256),
    ("ecdsa_secp384r1_sha384", DigestAlgorithm::Sha384),
    ("ed25519", DigestAlgorithm::Sha512),
    ("rsa_signature_2048_sha256", DigestAlgorithm::Sha256),
    ("rsa_signature_3072_sha256", DigestAlgorithm::Sha256),
];

fn bundle(message: &[u8], signature: &[u8], digest: DigestAlgorithm) -> String {
    let name = match digest {
        DigestAlgorithm::Sha256 => "SHA2_256",
        DigestAlgorithm::Sha384 => "SHA2_384",
        DigestAlgorithm::Sha512 => "SHA2_512",
    };
    let (digest, signature) = (base64::encode(Digest::of(digest, message).as_bytes()), base64::encode(signature));
    format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":""}}}},"messageSignature":{{"messageDigest":{{"algorithm":"{name}","digest":"{digest}"}},"signature":"{signature}"}}}}"#
    )
}

#[test]
fn s07_s09_every_invalid_signature() {
    let mut asked = 0;
    for (set, digest) in SETS {
        let Some(groups) = groups(set) else { return };
        for group in groups {
            let Ok(key) = PublicKey::from_spki(&bytes(&group["publicKeyDer"])) else { continue };
            let folder = tempfile::tempdir().unwrap();
            let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
            write("key.pub", key.to_pem().as_bytes());
            let invalid = group["tests"].as_array().unwrap().iter().filter(|test| test["result"] == "invalid");
            let mut names = Vec::new();
            for test in invalid {
                let (message, name) = (bytes(&test["msg"]), test["tcId"].to_string());
                write(&name, &message);
                let bundle = bundle(&message, &bytes(&test["sig"]), digest);
                write(&format!("{name}.sigstore.json"), bundle.as_bytes());
                // A bundle without a signature is none.
                let expected = if test["sig"] == "" { "bundle-parse" } else { "sig-invalid" };
                names.push((name, expected));
            }
            if names.is_empty() {
                continue;
            }
            let fixed = ["verify", "blob", "--key", "key.pub", "--log-not-required-unsafe", "--format", "json"];
            let args: Vec<_> = fixed.into_iter().chain(names.iter().map(|(name, _)| name.as_str())).collect();
            let output = sealmark(&args).current_dir(folder.path()).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{set}: {}", stderr(&output));
            let document = json(&output);
            let verdicts = document["artifacts"].as_array().unwrap();
            assert_eq!(verdicts.len(), names.len());
            for (verdict, (name, expected)) in verdicts.iter().zip(&names) {
                assert_eq!(verdict["artifact"], *name);
                assert_eq!(verdict["error"]["code"], *expected, "{set} {name}");
            }
            asked += names.len();
        }
    }
    assert!(asked > 500, "only {asked} signatures");
    println!("{asked} invalid signatures");
}
