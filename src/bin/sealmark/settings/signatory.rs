//! Who would sign, known before any authority is asked.

use std::fmt;
use std::sync::Arc;

use sealmark::service::BoxFuture;
use sealmark::service::ca::CertificateAuthority as _;
use sealmark::service::identity::{
    self, ExpectedIdentity, IdToken, IdentityError, IdentityTokenSource, SIGSTORE_AUDIENCE, TokenClaims,
};
use sealmark::sign::image::ExpectedSigner;
use sealmark::sign::provenance::{JobProvenance, PLATFORMS, ProvenanceError};
use sealmark::sign::{CredentialSource, Keyless, ManagedKey, SignError};
use sealmark::verify::KeyLog;
use zeroize::Zeroizing;

use super::key::signing_key;
use super::services::Signing;
use super::{environment, token_sources};
use crate::cli::{SignerArgs, SigningWaiverArgs};
use crate::report::Failure;

/// A credential, and whom its signatures would name.
#[derive(Debug)]
pub(crate) struct Signatory {
    pub(crate) credential: Box<dyn CredentialSource>,
    /// None when only the authority can tell.
    pub(crate) expected: Option<ExpectedSigner>,
    /// What the token claims that is signed with; None when none is.
    pub(crate) claims: Option<TokenClaims>,
}

impl Signing {
    /// Finds the token or opens the key, and asks no authority.
    pub(crate) async fn signatory(&self, signer: &SignerArgs, log: KeyLog) -> Result<Signatory, Failure> {
        if let Some(key) = &signer.key {
            let key = signing_key(key, signer.key_password_file.as_deref())?.open(self.http()).await?;
            let expected = Some(ExpectedSigner::Key { key: key.public_key().clone(), log });
            return Ok(Signatory { credential: Box::new(ManagedKey::of(key)), expected, claims: None });
        }
        if let Some((_, svid)) = self.workload_svid()? {
            return Ok(Signatory { credential: Box::new(svid), expected: None, claims: None });
        }
        let environment = environment();
        let sources = token_sources(&signer.token, self.http())?;
        let authority = self.certificate_authority()?;
        let Some(audience) = authority.audience() else {
            let keyless = Keyless::new(sources, authority, Arc::clone(self.shared_verifier()), environment);
            let credential = Box::new(self.recorded(keyless, signer)?);
            return Ok(Signatory { credential, expected: None, claims: None });
        };
        let token = identity::find(&sources, audience).await?;
        // Who names itself in a rule by its authority has no issuer to be found by.
        let expected = if authority.wanted_name(Some(token.claims()))?.is_none() { expected(&token) } else { None };
        let kept: Vec<Box<dyn IdentityTokenSource>> = vec![Box::new(KeptToken::of(&token))];
        let keyless = Keyless::new(kept, authority, Arc::clone(self.shared_verifier()), environment);
        let keyless = self.recorded(keyless, signer)?;
        Ok(Signatory { credential: Box::new(keyless), expected, claims: Some(token.claims().clone()) })
    }

    /// How the running job builds: by the token that is signed with, or, under a key, by the token of the environment.
    pub(crate) async fn job(&self, signatory: &Signatory) -> Result<JobProvenance, Failure> {
        let environment = environment();
        let claims = match &signatory.claims {
            Some(claims) => claims.clone(),
            None => {
                let sources = identity::ambient(&environment, self.http());
                let token = identity::find(&sources, SIGSTORE_AUDIENCE).await;
                token.map_err(no_job)?.claims().clone()
            }
        };
        Ok(JobProvenance::of(&claims, environment.as_ref()).map_err(SignError::from)?)
    }

    /// The same, and who signs what is said of it.
    pub(crate) async fn job_and_signatory(
        &self,
        signer: &SignerArgs,
        log: KeyLog,
    ) -> Result<(JobProvenance, Signatory), Failure> {
        let outside = signer.key.is_none()
            && !signer.token.says_where()
            && PLATFORMS.iter().all(|platform| platform.marks.iter().any(|mark| environment().var(mark).is_none()));
        if outside {
            return Err(SignError::from(ProvenanceError::NoToken).into());
        }
        let signatory = self.signatory(signer, log).await?;
        Ok((self.job(&signatory).await?, signatory))
    }
}

/// Whether a key's signature needs a log entry.
pub(crate) fn key_log(waivers: &SigningWaiverArgs) -> KeyLog {
    if waivers.log_not_required_unsafe { KeyLog::NotRequiredUnsafe } else { KeyLog::Required }
}

/// No token: no job.
fn no_job(error: IdentityError) -> Failure {
    match error {
        IdentityError::NotFound { .. } => SignError::from(ProvenanceError::NoToken).into(),
        other => other.into(),
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
