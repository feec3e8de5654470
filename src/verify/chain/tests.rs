//! Rows C01 to C31, C39, C42 to C44 of the refusals: in each only one check fails.
//!
//! Elsewhere: C32 to C38, C40, C41 and C45 to C50 are the parser's (`format::x509::certificate::tests`);
//! C20, C22, C24 and C25 compare identities (policy), though a DNS name is refused here already;
//! C27 is the bundle's.

mod names;

use super::*;
use crate::base::encoding::der::{self, Oid, tag};
use crate::base::time::UnixTime;
use crate::format::trust::{Embedded, TrustedRoot};
use crate::format::x509::build::Extension;
use crate::format::x509::testing::{self, Key, SIGNED, START, Template, period};
use crate::format::x509::{KeyUsage, oids};
use crate::verify::testing::cases;

const YEAR: i64 = 365 * 86_400;

/// The window of every authority here: all the time that matters.
fn always() -> ValidityPeriod {
    period(START.plus_secs(-20 * YEAR), 40 * YEAR)
}

fn instance(chain: &[&testing::Authority]) -> AuthorityInstance {
    AuthorityInstance {
        organization: "example.com".to_owned(),
        common_name: "ca".to_owned(),
        uri: "https://ca.example.com".to_owned(),
        chain: chain.iter().map(|authority| authority.certificate.clone()).collect(),
        validity: always(),
    }
}

fn trust(chain: &[&testing::Authority]) -> Authorities {
    Authorities::new(&[instance(chain)]).unwrap()
}

/// Authorities whose verdicts are written out as cases.
#[derive(Debug)]
struct Authorities {
    inner: super::Authorities,
    instances: Vec<AuthorityInstance>,
}

impl Authorities {
    fn new(instances: &[AuthorityInstance]) -> Result<Self, ChainError> {
        let made = super::Authorities::new(instances);
        if let Err(error) = &made {
            cases::chain(instances.to_vec(), None, &[], &[], error.code());
        }
        Ok(Self { inner: made?, instances: instances.to_vec() })
    }

    fn verify_leaf(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        times: &[UnixTime],
    ) -> Result<ChainValid, ChainError> {
        let verdict = self.inner.verify_leaf(leaf, intermediates, times);
        if let Err(error) = &verdict {
            cases::chain(self.instances.clone(), Some(leaf), intermediates, times, error.code());
        }
        verdict
    }
}

/// A root, an intermediate below it, and trust in both.
struct World {
    root: testing::Authority,
    issuer: testing::Authority,
    trust: Authorities,
}

impl World {
    fn new() -> Self {
        let root = testing::Authority::root("root");
        let issuer = root.intermediate("intermediate");
        let trust = trust(&[&issuer, &root]);
        Self { root, issuer, trust }
    }

    /// The verdict on a leaf of the intermediate.
    fn leaf(&self, change: impl Fn(Template) -> Template) -> &'static str {
        let leaf = self.issuer.sign(change(Template::leaf(&Key::p256())));
        code(self.trust.verify_leaf(&leaf, &[], &[SIGNED]))
    }

    /// The verdict on a good leaf at some times.
    fn at(&self, times: &[UnixTime]) -> &'static str {
        code(self.trust.verify_leaf(&self.issuer.leaf().0, &[], times))
    }

    /// The verdicts on a leaf below a changed intermediate: in the trust root, and in the bundle.
    fn intermediate(&self, change: impl Fn(Template) -> Template) -> [&'static str; 2] {
        let key = Key::p256();
        let template = Template::authority(&key, "changed", Some(0));
        let changed = self.root.below(key, change(template));
        let (leaf, _) = changed.leaf();
        let trusted = Authorities::new(&[instance(&[&changed, &self.root])]);
        let trusted = trusted.and_then(|trust| trust.verify_leaf(&leaf, &[], &[SIGNED]));
        let bundled = trust(&[&self.root]).verify_leaf(&leaf, &[changed.certificate], &[SIGNED]);
        [code(trusted), code(bundled)]
    }
}

