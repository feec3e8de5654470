//! Rows C32 to C38, C40, C41 and C45 to C50 of the refusals. What parsing refuses needs no signature, so
//! these certificates carry a few bytes in its place.

use super::*;
use crate::base::crypto::{DigestAlgorithm, Family};
use crate::base::encoding::der::Oid;
use crate::format::x509::build::{EMPTY_NAME, Extension, Fields, TbsCertificate};
use crate::format::x509::testing::{Authority, Key, START, Template, period};
use crate::verify::testing::cases;

const P256_SHA256: Scheme = Scheme { family: Family::Ecdsa, digest: DigestAlgorithm::Sha256 };
const RSA_SHA256: Scheme = Scheme { family: Family::RsaPkcs1, digest: DigestAlgorithm::Sha256 };

fn with(change: impl Fn(&mut Fields<'_>)) -> Vec<u8> {
    let key = Key::p256();
    let mut fields = Fields {
        serial: &[1],
        scheme: P256_SHA256,
        issuer: EMPTY_NAME,
        validity: period(START, 600),
        subject: EMPTY_NAME,
        spki: key.public().spki(),
        extensions: &[],
    };
    change(&mut fields);
    TbsCertificate::new(&fields).sign(b"signature")
}

fn good() -> Vec<u8> {
    with(|_| {})
}

fn with_key(spki: &[u8]) -> Vec<u8> {
    // The lifetime of `Fields` is that of the closure's argument, so the key is put in afterwards.
    let der = good();
    let certificate = Certificate::from_der(&der).unwrap();
    replace(&der, certificate.public_key().spki(), spki)
}

fn with_extensions(extensions: &[Extension]) -> Vec<u8> {
    let key = Key::p256();
    let issuer = Authority::root("root");
    issuer.sign_der(Template { extensions: extensions.to_vec(), ..Template::leaf(&key) })
}

/// Replaces a value within the signed part, and the lengths around it.
fn replace(certificate: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut outer = Reader::whole(certificate, tag::SEQUENCE).unwrap();
    let body = outer.element().unwrap();
    let (algorithm, signature) = (outer.element().unwrap(), outer.element().unwrap());
    let at = body.content.windows(old.len()).position(|bytes| bytes == old).unwrap();
    let (before, rest) = body.content.split_at(at);
    let body = der::sequence(&[before, new, &rest[old.len()..]]);
    der::sequence(&[&body, algorithm.raw, signature.raw])
}

fn code(der: &[u8]) -> &'static str {
    match Certificate::from_der(der) {
        Ok(_) => "accept",
        Err(error) => {
            cases::certificate(der, error.code());
            error.code().name()
        }
    }
}

#[test]
fn the_good_one_is_read() {
    assert_eq!(code(&good()), "accept");
}

#[test]
fn c32_two_algorithms() {
    let der = good();
    let inner = super::algorithm::write_signature(P256_SHA256);
    let other = super::algorithm::write_signature(Scheme { digest: DigestAlgorithm::Sha384, ..P256_SHA256 });
    assert_eq!(code(&replace(&der, &inner, &other)), "cert-alg-mismatch");
}

#[test]
fn c33_weak_digests() {
    let sha256 = oids::RSA_SHA256.as_bytes();
    for weak in [oids::RSA_SHA1, oids::RSA_MD5] {
        let mut der = with(|fields| fields.scheme = RSA_SHA256);
        while let Some(at) = der.windows(sha256.len()).position(|bytes| bytes == sha256) {
            der[at..at + sha256.len()].copy_from_slice(weak.as_bytes());
        }
        assert_eq!(code(&der), "cert-weak-hash");
    }
}

#[test]
fn c33_an_algorithm_that_is_none_of_ours() {
    // The last arc of ecdsa-with-SHA256 (RFC 5758 section 3.2), raised to one that nobody has assigned.
    let known = oids::ECDSA_SHA256.as_bytes();
    let mut der = good();
    while let Some(at) = der.windows(known.len()).position(|bytes| bytes == known) {
        der[at + known.len() - 1] = 0x7f;
    }
    assert_eq!(code(&der), "cert-sig-alg");
}

