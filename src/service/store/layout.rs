//! An image layout: a folder with the content of registries.
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>
//!
//! A layout has no repositories: every name's repository means the layout itself. Tags are the annotation
//! `org.opencontainers.image.ref.name` of what `index.json` lists; referrers are listed there without one. What
//! another listed index holds is not listed itself. Blobs are checked against their digest when they are read,
//! never followed through links, and written whole or not at all. A layout in a tar archive is read in place. Two programs must not write one layout at the
//! same time.

mod archive;
mod files;
mod listing;

use std::path::Path;

use tokio::sync::Mutex;

pub use archive::{Archive, Picked};

use files::Files;
use listing::Listing;

use super::stored::{Check, fits};
use super::{
    ArtifactStore, Attached, BlobReader, Content, FoundBy, Referrers, StoreError, StoredManifest, TagUpdate, Thing,
};
use crate::base::limits;
use crate::format::oci::{
    Descriptor, DigestRef, IMAGE_INDEX, IMAGE_MANIFEST, Manifest, OciError, Repository, Tag, TaggedRef,
};
use crate::service::BoxFuture;

/// A layout on disk.
#[derive(Debug)]
pub struct LayoutStore {
    files: Files,
    /// Held while `index.json` is changed.
    listing: Mutex<()>,
}

impl LayoutStore {
    /// The layout in a folder.
    ///
    /// # Errors
    ///
    /// [`StoreError::Layout`] when it is none, [`StoreError::File`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let files = Files::folder(folder);
        files.check_version()?;
        Ok(Self { files, listing: Mutex::new(()) })
    }

    /// The layout in an archive, which is only read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Layout`] when it holds none.
    pub fn in_archive(archive: Archive) -> Result<Self, StoreError> {
        let files = Files::archive(archive);
        files.check_version()?;
        Ok(Self { files, listing: Mutex::new(()) })
    }

    /// The layout in a folder; an empty or new folder becomes one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Layout`] when the folder holds something else, [`StoreError::File`].
    pub fn create(folder: &Path) -> Result<Self, StoreError> {
        let files = Files::folder(folder);
        files.begin()?;
        Self::open(folder)
    }

    /// The images that the layout lists, each with its tag: not what refers to another, and not what is beside
    /// another under a tag of its digest.
    ///
    /// # Errors
    ///
    /// Those of [`ArtifactStore::manifest`].
    pub fn images(&self, repository: &Repository) -> Result<Vec<(StoredManifest, Option<Tag>)>, StoreError> {
        let mut images = Vec::new();
        for (listed, tag) in self.listing()?.with_tags() {
            let beside = |tag: &Tag| ["sha256-", "sha512-"].iter().any(|prefix| tag.as_str().starts_with(prefix));
            if tag.as_ref().is_some_and(beside) {
                continue;
            }
            let name = repository.digested(listed.digest).map_err(|error| self.files.malformed(&error))?;
            let manifest = self.read_manifest(&name)?;
            if manifest.manifest().subject().is_none() {
                images.push((manifest, tag));
            }
        }
        Ok(images)
    }

    fn listing(&self) -> Result<Listing, StoreError> {
        Listing::parse(&self.files, &self.files.index()?)
    }

    fn write(&self, listing: &Listing) -> Result<(), StoreError> {
        self.files.write_index(&listing.to_bytes())
    }

    fn read_manifest(&self, image: &DigestRef) -> Result<StoredManifest, StoreError> {
        let bytes = self.files.blob(image.digest(), limits::OCI_MANIFEST_BYTES)?;
        let bytes = bytes.ok_or_else(|| StoreError::absent(Thing::Manifest, image))?;
        // A manifest of the first version of the specification does not say what it is; its members do.
        let unnamed = |error: &StoreError| matches!(error, StoreError::Oci { error: OciError::MediaType { found, .. }, .. } if found.is_empty());
        match StoredManifest::new(image.clone(), bytes.clone(), None) {
            Err(error) if unnamed(&error) => StoredManifest::new(image.clone(), bytes.clone(), Some(IMAGE_MANIFEST))
                .or_else(|_| StoredManifest::new(image.clone(), bytes, Some(IMAGE_INDEX))),
            other => other,
        }
    }

    fn named(&self, name: &TaggedRef) -> Result<Option<StoredManifest>, StoreError> {
        let Some(listed) = self.listing()?.named(name)? else { return Ok(None) };
        let image = name.repository().digested(listed.digest).map_err(|error| self.files.malformed(&error))?;
        let manifest = self.read_manifest(&image)?;
        manifest.check_size(&listed)?;
        Ok(Some(manifest))
    }

    fn store(&self, manifest: &StoredManifest, tag: Option<&Tag>) -> Result<(), StoreError> {
        self.files.write_blob(manifest.image().digest(), manifest.bytes())?;
        let mut listing = self.listing()?;
        listing.add(manifest.as_referrer(), tag)?;
        if let Manifest::Index(index) = manifest.manifest() {
            listing.remove_unnamed(&index.manifests);
        }
        self.write(&listing)
    }
}