fn code(result: Result<ChainValid, ChainError>) -> &'static str {
    match result {
        Ok(_) => "accept",
        Err(error) => error.code().name(),
    }
}

#[test]
fn good_leaves_say_what_was_proven() {
    let world = World::new();
    let (leaf, _) = world.issuer.leaf();
    let valid = world.trust.verify_leaf(&leaf, &[], &[SIGNED]).unwrap();
    assert_eq!(valid.identity(), &San::Email("signer@example.com".to_owned()));
    assert_eq!(valid.authority(), "ca (example.com)");
    assert_eq!(valid.path(), [world.issuer.certificate.clone(), world.root.certificate.clone()]);
    assert_eq!(valid.issuer_key(), world.issuer.key.public());
    assert_eq!(valid.times(), [SIGNED]);
}

#[test]
fn embedded_authorities_hold() {
    for instance in Embedded::ALL {
        let root = TrustedRoot::parse(instance.trusted_root_json().as_bytes()).unwrap();
        Authorities::new(&root.certificate_authorities).unwrap();
    }
    let public = TrustedRoot::parse(Embedded::PublicGood.trusted_root_json().as_bytes()).unwrap();
    let lengths: Vec<_> = public.certificate_authorities.iter().map(|authority| authority.chain.len()).collect();
    assert_eq!(lengths, [1, 2], "an old root that issued leaves itself, and its successor");
}

#[test]
fn an_old_root_issues_leaves_itself() {
    let root = testing::Authority::root("root");
    assert_eq!(code(trust(&[&root]).verify_leaf(&root.leaf().0, &[], &[SIGNED])), "accept");
}

#[test]
fn every_kind_of_authority_key() {
    for key in [Key::p384(), Key::p521(), Key::rsa(), Key::ed25519()] {
        let template = Template::authority(&key, "root", None);
        let root = testing::Authority::self_signed(key, template);
        assert_eq!(code(trust(&[&root]).verify_leaf(&root.leaf().0, &[], &[SIGNED])), "accept");
    }
}

#[test]
fn no_time_is_no_answer() {
    assert_eq!(World::new().at(&[]), "time-missing");
}

#[test]
fn c01_leaf_ended_a_second_before() {
    assert_eq!(World::new().at(&[START.plus_secs(601)]), "cert-not-valid-at-time");
    assert_eq!(World::new().at(&[START.plus_secs(600)]), "accept");
}

#[test]
fn c02_leaf_starts_a_second_after() {
    assert_eq!(World::new().at(&[START.plus_secs(-1)]), "cert-not-valid-at-time");
    assert_eq!(World::new().at(&[START]), "accept");
}

#[test]
fn c03_leaf_expired_long_ago_but_valid_when_it_signed() {
    // There is no now here at all: the proven times alone decide.
    assert_eq!(World::new().at(&[SIGNED]), "accept");
}

#[test]
fn c04_intermediate_expired_at_signing() {
    let expired = |template: Template| template.valid(START.plus_secs(-YEAR), YEAR + 30);
    assert_eq!(World::new().intermediate(expired), ["chain-not-valid-at-time"; 2]);
    assert_eq!(World::new().intermediate(|template| template), ["accept"; 2]);
}

#[test]
fn c05_root_expired_at_signing() {
    let key = Key::p256();
    let template = Template::authority(&key, "root", None).valid(START.plus_secs(-YEAR), YEAR + 30);
    let root = testing::Authority::self_signed(key, template);
    let issuer = root.intermediate("intermediate");
    let trust = trust(&[&issuer, &root]);
    assert_eq!(code(trust.verify_leaf(&issuer.leaf().0, &[], &[SIGNED])), "ca-outside-validity");
}

