//! A store in memory that a test may make slow, silent or wrong.

use std::fmt;

use super::{
    ArtifactStore, Attached, BlobReader, Content, MemoryStore, Referrers, StoreError, StoredManifest, TagUpdate,
};
use crate::format::oci::{Descriptor, DigestRef, Repository, Tag, TaggedRef};
use crate::service::BoxFuture;

/// A question that can go wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    Resolve(&'a TaggedRef),
    Manifest(&'a DigestRef),
    Blob(&'a Descriptor),
    Referrers(&'a DigestRef),
}

/// What goes wrong.
pub(crate) trait Faults: fmt::Debug + Send + Sync {
    /// Comes before the answer; an error is the answer.
    fn before<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Changes a list before it is given.
    fn change(&self, _: &mut Referrers) {}
}

/// A store in memory with its faults.
#[derive(Debug, Default)]
pub(crate) struct FailingStore<F> {
    pub(crate) inner: MemoryStore,
    pub(crate) faults: F,
}

impl<F: Faults> ArtifactStore for FailingStore<F> {
    fn resolve<'a>(&'a self, name: &'a TaggedRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
            self.faults.before(Asked::Resolve(name)).await?;
            self.inner.resolve(name).await
        })
    }

    fn manifest<'a>(&'a self, image: &'a DigestRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
            self.faults.before(Asked::Manifest(image)).await?;
            self.inner.manifest(image).await
        })
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        Box::pin(async move {
            self.faults.before(Asked::Blob(blob)).await?;
            self.inner.blob(repository, blob, limit).await
        })
    }

    fn referrers<'a>(
        &'a self,
        image: &'a DigestRef,
        artifact_type: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Referrers, StoreError>> {
        Box::pin(async move {
            self.faults.before(Asked::Referrers(image)).await?;
            let mut listed = self.inner.referrers(image, artifact_type).await?;
            self.faults.change(&mut listed);
            Ok(listed)
        })
    }

    fn open_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, StoreError>> {
        self.inner.open_blob(repository, blob)
    }

    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<Tag>, StoreError>> {
        self.inner.tags(repository)
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        content: Content<'a>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.put_blob(repository, blob, content)
    }

    fn put_manifest<'a>(
        &'a self,
        manifest: &'a StoredManifest,
        tag: Option<&'a Tag>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.put_manifest(manifest, tag)
    }

    fn update_tag<'a>(
        &'a self,
        name: &'a TaggedRef,
        update: &'a dyn TagUpdate,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.update_tag(name, update)
    }

    fn attach<'a>(&'a self, referrer: &'a StoredManifest) -> BoxFuture<'a, Result<Attached, StoreError>> {
        self.inner.attach(referrer)
    }
}
