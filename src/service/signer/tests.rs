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
        let key = KeyFile::open("key.pem".as_ref(), None, &environment).unwrap();
        assert_eq!(key.public_key().kind(), kind);
        let signature = block_on(sign_message(&key, b"message")).unwrap();
        assert!(key.public_key().verify_default(b"message", &signature).is_ok(), "{kind}");
    }
}

#[test]
fn ed25519_does_not_sign_digests() {
    let key = KeyFile::from_pem(ED25519, None).unwrap();
    let digest = Digest::of(key.scheme().digest, b"message");
    assert_eq!(block_on(sign_digest(&key, &digest)).unwrap_err().code().name(), "signer-scheme");
}

#[test]
fn keys_that_are_not_taken() {
    let code = |pem: &str| KeyFile::from_pem(pem, None).unwrap_err().code().name();
    assert_eq!(code(""), "signer-key-format");
    assert_eq!(code(&P256.replace("PRIVATE", "EC PRIVATE")), "signer-key-format");
    assert_eq!(code(&P256.replace("PRIVATE", "ENCRYPTED PRIVATE")), "signer-key-format");
    assert_eq!(code(&P256.replace("PRIVATE", "ENCRYPTED SIGSTORE PRIVATE")), "signer-key-format");
    assert_eq!(code(&P256.replace("MIG", "Proc-Type: 4,ENCRYPTED\nMIG")), "signer-key-old-encryption");
    assert_eq!(code(&crate::base::encoding::pem::encode("PRIVATE KEY", &[0x30, 0])), "signer-key-format");
    // Ed448: 1.3.101.113.
    let ed448 = [0x30, 0x0c, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x71, 4, 0];
    assert_eq!(code(&crate::base::encoding::pem::encode("PRIVATE KEY", &ed448)), "signer-key-algorithm");
    let absent = KeyFile::open("absent".as_ref(), None, &FixedEnvironment::default()).unwrap_err();
    assert_eq!(absent.code().name(), "signer-key-unreadable");
}

/// Every kind that can be made.
const KINDS: [KeyKind; 6] = [
    KeyKind::P256,
    KeyKind::P384,
    KeyKind::P521,
    KeyKind::Ed25519,
    KeyKind::Rsa { bits: 2048 },
    KeyKind::Rsa { bits: 3072 },
];

#[test]
fn made_keys_come_back_from_every_form() {
    let password = Password::new("correct horse".to_owned());
    for kind in KINDS {
        let made = PrivateKey::generate(kind).unwrap();
        assert_eq!(made.signer().public_key().kind(), kind);
        for protection in [Protection::Pkcs8(&password), Protection::Cosign(&password), Protection::NoneUnsafe] {
            let pem = made.to_pem(protection).unwrap();
            let key = KeyFile::from_pem(&pem, Some(&password)).unwrap();
            assert_eq!(key.public_key(), made.signer().public_key(), "{kind} {protection:?}");
            let signature = block_on(sign_message(&key, b"message")).unwrap();
            assert!(made.signer().public_key().verify_default(b"message", &signature).is_ok(), "{kind}");
        }
    }
    assert_eq!(PrivateKey::generate(KeyKind::Rsa { bits: 1024 }).unwrap_err().code().name(), "signer-key-algorithm");
}

#[test]
fn encrypted_keys_need_their_password() {
    let password = Password::new("correct horse".to_owned());
    let other = Password::new("battery staple".to_owned());
    let made = PrivateKey::generate(KeyKind::P256).unwrap();
    for protection in [Protection::Pkcs8(&password), Protection::Cosign(&password)] {
        let pem = made.to_pem(protection).unwrap();
        let code = |password| KeyFile::from_pem(&pem, password).unwrap_err().code().name();
        assert_eq!(code(None), "signer-key-encrypted");
        assert_eq!(code(Some(&other)), "signer-key-password");
    }
    // The empty password of cosign's keys needs no saying.
    let pem = made.to_pem(Protection::Cosign(&Password::new(String::new()))).unwrap();
    assert!(KeyFile::from_pem(&pem, None).is_ok());
}

#[test]
fn a_key_whose_password_would_take_all_memory() {
    let password = Password::new("p".to_owned());
    let pem = PrivateKey::generate(KeyKind::P256).unwrap().to_pem(Protection::Cosign(&password)).unwrap();
    let envelope = crate::base::encoding::pem::decode_one(&pem, "ENCRYPTED SIGSTORE PRIVATE KEY").unwrap();
    let envelope = String::from_utf8(envelope).unwrap();
    for (from, to) in [("\"N\":65536", "\"N\":1073741824"), ("\"N\":65536", "\"N\":65535"), ("\"p\":1", "\"p\":17")] {
        assert!(envelope.contains(from));
        let pem =
            crate::base::encoding::pem::encode("ENCRYPTED SIGSTORE PRIVATE KEY", envelope.replace(from, to).as_bytes());
        assert_eq!(KeyFile::from_pem(&pem, Some(&password)).unwrap_err().code().name(), "signer-key-format");
    }
}

#[test]
fn x09_errors_never_show_the_key() {
    let broken = P256.replace("MIG", "MIH");
    let error = KeyFile::from_pem(&broken, None).unwrap_err();
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
