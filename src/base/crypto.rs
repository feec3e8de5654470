//! Digests, public keys and signature schemes: verification only. `aws-lc-rs` does the arithmetic
//! (three times faster than pure Rust on P-256 and P-384), `sha2` the digests.

pub mod digest;
pub mod public_key;
pub mod scheme;

pub use digest::{Digest, DigestAlgorithm, Hasher, sha256};
pub use public_key::{KeyError, KeyKind, PublicKey};
pub use scheme::{Family, Scheme};
