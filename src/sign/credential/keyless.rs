//! An identity instead of a key: token, key of one session, certificate.

use std::sync::Arc;

use super::{CredentialError, CredentialSource, SigningCredential};
use crate::base::limits;
use crate::format::x509::{Certificate, FulcioClaims, San};
use crate::service::BoxFuture;
use crate::service::ca::{CaError, CertificateAuthority, CertificateChain, CertificateRequest};
use crate::service::environment::Environment;
use crate::service::identity::{self, ExpectedIdentity, IdToken, IdentityTokenSource, TokenClaims};
use crate::service::signer::EphemeralKey;
use crate::sign::future_time;
use crate::verify::sct::SctError;
use crate::verify::{Verifier, VerifyError};

/// Gets a certificate for an identity token and a key that lives as long as the session.
#[derive(Debug)]
pub struct Keyless {
    sources: Vec<Box<dyn IdentityTokenSource>>,
    authority: Box<dyn CertificateAuthority>,
    verifier: Arc<Verifier>,
    environment: Arc<dyn Environment>,
    audience: Option<String>,
    record: Record,
}

/// Who can read that something was signed, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Whoever reaches the site's own services. Nothing is asked.
    Private,
    /// Anyone, for ever. A token that says it is of a private repository is not sent there.
    Public,
    /// Anyone, for ever, and that is what the signer wants.
    PublicByChoice,
}

impl Keyless {
    /// Asks `sources` for a token and `authority` for a certificate, which `verifier` must find good.
    pub fn new(
        sources: Vec<Box<dyn IdentityTokenSource>>,
        authority: impl CertificateAuthority + 'static,
        verifier: Arc<Verifier>,
        environment: Arc<dyn Environment>,
    ) -> Self {
        let audience = authority.audience().map(str::to_owned);
        let record = if authority.is_public() { Record::Public } else { Record::Private };
        Self { sources, authority: Box::new(authority), verifier, environment, audience, record }
    }

    /// For services of which the authority is not the only one, or a signer who has chosen. By default the
    /// authority alone says whether the record is public.
    #[must_use]
    pub fn on_record(self, record: Record) -> Self {
        Self { record, ..self }
    }

    /// For an authority that expects another audience than it says itself.
    #[must_use]
    pub fn with_audience(self, audience: &str) -> Self {
        Self { audience: Some(audience.to_owned()), ..self }
    }

    /// The numbered steps: each is done only when all before it hold.
    async fn certify(&self) -> Result<SigningCredential, CredentialError> {
        // 1. A token that the authority can take, if it takes any.
        let token = match &self.audience {
            None => None,
            Some(audience) => {
                let token = identity::find(&self.sources, audience).await?;
                token.check(audience, self.environment.now())?;
                Some(token)
            }
        };
        // What an authority or a log has published cannot be called back.
        let hidden = token.as_ref().and_then(|token| token.claims().hidden_source());
        if let (Record::Public, Some(visibility)) = (self.record, hidden) {
            return Err(CredentialError::Leak { visibility: visibility.to_owned() });
        }
        let wanted = self.authority.wanted_name(token.as_ref().map(IdToken::claims))?;
        // 2. A key of this session.
        let key = EphemeralKey::generate()?;
        // 3. A certificate for the two.
        let chain = self.authority.issue(CertificateRequest { key: &key, token: token.as_ref() }).await?;
        // 4. The certificate is of this key, of this identity, and would verify.
        let credential = SigningCredential::new(Arc::new(key), chain.leaf.clone())?;
        check_identity(&chain.leaf, wanted.as_ref(), token.as_ref()).map_err(|error| self.refused(error))??;
        let issued = Issued { chain: &chain, authority: &self.authority.name() };
        issued.check_path(&self.verifier, &*self.environment)?;
        Ok(credential)
    }

    fn refused(&self, error: VerifyError) -> CredentialError {
        CredentialError::Certificate { authority: self.authority.name(), error }
    }
}

