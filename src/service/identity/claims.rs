//! What a token claims, which name Fulcio would write for it, and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use super::{MalformedToken, github_server, platforms};
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::x509::San;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";

/// The claims of an identity token (RFC 7519, OpenID Connect Core section 2), read and not verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenClaims {
    audience: Vec<String>,
    expires: Option<UnixTime>,
    not_before: Option<UnixTime>,
    email_verified: bool,
    connector: Option<String>,
    service_account: Option<(String, String)>,
    texts: BTreeMap<String, String>,
    numbers: BTreeMap<String, i128>,
}

/// The name that a certificate for a token is to carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedIdentity {
    /// Known: this is what every Fulcio writes for this issuer.
    Certain(San),
    /// The usual form for such claims; a private authority may have another.
    Likely(San),
    /// The authority's configuration decides.
    Open,
}

impl TokenClaims {
    pub(super) fn read(json: &Json<'_>) -> Result<Self, MalformedToken> {
        let Json::Object(members) = json else { return Err(MalformedToken::ClaimType("set")) };
        let mut claims = Self::default();
        for (name, value) in members {
            match (name.as_ref(), value) {
                ("aud", Json::String(one)) => claims.audience.push(one.to_string()),
                ("aud", Json::Array(many)) => {
                    let texts: Option<Vec<_>> = many.iter().map(|item| item.as_str().map(str::to_owned)).collect();
                    claims.audience = texts.ok_or(MalformedToken::ClaimType("aud"))?;
                }
                ("aud", _) => return Err(MalformedToken::ClaimType("aud")),
                ("exp", value) => claims.expires = Some(moment(value).ok_or(MalformedToken::ClaimType("exp"))?),
                ("nbf", value) => claims.not_before = Some(moment(value).ok_or(MalformedToken::ClaimType("nbf"))?),
                ("iss" | "sub" | "email", other) if other.as_str().is_none() => {
                    return Err(MalformedToken::ClaimType("iss, sub or email"));
                }
                // Some issuers write it as a string.
                ("email_verified", value) => {
                    claims.email_verified = *value == Json::Bool(true) || value.as_str() == Some("true");
                }
                ("federated_claims", value) => {
                    claims.connector = value.member("connector_id").and_then(Json::as_str).map(str::to_owned);
                }
                ("kubernetes.io", value) => claims.service_account = service_account(value),
                (_, Json::String(text)) => drop(claims.texts.insert(name.to_string(), text.to_string())),
                (_, Json::Integer(number)) => drop(claims.numbers.insert(name.to_string(), *number)),
                _ => {}
            }
        }
        Ok(claims)
    }

    /// A claim that is text, by its name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A claim that is text or an integer, as text.
    pub fn scalar(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned).or_else(|| self.numbers.get(name).map(i128::to_string))
    }

    /// `iss`
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// The issuer that the certificate is to name: of a token that a Dex federates, the one behind it.
    pub fn certificate_issuer(&self) -> Option<&str> {
        self.connector.as_deref().filter(|connector| connector.contains("://")).or_else(|| self.issuer())
    }

    /// `sub`
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `email`
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// `aud`
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// The namespace and the name of the Kubernetes service account.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        self.service_account.as_ref().map(|(namespace, name)| (namespace.as_str(), name.as_str()))
    }

    /// `exp`
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires
    }

    /// What the possession of the key is proven over at a Fulcio: the e-mail address when there is one,
    /// else the subject.
    pub fn challenge(&self) -> Option<&str> {
        self.email().or_else(|| self.subject())
    }

    /// The visibility of the source that the token's job was started for, when not everyone may see it: `private` or
    /// `internal`, whatever the platform says that is not `public`. `None` when it says nothing.
    pub fn hidden_source(&self) -> Option<&str> {
        let claims = ["repository_visibility", "project_visibility"];
        claims.into_iter().filter_map(|claim| self.text(claim)).find(|visibility| *visibility != "public")
    }

    /// The name that Fulcio would write
    /// (<https://github.com/sigstore/fulcio/blob/main/docs/oidc.md>).
    pub fn expected_identity(&self) -> ExpectedIdentity {
        use ExpectedIdentity::{Certain, Likely, Open};
        if let Some(email) = self.email() {
            return Certain(San::Email(email.to_owned()));
        }
        let issuer = self.issuer().unwrap_or_default();
        let known = platforms().find(|platform| platform.is_public_issuer(issuer));
        if let Some(san) = known.and_then(|platform| platform.name_of(self)) {
            return Certain(san);
        }
        if let Some(workflow) = self.text("job_workflow_ref") {
            let server = github_server(issuer).unwrap_or_else(|| "https://github.com".to_owned());
            return Likely(San::Uri(format!("{server}/{workflow}")));
        }
        if let Some(config) = self.text("ci_config_ref_uri") {
            return Likely(San::Uri(format!("https://{config}")));
        }
        if let Some((namespace, name)) = &self.service_account {
            let san = San::Uri(format!("https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{name}"));
            return if known.is_some() { Certain(san) } else { Likely(san) };
        }
        match self.subject() {
            Some(subject) if subject.contains("://") => Likely(San::Uri(subject.to_owned())),
            _ => Open,
        }
    }

    /// Everything that is wrong with the token for an authority that expects `audience`.
    pub fn problems(&self, audience: &str, now: UnixTime) -> Vec<TokenProblem> {
        let mut problems = Vec::new();
        let mut missing = |name: &'static str, absent: bool| {
            if absent {
                problems.push(TokenProblem::Missing { claim: name });
            }
        };
        missing("iss", self.issuer().is_none());
        missing("sub", self.challenge().is_none());
        missing("exp", self.expires.is_none());
        let from_github = self.issuer().is_some_and(|issuer| issuer.starts_with(GITHUB));
        missing("job_workflow_ref", from_github && self.text("job_workflow_ref").is_none());
        missing("ci_config_ref_uri", self.issuer() == Some(GITLAB) && self.text("ci_config_ref_uri").is_none());
        if let Some(at) = self.expires.filter(|at| *at <= now) {
            problems.push(TokenProblem::Expired { at, now });
        }
        if let Some(from) = self.not_before.filter(|from| *from > now.plus_secs(limits::CLOCK_TOLERANCE_SECS)) {
            problems.push(TokenProblem::NotYetValid { from, now });
        }
        if !self.audience.iter().any(|found| found == audience) {
            problems.push(TokenProblem::Audience { expected: audience.to_owned(), found: self.audience.clone() });
        }
        if self.email().is_some() && !self.email_verified {
            problems.push(TokenProblem::EmailUnverified);
        }
        problems
    }
}

/// NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction.
fn moment(value: &Json<'_>) -> Option<UnixTime> {
    match value {
        Json::Integer(seconds) => i64::try_from(*seconds).ok().map(UnixTime::from_secs),
        Json::Float(seconds) if seconds.is_finite() && seconds.abs() < 1e12 => {
            Some(UnixTime::from_secs(seconds.floor() as i64))
        }
        _ => None,
    }
}

fn service_account(value: &Json<'_>) -> Option<(String, String)> {
    let namespace = value.member("namespace")?.as_str()?;
    let name = value.member("serviceaccount")?.member("name")?.as_str()?;
    Some((namespace.to_owned(), name.to_owned()))
}

/// Something wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenProblem {
    /// Past its expiry.
    Expired {
        /// When it expired.
        at: UnixTime,
        /// The local clock.
        now: UnixTime,
    },
    /// From the future, beyond the tolerance for clocks.
    NotYetValid {
        /// When it becomes valid.
        from: UnixTime,
        /// The local clock.
        now: UnixTime,
    },
    /// For somebody else.
    Audience {
        /// The audience that is asked for.
        expected: String,
        /// The audiences that it has.
        found: Vec<String>,
    },
    /// Without a claim that it needs.
    Missing {
        /// The claim.
        claim: &'static str,
    },
    /// Its issuer has not verified the e-mail address; most authorities refuse that.
    EmailUnverified,
}

impl TokenProblem {
    /// Whether no authority would take the token.
    pub fn rules_out(&self) -> bool {
        !matches!(self, Self::EmailUnverified)
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Expired { .. } => Code::refused(
                "identity-token-expired",
                "request a new token right before signing; if it is new, the local clock is fast",
            ),
            Self::NotYetValid { .. } => Code::refused("identity-token-early", "the local clock is slow: set it"),
            Self::Audience { .. } => Code::refused(
                "identity-token-audience",
                "request the token for the audience that the certificate authority expects",
            ),
            Self::Missing { .. } => Code::refused(
                "identity-token-claim",
                "the issuer must put the claim into its tokens: see its configuration",
            ),
            Self::EmailUnverified => {
                Code::refused("identity-token-email", "verify the e-mail address with the identity provider")
            }
        }
    }
}

impl fmt::Display for TokenProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { at, now } => write!(f, "it expired at {at}, and the local clock says {now}"),
            Self::NotYetValid { from, now } => write!(f, "it is valid from {from} on, and the local clock says {now}"),
            Self::Audience { expected, found } if found.is_empty() => {
                write!(f, "it is for no audience, {expected:?} is expected")
            }
            Self::Audience { expected, found } => {
                write!(f, "it is for the audience {:?}, {expected:?} is expected", found.join(", "))
            }
            // <https://docs.gitlab.com/ci/secrets/id_token_authentication/>: it is null there.
            Self::Missing { claim: claim @ "ci_config_ref_uri" } => {
                write!(f, "it has no claim {claim:?}: the pipeline's definition is outside of the project")
            }
            Self::Missing { claim } => write!(f, "it has no claim {claim:?}"),
            Self::EmailUnverified => write!(f, "its issuer has not verified the e-mail address"),
        }
    }
}
