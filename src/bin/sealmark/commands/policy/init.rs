//! `policy init`: the tightest stable rules that existing signatures meet.

use std::path::Path;

use sealmark::admit::Trust;
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::verify::{CertificateSigner, Requirements, Signer, Verifier};

use super::super::verify::Question;
use super::PolicyCommandError;
use crate::artifact::Artifact;
use crate::cli::PolicyInit;
use crate::report::{Failure, console};
use crate::settings;

/// Claims that stay the same from one release to the next, and are worth pinning: identifiers cannot be taken over.
const STABLE: [&str; 3] = ["source-repository-identifier", "source-repository-owner-identifier", "runner-environment"];

pub(in crate::commands) fn init(args: &PolicyInit) -> Result<u8, Failure> {
    let anchor = settings::trust(&args.trust)?;
    let verifier = Verifier::new(&anchor.root).map_err(|error| Failure::from(error).about(&anchor.source))?;
    let mut rules: Vec<String> = Vec::new();
    for path in &args.from {
        let artifact = Artifact::named(path);
        let found = learn(&verifier, &artifact, args.bundle.as_deref(), &anchor.source)?;
        if found.is_empty() {
            return Err(PolicyCommandError::NothingToLearn { path: path.clone() }.into());
        }
        found.into_iter().for_each(|rule| {
            if !rules.contains(&rule) {
                rules.push(rule)
            }
        });
    }
    let yaml = format!("version: 1\nrules:\n{}", rules.concat());
    // What is printed is read back: it is a policy.
    Policy::parse(yaml.as_bytes())?;
    console::data(&yaml)?;
    Ok(0)
}

/// A rule for each signer of an artifact whose signature proves itself.
fn learn(
    verifier: &Verifier,
    artifact: &Artifact,
    bundle: Option<&Path>,
    trust_root: &str,
) -> Result<Vec<String>, Failure> {
    // The policy of the question is not asked; whoever signed is told.
    let nobody = Rule::named("nobody").identity(Matcher::exact("nobody@example.invalid")?);
    let trust = Trust::Policy(Policy::of(nobody.issuer(Matcher::exact("https://example.invalid")?).build()?));
    let now = settings::now();
    let question =
        Question { verifier, trust: &trust, bundle, predicate_type: None, policy: String::new(), trust_root, now };
    question.with_candidates(artifact, |proven, bundles| {
        let readable = bundles.iter().filter_map(|bundle| bundle.as_ref().ok());
        let verified = readable.filter_map(|bundle| verifier.verify(proven, bundle, &Requirements::STRICT, now).ok());
        let rule = |signer: &Signer| match signer {
            Signer::Certificate(signer) => Some(rule(signer)),
            Signer::Key(_) => None,
        };
        verified.filter_map(|verified| rule(verified.signer())).collect()
    })
}

fn rule(signer: &CertificateSigner) -> String {
    let name = signer.san().as_str();
    let identity = match name.rsplit_once("@refs/tags/") {
        // The next release has another tag; a glob needs its own characters to stand for themselves.
        Some((workflow, _)) if !name.contains('*') => {
            format!("identity-glob: {}", quoted(&format!("{workflow}@refs/tags/*")))
        }
        _ => format!("identity: {}", quoted(name)),
    };
    let mut lines = vec![format!("  - {identity}")];
    match signer.claims().issuer() {
        Some(issuer) => lines.push(format!("    issuer: {}", quoted(issuer))),
        None => lines.push(format!("    certificate-authority: {}", quoted(signer.authority()))),
    }
    let claims = STABLE.iter().filter_map(|claim| Some((claim, signer.claims().value(claim)?)));
    let claims: Vec<_> = claims.filter(|(_, value)| !value.is_empty() && !value.contains('*')).collect();
    if !claims.is_empty() {
        lines.push("    claims:".to_owned());
        lines.extend(claims.iter().map(|(claim, value)| format!("      {claim}: {}", quoted(value))));
    }
    lines.join("\n") + "\n"
}

/// A YAML text in quotes: of the characters only the quote itself is written otherwise.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
