//! Good bundles, each with what verifies it.

use std::path::{Path, PathBuf};

use sealmark::admit::{Decision, Trust, decide};
use sealmark::base::crypto::PublicKey;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::trust::{Embedded, TrustedRoot};
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::verify::{Artifact, KeyTrust, Verified, Verifier};

use crate::testdata::case as testdata;
use crate::vectors;

/// 2026-11-24T00:00:00Z: later than every vector.
const NOW: UnixTime = UnixTime::from_secs(1_795_478_400);

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Cases of the conformance suite.
const CONFORMANCE: &[&str] = &[
    // Rekor v1 messages, DSSE and intoto 0.0.2 (with a timestamp beside its SET)
    "happy-path-v0.1",
    "happy-path-v0.3-new-mediaType",
    "happy-path-intoto-in-dsse-v3",
    "intoto-with-custom-trust-root",
    // Rekor v2 DSSE and messages: cosigned checkpoints, certificates inside the timestamp
    "rekor2-dsse-happy-path",
    "rekor2-checkpoint-cosigned",
    "rekor2-timestamp-with-embedded-cert",
    // a bare key
    "managed-key-happy-path",
];

/// A good bundle.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) bundle: Vec<u8>,
    artifact: Vec<u8>,
    verifier: Verifier,
    trust: Trust,
    now: UnixTime,
}

impl Case {
    /// What `bundle` proves, when it is admitted in this case's place.
    pub(super) fn admitted(&self, bundle: &[u8]) -> Option<Verified> {
        self.decide(bundle)?.admitted().map(|(verified, _)| verified.clone())
    }

    /// The code of the refusal of `bundle`.
    pub(super) fn reason(&self, bundle: &[u8]) -> Option<&'static str> {
        Some(self.decide(bundle)?.refused()?.code().name())
    }

    fn decide(&self, bundle: &[u8]) -> Option<Decision> {
        let bundles = UnverifiedBundle::parse_lines(bundle).ok()?;
        Some(decide(&self.verifier, &self.trust, &Artifact::from_bytes(&self.artifact), &bundles, self.now))
    }
}

/// Our own good bundles, and those of the conformance suite where the machine has them.
pub(super) fn all() -> Vec<Case> {
    let mut cases = own_cases();
    cases.extend(conformance_cases());
    cases
}

/// Fewer, for what takes long: those of the conformance suite, or our own where the machine has no others.
pub(super) fn few() -> Vec<Case> {
    let outside = conformance_cases();
    if outside.is_empty() { own_cases() } else { outside }
}

fn own_cases() -> Vec<Case> {
    testdata::Case::all().into_iter().filter_map(own).collect()
}

fn conformance_cases() -> Vec<Case> {
    let folder = vectors::folder("sigstore-conformance/test/assets/bundle-verify");
    let read = |assets: PathBuf| CONFORMANCE.iter().map(|name| conformance(&assets, name)).collect();
    folder.map(read).unwrap_or_default()
}

/// A good bundle of `testdata`; of several in one file nothing, for each line is a candidate of its own.
fn own(case: testdata::Case) -> Option<Case> {
    if case.error.is_some() || case.name == "lines" {
        return None;
    }
    let (bundle, artifact) = (case.bundle(), case.artifact());
    let (verifier, trust) = (case.verifier(), case.trust());
    Some(Case { name: case.name, bundle, artifact, verifier, trust, now: testdata::NOW })
}

fn conformance(assets: &Path, name: &str) -> Case {
    let folder = assets.join(name);
    let optional = |file: &str| folder.join(file).is_file().then(|| vectors::read(&folder.join(file)));
    let root = optional("trusted_root.json").unwrap_or_else(|| Embedded::PublicGood.trusted_root_json().into());
    let trust = match optional("key.pub") {
        Some(pem) => {
            let key = PublicKey::from_pem(&String::from_utf8(pem).unwrap()).unwrap();
            Trust::Key(Box::new(KeyTrust::logged(key)))
        }
        None => Trust::Policy(Policy::of(
            Rule::named("beacon")
                .identity(Matcher::exact(IDENTITY).unwrap())
                .issuer(Matcher::exact(ISSUER).unwrap())
                .build()
                .unwrap(),
        )),
    };
    Case {
        name: name.to_owned(),
        bundle: vectors::read(&folder.join("bundle.sigstore.json")),
        artifact: optional("artifact").unwrap_or_else(|| vectors::read(&assets.join("a.txt"))),
        verifier: Verifier::new(&TrustedRoot::parse(&root).unwrap()).unwrap(),
        trust,
        now: NOW,
    }
}
