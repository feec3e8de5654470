//! A store in memory, for tests and for what is made up before it is written elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stored::{Check, fits};
use super::{
    ArtifactStore, Attached, BlobReader, Content, FoundBy, Referrers, StoreError, StoredManifest, TagUpdate, Thing,
};
use crate::base::crypto::Digest;
use crate::base::limits;
use crate::format::oci::{Descriptor, DigestRef, Repository, Tag, TaggedRef};
use crate::service::BoxFuture;

/// A store in memory. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    blobs: BTreeMap<(Repository, Digest), Arc<Vec<u8>>>,
    manifests: BTreeMap<DigestRef, StoredManifest>,
    tags: BTreeMap<TaggedRef, DigestRef>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, name: &TaggedRef) -> Option<StoredManifest> {
        let shared = self.lock();
        shared.manifests.get(shared.tags.get(name)?).cloned()
    }

    fn content(&self, repository: &Repository, blob: &Descriptor) -> Result<Arc<Vec<u8>>, StoreError> {
        let found = self.lock().blobs.get(&(repository.clone(), blob.digest)).cloned();
        let name = format_args!("{repository}@{}", blob.digest).to_string();
        let bytes = found.ok_or_else(|| StoreError::absent(Thing::Blob, &name))?;
        Check::new(repository, blob).whole(&bytes)?;
        Ok(bytes)
    }

    fn put(&self, manifest: &StoredManifest, tag: Option<&Tag>) {
        let mut shared = self.lock();
        shared.manifests.insert(manifest.image().clone(), manifest.clone());
        if let Some(tag) = tag {
            shared.tags.insert(manifest.image().repository().tagged(tag.clone()), manifest.image().clone());
        }
    }
}

impl ArtifactStore for MemoryStore {
    fn resolve<'a>(&'a self, name: &'a TaggedRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move { self.named(name).ok_or_else(|| StoreError::absent(Thing::Manifest, name)) })
    }

    fn manifest<'a>(&'a self, image: &'a DigestRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
            let found = self.lock().manifests.get(image).cloned();
            found.ok_or_else(|| StoreError::absent(Thing::Manifest, image))
        })
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        Box::pin(async move {
            fits(repository, blob, limit)?;
            Ok(self.content(repository, blob)?.to_vec())
        })
    }

    fn open_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, StoreError>> {
        Box::pin(async move {
            let content = self.content(repository, blob)?;
            Ok(Box::new(Pieces { content, at: 0 }) as Box<dyn BlobReader>)
        })
    }

    fn referrers<'a>(
        &'a self,
        image: &'a DigestRef,
        artifact_type: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Referrers, StoreError>> {
        Box::pin(async move {
            let shared = self.lock();
            let here = shared.manifests.values().filter(|stored| stored.image().repository() == image.repository());
            let about = |stored: &&StoredManifest| {
                stored.manifest().subject().is_some_and(|subject| subject.digest == *image.digest())
            };
            let all = here.filter(about).map(StoredManifest::as_referrer);
            let wanted =
                |listed: &Descriptor| artifact_type.is_none() || listed.artifact_type.as_deref() == artifact_type;
            let descriptors: Vec<_> = all.filter(wanted).collect();
            if descriptors.len() > limits::OCI_REFERRERS {
                return Err(StoreError::TooManyReferrers { name: image.to_string() });
            }
            Ok(Referrers { descriptors, found_by: FoundBy::Content })
        })
    }

    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<Tag>, StoreError>> {
        Box::pin(async move {
            let shared = self.lock();
            let here = shared.tags.keys().filter(|name| name.repository() == repository);
            Ok(here.map(|name| name.tag().clone()).collect())
        })
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        content: Content<'a>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut bytes = Vec::new();
            match content {
                Content::Bytes(given) => bytes.extend_from_slice(given),
                Content::Reader(mut reader) => {
                    while let Some(piece) = reader.next().await? {
                        bytes.extend_from_slice(&piece);
                    }
                }
            }
            Check::new(repository, blob).whole(&bytes)?;
            self.lock().blobs.insert((repository.clone(), blob.digest), Arc::new(bytes));
            Ok(())
        })
    }

    fn put_manifest<'a>(
        &'a self,
        manifest: &'a StoredManifest,
        tag: Option<&'a Tag>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.put(manifest, tag);
            Ok(())
        })
    }

    fn update_tag<'a>(
        &'a self,
        name: &'a TaggedRef,
        update: &'a dyn TagUpdate,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // Nothing is awaited between reading and writing, but other threads write too.
            for _ in 0..limits::TAG_ATTEMPTS {
                let before = self.named(name);
                let Some(bytes) = update.next(before.as_ref())? else { return Ok(()) };
                let changed = StoredManifest::of(name.repository(), bytes, None)?;
                let mut shared = self.lock();
                if shared.tags.get(name) == before.as_ref().map(StoredManifest::image) {
                    shared.tags.insert(name.clone(), changed.image().clone());
                    shared.manifests.insert(changed.image().clone(), changed);
                }
            }
            Err(StoreError::Contended { name: name.to_string(), attempts: limits::TAG_ATTEMPTS })
        })
    }

    fn attach<'a>(&'a self, referrer: &'a StoredManifest) -> BoxFuture<'a, Result<Attached, StoreError>> {
        Box::pin(async move {
            self.put(referrer, None);
            Ok(Attached { referrer: referrer.image().clone(), listed_by: FoundBy::Content })
        })
    }
}

/// Content that was checked when it was opened.
#[derive(Debug)]
struct Pieces {
    content: Arc<Vec<u8>>,
    at: usize,
}

impl BlobReader for Pieces {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let end = self.content.len().min(self.at + limits::READ_BUFFER);
            let piece = self.content.get(self.at..end).filter(|piece| !piece.is_empty());
            self.at = end;
            Ok(piece.map(<[u8]>::to_vec))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::oci::index;
    use crate::service::http::fake::block_on;

    /// Wants one manifest under the tag; another writer is there first, as often as it is told.
    #[derive(Debug)]
    struct Outrun<'s> {
        store: &'s MemoryStore,
        name: &'s TaggedRef,
        times: Mutex<u32>,
    }

    impl Outrun<'_> {
        fn manifest(&self, listed: &[u8]) -> StoredManifest {
            let bytes = index(&[Descriptor::of("text/plain", listed)], &BTreeMap::new());
            StoredManifest::of(self.name.repository(), bytes, None).unwrap()
        }
    }

    impl TagUpdate for Outrun<'_> {
        fn next(&self, current: Option<&StoredManifest>) -> Result<Option<Vec<u8>>, StoreError> {
            let wanted = self.manifest(b"wanted");
            if current == Some(&wanted) {
                return Ok(None);
            }
            let mut times = self.times.lock().unwrap();
            if *times > 0 {
                *times -= 1;
                self.store.put(&self.manifest(&times.to_be_bytes()), Some(self.name.tag()));
            }
            Ok(Some(wanted.bytes().to_vec()))
        }
    }

    #[test]
    fn whoever_is_always_outrun_gives_up() {
        let name = Repository::parse("registry.example/app").unwrap().tagged(Tag::parse("v1").unwrap());
        let update = |times| {
            let store = MemoryStore::new();
            let outrun = Outrun { store: &store, name: &name, times: Mutex::new(times) };
            let updated = block_on(store.update_tag(&name, &outrun));
            updated.map_err(|error| (error.code().name(), error.code().exit_code()))
        };
        assert_eq!(update(limits::TAG_ATTEMPTS - 2), Ok(()));
        assert_eq!(update(limits::TAG_ATTEMPTS), Err(("store-contended", 3)));
    }
}
