//! `policy init`: the tightest stable rules that existing signatures meet.

use std::collections::BTreeMap;

use sealmark::admit::Trust;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::{BundleError, UnverifiedBundle};
use sealmark::format::cosign::SIGNATURE_PREDICATE;
use sealmark::format::oci::ImageRef;
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::verify::{self, CertificateSigner, Requirements, Signer, Verifier};

use super::super::verify::Question;
use super::PolicyCommandError;
use super::subject::{Images, Subject};
use crate::artifact::Artifact;
use crate::cli::PolicyInit;
use crate::report::{Failure, console};
use crate::settings::{self, TrustAnchor};

/// Claims that stay the same from one release to the next, and are worth pinning: identifiers cannot be taken over.
const STABLE: [&str; 3] = ["source-repository-identifier", "source-repository-owner-identifier", "runner-environment"];

pub(in crate::commands) fn init(args: &PolicyInit) -> Result<u8, Failure> {
    let anchor = settings::trust(&args.trust)?;
    let verifier = Verifier::new(&anchor.root).map_err(|error| Failure::from(error).about(&anchor.source))?;
    let learner = Learner { args, anchor: &anchor, verifier: &verifier, now: settings::now() };
    let subjects = args.from.iter().map(|name| Subject::named(name)).collect::<Result<Vec<_>, _>>()?;
    let images = Images::of(&args.places, &subjects)?;
    let mut of_files = Vec::new();
    let mut scopes: Vec<(String, Vec<String>)> = Vec::new();
    for subject in &subjects {
        let (rules, found) = match (subject, &images) {
            (Subject::Image(reference), Some(images)) => {
                let repository = reference.repository().to_string();
                let place = scopes.iter().position(|(known, _)| *known == repository).unwrap_or(scopes.len());
                if place == scopes.len() {
                    scopes.push((repository, Vec::new()));
                }
                let Some((_, rules)) = scopes.get_mut(place) else { continue };
                (rules, learner.image(images, reference)?)
            }
            (Subject::File(artifact), _) => (&mut of_files, learner.file(artifact)?),
            (Subject::Image(_), None) => return Err(Failure::usage("no place for images")),
        };
        if found.is_empty() {
            return Err(PolicyCommandError::NothingToLearn { name: subject.name() }.into());
        }
        let new: Vec<_> = found.into_iter().filter(|rule| !rules.contains(rule)).collect();
        rules.extend(new);
    }
    let yaml = match (of_files.is_empty(), scopes.is_empty()) {
        (false, false) => return Err(PolicyCommandError::Mixed.into()),
        (false, true) => format!("version: 1\nrules:\n{}", of_files.concat()),
        (true, _) => format!("version: 1\nscopes:\n{}", scopes.iter().map(scope).collect::<String>()),
    };
    // What is printed is read back: it is a policy.
    Policy::parse(yaml.as_bytes())?;
    console::data(&yaml)?;
    Ok(0)
}

fn scope((repository, rules): &(String, Vec<String>)) -> String {
    let rules: String = rules.concat().lines().map(|line| format!("    {line}\n")).collect();
    let repository = quoted(repository);
    format!("  - name: {repository}\n    repositories: [{repository}]\n    rules:\n{rules}")
}

/// Who signed, of those whose signature proves itself.
struct Learner<'l> {
    args: &'l PolicyInit,
    anchor: &'l TrustAnchor,
    verifier: &'l Verifier,
    now: UnixTime,
}

impl Learner<'_> {
    /// A rule for each signer of a file.
    fn file(&self, artifact: &Artifact) -> Result<Vec<String>, Failure> {
        // The policy of the question is not asked; whoever signed is told.
        let nobody = Rule::named("nobody").identity(Matcher::exact("nobody@example.invalid")?);
        let trust = Trust::Policy(Policy::of(nobody.issuer(Matcher::exact("https://example.invalid")?).build()?));
        let question = Question {
            verifier: self.verifier,
            trust: &trust,
            bundle: self.args.bundle.as_deref(),
            predicate_type: None,
            version: None,
            policy: String::new(),
            trust_root: &self.anchor.source,
            now: self.now,
        };
        let proven = question.with_candidates(artifact, |artifact, bundles| self.proven(artifact, bundles))?;
        Ok(proven.into_iter().map(|(rule, _)| rule).collect())
    }

    /// A rule for each signer of an image, with what the same signer attests. What could not be had might have made
    /// another rule.
    fn image(&self, images: &Images, reference: &ImageRef) -> Result<Vec<String>, Failure> {
        let mut fetched = images.fetch(reference, None)?;
        let candidates = fetched.everything();
        if let Some(unread) = candidates.unread().first() {
            return Err(Failure::from(unread).about(&reference.to_string()));
        }
        let mut by_signer: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (rule, attested) in candidates.with_bundles(|artifact, bundles| self.proven(artifact, bundles)) {
            let types = by_signer.entry(rule).or_default();
            types.extend(attested.filter(|attested| !types.contains(attested)));
        }
        let attestations = |types: &[String]| match types {
            [] => String::new(),
            types => {
                let lines = types.iter().map(|one| format!("      - predicate-type: {}\n", quoted(one)));
                format!("    attestations:\n{}", lines.collect::<String>())
            }
        };
        Ok(by_signer.into_iter().map(|(rule, types)| rule + &attestations(&types)).collect())
    }

    /// The rule of each signer with the type of what is attested; none for a signature.
    fn proven(
        &self,
        artifact: &verify::Artifact<'_>,
        bundles: &[Result<UnverifiedBundle, BundleError>],
    ) -> Vec<(String, Option<String>)> {
        let readable = bundles.iter().filter_map(|bundle| bundle.as_ref().ok());
        let strict = &Requirements::STRICT;
        let verified = readable.filter_map(|bundle| self.verifier.verify(artifact, bundle, strict, self.now).ok());
        let one = |verified: verify::Verified| match verified.signer() {
            Signer::Certificate(signer) => {
                let attested = verified.statement().map(|statement| statement.predicate_type.clone());
                Some((rule(signer), attested.filter(|attested| attested != SIGNATURE_PREDICATE)))
            }
            Signer::Key(_) => None,
        };
        verified.filter_map(one).collect()
    }
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
    // What a private authority says of an issuer meets no rule.
    match signer.issuer() {
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
