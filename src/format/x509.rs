//! X.509 certificates, RFC 5280, with the profile that Fulcio gives them:
//! <https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md>
//!
//! Our own parser: the verifier needs each refusal by name (a webpki-style `BadDer` would hide them),
//! and the authority of the stack writes with the same identifiers that this reads.

pub mod algorithm;
pub mod build;
pub mod certificate;
pub mod constraints;
pub mod extensions;
pub mod fulcio;
pub mod names;
pub mod oids;
pub mod request;
pub mod sct;
#[cfg(test)]
pub(crate) mod testing;

pub use certificate::{Certificate, CertificateError};
pub use constraints::NameConstraints;
pub use extensions::{BasicConstraints, Extensions, KeyUsage};
pub use fulcio::{CLAIMS, Claim, FulcioClaims};
pub use names::{GeneralName, San};
pub use request::{CertificateRequest, RequestError};
pub use sct::Sct;
