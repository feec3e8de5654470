//! Where a stack is, and what opens its keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::service::signer::Password;

/// A stack's folder, and the password of its keys where they are encrypted.
#[derive(Debug, Clone)]
pub struct Place {
    dir: PathBuf,
    password: Option<Arc<Password>>,
}

impl Place {
    /// A folder whose keys need no password.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), password: None }
    }

    /// The same, its keys opened by a password. Keys that are not encrypted are read all the same.
    #[must_use]
    pub fn unlocked_by(self, password: Option<Arc<Password>>) -> Self {
        Self { password, ..self }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn password(&self) -> Option<&Arc<Password>> {
        self.password.as_ref()
    }
}

impl From<&Path> for Place {
    fn from(dir: &Path) -> Self {
        Self::new(dir)
    }
}

impl From<&PathBuf> for Place {
    fn from(dir: &PathBuf) -> Self {
        Self::new(dir)
    }
}

impl From<&Self> for Place {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}
