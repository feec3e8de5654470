//! Against softhsm2, where it is installed.

use std::process::Command;

use cryptoki::object::Attribute;

use super::*;
use crate::service::environment::FixedEnvironment;
use crate::service::http::fake::block_on;
use crate::service::signer::sign_message;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "1234";

/// A token with a key pair of each kind, and what is expected of it. One test alone: softhsm2 reads its
/// configuration once for a process.
fn token(folder: &std::path::Path) -> bool {
    let configuration = folder.join("softhsm2.conf");
    std::fs::write(&configuration, format!("directories.tokendir = {}\n", folder.display())).unwrap();
    let make = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "sig", "--pin", PIN, "--so-pin", "5678"])
        .env("SOFTHSM2_CONF", &configuration)
        .output();
    matches!(make, Ok(output) if output.status.success())
}

fn make_keys() {
    let context = Pkcs11::new(MODULE).unwrap();
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slots = context.get_slots_with_token().unwrap();
    let slot = slots.into_iter().find(|slot| context.get_token_info(*slot).unwrap().label() == "sig").unwrap();
    let session = context.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
    let curve = |oid: &[u8]| vec![Attribute::EcParams(der::tlv(tag::OID, oid))];
    let ec = |label: &str, mechanism: &Mechanism<'_>, parameters: Vec<Attribute>| {
        let own = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(label.into())];
        let public = [&own[..], &[Attribute::Verify(true)], &parameters].concat();
        let private =
            [&own[..], &[Attribute::Sign(true), Attribute::Private(true), Attribute::Sensitive(true)]].concat();
        session.generate_key_pair(mechanism, &public, &private).unwrap();
    };
    ec("p256", &Mechanism::EccKeyPairGen, curve(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]));
    ec("p384", &Mechanism::EccKeyPairGen, curve(&[0x2b, 0x81, 4, 0, 0x22]));
    ec("p521", &Mechanism::EccKeyPairGen, curve(&[0x2b, 0x81, 4, 0, 0x23]));
    let rsa = vec![Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])];
    ec("rsa", &Mechanism::RsaPkcsKeyPairGen, rsa);
    ec("ed25519", &Mechanism::EccEdwardsKeyPairGen, curve(&[0x2b, 0x65, 0x70]));
    ec("twice", &Mechanism::EccKeyPairGen, curve(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]));
    ec("twice", &Mechanism::EccKeyPairGen, curve(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]));
}

#[test]
fn a_token_signs() {
    // The variable is the process's: softhsm2 reads nothing else. Set by whoever runs this test.
    let Some(configuration) = std::env::var_os("SOFTHSM2_CONF").map(PathBuf::from) else {
        println!("left out: SOFTHSM2_CONF is not set (tests/run sets it)");
        return;
    };
    assert!(token(configuration.parent().unwrap()), "softhsm2-util");
    make_keys();
    let environment = FixedEnvironment::with_variables([("PKCS11_MODULE_PATH", MODULE), ("SEALMARK_PKCS11_PIN", PIN)])
        .with_file("/pin", "1234\n");
    let open = |uri: &str| TokenKey::open(uri, &environment);
    for (label, kind) in [
        ("p256", KeyKind::P256),
        ("p384", KeyKind::P384),
        ("p521", KeyKind::P521),
        ("rsa", KeyKind::Rsa { bits: 2048 }),
        ("ed25519", KeyKind::Ed25519),
    ] {
        let key = open(&format!("token=sig;object={label};type=private?pin-source=file:/pin")).unwrap();
        assert_eq!(key.public_key().kind(), kind);
        let signature = block_on(sign_message(&key, b"message")).unwrap();
        assert!(key.public_key().verify_default(b"message", &signature).is_ok(), "{label}");
    }
    assert!(open("id=%70256;token=sig").is_ok());
    let says = |uri: &str, code: &str| {
        let error = open(uri).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), (code, 3), "{uri}");
        error.to_string()
    };
    assert!(says("token=sig;object=twice", "signer-token-key").contains("several keys"));
    assert!(says("token=sig;object=absent", "signer-token-key").contains("no private key"));
    assert!(says("token=absent;object=p256", "signer-token").contains("no token"));
    assert!(says("token=sig;object=p256?module-path=/absent.so", "signer-token").contains("/absent.so"));
    let wrong = FixedEnvironment::with_variables([("PKCS11_MODULE_PATH", MODULE), ("SEALMARK_PKCS11_PIN", "4321")]);
    let error = TokenKey::open("token=sig;object=p256", &wrong).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("signer-token-pin", 2));
    let none = FixedEnvironment::with_variables([("PKCS11_MODULE_PATH", MODULE)]);
    let error = TokenKey::open("token=sig;object=p256", &none).unwrap_err();
    assert_eq!(error.code().name(), "signer-token-key");
    assert!(error.to_string().contains("without a PIN"), "{error}");
    // A stack has several keys in one token.
    let both = [open("token=sig;object=p256").unwrap(), open("token=sig;object=ed25519").unwrap()];
    for key in &both {
        block_on(sign_message(key, b"message")).unwrap();
    }
}

#[test]
fn uris() {
    let uri = Uri::parse("token=My%20token;object=k;id=%01%fF?module-path=/m.so&pin-source=file:/p").unwrap();
    assert_eq!((uri.token.as_deref(), uri.id.as_deref()), (Some("My token"), Some(&[1, 255][..])));
    assert_eq!((uri.module, uri.pin_source), (Some("/m.so".into()), Some("/p".into())));
    for bad in [
        "",
        "token=t",
        "object",
        "object=%1",
        "object=%zz",
        "object=a;object=b",
        "object=a;serial=1",
        "object=a?pin-value=1",
    ] {
        assert!(Uri::parse(bad).is_err(), "{bad}");
    }
}
