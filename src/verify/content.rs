//! Content: the artifact is the one that the bundle is about, and the signature is over it.

use thiserror::Error;

use super::artifact::Artifact;
use super::material::{SignedBy, SignedContent, SignedMaterial};
use crate::base::code::Code;
use crate::base::crypto::{Digest, DigestAlgorithm, Family, KeyError, KeyKind, Scheme};
use crate::format::bundle::Content;
use crate::format::dsse;
use crate::format::intoto::{Statement, StatementError};
use crate::format::oci::{ImageRef, OciError, SimpleSigning};

/// Why artifact, content and signature do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The artifact is another than the one that was signed.
    #[error("the artifact is not the one that was signed")]
    DigestMismatch {
        /// The digest in the bundle.
        signed: Digest,
        /// The artifact's.
        found: Digest,
    },
    /// The verdict needs a digest that the caller did not give.
    #[error("the signature is over a {0} digest, which was not given")]
    DigestMissing(DigestAlgorithm),
    /// Pure Ed25519 signs bytes, and only a digest was given.
    #[error("the signature is over the artifact's bytes, and only its digest was given")]
    BytesMissing,
    /// A digest that no signer takes with such a key.
    #[error("a {kind} key does not sign {digest} digests")]
    Scheme {
        /// The key.
        kind: KeyKind,
        /// The digest's algorithm.
        digest: DigestAlgorithm,
    },
    /// The signature does not verify.
    #[error(transparent)]
    Signature(#[from] KeyError),
    /// A payload that is no in-toto statement.
    #[error("the envelope's payload type is {found:?}, which says nothing about an artifact")]
    PayloadType {
        /// The payload type.
        found: String,
    },
    /// The statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// No subject is the artifact.
    #[error("none of the {subjects} subjects of the attestation is {artifact}")]
    SubjectMismatch {
        /// The artifact's digest.
        artifact: Digest,
        /// How many subjects there are.
        subjects: usize,
    },
    /// A payload that is none of a container signature.
    #[error("the signed payload: {0}")]
    Payload(OciError),
    /// The payload of an older cosign signature is about another image.
    #[error("the signature is about another image: its payload names {signed}")]
    OtherImage {
        /// The digest in the payload.
        signed: Digest,
        /// The image's.
        found: Digest,
    },
    /// The payload of an older cosign signature names another repository.
    #[error("the image was signed under another name: {signed:?}")]
    OtherName {
        /// The name in the payload.
        signed: String,
        /// The image's names, joined.
        expected: String,
    },
    /// No subject has a digest that can be compared.
    #[error("no subject of the attestation has a digest of an algorithm that can be compared")]
    SubjectAlgorithm,
    /// A subject agrees in one digest and disagrees in another.
    #[error("a subject of the attestation has the artifact's {same} digest and another {other} digest")]
    SubjectConflict {
        /// The algorithm that agrees.
        same: DigestAlgorithm,
        /// The algorithm that disagrees.
        other: DigestAlgorithm,
    },
}

impl ContentError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::DigestMismatch { .. } => Code::refused(
                "digest-mismatch",
                "the artifact was changed after it was signed, or this bundle belongs to another file",
            ),
            Self::DigestMissing(_) => {
                Code::usage("digest-missing", "give the file itself, or the digest in that algorithm")
            }
            Self::BytesMissing => Code::usage("artifact-bytes-missing", "give the file itself"),
            Self::Scheme { kind, .. } => {
                let scheme = Scheme::default_for(*kind);
                KeyError::Scheme { kind: *kind, scheme }.code()
            }
            Self::Signature(error) => error.code(),
            Self::PayloadType { .. } => Code::refused(
                "dsse-payload-type",
                "only in-toto statements (application/vnd.in-toto+json) are bound to an artifact",
            ),
            Self::Statement(error) => error.code(),
            Self::SubjectMismatch { .. } => Code::refused(
                "subject-mismatch",
                "the attestation is about other artifacts: give the one it names, or fetch the right attestation",
            ),
            Self::Payload(error) => error.code(),
            Self::OtherImage { .. } => Code::refused(
                "subject-mismatch",
                "the signature was copied from another image: sign this one, or fetch its own signature",
            ),
            Self::OtherName { .. } => Code::refused(
                "subject-mismatch",
                "older signatures name a repository: if this is a copy of that one, say so with --signed-as REPOSITORY",
            ),
            Self::SubjectAlgorithm => {
                Code::refused("subject-alg", "the subject needs a sha256, sha384 or sha512 digest")
            }
            Self::SubjectConflict { .. } => {
                Code::refused("subject-conflict", "the attestation contradicts itself: its maker has to attest anew")
            }
        }
    }
}

