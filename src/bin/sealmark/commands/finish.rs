//! `sign finish`: signatures that were kept aside become bundles, one after the other.

use std::path::{Path, PathBuf};

use sealmark::base::limits;
use sealmark::format::bundle::Content;
use sealmark::format::oci::{DigestRef, ImageRef, Repository};
use sealmark::sign::image::{attach, find};
use sealmark::sign::{Services, SignError, Unlogged};

use super::output::{self, Kind, Target};
use super::sign::report;
use super::spool::{ABOUT, ABOUT_IMAGE, ENDING};
use crate::cli::SignFinish;
use crate::files::{self, FileError};
use crate::report::images::{ImageSigned, SignatureShown, verify_command};
use crate::report::signed::{SignedFile, SignedReport, Spooled};
use crate::report::{Failure, console};
use crate::settings::{self, Signing};

pub(super) fn run(args: &SignFinish) -> Result<u8, Failure> {
    let kept = found(&args.spools)?;
    if kept.is_empty() {
        console::words("nothing waits here");
        return Ok(0);
    }
    let signing = Signing::named(&args.services)?;
    let services = signing.services()?;
    let finisher = Finisher { signing: &signing, services: &services, args };
    let (files, images) = settings::runtime()?.block_on(async {
        let (mut files, mut images) = (Vec::with_capacity(kept.len()), Vec::new());
        for kept in &kept {
            match finisher.finish(kept).await {
                Ok(Finished::File(file)) => files.push(*file),
                Ok(Finished::Image(image)) => images.push(*image),
                Err(failure) => files.push(SignedFile::failed(kept, failure)),
            }
        }
        (files, images)
    });
    report(&SignedReport::new(&signing.source, Vec::new(), files).with_images(images), args.format)
}

/// The files that wait, in the order of their names.
fn found(spools: &[PathBuf]) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for spool in spools {
        if !spool.is_dir() {
            found.push(spool.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| FileError::Read { path: spool.clone(), kind: error.kind() };
        for entry in std::fs::read_dir(spool).map_err(unreadable)?.take(limits::SPOOLED) {
            let path = entry.map_err(unreadable)?.path();
            if path.to_str().is_some_and(|name| name.ends_with(ENDING)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

struct Finisher<'a> {
    signing: &'a Signing,
    services: &'a Services,
    args: &'a SignFinish,
}

/// What became of a kept signature that could be read.
enum Finished {
    File(Box<SignedFile>),
    Image(Box<ImageSigned>),
}

impl Finisher<'_> {
    async fn finish(&self, kept: &Path) -> Result<Finished, Failure> {
        let json = files::read(kept, limits::SPOOLED_BYTES)?;
        if let Ok((unlogged, [image, repository])) = Unlogged::parse(&json, ABOUT_IMAGE) {
            let ImageRef::Digested(image) = settings::image(&image)? else {
                return Err(SignError::Spooled { what: "it names no image by digest".to_owned() }.into());
            };
            let finished = self.image(kept, &unlogged, &image, &Repository::parse(&repository)?).await;
            return Ok(Finished::Image(Box::new(finished)));
        }
        let (unlogged, [file, bundle]) = Unlogged::parse(&json, ABOUT)?;
        self.file(kept, &unlogged, file.into(), bundle.into()).await.map(|file| Finished::File(Box::new(file)))
    }

    /// What is kept goes only when its bundle is written.
    async fn file(
        &self,
        kept: &Path,
        unlogged: &Unlogged,
        file: PathBuf,
        bundle: PathBuf,
    ) -> Result<SignedFile, Failure> {
        let bundle = match (&self.args.output_folder, bundle.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => bundle,
        };
        let kind = match unlogged.claimed_content() {
            Content::Dsse(_) => Kind::Attestation,
            _ => Kind::Signature,
        };
        output::free(&bundle, kind)?;
        match self.signing.finish(unlogged, self.services).await {
            Ok(signed) => {
                let target = Target { file, bundle };
                output::write(&target.bundle, signed.json().as_bytes())?;
                // Left behind, it is finished once more to the same end.
                let _ = std::fs::remove_file(kept);
                Ok(SignedFile::made(&target.file, &target.bundle, &signed, &self.signing.trust_flags))
            }
            Err(SignError::Unlogged { error, .. }) => {
                let why = Failure::from(*error);
                Ok(SignedFile::spooled(&file, &bundle, kept, &why, &self.signing.trust_flags))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn image(&self, kept: &Path, unlogged: &Unlogged, image: &DigestRef, place: &Repository) -> ImageSigned {
        let mut shown = ImageSigned::named(image);
        match self.attached(unlogged, image, place).await {
            Ok(signature) => {
                let _ = std::fs::remove_file(kept);
                let mut flags = self.signing.trust_flags.clone();
                if place != image.repository() {
                    flags.extend(["--signature-repository".to_owned(), place.to_string()]);
                }
                shown.verify = verify_command(image, &signature, &flags);
                shown.signatures.push(signature);
            }
            Err(NotAttached::Waits(error)) => {
                let (why, flags) = (Failure::from(*error), &self.signing.trust_flags);
                shown.spooled = Some(Spooled::new(place.to_string(), kept, &why, flags));
            }
            Err(NotAttached::Failed(failure)) => shown.fail(failure),
        }
        shown
    }

    /// The image is looked at first: no log gets an entry for one that is gone.
    async fn attached(
        &self,
        unlogged: &Unlogged,
        image: &DigestRef,
        place: &Repository,
    ) -> Result<SignatureShown, NotAttached> {
        let patient = |http| settings::patient(http, &self.args.services.budget);
        let store = settings::registry_store_with(&self.args.registry, &[image.repository(), place], patient)?;
        let found = find(&*store, &ImageRef::Digested(image.clone())).await.map_err(Failure::from)?;
        let signed = match self.signing.finish(unlogged, self.services).await {
            Ok(signed) => signed,
            Err(SignError::Unlogged { error, .. }) => return Err(NotAttached::Waits(error)),
            Err(error) => return Err(Failure::from(error).into()),
        };
        let created = settings::environment().now();
        let published = attach(&*store, place, &found, signed, created).await.map_err(Failure::from)?;
        Ok(SignatureShown::made(&published))
    }
}

/// Why a signature is not beside its image.
enum NotAttached {
    /// No log answers yet.
    Waits(Box<SignError>),
    Failed(Failure),
}

impl From<Failure> for NotAttached {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
