//! One rule: conditions that one signature must meet together. Never half of one rule and half of another.

use thiserror::Error;

use super::matcher::{Matcher, PatternError};
use crate::base::code::Code;
use crate::format::x509::{Claim, San};
use crate::verify::{Promise, Signer, Verified};

/// A rule. It always says who (an identity or claims) and by whose word (an issuer or a named CA).
#[derive(Debug, Clone)]
pub struct Rule {
    name: String,
    identity: Option<Matcher>,
    issuer: Option<Matcher>,
    authority: Option<String>,
    claims: Vec<(Claim, Matcher)>,
    promise: Promise,
}

/// Why a rule cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Neither identity nor claims.
    #[error("the rule names neither an identity nor a claim")]
    NoIdentity,
    /// Neither issuer nor named CA.
    #[error("the rule names neither an issuer nor a certificate authority")]
    NoIssuer,
    /// A claim that Fulcio does not have.
    #[error("{0:?} is not a claim of Fulcio certificates")]
    UnknownClaim(String),
    /// The same claim twice.
    #[error("claim {0} is given twice")]
    DuplicateClaim(&'static str),
    /// A pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl RuleError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoIdentity => Code::usage(
                "policy-no-identity",
                "say who may sign: --identity, --identity-glob, --identity-regex or --claim; `sealmark inspect` shows who did",
            ),
            Self::NoIssuer => Code::usage(
                "policy-no-issuer",
                "say who vouches for the identity: --issuer URL, or --certificate-authority NAME",
            ),
            Self::UnknownClaim(_) => {
                Code::usage("policy-claim", "the names of claims are in `sealmark verify blob --help`")
            }
            Self::DuplicateClaim(_) => {
                Code::usage("policy-claim-twice", "give each claim once; a glob or a second rule can widen it")
            }
            Self::Pattern(error) => error.code(),
        }
    }
}

/// Conditions on their way to a [`Rule`].
#[derive(Debug, Clone)]
pub struct RuleBuilder {
    rule: Rule,
}

impl Rule {
    /// A rule without conditions yet, which cannot be used until it has the needed ones.
    pub fn named(name: &str) -> RuleBuilder {
        let rule = Self {
            name: name.to_owned(),
            identity: None,
            issuer: None,
            authority: None,
            claims: Vec::new(),
            promise: Promise::Refused,
        };
        RuleBuilder { rule }
    }

    /// The rule's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a promise of inclusion meets the rule.
    pub fn promise(&self) -> Promise {
        self.promise
    }

    /// The conditions as name and pattern, for people.
    pub fn conditions(&self) -> Vec<(&'static str, String)> {
        let mut conditions = Vec::new();
        conditions.extend(self.identity.as_ref().map(|m| ("identity", m.to_string())));
        conditions.extend(self.issuer.as_ref().map(|m| ("issuer", m.to_string())));
        conditions.extend(self.authority.as_ref().map(|name| ("certificate-authority", name.clone())));
        conditions.extend(self.claims.iter().map(|(claim, m)| (claim.name, m.to_string())));
        conditions
    }

    /// Whether the signature meets every condition; the first that it does not is the reason.
    pub(super) fn meet(&self, verified: &Verified) -> Result<(), Refusal> {
        let Signer::Certificate(signer) = verified.signer() else { return Err(Refusal::CertificateRequired) };
        if let Some(expected) = &self.authority
            && signer.authority() != expected
        {
            let found = signer.authority().to_owned();
            return Err(Refusal::Authority { expected: expected.clone(), found });
        }
        if let Some(expected) = &self.issuer {
            let found = signer.claims().issuer().ok_or(Refusal::IssuerMissing)?;
            if !expected.is_match(found) {
                return Err(Refusal::Issuer { expected: expected.to_string(), found: found.to_owned() });
            }
        }
        if let Some(expected) = &self.identity {
            let found = signer.san();
            if !expected.is_match(found.as_str()) {
                return Err(Refusal::Identity { expected: expected.to_string(), found: found.to_string() });
            }
            if let Some(form) = meant_form(expected.text())
                && form != found.form()
            {
                return Err(Refusal::IdentityType { expected: form, found: found.form(), identity: found.to_string() });
            }
        }
        for (claim, expected) in &self.claims {
            let found = signer.claims().value(claim.name);
            if !found.is_some_and(|found| expected.is_match(found)) {
                let (name, expected) = (claim.name, expected.to_string());
                return Err(Refusal::Claim { name, expected, found: found.map(str::to_owned) });
            }
        }
        if self.promise == Promise::Refused && verified.evidence().rests_on_promise() {
            return Err(Refusal::PromiseOnly);
        }
        Ok(())
    }
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

impl RuleBuilder {
    /// Who signs: the certificate's subject alternative name.
    #[must_use]
    pub fn identity(mut self, identity: Matcher) -> Self {
        self.rule.identity = Some(identity);
        self
    }

    /// Who vouches for the identity: the issuer of the token.
    #[must_use]
    pub fn issuer(mut self, issuer: Matcher) -> Self {
        self.rule.issuer = Some(issuer);
        self
    }

