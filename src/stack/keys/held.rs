//! Keys that a PKCS#11 token holds: the file that stands for one has its URI (RFC 7512) in the place of the key.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::PrivateKeyError;
use crate::service::environment::SystemEnvironment;
use crate::service::signer::{KeyReference, Signer, SignerError, sign_message};
use crate::stack::log::SigningError;

/// How such a URI begins.
const SCHEME: &str = "pkcs11:";

/// The URI in a key's file, if it holds one.
pub(super) fn uri(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| text.starts_with(SCHEME))
}

/// Opens the token that a URI names. `path` is where it stands, or is to stand.
pub(super) fn open(uri: &str, path: &Path) -> Result<Arc<dyn Signer>, PrivateKeyError> {
    let held = |error| PrivateKeyError::Unopened { path: path.to_owned(), error };
    let form = "pkcs11:token=TOKEN;object=LABEL?pin-source=file:FILE";
    let unnamed = || SignerError::Reference { name: uri.to_owned(), form };
    let named = KeyReference::parse(uri).ok_or_else(unnamed).and_then(|named| named).map_err(held)?;
    named.open_token(&SystemEnvironment).map_err(held)
}

/// Signs; what comes back was verified.
pub(super) fn sign(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, SigningError> {
    // A token signs within the call and never waits for anything.
    match pin!(sign_message(signer, message)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(signed) => signed.map_err(|_| SigningError),
        Poll::Pending => Err(SigningError),
    }
}
