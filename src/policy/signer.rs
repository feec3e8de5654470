//! Who signed: conditions on one signature, and how many different signers must meet them.

use std::collections::BTreeSet;
use std::fmt;

use super::matcher::Matcher;
use super::refusal::{Miss, Refusal};
use super::rule::RuleError;
use crate::base::crypto::PublicKey;
use crate::base::time::ValidityPeriod;
use crate::format::trust::AuthorityKind;
use crate::format::x509::{Claim, San};
use crate::verify::{KeyLog, KeyTrust, ProvenTime, Signer, Verified};

/// Conditions that one signature meets together. It always says who (an identity or claims) and by whose word
/// (an issuer or a named authority), or which key.
#[derive(Debug, Clone)]
pub struct SignerRule {
    pub(super) kind: SignerKind,
}

#[derive(Debug, Clone)]
pub(super) enum SignerKind {
    Certificate(Box<CertificateRule>),
    Key(Box<KeyRule>),
}

#[derive(Debug, Clone, Default)]
pub(super) struct CertificateRule {
    pub(super) identity: Option<Matcher>,
    pub(super) issuer: Option<Matcher>,
    pub(super) authority: Option<String>,
    pub(super) claims: Vec<(Claim, Matcher)>,
}

#[derive(Debug, Clone)]
pub(super) struct KeyRule {
    pub(super) key: PublicKey,
    pub(super) log: KeyLog,
    /// When it is believed: every proven time must be within, and there must be one.
    pub(super) validity: Option<ValidityPeriod>,
}

impl SignerRule {
    pub(super) fn certificate(rule: CertificateRule) -> Result<Self, RuleError> {
        if rule.identity.is_none() && rule.claims.is_empty() {
            return Err(RuleError::NoIdentity);
        }
        let issuer_claim = rule.claims.iter().any(|(claim, _)| claim.name == "issuer");
        if rule.issuer.is_none() && rule.authority.is_none() && !issuer_claim {
            return Err(RuleError::NoIssuer);
        }
        Ok(Self { kind: SignerKind::Certificate(Box::new(rule)) })
    }

    /// The holder of this key.
    pub fn key(key: PublicKey, log: KeyLog) -> Self {
        Self { kind: SignerKind::Key(Box::new(KeyRule { key, log, validity: None })) }
    }

    /// The holder of this key, while it was in use.
    pub fn key_within(key: PublicKey, log: KeyLog, validity: ValidityPeriod) -> Self {
        Self { kind: SignerKind::Key(Box::new(KeyRule { key, log, validity: Some(validity) })) }
    }

    /// The key, when it is one.
    pub fn key_trust(&self) -> Option<KeyTrust> {
        match &self.kind {
            SignerKind::Certificate(_) => None,
            SignerKind::Key(rule) => Some(match rule.log {
                KeyLog::Required => KeyTrust::logged(rule.key.clone()),
                KeyLog::NotRequiredUnsafe => KeyTrust::without_log_unsafe(rule.key.clone()),
            }),
        }
    }

    /// The conditions as name and pattern, for people.
    pub fn conditions(&self) -> Vec<(&'static str, String)> {
        match &self.kind {
            SignerKind::Key(rule) => {
                let window = rule.validity.map(|validity| ("in use", validity.to_string()));
                std::iter::once(("key", fingerprint(&rule.key))).chain(window).collect()
            }
            SignerKind::Certificate(rule) => {
                let mut conditions = Vec::new();
                conditions.extend(rule.identity.as_ref().map(|m| ("identity", m.to_string())));
                conditions.extend(rule.issuer.as_ref().map(|m| ("issuer", m.to_string())));
                conditions.extend(rule.authority.as_ref().map(|name| ("certificate-authority", name.clone())));
                conditions.extend(rule.claims.iter().map(|(claim, m)| (claim.name, m.to_string())));
                conditions
            }
        }
    }

