//! The provenance of the CI job that runs, from the claims of its identity token.
//!
//! What a token claims, its issuer vouches for; a variable of the environment anybody in the job can set. So every
//! field is from claims. Where a variable says the same thing as a claim, they must agree; what only a variable says
//! stands below `internalParameters.environment`, or is left out. Two fields have no other place: GitLab's `entryPoint`,
//! which its build type asks for, and `startedOn`.

mod platforms;
mod template;

use thiserror::Error;

pub use platforms::{EntryPoint, Field, PLATFORMS, Platform};

use self::template::{Claimed, fill, place};
use super::attestation::fits;
use super::error::SignError;
use crate::base::code::Code;
use crate::base::encoding::json::{Json, canonical};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::intoto::predicate::{PROVENANCE_V0_2, PROVENANCE_V1};
use crate::service::environment::Environment;
use crate::service::identity::TokenClaims;

/// Why there is no provenance of a job.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// There is no identity token.
    #[error("no job of a CI platform runs here, and no identity token was given")]
    NoToken,
    /// The token is of no platform's job.
    #[error("the identity token is of no job: its issuer {issuer:?} claims nothing that a CI platform does")]
    NoJob {
        /// Its issuer.
        issuer: String,
    },
    /// The token is of a job, and that job does not run here.
    #[error("the identity token is of a job of {platform}, and none runs here: {variable} is not set")]
    Elsewhere {
        /// The platform.
        platform: &'static str,
        /// The variable that every job of it has.
        variable: &'static str,
    },
    /// A claim that the provenance needs is missing or malformed.
    #[error("the identity token of {platform} has no usable claim {claim:?}, which the provenance needs")]
    Claim {
        /// The platform.
        platform: &'static str,
        /// The claim.
        claim: String,
    },
    /// A variable of the environment says something else than the token.
    #[error("the environment says {variable}={found:?}, and the identity token says {claimed:?}")]
    Contradiction {
        /// The variable.
        variable: &'static str,
        /// Its value, cut to 200 characters.
        found: String,
        /// What the token says.
        claimed: String,
    },
    /// A predicate type that is no provenance.
    #[error("the predicate type {found:?} is no provenance of a job")]
    Type {
        /// The type.
        found: String,
    },
}

impl ProvenanceError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoToken | Self::NoJob { .. } | Self::Elsewhere { .. } => Code::usage(
                "provenance-no-job",
                "run it in the job that builds, with an identity token; elsewhere give --predicate",
            ),
            Self::Claim { .. } => {
                Code::refused("provenance-claim", "the platform must put the claim into the job's tokens")
            }
            Self::Contradiction { .. } => Code::refused(
                "provenance-contradiction",
                "something in this job set the variable, or the token is another job's: nothing was attested",
            ),
            Self::Type { .. } => {
                Code::usage("provenance-type", "with --from-ci give --type slsaprovenance1 or slsaprovenance")
            }
        }
    }
}

/// How the running job builds, by its token.
#[derive(Debug, Clone)]
pub struct JobProvenance {
    platform: &'static Platform,
    external: Json<'static>,
    internal: Json<'static>,
    source: Option<Source>,
    entry_point: Option<String>,
    started: Option<UnixTime>,
    builder_id: String,
    invocation_id: String,
}

/// The commit that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    uri: String,
    commit: String,
}

impl JobProvenance {
    /// Reads what the job's token claims, and holds the environment against it.
    ///
    /// # Errors
    ///
    /// [`ProvenanceError`] when this is no job, a claim is missing, or the environment contradicts one.
    pub fn of(claims: &TokenClaims, environment: &dyn Environment) -> Result<Self, ProvenanceError> {
        let no_job = || ProvenanceError::NoJob { issuer: claims.issuer().unwrap_or_default().to_owned() };
        let platform = PLATFORMS.iter().find(|platform| platform.claims_of(claims)).ok_or_else(no_job)?;
        if let Some(variable) = platform.marks.iter().find(|variable| environment.var(variable).is_none()) {
            return Err(ProvenanceError::Elsewhere { platform: platform.name, variable });
        }
        let claimed = Claimed::of(claims, platform.derive);
        let needed = |template: &str| {
            fill(template, &claimed).map_err(|claim| ProvenanceError::Claim { platform: platform.name, claim })
        };
        agree(platform, &claimed, environment)?;
        let mut external = Vec::new();
        for Field { name, template, needed: must } in platform.external {
            match needed(template) {
                Ok(value) => place(&mut external, name, value),
                Err(error) if *must => return Err(error),
                Err(_) => {}
            }
        }
        let entry_point = entry_point(platform, &claimed, environment);
        if let (EntryPoint::Said(_), Some(name)) = (platform.entry_point, &entry_point) {
            place(&mut external, "entryPoint", name.clone());
        }
        let source = match platform.source {
            Some((uri, commit)) => Some(Source { uri: needed(uri)?, commit: commit_of(platform, needed(commit)?)? }),
            None => None,
        };
        Ok(Self {
            platform,
            external: Json::Object(external),
            internal: internal(platform, &claimed, environment),
            source,
            entry_point,
            started: started(platform, environment),
            builder_id: needed(platform.builder)?,
            invocation_id: needed(platform.invocation)?,
        })
    }

