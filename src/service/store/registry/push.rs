//! Writing: blobs, manifests, referrers.

use reqwest::header::{self, HeaderName};

use super::super::stored::Check;
use super::super::{Attached, BlobReader, Content, FoundBy, StoreError, StoredManifest, TagUpdate};
use super::answer::{self, field};
use super::auth::Action;
use super::transport::{Call, Transport, is_redirect};
use super::{RegistryError, referrers, update};
use crate::base::limits;
use crate::format::oci::{Descriptor, Repository, Tag, parse_digest, referrers_index};
use crate::service::http::{Endpoint, HttpError, Method, Repeat, Response};

/// Writes a blob unless it is there.
pub(super) async fn blob(
    transport: &Transport,
    repository: &Repository,
    blob: &Descriptor,
    content: Content<'_>,
) -> Result<(), StoreError> {
    let check = Check::new(repository, blob);
    if let Content::Bytes(bytes) = &content {
        check.clone().whole(bytes)?;
    }
    if is_there(transport, repository, blob).await? {
        return Ok(());
    }
    match content {
        Content::Bytes(bytes) => {
            let mut attempts = transport.settings.http.attempts;
            loop {
                attempts = attempts.saturating_sub(1);
                match bytes_once(transport, repository, blob, bytes).await {
                    // An upload that broke off begins anew: its session may be gone.
                    Err(StoreError::Http(HttpError::Unreachable { .. } | HttpError::Unavailable { .. }))
                        if attempts > 0 =>
                    {
                        tokio::time::sleep(transport.settings.http.first_pause).await;
                    }
                    other => return other,
                }
            }
        }
        Content::Reader(reader) => {
            let session = begin(transport, repository).await?;
            let mut upload = Upload { transport, repository, session, at: 0 };
            let last = upload.all_but_last(reader, check).await?;
            finish_streamed(upload, blob, &last).await
        }
    }
}

async fn bytes_once(
    transport: &Transport,
    repository: &Repository,
    blob: &Descriptor,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let session = begin(transport, repository).await?;
    if bytes.len() <= limits::UPLOAD_PIECE {
        return finish(transport, repository, &session, blob, bytes).await;
    }
    let mut upload = Upload { transport, repository, session, at: 0 };
    for piece in bytes.chunks(limits::UPLOAD_PIECE) {
        upload.piece(piece).await?;
    }
    finish(transport, repository, &upload.session, blob, &[]).await
}

async fn is_there(transport: &Transport, repository: &Repository, blob: &Descriptor) -> Result<bool, StoreError> {
    let endpoint = transport.endpoint(repository, &format!("blobs/{}", blob.digest))?;
    let mut call = Call::get(repository, endpoint, limits::ERROR_RESPONSE_BYTES);
    (call.method, call.action) = (Method::HEAD, Action::Push);
    let response = transport.call(&call).await?;
    match response.status {
        200 => Ok(true),
        // It knows where the content is.
        status if is_redirect(status) => Ok(true),
        404 => Ok(false),
        _ => Err(answer::of_write(&call.endpoint, &response)),
    }
}

/// Whether a blob is there, or was taken from another repository of the registry (distribution-spec, "Mounting a
/// blob from another repository").
pub(super) async fn link(
    transport: &Transport,
    repository: &Repository,
    from: &Repository,
    blob: &Descriptor,
) -> Result<bool, StoreError> {
    if is_there(transport, repository, blob).await? {
        return Ok(true);
    }
    if from.registry() != repository.registry() || from == repository {
        return Ok(false);
    }
    let endpoint = transport.endpoint(repository, "blobs/uploads/")?;
    let endpoint = endpoint.with_query("mount", &blob.digest.to_string()).with_query("from", from.path());
    let mut call = Call::write(repository, Method::POST, endpoint, &[]);
    call.action = Action::Mount(from.path().to_owned());
    match transport.call(&call).await {
        Ok(response) => Ok(response.status == 201),
        // Whoever may not read there sends what it has.
        Err(StoreError::Registry(RegistryError::Unauthorized { .. })) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens an upload; gives where it goes on.
async fn begin(transport: &Transport, repository: &Repository) -> Result<Endpoint, StoreError> {
    let endpoint = transport.endpoint(repository, "blobs/uploads/")?;
    let call = Call::write(repository, Method::POST, endpoint, &[]);
    let response = transport.call(&call).await?;
    match response.status {
        202 => location(&call.endpoint, &response),
        _ => Err(answer::of_write(&call.endpoint, &response)),
    }
}

/// Whether an upload may begin; it is given up at once, and nothing was sent.
pub(super) async fn permitted(transport: &Transport, repository: &Repository) -> Result<(), StoreError> {
    let session = begin(transport, repository).await?;
    let call = Call::write(repository, Method::DELETE, session, &[]);
    // A registry that cannot end it forgets it by itself.
    let _ = transport.call(&call).await;
    Ok(())
}

/// Where an upload goes on: at the registry itself.
fn location(from: &Endpoint, response: &Response) -> Result<Endpoint, StoreError> {
    let location = field(response, "location");
    let location = location.ok_or_else(|| answer::malformed(from, "an upload without a place to go on"))?;
    from.location(location).ok_or_else(|| {
        let target = location.split('?').next().unwrap_or_default().chars().take(100).collect();
        let problem = "an upload goes on at the registry itself";
        RegistryError::CrossHost { url: from.to_string(), target, problem }.into()
    })
}

/// Ends an upload with its last bytes.
async fn finish(
    transport: &Transport,
    repository: &Repository,
    session: &Endpoint,
    blob: &Descriptor,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let endpoint = session.with_query("digest", &blob.digest.to_string());
    let mut call =
        Call::write(repository, Method::PUT, endpoint, bytes).with(header::CONTENT_TYPE, "application/octet-stream");
    // A second attempt may meet a session that has ended with the first.
    call.repeat = Repeat::Never;
    let response = transport.call(&call).await?;
    match response.status {
        201 => Ok(()),
        _ => Err(answer::of_write(&call.endpoint, &response)),
    }
}

async fn finish_streamed(upload: Upload<'_>, blob: &Descriptor, last: &[u8]) -> Result<(), StoreError> {
    let Upload { transport, repository, session, at } = upload;
    if at == 0 {
        return finish(transport, repository, &session, blob, last).await;
    }
    let mut upload = Upload { transport, repository, session, at };
    upload.piece(last).await?;
    finish(transport, repository, &upload.session, blob, &[]).await
}

/// An upload in pieces.
struct Upload<'a> {
    transport: &'a Transport,
    repository: &'a Repository,
    session: Endpoint,
    at: usize,
}

impl Upload<'_> {
    /// Sends one piece (distribution-spec, "Pushing a blob in chunks").
    async fn piece(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        if piece.is_empty() {
            return Ok(());
        }
        let range = format!("{}-{}", self.at, self.at + piece.len() - 1);
        let mut call = Call::write(self.repository, Method::PATCH, self.session.clone(), piece)
            .with(header::CONTENT_TYPE, "application/octet-stream")
            .with(header::CONTENT_RANGE, &range);
        call.repeat = Repeat::Never;
        let response = self.transport.call(&call).await?;
        if response.status != 202 {
            return Err(answer::of_write(&call.endpoint, &response));
        }
        self.session = location(&call.endpoint, &response)?;
        self.at += piece.len();
        Ok(())
    }

    /// Sends what a reader gives, checked as it passes; gives the last piece.
    async fn all_but_last(&mut self, mut reader: Box<dyn BlobReader>, mut check: Check) -> Result<Vec<u8>, StoreError> {
        let mut held = Vec::new();
        while let Some(piece) = reader.next().await? {
            check.update(&piece)?;
            held.extend_from_slice(&piece);
            if held.len() >= limits::UPLOAD_PIECE {
                self.piece(&held).await?;
                held.clear();
            }
        }
        check.finish()?;
        Ok(held)
    }
}

