//! Rows SCT01 to SCT10 and SCT12 of the refusals: in each only one check fails.
//!
//! Elsewhere: SCT11 is the chain's (`verify::chain::tests`). SCT07's "outside the certificate's window"
//! is not checked: no specification asks it, and the window is checked at every proven time. SCT08's
//! threshold is the policy's; here the proof counts logs, not SCTs.

use super::*;
use crate::base::crypto::{DigestAlgorithm, Family, Scheme};
use crate::format::x509::build::{Extension, TbsCertificate};
use crate::format::x509::testing::{Authority, Key, SIGNED, START, Template, period};
use crate::verify::testing::cases;

/// A CT log: its key, and how the trust root has it.
struct Log {
    key: Key,
    instance: LogInstance,
}

impl Log {
    fn new() -> Self {
        let key = Key::p256();
        let instance = LogInstance {
            base_url: "https://ct.example.com".to_owned(),
            key: key.public().clone(),
            validity: period(START.plus_secs(-86_400), 2 * 86_400),
            log_id: key.public().spki_sha256().to_vec(),
            operator: None,
        };
        Self { key, instance }
    }

    fn sct(&self, tbs: &TbsCertificate, issuer: &Authority) -> Sct {
        self.sct_with(tbs, issuer, START, &[])
    }

    fn sct_with(&self, tbs: &TbsCertificate, issuer: &Authority, timestamp: UnixTime, extensions: &[u8]) -> Sct {
        let hash = sha256(&[issuer.key.public().spki()]);
        let signed = sct::signed_data(timestamp, &hash, &tbs.der(), extensions).unwrap();
        Sct {
            log_id: self.key.public().spki_sha256(),
            timestamp,
            extensions: extensions.to_vec(),
            scheme: self.key.scheme(),
            signature: self.key.sign(&signed),
        }
    }
}

/// One authority, one known log and the body of one leaf.
struct World {
    issuer: Authority,
    log: Log,
    tbs: TbsCertificate,
}

impl World {
    fn new() -> Self {
        let issuer = Authority::root("root");
        let tbs = issuer.tbs(Template::leaf(&Key::p256()));
        Self { issuer, log: Log::new(), tbs }
    }

    fn sct(&self) -> Sct {
        self.log.sct(&self.tbs, &self.issuer)
    }

    fn leaf(&self, list: &[u8]) -> Certificate {
        let tbs = self.tbs.with(&Extension::sct_list(list));
        Certificate::from_der(&tbs.sign(&self.issuer.key.sign(&tbs.der()))).unwrap()
    }

    fn verify(&self, scts: &[Sct]) -> Result<SctValid, SctError> {
        self.judge(std::slice::from_ref(&self.log.instance), &self.leaf(&sct::write_list(scts).unwrap()))
    }

    /// The verdict of these logs, written out as a case.
    fn judge(&self, logs: &[LogInstance], leaf: &Certificate) -> Result<SctValid, SctError> {
        let verdict = CtLogs::new(logs).verify(leaf, self.issuer.key.public(), SIGNED);
        if let Err(error) = &verdict {
            cases::sct(logs, &self.issuer.certificate, leaf, SIGNED, error.code());
        }
        verdict
    }

    fn code(&self, sct: Sct) -> &'static str {
        code(self.verify(&[sct]))
    }
}

fn code(result: Result<SctValid, SctError>) -> &'static str {
    match result {
        Ok(_) => "accept",
        Err(error) => error.code().name(),
    }
}

#[test]
fn a_good_sct_names_its_log() {
    let world = World::new();
    let valid = world.verify(&[world.sct()]).unwrap();
    let [log] = valid.logs() else { panic!("{valid:?}") };
    assert_eq!((log.url(), log.time(), log.leaf_index()), ("https://ct.example.com", START, None));
    assert_eq!(log.id().as_slice(), world.log.instance.log_id);
    assert!(valid.unknown().is_empty());
}

#[test]
fn sct01_absent() {
    let world = World::new();
    let (leaf, _) = world.issuer.leaf();
    let result = world.judge(std::slice::from_ref(&world.log.instance), &leaf);
    assert_eq!(code(result), "sct-missing");
}

#[test]
fn sct02_lists_that_cannot_be_read() {
    let world = World::new();
    let good = sct::write_list(&[world.sct()]).unwrap();
    let empty_sct_too = [&(good.len() as u16).to_be_bytes()[..], &good[2..], &[0, 0]].concat();
    for list in [&[0, 0][..], &[0, 2, 0, 0], &empty_sct_too, &[&good[..], &[0]].concat(), &good[..good.len() - 1]] {
        let result = world.judge(&[], &world.leaf(list));
        assert_eq!(code(result), "sct-parse", "{list:02x?}");
    }
}

#[test]
fn sct03_signature_and_log() {
    let world = World::new();
    let mut flipped = world.sct();
    *flipped.signature.last_mut().unwrap() ^= 1;
    assert_eq!(world.code(flipped), "sct-invalid");

    let other = Log::new().sct(&world.tbs, &world.issuer);
    let under_our_id = Sct { log_id: world.sct().log_id, ..other.clone() };
    assert_eq!(world.code(under_our_id), "sct-invalid");
    assert_eq!(world.code(other), "sct-unknown-log");
}

