//! Where a signature goes: into its bundle when it is whole, aside when it waits for a log.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sealmark::base::crypto::sha256;
use sealmark::base::encoding::hex;
use sealmark::format::oci::{DigestRef, Repository};
use sealmark::sign::{SignError, Signed, Unlogged};

use super::output::{self, OutputError, Target};
use crate::report::Failure;
use crate::report::signed::SignedFile;

/// How the name of a file ends that is kept aside: nothing takes it for a bundle.
pub(super) const ENDING: &str = ".unlogged.json";

/// What is said of a signature that is kept aside: its file, and where its bundle is to go.
pub(super) const ABOUT: [&str; 2] = ["file", "bundle"];

/// The same of an image's: the image by digest, and the repository that its bundle is to go into.
pub(super) const ABOUT_IMAGE: [&str; 2] = ["image", "repository"];

/// Where signatures go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The folder of --spool.
    pub(super) spool: Option<&'a Path>,
    /// The flags by which `sign finish` finds the same services.
    pub(super) trust_flags: &'a [String],
}

impl Place<'_> {
    /// Writes a bundle, or keeps the signature aside when there is a place for that. Nothing else is left of a
    /// failure.
    pub(super) fn put(
        &self,
        target: &Target,
        result: Result<Signed, SignError>,
        verify_flags: &[String],
    ) -> Result<SignedFile, Failure> {
        match (result, self.spool) {
            (Ok(signed), _) => {
                output::write(&target.bundle, signed.json().as_bytes())?;
                Ok(SignedFile::made(&target.file, &target.bundle, &signed, verify_flags))
            }
            (Err(SignError::Unlogged { unlogged, error }), Some(folder)) => {
                let kept = keep(folder, target, &unlogged)?;
                let why = Failure::from(*error);
                Ok(SignedFile::spooled(&target.file, &target.bundle, &kept, &why, self.trust_flags))
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}

fn keep(folder: &Path, target: &Target, unlogged: &Unlogged) -> Result<PathBuf, OutputError> {
    let text = |path: &'_ Path| path.to_str().map(str::to_owned).ok_or(unwritable(folder, ErrorKind::InvalidFilename));
    let (file, bundle) = (text(&target.file)?, text(&target.bundle)?);
    let json = unlogged.to_json(&[(ABOUT[0], &file), (ABOUT[1], &bundle)]);
    let name = target.file.file_name().unwrap_or_default().to_owned();
    keep_as(folder, name, &json)
}

/// Keeps the signature of an image.
pub(super) fn keep_of_image(
    folder: &Path,
    image: &DigestRef,
    repository: &Repository,
    unlogged: &Unlogged,
) -> Result<PathBuf, OutputError> {
    let (name, repository) = (image.to_string(), repository.to_string());
    let json = unlogged.to_json(&[(ABOUT_IMAGE[0], &name), (ABOUT_IMAGE[1], &repository)]);
    keep_as(folder, image.digest().hex().into(), &json)
}

fn unwritable(folder: &Path, kind: ErrorKind) -> OutputError {
    OutputError::Write { path: folder.to_owned(), kind }
}

/// The folder is made when it is not there; only its owner may look into it.
fn keep_as(folder: &Path, mut name: OsString, json: &str) -> Result<PathBuf, OutputError> {
    if !folder.is_dir() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| unwritable(folder, error.kind()))?;
    }
    let digest = hex::encode(&sha256(&[json.as_bytes()]));
    name.push(format!("-{}{ENDING}", digest.get(..16).unwrap_or_default()));
    let kept = folder.join(name);
    output::write(&kept, json.as_bytes())?;
    Ok(kept)
}
