//! Where images are read, and where their signatures are kept.

use std::path::Path;
use std::sync::Arc;

use sealmark::format::oci::{ImageRef, Repository};
use sealmark::service::store::{Archive, ArtifactStore, LayoutStore};

use super::images::signature_repository;
use super::patient;
use super::registry::registry_store_with;
use crate::cli::{BudgetArgs, RegistryArgs, SignaturePlace};
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
        Self::within(args, place, images, &BudgetArgs::default())
    }

    /// The same, asked as patiently as the flags say.
    pub(crate) fn within(
        args: &RegistryArgs,
        place: &SignaturePlace,
        images: &[ImageRef],
        budget: &BudgetArgs,
    ) -> Result<Self, Failure> {
        let signatures = signature_repository(place.signature_repository.as_deref())?;
        let repositories: Vec<_> = images.iter().map(ImageRef::repository).chain(&signatures).collect();
        let store = registry_store_with(args, &repositories, |settings| patient(settings, budget))?;
        Ok(Self { store, signatures })
    }

    /// An OCI layout instead, a folder or an archive of one: whatever an image's name, it is looked for there.
    pub(crate) fn layout(path: &Path) -> Result<Self, Failure> {
        let store = match path.is_dir() {
            true => LayoutStore::open(path)?,
            false => LayoutStore::in_archive(Archive::open(path)?)?,
        };
        Ok(Self { store: Arc::new(store), signatures: None })
    }
}
