//! Content with its name: manifests whose bytes were checked, blobs that are checked while they are read.

use std::fmt;

use super::{StoreError, Thing};
use crate::base::crypto::{Digest, Hasher};
use crate::base::limits;
use crate::format::oci::{Descriptor, DigestRef, Manifest, OciError, Repository};
use crate::service::BoxFuture;

/// A manifest under its digest: the bytes, checked against it, and what they say.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredManifest {
    image: DigestRef,
    bytes: Vec<u8>,
    manifest: Manifest,
}

impl StoredManifest {
    /// These bytes, which must have the digest of `image`. `media_type` is what came with them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Digest`] and [`StoreError::Oci`].
    pub fn new(image: DigestRef, bytes: Vec<u8>, media_type: Option<&str>) -> Result<Self, StoreError> {
        let found = Digest::of(image.digest().algorithm(), &bytes);
        if found != *image.digest() {
            return Err(StoreError::Digest { thing: Thing::Manifest, name: image.to_string(), found });
        }
        let manifest = Manifest::parse(&bytes, media_type).map_err(|error| match error {
            OciError::TooLarge => StoreError::too_large(Thing::Manifest, &image, limits::OCI_MANIFEST_BYTES),
            error => StoreError::oci(&image, error),
        })?;
        Ok(Self { image, bytes, manifest })
    }

    /// These bytes in `repository`, under their SHA-256 digest: a manifest that was just made or resolved.
    ///
    /// # Errors
    ///
    /// [`StoreError::Oci`].
    pub fn of(repository: &Repository, bytes: Vec<u8>, media_type: Option<&str>) -> Result<Self, StoreError> {
        Self::new(repository.content(&bytes), bytes, media_type)
    }

    /// The name.
    pub fn image(&self) -> &DigestRef {
        &self.image
    }

    /// The bytes that the digest is of.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the bytes say.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Names this manifest: media type, digest and size only.
    pub fn descriptor(&self) -> Descriptor {
        let size = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        Descriptor::new(self.manifest.media_type(), *self.image.digest(), size)
    }

    /// How a list of referrers names this manifest: with artifact type and annotations (distribution-spec 1.1,
    /// "Listing Referrers").
    pub fn as_referrer(&self) -> Descriptor {
        Descriptor {
            artifact_type: self.manifest.artifact_type().map(str::to_owned),
            annotations: self.manifest.annotations().clone(),
            ..self.descriptor()
        }
    }

    /// The same manifest in another repository.
    #[must_use]
    pub fn within(&self, repository: &Repository) -> Self {
        Self { image: self.image.within(repository), ..self.clone() }
    }

    /// That this is as long as `listed` says.
    pub(super) fn check_size(&self, listed: &Descriptor) -> Result<(), StoreError> {
        let found = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        if found == listed.size {
            return Ok(());
        }
        Err(StoreError::Size { name: self.image.to_string(), expected: listed.size, found })
    }

    /// That this is about `subject`.
    pub(super) fn check_subject(&self, subject: &DigestRef) -> Result<(), StoreError> {
        let found = self.manifest.subject().map(|found| found.digest);
        if found.as_ref() == Some(subject.digest()) {
            return Ok(());
        }
        Err(StoreError::Subject { name: self.image.to_string(), expected: *subject.digest(), found })
    }
}

impl fmt::Debug for StoredManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredManifest({}, {} bytes)", self.image, self.bytes.len())
    }
}

/// Reads a blob piece by piece and checks it: the last piece comes only when digest and size are right.
pub trait BlobReader: fmt::Debug + Send {
    /// The next piece, `None` at the end. An error is final.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>>;
}

/// What is written as a blob.
#[derive(Debug)]
pub enum Content<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// Read while it is written.
    Reader(Box<dyn BlobReader>),
}

/// Holds bytes against a descriptor as they pass by.
#[derive(Debug, Clone)]
pub(super) struct Check {
    name: String,
    expected: Digest,
    size: u64,
    seen: u64,
    hasher: Hasher,
}

impl Check {
    pub(super) fn new(repository: &Repository, blob: &Descriptor) -> Self {
        Self {
            name: format!("{repository}@{}", blob.digest),
            expected: blob.digest,
            size: blob.size,
            seen: 0,
            hasher: Hasher::new(blob.digest.algorithm()),
        }
    }

    /// Takes a piece in.
    pub(super) fn update(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.seen = self.seen.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        self.hasher.update(piece);
        if self.seen > self.size { Err(self.wrong_size()) } else { Ok(()) }
    }

    /// Whether as much has come as was promised.
    pub(super) fn is_long_enough(&self) -> bool {
        self.seen >= self.size
    }

    /// That all has come, and is what was asked for.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        if self.seen != self.size {
            return Err(self.wrong_size());
        }
        let found = self.hasher.clone().finish();
        if found == self.expected {
            return Ok(());
        }
        Err(StoreError::Digest { thing: Thing::Blob, name: self.name.clone(), found })
    }

    /// Of bytes that are in memory whole.
    pub(super) fn whole(mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.update(bytes)?;
        self.finish()
    }

    fn wrong_size(&self) -> StoreError {
        StoreError::Size { name: self.name.clone(), expected: self.size, found: self.seen }
    }
}

/// That `blob` may be held in memory.
pub(super) fn fits(repository: &Repository, blob: &Descriptor, limit: usize) -> Result<(), StoreError> {
    if blob.size <= u64::try_from(limit).unwrap_or(u64::MAX) {
        return Ok(());
    }
    Err(StoreError::too_large(Thing::Blob, &format_args!("{repository}@{}", blob.digest), limit))
}
