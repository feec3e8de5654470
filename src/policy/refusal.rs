//! Why a policy does not admit: one variant for each condition, with what it wanted and what was proven.

use thiserror::Error;

use super::matcher::Matcher;
use super::signer::fingerprint;
use crate::base::code::Code;
use crate::base::crypto::{Digest, DigestAlgorithm, PublicKey};
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::x509::San;
use crate::verify::Verified;

/// What thresholds of a rule count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// Different logs.
    Logs,
    /// Different timestamp authorities.
    TimestampAuthorities,
    /// Different CT logs.
    CtLogs,
    /// Witnesses that cosigned one log's checkpoint.
    Witnesses,
}

/// What of an artifact's name must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The image's repository, or the file's name.
    Name,
    /// The tag by which the image is asked for.
    Tag,
    /// The version that the caller expects.
    Version,
}

/// Why a rule does not admit a signature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The artifact is on the list of those that are never admitted.
    #[error("{digest} is denied{}", because(reason.as_deref()))]
    Denied {
        /// The digest.
        digest: Digest,
        /// Why, as the policy says.
        reason: Option<String>,
    },
    /// A digest on the list cannot be compared.
    #[error("the policy denies {0} digests, and that of the artifact was not given")]
    DeniedUnknown(DigestAlgorithm),
    /// No scope names the artifact.
    #[error("no scope of the policy names {}", name.as_deref().unwrap_or("an artifact without a name"))]
    NoScope {
        /// The artifact.
        name: Option<String>,
    },
    /// Nothing was signed.
    #[error("there is no signature that was verified")]
    NoSignature,
    /// A key signed, and the rule names an identity.
    #[error("a bare key signed, and the policy asks for a certificate")]
    CertificateRequired,
    /// A certificate signed, and the rule names a key.
    #[error("a certificate signed, and the policy asks for a key")]
    KeyRequired,
    /// Another key.
    #[error("signed by the key {found}, not {expected}")]
    Key {
        /// The fingerprint that the rule names.
        expected: String,
        /// What was proven.
        found: String,
    },
    /// A key that was not in use when it signed, or of whose signature no time is proven.
    #[error("the key is in use {validity}, and no proven time is all within")]
    KeyNotInUse {
        /// When it is in use.
        validity: ValidityPeriod,
    },
    /// A key's signature that no log has.
    #[error("the signature by a key is in no log")]
    LogMissing,
    /// Another authority issued the certificate.
    #[error("certificate issued by authority {found:?}, not {expected:?}")]
    Authority {
        /// What the rule names.
        expected: String,
        /// What was proven.
        found: String,
    },
    /// A private authority issued the certificate, and the rule names no authority.
    #[error("the private authority {found:?} issued the certificate, and only rules that name it are met by it")]
    AuthorityUnnamed {
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
    /// The signer is not believed from a moment on, and the signature is not proven to be older.
    #[error("the signer is not believed from {from} on{}, and the signature is {}", because(reason.as_deref()), age(*found))]
    Distrusted {
        /// The moment.
        from: UnixTime,
        /// The earliest proven time, if any.
        found: Option<UnixTime>,
        /// Why, as the policy says.
        reason: Option<String>,
    },
    /// Too few different signers.
    #[error("{found} different signers of {needed} have signed")]
    Signers {
        /// Signers found.
        found: usize,
        /// Signers asked for.
        needed: usize,
    },
    /// No attestation at all.
    #[error("there is no attestation, and the rule asks for {wanted}")]
    NoAttestation {
        /// The predicate type.
        wanted: String,
    },
    /// No attestation of the type.
    #[error("there is no attestation of type {wanted}; there are {}", found.join(", "))]
    NoMatchingAttestation {
        /// The predicate type.
        wanted: String,
        /// The types found.
        found: Vec<String>,
    },
    /// A field of the predicate is another, or absent.
    #[error("{field} of the predicate {predicate_type} is {}, not {expected}", found.as_deref().unwrap_or("absent"))]
    Predicate {
        /// The predicate type.
        predicate_type: String,
        /// The field, as a JSON pointer into the predicate.
        field: String,
        /// What the rule names.
        expected: String,
        /// What the predicate says.
        found: Option<String>,
    },
    /// A condition is false.
    #[error("condition {condition:?} does not hold: {expression}{}", seen(values))]
    Condition {
        /// The condition's name.
        condition: String,
        /// The expression.
        expression: String,
        /// The values that it saw.
        values: Vec<(String, String)>,
    },
    /// A condition is neither true nor false.
    #[error("condition {condition:?} gives no answer, {problem}: {expression}{}", seen(values))]
    ConditionError {
        /// The condition's name.
        condition: String,
        /// The expression.
        expression: String,
        /// What it gave.
        problem: String,
        /// The values that it saw.
        values: Vec<(String, String)>,
    },
    /// What is signed names something else, or nothing.
    #[error("what is signed names {} for the {}, not {expected:?}", found.as_ref().map_or_else(|| "nothing".to_owned(), |found| format!("{found:?}")), bound_text(*bound))]
    NotBound {
        /// What must be signed.
        bound: Bound,
        /// What was asked for.
        expected: String,
        /// What is signed.
        found: Option<String>,
    },
    /// The signer attests to the image, and that is no signature.
    #[error("the signer attests to the image ({predicate_type:?}), and has not signed it")]
    NoSignatureBut {
        /// What is attested.
        predicate_type: String,
    },
    /// Too little evidence.
    #[error("{found} {} of {needed}", threshold_text(*counted))]
    Evidence {
        /// What is counted.
        counted: Threshold,
        /// How many there are.
        found: usize,
        /// How many are asked for.
        needed: usize,
    },
    /// Nothing proves when it was signed.
    #[error("the rule is about the signature's age, and nothing proves a time")]
    TimeMissing,
    /// Signed too long ago.
    #[error("signed at {signed}, which is {age} seconds ago; {limit} are allowed")]
    Stale {
        /// The earliest proven time.
        signed: UnixTime,
        /// The age, in seconds.
        age: u64,
        /// The rule's bound, in seconds.
        limit: u64,
        /// Whether it is a verification summary.
        summary: bool,
    },
    /// Signed too recently.
    #[error("signed at {signed}, which is {age} seconds ago; the rule waits for {limit}")]
    TooYoung {
        /// The earliest proven time.
        signed: UnixTime,
        /// The age, in seconds.
        age: u64,
        /// The rule's bound, in seconds.
        limit: u64,
    },
    /// The log only promised to include the entry.
    #[error("the log promised to include the entry and did not prove it")]
    PromiseOnly,
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn age(found: Option<UnixTime>) -> String {
    found.map_or_else(|| "of no proven time".to_owned(), |found| format!("proven at {found} only"))
}

fn seen(values: &[(String, String)]) -> String {
    let values: Vec<_> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if values.is_empty() { String::new() } else { format!(" (with {})", values.join(", ")) }
}

fn bound_text(bound: Bound) -> &'static str {
    match bound {
        Bound::Name => "name",
        Bound::Tag => "tag",
        Bound::Version => "version",
    }
}