/// Writes a manifest under its digest, or under a tag and with it its digest.
pub(super) async fn manifest(
    transport: &Transport,
    manifest: &StoredManifest,
    tag: Option<&Tag>,
) -> Result<(), StoreError> {
    let digest = manifest.image().digest().to_string();
    put(transport, manifest, tag.map_or(digest.as_str(), Tag::as_str), None).await.map(drop)
}

/// What became of a write with a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// Written.
    Done,
    /// Written, and the registry lists it as a referrer of this subject (`OCI-Subject`).
    Listed,
    /// Somebody else was first.
    Lost,
}

/// Writes a manifest under a digest or tag.
pub(super) async fn put(
    transport: &Transport,
    manifest: &StoredManifest,
    reference: &str,
    condition: Option<(HeaderName, &str)>,
) -> Result<Put, StoreError> {
    let repository = manifest.image().repository();
    let endpoint = transport.endpoint(repository, &format!("manifests/{reference}"))?;
    let conditional = condition.is_some();
    let mut call = Call::write(repository, Method::PUT, endpoint, manifest.bytes())
        .with(header::CONTENT_TYPE, manifest.manifest().media_type());
    if let Some((name, value)) = condition {
        call = call.with(name, value);
    }
    let response = transport.call(&call).await?;
    match response.status {
        200..=202 => {}
        412 if conditional => return Ok(Put::Lost),
        _ => return Err(answer::of_write(&call.endpoint, &response)),
    }
    let listed = field(&response, "oci-subject").and_then(|subject| parse_digest(subject).ok());
    let own = manifest.manifest().subject().map(|subject| subject.digest);
    Ok(if own.is_some() && listed == own { Put::Listed } else { Put::Done })
}

/// Writes a referrer and sees to it that it is listed: by the registry, or by us in the tag.
pub(super) async fn attach(transport: &Transport, referrer: &StoredManifest) -> Result<Attached, StoreError> {
    let not_about = || StoreError::NotListed { name: referrer.image().to_string() };
    let subject = referrer.manifest().subject().ok_or_else(not_about)?;
    let repository = referrer.image().repository();
    let subject = repository.digested(subject.digest).map_err(|error| StoreError::oci(referrer.image(), error))?;
    let digest = referrer.image().digest().to_string();
    let by_registry = put(transport, referrer, &digest, None).await? == Put::Listed;
    let entry = Listing { entry: referrer.as_referrer() };
    for _ in 0..limits::LISTING_ATTEMPTS {
        if !by_registry {
            update::update(transport, &referrers::tag(&subject), &entry).await?;
        }
        // Where readers will look.
        let listed = referrers::list(transport, &subject, None).await?;
        if listed.descriptors.iter().any(|listed| listed.digest == *referrer.image().digest()) {
            return Ok(Attached { referrer: referrer.image().clone(), listed_by: listed.found_by });
        }
        if by_registry || listed.found_by != FoundBy::Tag {
            break;
        }
    }
    Err(not_about())
}

/// One more entry in the tag of referrers.
#[derive(Debug)]
struct Listing {
    entry: Descriptor,
}

impl TagUpdate for Listing {
    fn next(&self, current: Option<&StoredManifest>) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(current) = current {
            current.manifest().index().map_err(|error| StoreError::oci(current.image(), error))?;
        }
        let changed = referrers_index(current.map(StoredManifest::bytes), std::slice::from_ref(&self.entry));
        changed.map_err(|error| StoreError::Oci { name: self.entry.digest.to_string(), error })
    }
}
