//! A pack: images and files with everything that proves them, in one tar archive that needs no network.
//!
//! ```text
//! oci-layout  index.json  blobs/…       the images with all that is attached to them, an OCI image layout
//! sealmark/pack.json                    what is packed
//! sealmark/files/N  N.sigstore.json     a file and its bundles
//! sealmark/policy.yaml                  whom the packer trusts
//! sealmark/trusted_root.json            and by which instance
//! ```
//!
//! Policy and trusted root are the packer's word: whoever can change a pack can change them. They count only for
//! a pack whose own digest is known from elsewhere.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::Digest;
use crate::base::encoding::json::{Fields, Json, ShapeError, items, string};
use crate::base::limits;
use crate::format::oci::{DigestRef, ImageRef, Manifest, OciError};
use crate::service::files::NewFile;
use crate::service::store::{Archive, ArtifactStore, LayoutStore, StoreError};

const CONTENTS: &str = "sealmark/pack.json";
const POLICY: &str = "sealmark/policy.yaml";
const TRUSTED_ROOT: &str = "sealmark/trusted_root.json";
const FILES: &str = "sealmark/files";
const SCHEMA: &str = "sealmark.pack/v1";

/// Why a pack cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The archive, or an image in it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not an archive that was made by packing.
    #[error("the archive is no pack: {name} is missing")]
    Missing {
        /// The file.
        name: String,
    },
    /// What the pack says of itself cannot be read.
    #[error("the pack's list of contents: {0}")]
    Contents(String),
    /// The name of an image.
    #[error("the pack's list of contents: {0}")]
    Name(#[from] OciError),
    /// Nothing in it: no verdict could be about anything.
    #[error("the pack lists no image and no file")]
    Empty,
    /// Another archive than the one whose digest is known.
    #[error("the archive has digest {found}, not {expected}")]
    Digest {
        /// What is known.
        expected: Digest,
        /// That of the archive.
        found: Digest,
    },
    /// More than fits.
    #[error("{found} images and files to pack, {limit} allowed", limit = limits::PACKED)]
    TooMany {
        /// Images and files.
        found: usize,
    },
    /// A file cannot be read, or the pack not be written.
    #[error("{name}: {kind}")]
    Write {
        /// What was read or written.
        name: String,
        /// Why.
        kind: io::ErrorKind,
    },
}

impl PackError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Missing { .. } | Self::Contents(_) | Self::Name(_) | Self::Empty => {
                Code::refused("pack-parse", "make it with `sealmark pack`, and move it as it is")
            }
            Self::Digest { .. } => Code::refused(
                "pack-digest-mismatch",
                "this is another archive than the one that was handed over: get it again from its maker",
            ),
            Self::TooMany { .. } => Code::usage("limit-pack", "make several packs"),
            Self::Write { .. } => Code::undecided("pack-unwritable", "check the paths and the free space"),
        }
    }
}

impl From<ShapeError> for PackError {
    fn from(error: ShapeError) -> Self {
        Self::Contents(error.to_string())
    }
}

/// What is in a pack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// Images, by the names that they were packed from.
    pub images: Vec<DigestRef>,
    /// Names of files, in order.
    pub files: Vec<String>,
}

impl Contents {
    fn to_json(&self) -> String {
        let images: Vec<_> = self.images.iter().map(ToString::to_string).collect();
        serde_json::json!({ "schema": SCHEMA, "images": images, "files": self.files }).to_string()
    }

    fn parse(bytes: &[u8]) -> Result<Self, PackError> {
        let json = Json::parse(bytes).map_err(|error| PackError::Contents(error.to_string()))?;
        let mut fields = Fields::of(&json, "")?;
        if fields.require_string("schema")? != SCHEMA {
            return Err(PackError::Contents("it is of another version".to_owned()));
        }
        let mut texts = |name: &str| {
            let list = match fields.take(name) {
                Some(list) => items(list, name, limits::PACKED)?,
                None => &[],
            };
            list.iter().map(|item| string(item, name).map(str::to_owned)).collect::<Result<Vec<_>, ShapeError>>()
        };
        let (images, files) = (texts("images")?, texts("files")?);
        fields.finish()?;
        if images.is_empty() && files.is_empty() {
            return Err(PackError::Empty);
        }
        let image = |name: String| match ImageRef::parse(&name)? {
            ImageRef::Digested(image) => Ok(image),
            ImageRef::Tagged(_) => Err(PackError::Contents(format!("{name} has no digest"))),
        };
        Ok(Self { images: images.into_iter().map(image).collect::<Result<_, PackError>>()?, files })
    }
}