/// Proof that the signature verifies under the key over the content.
#[derive(Debug, Clone)]
pub struct SignatureValid {
    scheme: Scheme,
}

impl SignatureValid {
    /// The scheme of the signature.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// Proof that the artifact is what the content is about.
#[derive(Debug, Clone)]
pub struct ArtifactBound {
    digest: Digest,
    statement: Option<Statement>,
    payload: Option<SimpleSigning>,
    signed: Option<Vec<u8>>,
}

impl ArtifactBound {
    /// The digest by which it was found.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The statement, if the content is an attestation.
    pub fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// The payload, if the content is an older cosign signature.
    pub fn payload(&self) -> Option<&SimpleSigning> {
        self.payload.as_ref()
    }

    /// The bytes that were signed, if the content has any beside the artifact: a statement, or the payload of an
    /// older cosign signature.
    pub fn signed_bytes(&self) -> Option<&[u8]> {
        self.signed.as_deref()
    }
}

/// Holds the artifact against the digest that the bundle names, and says what everything else in the
/// bundle must be about.
pub(super) fn material<'a>(
    artifact: &Artifact<'_>,
    content: &'a Content,
    signed_by: SignedBy<'a>,
) -> Result<SignedMaterial<'a>, ContentError> {
    let signature = content.signature();
    let content = match content {
        Content::Message { digest: signed, .. } => {
            if let Some(signed) = signed {
                let found = digest(artifact, signed.algorithm())?;
                if found != *signed {
                    return Err(ContentError::DigestMismatch { signed: *signed, found });
                }
            }
            let scheme = Scheme::default_for(signed_by.public_key().kind());
            let digest = match signed {
                Some(signed) => *signed,
                // Pure Ed25519 has no digest of its own: any names the artifact.
                None if scheme.family == Family::Ed25519 => artifact.shown_digest(),
                None => digest(artifact, scheme.digest)?,
            };
            SignedContent::Message { digest }
        }
        Content::Dsse(envelope) => SignedContent::Dsse { envelope },
        Content::SimpleSigning { payload, .. } => SignedContent::SimpleSigning { payload },
    };
    Ok(SignedMaterial { signature, signed_by, content })
}

/// Verifies the signature.
pub(super) fn signature(
    artifact: &Artifact<'_>,
    material: &SignedMaterial<'_>,
) -> Result<SignatureValid, ContentError> {
    let key = material.signed_by.public_key();
    let kind = key.kind();
    let scheme = match material.content {
        SignedContent::Message { .. } | SignedContent::SimpleSigning { .. } => {
            let digest = material.content.digest(kind).algorithm();
            Scheme::of_digest(kind, digest).ok_or(ContentError::Scheme { kind, digest })?
        }
        SignedContent::Dsse { .. } => Scheme::default_for(kind),
    };
    match material.content {
        SignedContent::Message { .. } if scheme.family == Family::Ed25519 => {
            key.verify(scheme, artifact.bytes().ok_or(ContentError::BytesMissing)?, material.signature)?;
        }
        SignedContent::Message { digest } => key.verify_digest(scheme, &digest, material.signature)?,
        SignedContent::Dsse { envelope } => key.verify(scheme, &envelope.pae(), material.signature)?,
        SignedContent::SimpleSigning { payload } => key.verify(scheme, payload, material.signature)?,
    }
    Ok(SignatureValid { scheme })
}

