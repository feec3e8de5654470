//! Whose precertificates the log takes.

use std::sync::Arc;

use super::*;
use crate::base::crypto::KeyKind;
use crate::format::x509::build::Extension;
use crate::format::x509::sct;
use crate::format::x509::testing::{Authority, Key, START, Template};
use crate::stack::clock::Clock;
use crate::stack::ct::CtCodec;
use crate::stack::keys::PrivateKey;
use crate::stack::log::{Disk, Log};

/// A CA with a root above it.
struct Ca {
    root: Authority,
    issuing: Authority,
}

impl Ca {
    fn new(name: &str) -> Self {
        let root = Authority::root(name);
        Self { issuing: root.intermediate(name), root }
    }

    fn chain(&self) -> Vec<Certificate> {
        vec![self.issuing.certificate.clone(), self.root.certificate.clone()]
    }

    fn precertificate(&self) -> Certificate {
        self.issuing.sign(Template::leaf(&Key::p256()).with(Extension::poison()))
    }
}

/// The log of `own`, in a folder.
fn log(dir: &tempfile::TempDir, own: &Ca, others: &[&Ca]) -> CtLog {
    let codec = CtCodec::new(PrivateKey::generate(KeyKind::P256).unwrap(), "ct.example").unwrap();
    let (dir, clock) = (dir.path().join("ct"), Clock::from_fn(|| START));
    Log::create(Arc::new(Disk), &dir, &codec, &clock).unwrap();
    let log = Log::open(Arc::new(Disk), &dir, codec, clock).unwrap();
    CtLog::new(log, own.chain()).taking(others.iter().map(|ca| ca.chain()).collect())
}

fn request(first: &Certificate, above: &[Certificate]) -> Vec<u8> {
    let chain: Vec<_> = std::iter::once(first).chain(above).map(|one| base64::encode(one.der())).collect();
    serde_json::json!({ "chain": chain }).to_string().into_bytes()
}

async fn refused(log: &CtLog, first: &Certificate, above: &[Certificate]) -> u16 {
    log.add(&request(first, above), START).await.unwrap_err().http()
}

/// Whether an SCT is the log's for a certificate of this CA.
fn is_for(log: &CtLog, sct: &Sct, precertificate: &Certificate, ca: &Ca) -> bool {
    let tbs = precertificate.tbs_without_poison().unwrap().unwrap();
    let key = log.log.codec().public_key();
    let hash = ca.issuing.key.public().spki_sha256();
    let signed = sct::signed_data(sct.timestamp, &hash, &tbs, &sct.extensions).unwrap();
    sct.log_id == key.spki_sha256() && key.verify(sct.scheme, &signed, &sct.signature).is_ok()
}

#[tokio::test]
async fn certificates_of_every_chain_that_the_log_has() {
    let (own, other, third) = (Ca::new("own"), Ca::new("other"), Ca::new("third"));
    let dir = tempfile::tempdir().unwrap();
    let log = log(&dir, &own, &[&other, &third]);
    for ca in [&own, &other, &third] {
        let precertificate = ca.precertificate();
        // With its chain, without the root, and without any of it.
        let answers = [
            log.add(&request(&precertificate, &ca.chain()), START).await.unwrap(),
            log.add(&request(&precertificate, &ca.chain()[..1]), START).await.unwrap(),
            log.add(&request(&precertificate, &[]), START).await.unwrap(),
        ];
        assert!(answers.iter().all(|sct| sct.leaf_index() == answers[0].leaf_index()), "once");
        for whose in [&own, &other, &third] {
            assert_eq!(is_for(&log, &answers[0], &precertificate, whose), std::ptr::eq(whose, ca));
        }
    }
    assert_eq!((log.log.head().size(), log.issuers().count()), (3, 6));
}

#[tokio::test]
async fn no_other_certificates() {
    let (own, other, stranger) = (Ca::new("own"), Ca::new("other"), Ca::new("stranger"));
    // Of the name of a CA that it takes, with another key.
    let namesake = Ca::new("other");
    let dir = tempfile::tempdir().unwrap();
    let log = log(&dir, &own, &[&other]);
    assert_eq!(refused(&log, &stranger.precertificate(), &stranger.chain()).await, 403);
    for ca in [&stranger, &namesake] {
        assert_eq!(refused(&log, &ca.precertificate(), &[]).await, 403);
        assert_eq!(refused(&log, &ca.precertificate(), &other.chain()).await, 403);
    }
    // Under the chain of another CA that it takes.
    assert_eq!(refused(&log, &other.precertificate(), &own.chain()).await, 403);
    assert_eq!(refused(&log, &own.precertificate(), &other.chain()).await, 403);
    let longer = [other.chain(), stranger.chain()].concat();
    assert_eq!(refused(&log, &other.precertificate(), &longer).await, 400);
    // No precertificate; none in force.
    let (certificate, _) = other.issuing.leaf();
    assert_eq!(refused(&log, &certificate, &other.chain()).await, 400);
    let late = Template::leaf(&Key::p256()).with(Extension::poison()).valid(START.plus_secs(120), 600);
    assert_eq!(refused(&log, &other.issuing.sign(late), &other.chain()).await, 400);
    assert_eq!(log.log.head().size(), 0);
}

#[tokio::test]
async fn a_log_of_one_ca_takes_no_other() {
    let (own, other) = (Ca::new("own"), Ca::new("other"));
    let dir = tempfile::tempdir().unwrap();
    let log = log(&dir, &own, &[]);
    assert!(!log.takes_others());
    assert_eq!(refused(&log, &other.precertificate(), &other.chain()).await, 403);
    assert!(log.add(&request(&own.precertificate(), &own.chain()), START).await.is_ok());
}
