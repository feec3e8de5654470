//! Requests and documents with bytes changed at random: refused or taken, and never a panic, a hang or a 500.
//!
//! The long form (`tests/run --long`) goes on for a minute a kind.

use std::time::{Duration, Instant};

use sealmark::base::crypto::{Digest, DigestAlgorithm, KeyKind};
use sealmark::base::encoding::pem;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::checkpoint::Checkpoint;
use sealmark::format::jwt::UnverifiedToken;
use sealmark::format::merkle::Tile;
use sealmark::format::timestamp::{TimestampRequest, TimestampResponse};
use sealmark::format::trust::TrustedRoot;
use sealmark::format::x509::{Certificate, CertificateRequest};
use sealmark::stack::TokenRequest;
use sealmark::stack::keys::PrivateKey;

use super::http::Http;
use super::signer::{self, Form};

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    /// A few changes: bits, bytes, cuts, repetitions, swaps, lengths that say the most.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len());
            let length = self.roll(64).min(bytes.len().saturating_sub(at));
            match self.roll(8) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.roll(8),
                1 if !bytes.is_empty() => bytes[at] = [0, 0x7f, 0x80, 0xff, b'"', b'{', b'.', b'\n'][self.roll(8)],
                2 => drop(bytes.drain(at..at + length)),
                3 => {
                    let part = bytes[at..at + length].to_vec();
                    (0..self.roll(32)).for_each(|_| drop(bytes.splice(at..at, part.clone())));
                }
                4 => bytes.truncate(at),
                5 => bytes.insert(at, self.roll(256) as u8),
                6 => {
                    let other = self.roll(bytes.len());
                    if at < bytes.len() && other < bytes.len() {
                        bytes.swap(at, other);
                    }
                }
                _ => {
                    let to = self.roll(bytes.len());
                    let part = bytes[at..at + length].to_vec();
                    drop(bytes.splice(to..to, part));
                }
            }
        }
        bytes
    }
}

/// Whether the long form was asked for.
fn long() -> bool {
    std::env::var_os("SEALMARK_LONG").is_some()
}

/// Reads mutants of each seed; what reads them must come back.
fn read(name: &str, seeds: &[Vec<u8>], read: impl Fn(&[u8])) {
    let until = Instant::now() + if long() { Duration::from_secs(60) } else { Duration::from_millis(400) };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut count = 0u64;
    while Instant::now() < until {
        for seed in seeds {
            let mutant = dice.mutate(seed);
            let started = Instant::now();
            read(&mutant);
            assert!(started.elapsed() < Duration::from_secs(2), "{name}: {} bytes took too long", mutant.len());
            count += 1;
        }
    }
    assert!(count > 100, "{name}: {count} only");
}

fn text(bytes: &[u8], read: impl Fn(&str)) {
    read(&String::from_utf8_lossy(bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k02_z02_f05_logt18_mutated_documents_and_requests() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = super::start(dir.path()).await;
    let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let (leaf_key, leaf) = signer::certified(&http, &token, Form::PublicKey).await;
    let bundle = signer::sign(&http, &token, Form::PublicKey, b"artifact").await;
    let checkpoint = http.get("/api/v2/checkpoint").await.body;
    let request = signer::signing_request(&key).into_bytes();
    let digest = Digest::of(DigestAlgorithm::Sha256, b"artifact");
    let query = TimestampRequest::new(digest, Some(&[7, 7, 7]), true).to_der();
    let granted = signer::timestamp(&http, b"signature").await;

    read("note", std::slice::from_ref(&checkpoint), |bytes| text(bytes, |text| drop(Checkpoint::parse(text))));
    read("tile path", &[b"tile/0/x001/x234/067.p/8".to_vec(), b"tile/entries/000".to_vec()], |bytes| {
        text(bytes, |text| {
            let _ = Tile::parse(text);
        });
    });
    read("bundle", &[bundle.to_json().into_bytes()], |bytes| drop(UnverifiedBundle::parse(bytes)));
    read("trusted root", &[running.trusted_root().to_json().into_bytes()], |bytes| drop(TrustedRoot::parse(bytes)));
    read("certificate", &[leaf.der().to_vec()], |bytes| drop(Certificate::from_der(bytes)));
    let request_der = pem::decode_one(std::str::from_utf8(&request).unwrap(), "CERTIFICATE REQUEST").unwrap();
    read("signing request", &[request_der], |bytes| drop(CertificateRequest::from_der(bytes)));
    read("timestamp query", std::slice::from_ref(&query), |bytes| drop(TimestampRequest::parse(bytes)));
    read("timestamp", &[granted], |bytes| drop(TimestampResponse::parse(bytes)));
    read("token", &[token.clone().into_bytes()], |bytes| text(bytes, |text| drop(UnverifiedToken::parse(text))));

    let proof = key.sign(signer::challenge(&token).as_bytes()).unwrap();
    let signature = leaf_key.sign(b"artifact").unwrap();
    let json = |value: &serde_json::Value| value.to_string().into_bytes();
    let bodies = [
        ("/api/v2/log/entries", "application/json", json(&signer::entry_request(digest.as_bytes(), &signature, &leaf))),
        (
            "/api/v2/signingCert",
            "application/json",
            json(&signer::public_key_request(&token, key.public_key(), &proof)),
        ),
        ("/api/v1/timestamp", "application/timestamp-query", query),
    ];
    let mut dice = Dice(7);
    for (path, media_type, body) in bodies {
        for _ in 0..if long() { 20_000 } else { 250 } {
            let answer = http.post(path, media_type, &dice.mutate(&body)).await;
            assert!(matches!(answer.status, 200 | 201 | 400 | 403 | 413 | 429), "{path}: {}", answer.text());
        }
    }
    // It serves as before.
    signer::sign(&http, &token, Form::PublicKey, b"another").await;
    running.stop().await.unwrap();
}

/// Paths, headers and heads that nobody sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k02_logt18_mutated_paths() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = super::start(dir.path()).await;
    let mut dice = Dice(11);
    for seed in
        ["/api/v2/tile/0/000.p/1", "/ct/tile/data/000.p/1", "/ct/issuer/00", "/tuf/1.root.json", "/page/entries?q=a"]
    {
        for _ in 0..if long() { 5_000 } else { 100 } {
            let path: String = String::from_utf8_lossy(&dice.mutate(seed.as_bytes()))
                .chars()
                .filter(|c| c.is_ascii_graphic())
                .collect();
            let answer = http.try_send("GET", &format!("/{}", path.trim_start_matches('/')), &[], b"").await;
            let status = answer.map(|answer| answer.status).unwrap_or(400);
            assert!(status < 500, "{path}: {status}");
        }
    }
    let _: &Http = &http;
    running.stop().await.unwrap();
}
