//! C42 and C43: name constraints.

use std::time::{Duration, Instant};

use super::*;

enum Subtree<'a> {
    Permitted(&'a [Vec<u8>]),
    Excluded(&'a [Vec<u8>]),
}

fn constraints(subtrees: &Subtree<'_>) -> Extension {
    let (number, names) = match subtrees {
        Subtree::Permitted(names) => (0, names),
        Subtree::Excluded(names) => (1, names),
    };
    let list: Vec<u8> = names.iter().flat_map(|name| der::sequence(&[name])).collect();
    let list = der::tlv(tag::context(number), &list);
    Extension::new(oids::NAME_CONSTRAINTS, true, &der::sequence(&[&list]))
}

fn general(tag_number: u8, text: &str) -> Vec<u8> {
    der::tlv(tag::context_primitive(tag_number), text.as_bytes())
}

/// The verdict on a leaf with one name below an intermediate with one subtree: permitted, excluded.
fn verdicts(name: &[u8], subtree: &[u8]) -> [&'static str; 2] {
    let subtree = [subtree.to_vec()];
    [Subtree::Permitted(&subtree), Subtree::Excluded(&subtree)].map(|subtrees| {
        let root = testing::Authority::root("root");
        let key = Key::p256();
        let template = Template::authority(&key, "constrained", Some(0)).with(constraints(&subtrees));
        let issuer = root.below(key, template);
        let leaf = issuer.sign(Template::leaf(&Key::p256()).with(names(&[name.to_vec()])));
        code(trust(&[&issuer, &root]).verify_leaf(&leaf, &[], &[SIGNED]))
    })
}

const INSIDE: [&str; 2] = ["accept", "chain-name-constraint"];
const OUTSIDE: [&str; 2] = ["chain-name-constraint", "accept"];
const UNCLEAR: [&str; 2] = ["chain-name-constraint"; 2];

#[test]
fn c42_email_subtrees() {
    let email = |name, subtree| verdicts(&general(1, name), &general(1, subtree));
    assert_eq!(email("a@example.com", "example.com"), INSIDE);
    assert_eq!(email("a@EXAMPLE.com", "example.COM"), INSIDE);
    assert_eq!(email("a@sub.example.com", "example.com"), OUTSIDE);
    assert_eq!(email("a@sub.example.com", ".example.com"), INSIDE);
    assert_eq!(email("a@example.com", ".example.com"), OUTSIDE);
    assert_eq!(email("a@badexample.com", ".example.com"), OUTSIDE);
    assert_eq!(email("a@example.com", "a@example.com"), INSIDE);
    assert_eq!(email("a@Example.com", "a@example.com"), INSIDE);
    assert_eq!(email("b@example.com", "a@example.com"), OUTSIDE);
    assert_eq!(email("A@example.com", "a@example.com"), UNCLEAR);
    assert_eq!(email("a@[192.0.2.1]", "example.com"), UNCLEAR);
    assert_eq!(email("a@example.com", "*.example.com"), UNCLEAR);
}

#[test]
fn c42_uri_subtrees() {
    let uri = |name, subtree| verdicts(&general(6, name), &general(6, subtree));
    assert_eq!(uri("https://example.com/w@main", "example.com"), INSIDE);
    assert_eq!(uri("https://user@Example.com:443/w", "example.com"), INSIDE);
    assert_eq!(uri("https://example.com@evil.example/w", "example.com"), OUTSIDE);
    assert_eq!(uri("https://evil.example/?example.com", "example.com"), OUTSIDE);
    assert_eq!(uri("https://a.example.com/", ".example.com"), INSIDE);
    assert_eq!(uri("https://example.com/", ".example.com"), OUTSIDE);
    for unclear in [
        "urn:example:com",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/",
        "https://example.com./",
        "https:///x",
        "https://%65xample.com/",
    ] {
        assert_eq!(uri(unclear, "example.com"), UNCLEAR, "{unclear}");
    }
    assert_eq!(uri("https://example.com/", "https://example.com/"), UNCLEAR);
}

#[test]
fn c42_other_forms() {
    // A constraint on another form says nothing of this name.
    assert_eq!(verdicts(&general(1, "a@example.com"), &general(6, "example.com")), ["accept"; 2]);
    assert_eq!(verdicts(&general(1, "a@example.com"), &general(2, "example.org")), ["accept"; 2]);
    // An otherName constraint is not compared, so a username below it is not allowed.
    let other =
        |text| der::explicit(0, &[der::oid(oids::FULCIO_USERNAME), der::explicit(0, &der::utf8_string(text))].concat());
    assert_eq!(verdicts(&other("alice!example.com"), &other("alice!example.com")), UNCLEAR);
    // A subtree that cannot be read allows nothing.
    assert_eq!(verdicts(&general(1, "a@example.com"), &general(2, "")), UNCLEAR);
}

#[test]
fn c42_dns_subtrees() {
    use super::super::names::allows;
    let allowed = |name, subtree| {
        let root = testing::Authority::root("root");
        let subtree = [general(2, subtree)];
        let key = Key::p256();
        let template = Template::authority(&key, "ca", None).with(constraints(&Subtree::Excluded(&subtree)));
        let authority = root.sign(template);
        let leaf = root.sign(Template::leaf(&key).with(names(&[general(2, name)])));
        allows(authority.extensions().name_constraints.as_ref().unwrap(), &leaf)
    };
    assert!(!allowed("example.com", "example.com") && !allowed("A.EXAMPLE.com", "example.com"));
    assert!(allowed("badexample.com", "example.com") && allowed("example.com", ".example.com"));
    assert!(!allowed("*.example.com", "a.example.com"), "a wildcard may reach into the subtree");
}

#[test]
fn c42_directory_names_below_are_not_compared() {
    let root = testing::Authority::root("root");
    let directory = [der::explicit(4, &testing::name("anyone"))];
    let key = Key::p256();
    let template = Template::authority(&key, "ca", Some(0)).with(constraints(&Subtree::Excluded(&directory)));
    let issuer = root.below(key, template);
    let trust = trust(&[&issuer, &root]);
    assert_eq!(code(trust.verify_leaf(&issuer.leaf().0, &[], &[SIGNED])), "accept");
    let named = issuer.sign(Template { subject: testing::name("someone"), ..Template::leaf(&Key::p256()) });
    assert_eq!(code(trust.verify_leaf(&named, &[], &[SIGNED])), "chain-name-constraint");
}

#[test]
fn c42_constraints_of_the_root_reach_the_leaf_through_the_bundle() {
    let key = Key::p256();
    let subtree = [general(1, "example.org")];
    let template = Template::authority(&key, "root", None).with(constraints(&Subtree::Permitted(&subtree)));
    let root = testing::Authority::self_signed(key, template);
    let issuer = root.intermediate("intermediate");
    let result = trust(&[&root]).verify_leaf(&issuer.leaf().0, std::slice::from_ref(&issuer.certificate), &[SIGNED]);
    assert_eq!(code(result), "chain-name-constraint");
}

#[test]
fn c43_many_constraints_and_names() {
    let started = Instant::now();
    let root = testing::Authority::root("root");
    let key = Key::p256();
    let many = |count| (0..count).map(|n| general(1, &format!("h{n}.example.com"))).collect::<Vec<_>>();
    let subtrees = many(limits::NAME_CONSTRAINTS + 1);
    let template = Template::authority(&key, "ca", None).with(constraints(&Subtree::Excluded(&subtrees)));
    let leaf = Template::leaf(&key).with(super::names(&many(limits::CERTIFICATE_NAMES + 1)));
    for der in [root.sign_der(template), root.sign_der(leaf)] {
        let error = Certificate::from_der(&der).unwrap_err();
        assert_eq!(error.code().name(), "limit-certificate");
        cases::certificate(&der, error.code());
    }
    assert!(started.elapsed() < Duration::from_secs(1));
}
