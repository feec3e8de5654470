//! A key that the user keeps, and whose public half verifiers have.

use std::sync::Arc;

use super::{CredentialError, CredentialSource, SigningCredential};
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::HttpClient;
use crate::service::signer::{KeyReference, Signer};

/// Signs with one key, without a certificate.
#[derive(Debug, Clone)]
pub struct ManagedKey(Key);

#[derive(Debug, Clone)]
enum Key {
    Here(Arc<dyn Signer>),
    Named { reference: KeyReference, http: HttpClient, environment: Arc<dyn Environment> },
}

impl ManagedKey {
    /// Signs with this key: a [`KeyFile`](crate::service::signer::KeyFile), or a signer of your own.
    pub fn new(signer: impl Signer + 'static) -> Self {
        Self::of(Arc::new(signer))
    }

    /// Signs with this key.
    pub fn of(signer: Arc<dyn Signer>) -> Self {
        Self(Key::Here(signer))
    }

    /// Signs with a key that another program or service holds: it is asked when a session begins.
    pub fn named(reference: KeyReference, http: HttpClient, environment: Arc<dyn Environment>) -> Self {
        Self(Key::Named { reference, http, environment })
    }
}

impl CredentialSource for ManagedKey {
    fn needs_proven_time(&self) -> bool {
        false
    }

    fn acquire(&self) -> BoxFuture<'_, Result<SigningCredential, CredentialError>> {
        Box::pin(async {
            let signer = match &self.0 {
                Key::Here(signer) => Arc::clone(signer),
                Key::Named { reference, http, environment } => reference.open(http, environment).await?,
            };
            Ok(SigningCredential::bare_key(signer))
        })
    }
}