/// A chain as an authority gave it.
pub(super) struct Issued<'a> {
    pub(super) chain: &'a CertificateChain,
    pub(super) authority: &'a str,
}

impl Issued<'_> {
    /// Whether a bundle with the leaf would verify from now on.
    pub(super) fn check_path(&self, verifier: &Verifier, environment: &dyn Environment) -> Result<(), CredentialError> {
        let leaf = &self.chain.leaf;
        let (local, not_before) = (environment.now(), leaf.validity().start());
        let latest = local.plus_secs(limits::CLOCK_TOLERANCE_SECS);
        if not_before > latest {
            return Err(CredentialError::Clock { issued: not_before, local });
        }
        // A root that came along is left out: trust comes from the trusted root alone.
        let intermediates: Vec<Certificate> =
            self.chain.above.iter().filter(|certificate| !certificate.is_self_issued()).cloned().collect();
        let checked = verifier.check_certificate(leaf, &intermediates, local.max(not_before), latest);
        checked.map(drop).map_err(|error| match future_time(&error) {
            Some(issued) => CredentialError::Clock { issued, local },
            None if self.chain.sct_beside && matches!(error, VerifyError::Sct(SctError::Missing)) => {
                CaError::DetachedSct { url: self.authority.to_owned() }.into()
            }
            None => CredentialError::Certificate { authority: self.authority.to_owned(), error },
        })
    }
}

/// Whether a certificate names whom it is to name: what was asked for, where that is for us to say; else whom
/// the token names, the issuer always, the subject exactly where it is known what it must be, and else by the
/// subject claim that the authority copied.
fn check_identity(
    leaf: &Certificate,
    wanted: Option<&San>,
    token: Option<&IdToken>,
) -> Result<Result<(), CredentialError>, VerifyError> {
    let (san, written) = (leaf.san()?, FulcioClaims::read(leaf)?);
    let claims = token.map(IdToken::claims);
    // An authority that is no Fulcio writes no issuer; the path says which it is.
    if let (Some(found), Some(expected)) = (written.issuer(), claims.and_then(TokenClaims::certificate_issuer))
        && found != expected
    {
        return Ok(Err(CredentialError::OtherIssuer { expected: expected.to_owned(), found: found.to_owned() }));
    }
    let named = match (wanted, claims) {
        (Some(wanted), _) if *wanted == san => Ok(()),
        (Some(wanted), _) => Err(wanted.to_string()),
        (None, Some(claims)) => names(&san, written.value("token-subject"), claims),
        (None, None) => Err(String::new()),
    };
    Ok(named.map_err(|expected| CredentialError::OtherIdentity { expected, found: san.to_string() }))
}

/// `Err` tells whom the token names.
fn names(san: &San, written_subject: Option<&str>, claims: &TokenClaims) -> Result<(), String> {
    let subject = claims.subject().unwrap_or_default();
    if written_subject.is_some_and(|written| written != subject) {
        return Err(subject.to_owned());
    }
    match claims.expected_identity() {
        ExpectedIdentity::Certain(expected) | ExpectedIdentity::Likely(expected) if expected == *san => Ok(()),
        ExpectedIdentity::Certain(expected) => Err(expected.to_string()),
        // Another form than the usual: the subject that the authority wrote down must be the token's.
        ExpectedIdentity::Likely(_) | ExpectedIdentity::Open if written_subject.is_some() => Ok(()),
        ExpectedIdentity::Likely(expected) => Err(expected.to_string()),
        ExpectedIdentity::Open if san.as_str() == subject => Ok(()),
        ExpectedIdentity::Open => Err(subject.to_owned()),
    }
}

impl CredentialSource for Keyless {
    fn needs_proven_time(&self) -> bool {
        true
    }

    fn acquire(&self) -> BoxFuture<'_, Result<SigningCredential, CredentialError>> {
        Box::pin(self.certify())
    }
}
