//! Keys that a PKCS#11 token holds: the file that stands for one has its URI (RFC 7512) on the first line, and below it
//! the public key that it had when it was taken over.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::PrivateKeyError;
use crate::base::crypto::PublicKey;
use crate::service::environment::SystemEnvironment;
use crate::service::signer::{KeyReference, Signer, SignerError, sign_message};
use crate::stack::log::SigningError;

/// How such a URI begins.
const SCHEME: &str = "pkcs11:";

/// How a key in a token is named.
const FORM: &str = "pkcs11:token=TOKEN;object=LABEL?pin-source=file:FILE";

/// The URI in a key's file, if it holds one.
pub(super) fn uri(text: &str) -> Option<&str> {
    text.lines().next().map(str::trim).filter(|text| text.starts_with(SCHEME))
}

/// The public key in a key's file beside the URI, if it holds one.
pub(super) fn public_key(text: &str) -> Option<PublicKey> {
    PublicKey::from_pem(text.split_once('\n')?.1).ok()
}

/// The file that stands for a key.
pub(super) fn file(uri: &str, public: &PublicKey) -> String {
    format!("{}\n{}", uri.trim(), public.to_pem())
}

/// What is no name of a key in a token.
pub(super) fn unfit(uri: &str) -> SignerError {
    SignerError::Reference { name: uri.to_owned(), form: FORM }
}

/// Opens the token that a URI names. `path` is where it stands, or is to stand.
pub(super) fn open(uri: &str, path: &Path) -> Result<Arc<dyn Signer>, PrivateKeyError> {
    let held = |error| PrivateKeyError::Unopened { path: path.to_owned(), error };
    let named = KeyReference::parse(uri).ok_or_else(|| unfit(uri)).and_then(|named| named).map_err(held)?;
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
