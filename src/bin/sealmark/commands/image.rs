//! `sign image` and `attest image`: one session for all images and forms.

mod plan;
mod repair;

use std::sync::Arc;

use sealmark::format::oci::ImageRef;
use sealmark::service::store::FoundBy;
use sealmark::sign::attestation::fits;
use sealmark::sign::image::{
    Claim, ExpectedSigner, Form, FoundImage, ImageSigner, SignImageError, find, present, with_children,
};
use sealmark::sign::{CredentialSource, Services, Session, SignError, Unlogged};
use sealmark::verify::KeyLog;

use super::{attest, github, sign, spool};
use crate::cli::{AttestImage, Format, SignImage, SignatureArgs, SignatureFormat};
use crate::report::consumers::{Written, consumers};
use crate::report::images::{ImageSigned, ImagesReport, SignatureShown, human, verify_command};
use crate::report::signed::Spooled;
use crate::report::{Failure, console, print_json};
use crate::settings::{self, Registries, SettingsError, Signatory, Signing};

pub(super) use repair::repair;

pub(super) fn sign(args: &SignImage) -> Result<u8, Failure> {
    run(args, Said::Ready(Claim::Signature))
}

pub(super) fn attest(args: &AttestImage) -> Result<u8, Failure> {
    let predicate_type = attest::typed(&args.predicate_type)?;
    let said = match &args.predicate {
        Some(path) => {
            let predicate = attest::text(path)?;
            fits(&predicate_type, &predicate)?;
            Said::Ready(Claim::Attestation { predicate_type, predicate })
        }
        None => Said::OfThisJob { predicate_type },
    };
    run(&args.image, said)
}

/// What is said of the images.
enum Said {
    Ready(Claim),
    /// The provenance of the running job, which its token tells.
    OfThisJob {
        predicate_type: String,
    },
}

fn run(call: &SignImage, said: Said) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let names = settings::images(&call.images)?;
    if call.signatures.spool.is_some() && forms(&call.signatures).contains(&Form::Legacy) {
        return Err(SettingsError::SpoolLegacy.into());
    }
    let budget = &call.signing.services.budget;
    let registries = Registries::within(&call.registry, &call.signatures.place, &names, budget)?;
    let signing = Signing::named(&call.signing.services)?;
    let runtime = settings::runtime()?;
    let (claim, signatory) = match said {
        Said::Ready(claim) => (claim, None),
        Said::OfThisJob { predicate_type } => {
            let log = settings::key_log(&call.signing.waivers);
            let (job, signatory) = runtime.block_on(signing.job_and_signatory(&call.signing.signer, log))?;
            (Claim::Attestation { predicate: job.predicate(&predicate_type)?, predicate_type }, Some(signatory))
        }
    };
    let work = Work { call, claim: &claim, forms: forms(&call.signatures), registries, signing };
    let report = runtime.block_on(work.done(&names, signatory))?;
    match call.format.format {
        Format::Json => print_json(&report)?,
        Format::Human => console::data(&human(&report))?,
    }
    let failures = || report.images.iter().filter_map(|image| image.failure.as_ref());
    failures().for_each(console::failure);
    if !call.signatures.dry_run {
        github::publish_images(&report)?;
    }
    Ok(report.exit_code())
}

fn forms(args: &SignatureArgs) -> Vec<Form> {
    let mut forms: Vec<Form> = args.signature_format.iter().map(|form| Form::from(*form)).collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

impl From<SignatureFormat> for Form {
    fn from(format: SignatureFormat) -> Self {
        match format {
            SignatureFormat::Bundle => Self::Bundle,
            SignatureFormat::Legacy => Self::Legacy,
        }
    }
}

/// What is to be done, and with what.
struct Work<'a> {
    call: &'a SignImage,
    claim: &'a Claim,
    forms: Vec<Form>,
    registries: Registries,
    signing: Signing,
}

/// An image of the call, its line in the report, and the forms that are missing.
struct Item {
    image: FoundImage,
    shown: ImageSigned,
    missing: Vec<Form>,
}