fn threshold_text(counted: Threshold) -> &'static str {
    match counted {
        Threshold::Logs => "different logs vouch for the signature",
        Threshold::TimestampAuthorities => "different timestamp authorities vouch for the signature",
        Threshold::CtLogs => "different CT logs vouch for the certificate",
        Threshold::Witnesses => "witnesses have cosigned the log's checkpoint",
    }
}

/// The predicate types whose mismatch has a name of its own.
const PROVENANCE: &str = "https://slsa.dev/provenance/";
pub(super) const SUMMARY: &str = "https://slsa.dev/verification_summary/";

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> Code {
        const GENUINE: &str = "the signature is genuine; the policy does not allow this signer";
        const SUMMARY_HINT: &str = "the summary is another than the policy asks for: verify anew and sign a new one";
        match self {
            Self::Denied { .. } => Code::refused("digest-denied", "deploy another build; the policy lists this digest"),
            Self::DeniedUnknown(_) => {
                Code::usage("digest-missing", "give the file itself, or the digest in that algorithm")
            }
            Self::NoScope { .. } => {
                Code::refused("policy-no-scope", "what no scope names is denied: add its name to a scope")
            }
            Self::NoSignature => Code::refused("policy-no-signature", "sign the artifact as the rule says"),
            Self::CertificateRequired => Code::refused("cert-required", "verify with --key, or sign with an identity"),
            Self::KeyRequired => Code::refused("key-required", "sign with the key that the rule names"),
            Self::Key { .. } => Code::refused("key-mismatch", GENUINE),
            Self::KeyNotInUse { .. } => {
                Code::refused("key-not-valid-at-time", "sign anew with the key in use, or correct the key's validity")
            }
            Self::LogMissing => Code::refused("log-entry-missing", "sign with a log, or say in the rule that none is"),
            Self::Authority { .. } => Code::refused("authority-mismatch", GENUINE),
            Self::AuthorityUnnamed { .. } => Code::refused(
                "authority-unnamed",
                "if you mean this authority, name it: --certificate-authority NAME; the issuer in it proves nothing",
            ),
            Self::IssuerMissing => {
                Code::refused("issuer-missing", "name the authority instead: --certificate-authority NAME")
            }
            Self::Issuer { .. } => Code::refused("issuer-mismatch", GENUINE),
            Self::Identity { .. } => Code::refused("identity-mismatch", GENUINE),
            Self::IdentityType { .. } => Code::refused("identity-type-mismatch", GENUINE),
            Self::Claim { .. } => Code::refused("policy-mismatch", GENUINE),
            Self::Distrusted { .. } => {
                Code::refused("signer-distrusted", "have the artifact signed anew by a signer who is believed")
            }
            Self::Signers { .. } => {
                Code::refused("signer-threshold", "have it signed by more people: each signer counts once")
            }
            Self::NoAttestation { .. } => Code::refused("no-attestation", "attest what the rule asks for"),
            Self::NoMatchingAttestation { .. } => {
                Code::refused("no-matching-attestation", "attest what the rule asks for, with that predicate type")
            }
            Self::Predicate { predicate_type, .. } if predicate_type.starts_with(SUMMARY) => {
                Code::refused("vsa-mismatch", SUMMARY_HINT)
            }
            Self::Stale { summary: true, .. } => Code::refused("vsa-mismatch", SUMMARY_HINT),
            Self::Predicate { predicate_type, .. } if predicate_type.starts_with(PROVENANCE) => {
                Code::refused("provenance-mismatch", "it was built otherwise than the policy asks for")
            }
            Self::Predicate { .. } => {
                Code::refused("predicate-mismatch", "the attestation is genuine; the policy asks for another content")
            }
            Self::Condition { .. } => {
                Code::refused("policy-condition", "the attestation is genuine and does not meet the condition")
            }
            Self::ConditionError { .. } => Code::refused(
                "policy-error",
                "write the condition so that it is true or false: has(…) asks for a field",
            ),
            Self::NoSignatureBut { .. } => Code::refused(
                "attested-not-signed",
                "sign the image, or name the predicate type under the rule's attestations",
            ),
            Self::NotBound { .. } => Code::refused(
                "name-not-bound",
                "sign with the name, tag or version, or ask for the one that was signed",
            ),
            Self::Evidence { counted, .. } => match counted {
                Threshold::Logs => Code::refused("log-threshold", "log the signature in more logs, or ask for fewer"),
                Threshold::TimestampAuthorities => {
                    Code::refused("time-threshold", "have it timestamped by more authorities, or ask for fewer")
                }
                Threshold::CtLogs => {
                    Code::refused("sct-threshold", "have the certificate logged in more CT logs, or ask for fewer")
                }
                Threshold::Witnesses => {
                    Code::refused("witness-threshold", "wait for more witnesses to cosign, or ask for fewer")
                }
            },
            Self::TimeMissing => Code::refused("time-missing", "sign with a timestamp authority"),
            Self::Stale { .. } => Code::refused("policy-stale", "sign or attest anew"),
            Self::TooYoung { .. } => Code::refused("policy-too-young", "wait; the rule says for how long"),
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
            | Self::Key { expected, found }
            | Self::Identity { expected, found } => Some((expected.clone(), found.clone())),
            Self::IdentityType { expected, found, .. } => Some(((*expected).to_owned(), (*found).to_owned())),
            Self::Claim { expected, found, .. }
            | Self::Predicate { expected, found, .. }
            | Self::NotBound { expected, found, .. } => {
                Some((expected.clone(), found.clone().unwrap_or_else(|| "absent".to_owned())))
            }
            _ => None,
        }
    }
}

