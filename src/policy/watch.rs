//! Whose entries in a log are looked for. A rule that admits is narrow; one that watches is wide: what an impostor
//! writes differently (another case, another kind of name, a second name) is his entry still, and what cannot be read
//! is not nobody's.

use super::matcher::Matcher;
use super::signer::{SignerKind, SignerRule};
use crate::base::crypto::PublicKey;
use crate::format::x509::{Certificate, Claim, FulcioClaims, GeneralName};

/// Whom an entry says it is by. Unproven.
#[derive(Debug, Clone, Copy)]
pub enum Claimant<'a> {
    /// A certificate.
    Certificate(&'a Certificate),
    /// A bare key.
    Key(&'a PublicKey),
}

/// Whether an entry concerns someone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// It names somebody else.
    No,
    /// It names them.
    Yes,
    /// It holds names or claims that cannot be read.
    Unclear,
}

/// Someone whose entries are looked for.
#[derive(Debug, Clone)]
pub struct Watch(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Certificate { identity: Option<Matcher>, issuer: Option<Matcher>, claims: Vec<(Claim, Matcher)> },
    Key(PublicKey),
}

impl Watch {
    /// Whoever meets a rule's identity, issuer and claims, in any case of letters; which authority issued is not
    /// looked at.
    pub fn of(rule: &SignerRule) -> Self {
        Self(match &rule.kind {
            SignerKind::Key(rule) => Kind::Key(rule.key.clone()),
            SignerKind::Certificate(rule) => Kind::Certificate {
                identity: rule.identity.as_ref().map(Matcher::any_case),
                issuer: rule.issuer.as_ref().map(Matcher::any_case),
                claims: rule.claims.iter().map(|(claim, matcher)| (*claim, matcher.any_case())).collect(),
            },
        })
    }

    /// The holder of a key, by whatever certificate.
    pub fn key(key: PublicKey) -> Self {
        Self(Kind::Key(key))
    }

    /// Whether an entry by `claimant` concerns them.
    pub fn concerns(&self, claimant: Claimant<'_>) -> Concern {
        match (&self.0, claimant) {
            (Kind::Key(key), Claimant::Key(found)) => Concern::from(key == found),
            (Kind::Key(key), Claimant::Certificate(certificate)) => Concern::from(key == certificate.public_key()),
            (Kind::Certificate { .. }, Claimant::Key(_)) => Concern::No,
            (Kind::Certificate { identity, issuer, claims }, Claimant::Certificate(certificate)) => {
                let named = identity.as_ref().map_or(Concern::Yes, |identity| names(identity, certificate));
                if named == Concern::No || (issuer.is_none() && claims.is_empty()) {
                    return named;
                }
                let Ok(found) = FulcioClaims::read(certificate) else { return Concern::Unclear };
                let meets = |matcher: &Matcher, value: Option<&str>| {
                    value.is_some_and(|value| matcher.is_match(&value.to_lowercase()))
                };
                let vouched = issuer.as_ref().is_none_or(|issuer| meets(issuer, found.issuer()));
                let claimed = claims.iter().all(|(claim, matcher)| meets(matcher, found.value(claim.name)));
                if vouched && claimed { named } else { Concern::No }
            }
        }
    }
}

impl From<bool> for Concern {
    fn from(concerns: bool) -> Self {
        if concerns { Self::Yes } else { Self::No }
    }
}

/// Any of the names; the one of a certificate that has none, or none that is text, is unclear.
fn names(identity: &Matcher, certificate: &Certificate) -> Concern {
    let names = certificate.extensions().subject_alt_names.as_ref().map_or(&[][..], |names| &names.names);
    let mut concern = if names.is_empty() { Concern::Unclear } else { Concern::No };
    for name in names {
        match name {
            GeneralName::Email(text)
            | GeneralName::Uri(text)
            | GeneralName::Dns(text)
            | GeneralName::Username(text) => {
                if identity.is_match(&text.to_lowercase()) {
                    return Concern::Yes;
                }
            }
            GeneralName::OtherName { .. } | GeneralName::Malformed => concern = Concern::Unclear,
            GeneralName::Ip(_) | GeneralName::Unsupported(_) => {}
        }
    }
    concern
}
