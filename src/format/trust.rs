//! Trust documents: whom to believe, and since when.
//! <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto>

mod append;
mod client_trust_config;
mod embedded;
mod error;
mod instances;
mod signing_config;
mod trusted_root;

pub use append::{AppendError, Appended, append};
pub use client_trust_config::ClientTrustConfig;
pub use embedded::Embedded;
pub use error::TrustError;
pub use instances::{AuthorityInstance, AuthorityKind, LeafProfile, LogInstance};
pub use signing_config::{Choice, Selector, Service, SigningConfig};
pub use trusted_root::{TrustedRoot, Unsupported};
