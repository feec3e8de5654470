//! In-process verification beside `sigstore-verify` 0.15.1, pair by pair in one run, so that the ratio holds when
//! the machine's speed drifts: `cargo bench --manifest-path tests/oracles/Cargo.toml` with `SEALMARK_VECTORS` set.
//!
//! Both have their trusted root and their bundle loaded; both verify from the artifact's bytes on.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sealmark::base::time::UnixTime;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::trust::TrustedRoot;
use sealmark::verify::{Artifact, Requirements, Verifier};
use sigstore_verify::trust_root::TrustedRoot as TheirRoot;
use sigstore_verify::types::Bundle as TheirBundle;
use sigstore_verify::{VerificationPolicy, Verifier as TheirVerifier};

/// Pairs of batches, and verifications in a batch.
const PAIRS: usize = 60;
const BATCH: u32 = 50;

/// After every vector was signed.
const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);

fn main() {
    let Some(vectors) = std::env::var_os("SEALMARK_VECTORS").map(PathBuf::from) else {
        println!("left out: SEALMARK_VECTORS is not set");
        return;
    };
    println!("{:34} {:>8} {:>8} {:>22}", "median of pairs", "ours", "theirs", "ours/theirs (range)");
    for name in ["happy-path-v0.3-new-mediaType", "happy-path-intoto-in-dsse-v3", "rekor2-happy-path"] {
        compare(&vectors, name);
    }
}

fn compare(vectors: &Path, name: &str) {
    let suite = vectors.join("sigstore-conformance/test/assets/bundle-verify");
    let folder = suite.join(name);
    let own = |file: &str, other: PathBuf| {
        let path = folder.join(file);
        std::fs::read_to_string(if path.exists() { path } else { other }).expect("a vector")
    };
    let root = own("trusted_root.json", vectors.join("root-signing/targets/trusted_root.json"));
    let json = own("bundle.sigstore.json", PathBuf::new());
    let artifact = own("artifact", suite.join("a.txt")).into_bytes();

    let verifier = Verifier::new(&TrustedRoot::parse(root.as_bytes()).expect("a trusted root")).expect("that holds");
    let bundle = UnverifiedBundle::parse(json.as_bytes()).expect("a bundle");
    let ours = || {
        let artifact = Artifact::from_bytes(&artifact);
        let verified = verifier.verify(&artifact, &bundle, &Requirements::STRICT, NOW);
        let _ = black_box(verified.expect("a good bundle"));
    };
    let their_verifier = TheirVerifier::new(&TheirRoot::from_json(&root).expect("a trusted root")).expect("that holds");
    let their_bundle = TheirBundle::from_json(&json).expect("a bundle");
    let policy = VerificationPolicy::any_identity();
    let theirs = || {
        black_box(their_verifier.verify(artifact.as_slice(), &their_bundle, &policy).expect("a good bundle"));
    };

    let mut pairs: Vec<(f64, f64)> = (0..PAIRS).map(|_| (batch(ours), batch(theirs))).collect();
    let median = |pairs: &mut Vec<(f64, f64)>, key: fn(&(f64, f64)) -> f64| {
        pairs.sort_by(|a, b| key(a).total_cmp(&key(b)));
        pairs.get(PAIRS / 2).map(key).unwrap_or_default()
    };
    let our_median = median(&mut pairs, |pair| pair.0);
    let their_median = median(&mut pairs, |pair| pair.1);
    let ratio = median(&mut pairs, |pair| pair.0 / pair.1);
    let (low, high) = (pairs.first().map(|p| p.0 / p.1), pairs.last().map(|p| p.0 / p.1));
    println!(
        "{name:34} {our_median:5.0} us {their_median:5.0} us {ratio:9.3} ({:.2} to {:.2})",
        low.unwrap_or_default(),
        high.unwrap_or_default(),
    );
}

/// Microseconds a verification.
fn batch(verify: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..BATCH {
        verify();
    }
    let taken: Duration = start.elapsed() / BATCH;
    taken.as_secs_f64() * 1e6
}
