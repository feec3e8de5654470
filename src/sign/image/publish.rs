//! Writing what was signed, and finding it again.

use std::time::{Duration, Instant};

use super::{Form, LegacySignature, Published, SignImageError};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::bundle::MEDIA_TYPE;
use crate::format::cosign;
use crate::format::oci::{
    BundleKind, DigestRef, EMPTY, EMPTY_BYTES, IMAGE_CONFIG, IMAGE_MANIFEST, Repository, Tag, bundle_manifest,
};
use crate::service::http::HttpError;
use crate::service::store::{ArtifactStore, Attached, FoundBy, StoreError, StoredManifest, TagUpdate, Thing};
use crate::sign::Signed;

/// Writes a bundle as a referrer of `subject` in `repository`; comes back when it was read there again.
pub(super) async fn bundle(
    store: &dyn ArtifactStore,
    repository: &Repository,
    subject: &StoredManifest,
    signed: Signed,
    created: UnixTime,
) -> Result<Published, SignImageError> {
    let statement = signed.verified().statement();
    let kind = match statement {
        Some(statement) => BundleKind::Envelope { predicate_type: &statement.predicate_type },
        None => BundleKind::MessageSignature,
    };
    store.put_bytes(repository, EMPTY, EMPTY_BYTES).await?;
    let layer = store.put_bytes(repository, MEDIA_TYPE, signed.json().as_bytes()).await?;
    let bytes = bundle_manifest(&subject.descriptor(), &layer, kind, created);
    let referrer = StoredManifest::of(repository, bytes, Some(IMAGE_MANIFEST))?;
    let attached = attach(store, &referrer).await?;
    // The list has it, says the store; that a stranger gets these bytes is seen here.
    let image = subject.image().within(repository);
    store.referrer(&image, &referrer.descriptor()).await?;
    store.blob(repository, &layer, limits::BUNDLE_BYTES).await?;
    let place = attached.referrer.to_string();
    Ok(Published { form: Form::Bundle, place, found_by: Some(attached.listed_by), verified: signed.verified().clone() })
}

/// Attaches a referrer so that it stays listed. A list in a tag can be replaced by a writer who read it before we
/// wrote: it is looked at once more after a while, and what is missing is attached again.
async fn attach(store: &dyn ArtifactStore, referrer: &StoredManifest) -> Result<Attached, StoreError> {
    let (mut unsettled, mut lost) = (0, 0);
    loop {
        let started = Instant::now();
        match store.attach(referrer).await {
            Ok(attached) if attached.listed_by != FoundBy::Tag => return Ok(attached),
            Ok(attached) => {
                tokio::time::sleep(lull(started.elapsed())).await;
                if is_listed(store, referrer).await? {
                    return Ok(attached);
                }
            }
            Err(StoreError::NotListed { .. }) if lost < limits::SETTLE_ATTEMPTS => {
                tokio::time::sleep(lull(started.elapsed())).await;
            }
            Err(error) => {
                let pause = settles(&error, unsettled).ok_or(error)?;
                unsettled += 1;
                tokio::time::sleep(pause).await;
                continue;
            }
        }
        lost += 1;
        if lost == limits::TAG_ATTEMPTS {
            return Err(StoreError::NotListed { name: referrer.image().to_string() });
        }
    }
}

async fn is_listed(store: &dyn ArtifactStore, referrer: &StoredManifest) -> Result<bool, StoreError> {
    let Some(subject) = referrer.manifest().subject() else { return Ok(false) };
    let image = referrer.image().repository().digested(subject.digest);
    let image = image.map_err(|error| StoreError::Oci { name: referrer.image().to_string(), error })?;
    let listed = store.referrers(&image, None).await?.descriptors;
    Ok(listed.iter().any(|listed| listed.digest == *referrer.image().digest()))
}

