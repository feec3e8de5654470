use super::*;
use crate::base::crypto::{DigestAlgorithm, Family};
use crate::base::encoding::der::Reader;
use crate::format::x509::testing::{Authority, Key, START, Template};
use crate::format::x509::{Certificate, San};

#[test]
fn what_is_written_is_read_back() {
    let root = Authority::root("root");
    let issuer = root.intermediate("intermediate");
    let (leaf, key) = issuer.leaf();
    assert_eq!(leaf.verify_signature(issuer.key.public()), Ok(()));
    assert_eq!(issuer.certificate.verify_signature(root.key.public()), Ok(()));
    assert_eq!(leaf.public_key(), key.public());
    assert_eq!(leaf.issuer(), issuer.certificate.subject());
    assert_eq!(leaf.issuer().to_string(), "O=example.com, CN=intermediate");
    assert_eq!(leaf.serial(), [1; 19]);
    assert_eq!(leaf.validity().start(), START);
    let extensions = issuer.certificate.extensions();
    assert_eq!(extensions.basic_constraints.map(|bc| (bc.ca, bc.path_len, bc.critical)), Some((true, Some(0), true)));
    assert_eq!(extensions.key_usage, Some(crate::format::x509::KeyUsage::AUTHORITY));
    assert_eq!(leaf.extensions().authority_key_id, extensions.subject_key_id);
}

#[test]
fn every_kind_of_name_and_key() {
    let names = [San::Uri("https://example.com/w".into()), San::Username("alice!example.com".into())];
    for (san, key) in names.into_iter().zip([Key::p384(), Key::ed25519()]) {
        let root = Authority::self_signed(Key::rsa(), Template::authority(&key, "root", None));
        let leaf = root.sign(Template::leaf(&key).with(Extension::subject_alt_name(&san)));
        assert_eq!(leaf.san(), Ok(san));
        assert_eq!(leaf.verify_signature(root.key.public()), Ok(()));
    }
}

#[test]
fn precertificate_and_certificate_share_their_bytes() {
    let root = Authority::root("root");
    let base = root.tbs(Template::leaf(&Key::p256()));
    let precertificate = base.with(&Extension::poison());
    let certificate = base.with(&Extension::sct_list(b"list"));
    let certificate = Certificate::from_der(&certificate.sign(&root.key.sign(&certificate.der()))).unwrap();
    assert_eq!(certificate.tbs_without_scts().unwrap(), Some(base.der()));
    assert_eq!(certificate.extensions().sct_list.as_deref(), Some(&b"list"[..]));
    let precertificate = Certificate::from_der(&precertificate.sign(b"-")).unwrap();
    assert_eq!(precertificate.extensions().unknown_critical.as_deref(), Some("1.3.6.1.4.1.11129.2.4.3"));
}

#[test]
fn a_period_without_an_end_is_the_year_9999() {
    let key = Key::p256();
    let open = ValidityPeriod::new(START, None).unwrap();
    let root =
        Authority::self_signed(key, Template { validity: open, ..Template::authority(&Key::p256(), "root", None) });
    assert_eq!(root.certificate.validity().to_string(), "2026-01-01T00:00:00Z to 9999-12-31T23:59:59Z");
}

#[test]
fn algorithms_are_read_back() {
    for family in [Family::Ecdsa, Family::RsaPkcs1, Family::RsaPss] {
        for digest in DigestAlgorithm::ALL {
            let scheme = Scheme { family, digest };
            let written = algorithm::write_signature(scheme);
            let mut reader = Reader::whole(&written, tag::SEQUENCE).unwrap();
            assert_eq!(algorithm::read_signature(&mut reader), Ok(scheme));
        }
    }
}
