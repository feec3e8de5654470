//! The proof: a bundle goes in with the artifact's digests, the trusted root and a now, and proof or the
//! reason against it comes out. Pure and synchronous: no network, clock, file or randomness, so the same
//! inputs give the same answer for ever.
//!
//! One function walks for certificates and keys alike; see [`Verifier::verify`] for its steps.

mod artifact;
pub mod chain;
mod content;
mod error;
mod evidence;
mod key_trust;
pub mod log;
mod material;
mod received;
mod requirements;
pub mod sct;
pub mod times;

use std::collections::BTreeSet;

use crate::base::crypto::{PublicKey, sha256};
use crate::base::encoding::base64;
use crate::base::time::UnixTime;
use crate::format::bundle::{CertificateMaterial, UnverifiedBundle, VerificationMaterial};
use crate::format::trust::{AuthorityKind, TrustedRoot};
use crate::format::x509::FulcioClaims;

pub use artifact::{Artifact, ArtifactName, DigestFormatError};
pub use content::{ArtifactBound, ContentError, SignatureValid};
pub use error::{Counted, Step, VerifyError};
pub use evidence::{CertificateSigner, Evidence, ProvenTime, Signer, TimeSource, Verified, Waiver, Witnessed};
pub use key_trust::{KeyLog, KeyTrust};
pub use material::{SignedBy, SignedContent, SignedMaterial};
pub use requirements::{Promise, Requirements};

use chain::{Authorities, ChainError, ChainValid};
use log::{EntryLogged, Inclusion, LogError, Logs, Witnesses};
use sct::CtLogs;
use times::{TimestampAuthorities, TimestampError, TimestampValid};

/// Verifies bundles against one trusted root. Building it checks the root's own chains, so that each
/// bundle pays for its own signatures only.
#[derive(Debug, Clone)]
pub struct Verifier {
    authorities: Authorities,
    ct_logs: CtLogs,
    logs: Logs,
    timestamp_authorities: TimestampAuthorities,
    waivers: Waivers,
    known: Known,
}

/// How many of each the trusted root knows: no threshold may ask for more.
#[derive(Debug, Clone, Copy)]
struct Known {
    logs: usize,
    timestamp_authorities: usize,
    ct_logs: usize,
}

/// What the trusted root itself leaves out: GitHub's instance has neither logs nor CT logs.
#[derive(Debug, Clone, Copy)]
struct Waivers {
    log: Option<Waiver>,
    sct: Option<Waiver>,
}

impl Verifier {
    /// A verifier for a trusted root.
    pub fn new(root: &TrustedRoot) -> Result<Self, VerifyError> {
        // A kind is waived only where the document lists none of it, and never the log where nothing else
        // could prove a time.
        let none = |known: usize, unsupported: usize| known + unsupported == 0;
        let no_log = none(root.logs.len(), root.unsupported.logs) && !root.timestamp_authorities.is_empty();
        let no_sct = none(root.ct_logs.len(), root.unsupported.ct_logs);
        Ok(Self {
            authorities: Authorities::new(&root.certificate_authorities)?,
            ct_logs: CtLogs::new(&root.ct_logs),
            logs: Logs::new(&root.logs),
            timestamp_authorities: TimestampAuthorities::new(&root.timestamp_authorities),
            waivers: Waivers {
                log: no_log.then_some(Waiver::TrustedRootHasNone),
                sct: no_sct.then_some(Waiver::TrustedRootHasNone),
            },
            known: Known {
                logs: root.logs.len(),
                timestamp_authorities: root.timestamp_authorities.len(),
                ct_logs: root.ct_logs.len(),
            },
        })
    }

    /// The same, knowing these witnesses of its logs.
    #[must_use]
    pub fn with_witnesses(self, witnesses: Witnesses) -> Self {
        Self { logs: self.logs.with_witnesses(witnesses), ..self }
    }

