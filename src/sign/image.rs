//! Images: a name is resolved once, what is signed is a digest, and what was written counts when it was found
//! again.
//!
//! ```text
//! find          a tag is asked for once, by GET; only the digest of the bytes goes on
//! with_children an index, and every manifest below it
//! ImageSigner   one credential; each image its signature in each form:
//!               statement -> Session -> bundle, verified -> referrer of the image -> read back
//!               payload   -> Session -> the older cosign form -> tag beside the image -> read back
//! present       whether the same signer has said the same already
//! repair        what a list of referrers has lost, listed anew
//! requests      what all this asks of the registry, without asking
//! ```

mod legacy;
mod present;
mod publish;
mod repair;
mod requests;

use std::sync::Arc;

use thiserror::Error;
use tokio::task::JoinSet;

use super::completion::Signed;
use super::error::SignError;
use super::session::Session;
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::intoto::{STATEMENT_V1, Statement};
use crate::format::oci::{DigestRef, ImageRef, Manifest, OciError, Platform, Repository};
use crate::service::environment::Environment;
use crate::service::store::{ArtifactStore, FoundBy, StoreError, StoredManifest};
use crate::sign::attestation;
use crate::verify::Verified;

pub use crate::format::cosign::SIGNATURE_PREDICATE;
pub use legacy::LegacySignature;
pub use present::{ExpectedSigner, Present, present};
pub use repair::{Repaired, repair};
pub use requests::{Request, Writes, finding, requests};

/// How a signature lies in a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A Sigstore bundle that refers to the image (OCI 1.1), as cosign writes since version 3.
    Bundle,
    /// The older form of cosign: a tag made of the digest.
    Legacy,
}

/// What is said of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// That it was signed.
    Signature,
    /// A predicate.
    Attestation {
        /// The predicate's type, a URI.
        predicate_type: String,
        /// The predicate: one JSON value.
        predicate: String,
    },
}

impl Claim {
    /// The predicate type.
    pub fn predicate_type(&self) -> &str {
        match self {
            Self::Signature => SIGNATURE_PREDICATE,
            Self::Attestation { predicate_type, .. } => predicate_type,
        }
    }

    /// The predicate, as JSON.
    fn predicate(&self) -> &str {
        match self {
            Self::Signature => "{}",
            Self::Attestation { predicate, .. } => predicate,
        }
    }

    /// The statement that is signed: of a signature byte for byte what cosign v3 writes.
    ///
    /// # Errors
    ///
    /// Those of [`attestation::statement`].
    pub fn statement(&self, image: &DigestRef) -> Result<String, SignError> {
        let digest = image.digest();
        match self {
            Self::Signature => Ok(format!(
                "{{\"_type\":\"{STATEMENT_V1}\",\"subject\":[{{\"digest\":{{\"{}\":\"{}\"}},\"annotations\":{{}}}}],\"predicateType\":\"{SIGNATURE_PREDICATE}\",\"predicate\":{{}}}}",
                digest.algorithm(),
                digest.hex(),
            )),
            Self::Attestation { predicate_type, predicate } => {
                attestation::statement(&image.repository().to_string(), *digest, predicate_type, predicate)
            }
        }
    }
}

/// An image that a store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImage {
    /// The manifest under its digest.
    pub manifest: StoredManifest,
    /// What it runs on, as the index says that lists it.
    pub platform: Option<Platform>,
}

impl FoundImage {
    /// Its name by digest.
    pub fn image(&self) -> &DigestRef {
        self.manifest.image()
    }
}

/// What a name names now. One request.
///
/// # Errors
///
/// [`StoreError`].
pub async fn find(store: &dyn ArtifactStore, name: &ImageRef) -> Result<FoundImage, StoreError> {
    let manifest = match name {
        ImageRef::Tagged(tagged) => store.resolve(tagged).await?,
        ImageRef::Digested(image) => store.manifest(image).await?,
    };
    Ok(FoundImage { manifest, platform: None })
}

/// An image, and of an index every manifest below it, each once.
///
/// # Errors
///
/// [`StoreError`] when one cannot be had, [`SignImageError::TooMany`] when there are too many.
pub async fn with_children(store: &dyn ArtifactStore, image: FoundImage) -> Result<Vec<FoundImage>, SignImageError> {
    let mut found = vec![image];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        next += 1;
        let Manifest::Index(index) = parent.manifest.manifest() else { continue };
        let repository = parent.image().repository().clone();
        for listed in index.manifests.clone() {
            let image = repository.digested(listed.digest)?;
            if found.iter().any(|known| *known.image() == image) {
                continue;
            }
            if found.len() == limits::OCI_SIGNED_IMAGES {
                return Err(SignImageError::TooMany);
            }
            found.push(FoundImage { manifest: store.manifest(&image).await?, platform: listed.platform });
        }
    }
    Ok(found)
}

/// A signature that was written, and found again.
#[derive(Debug, Clone)]
#[must_use]
pub struct Published {
    /// Its form.
    pub form: Form,
    /// Where it is: the referrer by digest, or the tag.
    pub place: String,
    /// Which list has the referrer; of the older form, the tag itself.
    pub found_by: Option<FoundBy>,
    /// What was proven of it before it was written.
    pub verified: Verified,
}

/// Signs images: one credential for any number.
#[derive(Debug, Clone)]
pub struct ImageSigner {
    store: Arc<dyn ArtifactStore>,
    environment: Arc<dyn Environment>,
    repository: Option<Repository>,
    bundles: Option<Arc<Session>>,
    legacy: Option<Arc<Session>>,
}

impl ImageSigner {
    /// Writes into `store`, in no form yet. The environment's clock dates what is written.
    pub fn new(store: Arc<dyn ArtifactStore>, environment: Arc<dyn Environment>) -> Self {
        Self { store, environment, repository: None, bundles: None, legacy: None }
    }