impl ArtifactStore for LayoutStore {
    fn resolve<'a>(&'a self, name: &'a TaggedRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move { self.named(name)?.ok_or_else(|| StoreError::absent(Thing::Manifest, name)) })
    }

    fn manifest<'a>(&'a self, image: &'a DigestRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move { self.read_manifest(image) })
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        Box::pin(async move {
            fits(repository, blob, limit)?;
            let bytes = self.files.blob(&blob.digest, limit)?;
            let bytes = bytes.ok_or_else(|| absent(repository, blob))?;
            Check::new(repository, blob).whole(&bytes)?;
            Ok(bytes)
        })
    }

    fn open_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, StoreError>> {
        Box::pin(async move {
            let reader = self.files.open(&blob.digest)?.ok_or_else(|| absent(repository, blob))?;
            Ok(Box::new(reader.checked(Check::new(repository, blob))) as Box<dyn BlobReader>)
        })
    }

    fn referrers<'a>(
        &'a self,
        image: &'a DigestRef,
        artifact_type: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Referrers, StoreError>> {
        Box::pin(async move {
            let mut descriptors = Vec::new();
            for listed in self.listing()?.with_referrers_of(self, image)? {
                let name = image.repository().digested(listed.digest).map_err(|error| self.files.malformed(&error))?;
                let found = self.read_manifest(&name)?;
                let about = found.manifest().subject().is_some_and(|subject| subject.digest == *image.digest());
                let wanted = artifact_type.is_none() || found.manifest().artifact_type() == artifact_type;
                if about && wanted {
                    descriptors.push(found.as_referrer());
                }
            }
            if descriptors.len() > limits::OCI_REFERRERS {
                return Err(StoreError::TooManyReferrers { name: image.to_string() });
            }
            Ok(Referrers { descriptors, found_by: FoundBy::Content })
        })
    }

    fn tags<'a>(&'a self, _: &'a Repository) -> BoxFuture<'a, Result<Vec<Tag>, StoreError>> {
        Box::pin(async move { Ok(self.listing()?.tags()) })
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        content: Content<'a>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut check = Check::new(repository, blob);
            let mut file = self.files.new_blob(&blob.digest)?;
            match content {
                Content::Bytes(bytes) => {
                    check.update(bytes)?;
                    file.write(bytes)?;
                }
                Content::Reader(mut reader) => {
                    while let Some(piece) = reader.next().await? {
                        check.update(&piece)?;
                        file.write(&piece)?;
                    }
                }
            }
            check.finish()?;
            file.finish()
        })
    }

    fn put_manifest<'a>(
        &'a self,
        manifest: &'a StoredManifest,
        tag: Option<&'a Tag>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let _changing = self.listing.lock().await;
            self.store(manifest, tag)
        })
    }

    fn update_tag<'a>(
        &'a self,
        name: &'a TaggedRef,
        update: &'a dyn TagUpdate,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let _changing = self.listing.lock().await;
            let Some(bytes) = update.next(self.named(name)?.as_ref())? else { return Ok(()) };
            self.store(&StoredManifest::of(name.repository(), bytes, None)?, Some(name.tag()))
        })
    }

    fn attach<'a>(&'a self, referrer: &'a StoredManifest) -> BoxFuture<'a, Result<Attached, StoreError>> {
        Box::pin(async move {
            let _changing = self.listing.lock().await;
            self.store(referrer, None)?;
            Ok(Attached { referrer: referrer.image().clone(), listed_by: FoundBy::Content })
        })
    }
}

fn absent(repository: &Repository, blob: &Descriptor) -> StoreError {
    StoreError::absent(Thing::Blob, &format_args!("{repository}@{}", blob.digest))
}

#[cfg(test)]
mod tests;