    /// Verifies a bundle that a certificate signed. In this order:
    ///
    /// 1. the certificate can be read and names one subject;
    /// 2. the artifact has the digest that the bundle names;
    /// 3. every log entry is about this very signature, certificate and digest, and is proven by the log
    ///    that it names;
    /// 4. every timestamp by an authority of the trusted root is over this very signature, and proven;
    /// 5. there is a proven time, and the key of every log was in use at every proven time;
    /// 6. the certificate leads to an authority of the trusted root and is valid, with the whole path, at
    ///    every proven time;
    /// 7. a CT log vouches for the certificate;
    /// 8. the signature verifies under the certificate's key;
    /// 9. the artifact is what was signed: the message, or a subject of the statement.
    ///
    /// `now` bounds every time from above; nothing is compared with it otherwise. Who may sign is the
    /// policy's to say: [`crate::policy`].
    pub fn verify(
        &self,
        artifact: &Artifact<'_>,
        bundle: &UnverifiedBundle,
        requirements: &Requirements,
        now: UnixTime,
    ) -> Result<Verified, VerifyError> {
        let VerificationMaterial::Certificate(certificates) = bundle.claimed_material() else {
            return Err(VerifyError::KeyRequired);
        };
        self.check_thresholds(requirements)?;
        self.walk_certificate(artifact, bundle, certificates, requirements, now).map_err(|error| {
            // A bundle of another instance fails at its log first; that it leads to another root says more.
            self.foreign(certificates)
                .filter(|_| error.step() < Step::Chain && error.step() >= Step::Log)
                .unwrap_or(error)
        })
    }

    fn walk_certificate(
        &self,
        artifact: &Artifact<'_>,
        bundle: &UnverifiedBundle,
        certificates: &CertificateMaterial,
        requirements: &Requirements,
        now: UnixTime,
    ) -> Result<Verified, VerifyError> {
        let leaf = &certificates.leaf;
        leaf.san()?;
        let claims = FulcioClaims::read(leaf)?;
        let material = content::material(artifact, bundle.claimed_content(), SignedBy::Certificate(leaf))?;
        let log = self.log(bundle, &material, requirements, self.waivers.log, now);
        let log = log.map_err(|error| blame_content(error, artifact, &material))?;
        let Timestamps { timestamps, unknown } = self.timestamps(bundle, &material, requirements, now)?;
        let times = proven_times(entries(&log), &timestamps, unknown.as_ref())?;
        let moments: Vec<UnixTime> = times.iter().map(|proven| proven.time).collect();
        check_log_keys(entries(&log), &moments)?;
        let chain = self.authorities.verify_leaf(leaf, &certificates.intermediates, &moments)?;
        let sct = match self.sct_waiver(&chain, requirements.scts.get()) {
            Some(waiver) => Witnessed::Waived(waiver),
            None => {
                let valid = self.ct_logs.verify(leaf, chain.issuer_key(), now)?;
                reach(Counted::CtLogs, valid.logs().len(), requirements.scts.get())?;
                Witnessed::By(valid)
            }
        };
        let signature = content::signature(artifact, &material)?;
        let artifact = content::bind(artifact, &material, &signature)?;
        let unknown_timestamps = bundle.claimed_timestamps().len() - timestamps.len();
        let evidence = Evidence { times, log, sct, timestamps, unknown_timestamps, signature, artifact };
        Ok(Verified { signer: Signer::Certificate(Box::new(CertificateSigner { chain, claims })), evidence })
    }

