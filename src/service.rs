//! The outside, one seam each: the trait, its types and its error in `x.rs`, the implementations in
//! `x/`. Everything here talks to another program, the environment or the clock; nothing here decides
//! whether a signature is good.
//!
//! | seam | trait | implementations |
//! | --- | --- | --- |
//! | where an identity token comes from | [`identity::IdentityTokenSource`] | `identity/` |
//! | what signs | [`signer::Signer`] | `signer/` |
//! | what a SPIFFE agent gives | [`spiffe`] (feature `spiffe`) | its X.509- and JWT-SVIDs |
//! | who certifies a key | [`ca::CertificateAuthority`] | `ca/` |
//! | what records a signature | [`tlog::TransparencyLog`] | `tlog/` |
//! | what proves a time | [`tsa::TimestampAuthority`] | `tsa/` |
//! | where images and signatures are kept | [`store::ArtifactStore`] | `store/` |
//! | what this site signed | [`ledger::Ledger`] | a file of lines |
//! | environment, small files, clock | [`environment::Environment`] | the process, or fixed values |
//!
//! Randomness for nonces and names is the system's own: the first byte of aws-lc's generator costs a new
//! process some 30 ms of jitter measurements, most of a signing act.
//!
//! Traits are object-safe, `Debug + Send + Sync`, and asynchronous through [`BoxFuture`].

use std::future::Future;
use std::pin::Pin;

pub(crate) mod bounded;
pub mod ca;
pub mod environment;
pub mod files;
pub mod http;
pub mod identity;
pub mod kubernetes;
pub mod ledger;
pub mod look;
pub(crate) mod program;
pub mod signer;
mod sigv4;
#[cfg(feature = "spiffe")]
pub mod spiffe;
pub mod store;
pub mod tlog;
pub mod tsa;
pub mod tuf;
pub mod webhook;
pub mod witness;

/// What an asynchronous method of a seam gives back.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