/// A while that is about as long as our own writing `took`, which is longer the more others write; at random, so
/// that writers do not meet again.
fn lull(took: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness writers merely meet more often.
    let _ = getrandom::fill(&mut byte);
    took.clamp(limits::SETTLE_PAUSE, limits::LULL).mul_f32(0.5 + f32::from(byte[0]) / 255.0)
}

/// How long to wait before a manifest is written once more that was refused, and perhaps for this reason only: a
/// blob that several write at the same time (the empty config, the payload that all sign) is for a moment not
/// there. docker-registry replaces the file that says so.
fn settles(error: &StoreError, unsettled: u32) -> Option<Duration> {
    let incomplete = matches!(error, StoreError::Http(HttpError::Refused { status: 400 | 404, answer, .. })
        if answer.contains("BLOB_UNKNOWN"));
    (incomplete && unsettled < limits::SETTLE_ATTEMPTS).then(|| limits::SETTLE_PAUSE * 2u32.pow(unsettled))
}

/// Adds a signature to those under the tag of `image` in `repository`; comes back when it was read there.
pub(super) async fn legacy(
    store: &dyn ArtifactStore,
    repository: &Repository,
    image: &DigestRef,
    signature: LegacySignature,
) -> Result<Published, SignImageError> {
    let tag = repository.tagged(Tag::of_cosign(image.digest(), signature.suffix()));
    store.put_bytes(repository, &signature.layer().media_type, signature.content()).await?;
    let mut unsettled = 0;
    // When this signature was last written, and how long that took.
    let mut written = None;
    for _ in 0..limits::TAG_ATTEMPTS {
        let started = Instant::now();
        let current = match store.resolve(&tag).await {
            Ok(current) => Some(current),
            Err(StoreError::Absent { thing: Thing::Manifest, .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let grown =
            cosign::manifest(current.as_ref().map(StoredManifest::bytes), std::slice::from_ref(signature.layer()))?;
        if let Some(grown) = grown {
            // The config counts the layers, so it must be there before the manifest that names it.
            store.put_bytes(repository, IMAGE_CONFIG, &grown.config).await?;
            let update = Grow { signature: &signature, current, grown: grown.manifest };
            match store.update_tag(&tag, &update).await {
                Ok(()) => {
                    written = Some(started.elapsed());
                    continue;
                }
                Err(StoreError::Contended { .. }) => continue,
                Err(error) => {
                    let pause = settles(&error, unsettled).ok_or(error)?;
                    unsettled += 1;
                    tokio::time::sleep(pause).await;
                    continue;
                }
            }
        }
        // It is there; it must be there after a while, too.
        if let Some(took) = written.take() {
            tokio::time::sleep(lull(took)).await;
            continue;
        }
        store.blob(repository, signature.layer(), limits::BUNDLE_BYTES).await?;
        let verified = signature.verified().clone();
        return Ok(Published { form: Form::Legacy, place: tag.to_string(), found_by: None, verified });
    }
    Err(SignImageError::Contended { name: tag.to_string(), attempts: limits::TAG_ATTEMPTS })
}

/// Puts a grown manifest in the place of the one that it was grown from, and of no other.
#[derive(Debug)]
struct Grow<'a> {
    signature: &'a LegacySignature,
    current: Option<StoredManifest>,
    grown: Vec<u8>,
}

impl TagUpdate for Grow<'_> {
    fn next(&self, current: Option<&StoredManifest>) -> Result<Option<Vec<u8>>, StoreError> {
        if current == self.current.as_ref() {
            return Ok(Some(self.grown.clone()));
        }
        let name = || current.map(|manifest| manifest.image().to_string()).unwrap_or_default();
        let missing =
            cosign::manifest(current.map(StoredManifest::bytes), std::slice::from_ref(self.signature.layer()));
        match missing.map_err(|error| StoreError::Oci { name: name(), error })? {
            None => Ok(None),
            // Somebody else wrote in between: their config is another.
            Some(_) => Err(StoreError::Contended { name: name(), attempts: 1 }),
        }
    }
}