#[test]
fn c05_authority_window_does_not_hold_the_time() {
    let World { root, issuer, .. } = World::new();
    let within = |validity| {
        let trust = Authorities::new(&[AuthorityInstance { validity, ..instance(&[&issuer, &root]) }]).unwrap();
        code(trust.verify_leaf(&issuer.leaf().0, &[], &[SIGNED]))
    };
    assert_eq!(within(period(START, 59)), "ca-outside-validity");
    assert_eq!(within(period(SIGNED.plus_secs(1), YEAR)), "ca-outside-validity");
    assert_eq!(within(period(START, 60)), "accept");
}

#[test]
fn c06_one_of_two_times_outside() {
    let world = World::new();
    assert_eq!(world.at(&[SIGNED, START.plus_secs(601)]), "cert-not-valid-at-time");
    assert_eq!(world.at(&[START.plus_secs(601), SIGNED]), "cert-not-valid-at-time");
}

#[test]
fn c07_eku_absent() {
    assert_eq!(World::new().leaf(|leaf| leaf.without(oids::EXTENDED_KEY_USAGE)), "cert-eku-missing");
}

#[test]
fn c08_eku_server_auth() {
    let server_auth = Oid::constant(&[0x2b, 6, 1, 5, 5, 7, 3, 1]);
    assert_eq!(
        World::new().leaf(|leaf| leaf.with(Extension::extended_key_usage(&[server_auth], false))),
        "cert-eku-wrong"
    );
}

#[test]
fn c09_eku_any() {
    let any = Oid::constant(&[0x55, 0x1d, 37, 0]);
    assert_eq!(World::new().leaf(|leaf| leaf.with(Extension::extended_key_usage(&[any], false))), "cert-eku-wrong");
}

#[test]
fn c10_eku_code_signing_and_another() {
    let both = Extension::extended_key_usage(&[oids::CODE_SIGNING, oids::TIME_STAMPING], false);
    assert_eq!(World::new().leaf(|leaf| leaf.with(both.clone())), "cert-eku-wrong");
}

#[test]
fn c11_intermediate_for_other_purposes() {
    let other = Extension::extended_key_usage(&[oids::TIME_STAMPING], false);
    assert_eq!(World::new().intermediate(|ca| ca.with(other.clone())), ["chain-eku-wrong"; 2]);
}

#[test]
fn c12_key_usage() {
    let world = World::new();
    assert_eq!(world.leaf(|leaf| leaf.without(oids::KEY_USAGE)), "cert-key-usage");
    assert_eq!(world.leaf(|leaf| leaf.with(Extension::key_usage(KeyUsage::AUTHORITY))), "cert-key-usage");
    let both = Extension::new(oids::KEY_USAGE, true, &der::named_bits(0x8400));
    assert_eq!(world.leaf(|leaf| leaf.with(both.clone())), "cert-key-usage");
}

#[test]
fn c12_authority_key_usage() {
    let world = World::new();
    assert_eq!(world.intermediate(|ca| ca.without(oids::KEY_USAGE)), ["chain-key-usage"; 2]);
    let leaf_usage = Extension::key_usage(KeyUsage::DIGITAL_SIGNATURE);
    assert_eq!(world.intermediate(|ca| ca.with(leaf_usage.clone())), ["chain-key-usage"; 2]);
}

#[test]
fn c13_leaf_is_a_ca() {
    assert_eq!(World::new().leaf(|leaf| leaf.with(Extension::authority(None))), "cert-leaf-is-ca");
    let none = Extension::new(oids::BASIC_CONSTRAINTS, true, &der::sequence(&[]));
    assert_eq!(World::new().leaf(|leaf| leaf.with(none.clone())), "accept");
}

#[test]
fn c14_issuer_is_not_a_ca() {
    let world = World::new();
    let not_a_ca = Extension::new(oids::BASIC_CONSTRAINTS, true, &der::sequence(&[]));
    assert_eq!(world.intermediate(|ca| ca.with(not_a_ca.clone())), ["chain-issuer-not-ca"; 2]);
    assert_eq!(world.intermediate(|ca| ca.without(oids::BASIC_CONSTRAINTS)), ["chain-issuer-not-ca"; 2]);
}

