//! Proof is made by the verifier: a `Verified` cannot be put together from parts.
//! E0451

use sealmark::verify::{Evidence, Signer, Verified};

fn forge(signer: Signer, evidence: Evidence) -> Verified {
    Verified { signer, evidence }
}

fn main() {}