/// A refusal on its way: what it is about is borrowed, because of many rules one is told.
#[derive(Debug, Clone)]
pub(super) enum Miss<'a> {
    NoSignature,
    CertificateRequired,
    KeyRequired,
    Key {
        expected: &'a PublicKey,
        found: &'a PublicKey,
    },
    KeyNotInUse {
        validity: ValidityPeriod,
    },
    LogMissing,
    Authority {
        expected: &'a str,
        found: &'a str,
    },
    AuthorityUnnamed {
        found: &'a str,
    },
    IssuerMissing,
    Issuer {
        expected: &'a Matcher,
        found: &'a str,
    },
    Identity {
        expected: &'a Matcher,
        found: &'a San,
    },
    IdentityType {
        expected: &'static str,
        found: &'a San,
    },
    Claim {
        name: &'static str,
        expected: &'a Matcher,
        found: Option<&'a str>,
    },
    Signers {
        found: usize,
        needed: usize,
    },
    PromiseOnly,
    /// No attestation of the type.
    Attestation {
        wanted: &'a Matcher,
        signatures: &'a [&'a Verified],
    },
    /// Anything that comes after the signer: rare enough to be made at once.
    Later(Box<Refusal>),
}

impl From<Refusal> for Miss<'_> {
    fn from(refusal: Refusal) -> Self {
        Self::Later(Box::new(refusal))
    }
}

