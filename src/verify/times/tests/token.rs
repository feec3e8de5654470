//! Rows about the token, under an authority that holds.

use std::time::Duration;

use super::forge::{Forge, SIGNATURE, Tsa, attribute, by_serial, signing_certificate};
use super::{refusal, verify};
use crate::base::crypto::{Digest, DigestAlgorithm, Family, Scheme};
use crate::base::encoding::der::{self, Oid, tag};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::timestamp::MessageImprint;
use crate::format::x509::build::key_id;
use crate::format::x509::testing::{Key, SIGNED};
use crate::format::x509::{algorithm, oids};

/// The refusal of a good token after one change.
fn spoilt(change: impl Fn(&mut Forge<'_>)) -> &'static str {
    let tsa = Tsa::new();
    let mut forge = tsa.forge();
    change(&mut forge);
    refusal(&tsa, &forge.response())
}

#[test]
fn every_kind_of_key_and_imprint() {
    for key in [Key::p256(), Key::p384(), Key::p521(), Key::rsa(), Key::ed25519()] {
        let tsa = Tsa::with_key(key);
        for digest in DigestAlgorithm::ALL {
            let mut forge = tsa.forge();
            forge.imprint = MessageImprint::new(Digest::of(digest, SIGNATURE)).der().to_vec();
            let valid = verify(&[tsa.entry()], &forge.response()).unwrap();
            assert_eq!((valid.time(), valid.authority(), valid.unit()), (SIGNED, "tsa", 0));
            assert_eq!(valid.accuracy(), Some(Duration::from_secs(1)));
        }
    }
    // CMS also names RSA without a digest.
    let tsa = Tsa::with_key(Key::rsa());
    let mut forge = tsa.forge();
    forge.scheme = der::sequence(&[&der::oid(oids::RSA_ENCRYPTION), &der::null()]);
    assert_eq!(refusal(&tsa, &forge.response()), "accepted");
}

#[test]
fn t03_signature_flipped() {
    assert_eq!(spoilt(|forge| forge.flip = 1), "tsa-sig");
}

#[test]
fn t04_imprint_of_other_bytes_wrong_algorithm_wrong_length() {
    let sha256 = Digest::of(DigestAlgorithm::Sha256, SIGNATURE);
    let imprint =
        |oid: Oid<'_>, bytes: &[u8]| der::sequence(&[&der::sequence(&[&der::oid(oid)]), &der::octet_string(bytes)]);
    let artifact = Digest::of(DigestAlgorithm::Sha256, b"artifact");
    let sha3_256 = Oid::constant(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 8]);
    for bad in [
        imprint(oids::SHA256, artifact.as_bytes()),
        // The signature's digest once more, as a signer that hashes twice would send it.
        imprint(oids::SHA256, Digest::of(DigestAlgorithm::Sha256, sha256.as_bytes()).as_bytes()),
        imprint(oids::SHA384, sha256.as_bytes()),
        imprint(oids::SHA256, &sha256.as_bytes()[..31]),
        imprint(sha3_256, sha256.as_bytes()),
    ] {
        assert_eq!(spoilt(|forge| forge.imprint = bad.clone()), "tsa-imprint");
    }
}

#[test]
fn t05_signed_attributes() {
    let wrong_digest = attribute(oids::MESSAGE_DIGEST, &[&der::octet_string(&[7; 32])]);
    let id_data = Oid::constant(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
    let content_type = |values: &[&[u8]]| attribute(oids::CONTENT_TYPE, values);
    let tst_info = der::oid(oids::TST_INFO);
    assert_eq!(spoilt(|forge| forge.attributes[2] = Some(wrong_digest.clone())), "tsa-sig");
    assert_eq!(spoilt(|forge| drop(forge.attributes.remove(2))), "tsa-sig");
    assert_eq!(spoilt(|forge| forge.attributes[0] = Some(content_type(&[&der::oid(id_data)]))), "tsa-sig");
    assert_eq!(spoilt(|forge| drop(forge.attributes.remove(0))), "tsa-sig");
    assert_eq!(spoilt(|forge| forge.attributes.push(Some(content_type(&[&tst_info])))), "tsa-sig");
    assert_eq!(spoilt(|forge| forge.attributes.push(Some(wrong_digest.clone()))), "tsa-sig");
    assert_eq!(spoilt(|forge| forge.attributes[0] = Some(content_type(&[&tst_info, &tst_info]))), "tsa-sig");
    assert_eq!(spoilt(|forge| forge.attributes[0] = Some(content_type(&[]))), "tsa-sig");
    // Attributes that nobody here knows may be there.
    let unknown = attribute(Oid::constant(&[0x2a, 3]), &[&der::null()]);
    assert_eq!(spoilt(|forge| forge.attributes.push(Some(unknown.clone()))), "accepted");
}

#[test]
fn t06_forged_certificate_first_in_the_bag() {
    let (tsa, forger) = (Tsa::new(), Tsa::new());
    let bag = vec![forger.leaf.der().to_vec(), tsa.leaf.der().to_vec()];
    // A genuine token with another's certificate first, and with the authority's own alone.
    let mut genuine = tsa.forge();
    genuine.certificates = bag.clone();
    assert_eq!(refusal(&tsa, &genuine.response()), "tsa-foreign-certificate");
    genuine.certificates = vec![tsa.leaf.der().to_vec(), tsa.root.certificate.der().to_vec()];
    assert_eq!(refusal(&tsa, &genuine.response()), "accepted");
    // A forger's token that names the pinned certificate everywhere.
    let mut forged = Forge::new(&forger.key, &tsa.leaf);
    forged.certificates = bag;
    assert_eq!(refusal(&tsa, &forged.response()), "tsa-sig");
}

#[test]
fn t12_ess_certificate_missing_of_another_or_sha1_only() {
    let (tsa, other) = (Tsa::new(), Tsa::new());
    let with = |ess: Option<Vec<u8>>| {
        let mut forge = tsa.forge();
        match ess {
            Some(ess) => forge.attributes[1] = Some(ess),
            None => drop(forge.attributes.remove(1)),
        }
        refusal(&tsa, &forge.response())
    };
    let sha1_form = der::sequence(&[&der::sequence(&[&der::sequence(&[&der::octet_string(&[7; 20])])])]);
    let v2 = |id: &[&[u8]]| {
        attribute(oids::SIGNING_CERTIFICATE_V2, &[&der::sequence(&[&der::sequence(&[&der::sequence(id)])])])
    };
    let hash = |algorithm| der::octet_string(Digest::of(algorithm, tsa.leaf.der()).as_bytes());
    let issuer_serial = |serial: &[u8]| {
        let issuer = der::sequence(&[&der::explicit(4, tsa.leaf.issuer().der())]);
        der::sequence(&[&issuer, &der::tlv(tag::INTEGER, serial)])
    };
    let sha256 = hash(DigestAlgorithm::Sha256);
    let sha1 = der::sequence(&[&der::oid(oids::SHA1)]);
    assert_eq!(with(None), "tsa-esscert");
    assert_eq!(with(Some(signing_certificate(&other.leaf))), "tsa-esscert");
    assert_eq!(with(Some(attribute(oids::SIGNING_CERTIFICATE, &[&sha1_form]))), "tsa-esscert");
    assert_eq!(with(Some(v2(&[&sha1, &der::octet_string(&[7; 20])]))), "tsa-esscert");
    assert_eq!(with(Some(v2(&[&sha256, &issuer_serial(&[9])]))), "tsa-esscert");
    // And the good ones.
    assert_eq!(with(Some(v2(&[&sha256, &issuer_serial(tsa.leaf.serial())]))), "accepted");
    for digest in DigestAlgorithm::ALL {
        assert_eq!(with(Some(v2(&[&algorithm::write_digest(digest), &hash(digest)]))), "accepted");
    }
}

#[test]
fn t13_signers() {
    assert_eq!(spoilt(|forge| forge.signers = 2), "tsa-signers");
    assert_eq!(spoilt(|forge| forge.signers = 0), "tsa-signers");
    assert_eq!(spoilt(|forge| forge.signer_version = 3), "tsa-signers");
    assert_eq!(spoilt(|forge| forge.signer_version = 2), "tsa-signers");
    let (tsa, other) = (Tsa::new(), Tsa::new());
    let by_key_id = |key: &Key| der::tlv(tag::context_primitive(0), &key_id(key.public()));
    let named = |signer: Vec<u8>, version| {
        let mut forge = tsa.forge();
        (forge.signer, forge.signer_version) = (signer, version);
        let response = forge.response();
        verify(&[tsa.entry(), other.entry()], &response).map_or_else(|error| error.code().name(), |_| "accepted")
    };
    assert_eq!(named(by_key_id(&tsa.key), 3), "accepted");
    assert_eq!(named(by_key_id(&tsa.key), 1), "tsa-signers");
    // Another authority's certificate is judged by what the attributes name; an unknown one is untrusted.
    assert_eq!(named(by_key_id(&other.key), 3), "tsa-esscert");
    assert_eq!(named(by_serial(&other.leaf), 1), "tsa-esscert");
    assert_eq!(named(by_key_id(&Key::p256()), 3), "tsa-untrusted");
}

#[test]
fn t14_status() {
    for status in 0..=6 {
        assert_eq!(spoilt(|forge| (forge.status, forge.with_token) = (status, false)), "tsa-status", "{status}");
    }
    for status in 1..=6 {
        assert_eq!(spoilt(|forge| forge.status = status), "tsa-status", "{status}");
    }
}

#[test]
fn t17_times() {
    let at = |text: &str| spoilt(|forge| forge.time = der::tlv(tag::GENERALIZED_TIME, text.as_bytes()));
    for bad in ["20260101000100", "20260101000100+0000", "202601010001Z", "20260101000100.10Z", "20260101000100,1Z"] {
        assert_eq!(at(bad), "tsa-parse", "{bad}");
    }
    assert_eq!(at("00000101000000Z"), "tsa-not-valid-at-time");
    assert_eq!(at("99991231235959Z"), "tsa-not-valid-at-time");
    let tsa = Tsa::new();
    let mut forge = tsa.forge();
    forge.time = der::tlv(tag::GENERALIZED_TIME, b"20260101000100.1234Z");
    let valid = verify(&[tsa.entry()], &forge.response()).unwrap();
    assert_eq!(valid.time(), UnixTime::from_millis(SIGNED.millis() + 123));

    let accuracy = |parts: &[&[u8]]| spoilt(|forge| forge.accuracy = der::sequence(parts));
    let seconds = der::integer(limits::TIMESTAMP_ACCURACY_SECS);
    assert_eq!(accuracy(&[&seconds]), "accepted");
    assert_eq!(accuracy(&[&seconds, &[0x81, 1, 1]]), "tsa-accuracy");
    assert_eq!(accuracy(&[&der::integer(i64::MAX as u64)]), "tsa-accuracy");
    assert_eq!(accuracy(&[&[0x80, 2, 3, 0xe7]]), "accepted");
    for bad in [&[0x80, 1, 0][..], &[0x80, 2, 3, 0xe8], &[0x80, 2, 0, 1], &[0x81, 1, 0xff]] {
        assert_eq!(accuracy(&[bad]), "tsa-parse", "{bad:?}");
    }
}

#[test]
fn t20_weak_digests() {
    let weak = |oid: Oid<'_>, length| {
        der::sequence(&[&der::sequence(&[&der::oid(oid), &der::null()]), &der::octet_string(&vec![7; length])])
    };
    assert_eq!(spoilt(|forge| forge.imprint = weak(oids::SHA1, 20)), "tsa-weak-hash");
    assert_eq!(spoilt(|forge| forge.imprint = weak(oids::MD5, 16)), "tsa-weak-hash");
    assert_eq!(spoilt(|forge| forge.digest = der::sequence(&[&der::oid(oids::SHA1)])), "tsa-weak-hash");
    assert_eq!(spoilt(|forge| forge.scheme = der::sequence(&[&der::oid(oids::ECDSA_SHA1)])), "tsa-weak-hash");
}

#[test]
fn t21_bounds() {
    let tsa = Tsa::new();
    let bag = |count| {
        let mut forge = tsa.forge();
        forge.certificates = vec![tsa.leaf.der().to_vec(); count];
        refusal(&tsa, &forge.response())
    };
    assert_eq!(bag(limits::TIMESTAMP_CERTIFICATES), "accepted");
    assert_eq!(bag(limits::TIMESTAMP_CERTIFICATES + 1), "limit-tsa");
    assert_eq!(bag(30_000), "limit-tsa");
    let big = der::sequence(&[&der::octet_string(&vec![0; limits::TIMESTAMP_BYTES])]);
    assert_eq!(spoilt(|forge| forge.certificates = vec![big.clone()]), "limit-tsa");
    assert_eq!(spoilt(|forge| forge.revocation_lists = der::tlv(tag::context(1), &[])), "limit-tsa");
    let unsigned = der::tlv(tag::context(1), &attribute(Oid::constant(&[0x2a, 3]), &[&der::null()]));
    assert_eq!(spoilt(|forge| forge.unsigned = unsigned.clone()), "limit-tsa");
    // BER: the outer SEQUENCE with an indefinite length.
    let good = tsa.forge().response();
    let indefinite = [&[tag::SEQUENCE, 0x80], &good[4..], &[0, 0]].concat();
    assert_eq!(refusal(&tsa, &indefinite), "tsa-parse");
    assert_eq!(refusal(&tsa, &[good.as_slice(), &[0]].concat()), "tsa-parse");
    assert_eq!(refusal(&tsa, &[]), "tsa-parse");
}

#[test]
fn t23_later_than_now() {
    let tsa = Tsa::new();
    assert_eq!(refusal(&tsa, &tsa.forge().at(super::NOW).response()), "accepted");
    assert_eq!(refusal(&tsa, &tsa.forge().at(super::NOW.plus_secs(1)).response()), "time-future");
}

#[test]
fn t24_algorithms_of_the_signer() {
    let sha384 = algorithm::write_digest(DigestAlgorithm::Sha384);
    let ecdsa_null = der::sequence(&[&der::oid(oids::ECDSA_SHA256), &der::null()]);
    let ecdsa_sha384 = algorithm::write_signature(Scheme { family: Family::Ecdsa, digest: DigestAlgorithm::Sha384 });
    let rsa = algorithm::write_signature(Scheme { family: Family::RsaPkcs1, digest: DigestAlgorithm::Sha256 });
    let unknown = der::sequence(&[&der::oid(Oid::constant(&[0x2a, 3]))]);
    for bad in [ecdsa_null, ecdsa_sha384, rsa, unknown] {
        assert_eq!(spoilt(|forge| forge.scheme = bad.clone()), "tsa-sig-alg");
    }
    assert_eq!(spoilt(|forge| forge.digest = sha384.clone()), "tsa-sig-alg");
    // PSS whose salt is not as long as its digest.
    let hash = algorithm::write_digest(DigestAlgorithm::Sha256);
    let pss = der::sequence(&[
        &der::oid(oids::RSA_PSS),
        &der::sequence(&[
            &der::explicit(0, &hash),
            &der::explicit(1, &der::sequence(&[&der::oid(oids::MGF1), &hash])),
            &der::explicit(2, &der::integer(20)),
        ]),
    ]);
    let tsa = Tsa::with_key(Key::rsa());
    let mut forge = tsa.forge();
    forge.scheme = pss;
    assert_eq!(refusal(&tsa, &forge.response()), "tsa-sig-alg");
    // Ed25519 goes with SHA-512 (RFC 8419 section 3.1).
    let tsa = Tsa::with_key(Key::ed25519());
    let mut forge = tsa.forge();
    forge.digest = hash;
    assert_eq!(refusal(&tsa, &forge.response()), "tsa-sig-alg");
}

#[test]
fn no_byte_of_a_token_can_change_unseen() {
    let tsa = Tsa::new();
    let mut forge = tsa.forge();
    forge.certificates = vec![tsa.leaf.der().to_vec()];
    let good = forge.response();
    assert_eq!(refusal(&tsa, &good), "accepted");
    for index in 0..good.len() {
        for flip in [1, 0x80] {
            let mut bad = good.clone();
            bad[index] ^= flip;
            assert_ne!(refusal(&tsa, &bad), "accepted", "byte {index}");
        }
        assert_ne!(refusal(&tsa, &good[..index]), "accepted");
    }
}
