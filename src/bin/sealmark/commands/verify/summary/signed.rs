//! A summary, signed in the call that verified.

use std::path::Path;

use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::format::intoto::predicate::SUMMARY_V1;
use sealmark::format::oci::ImageRef;
use sealmark::sign::attestation::statement;
use sealmark::sign::image::{Claim, ImageSigner, find};
use sealmark::sign::{Session, SignError};

use super::SummaryError;
use crate::cli::{
    AuthorityArgs, BudgetArgs, Instance, ServiceArgs, SignerArgs, SigningInstance, SigningWaiverArgs, SummaryArgs,
    TrustArgs,
};
use crate::commands::{output, sign};
use crate::report::text::visible_path;
use crate::report::{ArtifactVerdict, Failure, console};
use crate::settings::{self, Registries, Signing};

const WAIVERS: SigningWaiverArgs = SigningWaiverArgs { log_not_required_unsafe: false };

/// Signs the summary of a yes: into a file, or onto the image.
pub(super) fn sign(
    args: &SummaryArgs,
    verdict: &ArtifactVerdict,
    predicate: String,
    trust: &TrustArgs,
    registries: Option<&Registries>,
) -> Result<(), Failure> {
    settings::keep_from_dumps();
    let signing = Signing::named(&services(args, trust)?)?;
    let credential = signing.credential(&signer(args))?;
    settings::runtime()?.block_on(async {
        let session = sign::begin(&signing, credential.as_ref(), signing.services()?, &WAIVERS).await?;
        match (&args.summary_bundle, registries) {
            (Some(path), _) => write(path, verdict, &predicate, &session).await,
            (None, Some(registries)) => attach(registries, verdict, predicate, session).await,
            (None, None) => Err(SummaryError::Attach.into()),
        }
    })
}

async fn write(path: &Path, verdict: &ArtifactVerdict, predicate: &str, session: &Session) -> Result<(), Failure> {
    let named = Path::new(&verdict.artifact).file_name().map(|name| name.to_string_lossy().into_owned());
    let name = verdict.image.clone().or(named).unwrap_or_default();
    let statement = statement(&name, digest(verdict)?, SUMMARY_V1, predicate)?;
    let signed = session.attest(&statement).await?;
    output::write(path, signed.json().as_bytes())?;
    console::words(&format!("summary signed: {}", visible_path(path)));
    Ok(())
}

async fn attach(
    registries: &Registries,
    verdict: &ArtifactVerdict,
    predicate: String,
    session: Session,
) -> Result<(), Failure> {
    let image = ImageRef::parse(verdict.image.as_deref().ok_or(SummaryError::Attach)?)?;
    let mut signer = ImageSigner::new(registries.store.clone(), settings::environment()).bundles(session);
    if let Some(repository) = &registries.signatures {
        signer = signer.into_repository(repository.clone());
    }
    let claim = Claim::Attestation { predicate_type: SUMMARY_V1.to_owned(), predicate };
    let found = find(&*registries.store, &image).await?;
    for published in signer.sign_all(&[found], &claim).await {
        for made in published? {
            console::words(&format!("summary signed: {}", made.place));
        }
    }
    Ok(())
}

/// What was verified: of an image the digest to deploy, of a file the digest that the signature is over.
fn digest(verdict: &ArtifactVerdict) -> Result<Digest, Failure> {
    if let Some(image) = &verdict.image
        && let ImageRef::Digested(image) = ImageRef::parse(image)?
    {
        return Ok(*image.digest());
    }
    let proven = verdict.proof.as_ref().and_then(|proof| proof.digest.split_once(':'));
    let proven = proven.and_then(|(name, hex)| Digest::from_hex(DigestAlgorithm::from_name(name)?, hex));
    Ok(proven.ok_or(SignError::SubjectAlgorithm)?)
}

/// The services that go with the trust of the call.
fn services(args: &SummaryArgs, trust: &TrustArgs) -> Result<ServiceArgs, SummaryError> {
    let instance = match trust.instance {
        None => None,
        Some(Instance::PublicGood) => Some(SigningInstance::PublicGood),
        Some(Instance::Staging) => Some(SigningInstance::Staging),
        Some(Instance::Github) => return Err(SummaryError::Services),
    };
    if trust.trust_folder.is_some() || trust.trusted_root.is_some() && args.signer.signing_config.is_none() {
        return Err(SummaryError::Services);
    }
    Ok(ServiceArgs {
        stack: trust.stack.clone(),
        trust_config: trust.trust_config.clone(),
        signing_config: args.signer.signing_config.clone(),
        trusted_root: trust.trusted_root.clone(),
        instance,
        ledger: None,
        authority: AuthorityArgs::default(),
        budget: BudgetArgs::default(),
    })
}

fn signer(args: &SummaryArgs) -> SignerArgs {
    SignerArgs {
        token: args.signer.token.clone(),
        key: args.signer.signing_key.clone(),
        key_password_file: args.signer.signing_key_password_file.clone(),
        public_record: args.signer.public_record,
    }
}
