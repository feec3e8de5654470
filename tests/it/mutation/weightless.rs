//! What may change in a bundle without a refusal, and why. Anything else that is admitted is a fault.

use std::collections::BTreeSet;

use sealmark::format::bundle::{Content, LogEntry, UnverifiedBundle, VerificationMaterial};
use sealmark::verify::{Signer, Verified};

/// Something that carries no weight: how to take it out of a bundle, so that what is left can be compared.
struct Weightless {
    name: &'static str,
    /// Takes it out, given what the mutant proved.
    without: fn(&mut Parts, &Verified),
}

/// The whole list. Each entry says why no attacker gains by it.
const WEIGHTLESS: &[Weightless] = &[
    // The media type chooses the names of fields, never a check: 0.1 and 0.2 have the same fields, so one passes
    // for the other.
    Weightless { name: "version", without: |parts, _| parts.version = None },
    // The digest beside a message signature is the signer's note. Without it the digest is computed from the
    // artifact; what decides is the signature, and the log entry that is bound to that digest.
    Weightless {
        name: "message digest",
        without: |parts, _| {
            if let Content::Message { digest, .. } = &mut parts.content {
                *digest = None;
            }
        },
    },
    // The DSSE key id is unsigned by design (<https://github.com/secure-systems-lab/dsse>) and chooses nothing
    // here: the certificate or the caller's key is the only key that is tried.
    Weightless {
        name: "DSSE key id",
        without: |parts, _| {
            if let Content::Dsse(envelope) = &mut parts.content {
                envelope.key_id.clear();
            }
        },
    },
    // A hint that is not a key's digest is a name, which proves nothing: the caller's key is the only key that is
    // tried. A hint that is the digest of another key is refused (B23).
    Weightless {
        name: "key hint",
        without: |parts, _| {
            if let VerificationMaterial::PublicKey { hint, .. } = &mut parts.material {
                hint.clear();
            }
        },
    },
    // An entry or timestamp that stands there twice is proven twice and counts once: thresholds count keys of
    // logs and authorities (L34, T19).
    Weightless {
        name: "repetition",
        without: |parts, _| {
            parts.log_entries.dedup();
            parts.timestamps.dedup();
        },
    },
    // Cosignatures by witnesses that nobody named count for nothing, so they may be anything; a line that stands
    // there twice counts once (L21, L22).
    Weightless { name: "cosignatures", without: |parts, _| parts.log_entries.iter_mut().for_each(drop_cosignatures) },
    // Certificates after the leaf are offers for the path. It is built over the trusted root's own, and ends
    // there.
    Weightless {
        name: "intermediates",
        without: |parts, _| {
            if let VerificationMaterial::Certificate(certificates) = &mut parts.material {
                certificates.intermediates.clear();
            }
        },
    },
    // Where a log's promise proves the time, a timestamp is more evidence and not needed: it may be missing, or
    // name an authority that the trusted root does not know. A known authority's must be proven even so.
    Weightless {
        name: "unused timestamps",
        without: |parts, verified| {
            if verified.evidence().timestamps().is_empty() {
                parts.timestamps.clear();
            }
        },
    },
];

/// How many entries the list has.
pub(super) const COUNT: usize = WEIGHTLESS.len();

/// The name of an entry.
pub(super) fn name(index: usize) -> &'static str {
    WEIGHTLESS[index].name
}

/// The entry of the list that makes `mutant`, which proved `verified`, the same bundle as `original`.
pub(super) fn find(original: &UnverifiedBundle, mutant: &UnverifiedBundle, verified: &Verified) -> Option<usize> {
    WEIGHTLESS.iter().position(|entry| {
        let [mut left, mut right] = [original, mutant].map(Parts::of);
        (entry.without)(&mut left, verified);
        (entry.without)(&mut right, verified);
        left == right
    })
}

/// Whether `mutant` proves nothing that `original` did not.
pub(super) fn proves_no_more(original: &Verified, mutant: &Verified) -> bool {
    let times = |verified: &Verified| -> BTreeSet<String> {
        verified.evidence().times().iter().map(|proven| format!("{proven:?}")).collect()
    };
    let signer = |verified: &Verified| match verified.signer() {
        Signer::Certificate(signer) => format!("{:?} {:?} {}", signer.san(), signer.claims(), signer.authority()),
        Signer::Key(key) => format!("{key:?}"),
    };
    signer(original) == signer(mutant)
        && original.artifact() == mutant.artifact()
        && original.statement() == mutant.statement()
        && times(mutant).is_subset(&times(original))
        && mutant.evidence().entries().iter().all(|entry| original.evidence().entries().contains(entry))
}

#[derive(PartialEq)]
struct Parts {
    version: Option<sealmark::format::bundle::Version>,
    material: VerificationMaterial,
    log_entries: Vec<LogEntry>,
    timestamps: Vec<Vec<u8>>,
    content: Content,
}

impl Parts {
    fn of(bundle: &UnverifiedBundle) -> Self {
        Self {
            version: Some(bundle.claimed_version()),
            material: bundle.claimed_material().clone(),
            log_entries: bundle.claimed_log_entries().to_vec(),
            timestamps: bundle.claimed_timestamps().to_vec(),
            content: bundle.claimed_content().clone(),
        }
    }
}

/// Leaves the signature lines of the checkpoint's origin only, each once.
fn drop_cosignatures(entry: &mut LogEntry) {
    let Some(checkpoint) = entry.inclusion_proof.as_mut().and_then(|proof| proof.checkpoint.as_mut()) else { return };
    let Some((text, signatures)) = checkpoint.split_once("\n\n") else { return };
    let origin = text.lines().next().unwrap_or_default().split(" - ").next().unwrap_or_default();
    let own = |line: &&str| line.strip_prefix("— ").is_some_and(|line| line.split(' ').next() == Some(origin));
    let kept: BTreeSet<_> = signatures.lines().filter(own).collect();
    let kept: Vec<_> = kept.into_iter().collect();
    *checkpoint = format!("{text}\n\n{}\n", kept.join("\n"));
}
