//! Where images and what is attached to them are kept: a registry, an image layout on disk, memory.
//!
//! An implementation guarantees:
//!
//! * what it hands out is what the digest and size of the question name, checked over the very bytes that it
//!   hands out; a header or a file name is never believed;
//! * [`StoreError::Absent`] and an empty [`Referrers`] mean that the store has answered so. Whatever kept it
//!   from looking (overload, no permission, an answer that is not the protocol's) is another error, of class
//!   "could not decide";
//! * bounds of [`limits`] are applied while bytes arrive;
//! * a write has succeeded when it returns: what was attached was found again by reading.
//!
//! Signatures and the like are listed by [`ArtifactStore::referrers`] and fetched by
//! [`ArtifactStore::referrer`], which checks that the referrer is about the subject. Many calls may be made at
//! once; the store bounds what goes out at a time.

mod error;
#[cfg(test)]
pub(crate) mod failing;
mod layout;
mod memory;
pub mod registry;
mod stored;

use std::fmt;

use super::BoxFuture;
use crate::base::limits;
use crate::format::oci::{Descriptor, DigestRef, Repository, Tag, TaggedRef};

pub use error::{StoreError, Thing};
pub use layout::{Archive, LayoutStore, Picked};
pub use memory::MemoryStore;
pub use registry::RegistryStore;
pub use stored::{BlobReader, Content, StoredManifest};

/// What refers to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrers {
    /// One a referrer, as the store lists it: claims until the referrer was fetched.
    pub descriptors: Vec<Descriptor>,
    /// Which of its lists the store answered with.
    pub found_by: FoundBy,
}

/// Which list of referrers answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FoundBy {
    /// The referrers API of a registry.
    Api,
    /// The tag `sha256-…` of a registry without that API; also when there is no such tag.
    Tag,
    /// The store's own content: a layout or memory.
    Content,
}

/// What became of a referrer that was attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The referrer.
    pub referrer: DigestRef,
    /// Which list holds it now; it was read there after it was written.
    pub listed_by: FoundBy,
}

/// A change of what a tag names, made again on what others wrote in between.
pub trait TagUpdate: fmt::Debug + Send + Sync {
    /// The manifest to write in the place of `current`; `None` when `current` already is as wanted.
    ///
    /// # Errors
    ///
    /// Whatever makes the change impossible; the update then ends with it.
    fn next(&self, current: Option<&StoredManifest>) -> Result<Option<Vec<u8>>, StoreError>;
}

/// A place where artifacts are kept; see the module for what an implementation guarantees.
pub trait ArtifactStore: fmt::Debug + Send + Sync {
    /// What `name` names now. One request; the digest is computed from the bytes that came.
    fn resolve<'a>(&'a self, name: &'a TaggedRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>>;

    /// The manifest with this digest.
    fn manifest<'a>(&'a self, image: &'a DigestRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>>;

    /// The content of `blob` in memory; [`StoreError::TooLarge`] when it is longer than `limit`, before anything
    /// is fetched.
    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>>;

    /// The content of `blob` piece by piece. What was read is proven only when the reader has given its end.
    fn open_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, StoreError>>;

    /// What refers to `image`: of this artifact type, or all. The image itself need not exist.
    fn referrers<'a>(
        &'a self,
        image: &'a DigestRef,
        artifact_type: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Referrers, StoreError>>;

    /// The tags of a repository.
    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<Tag>, StoreError>>;

    /// Writes the content of `blob` unless it is there. `content` must be what the descriptor says.
    fn put_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        content: Content<'a>,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Makes `blob` part of `repository` without sending it: it is there already, or the store takes it from the
    /// repository `from`. False when it has to be written.
    fn link_blob<'a>(
        &'a self,
        repository: &'a Repository,
        from: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let _ = (repository, from, blob);
        Box::pin(async { Ok(false) })
    }

    /// Writes a manifest under its digest, and under `tag` when one is given (whatever it named before). Its
    /// blobs must be there. A manifest with a subject is written with [`attach`](Self::attach).
    fn put_manifest<'a>(
        &'a self,
        manifest: &'a StoredManifest,
        tag: Option<&'a Tag>,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Changes what a tag names without losing what others write at the same time: conditionally where the
    /// store can, else by reading back and repeating within a bound. Success is a read that needs no change.
    fn update_tag<'a>(
        &'a self,
        name: &'a TaggedRef,
        update: &'a dyn TagUpdate,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Writes a manifest whose subject is in the same repository, and sees to it that the list of referrers has
    /// it. Its blobs must be there.
    fn attach<'a>(&'a self, referrer: &'a StoredManifest) -> BoxFuture<'a, Result<Attached, StoreError>>;

    /// The manifest of a referrer that [`referrers`](Self::referrers) lists, when it is about `subject`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Subject`] when it is about something else or about nothing, and those of
    /// [`manifest`](Self::manifest).
    fn referrer<'a>(
        &'a self,
        subject: &'a DigestRef,
        listed: &'a Descriptor,
    ) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
            let image =
                subject.repository().digested(listed.digest).map_err(|error| StoreError::oci(subject, error))?;
            if listed.size > u64::try_from(limits::OCI_MANIFEST_BYTES).unwrap_or(u64::MAX) {
                return Err(StoreError::too_large(Thing::Manifest, &image, limits::OCI_MANIFEST_BYTES));
            }
            let referrer = self.manifest(&image).await?;
            referrer.check_size(listed)?;
            referrer.check_subject(subject)?;
            Ok(referrer)
        })
    }

    /// Writes bytes that are in memory; gives their descriptor.
    fn put_bytes<'a>(
        &'a self,
        repository: &'a Repository,
        media_type: &'a str,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<Descriptor, StoreError>> {
        Box::pin(async move {
            let descriptor = Descriptor::of(media_type, bytes);
            self.put_blob(repository, &descriptor, Content::Bytes(bytes)).await?;
            Ok(descriptor)
        })
    }
}

#[cfg(test)]
mod tests;
