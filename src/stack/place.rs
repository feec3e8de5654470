//! Where a stack is, and what opens its keys.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{self, Config};
use super::{Role, StackError};
use crate::service::signer::Password;

/// A stack's folder, and the password of its keys where they are encrypted.
#[derive(Debug, Clone)]
pub struct Place {
    dir: PathBuf,
    password: Option<Arc<Password>>,
    only: Option<BTreeSet<Role>>,
}

impl Place {
    /// A folder whose keys need no password.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), password: None, only: None }
    }

    /// The same, its keys opened by a password. Keys that are not encrypted are read all the same.
    #[must_use]
    pub fn unlocked_by(self, password: Option<Arc<Password>>) -> Self {
        Self { password, ..self }
    }

    /// Some of its parts only: the keys of the others are not read.
    #[must_use]
    pub fn only(self, roles: impl IntoIterator<Item = Role>) -> Self {
        Self { only: Some(roles.into_iter().collect()), ..self }
    }

    /// Its configuration, with the parts that are asked for.
    pub(super) fn config(&self) -> Result<Config, StackError> {
        let mut config = Config::read(&self.dir)?;
        let Some(only) = &self.only else { return Ok(config) };
        if let Some(absent) = only.iter().find(|role| !config.has(**role)) {
            let what = format!("this folder does not hold the part {absent}");
            return Err(StackError::Config { path: self.dir.join(config::NAME), what });
        }
        config.roles = Some(only.clone());
        Ok(config)
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