fn rsa(modulus_bytes: usize, exponent: &[u8]) -> Vec<u8> {
    let modulus = der::unsigned(&vec![0xff; modulus_bytes]);
    let key = der::sequence(&[&modulus, &der::unsigned(exponent)]);
    let algorithm = der::sequence(&[&der::oid(oids::RSA_ENCRYPTION), &der::null()]);
    der::sequence(&[&algorithm, &der::bit_string(&key)])
}

#[test]
fn c34_rsa_sizes_and_exponents() {
    const F4: &[u8] = &[1, 0, 1];
    assert_eq!(code(&with_key(&rsa(256, F4))), "accept");
    assert_eq!(code(&with_key(&rsa(128, F4))), "cert-weak-key");
    assert_eq!(code(&with_key(&rsa(256, &[1]))), "cert-weak-key");
    assert_eq!(code(&with_key(&rsa(256, &[3]))), "cert-weak-key");
    assert_eq!(code(&with_key(&rsa(1025, F4))), "limit-key-size");
}

fn ec(parameters: &[u8], point: &[u8]) -> Vec<u8> {
    let algorithm = der::sequence(&[&der::oid(oids::EC_PUBLIC_KEY), parameters]);
    der::sequence(&[&algorithm, &der::bit_string(point)])
}

#[test]
fn c35_other_curves() {
    let p224 = Oid::constant(&[0x2b, 0x81, 4, 0, 33]);
    let secp256k1 = Oid::constant(&[0x2b, 0x81, 4, 0, 10]);
    let brainpool_p256 = Oid::constant(&[0x2b, 36, 3, 3, 2, 8, 1, 1, 7]);
    for curve in [p224, secp256k1, brainpool_p256] {
        assert_eq!(code(&with_key(&ec(&der::oid(curve), &[4; 65]))), "cert-key-alg", "{curve}");
    }
    let explicit = der::sequence(&[&der::integer(1)]);
    assert_eq!(code(&with_key(&ec(&explicit, &[4; 65]))), "cert-key-alg");
}

#[test]
fn c36_points_that_are_none() {
    let p256 = der::oid(Oid::constant(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]));
    let good = Key::p256().public().key_bytes().to_vec();
    assert_eq!(code(&with_key(&ec(&p256, &good))), "accept");
    let compressed = [&[2 | good[64] & 1], &good[1..33]].concat();
    let mut off_curve = good.clone();
    off_curve[64] ^= 1;
    let infinity = vec![0];
    let mut hybrid = good;
    hybrid[0] = 6 | hybrid[64] & 1;
    for point in [compressed, off_curve, infinity, hybrid, vec![4; 33], Vec::new()] {
        assert_eq!(code(&with_key(&ec(&p256, &point))), "cert-key-invalid", "{point:02x?}");
    }
}

#[test]
fn c37_ed25519_of_small_order_or_not_canonical() {
    let spki = |key: &[u8]| der::sequence(&[&der::sequence(&[&der::oid(oids::ED25519)]), &der::bit_string(key)]);
    assert_eq!(code(&with_key(&spki(Key::ed25519().public().key_bytes()))), "accept");
    let (mut one, mut above_p) = ([0; 32], [0xff; 32]);
    one[0] = 1;
    above_p[31] = 0x7f;
    let mut minus_zero = [0; 32];
    minus_zero[31] = 0x80;
    for key in [&[0; 32], &one, &above_p, &minus_zero, &[0xff; 32]] {
        assert_eq!(code(&with_key(&spki(key))), "cert-key-invalid", "{key:02x?}");
    }
    assert_eq!(code(&with_key(&spki(&[9; 31]))), "cert-key-invalid");
}

#[test]
fn c38_dsa_and_unknown_keys() {
    let dsa = Oid::constant(&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1]);
    for algorithm in [dsa, oids::RSA_PSS, oids::COMMON_NAME] {
        let parameters = der::sequence(&[&der::integer(23), &der::integer(11), &der::integer(2)]);
        let algorithm = der::sequence(&[&der::oid(algorithm), &parameters]);
        let spki = der::sequence(&[&algorithm, &der::bit_string(&der::integer(4))]);
        assert_eq!(code(&with_key(&spki)), "cert-key-alg");
    }
}

#[test]
fn c40_unknown_extension() {
    let unknown = Extension::new(Oid::constant(&[0x2a, 3, 4]), false, b"anything");
    assert_eq!(code(&with_extensions(&[unknown])), "accept");
}