#[test]
fn c14_a_leaf_issues_a_leaf() {
    let world = World::new();
    let key = Key::p256();
    let leaf = Template { subject: testing::name("leaf"), ..Template::leaf(&key) };
    let signer = world.issuer.below(key, leaf);
    let result = world.trust.verify_leaf(&signer.leaf().0, &[signer.certificate], &[SIGNED]);
    assert_eq!(code(result), "chain-issuer-not-ca");
}

#[test]
fn c15_one_intermediate_too_many() {
    let world = World::new();
    let key = Key::p256();
    let extra = Template::authority(&key, "extra", Some(0));
    // The intermediate of the trust root allows none below it.
    let extra = world.issuer.below(key, extra);
    let result = world.trust.verify_leaf(&extra.leaf().0, std::slice::from_ref(&extra.certificate), &[SIGNED]);
    assert_eq!(code(result), "chain-pathlen");
    let within = Authorities::new(&[instance(&[&extra, &world.issuer, &world.root])]);
    assert_eq!(within.unwrap_err().code().name(), "chain-pathlen");
}

#[test]
fn c16_basic_constraints_not_critical() {
    let soft = Extension::new(oids::BASIC_CONSTRAINTS, false, &der::sequence(&[&der::boolean(true), &der::integer(0)]));
    assert_eq!(World::new().intermediate(|ca| ca.with(soft.clone())), ["chain-bc-not-critical"; 2]);
}

#[test]
fn c17_no_alternative_name() {
    let in_subject = |leaf: Template| Template { subject: testing::name("signer@example.com"), ..leaf };
    assert_eq!(World::new().leaf(|leaf| in_subject(leaf.without(oids::SUBJECT_ALT_NAME))), "cert-san-missing");
}

fn names(names: &[Vec<u8>]) -> Extension {
    Extension::new(oids::SUBJECT_ALT_NAME, true, &der::tlv(tag::SEQUENCE, &names.concat()))
}

fn email(text: &[u8]) -> Vec<u8> {
    der::tlv(tag::context_primitive(1), text)
}

#[test]
fn c18_empty_alternative_names() {
    assert_eq!(World::new().leaf(|leaf| leaf.with(names(&[]))), "cert-san-missing");
}

#[test]
fn c19_two_names_in_both_orders() {
    let world = World::new();
    let (victim, attacker) = (email(b"victim@example.com"), email(b"attacker@example.com"));
    let both = [names(&[victim.clone(), attacker.clone()]), names(&[attacker, victim])];
    for both in both {
        assert_eq!(world.leaf(|leaf| leaf.with(both.clone())), "cert-san-multiple");
    }
}

#[test]
fn c20_dns_name() {
    let dns = names(&[der::tlv(tag::context_primitive(2), b"example.com")]);
    assert_eq!(World::new().leaf(|leaf| leaf.with(dns.clone())), "cert-san-unsupported");
}

#[test]
fn c21_other_names() {
    let other = |oid: Vec<u8>, value: Vec<u8>| {
        let name = names(&[der::explicit(0, &[oid, der::explicit(0, &value)].concat())]);
        World::new().leaf(|leaf| leaf.with(name.clone()))
    };
    let username = || der::oid(oids::FULCIO_USERNAME);
    assert_eq!(other(username(), der::utf8_string("alice!example.com")), "accept");
    assert_eq!(other(der::oid(oids::COMMON_NAME), der::utf8_string("alice!example.com")), "cert-san-unsupported");
    // The right type with another value than a UTF8String is named malformed, not unsupported.
    assert_eq!(other(username(), der::tlv(tag::UTF8_STRING, b"alice\xff")), "cert-san-malformed");
    assert_eq!(other(username(), der::ia5_string("alice!example.com")), "cert-san-malformed");
}