/// Whom the packer trusts, and by which instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackersWord {
    /// The policy, in YAML.
    pub policy: Vec<u8>,
    /// The trusted root, in JSON.
    pub trusted_root: Vec<u8>,
}

/// A pack that is open for reading.
#[derive(Debug)]
pub struct Pack {
    archive: Archive,
    contents: Contents,
}

impl Pack {
    /// Opens a pack; nothing in it is verified yet.
    ///
    /// # Errors
    ///
    /// [`PackError`].
    pub fn open(path: &Path) -> Result<Self, PackError> {
        let archive = Archive::open(path)?;
        let contents = read(&archive, CONTENTS, limits::PACK_BYTES)?;
        Ok(Self { contents: Contents::parse(&contents)?, archive })
    }

    /// What it says that it holds.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The SHA-256 digest of the archive.
    ///
    /// # Errors
    ///
    /// [`PackError::Store`].
    pub fn digest(&self) -> Result<Digest, PackError> {
        Ok(self.archive.hashed([], 0)?.0)
    }

    /// The packer's word, for an archive whose digest is known from elsewhere; there is no other way to it.
    ///
    /// # Errors
    ///
    /// [`PackError::Digest`] for another archive, [`PackError::Missing`].
    pub fn word(&self, expected: &Digest) -> Result<PackersWord, PackError> {
        let names = [CONTENTS, POLICY, TRUSTED_ROOT];
        let (found, files) = self.archive.hashed(names, limits::TRUST_BYTES)?;
        if found != *expected {
            return Err(PackError::Digest { expected: *expected, found });
        }
        let missing = |name: &str| PackError::Missing { name: name.to_owned() };
        let [contents, policy, trusted_root] = files;
        // What is verified is what was listed in the archive that has this digest.
        if Contents::parse(&contents.ok_or_else(|| missing(CONTENTS))?)? != self.contents {
            return Err(PackError::Contents("it was changed while it was read".to_owned()));
        }
        Ok(PackersWord {
            policy: policy.ok_or_else(|| missing(POLICY))?,
            trusted_root: trusted_root.ok_or_else(|| missing(TRUSTED_ROOT))?,
        })
    }

    /// A file, by its place in the list.
    ///
    /// # Errors
    ///
    /// [`PackError::Missing`].
    pub fn file(&self, place: usize) -> Result<impl Read + use<>, PackError> {
        let name = format!("{FILES}/{place}");
        self.archive.open_file(&name).ok_or(PackError::Missing { name })
    }

    /// The bundles of a file.
    ///
    /// # Errors
    ///
    /// [`PackError`].
    pub fn bundles(&self, place: usize) -> Result<Vec<u8>, PackError> {
        read(&self.archive, &bundles_name(place), limits::BUNDLES_BYTES)
    }

    /// The images.
    ///
    /// # Errors
    ///
    /// [`PackError`].
    pub fn images(&self) -> Result<LayoutStore, PackError> {
        Ok(LayoutStore::in_archive(self.archive.clone())?)
    }
}

fn bundles_name(place: usize) -> String {
    format!("{FILES}/{place}.sigstore.json")
}

fn read(archive: &Archive, name: &str, limit: usize) -> Result<Vec<u8>, PackError> {
    archive.read(name, limit)?.ok_or_else(|| PackError::Missing { name: name.to_owned() })
}

