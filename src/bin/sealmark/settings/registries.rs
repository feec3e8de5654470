//! Where images are read, and where their signatures are kept.

use std::sync::Arc;

use sealmark::format::oci::{ImageRef, Repository};
use sealmark::service::store::ArtifactStore;

use super::images::signature_repository;
use super::registry::registry_store;
use crate::cli::{RegistryArgs, SignaturePlace};
use crate::report::Failure;

/// The registries of a command that reads images.
#[derive(Debug, Clone)]
pub(crate) struct Registries {
    /// All of them.
    pub(crate) store: Arc<dyn ArtifactStore>,
    /// Where signatures are kept, when not beside the image.
    pub(crate) signatures: Option<Repository>,
}

impl Registries {
    /// Those of `images`, as the flags and the environment say. Nothing is opened.
    pub(crate) fn named(args: &RegistryArgs, place: &SignaturePlace, images: &[ImageRef]) -> Result<Self, Failure> {
        let signatures = signature_repository(place.signature_repository.as_deref())?;
        let repositories: Vec<_> = images.iter().map(ImageRef::repository).chain(&signatures).collect();
        Ok(Self { store: registry_store(args, &repositories)?, signatures })
    }
}
