//! A folder of a command's own, private, removed at the end unless it is to be kept.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::files::FileError;

/// A new folder.
#[derive(Debug)]
pub(in crate::commands) struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// Makes `keep`, or a temporary folder. It must not exist: making it is what claims it.
    pub(in crate::commands) fn make(keep: Option<&Path>) -> Result<Self, FileError> {
        let path = keep.map_or_else(temporary, Path::to_owned);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| FileError::Create { path: path.clone(), kind: error.kind() })?;
        Ok(Self { path, kept: keep.is_some() })
    }

    /// A path in it.
    pub(in crate::commands) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Whether it stays.
    pub(in crate::commands) fn is_kept(&self) -> bool {
        self.kept
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is in a private folder of temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn temporary() -> PathBuf {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    std::env::temp_dir().join(format!("sealmark-{}-{}", std::process::id(), since.as_nanos()))
}