impl Work<'_> {
    async fn done(&self, names: &[ImageRef], mut known: Option<Signatory>) -> Result<ImagesReport, Failure> {
        let mut items = self.items(names).await?;
        if let Some(expected) = self.named_signer() {
            self.leave_out_present(&mut items, &expected).await?;
        } else if self.call.signatures.if_needed {
            let signatory = match known.take() {
                Some(signatory) => signatory,
                None => self.signing.signatory(&self.call.signing.signer, self.log()).await?,
            };
            match &signatory.expected {
                Some(expected) => self.leave_out_present(&mut items, expected).await?,
                None => {
                    console::warning("--if-needed: only the authority can tell whom this token names: all is signed")
                }
            }
            known = Some(signatory);
        }
        let mut requests = Vec::new();
        if self.call.signatures.dry_run {
            requests = self.plan(&mut items)?;
        } else if items.iter().any(|item| !item.missing.is_empty()) {
            let credential = match known {
                Some(signatory) => signatory.credential,
                None => self.signing.credential(&self.call.signing.signer)?,
            };
            self.sign(&mut items, credential.as_ref()).await?;
        }
        let consumers = if self.call.signatures.consumers { consumers(&self.written(&items)) } else { Vec::new() };
        let images = items.into_iter().map(|item| item.shown).collect();
        let choices = sign::choices(&self.call.signing.waivers, &self.call.signing.signer);
        let report = ImagesReport::new(&self.signing.source, choices, images);
        let report = if self.call.signatures.dry_run { report.dry_run(requests) } else { report };
        Ok(report.with_consumers(consumers))
    }

    /// Every image of the call, each once, by its digest. All are found before anything is signed.
    async fn items(&self, names: &[ImageRef]) -> Result<Vec<Item>, Failure> {
        let mut items: Vec<Item> = Vec::new();
        for name in names {
            let found = find(&*self.registries.store, name).await?;
            if let ImageRef::Tagged(_) = name {
                console::words(&format!("{name} is {}", found.image().digest()));
            }
            let images = if self.call.images.recursive {
                with_children(&*self.registries.store, found).await?
            } else {
                vec![found]
            };
            for (at, image) in images.into_iter().enumerate() {
                if items.iter().all(|item| item.image.image() != image.image()) {
                    let given = (at == 0).then(|| name.to_string());
                    let shown = ImageSigned::of(&image, given.as_deref());
                    items.push(Item { image, shown, missing: self.forms.clone() });
                }
            }
        }
        Ok(items)
    }

    fn log(&self) -> KeyLog {
        settings::key_log(&self.call.signing.waivers)
    }

    /// Who signs, when the flags say so.
    fn named_signer(&self) -> Option<ExpectedSigner> {
        let SignatureArgs { signer_identity, signer_issuer, .. } = &self.call.signatures;
        Some(ExpectedSigner::Identity { identity: signer_identity.clone()?, issuer: signer_issuer.clone()? })
    }

    /// Takes out of each item the forms in which the signer has said so already.
    async fn leave_out_present(&self, items: &mut [Item], expected: &ExpectedSigner) -> Result<(), Failure> {
        for item in items {
            let repository = self.registries.signatures.as_ref().unwrap_or_else(|| item.image.image().repository());
            let image = item.image.image().within(repository);
            for form in std::mem::take(&mut item.missing) {
                let (verifier, now) = (self.signing.verifier(), settings::environment().now());
                match present(&*self.registries.store, &image, form, self.claim, expected, verifier, now).await? {
                    Some(present) => item.shown.signatures.push(SignatureShown::present(form, &present)),
                    None => item.missing.push(form),
                }
            }
            self.add_command(item);
        }
        Ok(())
    }

    async fn sign(&self, items: &mut [Item], credential: &dyn CredentialSource) -> Result<(), Failure> {
        let session = self.begin(credential).await?;
        // Items may lack different forms; each set of forms is signed at once, all under one credential.
        for forms in [&[Form::Bundle, Form::Legacy][..], &[Form::Bundle], &[Form::Legacy]] {
            let (places, images): (Vec<usize>, Vec<FoundImage>) = items
                .iter()
                .enumerate()
                .filter(|(_, item)| item.missing == forms)
                .map(|(place, item)| (place, item.image.clone()))
                .unzip();
            if images.is_empty() {
                continue;
            }
            let signer = self.signer(&session, forms)?;
            for (place, result) in places.into_iter().zip(signer.sign_all(&images, self.claim).await) {
                let Some(item) = items.get_mut(place) else { continue };
                match result {
                    Ok(published) => item.shown.signatures.extend(published.iter().map(SignatureShown::made)),
                    Err(SignImageError::Partly { published, error }) => {
                        item.shown.signatures.extend(published.iter().map(SignatureShown::made));
                        item.shown.fail((*error).into());
                    }
                    Err(SignImageError::Sign(SignError::Unlogged { unlogged, error })) => {
                        self.keep(item, &unlogged, *error);
                    }
                    Err(error) => item.shown.fail(error.into()),
                }
                self.add_command(item);
            }
        }
        Ok(())
    }

    /// Keeps a signature that no log took, when there is a place for that.
    fn keep(&self, item: &mut Item, unlogged: &Unlogged, error: SignError) {
        let why = Failure::from(error);
        let Some(folder) = &self.call.signatures.spool else { return item.shown.fail(why) };
        let image = item.image.image();
        let repository = self.registries.signatures.as_ref().unwrap_or_else(|| image.repository());
        match spool::keep_of_image(folder, image, repository, unlogged) {
            Ok(kept) => {
                let flags = &self.signing.trust_flags;
                item.shown.spooled = Some(Spooled::new(repository.to_string(), &kept, &why, flags));
            }
            Err(error) => item.shown.fail(error.into()),
        }
    }

    /// One session: what it cannot do (no log for the older form) is said before a certificate is asked for.
    async fn begin(&self, credential: &dyn CredentialSource) -> Result<Session, Failure> {
        if self.call.signing.waivers.log_not_required_unsafe {
            sign::warn_of_no_log();
        }
        let services = self.services(*self.forms.first().unwrap_or(&Form::Bundle))?;
        if self.forms.contains(&Form::Legacy) {
            self.services(Form::Legacy)?;
        }
        let session = sign::begin(&self.signing, credential, services, &self.call.signing.waivers).await?;
        self.check_signer(&session)?;
        Ok(session)
    }

    /// Another signer's word would be missing again the next time.
    fn check_signer(&self, session: &Session) -> Result<(), Failure> {
        let (Some(expected), Some(leaf)) = (&self.call.signatures.signer_identity, session.credential().certificate())
        else {
            return Ok(());
        };
        let found = leaf.san()?;
        if found.as_str() == expected {
            return Ok(());
        }
        Err(SettingsError::OtherSigner { expected: expected.clone(), found: found.to_string() }.into())
    }

    fn services(&self, form: Form) -> Result<Services, Failure> {
        match form {
            Form::Legacy if !self.call.signing.waivers.log_not_required_unsafe => self.signing.legacy_services(),
            _ if self.call.signing.waivers.log_not_required_unsafe => {
                sign::services_without_log(&self.signing, &self.call.signing.services)
            }
            _ => self.signing.services(),
        }
    }

    fn signer(&self, session: &Session, forms: &[Form]) -> Result<ImageSigner, Failure> {
        let mut signer = ImageSigner::new(Arc::clone(&self.registries.store), settings::environment());
        if let Some(repository) = &self.registries.signatures {
            signer = signer.into_repository(repository.clone());
        }
        for form in forms {
            let session = session.with_services(self.services(*form)?)?;
            signer = match form {
                Form::Bundle => signer.bundles(session),
                Form::Legacy => signer.legacy(session),
            };
        }
        Ok(signer)
    }

    /// The command that verifies what is there now.
    fn add_command(&self, item: &mut Item) {
        let Some(signature) = item.shown.signatures.first() else { return };
        let mut flags = sign::verify_flags(&self.signing, &self.call.signing.waivers);
        if let Some(repository) = &self.registries.signatures {
            flags.extend(["--signature-repository".to_owned(), repository.to_string()]);
        }
        item.shown.verify = verify_command(item.image.image(), signature, &flags);
    }

    fn written(&self, items: &[Item]) -> Written<'_> {
        let listed = items.iter().flat_map(|item| &item.shown.signatures).filter_map(|signature| signature.listed_by);
        Written {
            forms: &self.forms,
            by_key: self.call.signing.signer.key.is_some(),
            attestation: *self.claim != Claim::Signature,
            // One registry that keeps the list in a tag is enough to say so.
            found_by: listed.clone().find(|by| *by == FoundBy::Tag).or(listed.clone().next()),
            elsewhere: self.registries.signatures.is_some(),
        }
    }
}
