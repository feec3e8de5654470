//! A registry, by the distribution specification 1.1:
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>
//!
//! The transport is ours, over [`HttpClient`](crate::service::http::HttpClient), and not that of the
//! `oci-client` crate: that one asks `/v2/` before its calls, reads bodies without a bound, follows the token
//! realm and redirects that a registry names wherever they lead, and takes any failure to list referrers for
//! "there are none".
//!
//! Requests: an image by digest is one, by tag one; its referrers are one and, where the registry has no
//! referrers API, one more; each referrer is one for its manifest and one for its bundle. A registry that asks
//! for a token costs two more, once for a repository. Nothing is asked twice.
//!
//! Three answers that never mix: what is not there ([`StoreError::Absent`]: the registry's own error body says
//! so, or its list is empty), what does not hold (digest, size, subject, format), and could not look
//! ([`RegistryError`] and [`HttpError`](crate::service::http::HttpError)).
//!
//! Credentials go to the host that they belong to and to its token server; downloads that are sent
//! to another host go without them.

mod answer;
mod auth;
mod credentials;
mod error;
mod helper;
mod link;
mod pull;
mod push;
mod referrers;
mod settings;
mod slots;
mod transport;
mod update;

use std::sync::Arc;

use super::{ArtifactStore, Attached, BlobReader, Content, Referrers, StoreError, StoredManifest, TagUpdate};
use crate::format::oci::{Descriptor, DigestRef, Repository, Tag, TaggedRef};
use crate::service::BoxFuture;
use crate::service::environment::Environment;

pub use credentials::{Credential, Secret};
pub use error::RegistryError;
pub use settings::{HostSettings, RegistrySettings, Scheme};

use transport::Transport;

/// Every registry that names lead to. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct RegistryStore {
    transport: Arc<Transport>,
}

impl RegistryStore {
    /// A store; nothing is opened and no file is read before the first call. `environment` gives the files of
    /// credentials.
    pub fn new(settings: RegistrySettings, environment: Arc<dyn Environment>) -> Self {
        Self { transport: Arc::new(Transport::new(settings, environment)) }
    }

    /// Whether one may write to a repository: an upload is begun and given up, and nothing is sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as that of a write.
    pub async fn may_write(&self, repository: &Repository) -> Result<(), StoreError> {
        push::permitted(&self.transport, repository).await
    }
}

impl ArtifactStore for RegistryStore {
    fn resolve<'a>(&'a self, name: &'a TaggedRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(pull::resolve(&self.transport, name))
    }

    fn manifest<'a>(&'a self, image: &'a DigestRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(pull::manifest(&self.transport, image))
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        Box::pin(pull::blob(&self.transport, repository, blob, limit))
    }

    fn open_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, StoreError>> {
        Box::pin(pull::open_blob(&self.transport, repository, blob))
    }

    fn referrers<'a>(
        &'a self,
        image: &'a DigestRef,
        artifact_type: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Referrers, StoreError>> {
        Box::pin(referrers::list(&self.transport, image, artifact_type))
    }

    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<Tag>, StoreError>> {
        Box::pin(pull::tags(&self.transport, repository))
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        content: Content<'a>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(push::blob(&self.transport, repository, blob, content))
    }

    fn link_blob<'a>(
        &'a self,
        repository: &'a Repository,
        from: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(push::link(&self.transport, repository, from, blob))
    }

    fn put_manifest<'a>(
        &'a self,
        manifest: &'a StoredManifest,
        tag: Option<&'a Tag>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(push::manifest(&self.transport, manifest, tag))
    }

    fn update_tag<'a>(
        &'a self,
        name: &'a TaggedRef,
        update: &'a dyn TagUpdate,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(update::update(&self.transport, name, update))
    }

    fn attach<'a>(&'a self, referrer: &'a StoredManifest) -> BoxFuture<'a, Result<Attached, StoreError>> {
        Box::pin(push::attach(&self.transport, referrer))
    }
}

#[cfg(test)]
mod tests;