    /// Verifies a bundle that a bare key signed: the same walk, with the caller's trust in the key in place of
    /// certificate, chain and SCT. A proven time is needed only where the key's validity is bounded.
    pub fn verify_with_key(
        &self,
        artifact: &Artifact<'_>,
        bundle: &UnverifiedBundle,
        trust: &KeyTrust,
        requirements: &Requirements,
        now: UnixTime,
    ) -> Result<Verified, VerifyError> {
        let VerificationMaterial::PublicKey { hint, raw } = bundle.claimed_material() else {
            return Err(VerifyError::CertificateGiven);
        };
        self.check_thresholds(requirements)?;
        check_hint(hint, raw.as_deref(), &trust.key)?;
        let material = content::material(artifact, bundle.claimed_content(), SignedBy::Key(&trust.key))?;
        let waiver = match trust.log {
            KeyLog::Required => None,
            KeyLog::NotRequiredUnsafe => Some(Waiver::KeyTrust),
        };
        let log = self.log(bundle, &material, requirements, waiver, now);
        let log = log.map_err(|error| blame_content(error, artifact, &material))?;
        let Timestamps { timestamps, unknown } = self.timestamps(bundle, &material, requirements, now)?;
        let times = match proven_times(entries(&log), &timestamps, unknown.as_ref()) {
            Ok(times) => times,
            Err(_) if trust.validity.is_none() => Vec::new(),
            Err(error) => return Err(error),
        };
        let moments: Vec<UnixTime> = times.iter().map(|proven| proven.time).collect();
        check_log_keys(entries(&log), &moments)?;
        if let Some(validity) = trust.validity
            && let Some(&at) = moments.iter().find(|at| !validity.contains(**at))
        {
            return Err(VerifyError::KeyNotValidAt { at, validity });
        }
        let signature = content::signature(artifact, &material)?;
        let artifact = content::bind(artifact, &material, &signature)?;
        let unknown_timestamps = bundle.claimed_timestamps().len() - timestamps.len();
        let sct = Witnessed::Waived(Waiver::KeyTrust);
        let evidence = Evidence { times, log, sct, timestamps, unknown_timestamps, signature, artifact };
        Ok(Verified { signer: Signer::Key(trust.key.clone()), evidence })
    }

    /// Why no CT log need vouch for a certificate; who asks for more than one SCT gets them or a no.
    fn sct_waiver(&self, chain: &ChainValid, needed: u8) -> Option<Waiver> {
        let private = chain.kind() == AuthorityKind::Private && needed <= 1;
        self.waivers.sct.or(private.then_some(Waiver::PrivateAuthority))
    }

    /// Every entry, each proven; enough different logs.
    fn log(
        &self,
        bundle: &UnverifiedBundle,
        material: &SignedMaterial<'_>,
        requirements: &Requirements,
        waiver: Option<Waiver>,
        now: UnixTime,
    ) -> Result<Witnessed<Vec<EntryLogged>>, VerifyError> {
        let mut logged = Vec::new();
        for entry in bundle.claimed_log_entries() {
            let entry = match (self.logs.verify_entry(entry, material, now), waiver) {
                // Who says that a key needs no log need not know one; what an entry is about is checked all
                // the same.
                (Err(LogError::UnknownLog { .. }), Some(Waiver::KeyTrust)) => {
                    log::verify_binding(entry, material)?;
                    continue;
                }
                (verdict, _) => verdict?,
            };
            if matches!(entry.inclusion(), Inclusion::PromiseOnly) && requirements.promise == Promise::Refused {
                return Err(VerifyError::PromiseOnly);
            }
            logged.push(entry);
        }
        match (logged.is_empty(), waiver) {
            (true, Some(waiver)) => return Ok(Witnessed::Waived(waiver)),
            (true, None) => return Err(VerifyError::EntryMissing),
            (false, _) => {}
        }
        let logs: BTreeSet<&[u8]> = logged.iter().map(|entry| entry.log_key().spki()).collect();
        reach(Counted::Logs, logs.len(), requirements.logs.get())?;
        Ok(Witnessed::By(logged))
    }

