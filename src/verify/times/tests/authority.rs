//! Rows about whose token it is, and when that authority may speak.

use super::forge::{Forge, Tsa, always, entry, template};
use super::{refusal, verify};
use crate::base::encoding::der::Oid;
use crate::base::time::ValidityPeriod;
use crate::format::trust::AuthorityInstance;
use crate::format::x509::build::Extension;
use crate::format::x509::testing::{Authority, Key, SIGNED, START, Template, period};
use crate::format::x509::{Certificate, KeyUsage, oids};
use crate::verify::times::TimestampAuthorities;

fn code(entries: &[AuthorityInstance], response: &[u8]) -> &'static str {
    verify(entries, response).map_or_else(|error| error.code().name(), |_| "accepted")
}

/// The refusal of a good token of an authority whose leaf was issued otherwise.
fn with_leaf(change: impl Fn(Template) -> Template) -> &'static str {
    let tsa = Tsa::with_leaf(Key::p256(), change);
    refusal(&tsa, &tsa.forge().response())
}

#[test]
fn t02_authority_not_in_the_trusted_root() {
    let (tsa, other) = (Tsa::new(), Tsa::new());
    let mut forge = tsa.forge();
    assert_eq!(code(&[other.entry()], &forge.response()), "tsa-untrusted");
    assert_eq!(code(&[], &forge.response()), "tsa-untrusted");
    forge.certificates = vec![tsa.leaf.der().to_vec(), tsa.root.certificate.der().to_vec()];
    assert_eq!(code(&[other.entry()], &forge.response()), "tsa-untrusted");
}

#[test]
fn t07_eku_not_critical_with_another_or_absent() {
    let purposes = |purposes: &[Oid<'_>], critical| {
        with_leaf(|template| template.with(Extension::extended_key_usage(purposes, critical)))
    };
    assert_eq!(purposes(&[oids::TIME_STAMPING], true), "accepted");
    assert_eq!(purposes(&[oids::TIME_STAMPING], false), "tsa-eku");
    assert_eq!(purposes(&[oids::TIME_STAMPING, oids::CODE_SIGNING], true), "tsa-eku");
    assert_eq!(purposes(&[oids::TIME_STAMPING, Oid::constant(&[0x2a, 3])], true), "tsa-eku");
    assert_eq!(purposes(&[oids::CODE_SIGNING], true), "tsa-eku");
    assert_eq!(with_leaf(|template| template.without(oids::EXTENDED_KEY_USAGE)), "tsa-eku");
}

#[test]
fn t08_leaf_is_a_ca() {
    assert_eq!(with_leaf(|template| template.with(Extension::authority(None))), "tsa-leaf-is-ca");
    // A trusted root that lists only CAs proves no time, even if one of them signs.
    let root = Authority::root("root");
    let response = Forge::new(&root.key, &root.certificate).response();
    assert_eq!(code(&[entry("tsa", &[&root.certificate], always())], &response), "tsa-leaf-is-ca");
}

#[test]
fn leaf_key_usage_and_critical_extensions() {
    let usage = |usage| with_leaf(|template| template.with(Extension::key_usage(usage)));
    assert_eq!(usage(KeyUsage::AUTHORITY), "tsa-key-usage");
    assert_eq!(with_leaf(|template| template.without(oids::KEY_USAGE)), "tsa-key-usage");
    assert_eq!(with_leaf(|template| template.with(Extension::poison())), "cert-unknown-critical");
}

#[test]
fn a_chain_that_does_not_hold() {
    let (tsa, other) = (Tsa::new(), Tsa::new());
    let response = tsa.forge().response();
    let chain = |chain: &[&Certificate]| code(&[entry("tsa", chain, always())], &response);
    let (leaf, root, another) = (&tsa.leaf, &tsa.root.certificate, Authority::root("another"));
    assert_eq!(chain(&[leaf, root]), "accepted");
    assert_eq!(chain(&[leaf]), "chain-empty");
    assert_eq!(chain(&[leaf, &other.leaf]), "chain-issuer-not-ca");
    assert_eq!(chain(&[leaf, &another.certificate]), "chain-order");
    // The same name, another key.
    assert_eq!(chain(&[leaf, &other.root.certificate]), "chain-signature");
    // An intermediate that is no authority for time stamping.
    let intermediate = tsa.root.intermediate("intermediate");
    let key = Key::p256();
    let leaf = intermediate.sign(template(&key, "tsa"));
    let response = Forge::new(&key, &leaf).response();
    let entry = entry("tsa", &[&leaf, &intermediate.certificate, root], always());
    assert_eq!(code(&[entry], &response), "chain-eku-wrong");
}

#[test]
fn one_broken_authority_breaks_no_other() {
    let good = Tsa::new();
    let broken = Tsa::with_leaf(Key::p256(), |template| template.without(oids::EXTENDED_KEY_USAGE));
    let entries = [broken.entry(), good.entry()];
    assert_eq!(code(&entries, &good.forge().response()), "accepted");
    assert_eq!(code(&entries, &broken.forge().response()), "tsa-eku");
}