    /// Writes signatures into another repository than the image's.
    #[must_use]
    pub fn into_repository(self, repository: Repository) -> Self {
        Self { repository: Some(repository), ..self }
    }

    /// Writes bundles that `session` makes.
    #[must_use]
    pub fn bundles(self, session: Session) -> Self {
        Self { bundles: Some(Arc::new(session)), ..self }
    }

    /// Writes the older form; the services of `session` are [`Services::select_legacy`](super::Services::select_legacy)'s.
    #[must_use]
    pub fn legacy(self, session: Session) -> Self {
        Self { legacy: Some(Arc::new(session)), ..self }
    }

    /// Says `claim` of one image, in each form: first all is signed, then all is written.
    ///
    /// # Errors
    ///
    /// [`SignImageError`]; [`SignImageError::Partly`] when one form was written and the other was not.
    pub async fn sign(&self, image: &FoundImage, claim: &Claim) -> Result<Vec<Published>, SignImageError> {
        let repository = self.repository.as_ref().unwrap_or_else(|| image.image().repository());
        let bundle = match &self.bundles {
            Some(session) => Some(session.attest(&claim.statement(image.image())?).await?),
            None => None,
        };
        let legacy = match &self.legacy {
            Some(session) => Some(LegacySignature::make(session, image.image(), claim).await?),
            None => None,
        };
        let mut published = Vec::new();
        if let Some(signed) = bundle {
            let created = self.environment.now();
            published.push(publish::bundle(&*self.store, repository, &image.manifest, signed, created).await?);
        }
        if let Some(signature) = legacy {
            match publish::legacy(&*self.store, repository, image.image(), signature).await {
                Ok(written) => published.push(written),
                Err(error) if published.is_empty() => return Err(error),
                Err(error) => return Err(SignImageError::Partly { published, error: Box::new(error) }),
            }
        }
        Ok(published)
    }

    /// Says `claim` of many images, [`limits::SIGNING_REQUESTS`] at once; results in their order.
    pub async fn sign_all(&self, images: &[FoundImage], claim: &Claim) -> Vec<Result<Vec<Published>, SignImageError>> {
        let mut results: Vec<_> = images.iter().map(|_| Err(SignError::Interrupted.into())).collect();
        let mut tasks = JoinSet::new();
        let mut waiting = images.iter().cloned().enumerate();
        loop {
            while tasks.len() < limits::SIGNING_REQUESTS
                && let Some((index, image)) = waiting.next()
            {
                let (signer, claim) = (self.clone(), claim.clone());
                tasks.spawn(async move { (index, signer.sign(&image, &claim).await) });
            }
            match tasks.join_next().await {
                None => return results,
                Some(Ok((index, result))) => {
                    if let Some(slot) = results.get_mut(index) {
                        *slot = result;
                    }
                }
                // A task that panicked leaves its result as it was: interrupted.
                Some(Err(_)) => {}
            }
        }
    }
}

/// Writes a bundle that was completed later, as a referrer of `image` in `repository`; comes back when it was read
/// there again.
///
/// # Errors
///
/// [`SignError::Spooled`] when the bundle is about another image, else what the store says.
pub async fn attach(
    store: &dyn ArtifactStore,
    repository: &Repository,
    image: &FoundImage,
    signed: Signed,
    created: UnixTime,
) -> Result<Published, SignImageError> {
    if signed.verified().artifact() != *image.image().digest() {
        return Err(SignError::Spooled { what: "it is about another image".to_owned() }.into());
    }
    publish::bundle(store, repository, &image.manifest, signed, created).await
}

/// Why an image is not signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignImageError {
    /// There is no signature.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store did not give or take something.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there is no image.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// More manifests below an index than [`limits::OCI_SIGNED_IMAGES`].
    #[error("more than {limit} manifests below the index", limit = limits::OCI_SIGNED_IMAGES)]
    TooMany,
    /// One form was written, and stays; the other was not.
    #[error("{error}")]
    Partly {
        /// What was written.
        published: Vec<Published>,
        /// Why the rest was not.
        error: Box<SignImageError>,
    },
    /// Others kept writing the tag of signatures.
    #[error("{name}: others write it at the same time ({attempts} tried)")]
    Contended {
        /// The tag.
        name: String,
        /// How often it was tried.
        attempts: u32,
    },
}

impl SignImageError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Sign(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Oci(error) => error.code(),
            Self::Partly { error, .. } => error.code(),
            Self::TooMany => Code::refused(
                "limit-signed-images",
                "sign the manifests that you mean by their digests, in several calls",
            ),
            Self::Contended { .. } => {
                Code::undecided("store-contended", "run it again when fewer write to this image at the same time")
            }
        }
    }
}

/// Whether the statement in an envelope says this, whatever the order of its keys.
fn says(payload: &[u8], claim: &Claim) -> bool {
    let (Ok(json), Ok(predicate)) = (Json::parse(payload), Json::parse(claim.predicate().as_bytes())) else {
        return false;
    };
    Statement::parse(payload).is_ok_and(|statement| statement.predicate_type == claim.predicate_type())
        && json.member("predicate").is_some_and(|stated| is_equal(stated, &predicate))
}

/// Equality of JSON values: keys are unique, and their order says nothing.
fn is_equal(one: &Json<'_>, other: &Json<'_>) -> bool {
    match (one, other) {
        (Json::Object(ones), Json::Object(others)) => {
            let same = |name: &str, value| other.member(name).is_some_and(|found| is_equal(value, found));
            ones.len() == others.len() && ones.iter().all(|(name, value)| same(name, value))
        }
        (Json::Array(ones), Json::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| is_equal(one, other))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