#[test]
fn c23_malformed_addresses() {
    let world = World::new();
    let texts: [&[u8]; 9] = [
        b"victim@example.com\0.attacker.example",
        b"victim@example.com\n",
        b"victim@example.com.",
        b"victim@example.com ",
        b"victim@example.com@attacker.example",
        b"victim",
        b"@example.com",
        b"v\xc3\xadctim@example.com",
        b"",
    ];
    for text in texts {
        assert_eq!(world.leaf(|leaf| leaf.with(names(&[email(text)]))), "cert-san-malformed", "{text:?}");
    }
}

#[test]
fn c26_authority_of_another_trust_root() {
    let other = testing::Authority::root("staging root").intermediate("staging intermediate");
    let result = World::new().trust.verify_leaf(&other.leaf().0, &[], &[SIGNED]);
    assert_eq!(code(result), "chain-untrusted");
}

#[test]
fn c28_attacker_of_the_same_name() {
    let world = World::new();
    let fake_root = testing::Authority::root("root");
    let fake = fake_root.intermediate("intermediate");
    let key = Key::p256();
    let same_id = Extension::authority_key_id(world.issuer.certificate.extensions().subject_key_id.as_deref().unwrap());
    let leaf = fake.sign_as_is(Template::leaf(&key).with(same_id));
    for intermediates in [vec![], vec![fake.certificate.clone()], vec![fake.certificate, fake_root.certificate]] {
        assert_eq!(code(world.trust.verify_leaf(&leaf, &intermediates, &[SIGNED])), "chain-signature");
    }
}

#[test]
fn c29_two_intermediates_of_one_name() {
    let root = testing::Authority::root("root");
    let (first, second) = (root.intermediate("intermediate"), root.intermediate("intermediate"));
    let (leaf, _) = second.leaf();
    // Without the hint that puts the right one first.
    let unhinted = second.sign_as_is(Template::leaf(&Key::p256()));
    let both = Authorities::new(&[instance(&[&first, &root]), instance(&[&second, &root])]).unwrap();
    let bundled = [first.certificate, second.certificate];
    for leaf in [leaf, unhinted] {
        assert_eq!(code(both.verify_leaf(&leaf, &[], &[SIGNED])), "accept");
        assert_eq!(code(trust(&[&root]).verify_leaf(&leaf, &bundled, &[SIGNED])), "accept");
    }
}

#[test]
fn two_windows_of_one_authority() {
    let World { root, issuer, .. } = World::new();
    let window = |start, seconds| AuthorityInstance { validity: period(start, seconds), ..instance(&[&issuer, &root]) };
    let trust = Authorities::new(&[window(START.plus_secs(-YEAR), 10), window(START, YEAR)]).unwrap();
    assert_eq!(code(trust.verify_leaf(&issuer.leaf().0, &[], &[SIGNED])), "accept");
    // One authority must hold every time: two halves are no whole.
    let halves = Authorities::new(&[window(START, 59), window(START.plus_secs(60), YEAR)]).unwrap();
    let times = [START.plus_secs(30), SIGNED];
    assert_eq!(code(halves.verify_leaf(&issuer.leaf().0, &[], &times)), "ca-outside-validity");
}

#[test]
fn c30_intermediates_only_in_the_bundle() {
    let World { root, issuer, .. } = World::new();
    let (leaf, _) = issuer.leaf();
    let trust = trust(&[&root]);
    assert_eq!(code(trust.verify_leaf(&leaf, &[], &[SIGNED])), "chain-untrusted");
    assert_eq!(code(trust.verify_leaf(&leaf, &[issuer.certificate], &[SIGNED])), "accept");
}