#[test]
fn sct03_a_bad_sct_beside_a_good_one() {
    let world = World::new();
    let bad = Sct { signature: vec![0], ..world.sct() };
    assert_eq!(code(world.verify(&[world.sct(), bad])), "sct-invalid");
    let unknown = Log::new().sct(&world.tbs, &world.issuer);
    let valid = world.verify(&[unknown.clone(), world.sct()]).unwrap();
    assert_eq!(valid.logs().len(), 1);
    assert_eq!(valid.unknown(), [hex::encode(&unknown.log_id)]);
}

#[test]
fn sct04_of_another_certificate() {
    let world = World::new();
    let other = world.issuer.tbs(Template::leaf(&Key::p256()));
    assert_eq!(world.code(world.log.sct(&other, &world.issuer)), "sct-invalid");
}

#[test]
fn sct05_of_another_entry_type() {
    let world = World::new();
    // An x509_entry over the certificate, RFC 6962 section 3.2, in the place of a precert_entry.
    let body = world.tbs.der();
    let length = (body.len() as u32).to_be_bytes();
    let millis = START.millis().to_be_bytes();
    let signed = [&[0, 0][..], &millis, &[0, 0], &length[1..], &body, &[0, 0]].concat();
    let confused = Sct { signature: world.log.key.sign(&signed), ..world.sct() };
    assert_eq!(world.code(confused), "sct-invalid");
}

#[test]
fn sct05_of_another_issuer() {
    let world = World::new();
    assert_eq!(world.code(world.log.sct(&world.tbs, &Authority::root("root"))), "sct-invalid");
}

#[test]
fn sct06_log_key_window() {
    let mut world = World::new();
    let sct = world.log.sct_with(&world.tbs, &world.issuer, UnixTime::from_millis(START.millis() + 500), &[]);
    let mut within = |start: UnixTime, end: UnixTime| {
        world.log.instance.validity = ValidityPeriod::new(start, Some(end)).unwrap();
        world.code(sct.clone())
    };
    let (before, at, after) = (UnixTime::from_millis(START.millis() + 499), sct.timestamp, START.plus_secs(1));
    assert_eq!(within(START, before), "sct-log-key-not-valid");
    assert_eq!(within(after, SIGNED), "sct-log-key-not-valid");
    assert_eq!(within(START, at), "accept");
    assert_eq!(within(at, SIGNED), "accept");
}

#[test]
fn sct06_one_log_with_two_windows() {
    let World { issuer, log, tbs } = World::new();
    let world = World { issuer, tbs, log };
    let retired = LogInstance { validity: period(START.plus_secs(-90), 60), ..world.log.instance.clone() };
    let leaf = world.leaf(&sct::write_list(&[world.sct()]).unwrap());
    let logs = CtLogs::new(&[retired, world.log.instance.clone()]);
    assert_eq!(code(logs.verify(&leaf, world.issuer.key.public(), SIGNED)), "accept");
}

#[test]
fn sct07_from_the_future() {
    let world = World::new();
    let at = |millis| {
        let time = UnixTime::from_millis(SIGNED.millis() + millis);
        world.code(world.log.sct_with(&world.tbs, &world.issuer, time, &[]))
    };
    assert_eq!(at(1), "sct-time");
    assert_eq!(at(0), "accept");
}

#[test]
fn sct08_one_log_counts_once() {
    let world = World::new();
    let later = world.log.sct_with(&world.tbs, &world.issuer, START.plus_secs(1), &[]);
    let valid = world.verify(&[world.sct(), world.sct(), later]).unwrap();
    assert_eq!(valid.logs().len(), 1);
}

#[test]
fn sct09_with_extensions() {
    let world = World::new();
    let index = sct::leaf_index_extension(77).unwrap();
    let valid = world.verify(&[world.log.sct_with(&world.tbs, &world.issuer, START, &index)]).unwrap();
    assert_eq!(valid.logs()[0].leaf_index(), Some(77));
    let unsigned = Sct { extensions: index, ..world.sct() };
    assert_eq!(world.code(unsigned), "sct-invalid");
}

#[test]
fn sct10_version_and_algorithm() {
    let world = World::new();
    let mut list = sct::write_list(&[world.sct()]).unwrap();
    list[4] = 1;
    let result = world.judge(&[], &world.leaf(&list));
    assert_eq!(code(result), "sct-parse");
    let rsa = Scheme { family: Family::RsaPkcs1, digest: DigestAlgorithm::Sha256 };
    assert_eq!(world.code(Sct { scheme: rsa, ..world.sct() }), "sct-parse");
}

#[test]
fn sct12_hundreds() {
    let world = World::new();
    let small = Sct { signature: Vec::new(), ..world.sct() };
    let leaf = world.leaf(&sct::write_list(&vec![small; 600]).unwrap());
    let result = world.judge(std::slice::from_ref(&world.log.instance), &leaf);
    assert_eq!(code(result), "limit-scts");
}