/// That every manifest and blob of an image is there and is what its digest says.
///
/// # Errors
///
/// [`StoreError`], the first that is found.
pub async fn intact(store: &dyn ArtifactStore, image: &DigestRef) -> Result<(), StoreError> {
    let mut left = vec![image.clone()];
    while let Some(image) = left.pop() {
        let found = store.manifest(&image).await?;
        let below = |digest| {
            let name = image.repository().digested(digest);
            name.map_err(|error| StoreError::Oci { name: image.to_string(), error })
        };
        match found.manifest() {
            Manifest::Index(index) => {
                for child in &index.manifests {
                    left.push(below(child.digest)?);
                }
            }
            Manifest::Image(manifest) => {
                for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
                    let mut reader = store.open_blob(image.repository(), blob).await?;
                    while reader.next().await?.is_some() {}
                }
            }
        }
    }
    Ok(())
}

/// A pack on its way to its place; dropped before [`finish`](Self::finish), it leaves nothing behind.
pub struct PackWriter {
    tar: tar::Builder<NewFile>,
    contents: Contents,
}

impl PackWriter {
    /// Begins a pack that will stand at `path`.
    ///
    /// # Errors
    ///
    /// [`PackError::Write`].
    pub fn create(path: &Path) -> Result<Self, PackError> {
        let file = NewFile::create(path).map_err(|error| write_error(path.display().to_string(), &error))?;
        Ok(Self { tar: tar::Builder::new(file), contents: Contents::default() })
    }

    /// Adds the images of a layout in a folder.
    ///
    /// # Errors
    ///
    /// [`PackError`].
    pub fn images(&mut self, layout: &Path, images: Vec<DigestRef>) -> Result<(), PackError> {
        for name in ["oci-layout", "index.json"] {
            self.add_path(name, &layout.join(name))?;
        }
        for algorithm in ["sha256", "sha512"] {
            let folder = layout.join("blobs").join(algorithm);
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            names.sort();
            for name in names {
                self.add_path(&format!("blobs/{algorithm}/{}", name.to_string_lossy()), &folder.join(&name))?;
            }
        }
        self.contents.images.extend(images);
        Ok(())
    }

    /// Adds a file with its bundles.
    ///
    /// # Errors
    ///
    /// [`PackError`].
    pub fn file(&mut self, name: &str, path: &Path, bundles: &[u8]) -> Result<(), PackError> {
        let place = self.contents.files.len();
        self.add_path(&format!("{FILES}/{place}"), path)?;
        self.add(&bundles_name(place), bundles)?;
        self.contents.files.push(name.to_owned());
        Ok(())
    }

    /// Adds policy, trusted root and the list of contents; gives the file, which is not in its place yet.
    ///
    /// # Errors
    ///
    /// [`PackError`].
    pub fn finish(mut self, policy: &[u8], trusted_root: &[u8]) -> Result<NewFile, PackError> {
        let found = self.contents.images.len() + self.contents.files.len();
        if found > limits::PACKED {
            return Err(PackError::TooMany { found });
        }
        self.add(POLICY, policy)?;
        self.add(TRUSTED_ROOT, trusted_root)?;
        let contents = self.contents.to_json();
        self.add(CONTENTS, contents.as_bytes())?;
        self.tar.into_inner().map_err(|error| write_error("the pack".to_owned(), &error))
    }

    fn add_path(&mut self, name: &str, path: &Path) -> Result<(), PackError> {
        let failed = |error: io::Error| write_error(path.display().to_string(), &error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        // A file that grows meanwhile is cut; it is verified as it was packed.
        self.add_reader(name, length, file.take(length))
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), PackError> {
        self.add_reader(name, u64::try_from(bytes.len()).unwrap_or(u64::MAX), bytes)
    }

    /// The same bytes for the same content: no time, no owner.
    fn add_reader(&mut self, name: &str, length: u64, content: impl Read) -> Result<(), PackError> {
        let failed = |error: io::Error| write_error(name.to_owned(), &error);
        let mut header = tar::Header::new_ustar();
        header.set_path(name).map_err(failed)?;
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(length);
        header.set_cksum();
        self.tar.append(&header, content).map_err(failed)
    }
}

impl std::fmt::Debug for PackWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PackWriter({:?})", self.contents)
    }
}

fn write_error(name: String, error: &io::Error) -> PackError {
    PackError::Write { name, kind: error.kind() }
}

#[cfg(test)]
mod tests;