#[test]
fn t09_outside_the_leaf_the_chain_or_the_window() {
    const OUTSIDE: &str = "tsa-not-valid-at-time";
    let ends_at_signing = period(START, SIGNED.secs() - START.secs());
    // Both ends belong to it, a second more does not.
    let leaf = |start: i64, seconds| with_leaf(|template| template.valid(SIGNED.plus_secs(start), seconds));
    assert_eq!((leaf(0, 10), leaf(-10, 10)), ("accepted", "accepted"));
    assert_eq!((leaf(1, 10), leaf(-10, 9)), (OUTSIDE, OUTSIDE));

    let tsa = Tsa::new();
    let response = tsa.forge().response();
    let chain = [&tsa.leaf, &tsa.root.certificate];
    let window = |window| code(&[entry("tsa", &chain, window)], &response);
    assert_eq!(window(ends_at_signing), "accepted");
    assert_eq!(window(ValidityPeriod::new(SIGNED, None).unwrap()), "accepted");
    assert_eq!(window(period(START, SIGNED.secs() - START.secs() - 1)), OUTSIDE);
    assert_eq!(window(ValidityPeriod::new(SIGNED.plus_secs(1), None).unwrap()), OUTSIDE);

    let key = Key::p256();
    let ca = Template::authority(&key, "old", None).valid(START, SIGNED.secs() - START.secs() - 1);
    let old = Authority::self_signed(key, ca);
    let key = Key::p256();
    let leaf = old.sign(template(&key, "tsa"));
    let response = Forge::new(&key, &leaf).response();
    assert_eq!(code(&[entry("tsa", &[&leaf, &old.certificate], always())], &response), OUTSIDE);
}

#[test]
fn t10_no_other_authority_lends_its_window() {
    let (retired, current) = (Tsa::new(), Tsa::new());
    let past = period(START.plus_secs(-100), 100);
    let a = entry("a", &[&retired.leaf, &retired.root.certificate], past);
    let b = entry("b", &[&current.leaf, &current.root.certificate], always());
    let empty = entry("c", &[], always());
    let response = retired.forge().response();
    assert_eq!(code(&[a.clone(), b.clone()], &response), "tsa-not-valid-at-time");
    assert_eq!(code(&[a.clone(), b.clone(), empty.clone()], &response), "tsa-not-valid-at-time");
    assert_eq!(code(&[empty, b, a], &response), "tsa-not-valid-at-time");
    // The same leaf in an entry whose window does cover the time is that entry's own.
    let renewed = entry("a2", &[&retired.leaf, &retired.root.certificate], always());
    let first = entry("a", &[&retired.leaf, &retired.root.certificate], past);
    let valid = verify(&[first, renewed], &response).unwrap();
    assert_eq!((valid.authority(), valid.unit()), ("a2", 0));
}

#[test]
fn t11_a_shared_root_shares_no_leaf() {
    let a = Tsa::new();
    let key = Key::p256();
    let b = a.root.sign(template(&key, "b"));
    let entry = entry("b", &[&b, &a.root.certificate], always());
    let mut forge = a.forge();
    assert_eq!(code(std::slice::from_ref(&entry), &forge.response()), "tsa-untrusted");
    forge.certificates = vec![a.leaf.der().to_vec()];
    assert_eq!(code(&[entry], &forge.response()), "tsa-untrusted");
}

/// Thresholds count [`TimestampValid::unit`](crate::verify::times::TimestampValid::unit): the walk's half
/// of T19 stands on this.
#[test]
fn t19_one_authority_is_one_unit() {
    let (old, new, other) = (Tsa::new(), Tsa::new(), Tsa::new());
    let at = |tsa: &Tsa, uri: &str| AuthorityInstance { uri: uri.to_owned(), ..tsa.entry() };
    let entries = [at(&old, "https://a"), at(&other, "https://b"), at(&new, "https://a"), at(&other, "")];
    let authorities = TimestampAuthorities::new(&entries);
    let unit = |tsa: &Tsa| {
        let response = tsa.forge().response();
        authorities.verify_token(&response, super::SIGNATURE, super::NOW).unwrap().unit()
    };
    assert_eq!((unit(&old), unit(&old), unit(&new), unit(&other)), (0, 0, 0, 1));
}

#[test]
fn t22_expired_now_but_valid_then() {
    let tsa = Tsa::new();
    let mut forge = tsa.forge();
    let authorities = TimestampAuthorities::new(&[tsa.entry()]);
    let much_later = START.plus_secs(100 * 365 * 86_400);
    for certificates in [Vec::new(), vec![tsa.leaf.der().to_vec()]] {
        forge.certificates = certificates;
        let valid = authorities.verify_token(&forge.response(), super::SIGNATURE, much_later).unwrap();
        assert_eq!(valid.time(), SIGNED);
    }
}
