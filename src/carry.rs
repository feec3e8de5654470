//! Carrying an image from store to store with everything that is attached to it.
//!
//! ```text
//! what is carried: blobs ─► manifests, children before their index ─► referrers of each, and theirs
//!                  ─► the older cosign tags of each ─► the tag, last ─► read back
//! ```
//!
//! Nothing is left behind silently: a list that cannot be read, a referrer or a platform's manifest that is not
//! there ends the act. What was written until then is content under its digest; the tag is only written when all
//! the rest is there.

mod legacy;
pub mod pack;

use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;
use crate::format::oci::{CosignSuffix, Descriptor, DigestRef, Manifest, Platform, Repository, Tag};
use crate::service::BoxFuture;
use crate::service::bounded::bounded;
use crate::service::store::{ArtifactStore, Content, StoreError, StoredManifest};

/// Why an image was not carried.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CarryError {
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No manifest for the platform that was asked for.
    #[error("{image} has no manifest for {wanted}")]
    Platform {
        /// The image.
        image: DigestRef,
        /// What was asked for.
        wanted: Platform,
    },
    /// Indexes in indexes, or referrers of referrers, beyond [`limits::CARRY_DEPTH`].
    #[error("{image} is nested deeper than {limit}", limit = limits::CARRY_DEPTH)]
    Depth {
        /// Where the bound was met.
        image: DigestRef,
    },
    /// What was read back is not what was written.
    #[error("{image} was written, and {found} was read back")]
    NotArrived {
        /// What was written.
        image: DigestRef,
        /// What was found in its place.
        found: DigestRef,
    },
}

impl CarryError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Platform { .. } => {
                Code::refused("platform-not-found", "`sealmark tree` shows the platforms of an image")
            }
            Self::Depth { .. } => Code::refused("limit-nesting", "ask who pushed it what this is"),
            Self::NotArrived { .. } => {
                Code::undecided("image-not-arrived", "somebody moved the tag at the same time: run it again")
            }
        }
    }
}

/// What is to be carried, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Cargo<'a> {
    /// The image or index, as the source gave it.
    pub image: &'a StoredManifest,
    /// Of an index, this platform's image alone; its digest is another one then.
    pub platform: Option<&'a Platform>,
    /// Where it goes.
    pub repository: &'a Repository,
    /// The tag that it gets.
    pub tag: Option<&'a Tag>,
}

/// How far a carrying act has come; may be read while it is under way.
#[derive(Debug, Default)]
pub struct Progress {
    manifests: AtomicU64,
    referrers: AtomicU64,
    legacy: AtomicU64,
    blobs: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Images and indexes that have arrived.
    pub fn manifests(&self) -> u64 {
        self.manifests.load(Ordering::Relaxed)
    }

    /// Referrers that have arrived: signatures, attestations and others.
    pub fn referrers(&self) -> u64 {
        self.referrers.load(Ordering::Relaxed)
    }

    /// Tags of the older cosign that have arrived.
    pub fn legacy(&self) -> u64 {
        self.legacy.load(Ordering::Relaxed)
    }

    /// Blobs that have arrived.
    pub fn blobs(&self) -> u64 {
        self.blobs.load(Ordering::Relaxed)
    }

    /// Bytes of these blobs.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Carries an image from `source` to `target`; gives what has arrived.
///
/// # Errors
///
/// [`CarryError`]; the tag is not written then.
pub async fn carry(
    source: &dyn ArtifactStore,
    target: &dyn ArtifactStore,
    cargo: Cargo<'_>,
    progress: &Progress,
) -> Result<DigestRef, CarryError> {
    let way = Way { source, target, to: cargo.repository, progress };
    let image = match cargo.platform {
        Some(platform) => way.of_platform(cargo.image, platform).await?,
        None => cargo.image.clone(),
    };
    for carried in way.image(&image, 0).await? {
        way.attached(&carried, 0).await?;
    }
    let arrived = image.within(cargo.repository);
    target.put_manifest(&arrived, cargo.tag).await?;
    let found = match cargo.tag {
        Some(tag) => target.resolve(&cargo.repository.tagged(tag.clone())).await?,
        None => target.manifest(arrived.image()).await?,
    };
    if found.image().digest() != arrived.image().digest() {
        return Err(CarryError::NotArrived { image: arrived.image().clone(), found: found.image().clone() });
    }
    Ok(arrived.image().clone())
}

/// From here to there.
#[derive(Debug, Clone, Copy)]
struct Way<'a> {
    source: &'a dyn ArtifactStore,
    target: &'a dyn ArtifactStore,
    to: &'a Repository,
    progress: &'a Progress,
}

