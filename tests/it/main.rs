//! The integration tests, in one binary: each module is one subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Rules about the source itself.
mod layers;

/// Serving certificates by ACME.
#[cfg(feature = "acme")]
mod acme;

/// The command line.
#[cfg(feature = "cli")]
mod cli;

/// Log entries of real bundles.
mod entries;

/// JSON canonicalisation.
mod json;

/// The manual.
mod manual;

/// Merkle proofs, tiles and checkpoints.
mod merkle;

/// Good bundles with one thing changed.
mod mutation;

/// Registries to test against.
#[cfg(feature = "cli")]
#[allow(dead_code, unreachable_pub)]
mod registry;

/// Mutated seeds for every parser.
mod smoke;

/// A gate in a world that changes and fails.
#[cfg(feature = "cli")]
mod soak;

/// Our own bundles.
mod testdata;

/// Timestamp tokens.
mod timestamp;

/// What must not compile.
#[cfg(feature = "sign")]
mod ui;

/// The folder of outside vectors.
mod vectors;

/// Signatures and keys of every algorithm.
mod wycheproof;

/// The whole signing walk against the private Sigstore.
#[cfg(feature = "stack")]
mod sign;

/// The private Sigstore over loopback.
#[cfg(feature = "stack")]
mod stack;

/// Real bundles that no one here made.
mod bundles;
