//! A token that Kubernetes projects into a file (`serviceAccountToken` volume with audience
//! `sigstore`), at the path that Sigstore clients share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{IdToken, IdentityError, IdentityTokenSource};
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::environment::Environment;

const PATH: &str = "/var/run/sigstore/cosign/oidc-token";

/// Reads the file anew each time: the kubelet renews it.
#[derive(Debug)]
pub struct ProjectedToken {
    environment: Arc<dyn Environment>,
    path: PathBuf,
}

impl ProjectedToken {
    /// Looks at the shared path.
    pub fn new(environment: Arc<dyn Environment>) -> Self {
        Self::at(PATH, environment)
    }

    /// Looks at another path.
    pub fn at(path: impl AsRef<Path>, environment: Arc<dyn Environment>) -> Self {
        Self { environment, path: path.as_ref().to_owned() }
    }
}

impl IdentityTokenSource for ProjectedToken {
    fn name(&self) -> &'static str {
        "projected token file"
    }

    fn detect<'a>(&'a self, _audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async {
            if !self.environment.exists(&self.path) {
                return Ok(None);
            }
            let read = self.environment.read(&self.path, limits::TOKEN_BYTES);
            let bytes = read.map_err(|error| IdentityError::Unreadable { path: self.path.clone(), error })?;
            IdToken::from_bytes(bytes, "the projected token file").map(Some)
        })
    }
}
