//! `openssl ts` against our authority, in-process: it asks, we answer, it verifies.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use sealmark::base::crypto::{KeyKind, PublicKey};
use sealmark::base::time::{UnixTime, ValidityPeriod};
use sealmark::format::x509::build::{Extension, Fields, TbsCertificate, authority_name, key_id};
use sealmark::format::x509::{Certificate, KeyUsage};
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::tsa::{TimestampAuthority, leaf_extensions};

fn now() -> UnixTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UnixTime::from_secs(seconds.try_into().unwrap())
}

/// A timestamp authority that is valid today, and its chain: the leaf and its root.
fn authority(kind: KeyKind) -> (TimestampAuthority, Vec<Certificate>) {
    let (ca, tsa) = (PrivateKey::generate(kind).unwrap(), PrivateKey::generate(kind).unwrap());
    let (ca_key, tsa_key) = (ca.public_key().clone(), tsa.public_key().clone());
    let issuer = authority_name("example.com", "root");
    let issue = |subject: &[u8], key: &PublicKey, extensions: &[Extension]| {
        let certificate = TbsCertificate::new(&Fields {
            serial: &key_id(key)[1..],
            scheme: ca.scheme(),
            issuer: &issuer,
            validity: ValidityPeriod::new(now().plus_secs(-60), Some(now().plus_secs(3600))).unwrap(),
            subject,
            spki: key.spki(),
            extensions,
        });
        let signature = ca.sign(&certificate.der()).unwrap();
        Certificate::from_der(&certificate.sign(&signature)).unwrap()
    };
    let of_a_ca = [
        Extension::key_usage(KeyUsage::AUTHORITY),
        Extension::authority(None),
        Extension::subject_key_id(&key_id(&ca_key)),
    ];
    let root = issue(&issuer, &ca_key, &of_a_ca);
    let leaf = issue(&authority_name("example.com", "tsa"), &tsa_key, &leaf_extensions(&tsa_key, &key_id(&ca_key)));
    let chain = vec![leaf, root];
    (TimestampAuthority::new(tsa, chain.clone()).unwrap(), chain)
}

/// Whether `openssl ARGUMENTS` succeeds in a folder; `None` when there is no such program.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<bool> {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().ok()?;
    Some(output.status.success())
}

#[test]
fn z09_openssl_accepts_our_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    if openssl(folder.path(), &["version"]) != Some(true) {
        println!("left out: timestamps verified by openssl: there is no openssl here");
        return;
    }
    std::fs::write(path("data"), "signature").unwrap();
    std::fs::write(path("other"), "another").unwrap();
    for algorithm in [KeyKind::P256, KeyKind::P384] {
        let (tsa, chain) = authority(algorithm);
        std::fs::write(path("leaf.pem"), chain[0].to_pem()).unwrap();
        std::fs::write(path("root.pem"), chain[1].to_pem()).unwrap();
        for options in [&["-sha256", "-cert"][..], &["-sha256", "-no_nonce"], &["-sha384"], &["-sha512", "-cert"]] {
            let query = [&["ts", "-query", "-data", "data", "-out", "query"], options].concat();
            assert_eq!(openssl(folder.path(), &query), Some(true));
            let request = std::fs::read(path("query")).unwrap();
            let answer = tsa.respond("application/timestamp-query", &request, now());
            assert_eq!((answer.status, answer.content_type), (200, "application/timestamp-reply"));
            std::fs::write(path("reply"), answer.body).unwrap();
            let verify = |against: &[&str]| {
                let common = ["ts", "-verify", "-in", "reply", "-CAfile", "root.pem", "-untrusted", "leaf.pem"];
                openssl(folder.path(), &[&common, against].concat())
            };
            assert_eq!(verify(&["-queryfile", "query"]), Some(true), "{options:?}");
            assert_eq!(verify(&["-data", "data"]), Some(true), "{options:?}");
            assert_eq!(verify(&["-data", "other"]), Some(false), "{options:?}");
        }
        assert_eq!(openssl(folder.path(), &["ts", "-query", "-data", "data", "-sha1", "-out", "query"]), Some(true));
        let request = std::fs::read(path("query")).unwrap();
        std::fs::write(path("reply"), tsa.respond("application/timestamp-query", &request, now()).body).unwrap();
        let arguments = ["ts", "-reply", "-in", "reply", "-text"];
        let read = Command::new("openssl").current_dir(folder.path()).args(arguments).output().unwrap();
        let text = String::from_utf8(read.stdout).unwrap();
        assert!(text.contains("Status: Rejected."), "{text}");
        assert!(text.contains("unrecognized or unsupported algorithm identifier"), "{text}");
    }
}
