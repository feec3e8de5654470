//! What was found, kept as bytes for whoever has to be shown.

use std::fs;
use std::path::{Path, PathBuf};

use super::state::io;
use super::{Finding, MonitorError};
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::service::files::write_whole;

/// The folder of evidence.
#[derive(Debug, Clone)]
pub(super) struct Evidence(PathBuf);

impl Evidence {
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Writes each part to a file whose name says what it is and ends with the digest of what it holds: the same
    /// evidence is kept once. Past [`limits::EVIDENCE_FILES`] nothing more is.
    pub(super) fn keep(&self, finding: &Finding, parts: &[(&str, &[u8])]) -> Result<Vec<PathBuf>, MonitorError> {
        fs::create_dir_all(&self.0).map_err(|error| io("create", &self.0, error))?;
        let listed = fs::read_dir(&self.0).map_err(|error| io("list", &self.0, error))?.count();
        let mut kept = Vec::with_capacity(parts.len());
        for (name, bytes) in parts {
            let digest = hex::encode(&sha256(&[bytes]));
            let digest = digest.get(..16).unwrap_or_default();
            let path = self.0.join(format!("{}-{name}-{digest}", finding.kind.name()));
            if !path.exists() {
                if listed >= limits::EVIDENCE_FILES {
                    continue;
                }
                write_whole(&path, bytes).map_err(|error| io("write", &path, error))?;
            }
            kept.push(path);
        }
        Ok(kept)
    }
}