    /// Whether the signature meets every condition; the first that it does not is the reason.
    pub(super) fn meet<'a>(&'a self, verified: &'a Verified) -> Result<(), Miss<'a>> {
        match (&self.kind, verified.signer()) {
            (SignerKind::Key(_), Signer::Certificate(_)) => Err(Miss::KeyRequired),
            (SignerKind::Certificate(_), Signer::Key(_)) => Err(Miss::CertificateRequired),
            (SignerKind::Key(rule), Signer::Key(found)) => {
                if rule.key != *found {
                    return Err(Miss::Key { expected: &rule.key, found });
                }
                if rule.log == KeyLog::Required && verified.evidence().log().by().is_none() {
                    return Err(Miss::LogMissing);
                }
                let Some(validity) = rule.validity else { return Ok(()) };
                let mut times = verified.evidence().times().iter().map(ProvenTime::time).peekable();
                let outside = times.peek().is_none() || times.any(|time| !validity.contains(time));
                if outside { Err(Miss::KeyNotInUse { validity }) } else { Ok(()) }
            }
            (SignerKind::Certificate(rule), Signer::Certificate(signer)) => {
                if rule.authority.is_none() && signer.kind() == AuthorityKind::Private {
                    return Err(Miss::AuthorityUnnamed { found: signer.authority() });
                }
                if let Some(expected) = &rule.authority
                    && signer.authority() != expected
                {
                    return Err(Miss::Authority { expected, found: signer.authority() });
                }
                if let Some(expected) = &rule.issuer {
                    let found = signer.claims().issuer().ok_or(Miss::IssuerMissing)?;
                    if !expected.is_match(found) {
                        return Err(Miss::Issuer { expected, found });
                    }
                }
                if let Some(expected) = &rule.identity {
                    let found = signer.san();
                    if !expected.is_match(found.as_str()) {
                        return Err(Miss::Identity { expected, found });
                    }
                    if let Some(form) = meant_form(expected.text())
                        && form != found.form()
                    {
                        return Err(Miss::IdentityType { expected: form, found });
                    }
                }
                for (claim, expected) in &rule.claims {
                    let found = signer.claims().value(claim.name);
                    if !found.is_some_and(|found| expected.is_match(found)) {
                        return Err(Miss::Claim { name: claim.name, expected, found });
                    }
                }
                Ok(())
            }
        }
    }
}

/// SHA-256 of the key's SPKI: what people compare keys by.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    format!("sha256:{}", crate::base::encoding::hex::encode(&key.spki_sha256()))
}

/// The form of name that a pattern is written for, where its text shows one: a username that reads like
/// an address must not meet a rule about addresses.
fn meant_form(pattern: &str) -> Option<&'static str> {
    if pattern.contains("://") || pattern.starts_with("urn:") {
        Some(San::Uri(String::new()).form())
    } else if pattern.contains('!') {
        Some(San::Username(String::new()).form())
    } else if pattern.contains('@') {
        Some(San::Email(String::new()).form())
    } else {
        None
    }
}

