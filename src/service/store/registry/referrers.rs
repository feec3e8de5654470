//! Lists of referrers (distribution-spec 1.1, "Listing Referrers"): the API with its pages and, after a 404 of
//! the API and nothing else, the tag.
//!
//! A filter by artifact type is asked for and applied here again: registries may leave it out. Entries whose
//! artifact type says nothing stay, for they have to be looked at: without one, as some clients write into the
//! tag, or with the type of the empty config, as the registry of go-containerregistry answers.

use std::collections::BTreeSet;

use reqwest::header;

use super::super::{FoundBy, Referrers, StoreError, Thing};
use super::answer::{self, field};
use super::link::Pages;
use super::pull;
use super::transport::{Call, Transport};
use crate::base::limits;
use crate::format::oci::{Descriptor, DigestRef, EMPTY, IMAGE_INDEX, Manifest, OciError, Tag, TaggedRef};
use crate::service::http::{Endpoint, HttpError, Response};

pub(super) async fn list(
    transport: &Transport,
    image: &DigestRef,
    artifact_type: Option<&str>,
) -> Result<Referrers, StoreError> {
    let mut referrers = match by_api(transport, image, artifact_type).await? {
        Some(descriptors) => Referrers { descriptors, found_by: FoundBy::Api },
        None => Referrers { descriptors: by_tag(transport, image).await?, found_by: FoundBy::Tag },
    };
    let mut seen = BTreeSet::new();
    referrers.descriptors.retain(|listed| {
        let silent = matches!(listed.artifact_type.as_deref(), None | Some(EMPTY));
        let wanted = artifact_type.is_none() || silent || listed.artifact_type.as_deref() == artifact_type;
        wanted && seen.insert(listed.digest)
    });
    Ok(referrers)
}

/// `None` when the registry has no such API.
async fn by_api(
    transport: &Transport,
    image: &DigestRef,
    artifact_type: Option<&str>,
) -> Result<Option<Vec<Descriptor>>, StoreError> {
    let first = transport.endpoint(image.repository(), &format!("referrers/{}", image.digest()))?;
    let mut endpoint = match artifact_type {
        Some(artifact_type) => first.with_query("artifactType", artifact_type),
        None => first,
    };
    let mut pages = Pages::new(&endpoint);
    let mut found = Vec::new();
    for page in 0.. {
        let call = Call::get(image.repository(), endpoint.clone(), limits::OCI_MANIFEST_BYTES)
            .with(header::ACCEPT, IMAGE_INDEX);
        let response = transport.call(&call).await.map_err(|error| unlisted(error, &endpoint))?;
        match response.status {
            200 => found.extend(read(image, &endpoint, &response)?),
            404 if page == 0 => return Ok(None),
            _ => return Err(answer::of_read(Thing::Manifest, &image.to_string(), &endpoint, &response)),
        }
        if found.len() > limits::OCI_REFERRERS {
            return Err(StoreError::TooManyReferrers { name: image.to_string() });
        }
        match pages.next(&endpoint, &response)? {
            Some(next) => endpoint = next,
            None => break,
        }
    }
    Ok(Some(found))
}

/// A list that is too long to be read is one that nobody looked at.
fn unlisted(error: StoreError, endpoint: &Endpoint) -> StoreError {
    match error {
        StoreError::Http(HttpError::TooLong { .. }) => answer::malformed(endpoint, "a list of referrers beyond 4 MiB"),
        other => other,
    }
}

fn read(image: &DigestRef, endpoint: &Endpoint, response: &Response) -> Result<Vec<Descriptor>, StoreError> {
    match Manifest::parse(&response.body, field(response, "content-type")) {
        Ok(Manifest::Index(index)) => Ok(index.manifests),
        Err(OciError::TooMany { .. }) => Err(StoreError::TooManyReferrers { name: image.to_string() }),
        _ => Err(answer::malformed(endpoint, "a list of referrers that is no image index")),
    }
}

/// The tag of the referrers of `image`.
pub(super) fn tag(image: &DigestRef) -> TaggedRef {
    image.repository().tagged(Tag::of_referrers(image.digest()))
}

async fn by_tag(transport: &Transport, image: &DigestRef) -> Result<Vec<Descriptor>, StoreError> {
    let name = tag(image);
    match pull::resolve(transport, &name).await {
        Ok(stored) => {
            let index = stored.manifest().index().map_err(|error| StoreError::oci(stored.image(), error))?;
            Ok(index.manifests.clone())
        }
        Err(StoreError::Absent { .. }) => Ok(Vec::new()),
        Err(StoreError::Oci { error: OciError::TooMany { .. }, .. }) => {
            Err(StoreError::TooManyReferrers { name: image.to_string() })
        }
        Err(error) => Err(error),
    }
}