impl Miss<'_> {
    /// How far the signature was from meeting the rule: the later the condition, the nearer.
    pub(super) fn distance(&self) -> u8 {
        match self {
            Self::NoSignature => 30,
            Self::CertificateRequired | Self::KeyRequired => 20,
            Self::Authority { .. } | Self::AuthorityUnnamed { .. } => 18,
            Self::IssuerMissing | Self::Issuer { .. } => 16,
            Self::Identity { .. } | Self::Key { .. } => 14,
            Self::IdentityType { .. } => 12,
            Self::Claim { .. } => 11,
            Self::Signers { .. } => 9,
            Self::KeyNotInUse { .. } => 10,
            Self::Attestation { .. } => 8,
            Self::LogMissing | Self::PromiseOnly => 2,
            Self::Later(refusal) => match refusal.as_ref() {
                Refusal::Predicate { .. } => 6,
                Refusal::Condition { .. } | Refusal::ConditionError { .. } => 5,
                Refusal::Distrusted { .. } => 4,
                Refusal::NoSignatureBut { .. } => 7,
                Refusal::NotBound { .. } => 3,
                _ => 2,
            },
        }
    }

    /// The refusal with what it is about.
    pub(super) fn tell(self) -> Refusal {
        match self {
            Self::NoSignature => Refusal::NoSignature,
            Self::CertificateRequired => Refusal::CertificateRequired,
            Self::KeyRequired => Refusal::KeyRequired,
            Self::Key { expected, found } => {
                Refusal::Key { expected: fingerprint(expected), found: fingerprint(found) }
            }
            Self::KeyNotInUse { validity } => Refusal::KeyNotInUse { validity },
            Self::LogMissing => Refusal::LogMissing,
            Self::Authority { expected, found } => {
                Refusal::Authority { expected: expected.to_owned(), found: found.to_owned() }
            }
            Self::AuthorityUnnamed { found } => Refusal::AuthorityUnnamed { found: found.to_owned() },
            Self::IssuerMissing => Refusal::IssuerMissing,
            Self::Issuer { expected, found } => {
                Refusal::Issuer { expected: expected.to_string(), found: found.to_owned() }
            }
            Self::Identity { expected, found } => {
                Refusal::Identity { expected: expected.to_string(), found: found.to_string() }
            }
            Self::IdentityType { expected, found } => {
                Refusal::IdentityType { expected, found: found.form(), identity: found.to_string() }
            }
            Self::Claim { name, expected, found } => {
                Refusal::Claim { name, expected: expected.to_string(), found: found.map(str::to_owned) }
            }
            Self::Signers { found, needed } => Refusal::Signers { found, needed },
            Self::PromiseOnly => Refusal::PromiseOnly,
            Self::Attestation { wanted, signatures } => {
                let types = signatures.iter().filter_map(|verified| verified.statement());
                let mut found: Vec<String> = types.map(|statement| statement.predicate_type.clone()).collect();
                found.dedup();
                let wanted = wanted.to_string();
                match found.is_empty() {
                    true => Refusal::NoAttestation { wanted },
                    false => Refusal::NoMatchingAttestation { wanted, found },
                }
            }
            Self::Later(refusal) => *refusal,
        }
    }
}
