//! The private Sigstore in one process: OpenID Connect issuers, a certificate authority with its CT log, a
//! transparency log and a timestamp authority, in one folder and on one port.
//!
//! The same modules of [`crate::format`] write here that the verifier reads with.

pub mod ca;
pub mod clock;
mod config;
pub mod ct;
mod error;
pub mod issuer;
pub mod keys;
pub mod log;
mod proto_json;
pub mod rekor;
pub mod tsa;

pub use config::{Config, EntryPolicy, IssuerKind, OutsideIssuer};
pub use error::StackError;