    /// Which authority of the trusted root must have issued the certificate, by its name.
    #[must_use]
    pub fn certificate_authority(mut self, name: &str) -> Self {
        self.rule.authority = Some(name.to_owned());
        self
    }

    /// A claim of the certificate, by its name.
    pub fn claim(mut self, name: &str, value: Matcher) -> Result<Self, RuleError> {
        let claim = Claim::by_name(name).ok_or_else(|| RuleError::UnknownClaim(name.chars().take(64).collect()))?;
        if self.rule.claims.iter().any(|(known, _)| *known == claim) {
            return Err(RuleError::DuplicateClaim(claim.name));
        }
        self.rule.claims.push((claim, value));
        Ok(self)
    }

    /// Whether a promise of inclusion meets the rule.
    #[must_use]
    pub fn promise(mut self, promise: Promise) -> Self {
        self.rule.promise = promise;
        self
    }

    /// The rule, when it says enough.
    pub fn build(self) -> Result<Rule, RuleError> {
        let rule = self.rule;
        if rule.identity.is_none() && rule.claims.is_empty() {
            return Err(RuleError::NoIdentity);
        }
        let issuer_claim = rule.claims.iter().any(|(claim, _)| claim.name == "issuer");
        if rule.issuer.is_none() && rule.authority.is_none() && !issuer_claim {
            return Err(RuleError::NoIssuer);
        }
        Ok(rule)
    }
}

/// Why a rule does not admit a signature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A key signed, and the rule names an identity.
    #[error("a bare key signed, and the policy asks for a certificate")]
    CertificateRequired,
    /// Another authority issued the certificate.
    #[error("certificate issued by authority {found:?}, not {expected:?}")]
    Authority {
        /// What the rule names.
        expected: String,
        /// What was proven.
        found: String,
    },
    /// The certificate names no issuer.
    #[error("the certificate does not say who vouched for its identity")]
    IssuerMissing,
    /// Another issuer.
    #[error("identity vouched for by {found:?}, not {expected}")]
    Issuer {
        /// What the rule names.
        expected: String,
        /// What was proven.
        found: String,
    },
    /// Another identity.
    #[error("signed by {found:?}, not {expected}")]
    Identity {
        /// What the rule names.
        expected: String,
        /// What was proven.
        found: String,
    },
    /// The same text in a name of another form.
    #[error("signed by the {found} {identity:?}, and the rule names an {expected}")]
    IdentityType {
        /// The form that the rule is written for.
        expected: &'static str,
        /// The form found.
        found: &'static str,
        /// The name found.
        identity: String,
    },
    /// Another value of a claim, or none.
    #[error("claim {name} is {}, not {expected}", found.as_deref().unwrap_or("absent"))]
    Claim {
        /// The claim.
        name: &'static str,
        /// What the rule names.
        expected: String,
        /// What was proven.
        found: Option<String>,
    },
    /// The log only promised to include the entry.
    #[error("the log promised to include the entry and did not prove it")]
    PromiseOnly,
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> Code {
        const GENUINE: &str = "the signature is genuine; the policy does not allow this signer";
        match self {
            Self::CertificateRequired => Code::refused("cert-required", "verify with --key, or sign with an identity"),
            Self::Authority { .. } => Code::refused("authority-mismatch", GENUINE),
            Self::IssuerMissing => {
                Code::refused("issuer-missing", "name the authority instead: --certificate-authority NAME")
            }
            Self::Issuer { .. } => Code::refused("issuer-mismatch", GENUINE),
            Self::Identity { .. } => Code::refused("identity-mismatch", GENUINE),
            Self::IdentityType { .. } => Code::refused("identity-type-mismatch", GENUINE),
            Self::Claim { .. } => Code::refused("policy-mismatch", GENUINE),
            Self::PromiseOnly => Code::refused(
                "log-proof-missing",
                "sign anew with a current client, or accept the log's promise: --accept-promise",
            ),
        }
    }

    /// What was expected and what was found, where the reason is a comparison.
    pub fn comparison(&self) -> Option<(String, String)> {
        match self {
            Self::Authority { expected, found }
            | Self::Issuer { expected, found }
            | Self::Identity { expected, found } => Some((expected.clone(), found.clone())),
            Self::IdentityType { expected, found, .. } => Some(((*expected).to_owned(), (*found).to_owned())),
            Self::Claim { expected, found, .. } => {
                Some((expected.clone(), found.clone().unwrap_or_else(|| "absent".to_owned())))
            }
            _ => None,
        }
    }

    /// How far the signature was from meeting the rule: the later the condition, the nearer.
    pub(super) fn distance(&self) -> u8 {
        match self {
            Self::CertificateRequired => 7,
            Self::Authority { .. } => 6,
            Self::IssuerMissing | Self::Issuer { .. } => 5,
            Self::Identity { .. } => 4,
            Self::IdentityType { .. } => 3,
            Self::Claim { .. } => 2,
            Self::PromiseOnly => 1,
        }
    }
}
