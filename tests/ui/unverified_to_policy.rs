//! A policy reads what was proven: a bundle that was only parsed cannot be held against it.
//! E0308

use sealmark::base::time::UnixTime;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::policy::{Policy, Question};
use sealmark::verify::Artifact;

fn skip_the_proof(policy: &Policy, artifact: &Artifact<'_>, bundle: &UnverifiedBundle, now: UnixTime) -> bool {
    policy.admit(&Question::new(artifact, &[bundle], now)).is_ok()
}

fn main() {}
