//! The search for a leaf's path. One authority issues a leaf as a rule; where several certificates have
//! the issuer's name, each is tried, and the bundle's intermediates only when no authority of the trust
//! root issued the leaf. The number of signatures bounds it all.

use super::path::{self, Purpose};
use super::{Authority, ChainError};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::x509::Certificate;

/// A path that holds: the authority, and the certificates from the leaf's issuer to the anchor.
pub(super) struct Found<'a> {
    pub(super) authority: &'a Authority,
    pub(super) issuer: &'a Certificate,
    pub(super) path: Vec<&'a Certificate>,
}

pub(super) struct Search<'a> {
    authorities: &'a [Authority],
    leaf: &'a Certificate,
    intermediates: &'a [Certificate],
    times: &'a [UnixTime],
    signatures: usize,
    /// The most specific reason so far.
    reason: ChainError,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        authorities: &'a [Authority],
        leaf: &'a Certificate,
        intermediates: &'a [Certificate],
        times: &'a [UnixTime],
    ) -> Self {
        let reason = ChainError::Untrusted { issuer: leaf.issuer().to_string() };
        Self { authorities, leaf, intermediates, times, signatures: 0, reason }
    }

    pub(super) fn run(mut self) -> Result<Found<'a>, ChainError> {
        match self.extend(&mut Vec::new())? {
            Some(found) => Ok(found),
            None => Err(self.reason),
        }
    }

    /// Continues a path of the bundle's intermediates, the leaf's issuer first.
    fn extend(&mut self, below: &mut Vec<&'a Certificate>) -> Result<Option<Found<'a>>, ChainError> {
        let child = below.last().copied().unwrap_or(self.leaf);
        let mut anchored = false;
        for (authority, above) in self.anchors(child) {
            let Some(issuer) = above.first() else { continue };
            if self.is_issued_by(child, issuer)? {
                anchored = true;
                let path: Vec<_> = below.iter().copied().chain(above).collect();
                match self.check(authority, &path) {
                    Ok(()) => {
                        let issuer = below.first().copied().unwrap_or(issuer);
                        return Ok(Some(Found { authority, issuer, path }));
                    }
                    Err(reason) => self.note(reason),
                }
            }
        }
        if anchored {
            return Ok(None);
        }
        for intermediate in by_hint(child, self.intermediates.iter()) {
            // A certificate stands in a path once, so that there are no loops.
            if below.contains(&intermediate) || !self.is_issued_by(child, intermediate)? {
                continue;
            }
            if let Err(error) = path::check_authority(intermediate, Purpose::CodeSigning) {
                self.note(error.into());
                continue;
            }
            below.push(intermediate);
            if let Some(found) = self.extend(below)? {
                return Ok(Some(found));
            }
            below.pop();
        }
        Ok(None)
    }

    /// The trust root's certificates that may have issued `child`, each with those above it.
    fn anchors(&self, child: &Certificate) -> Vec<(&'a Authority, &'a [Certificate])> {
        let mut found = Vec::new();
        for authority in self.authorities {
            for (index, certificate) in authority.chain.iter().enumerate() {
                if certificate.subject() == child.issuer() {
                    found.push((authority, authority.chain.get(index..).unwrap_or_default()));
                }
            }
        }
        found.sort_by_key(|(_, above)| !above.first().is_some_and(|issuer| hints_at(child, issuer)));
        found
    }

    /// Whether `issuer` signed `child`, whose issuer has its name.
    fn is_issued_by(&mut self, child: &Certificate, issuer: &Certificate) -> Result<bool, ChainError> {
        if self.signatures == limits::CHAIN_SIGNATURES {
            return Err(ChainError::TooManyWays);
        }
        self.signatures += 1;
        match path::check_issued_by(child, issuer) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.note(error.into());
                Ok(false)
            }
        }
    }

    /// What depends on the whole path and on the times.
    fn check(&self, authority: &Authority, path: &[&Certificate]) -> Result<(), ChainError> {
        path::check_constraints(Some(self.leaf), path)?;
        if let Some(&at) = self.times.iter().find(|at| !self.leaf.is_valid_at(**at)) {
            return Err(ChainError::LeafNotValidAt { at, validity: self.leaf.validity() });
        }
        path::check_times(path, self.times)?;
        if let Some(&at) = self.times.iter().find(|at| !authority.validity.contains(**at)) {
            let (authority, validity) = (authority.name.clone(), authority.validity);
            return Err(ChainError::AuthorityNotValidAt { authority, at, validity });
        }
        Ok(())
    }

    fn note(&mut self, reason: ChainError) {
        if reason.rank() > self.reason.rank() {
            self.reason = reason;
        }
    }
}

/// The intermediates with the issuer's name, those that the key identifiers hint at first.
fn by_hint<'a>(child: &Certificate, list: impl Iterator<Item = &'a Certificate>) -> Vec<&'a Certificate> {
    let mut found: Vec<_> = list.filter(|certificate| certificate.subject() == child.issuer()).collect();
    found.sort_by_key(|issuer| !hints_at(child, issuer));
    found
}

fn hints_at(child: &Certificate, issuer: &Certificate) -> bool {
    let id = &child.extensions().authority_key_id;
    id.is_some() && *id == issuer.extensions().subject_key_id
}
