//! One order: account, proof of each name, certificate.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::client::Client;
use super::{ACCOUNT, Acme, AcmeError};
use crate::base::limits;
use crate::service::http::HttpError;

/// The account's file.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The directory of the CA that knows the account.
    directory: String,
    credentials: AccountCredentials,
}

/// Makes a request again when the server wanted another nonce: that is no answer (RFC 8555 section 6.5).
macro_rules! with_nonces {
    ($request:expr) => {{
        let mut attempts = 1;
        loop {
            match $request.await {
                Err(Error::Api(problem)) if wants_nonce(&problem) && attempts < limits::ACME_NONCES => attempts += 1,
                answer => break answer.map_err(said),
            }
        }
    }};
}

impl Acme {
    /// The PEM of the chain and its key.
    pub(super) async fn order(&self) -> Result<Zeroizing<Vec<u8>>, AcmeError> {
        let account = self.account().await?;
        let names: Vec<_> = self.settings.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = with_nonces!(account.new_order(&NewOrder::new(&names)))?;
        let proven = self.prove(&mut order).await;
        let ready = match proven {
            Ok(()) => self.wait(&mut order, OrderStatus::Ready).await,
            Err(error) => Err(error),
        };
        self.certificate.forget_challenges();
        ready?;
        let key = Zeroizing::new(with_nonces!(order.finalize())?);
        self.wait(&mut order, OrderStatus::Valid).await?;
        let chain =
            with_nonces!(order.certificate())?.ok_or_else(|| AcmeError::Refused("no certificate".to_owned()))?;
        let mut pem = Zeroizing::new(Vec::with_capacity(chain.len() + key.len() + 1));
        pem.extend_from_slice(chain.as_bytes());
        pem.push(b'\n');
        pem.extend_from_slice(key.as_bytes());
        Ok(pem)
    }

    /// The account of an earlier run, or a new one, which is kept before it is used.
    async fn account(&self) -> Result<Account, AcmeError> {
        let directory = self.settings.directory.to_string();
        let path = self.settings.folder.join(ACCOUNT);
        let kept = self.environment.read(&path, limits::ACME_BYTES).map(Zeroizing::new);
        let kept = kept.ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let builder = || Account::builder_with_http(Box::new(Client(self.http.clone())));
        if let Some(kept) = kept.filter(|kept| kept.directory == directory) {
            return builder().from_credentials(kept.credentials).await.map_err(said);
        }
        let contacts: Vec<_> = self.settings.contacts.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = with_nonces!(builder().create(&new, directory.clone(), None))?;
        let kept = serde_json::to_vec(&Kept { directory, credentials }).map_err(|_| AcmeError::Key)?;
        self.write(ACCOUNT, &Zeroizing::new(kept))?;
        Ok(account)
    }

    /// Serves the answer to each name's challenge, and says that it is there.
    async fn prove(&self, order: &mut Order) -> Result<(), AcmeError> {
        let mut nonces = limits::ACME_NONCES;
        'again: loop {
            let mut authorizations = order.authorizations();
            while let Some(authorization) = authorizations.next().await {
                let mut authorization = match authorization {
                    // The library begins with the first name again.
                    Err(Error::Api(problem)) if wants_nonce(&problem) && nonces > 0 => {
                        nonces -= 1;
                        continue 'again;
                    }
                    authorization => authorization.map_err(said)?,
                };
                if authorization.status == AuthorizationStatus::Valid {
                    continue;
                }
                let name = match authorization.identifier().identifier {
                    Identifier::Dns(name) if self.settings.names.contains(name) => name.clone(),
                    _ => return Err(AcmeError::Refused("it asks to prove a name that was not ordered".to_owned())),
                };
                let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
                let Some(mut challenge) = challenge else { return Err(AcmeError::Challenge { name }) };
                let answer = answer(&name, challenge.key_authorization().digest().as_ref())?;
                self.certificate.answer_challenge(&name, answer);
                with_nonces!(challenge.set_ready())?;
            }
            return Ok(());
        }
    }

    /// Waits until the order has come so far; the whole has a deadline.
    async fn wait(&self, order: &mut Order, wanted: OrderStatus) -> Result<(), AcmeError> {
        let mut pause = Duration::from_millis(100);
        loop {
            let state = with_nonces!(order.refresh())?;
            if let Some(problem) = &state.error {
                return Err(AcmeError::Refused(words(problem)));
            }
            match state.status {
                status if status == wanted => return Ok(()),
                OrderStatus::Valid => return Ok(()),
                OrderStatus::Invalid => return Err(AcmeError::Refused(why_invalid(order).await)),
                _ => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

/// The certificate of a challenge (RFC 8737 section 3): the name, and a digest in a critical extension.
fn answer(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, AcmeError> {
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).map_err(|_| AcmeError::Key)?;
    if digest.len() != 32 {
        return Err(AcmeError::Key);
    }
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(|_| AcmeError::Key)?;
    let certificate = parameters.self_signed(&key).map_err(|_| AcmeError::Key)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|_| AcmeError::Key)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}

/// What the CA says of a name that it could not prove.
async fn why_invalid(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return words(problem);
        }
    }
    "the order is invalid".to_owned()
}

fn wants_nonce(problem: &instant_acme::Problem) -> bool {
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce")
}

fn words(problem: &instant_acme::Problem) -> String {
    problem.to_string().chars().take(limits::JOURNAL_TEXT).collect()
}

/// An error of the library, or what our client told it.
fn said(error: Error) -> AcmeError {
    match error {
        Error::Other(inner) => match inner.downcast::<HttpError>() {
            Ok(error) => AcmeError::Http(*error),
            Err(inner) => AcmeError::Refused(inner.to_string().chars().take(limits::JOURNAL_TEXT).collect()),
        },
        Error::Api(problem) => AcmeError::Refused(words(&problem)),
        error => AcmeError::Refused(error.to_string().chars().take(limits::JOURNAL_TEXT).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_with_a_sha256() {
        assert!(answer("gate.example.com", &[7; 32]).is_ok());
        let error = answer("gate.example.com", &[7; 31]).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("acme-key", 3));
    }
}
