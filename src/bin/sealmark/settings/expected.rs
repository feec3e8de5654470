//! Whom the flags expect to have signed.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sealmark::admit::Trust;
use sealmark::base::crypto::{Digest, DigestAlgorithm, PublicKey};
use sealmark::base::limits;
use sealmark::base::time::UnixTime;
use sealmark::policy::{Matcher, PatternError, Policy, Rule, RuleBuilder};
use sealmark::verify::{KeyTrust, Promise, Verifier};

use super::TrustAnchor;
use crate::cli::{CertifiedArgs, ExpectedArgs, GroundArgs, WaiverArgs};
use crate::files;
use crate::report::Failure;
use crate::report::text::visible_path;

/// An expectation, and how to call it in reports.
#[derive(Debug)]
pub(crate) struct Expected {
    /// A policy or a key.
    pub(crate) trust: Trust,
    /// Where it came from.
    pub(crate) source: String,
    /// SHA-256 of the policy document, where there is one.
    pub(crate) policy_digest: Option<Digest>,
}

impl Expected {
    /// The verifier, knowing the witnesses that the policy names.
    pub(crate) fn verifier(&self, anchor: &TrustAnchor) -> Result<Verifier, Failure> {
        let verifier = Verifier::new(&anchor.root).map_err(|error| Failure::from(error).about(&anchor.source))?;
        match &self.trust {
            Trust::Policy(policy) => Ok(verifier.with_witnesses(policy.witnesses())),
            Trust::Key(_) => Ok(verifier),
        }
    }
}

/// Reads the expectation; nobody is expected by default, so there is none without flags.
pub(crate) fn expected(grounds: &GroundArgs) -> Result<Expected, Failure> {
    let GroundArgs { expected: args, waivers, trust: _ } = grounds;
    if let Some(path) = &args.key {
        let source = visible_path(path);
        let pem = files::read(path, limits::PEM_BYTES)?;
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem));
        let key = key.map_err(|error| Failure::from(error).about(&source))?;
        let trust = match waivers.log_not_required_unsafe {
            true => KeyTrust::without_log_unsafe(key),
            false => KeyTrust::logged(key),
        };
        let promise = if waivers.accept_promise { Promise::Accepted } else { Promise::Refused };
        return Ok(Expected { trust: Trust::Key(Box::new(trust.promise(promise))), source, policy_digest: None });
    }
    if let Some(path) = &args.policy {
        let source = visible_path(path);
        let yaml = files::read(path, limits::POLICY_BYTES)?;
        let policy = policy(path, &yaml)?;
        let policy_digest = Some(Digest::of(DigestAlgorithm::Sha256, &yaml));
        return Ok(Expected { trust: Trust::Policy(policy), source, policy_digest });
    }
    let rule = rule(args, waivers)?;
    Ok(Expected { trust: Trust::Policy(Policy::of(rule)), source: "flags".to_owned(), policy_digest: None })
}

/// Reads a policy; the key files that it names lie beside it.
pub(crate) fn policy(path: &Path, yaml: &[u8]) -> Result<Policy, Failure> {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let key_file = |name: &str| files::read(&folder.join(name), limits::PEM_BYTES).ok();
    Policy::parse_with(yaml, &key_file).map_err(|error| Failure::from(error).about(&visible_path(path)))
}

fn rule(args: &ExpectedArgs, waivers: &WaiverArgs) -> Result<Rule, Failure> {
    let mut rule = certified(&args.certified)?;
    if let Some(authority) = &args.certificate_authority {
        rule = rule.certificate_authority(authority);
    }
    if waivers.accept_promise {
        rule = rule.promise(Promise::Accepted);
    }
    Ok(rule.build()?)
}

/// The beginning of a rule, with what the flags say of a certificate.
pub(crate) fn certified(args: &CertifiedArgs) -> Result<RuleBuilder, Failure> {
    let mut rule = Rule::named("flags");
    if let Some(identity) = matcher(&args.identity, &args.identity_glob, &args.identity_regex)? {
        rule = rule.identity(identity);
    }
    if let Some(issuer) = matcher(&args.issuer, &args.issuer_glob, &args.issuer_regex)? {
        rule = rule.issuer(issuer);
    }
    for (name, glob) in &args.claims {
        rule = rule.claim(name, Matcher::glob(glob)?)?;
    }
    Ok(rule)
}

/// At most one of the three is given: the table of flags says so.
fn matcher(
    exact: &Option<String>,
    glob: &Option<String>,
    regex: &Option<String>,
) -> Result<Option<Matcher>, PatternError> {
    let exact = exact.as_deref().map(Matcher::exact);
    let glob = glob.as_deref().map(Matcher::glob);
    let regex = regex.as_deref().map(Matcher::regex);
    exact.or(glob).or(regex).transpose()
}

/// The local clock, which bounds proven times from above and is compared with nothing else.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