#[test]
fn c41_the_same_extension_twice() {
    let san = |text: &str| Extension::subject_alt_name(&San::Email(text.to_owned()));
    assert_eq!(code(&with_extensions(&[san("a@example.com"), san("b@example.com")])), "cert-dup-extension");
    let issuer = Extension::claim(crate::format::x509::Claim::by_arc(8).unwrap(), "https://issuer.example.com");
    assert_eq!(code(&with_extensions(&[issuer.clone(), issuer])), "cert-dup-extension");
    let unknown = Extension::new(Oid::constant(&[0x2a, 3, 4]), false, b"anything");
    assert_eq!(code(&with_extensions(&[unknown.clone(), unknown])), "cert-dup-extension");
}

#[test]
fn c45_serial_numbers() {
    assert_eq!(code(&with(|fields| fields.serial = &[0x7f; 20])), "accept");
    assert_eq!(code(&with(|fields| fields.serial = &[0])), "cert-serial");
    assert_eq!(code(&with(|fields| fields.serial = &[0x80; 20])), "cert-serial");
    assert_eq!(code(&with(|fields| fields.serial = &[0x7f; 21])), "cert-serial");
    let negative = replace(&with(|fields| fields.serial = &[0x7f; 20]), &[0x7f; 20], &[0xff; 20]);
    // ff ff… is not minimal either.
    assert_eq!(code(&negative), "cert-parse");
    let negative = replace(&with(|fields| fields.serial = &[0x7f; 20]), &[0x7f; 20], &[0x80; 20]);
    assert_eq!(code(&negative), "cert-serial");
}

#[test]
fn c46_versions() {
    let version_3 = der::explicit(0, &der::integer(2));
    for other in [vec![], der::explicit(0, &der::integer(1)), der::explicit(0, &der::integer(0))] {
        assert_eq!(code(&replace(&good(), &version_3, &other)), "cert-parse");
    }
}

#[test]
fn c46_encodings_that_are_not_der() {
    let der = Authority::root("root").certificate.der().to_vec();
    assert_eq!(code(&[&der[..], &[0]].concat()), "cert-parse");
    let [0x30, 0x82, _, _, content @ ..] = &der[..] else { panic!("a certificate is longer than 255 bytes") };
    let indefinite = [&[0x30, 0x80], content, &[0, 0]].concat();
    assert_eq!(code(&indefinite), "cert-parse");
    let long_form = [&[0x30, 0x83, 0], &der[2..]].concat();
    assert_eq!(code(&long_form), "cert-parse");
}

#[test]
fn c46_booleans_that_are_not_der() {
    let extension = |boolean: &[u8]| {
        let oid = der::oid(Oid::constant(&[0x2a, 3, 4]));
        let list = der::sequence(&[&der::sequence(&[&oid, boolean, &der::octet_string(b"-")])]);
        let spki = Key::p256().public().spki().to_vec();
        let with_list = [&spki[..], &der::explicit(3, &list)].concat();
        code(&with_key(&with_list))
    };
    assert_eq!(extension(&[1, 1, 0xff]), "accept");
    assert_eq!(extension(&[1, 1, 1]), "cert-parse");
    assert_eq!(extension(&[1, 1, 0]), "cert-parse", "a default that is written out");
}

#[test]
fn c47_arcs_that_overflow() {
    // 2.5.29.17, when the last arc is cut to 32 or to 64 bits.
    let with_arc = |arc: &[u8]| {
        let oid = [&[0x55, 0x1d], arc].concat();
        let other = Extension::new(Oid::constant(&oid), false, &der::sequence(&[]));
        Certificate::from_der(&with_extensions(&[other]))
    };
    let beyond_32_bits = with_arc(&[0x90, 0x80, 0x80, 0x80, 0x11]).unwrap();
    assert_eq!(beyond_32_bits.extensions().subject_alt_names, None);
    let beyond_64_bits = [0x55, 0x1d, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x11];
    let other = Extension::new(Oid::constant(&beyond_64_bits), false, &der::sequence(&[]));
    assert_eq!(code(&with_extensions(&[other])), "cert-parse");
}

