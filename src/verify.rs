//! The proof: a bundle goes in with the artifact's digests, the trusted root and a now, and proof or the
//! reason against it comes out. Pure and synchronous: no network, clock, file or randomness, so the same
//! inputs give the same answer for ever.

pub mod chain;
pub mod log;
mod material;
pub mod sct;
pub mod times;

pub use material::{SignedBy, SignedContent, SignedMaterial};
