//! The parts of a bundle in the making, each checked when it is received: the walk's own checks, one at a
//! time, so that a signer sends nothing on that its verifier will refuse.

use super::chain::ChainValid;
use super::log::{EntryLogged, Inclusion};
use super::times::TimestampValid;
use super::{Artifact, Counted, SignedBy, SignedMaterial, Verifier, VerifyError, content, reach};
use crate::base::time::UnixTime;
use crate::format::bundle::{LogEntry, UnverifiedBundle};
use crate::format::x509::{Certificate, FulcioClaims};

impl Verifier {
    /// Checks a certificate: one subject, claims that can be read, a path that is valid `at` this time, an
    /// SCT where the trusted root has CT logs. `now` bounds the SCT's time.
    pub fn check_certificate(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        at: UnixTime,
        now: UnixTime,
    ) -> Result<ChainValid, VerifyError> {
        leaf.san()?;
        FulcioClaims::read(leaf)?;
        let chain = self.authorities.verify_leaf(leaf, intermediates, &[at])?;
        if self.sct_waiver(&chain, 1).is_none() {
            let valid = self.ct_logs.verify(leaf, chain.issuer_key(), now)?;
            reach(Counted::CtLogs, valid.logs().len(), 1)?;
        }
        Ok(chain)
    }

    /// Checks a timestamp response over a signature.
    pub fn check_timestamp(
        &self,
        response: &[u8],
        signature: &[u8],
        now: UnixTime,
    ) -> Result<TimestampValid, VerifyError> {
        Ok(self.timestamp_authorities.verify_token(response, signature, now)?)
    }

    /// Checks a log entry about a signing act; an inclusion proof must be there.
    pub fn check_entry(
        &self,
        entry: &LogEntry,
        signed: &SignedMaterial<'_>,
        now: UnixTime,
    ) -> Result<EntryLogged, VerifyError> {
        let logged = self.logs.verify_entry(entry, signed, now)?;
        match logged.inclusion() {
            Inclusion::Proof { .. } => Ok(logged),
            Inclusion::PromiseOnly => Err(VerifyError::PromiseOnly),
        }
    }

    /// Checks all but the log of a signing act that no log has taken yet: every timestamp, the certificate at each
    /// time that they prove, the signature, and that the artifact is what was signed.
    pub fn check_unlogged(
        &self,
        artifact: &Artifact<'_>,
        bundle: &UnverifiedBundle,
        signed_by: SignedBy<'_>,
        now: UnixTime,
    ) -> Result<(), VerifyError> {
        let material = content::material(artifact, bundle.claimed_content(), signed_by)?;
        if bundle.claimed_timestamps().is_empty() {
            return Err(VerifyError::TimeMissing);
        }
        for response in bundle.claimed_timestamps() {
            let at = self.check_timestamp(response, material.signature, now)?.time();
            if let SignedBy::Certificate(leaf) = signed_by {
                self.check_certificate(leaf, &[], at, now)?;
            }
        }
        let signature = content::signature(artifact, &material)?;
        content::bind(artifact, &material, &signature)?;
        Ok(())
    }

    /// Whether this trusted root asks for a log entry.
    pub fn needs_log(&self) -> bool {
        self.waivers.log.is_none()
    }
}