    /// Every timestamp: proven, or by an authority that the trusted root does not know.
    fn timestamps(
        &self,
        bundle: &UnverifiedBundle,
        material: &SignedMaterial<'_>,
        requirements: &Requirements,
        now: UnixTime,
    ) -> Result<Timestamps, VerifyError> {
        let mut found = Timestamps { timestamps: Vec::new(), unknown: None };
        for response in bundle.claimed_timestamps() {
            match self.timestamp_authorities.verify_token(response, material.signature, now) {
                Ok(timestamp) => found.timestamps.push(timestamp),
                Err(error @ TimestampError::Untrusted { .. }) => found.unknown = Some(error.into()),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(needed) = requirements.timestamp_authorities {
            let authorities: BTreeSet<usize> = found.timestamps.iter().map(TimestampValid::unit).collect();
            reach(Counted::TimestampAuthorities, authorities.len(), needed.get())?;
        }
        Ok(found)
    }

    fn check_thresholds(&self, requirements: &Requirements) -> Result<(), VerifyError> {
        let timestamp_authorities = requirements.timestamp_authorities.map_or(0, std::num::NonZeroU8::get);
        let asked = [
            (Counted::Logs, requirements.logs.get(), self.known.logs),
            (Counted::TimestampAuthorities, timestamp_authorities, self.known.timestamp_authorities),
            (Counted::CtLogs, requirements.scts.get(), self.known.ct_logs),
        ];
        // One is what every trust asks for; a trusted root without any is the waivers' matter.
        match asked.into_iter().find(|(_, needed, known)| *needed > 1 && usize::from(*needed) > *known) {
            Some((counted, needed, known)) => Err(VerifyError::ThresholdTooLarge { counted, known, needed }),
            None => Ok(()),
        }
    }

    /// Whether the certificate leads to no authority of this trusted root, whatever the time.
    fn foreign(&self, certificates: &CertificateMaterial) -> Option<VerifyError> {
        let CertificateMaterial { leaf, intermediates } = certificates;
        match self.authorities.verify_leaf(leaf, intermediates, &[leaf.validity().start()]) {
            Err(error @ ChainError::Untrusted { .. }) => Some(error.into()),
            _ => None,
        }
    }
}

struct Timestamps {
    timestamps: Vec<TimestampValid>,
    /// Why the last one of an unknown authority was not used.
    unknown: Option<VerifyError>,
}

/// The times that are proven, at least one; if there is none, the most specific reason why.
fn proven_times(
    logged: &[EntryLogged],
    timestamps: &[TimestampValid],
    unknown: Option<&VerifyError>,
) -> Result<Vec<ProvenTime>, VerifyError> {
    let by_log = logged.iter().filter_map(|entry| {
        let source = TimeSource::Log(entry.base_url().to_owned());
        entry.integrated_time().map(|time| ProvenTime { time, source })
    });
    let by_authority = timestamps.iter().map(|timestamp| ProvenTime {
        time: timestamp.time(),
        source: TimeSource::TimestampAuthority(timestamp.authority().to_owned()),
    });
    let times: Vec<_> = by_log.chain(by_authority).collect();
    if !times.is_empty() {
        return Ok(times);
    }
    Err(unknown.cloned().unwrap_or(VerifyError::TimeMissing))
}

/// An entry of another signature or content is not to blame where the bundle is at fault by itself: its
/// statement is about nothing, or its signature is none of the key's.
fn blame_content(error: VerifyError, artifact: &Artifact<'_>, material: &SignedMaterial<'_>) -> VerifyError {
    if !matches!(error, VerifyError::Log(LogError::BodyMismatch(_))) {
        return error;
    }
    match (content::about_nothing(material), content::signature(artifact, material)) {
        (Some(content), _) | (None, Err(content @ ContentError::Signature(_))) => VerifyError::NotLogged(content),
        _ => error,
    }
}

fn entries(log: &Witnessed<Vec<EntryLogged>>) -> &[EntryLogged] {
    log.by().map_or(&[], Vec::as_slice)
}

/// A log's key vouches only for what was signed while the key was in use.
fn check_log_keys(logged: &[EntryLogged], times: &[UnixTime]) -> Result<(), VerifyError> {
    for entry in logged {
        for time in times {
            entry.valid_at(*time)?;
        }
    }
    Ok(())
}

fn reach(counted: Counted, found: usize, needed: u8) -> Result<(), VerifyError> {
    if found >= usize::from(needed) { Ok(()) } else { Err(VerifyError::Threshold { counted, found, needed }) }
}

/// A hint in the form that the field writes (base64 of SHA-256 of the key's DER) must be the key's; a hint of
/// any other form is a name, which proves nothing either way.
fn check_hint(hint: &str, raw: Option<&[u8]>, key: &PublicKey) -> Result<(), VerifyError> {
    let digest = base64::decode(hint).filter(|bytes| bytes.len() == 32);
    if digest.is_some_and(|digest| digest != sha256(&[key.spki()])) {
        return Err(VerifyError::KeyHint);
    }
    let same = |raw: &[u8]| {
        let text = std::str::from_utf8(raw).unwrap_or_default();
        raw == key.spki() || PublicKey::from_pem(text).is_ok_and(|claimed| claimed == *key)
    };
    if raw.is_none_or(same) { Ok(()) } else { Err(VerifyError::KeyHint) }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
