//! `sign finish`: signatures that were kept aside become bundles, one after the other.

use std::path::{Path, PathBuf};

use sealmark::base::limits;
use sealmark::format::bundle::Content;
use sealmark::sign::{Services, SignError, Unlogged};

use super::output::{self, Kind, Target};
use super::sign::report;
use super::spool::{ABOUT, ENDING};
use crate::cli::SignFinish;
use crate::files::{self, FileError};
use crate::report::signed::{SignedFile, SignedReport};
use crate::report::{Failure, console};
use crate::settings::{self, Signing};

pub(super) fn run(args: &SignFinish) -> Result<u8, Failure> {
    let kept = found(&args.spools)?;
    if kept.is_empty() {
        console::words("nothing waits here");
        return Ok(0);
    }
    let signing = Signing::named(&args.services)?;
    let services = signing.services()?;
    let finisher = Finisher { signing: &signing, services: &services, folder: args.output_folder.as_deref() };
    let files = settings::runtime()?.block_on(async {
        let mut files = Vec::with_capacity(kept.len());
        for kept in &kept {
            files.push(finisher.finish(kept).await.unwrap_or_else(|failure| SignedFile::failed(kept, failure)));
        }
        files
    });
    report(&SignedReport::new(&signing.source, Vec::new(), files), args.format)
}

/// The files that wait, in the order of their names.
fn found(spools: &[PathBuf]) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for spool in spools {
        if !spool.is_dir() {
            found.push(spool.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| FileError::Read { path: spool.clone(), kind: error.kind() };
        for entry in std::fs::read_dir(spool).map_err(unreadable)?.take(limits::SPOOLED) {
            let path = entry.map_err(unreadable)?.path();
            if path.to_str().is_some_and(|name| name.ends_with(ENDING)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

struct Finisher<'a> {
    signing: &'a Signing,
    services: &'a Services,
    folder: Option<&'a Path>,
}

impl Finisher<'_> {
    /// What is kept goes only when its bundle is written.
    async fn finish(&self, kept: &Path) -> Result<SignedFile, Failure> {
        let (unlogged, [file, bundle]) = Unlogged::parse(&files::read(kept, limits::SPOOLED_BYTES)?, ABOUT)?;
        let (file, bundle) = (PathBuf::from(file), PathBuf::from(bundle));
        let bundle = match (self.folder, bundle.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => bundle,
        };
        let kind = match unlogged.claimed_content() {
            Content::Dsse(_) => Kind::Attestation,
            _ => Kind::Signature,
        };
        output::free(&bundle, kind)?;
        match self.signing.finish(&unlogged, self.services).await {
            Ok(signed) => {
                let target = Target { file, bundle };
                output::write(&target.bundle, signed.json().as_bytes())?;
                // Left behind, it is finished once more to the same end.
                let _ = std::fs::remove_file(kept);
                Ok(SignedFile::made(&target.file, &target.bundle, &signed, &self.signing.trust_flags))
            }
            Err(SignError::Unlogged { error, .. }) => {
                let why = Failure::from(*error);
                Ok(SignedFile::spooled(&file, &bundle, kept, &why, &self.signing.trust_flags))
            }
            Err(error) => Err(error.into()),
        }
    }
}
