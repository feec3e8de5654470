//! Where a signature goes: into its bundle when it is whole, aside when it waits for a log.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sealmark::base::crypto::sha256;
use sealmark::base::encoding::hex;
use sealmark::sign::{SignError, Signed, Unlogged};

use super::output::{self, OutputError, Target};
use crate::report::Failure;
use crate::report::signed::SignedFile;

/// How the name of a file ends that is kept aside: nothing takes it for a bundle.
pub(super) const ENDING: &str = ".unlogged.json";

/// What is said of a signature that is kept aside: its file, and where its bundle is to go.
pub(super) const ABOUT: [&str; 2] = ["file", "bundle"];

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

/// The folder is made when it is not there; only its owner may look into it.
fn keep(folder: &Path, target: &Target, unlogged: &Unlogged) -> Result<PathBuf, OutputError> {
    let failed = |kind| OutputError::Write { path: folder.to_owned(), kind };
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(error.kind()))?;
    }
    let text = |path: &'_ Path| path.to_str().map(str::to_owned).ok_or(failed(std::io::ErrorKind::InvalidFilename));
    let (file, bundle) = (text(&target.file)?, text(&target.bundle)?);
    let json = unlogged.to_json(&[(ABOUT[0], &file), (ABOUT[1], &bundle)]);
    let mut name = target.file.file_name().unwrap_or_default().to_owned();
    let digest = hex::encode(&sha256(&[json.as_bytes()]));
    name.push(format!("-{}{ENDING}", digest.get(..16).unwrap_or_default()));
    let kept = folder.join(name);
    output::write(&kept, json.as_bytes())?;
    Ok(kept)
}
