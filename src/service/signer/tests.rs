use super::*;
use crate::base::crypto::KeyKind;
use crate::service::environment::FixedEnvironment;
use crate::service::http::fake::block_on;

// Made by `openssl genpkey` for these tests; they sign nothing else.
const P256: &str = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZwJqZeniYFCmA6FC\nyd6AomxwZxyw430UIfa1mVX4NzWhRANCAAS6dnPdiATmF5FrJ8hu2V5FoQjLSXHG\n4KjpLgpfyU8bvIqwr2BgZmNAHgmGKtgE/FZXceHCTYAGjzahu2LC8r2T\n-----END PRIVATE KEY-----\n";
const P384: &str = "-----BEGIN PRIVATE KEY-----\nMIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBblyWSqOfB1YTwEglj\nV3sBzRP/qabWRajOdsaxb5L9KD0leYH//RCsfyOMyeoWk8WhZANiAAQI5clxJ5+T\n/rIGBlsUxRJYGCNq868EYvgCdUWY1ELD/4gfZ8PzZT7RgHeYsqUuerCzWF7sF1Fv\nwKxtf8CbC3J8D/xqZvXabxG80aIjHmNokKMAWeqcZRDgrHbmI6bSQUg=\n-----END PRIVATE KEY-----\n";
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIO/zQdjnRg7rQ/+LoWsjozSOkTy9XnoUDVKGq9ryDhB5\n-----END PRIVATE KEY-----\n";

#[test]
fn ephemeral_keys_differ_and_sign() {
    let (one, other) = (EphemeralKey::generate().unwrap(), EphemeralKey::generate().unwrap());
    assert_ne!(one.public_key(), other.public_key());
    let signature = block_on(sign_message(&one, b"message")).unwrap();
    assert!(one.public_key().verify_default(b"message", &signature).is_ok());
    assert!(other.public_key().verify_default(b"message", &signature).is_err());
    assert!(format!("{one:?}").starts_with("EphemeralKey(PublicKey(P-256"));
}

#[test]
fn key_files_of_each_kind_sign() {
    for (pem, kind) in [(P256, KeyKind::P256), (P384, KeyKind::P384), (ED25519, KeyKind::Ed25519)] {
        let environment = FixedEnvironment::default().with_file("key.pem", pem);
        let key = KeyFile::open("key.pem".as_ref(), &environment).unwrap();
        assert_eq!(key.public_key().kind(), kind);
        let signature = block_on(sign_message(&key, b"message")).unwrap();
        assert!(key.public_key().verify_default(b"message", &signature).is_ok(), "{kind}");
    }
}

#[test]
fn ed25519_does_not_sign_digests() {
    let key = KeyFile::from_pem(ED25519).unwrap();
    let digest = Digest::of(key.scheme().digest, b"message");
    assert_eq!(block_on(sign_digest(&key, &digest)).unwrap_err().code().name(), "signer-scheme");
}

#[test]
fn keys_that_are_not_taken() {
    let code = |pem: &str| KeyFile::from_pem(pem).unwrap_err().code().name();
    assert_eq!(code(""), "signer-key-format");
    assert_eq!(code(&P256.replace("PRIVATE", "EC PRIVATE")), "signer-key-format");
    assert_eq!(code(&P256.replace("PRIVATE", "ENCRYPTED PRIVATE")), "signer-key-encrypted");
    assert_eq!(code(&P256.replace("PRIVATE", "ENCRYPTED SIGSTORE PRIVATE")), "signer-key-encrypted");
    assert_eq!(code(&crate::base::encoding::pem::encode("PRIVATE KEY", &[0x30, 0])), "signer-key-format");
    let rsa = crate::base::encoding::pem::encode(
        "PRIVATE KEY",
        &[0x30, 0x12, 2, 1, 0, 0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0],
    );
    assert_eq!(code(&rsa), "signer-key-algorithm");
    let absent = KeyFile::open("absent".as_ref(), &FixedEnvironment::default()).unwrap_err();
    assert_eq!(absent.code().name(), "signer-key-unreadable");
}

#[test]
fn x09_errors_never_show_the_key() {
    let broken = P256.replace("MIG", "MIH");
    let error = KeyFile::from_pem(&broken).unwrap_err();
    let body = broken.lines().nth(1).unwrap();
    assert!(!format!("{error} {error:?}").contains(&body[..20]), "{error:?}");
}

/// Signs with one key and shows another.
#[derive(Debug)]
struct Swapped(EphemeralKey, EphemeralKey);

impl Signer for Swapped {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }
    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        self.1.sign(prepared)
    }
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let swapped = Swapped(EphemeralKey::generate().unwrap(), EphemeralKey::generate().unwrap());
    assert_eq!(block_on(sign_message(&swapped, b"message")).unwrap_err().code().name(), "signer-invalid");
}