/// One signer, as thresholds count them: a key; or an identity by the word of its issuer, where a workflow at two
/// refs is one signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SignerId<'a> {
    Key(&'a [u8]),
    Identity { issuer: Option<&'a str>, form: &'static str, name: &'a str },
}

impl<'a> SignerId<'a> {
    pub(super) fn of(verified: &'a Verified) -> Self {
        match verified.signer() {
            Signer::Key(key) => Self::Key(key.spki()),
            Signer::Certificate(signer) => {
                let (san, name) = (signer.san(), signer.san().as_str());
                let name = match san {
                    San::Uri(_) => name.split_once("@refs/").map_or(name, |(workflow, _)| workflow),
                    _ => name,
                };
                Self::Identity { issuer: signer.claims().issuer(), form: san.form(), name }
            }
        }
    }
}

/// So many different signers, each of whom meets one of these.
#[derive(Debug, Clone)]
pub struct Quorum {
    pub(super) count: usize,
    pub(super) of: Vec<SignerRule>,
}

/// Who must have signed: one of these ways; in each, every quorum by signers of its own.
#[derive(Debug, Clone)]
pub struct Signers {
    pub(super) any: Vec<Vec<Quorum>>,
}

impl Signers {
    /// One signer.
    pub(super) fn one(rule: SignerRule) -> Self {
        Self { any: vec![vec![Quorum { count: 1, of: vec![rule] }]] }
    }

    /// Every description of a signer.
    pub fn rules(&self) -> impl Iterator<Item = &SignerRule> {
        self.any.iter().flatten().flat_map(|quorum| &quorum.of)
    }

    /// The one description, when there is no more to it.
    pub fn single(&self) -> Option<&SignerRule> {
        match self.any.as_slice() {
            [way] => match way.as_slice() {
                [Quorum { count: 1, of }] if of.len() == 1 => of.first(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The signatures that count, by their places in `signatures`; `sound` says whether one counts whoever made it.
    pub(super) fn meet<'a>(
        &'a self,
        signatures: &[&'a Verified],
        sound: &dyn Fn(usize, &'a Verified) -> Result<(), Miss<'a>>,
    ) -> Result<Vec<usize>, Miss<'a>> {
        let mut nearest = None;
        for way in &self.any {
            match meet_all(way, signatures, sound) {
                Ok(counted) => return Ok(counted),
                Err(miss) => nearer(&mut nearest, miss),
            }
        }
        Err(nearest.unwrap_or(Miss::NoSignature))
    }
}

/// Keeps the nearer miss; of two that are equally near, the first.
pub(super) fn nearer<'a>(nearest: &mut Option<Miss<'a>>, miss: Miss<'a>) {
    if nearest.as_ref().is_none_or(|before| miss.distance() < before.distance()) {
        *nearest = Some(miss);
    }
}

/// The signatures that meet a quorum's descriptions, and the nearest miss of the others.
fn candidates<'a>(
    quorum: &'a Quorum,
    signatures: &[&'a Verified],
    sound: &dyn Fn(usize, &'a Verified) -> Result<(), Miss<'a>>,
) -> (Vec<usize>, Option<Miss<'a>>) {
    let (mut found, mut nearest) = (Vec::new(), None);
    for (place, verified) in signatures.iter().enumerate() {
        let mut met = false;
        for rule in &quorum.of {
            match rule.meet(verified).and_then(|()| sound(place, verified)) {
                Ok(()) => {
                    met = true;
                    break;
                }
                Err(miss) => nearer(&mut nearest, miss),
            }
        }
        if met {
            found.push(place);
        }
    }
    (found, nearest)
}

fn meet_all<'a>(
    way: &'a [Quorum],
    signatures: &[&'a Verified],
    sound: &dyn Fn(usize, &'a Verified) -> Result<(), Miss<'a>>,
) -> Result<Vec<usize>, Miss<'a>> {
    let mut slots: Vec<Vec<usize>> = Vec::new();
    for quorum in way {
        let (found, nearest) = candidates(quorum, signatures, sound);
        if found.is_empty() {
            return Err(nearest.unwrap_or(Miss::NoSignature));
        }
        slots.extend(std::iter::repeat_n(found, quorum.count));
    }
    if let [slot] = slots.as_slice() {
        return Ok(slot.clone());
    }
    let by_signer: Vec<SignerId<'_>> = signatures.iter().map(|verified| SignerId::of(verified)).collect();
    let found = assign(&slots, &by_signer);
    if found < slots.len() {
        return Err(Miss::Signers { found, needed: slots.len() });
    }
    Ok(slots.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect())
}

/// How many slots can be given to signers of their own: augmenting paths, bounded by slots × signatures.
fn assign(slots: &[Vec<usize>], by_signer: &[SignerId<'_>]) -> usize {
    let mut ids: Vec<&SignerId<'_>> = by_signer.iter().collect();
    ids.sort();
    ids.dedup();
    let number = |place: usize| by_signer.get(place).and_then(|id| ids.binary_search(&id).ok());
    let edges: Vec<BTreeSet<usize>> =
        slots.iter().map(|slot| slot.iter().filter_map(|place| number(*place)).collect()).collect();
    let mut taken: Vec<Option<usize>> = vec![None; ids.len()];
    let mut filled = 0;
    for slot in 0..edges.len() {
        let mut seen = vec![false; ids.len()];
        filled += usize::from(augment(slot, &edges, &mut taken, &mut seen));
    }
    filled
}

fn augment(slot: usize, edges: &[BTreeSet<usize>], taken: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    let Some(own) = edges.get(slot) else { return false };
    for signer in own {
        if seen.get(*signer).copied().unwrap_or(true) {
            continue;
        }
        if let Some(mark) = seen.get_mut(*signer) {
            *mark = true;
        }
        let free = match taken.get(*signer).copied().flatten() {
            None => true,
            Some(other) => augment(other, edges, taken, seen),
        };
        if free {
            if let Some(place) = taken.get_mut(*signer) {
                *place = Some(slot);
            }
            return true;
        }
    }
    false
}

impl fmt::Display for SignerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, pattern)) in self.conditions().into_iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{name} {pattern}")?;
        }
        Ok(())
    }
}

impl Quorum {
    /// How many different signers are asked for.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whom each of them must be one of.
    pub fn of(&self) -> &[SignerRule] {
        &self.of
    }
}

impl Signers {
    /// The ways, each of quorums.
    pub fn ways(&self) -> &[Vec<Quorum>] {
        &self.any
    }
}

impl From<Miss<'_>> for Refusal {
    fn from(miss: Miss<'_>) -> Self {
        miss.tell()
    }
}
