//! Reading: manifests, blobs, tags.

use reqwest::header;

use super::super::stored::{Check, fits};
use super::super::{BlobReader, StoreError, StoredManifest, Thing};
use super::answer::{self, field};
use super::link::Pages;
use super::transport::{Answer, Call, Transport};
use crate::base::encoding::json::{Fields, Json, items, string};
use crate::base::limits;
use crate::format::oci::{
    DOCKER_LIST, DOCKER_MANIFEST, Descriptor, DigestRef, IMAGE_INDEX, IMAGE_MANIFEST, Repository, Tag, TaggedRef,
};
use crate::service::BoxFuture;
use crate::service::http::{Endpoint, HttpError, Response, Streaming};

/// A manifest that was read, with the validator that a conditional write needs.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) manifest: StoredManifest,
    pub(super) etag: Option<String>,
}

pub(super) async fn resolve(transport: &Transport, name: &TaggedRef) -> Result<StoredManifest, StoreError> {
    read_tag(transport, name).await.map(|read| read.manifest)
}

/// What a tag names now: the digest is that of the bytes, whatever a header says.
pub(super) async fn read_tag(transport: &Transport, name: &TaggedRef) -> Result<Read, StoreError> {
    let response = fetch(transport, name.repository(), name.tag().as_str(), &name.to_string()).await?;
    let etag = field(&response, "etag").map(str::to_owned);
    let media_type = content_type(&response);
    let manifest = StoredManifest::of(name.repository(), response.body, media_type.as_deref())?;
    Ok(Read { manifest, etag })
}

pub(super) async fn manifest(transport: &Transport, image: &DigestRef) -> Result<StoredManifest, StoreError> {
    let reference = image.digest().to_string();
    let response = fetch(transport, image.repository(), &reference, &image.to_string()).await?;
    let media_type = content_type(&response);
    StoredManifest::new(image.clone(), response.body, media_type.as_deref())
}

fn content_type(response: &Response) -> Option<String> {
    field(response, "content-type").map(str::to_owned)
}

async fn fetch(
    transport: &Transport,
    repository: &Repository,
    reference: &str,
    name: &str,
) -> Result<Response, StoreError> {
    let endpoint = transport.endpoint(repository, &format!("manifests/{reference}"))?;
    let accept = [IMAGE_MANIFEST, IMAGE_INDEX, DOCKER_MANIFEST, DOCKER_LIST].join(", ");
    let call = Call::get(repository, endpoint, limits::OCI_MANIFEST_BYTES).with(header::ACCEPT, &accept);
    let response = transport.call(&call).await.map_err(|error| too_long(error, Thing::Manifest, name))?;
    match response.status {
        200 => Ok(response),
        _ => Err(answer::of_read(Thing::Manifest, name, &call.endpoint, &response)),
    }
}

/// A body beyond the bound of what was asked for.
fn too_long(error: StoreError, thing: Thing, name: &str) -> StoreError {
    match error {
        StoreError::Http(HttpError::TooLong { limit, .. }) => {
            StoreError::TooLarge { thing, name: name.to_owned(), limit }
        }
        other => other,
    }
}

fn blob_call<'a>(
    transport: &Transport,
    repository: &'a Repository,
    blob: &Descriptor,
    limit: usize,
) -> Result<Call<'a>, StoreError> {
    let endpoint = transport.endpoint(repository, &format!("blobs/{}", blob.digest))?;
    Ok(Call::get(repository, endpoint, limit).with(header::ACCEPT, "*/*"))
}

pub(super) async fn blob(
    transport: &Transport,
    repository: &Repository,
    blob: &Descriptor,
    limit: usize,
) -> Result<Vec<u8>, StoreError> {
    fits(repository, blob, limit)?;
    // One byte more than promised is enough to see that it is too long.
    let size = usize::try_from(blob.size).unwrap_or(limit).saturating_add(1);
    let call = blob_call(transport, repository, blob, size)?;
    let name = format!("{repository}@{}", blob.digest);
    let response = match transport.call(&call).await {
        Err(StoreError::Http(HttpError::TooLong { .. })) => {
            return Err(StoreError::Size { name, expected: blob.size, found: blob.size.saturating_add(1) });
        }
        other => other?,
    };
    if response.status != 200 {
        return Err(answer::of_read(Thing::Blob, &name, &call.endpoint, &response));
    }
    Check::new(repository, blob).whole(&response.body)?;
    Ok(response.body)
}

pub(super) async fn open_blob(
    transport: &Transport,
    repository: &Repository,
    blob: &Descriptor,
) -> Result<Box<dyn BlobReader>, StoreError> {
    let call = blob_call(transport, repository, blob, 0)?;
    let name = || format!("{repository}@{}", blob.digest);
    let streaming = match transport.open(&call).await? {
        Answer::Open(streaming) if streaming.status() == 200 => streaming,
        Answer::Open(streaming) => {
            let (status, headers) = (streaming.status(), streaming.headers().clone());
            let response = Response { status, headers, body: Vec::new() };
            return Err(answer::of_read(Thing::Blob, &name(), &call.endpoint, &response));
        }
        Answer::Whole(response) => return Err(answer::of_read(Thing::Blob, &name(), &call.endpoint, &response)),
    };
    Ok(Box::new(Download { streaming, check: Check::new(repository, blob), held: None, ended: false }))
}

/// A blob on its way. A piece is handed out when the next one has come, and the last one when all was checked.
#[derive(Debug)]
struct Download {
    streaming: Streaming,
    check: Check,
    held: Option<Vec<u8>>,
    ended: bool,
}

impl BlobReader for Download {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            while !self.ended {
                match self.streaming.piece().await? {
                    Some(piece) if piece.is_empty() => {}
                    Some(piece) => {
                        self.check.update(&piece)?;
                        if let Some(before) = self.held.replace(piece) {
                            return Ok(Some(before));
                        }
                    }
                    None => {
                        self.check.finish()?;
                        self.ended = true;
                    }
                }
            }
            Ok(self.held.take())
        })
    }
}

pub(super) async fn tags(transport: &Transport, repository: &Repository) -> Result<Vec<Tag>, StoreError> {
    let mut endpoint = transport.endpoint(repository, "tags/list")?;
    let mut pages = Pages::new(&endpoint);
    let mut tags = Vec::new();
    loop {
        let call = Call::get(repository, endpoint.clone(), limits::REGISTRY_LIST_BYTES)
            .with(header::ACCEPT, "application/json");
        let response = transport.call(&call).await?;
        if response.status != 200 {
            return Err(answer::of_read(Thing::Manifest, &repository.to_string(), &endpoint, &response));
        }
        read_tags(&endpoint, &response, &mut tags)?;
        match pages.next(&endpoint, &response)? {
            Some(next) => endpoint = next,
            None => return Ok(tags),
        }
    }
}

fn read_tags(endpoint: &Endpoint, response: &Response, tags: &mut Vec<Tag>) -> Result<(), StoreError> {
    let wrong = || answer::malformed(endpoint, "a list of tags that is none");
    let json = Json::parse(&response.body).map_err(|_| wrong())?;
    let mut fields = Fields::of(&json, "").map_err(|_| wrong())?;
    let Some(found) = fields.take("tags") else { return Ok(()) };
    for item in items(found, "tags", limits::REGISTRY_TAGS.saturating_sub(tags.len())).map_err(|_| wrong())? {
        tags.push(Tag::parse(string(item, "tags").map_err(|_| wrong())?).map_err(|_| wrong())?);
    }
    Ok(())
}