    /// The platform.
    pub fn platform(&self) -> &'static str {
        self.platform.name
    }

    /// The predicate, of a type that is a version of SLSA provenance.
    ///
    /// # Errors
    ///
    /// [`ProvenanceError::Type`] for another type, as a [`SignError`]; those of [`fits`].
    pub fn predicate(&self, predicate_type: &str) -> Result<String, SignError> {
        let json = match predicate_type {
            PROVENANCE_V1 => self.v1(),
            PROVENANCE_V0_2 => self.v0_2(),
            other => return Err(ProvenanceError::Type { found: other.to_owned() }.into()),
        };
        let text = canonical(&json).unwrap_or_default();
        fits(predicate_type, &text)?;
        Ok(text)
    }

    /// <https://slsa.dev/spec/v1.1/provenance>
    fn v1(&self) -> Json<'static> {
        let mut definition = vec![
            ("buildType".into(), text(self.platform.build_type)),
            ("externalParameters".into(), self.external.clone()),
            ("internalParameters".into(), self.internal.clone()),
        ];
        if let Some(Source { uri, commit }) = &self.source {
            definition.push(("resolvedDependencies".into(), Json::Array(vec![resource(uri, "gitCommit", commit)])));
        }
        let mut metadata = vec![("invocationId".into(), text(&self.invocation_id))];
        metadata.extend(self.started.map(|at| ("startedOn".into(), text(&at.to_string()))));
        let run = vec![
            ("builder".into(), object([("id", text(&self.builder_id))])),
            ("metadata".into(), Json::Object(metadata)),
        ];
        object([("buildDefinition", Json::Object(definition)), ("runDetails", Json::Object(run))])
    }

    /// <https://slsa.dev/spec/v0.2/provenance>
    fn v0_2(&self) -> Json<'static> {
        let mut invocation =
            vec![("parameters".into(), self.external.clone()), ("environment".into(), self.internal.clone())];
        let complete = ["parameters", "environment", "materials"].map(|name| (name, Json::Bool(false)));
        let mut metadata = vec![
            ("buildInvocationId".into(), text(&self.invocation_id)),
            ("completeness".into(), object(complete)),
            ("reproducible".into(), Json::Bool(false)),
        ];
        metadata.extend(self.started.map(|at| ("buildStartedOn".into(), text(&at.to_string()))));
        let mut members = vec![
            ("builder".into(), object([("id", text(&self.builder_id))])),
            ("buildType".into(), text(self.platform.build_type)),
            ("metadata".into(), Json::Object(metadata)),
        ];
        if let Some(Source { uri, commit }) = &self.source {
            // Version 0.2 names a commit by the algorithm of its hash.
            let material = resource(uri, if commit.len() == 64 { "sha256" } else { "sha1" }, commit);
            let mut config = material.clone();
            if let (Json::Object(members), Some(name)) = (&mut config, &self.entry_point) {
                members.push(("entryPoint".into(), text(name)));
            }
            invocation.push(("configSource".into(), config));
            members.push(("materials".into(), Json::Array(vec![material])));
        }
        members.push(("invocation".into(), Json::Object(invocation)));
        Json::Object(members)
    }
}

fn text(text: &str) -> Json<'static> {
    Json::String(text.to_owned().into())
}

fn object<const N: usize>(members: [(&'static str, Json<'static>); N]) -> Json<'static> {
    Json::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

fn resource(uri: &str, algorithm: &'static str, digest: &str) -> Json<'static> {
    object([("uri", text(uri)), ("digest", object([(algorithm, text(digest))]))])
}

/// Holds every variable that is set against the claim of the same thing. Some platforms write ids in braces in one of
/// the two places.
fn agree(platform: &Platform, claimed: &Claimed<'_>, environment: &dyn Environment) -> Result<(), ProvenanceError> {
    let bare = |text: &str| text.trim_matches(['{', '}']).to_owned();
    for (variable, template) in platform.agreement {
        let (Some(found), Ok(claimed)) = (environment.var(variable), fill(template, claimed)) else { continue };
        if bare(&found) != bare(&claimed) {
            let found = found.chars().take(200).collect();
            return Err(ProvenanceError::Contradiction { variable, found, claimed });
        }
    }
    Ok(())
}

/// What the platform chose, by its claims; and what only the environment says, under that name.
fn internal(platform: &Platform, claimed: &Claimed<'_>, environment: &dyn Environment) -> Json<'static> {
    let mut internal = Vec::new();
    for Field { name, template, needed: _ } in platform.internal {
        if let Ok(value) = fill(template, claimed) {
            place(&mut internal, name, value);
        }
    }
    for variable in platform.environment {
        if let Some(value) = said(variable, environment) {
            place(&mut internal, &format!("environment.{variable}"), value);
        }
    }
    Json::Object(internal)
}

/// A variable, unless it is too long to repeat.
fn said(variable: &str, environment: &dyn Environment) -> Option<String> {
    environment.var(variable).filter(|value| value.len() <= limits::PROVENANCE_VARIABLE_BYTES)
}

/// What was built of the source.
fn entry_point(platform: &Platform, claimed: &Claimed<'_>, environment: &dyn Environment) -> Option<String> {
    match platform.entry_point {
        EntryPoint::Nowhere => None,
        EntryPoint::Claimed(template) => fill(template, claimed).ok(),
        EntryPoint::Said(variable) => said(variable, environment),
    }
}

/// When the job started. What is no time, or is still to come, is left out.
fn started(platform: &Platform, environment: &dyn Environment) -> Option<UnixTime> {
    let at = UnixTime::parse_rfc3339(&environment.var(platform.started?)?)?;
    (at <= environment.now().plus_secs(limits::CLOCK_TOLERANCE_SECS)).then_some(at)
}

/// A commit as Git names it: SHA-1 or SHA-256 in lower-case hexadecimal.
fn commit_of(platform: &Platform, commit: String) -> Result<String, ProvenanceError> {
    let hex = commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex && matches!(commit.len(), 40 | 64) {
        return Ok(commit);
    }
    let claim = platform.source.map(|(_, commit)| commit.trim_matches(['{', '}'])).unwrap_or_default();
    Err(ProvenanceError::Claim { platform: platform.name, claim: claim.to_owned() })
}

#[cfg(test)]
mod tests;
