//! A clock that jumps under a running stack: what it has said stays true, and it refuses rather than say less.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::base::time::UnixTime;
use sealmark::format::timestamp::{TimestampRequest, TimestampResponse};
use sealmark::format::x509::{Certificate, sct};
use sealmark::stack::clock::Clock;
use sealmark::stack::{Running, TokenRequest};

use super::http::{Answer, Http};
use super::signer::{self, Form};

/// A stack whose clock the test holds, in milliseconds.
struct Scene {
    running: Running,
    http: Http,
    now: Arc<AtomicI64>,
}

async fn scene(dir: &Path) -> Scene {
    let now = Arc::new(AtomicI64::new(super::now().millis()));
    let shared = Arc::clone(&now);
    let clock = Clock::from_fn(move || UnixTime::from_millis(shared.load(Ordering::SeqCst)));
    let running = Running::start_with(&dir.join("stack"), clock, |_| {}).await.unwrap();
    let http = Http::new(running.url());
    Scene { running, http, now }
}

impl Scene {
    fn step(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn certificate(&self) -> Answer {
        let token = self.running.token(&TokenRequest::email("me@example.com")).unwrap();
        let key = sealmark::stack::keys::PrivateKey::generate(sealmark::base::crypto::KeyKind::P256).unwrap();
        signer::request_certificate(&self.http, &token, Form::PublicKey, &key).await
    }

    async fn timestamp(&self) -> Answer {
        let request = TimestampRequest::new(Digest::of(DigestAlgorithm::Sha256, b"x"), None, false).to_der();
        self.http.post("/api/v1/timestamp", "application/timestamp-query", &request).await
    }

    /// Everything of one signature works: the times of certificate, SCT and timestamp in milliseconds.
    async fn times(&self) -> [i64; 3] {
        let certificate: Certificate = signer::chain(&self.certificate().await)[0].clone();
        let list = certificate.extensions().sct_list.as_ref().unwrap();
        let scts = sct::read_list(list).unwrap();
        let answer = self.timestamp().await;
        let TimestampResponse::Granted(token) = TimestampResponse::parse(&answer.body).unwrap() else { panic!() };
        [certificate.validity().start().millis(), scts[0].timestamp.millis(), token.info.time.millis()]
    }

    /// Who vouches for a time refuses: 503, and no certificate, entry or timestamp.
    async fn refused(&self) {
        assert_eq!(self.timestamp().await.status, 503);
        let certificate = self.certificate().await;
        assert!(matches!(certificate.status, 500 | 503), "{} {}", certificate.status, certificate.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k15_z05_f24_logt8_a_clock_that_jumps() {
    let dir = tempfile::tempdir().unwrap();
    let scene = scene(dir.path()).await;
    let mut before = scene.times().await;
    // Slewed back within the accuracy, standing still, stepped forward: no time that was said goes back, and no
    // certificate begins after a timestamp that is made later.
    for milliseconds in [-900, 0, 200, 3_600_000, -400, 5_000] {
        scene.now.fetch_add(milliseconds, Ordering::SeqCst);
        let times = scene.times().await;
        assert!(times[1] >= before[1] && times[2] >= before[2], "{before:?} {times:?}");
        assert!(times[0] <= times[2], "{times:?}");
        before = times;
    }
    // Back by an hour: nobody says a time.
    scene.step(-3600);
    scene.refused().await;
    // The log behind it has the same entries, and the tree is sound.
    let entries = super::log::check_ct(scene.running.trusted_root(), &scene.http).await.len();
    scene.refused().await;
    assert_eq!(super::log::check_ct(scene.running.trusted_root(), &scene.http).await.len(), entries);
    // Once it has caught up, everything goes on.
    scene.step(3600);
    let times = scene.times().await;
    assert!(times[1] >= before[1] && times[2] >= before[2]);
    // Ten years on, its certificates are over: nothing is vouched for that they do not cover, and when the clock is
    // mended nothing was said that stands in the way.
    let ten_years = 3660 * 86_400;
    scene.step(ten_years);
    scene.refused().await;
    scene.step(-ten_years);
    scene.times().await;
    assert_eq!(super::log::check_ct(scene.running.trusted_root(), &scene.http).await.len(), entries + 2);
    scene.running.stop().await.unwrap();
}