#[test]
fn c48_nesting() {
    let mut deep = Vec::new();
    for _ in 0..10_000 {
        deep.splice(0..0, [0x30, 0x80 | 2, (deep.len() >> 8) as u8, deep.len() as u8]);
        if deep.len() > limits::CERTIFICATE_BYTES / 2 {
            break;
        }
    }
    // What nobody reads cannot nest too deep; what is read has a fixed shape.
    let unknown = Extension::new(Oid::constant(&[0x2a, 3, 4]), false, &deep);
    assert_eq!(code(&with_extensions(&[unknown])), "accept");
    let names = Extension::new(oids::SUBJECT_ALT_NAME, true, &deep);
    assert_eq!(code(&with_extensions(&[names])), "cert-ext-parse");
}

#[test]
fn c49_times() {
    let between = |not_before: Vec<u8>, not_after: Vec<u8>| {
        let old = der::sequence(&[&der::x509_time(START), &der::x509_time(START.plus_secs(600))]);
        replace(&good(), &old, &der::sequence(&[&not_before, &not_after]))
    };
    let validity = |not_before: Vec<u8>, not_after: Vec<u8>| {
        Certificate::from_der(&between(not_before, not_after)).map(|certificate| certificate.validity().to_string())
    };
    let utc = |text: &str| der::tlv(tag::UTC_TIME, text.as_bytes());
    let general = |text: &str| der::tlv(tag::GENERALIZED_TIME, text.as_bytes());
    let edges = validity(utc("500101000000Z"), utc("491231235959Z")).unwrap();
    assert_eq!(edges, "1950-01-01T00:00:00Z to 2049-12-31T23:59:59Z");
    let no_end = validity(utc("260101000000Z"), general("99991231235959Z")).unwrap();
    assert_eq!(no_end, "2026-01-01T00:00:00Z to 9999-12-31T23:59:59Z");
    let malformed = [
        utc("260101000000"),
        utc("2601010000Z"),
        utc("260101000000+0000"),
        utc("260230000000Z"),
        utc("260101240000Z"),
        utc("260101000060Z"),
        utc("26010100000\u{d7}Z"),
        general("20260101000000Z"),
        general("20500101000000.5Z"),
        general("20500101000000"),
        utc(""),
    ];
    for start in malformed {
        assert_eq!(code(&between(start, general("99991231235959Z"))), "cert-parse");
    }
    let backwards = validity(utc("260101000001Z"), utc("260101000000Z")).unwrap_err();
    assert_eq!((backwards.code().name(), backwards), ("cert-parse", CertificateError::Validity));
}

#[test]
fn c50_pem() {
    let text = Certificate::from_der(&good()).unwrap().to_pem();
    let code = |text: &str| match Certificate::from_pem(text) {
        Ok(_) => "accept",
        Err(error) => error.code().name(),
    };
    assert_eq!(code(&text), "accept");
    assert_eq!(code(&text.repeat(2)), "pem-parse");
    assert_eq!(code(&format!("subject: victim\n{text}")), "pem-parse");
    assert_eq!(code(&text.replace("CERTIFICATE", "PUBLIC KEY")), "pem-parse");
    assert_eq!(code(&text.repeat(limits::PEM_BYTES / text.len() + 1)), "limit-pem");
}

#[test]
fn sizes_are_bounded() {
    assert_eq!(code(&vec![0x30; limits::CERTIFICATE_BYTES + 1]), "limit-certificate");
    let many = |count: usize| -> Vec<Extension> {
        (0..count).map(|arc| Extension::new(Oid::constant(&[0x2a, 3, arc as u8]), false, b"-")).collect()
    };
    // The authority adds one of its own.
    assert_eq!(code(&with_extensions(&many(limits::CERTIFICATE_EXTENSIONS))), "limit-certificate");
    assert_eq!(code(&with_extensions(&many(limits::CERTIFICATE_EXTENSIONS - 1))), "accept");
}

#[test]
fn no_change_of_a_byte_panics_or_goes_unseen() {
    let (leaf, _) = Authority::root("root").leaf();
    for at in 0..leaf.der().len() {
        for bit in [1, 0x80] {
            let mut changed = leaf.der().to_vec();
            changed[at] ^= bit;
            if let Ok(read) = Certificate::from_der(&changed) {
                assert_eq!(read.der(), changed);
                assert_ne!(read, leaf);
            }
        }
        assert!(Certificate::from_der(&leaf.der()[..at]).is_err());
    }
}
