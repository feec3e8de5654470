//! Sigstore bundles, versions 0.1, 0.2 and 0.3, as JSON:
//! <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>
//!
//! A parsed bundle proves nothing yet, hence its name; [`crate::verify`] turns it into proof.

mod error;
mod log_entry;
mod read;
mod write;

use std::collections::BTreeSet;

use super::dsse::{self, Envelope};
use super::intoto::Statement;
use super::oci::SimpleSigning;
use super::x509::Certificate;
use crate::base::crypto::{Digest, DigestAlgorithm, Scheme};

pub use error::BundleError;
pub use log_entry::{InclusionProof, LogEntry};
pub(super) use read::parse_envelope;

/// The media type of the bundles that we write.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A bundle's version, from its media type. It decides the shape of the fields, never what is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.1
    V0_1,
    /// 0.2
    V0_2,
    /// 0.3
    V0_3,
}

/// Who is said to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationMaterial {
    /// A certificate, with the intermediates that an old bundle carries.
    Certificate(Box<CertificateMaterial>),
    /// A key that the verifier must already have.
    PublicKey {
        /// The signer's name for the key; by convention base64 of SHA-256 of its DER.
        hint: String,
        /// The key as some signers of models add it; it is compared, never trusted.
        raw: Option<Vec<u8>>,
    },
}

/// A leaf certificate and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateMaterial {
    /// The signer's certificate.
    pub leaf: Certificate,
    /// Certificates of a 0.1 or 0.2 bundle after the leaf, without self-issued ones: a root in a bundle is
    /// ignored, for trust comes from the trusted root alone.
    pub intermediates: Vec<Certificate>,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The artifact itself.
    Message {
        /// The digest that the signer wrote down.
        digest: Option<Digest>,
        /// The signature over the artifact.
        signature: Vec<u8>,
    },
    /// An attestation about the artifact.
    Dsse(Envelope),
    /// A payload of the older cosign signature, which names an image
    /// ([`SimpleSigning`]).
    SimpleSigning {
        /// The bytes that are signed.
        payload: Vec<u8>,
        /// The signature over them.
        signature: Vec<u8>,
    },
}

impl Content {
    /// The signature bytes: what timestamps and log entries are about.
    pub fn signature(&self) -> &[u8] {
        match self {
            Self::Message { signature, .. } | Self::SimpleSigning { signature, .. } => signature,
            Self::Dsse(envelope) => &envelope.signature,
        }
    }
}

/// A bundle that was parsed and not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedBundle {
    version: Version,
    material: VerificationMaterial,
    log_entries: Vec<LogEntry>,
    timestamps: Vec<Vec<u8>>,
    content: Content,
}

impl UnverifiedBundle {
    /// Parses one bundle.
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        read::bundle(json)
    }

    /// Parses one bundle, or several as JSON lines: each line has a verdict of its own.
    pub fn parse_lines(json: &[u8]) -> Result<Vec<Result<Self, BundleError>>, BundleError> {
        read::lines(json)
    }

    /// A 0.3 bundle from its parts: what signing makes.
    pub fn assemble(
        material: VerificationMaterial,
        log_entries: Vec<LogEntry>,
        timestamps: Vec<Vec<u8>>,
        content: Content,
    ) -> Self {
        Self { version: Version::V0_3, material, log_entries, timestamps, content }
    }

    /// The bundle as 0.3 JSON, one line, with every field written out (sigstore-python refuses omitted
    /// defaults). An older cosign signature becomes the signature of its payload as a file.
    pub fn to_json(&self) -> String {
        write::bundle(self)
    }

    /// The version that the media type claims.
    pub fn claimed_version(&self) -> Version {
        self.version
    }

    /// Who is said to have signed.
    pub fn claimed_material(&self) -> &VerificationMaterial {
        &self.material
    }

    /// The leaf certificate, if a certificate is said to have signed.
    pub fn claimed_certificate(&self) -> Option<&Certificate> {
        match &self.material {
            VerificationMaterial::Certificate(material) => Some(&material.leaf),
            VerificationMaterial::PublicKey { .. } => None,
        }
    }

    /// Log entries that are said to cover the signature.
    pub fn claimed_log_entries(&self) -> &[LogEntry] {
        &self.log_entries
    }

    /// Timestamp responses (RFC 3161, DER) that are said to cover the signature.
    pub fn claimed_timestamps(&self) -> &[Vec<u8>] {
        &self.timestamps
    }

    /// What is said to be signed.
    pub fn claimed_content(&self) -> &Content {
        &self.content
    }

    /// The digests of the artifact that verifying this bundle needs, given the scheme of a public key
    /// that the caller brings (for a certificate its own key decides).
    pub fn needed_digests(&self, key_scheme: Option<Scheme>) -> BTreeSet<DigestAlgorithm> {
        let mut needed = BTreeSet::new();
        match &self.content {
            Content::Message { digest: Some(digest), .. } => {
                needed.insert(digest.algorithm());
            }
            Content::Message { digest: None, .. } => {
                let own = self.claimed_certificate().map(|leaf| Scheme::default_for(leaf.public_key().kind()));
                needed.extend(own.or(key_scheme).map(|scheme| scheme.digest));
            }
            Content::Dsse(envelope) if envelope.payload_type == dsse::IN_TOTO => {
                if let Ok(statement) = Statement::parse(&envelope.payload) {
                    needed.extend(statement.digest_algorithms());
                }
            }
            Content::SimpleSigning { payload, .. } => {
                needed.extend(SimpleSigning::parse(payload).ok().map(|payload| payload.manifest_digest.algorithm()));
            }
            Content::Dsse(_) => {}
        }
        if needed.is_empty() {
            needed.insert(DigestAlgorithm::Sha256);
        }
        needed
    }
}

#[cfg(test)]
mod tests;
