//! The proof object: what an auditor reads. Each part comes from the one check that makes it, the whole is
//! made only by the walk, and everything that is printed about a verdict is printed from here.

use super::chain::ChainValid;
use super::content::{ArtifactBound, SignatureValid};
use super::log::{EntryLogged, Inclusion};
use super::sct::SctValid;
use super::times::TimestampValid;
use crate::base::crypto::{Digest, PublicKey};
use crate::base::time::UnixTime;
use crate::format::intoto::Statement;
use crate::format::oci::SimpleSigning;
use crate::format::trust::{AuthorityKind, LeafProfile};
use crate::format::x509::{Certificate, FulcioClaims, San};

/// Where a proven time comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeSource {
    /// A log's signed entry timestamp.
    Log(String),
    /// A timestamp authority's token.
    TimestampAuthority(String),
}

/// A moment at which the signature is proven to have existed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenTime {
    pub(super) time: UnixTime,
    pub(super) source: TimeSource,
}

impl ProvenTime {
    /// The moment.
    pub fn time(&self) -> UnixTime {
        self.time
    }

    /// By whose word.
    pub fn source(&self) -> &TimeSource {
        &self.source
    }
}

/// Why a check was not asked for. Waivers come out of trust documents and explicit words only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiver {
    /// The trusted root lists none of the kind.
    TrustedRootHasNone,
    /// The caller's key trust says so.
    KeyTrust,
    /// The authority is none that CT logs vouch for: the trusted root has it as a private one.
    PrivateAuthority,
}

/// Whether logs vouch.
#[derive(Debug, Clone)]
pub enum Witnessed<T> {
    /// They do.
    By(T),
    /// It was not asked for.
    Waived(Waiver),
}

impl<T> Witnessed<T> {
    /// What they vouch with; `None` when waived.
    pub fn by(&self) -> Option<&T> {
        match self {
            Self::By(evidence) => Some(evidence),
            Self::Waived(_) => None,
        }
    }
}

/// Who signed, by certificate.
#[derive(Debug, Clone)]
pub struct CertificateSigner {
    pub(super) chain: ChainValid,
    pub(super) claims: FulcioClaims,
}

impl CertificateSigner {
    /// The certificate's one subject alternative name.
    pub fn san(&self) -> &San {
        self.chain.identity()
    }

    /// The claims that the authority copied from the identity token.
    pub fn claims(&self) -> &FulcioClaims {
        &self.claims
    }

    /// The name of the authority in the trusted root.
    pub fn authority(&self) -> &str {
        self.chain.authority()
    }

    /// The issuer of the identity token, where that is proven: a private authority may write any, so that there is
    /// none by its word.
    pub fn issuer(&self) -> Option<&str> {
        self.claims().issuer().filter(|_| self.kind() == AuthorityKind::Fulcio)
    }

    /// Whose word the certificate is.
    pub fn kind(&self) -> AuthorityKind {
        self.chain.kind()
    }

    /// What its certificate was held to.
    pub fn leaf_profile(&self) -> &LeafProfile {
        self.chain.leaf_profile()
    }

    /// The certificates above the signer's: its issuer first, the authority's own last.
    pub fn path(&self) -> &[Certificate] {
        self.chain.path()
    }
}

/// Who signed.
#[derive(Debug, Clone)]
pub enum Signer {
    /// The holder of a certificate.
    Certificate(Box<CertificateSigner>),
    /// The holder of a key that the caller trusts.
    Key(PublicKey),
}

/// Everything that was proven.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub(super) times: Vec<ProvenTime>,
    pub(super) log: Witnessed<Vec<EntryLogged>>,
    pub(super) sct: Witnessed<SctValid>,
    pub(super) timestamps: Vec<TimestampValid>,
    /// Timestamps by authorities that the trusted root does not know: not used for anything.
    pub(super) unknown_timestamps: usize,
    pub(super) signature: SignatureValid,
    pub(super) artifact: ArtifactBound,
}

impl Evidence {
    /// The proven times: at least one when a certificate signed.
    pub fn times(&self) -> &[ProvenTime] {
        &self.times
    }

    /// Whether logs vouch for the signature.
    pub fn log(&self) -> &Witnessed<Vec<EntryLogged>> {
        &self.log
    }

    /// The earliest proven time: nobody can make it earlier, and for a certificate none is later by more than the
    /// certificate's life.
    pub fn earliest(&self) -> Option<UnixTime> {
        self.times.iter().map(|proven| proven.time).min()
    }

    /// The log entries, every one of the bundle's, each proven; none when waived.
    pub fn entries(&self) -> &[EntryLogged] {
        self.log.by().map_or(&[], Vec::as_slice)
    }

    /// The SCTs of the certificate.
    pub fn sct(&self) -> &Witnessed<SctValid> {
        &self.sct
    }

    /// The timestamps by authorities that the trusted root knows.
    pub fn timestamps(&self) -> &[TimestampValid] {
        &self.timestamps
    }

    /// How many timestamps were left out because no authority of the trusted root made them.
    pub fn unknown_timestamps(&self) -> usize {
        self.unknown_timestamps
    }

    /// The signature.
    pub fn signature(&self) -> &SignatureValid {
        &self.signature
    }

    /// Whether some entry has a promise of inclusion and no proof.
    pub fn rests_on_promise(&self) -> bool {
        self.entries().iter().any(|entry| matches!(entry.inclusion(), Inclusion::PromiseOnly))
    }
}

/// A signature that was verified: who signed what, and the evidence. Made by [`super::Verifier`] only.
#[derive(Debug, Clone)]
#[must_use]
pub struct Verified {
    pub(super) signer: Signer,
    pub(super) evidence: Evidence,
}

impl Verified {
    /// Who signed. Whether that one may is the policy's to say.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The digest of the artifact that was verified.
    pub fn artifact(&self) -> Digest {
        self.evidence.artifact.digest()
    }

    /// The statement, when an attestation was verified.
    pub fn statement(&self) -> Option<&Statement> {
        self.evidence.artifact.statement()
    }

    /// The payload, when an older cosign signature was verified.
    pub fn payload(&self) -> Option<&SimpleSigning> {
        self.evidence.artifact.payload()
    }

    /// The bytes that were signed, when they are a statement or the payload of an older cosign signature: what the
    /// signer claims, word for word.
    pub fn signed_bytes(&self) -> Option<&[u8]> {
        self.evidence.artifact.signed_bytes()
    }

    /// The evidence.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}