impl Way<'_> {
    async fn of_platform(&self, image: &StoredManifest, wanted: &Platform) -> Result<StoredManifest, CarryError> {
        let Manifest::Index(index) = image.manifest() else { return Ok(image.clone()) };
        let missing = || CarryError::Platform { image: image.image().clone(), wanted: wanted.clone() };
        self.below(image, index.for_platform(wanted).ok_or_else(missing)?).await
    }

    async fn below(&self, image: &StoredManifest, child: &Descriptor) -> Result<StoredManifest, CarryError> {
        let name = image.image().repository().digested(child.digest);
        let name = name.map_err(|error| StoreError::Oci { name: image.image().to_string(), error })?;
        Ok(self.source.manifest(&name).await?)
    }

    /// Carries an image or index without its tag; gives it and all below it, children first.
    fn image<'s>(
        &'s self,
        image: &'s StoredManifest,
        depth: usize,
    ) -> BoxFuture<'s, Result<Vec<StoredManifest>, CarryError>> {
        Box::pin(async move {
            if depth > limits::CARRY_DEPTH {
                return Err(CarryError::Depth { image: image.image().clone() });
            }
            let mut carried = Vec::new();
            match image.manifest() {
                Manifest::Index(index) => {
                    for child in &index.manifests {
                        let child = self.below(image, child).await?;
                        carried.extend(self.image(&child, depth + 1).await?);
                    }
                }
                Manifest::Image(_) => self.blobs(image).await?,
            }
            self.target.put_manifest(&image.within(self.to), None).await?;
            self.progress.manifests.fetch_add(1, Ordering::Relaxed);
            carried.push(image.clone());
            Ok(carried)
        })
    }

    /// Carries what refers to `subject`, what refers to that, and the older cosign tags.
    fn attached<'s>(&'s self, subject: &'s StoredManifest, depth: usize) -> BoxFuture<'s, Result<(), CarryError>> {
        Box::pin(async move {
            let listed = self.source.referrers(subject.image(), None).await?.descriptors;
            if depth > limits::CARRY_DEPTH && !listed.is_empty() {
                return Err(CarryError::Depth { image: subject.image().clone() });
            }
            for descriptor in &listed {
                let referrer = self.source.referrer(subject.image(), descriptor).await?;
                if let Manifest::Index(index) = referrer.manifest() {
                    for child in &index.manifests {
                        let child = self.below(&referrer, child).await?;
                        self.image(&child, depth + 1).await?;
                    }
                } else {
                    self.blobs(&referrer).await?;
                }
                self.target.attach(&referrer.within(self.to)).await?;
                self.progress.referrers.fetch_add(1, Ordering::Relaxed);
                self.attached(&referrer, depth + 1).await?;
            }
            for suffix in [CosignSuffix::Signatures, CosignSuffix::Attestations, CosignSuffix::Sbom] {
                self.legacy(subject, suffix).await?;
            }
            Ok(())
        })
    }

    /// Carries the config and the layers of an image.
    async fn blobs(&self, image: &StoredManifest) -> Result<(), CarryError> {
        let Manifest::Image(manifest) = image.manifest() else { return Ok(()) };
        let from = image.image().repository();
        let mut wanted: Vec<_> = std::iter::once(&manifest.config).chain(&manifest.layers).collect();
        wanted.sort_by_key(|blob| blob.digest.hex());
        wanted.dedup_by_key(|blob| blob.digest);
        let carried = wanted.into_iter().map(|blob| Box::pin(self.blob(from, blob)) as BoxFuture<'_, _>);
        bounded(carried.collect(), limits::CARRIED_BLOBS).await.into_iter().collect()
    }

    async fn blob(&self, from: &Repository, blob: &Descriptor) -> Result<(), CarryError> {
        if !self.target.link_blob(self.to, from, blob).await? {
            let reader = self.source.open_blob(from, blob).await?;
            self.target.put_blob(self.to, blob, Content::Reader(reader)).await?;
        }
        self.progress.blobs.fetch_add(1, Ordering::Relaxed);
        self.progress.bytes.fetch_add(blob.size, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
