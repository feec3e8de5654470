//! Taking over a change, within what the keys that it ends may say.
//!
//! * What it ends is trusted here, and not ended yet. A key that was replaced says nothing more: not by whom it stole.
//! * Each key that ends has signed it.
//! * A log is followed by one log, of another key, below the same domain.
//! * An authority is followed by one with the same root, which signed its certificate.
//!
//! What is known already changes nothing, so that a file may be taken over again, with or without later lines.

use super::Handover;
use crate::base::crypto::PublicKey;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::{AuthorityInstance, ClientTrustConfig, LogInstance, Service};
use crate::stack::init::EARLIER;

/// Which parts of the trust a change was of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::stack) struct Changed {
    pub(in crate::stack) log: bool,
    pub(in crate::stack) ct: bool,
    pub(in crate::stack) ca: bool,
    pub(in crate::stack) tsa: bool,
}

/// Takes over one change; what it refuses it has not changed.
pub(in crate::stack) fn apply(trust: &mut ClientTrustConfig, handover: &Handover) -> Result<Changed, &'static str> {
    let change = handover.change()?;
    let mut next = trust.clone();
    let root = &mut next.trusted_root;
    let signed = |key: &PublicKey| handover.is_signed_by(key);
    let of_logs = |root: &crate::format::trust::TrustedRoot| -> Vec<PublicKey> {
        root.logs.iter().chain(&root.ct_logs).map(|log| log.key.clone()).collect()
    };
    let known = of_logs(root);
    let changed = Changed {
        log: section(&mut root.logs, &change.logs, &signed)?,
        ct: section(&mut root.ct_logs, &change.ct_logs, &signed)?,
        ca: section(&mut root.certificate_authorities, &change.certificate_authorities, &signed)?,
        tsa: section(&mut root.timestamp_authorities, &change.timestamp_authorities, &signed)?,
    };
    // A log of a key is told by it alone: one key signs for one log.
    let all = of_logs(root);
    let twice = |(at, key): (usize, &PublicKey)| all.iter().take(at).any(|other| other == key);
    if all.len() > known.len() && all.iter().enumerate().any(twice) {
        return Err("it gives a log the key of another");
    }
    if changed.log {
        let begun = change.logs.iter().filter(|log| log.validity.end().is_none());
        let from = begun.map(|log| log.validity.start().plus_secs(EARLIER)).max();
        let windows = from.and_then(|from| windows(&mut next.signing_config.logs, from));
        windows.ok_or("it begins before what it ends")?;
    }
    *trust = next;
    Ok(changed)
}

/// The address stays: one service is in force at any time.
fn windows(services: &mut Vec<Service>, from: UnixTime) -> Option<()> {
    let mut next = Vec::new();
    for service in services.iter_mut().filter(|service| service.validity.end().is_none()) {
        next.push(Service { validity: ValidityPeriod::new(from, None)?, ..service.clone() });
        let before = from.plus_secs(-1).max(service.validity.start());
        service.validity = ValidityPeriod::new(service.validity.start(), Some(before))?;
    }
    services.extend(next);
    Some(())
}

/// What is handed over.
trait Handed: Clone {
    /// Whether both are the same, whatever the time in which it is believed.
    fn is(&self, other: &Self) -> bool;
    fn validity(&mut self) -> &mut ValidityPeriod;
    /// Whose signature counts.
    fn key(&self) -> Option<&PublicKey>;
    fn follows(&self, before: &Self) -> bool;
}

impl Handed for LogInstance {
    fn is(&self, other: &Self) -> bool {
        self.key == other.key && self.log_id == other.log_id && self.base_url == other.base_url
    }

    fn validity(&mut self) -> &mut ValidityPeriod {
        &mut self.validity
    }

    fn key(&self) -> Option<&PublicKey> {
        Some(&self.key)
    }

    fn follows(&self, before: &Self) -> bool {
        let domain = |log: &Self| log.host().split_once('.').map(|(_, domain)| domain.to_owned());
        domain(self).is_some() && domain(self) == domain(before)
    }
}

impl Handed for AuthorityInstance {
    fn is(&self, other: &Self) -> bool {
        self.chain == other.chain && self.uri == other.uri
    }

    fn validity(&mut self) -> &mut ValidityPeriod {
        &mut self.validity
    }

    fn key(&self) -> Option<&PublicKey> {
        self.chain.first().map(|certificate| certificate.public_key())
    }

    fn follows(&self, before: &Self) -> bool {
        let ([below, root], Some(root_before)) = (self.chain.as_slice(), before.chain.last()) else { return false };
        let below_it =
            below.issuer().der() == root.subject().der() && below.verify_signature(root.public_key()).is_ok();
        root == root_before && self.uri == before.uri && below_it
    }
}

/// Takes over what changed of one kind; whether anything did.
fn section<T: Handed>(
    ours: &mut Vec<T>,
    change: &[T],
    signed: &dyn Fn(&PublicKey) -> bool,
) -> Result<bool, &'static str> {
    let (ended, begun): (Vec<T>, Vec<T>) =
        change.iter().cloned().partition(|one| one.clone().validity().end().is_some());
    if begun.iter().all(|new| ours.iter().any(|our| our.is(new))) {
        return Ok(false);
    }
    if ended.len() != begun.len() {
        return Err("it does not begin as many as it ends");
    }
    for (mut before, new) in ended.into_iter().zip(begun) {
        let our = ours.iter_mut().find(|our| our.is(&before));
        let our = our.ok_or("it ends what is not known here: take what was handed over before first")?;
        if our.validity().end().is_some() {
            return Err("it ends what was ended before, and who was replaced says nothing more");
        }
        if !our.key().is_some_and(signed) {
            return Err("the key that it ends has not signed it");
        }
        if !new.follows(our) {
            return Err("what it begins is not the successor of what it ends");
        }
        let end = before.validity().end();
        let period = ValidityPeriod::new(our.validity().start(), end).ok_or("it ends before it began")?;
        *our.validity() = period;
        ours.push(new);
    }
    Ok(true)
}