/// Finds the artifact in what was signed. Comes after the signature: what an unsigned envelope says about
/// its payload is not worth reading.
pub(super) fn bind(
    artifact: &Artifact<'_>,
    material: &SignedMaterial<'_>,
    _signed: &SignatureValid,
) -> Result<ArtifactBound, ContentError> {
    match material.content {
        SignedContent::Message { digest } => Ok(ArtifactBound { digest, statement: None, payload: None, signed: None }),
        SignedContent::Dsse { envelope } => {
            if envelope.payload_type != dsse::IN_TOTO {
                let found = envelope.payload_type.chars().take(128).collect();
                return Err(ContentError::PayloadType { found });
            }
            let statement = Statement::parse(&envelope.payload)?;
            let digest = subject(artifact, &statement)?;
            let signed = Some(envelope.payload.clone());
            Ok(ArtifactBound { digest, statement: Some(statement), payload: None, signed })
        }
        SignedContent::SimpleSigning { payload } => {
            let signed = Some(payload.to_vec());
            let payload = SimpleSigning::parse(payload).map_err(ContentError::Payload)?;
            let digest = image(artifact, &payload)?;
            Ok(ArtifactBound { digest, statement: None, payload: Some(payload), signed })
        }
    }
}

/// The image that an older cosign signature names. Its digest binds; its name binds too where the caller
/// says what the image may be called: with a tag or digest after it, which say nothing, or empty, when the
/// signer named none.
fn image(artifact: &Artifact<'_>, payload: &SimpleSigning) -> Result<Digest, ContentError> {
    let signed = payload.manifest_digest;
    let found = digest(artifact, signed.algorithm())?;
    if found != signed {
        return Err(ContentError::OtherImage { signed, found });
    }
    let names = artifact.names();
    let name = &payload.docker_reference;
    let is_one = || ImageRef::parse(name).is_ok_and(|name| names.contains(name.repository()));
    if names.is_empty() || name.is_empty() || is_one() {
        return Ok(found);
    }
    let expected = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    Err(ContentError::OtherName { signed: name.chars().take(256).collect(), expected })
}

/// Whether the content is a statement about nothing, whoever signed it.
pub(super) fn about_nothing(material: &SignedMaterial<'_>) -> Option<ContentError> {
    let SignedContent::Dsse { envelope } = material.content else { return None };
    match Statement::parse(&envelope.payload) {
        Err(error @ (StatementError::SubjectEmpty | StatementError::DigestEmpty { .. })) => Some(error.into()),
        _ => None,
    }
}

/// Matches subjects by digest and algorithm; names never bind.
fn subject(artifact: &Artifact<'_>, statement: &Statement) -> Result<Digest, ContentError> {
    let mut compared = false;
    for subject in &statement.subjects {
        let pairs = subject.digests.iter().filter_map(|said| Some((said, artifact.digest(said.algorithm())?)));
        let (same, other): (Vec<_>, Vec<_>) = pairs.partition(|(said, found)| *said == found);
        compared |= !same.is_empty() || !other.is_empty();
        match (same.first(), other.first()) {
            (Some((same, _)), Some((other, _))) => {
                return Err(ContentError::SubjectConflict { same: same.algorithm(), other: other.algorithm() });
            }
            (Some((_, found)), None) => return Ok(*found),
            _ => {}
        }
    }
    if compared {
        Err(ContentError::SubjectMismatch { artifact: artifact.shown_digest(), subjects: statement.subjects.len() })
    } else {
        Err(ContentError::SubjectAlgorithm)
    }
}

fn digest(artifact: &Artifact<'_>, algorithm: DigestAlgorithm) -> Result<Digest, ContentError> {
    artifact.digest(algorithm).ok_or(ContentError::DigestMissing(algorithm))
}
