//! A key that the user keeps, and whose public half verifiers have.

use std::sync::Arc;

use super::{CredentialError, CredentialSource, SigningCredential};
use crate::service::BoxFuture;
use crate::service::signer::Signer;

/// Signs with one key, without a certificate.
#[derive(Debug, Clone)]
pub struct ManagedKey {
    signer: Arc<dyn Signer>,
}

impl ManagedKey {
    /// Signs with this key: a [`KeyFile`](crate::service::signer::KeyFile), or a signer of your own.
    pub fn new(signer: impl Signer + 'static) -> Self {
        Self { signer: Arc::new(signer) }
    }
}

impl CredentialSource for ManagedKey {
    fn needs_proven_time(&self) -> bool {
        false
    }

    fn acquire(&self) -> BoxFuture<'_, Result<SigningCredential, CredentialError>> {
        Box::pin(async { Ok(SigningCredential::bare_key(Arc::clone(&self.signer))) })
    }
}
