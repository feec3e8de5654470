//! In-process verification, trusted root loaded, ten bundles in turn so that nothing can be remembered:
//! `cargo bench --bench verify`. The bundles are the independent vectors (`SEALMARK_VECTORS`), signed by
//! the public-good instance and its staging.

#![allow(clippy::expect_used, reason = "a bench that cannot read its vectors has nothing to say")]

use std::path::PathBuf;

use divan::counter::ItemsCount;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::trust::TrustedRoot;
use sealmark::verify::{Artifact, Requirements, Verified, Verifier};

fn main() {
    if std::env::var_os("SEALMARK_VECTORS").is_none() {
        println!("left out: SEALMARK_VECTORS is not set");
        return;
    }
    divan::main();
}

/// A case: the bundle and what it is verified against.
struct Case {
    json: Vec<u8>,
    artifact: Vec<u8>,
    verifier: Verifier,
}

/// After every vector was signed.
const NOW: UnixTime = UnixTime::from_secs(1_790_000_000);

impl Case {
    fn conformance(name: &str) -> Self {
        let vectors = PathBuf::from(std::env::var_os("SEALMARK_VECTORS").expect("checked in main"));
        let suite = vectors.join("sigstore-conformance/test/assets/bundle-verify");
        let folder = suite.join(name);
        let read = |path: PathBuf| std::fs::read(path).expect("a vector");
        let own = |file: &str, other: PathBuf| {
            let path = folder.join(file);
            read(if path.exists() { path } else { other })
        };
        let root = own("trusted_root.json", vectors.join("root-signing/targets/trusted_root.json"));
        let root = TrustedRoot::parse(&root).expect("a trusted root");
        Self {
            json: read(folder.join("bundle.sigstore.json")),
            artifact: own("artifact", suite.join("a.txt")),
            verifier: Verifier::new(&root).expect("a trusted root that holds"),
        }
    }

    fn parse(&self) -> UnverifiedBundle {
        UnverifiedBundle::parse(&self.json).expect("a good bundle")
    }

    fn verify(&self, bundle: &UnverifiedBundle) -> Verified {
        let artifact = Artifact::from_bytes(&self.artifact);
        self.verifier.verify(&artifact, bundle, &Requirements::STRICT, NOW).expect("a good bundle")
    }
}

const CASES: [&str; 4] =
    ["happy-path-v0.3-new-mediaType", "happy-path-intoto-in-dsse-v3", "rekor2-happy-path", "rekor2-dsse-happy-path"];

#[divan::bench(args = CASES)]
fn verify(bencher: divan::Bencher<'_, '_>, name: &str) {
    let case = Case::conformance(name);
    let bundle = case.parse();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| case.verify(&bundle));
}

#[divan::bench(args = CASES)]
fn parse_and_verify(bencher: divan::Bencher<'_, '_>, name: &str) {
    let case = Case::conformance(name);
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| case.verify(&case.parse()));
}

/// Ten different bundles of one signer in turn.
#[divan::bench]
fn ten_in_turn(bencher: divan::Bencher<'_, '_>) {
    let vectors = PathBuf::from(std::env::var_os("SEALMARK_VECTORS").expect("checked in main"));
    let root = std::fs::read(vectors.join("root-signing/targets/trusted_root.json")).expect("a vector");
    let verifier = Verifier::new(&TrustedRoot::parse(&root).expect("a trusted root")).expect("that holds");
    let mut bundles = Vec::new();
    let mut folders: Vec<_> = std::fs::read_dir(vectors.join("cpython-release-tracker")).expect("vectors").collect();
    folders.sort_by_key(|entry| entry.as_ref().map(std::fs::DirEntry::path).ok());
    for folder in folders.into_iter().flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).expect("vectors").flatten() {
            let json = std::fs::read(file.path()).expect("a vector");
            if let Ok(bundle) = UnverifiedBundle::parse(&json)
                && let sealmark::format::bundle::Content::Message { digest: Some(digest), .. } =
                    *bundle.claimed_content()
            {
                bundles.push((bundle, digest));
            }
        }
    }
    bundles.truncate(10);
    assert_eq!(bundles.len(), 10);
    bencher.counter(ItemsCount::new(10usize)).bench_local(|| {
        for (bundle, digest) in &bundles {
            let artifact = Artifact::from_digest(*digest);
            let verified = verifier.verify(&artifact, bundle, &Requirements::STRICT, NOW);
            let _ = divan::black_box(verified.expect("a good bundle"));
        }
    });
}

#[divan::bench(args = CASES)]
fn build_verifier(bencher: divan::Bencher<'_, '_>, name: &str) {
    let vectors = PathBuf::from(std::env::var_os("SEALMARK_VECTORS").expect("checked in main"));
    let own = vectors.join("sigstore-conformance/test/assets/bundle-verify").join(name).join("trusted_root.json");
    let path = if own.exists() { own } else { vectors.join("root-signing/targets/trusted_root.json") };
    let json = std::fs::read(path).expect("a vector");
    bencher.bench_local(|| Verifier::new(&TrustedRoot::parse(&json).expect("a trusted root")));
}
