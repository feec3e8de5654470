//! The search's index against the log that it is made from.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm, KeyKind};
use crate::base::time::UnixTime;
use crate::format::log_entry_body::HashedRekordV2;
use crate::format::log_entry_body::Verifier;
use crate::format::x509::testing::{Authority, Key};
use crate::stack::clock::Clock;
use crate::stack::keys::PrivateKey;
use crate::stack::log::Disk;

async fn log_of(dir: &Path, size: usize) -> Log<RekorCodec> {
    let codec = || RekorCodec::new(PrivateKey::generate(KeyKind::Ed25519).unwrap(), "log.example").unwrap();
    let clock = Clock::from_fn(|| UnixTime::from_secs(1_800_000_000));
    let (dir, codec) = (dir.join("log"), codec());
    Log::create(Arc::new(Disk), &dir, &codec, &clock).unwrap();
    let log = Log::open(Arc::new(Disk), &dir, codec, clock).unwrap();
    let (leaf, _) = Authority::root("root").leaf();
    let key = Key::p256();
    for number in 0..size {
        let digest = Digest::of(DigestAlgorithm::Sha256, number.to_string().as_bytes());
        let verifier = if number % 2 == 0 { Verifier::Certificate(&leaf) } else { Verifier::PublicKey(key.public()) };
        let body = HashedRekordV2::body(&digest, b"signature", &verifier).unwrap();
        log.append(body.into_bytes().into()).await.unwrap();
    }
    log
}

fn digest(number: usize) -> String {
    Digest::of(DigestAlgorithm::Sha256, number.to_string().as_bytes()).hex()
}

#[tokio::test]
async fn k18_what_is_found_and_how_much() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_of(dir.path(), 300).await;
    let path = dir.path().join("search.index");
    let search = SearchIndex::open(&path).unwrap();
    assert!(search.find(&digest(7)).unwrap().is_empty());
    while search.advance(&log, &log.head()).unwrap() {}
    assert_eq!(search.indexed(), 300);
    for number in [0, 7, 255, 256, 299] {
        assert_eq!(search.find(&digest(number)).unwrap(), [number as u64]);
    }
    let (leaf, _) = Authority::root("root").leaf();
    let signed = search.find(leaf.san().unwrap().as_str()).unwrap();
    assert_eq!((signed.len(), signed[0], signed[149]), (150, 298, 0), "newest first");
    // Patterns and empty texts are texts that nothing says.
    for text in ["*", "%", "", ".*", "sha256:"] {
        assert!(!entry::says(&range(&log, &log.head(), 0, 1).unwrap()[0], text), "{text}");
    }
}

#[tokio::test]
async fn an_index_that_was_cut_short_is_made_again_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_of(dir.path(), 20).await;
    let path = dir.path().join("search.index");
    let whole = {
        let search = SearchIndex::open(&path).unwrap();
        while search.advance(&log, &log.head()).unwrap() {}
        std::fs::read(&path).unwrap()
    };
    for length in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let search = SearchIndex::open(&path).unwrap();
        assert!(search.indexed() < 20);
        while search.advance(&log, &log.head()).unwrap() {}
        assert_eq!(std::fs::read(&path).unwrap(), whole, "{length}");
    }
}

#[tokio::test]
async fn what_the_index_says_is_looked_up_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_of(dir.path(), 3).await;
    // The right half of a hash, and the wrong entry: as two names with one half would have it.
    let shown = range(&log, &log.head(), 1, 2).unwrap();
    assert!(entry::says(&shown[0], &digest(1)));
    assert!(!entry::says(&shown[0], &digest(2)));
    assert!(range(&log, &log.head(), 3, 4).unwrap().is_empty());
}

#[test]
fn terms_of_a_search() {
    let hex = "AB".repeat(32);
    assert_eq!(entry::term(&format!(" sha256:{hex} ")), hex.to_lowercase());
    assert_eq!(entry::term(&hex), hex.to_lowercase());
    assert_eq!(entry::term("Me@example.com"), "Me@example.com");
}