#[test]
fn c31_leaf_signature_and_body() {
    let world = World::new();
    let (leaf, _) = world.issuer.leaf();
    let verdict = |at: usize| {
        let mut der = leaf.der().to_vec();
        der[at] ^= 1;
        code(world.trust.verify_leaf(&Certificate::from_der(&der).unwrap(), &[], &[SIGNED]))
    };
    assert_eq!(verdict(leaf.der().len() - 1), "chain-signature");
    let serial = leaf.der().windows(19).position(|bytes| bytes == [1; 19]).unwrap();
    assert_eq!(verdict(serial + 18), "chain-signature");
}

/// An anchor is a name and a key (RFC 5280 section 6.1.1): what it signed itself is not asked, but what it
/// signed of others is.
#[test]
fn c31_signature_of_an_intermediate() {
    let world = World::new();
    let stranger = testing::Authority::root("root");
    let error = Authorities::new(&[instance(&[&world.issuer, &stranger])]).unwrap_err();
    assert_eq!(error.code().name(), "chain-signature");
}

#[test]
fn c39_unknown_critical_extension() {
    let world = World::new();
    let unknown =
        |critical| Extension::new(Oid::constant(&[0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 99]), critical, &der::null());
    assert_eq!(world.leaf(|leaf| leaf.with(unknown(true))), "cert-unknown-critical");
    assert_eq!(world.intermediate(|ca| ca.with(unknown(true))), ["cert-unknown-critical"; 2]);
    assert_eq!(world.leaf(|leaf| leaf.with(unknown(false))), "accept");
    assert_eq!(world.intermediate(|ca| ca.with(unknown(false))), ["accept"; 2]);
}

#[test]
fn sct11_poison_left_in() {
    assert_eq!(World::new().leaf(|leaf| leaf.with(Extension::poison())), "cert-unknown-critical");
}

#[test]
fn c44_long_chains_and_loops() {
    let world = World::new();
    let mut chain = vec![testing::Authority::root("deep")];
    for _ in 0..limits::CHAIN {
        let key = Key::p256();
        let template = Template::authority(&key, &format!("deep {}", chain.len()), None);
        chain.insert(0, chain[0].below(key, template));
    }
    let certificates: Vec<_> = chain.iter().map(|authority| authority.certificate.clone()).collect();
    let (leaf, _) = chain[0].leaf();
    let (root, intermediates) = certificates.split_last().unwrap();
    let trust = Authorities::new(&[AuthorityInstance { chain: vec![root.clone()], ..instance(&[]) }]).unwrap();
    assert_eq!(code(trust.verify_leaf(&leaf, intermediates, &[SIGNED])), "accept");
    assert_eq!(code(trust.verify_leaf(&leaf, &certificates, &[SIGNED])), "limit-chain");

    // A and B certify each other; neither leads to the trust root.
    let (a, b) = (testing::Authority::root("a"), testing::Authority::root("b"));
    let crossed = [b.sign(Template::authority(&a.key, "a", None)), a.sign(Template::authority(&b.key, "b", None))];
    assert_eq!(code(world.trust.verify_leaf(&a.leaf().0, &crossed, &[SIGNED])), "chain-untrusted");
}

#[test]
fn c44_cross_signed_without_end() {
    // Eight certificates of one name and key, each issued by that name: 8! ways to order them.
    let world = World::new();
    let loops = testing::Authority::root("loop");
    let copies: Vec<_> = (1..=8u8)
        .map(|serial| loops.sign(Template { serial: vec![serial], ..Template::authority(&loops.key, "loop", None) }))
        .collect();
    assert_eq!(code(world.trust.verify_leaf(&loops.leaf().0, &copies, &[SIGNED])), "limit-chain");
}

#[test]
fn an_authority_out_of_order_is_named() {
    let World { root, issuer, .. } = World::new();
    let error = Authorities::new(&[instance(&[&root, &issuer])]).unwrap_err();
    assert_eq!(error.code().name(), "chain-order");
    assert!(error.to_string().starts_with("authority \"ca (example.com)\" of the trust root: "), "{error}");
    assert_eq!(Authorities::new(&[instance(&[])]).unwrap_err().code().name(), "chain-empty");
}
