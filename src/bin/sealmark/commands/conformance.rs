//! `sign-bundle` and `verify-bundle`: the client protocol of the Sigstore conformance suite
//! (<https://github.com/sigstore/sigstore-conformance/blob/main/docs/cli_protocol.md>).

use std::path::PathBuf;

use sealmark::admit::Trust;
use sealmark::base::crypto::PublicKey;
use sealmark::base::limits;
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::sign::Signed;
use sealmark::verify::{KeyTrust, Verifier};

use super::verify::Question;
use super::{attest, output, sign};
use crate::artifact::Artifact;
use crate::cli::{
    AuthorityArgs, BudgetArgs, Instance, ServiceArgs, SignBundle, SigningInstance, TrustAgeArgs, TrustArgs,
    VerifyBundle,
};
use crate::files;
use crate::report::{Failure, Verdict, console};
use crate::settings::{self, Signing};

/// Every no is exit code 1, for whatever reason: the protocol knows no other.
pub(super) fn verify(args: &VerifyBundle) -> Result<u8, Failure> {
    match judge(args) {
        Ok(()) => Ok(0),
        Err(failure) => {
            console::failure(&failure);
            Ok(1)
        }
    }
}

fn judge(args: &VerifyBundle) -> Result<(), Failure> {
    let anchor = settings::trust(&trust(args.staging, args.trusted_root.clone()))?;
    let verifier = Verifier::new(&anchor.root)?;
    let question = Question {
        verifier: &verifier,
        trust: &expected(args)?,
        bundle: Some(&args.bundle),
        predicate_type: None,
        version: None,
        policy: "arguments".to_owned(),
        trust_root: &anchor.source,
        now: settings::now(),
    };
    let verdict = question.judge(&Artifact::named(&args.artifact));
    match verdict.failure {
        None if verdict.verdict == Verdict::Verified => Ok(()),
        None => Err(Failure::usage("no verdict")),
        Some(failure) => Err(failure),
    }
}

fn expected(args: &VerifyBundle) -> Result<Trust, Failure> {
    if let Some(path) = &args.key {
        let pem = files::read(path, limits::PEM_BYTES)?;
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem))?;
        return Ok(Trust::Key(Box::new(KeyTrust::logged(key))));
    }
    let identity = Matcher::exact(args.certificate_identity.as_deref().unwrap_or_default())?;
    let issuer = Matcher::exact(args.certificate_oidc_issuer.as_deref().unwrap_or_default())?;
    Ok(Trust::Policy(Policy::of(Rule::named("arguments").identity(identity).issuer(issuer).build()?)))
}

fn trust(staging: bool, trusted_root: Option<PathBuf>) -> TrustArgs {
    let instance = (staging && trusted_root.is_none()).then_some(Instance::Staging);
    TrustArgs {
        trusted_root,
        trust_config: None,
        stack: None,
        instance,
        trust_folder: None,
        age: TrustAgeArgs::default(),
    }
}

/// Signs FILE, or attests it when it is a statement.
pub(super) fn sign(args: SignBundle) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let instance = if args.staging { SigningInstance::Staging } else { SigningInstance::PublicGood };
    let named = args.signing_config.is_some() && args.trusted_root.is_some();
    let signing = Signing::named(&ServiceArgs {
        ledger: None,
        stack: None,
        trust_config: None,
        signing_config: args.signing_config,
        trusted_root: args.trusted_root,
        instance: (!named).then_some(instance),
        budget: BudgetArgs::default(),
        authority: AuthorityArgs::default(),
    })?;
    let credential = signing.credential(&sign::token_signer(args.identity_token))?;
    let services = signing.services()?;
    let signed: Result<Signed, Failure> = settings::runtime()?.block_on(async {
        let session = signing.begin(credential.as_ref(), services).await?;
        if args.in_toto {
            return Ok(session.attest(&attest::text(&args.file)?).await?);
        }
        let digest = Artifact::File(args.file.clone()).digest(session.digest_algorithm())?;
        Ok(session.sign(digest).await?)
    });
    output::write(&args.bundle, signed?.json().as_bytes())?;
    Ok(0)
}
