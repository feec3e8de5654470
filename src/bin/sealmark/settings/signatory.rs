//! Who would sign, known before any authority is asked.

use std::fmt;
use std::sync::Arc;

use sealmark::service::BoxFuture;
use sealmark::service::ca::CertificateAuthority as _;
use sealmark::service::identity::{self, ExpectedIdentity, IdToken, IdentityError, IdentityTokenSource};
use sealmark::sign::image::ExpectedSigner;
use sealmark::sign::{CredentialSource, Keyless, ManagedKey};
use sealmark::verify::KeyLog;
use zeroize::Zeroizing;

use super::key::signing_key;
use super::services::Signing;
use super::{environment, token_sources};
use crate::cli::SignerArgs;
use crate::report::Failure;

/// A credential, and whom its signatures would name.
#[derive(Debug)]
pub(crate) struct Signatory {
    pub(crate) credential: Box<dyn CredentialSource>,
    /// None when only the authority can tell.
    pub(crate) expected: Option<ExpectedSigner>,
}

impl Signing {
    /// Finds the token or opens the key, and asks no authority.
    pub(crate) async fn signatory(&self, signer: &SignerArgs, log: KeyLog) -> Result<Signatory, Failure> {
        if let Some(key) = &signer.key {
            let key = signing_key(key, signer.key_password_file.as_deref())?.open(self.http()).await?;
            let expected = Some(ExpectedSigner::Key { key: key.public_key().clone(), log });
            return Ok(Signatory { credential: Box::new(ManagedKey::of(key)), expected });
        }
        let environment = environment();
        let sources = token_sources(&signer.token, self.http())?;
        let authority = self.certificate_authority()?;
        let Some(audience) = authority.audience() else {
            let keyless = Keyless::new(sources, authority, Arc::clone(self.shared_verifier()), environment);
            return Ok(Signatory { credential: Box::new(self.recorded(keyless, signer)?), expected: None });
        };
        let token = identity::find(&sources, audience).await?;
        // Who names itself in a rule by its authority has no issuer to be found by.
        let expected = if authority.wanted_name(Some(token.claims()))?.is_none() { expected(&token) } else { None };
        let kept: Vec<Box<dyn IdentityTokenSource>> = vec![Box::new(KeptToken::of(&token))];
        let keyless = Keyless::new(kept, authority, Arc::clone(self.shared_verifier()), environment);
        let keyless = self.recorded(keyless, signer)?;
        Ok(Signatory { credential: Box::new(keyless), expected })
    }
}

fn expected(token: &IdToken) -> Option<ExpectedSigner> {
    let san = match token.claims().expected_identity() {
        ExpectedIdentity::Certain(san) | ExpectedIdentity::Likely(san) => san,
        ExpectedIdentity::Open => return None,
    };
    let issuer = token.claims().certificate_issuer()?.to_owned();
    Some(ExpectedSigner::Identity { identity: san.as_str().to_owned(), issuer })
}

/// A token that was found already: it is not asked for twice.
struct KeptToken {
    text: Zeroizing<String>,
    origin: &'static str,
}

impl KeptToken {
    fn of(token: &IdToken) -> Self {
        Self { text: Zeroizing::new(token.reveal().to_owned()), origin: token.origin() }
    }
}

impl IdentityTokenSource for KeptToken {
    fn name(&self) -> &'static str {
        self.origin
    }

    fn detect<'a>(&'a self, _audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async { IdToken::new(self.text.clone(), self.origin).map(Some) })
    }
}

impl fmt::Debug for KeptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptToken(from {})", self.origin)
    }
}
