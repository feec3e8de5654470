//! Images and artifacts in registries: names, descriptors, manifests and indexes.
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>
//!
//! A name has one normal form ([`Registry`], [`Repository`]). A [`TaggedRef`] is a question, a [`DigestRef`]
//! is content: only the latter is signed, verified or admitted. Digests are SHA-256 or SHA-512 in lower case.
//! What the specification lets a reader ignore (unknown fields) is ignored; what could make two readers see
//! two things (duplicate keys, the fields of an index in an image) is refused. `urls` and `data` of
//! descriptors are never read: content comes from the store that was asked, under its digest.

mod build;
mod descriptor;
mod error;
mod manifest;
mod reference;
mod simple_signing;

pub use build::{BundleKind, bundle_manifest, image_manifest, index, referrers_index};
pub use descriptor::{Descriptor, Platform, parse_digest};
pub use error::OciError;
pub use manifest::{ImageIndex, ImageManifest, Manifest};
pub use reference::{CosignSuffix, DigestRef, ImageRef, Registry, Repository, Tag, TaggedRef};
pub use simple_signing::SimpleSigning;

/// An OCI image manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The config of an image.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The empty JSON object `{}`, an artifact's config (image-spec "Guidance for an empty descriptor").
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The bytes of [`EMPTY`].
pub const EMPTY_BYTES: &[u8] = b"{}";
/// A payload of the older cosign signature.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// On a bundle's manifest: `dsse-envelope` or `message-signature`.
pub const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
/// On a bundle's manifest: the predicate type of its statement.
pub const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
/// When something was made, RFC 3339.
pub const CREATED: &str = "org.opencontainers.image.created";
/// In an image layout's index: the tag, or the whole name.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

#[cfg(test)]
mod tests;
