//! Fulcio's HTTP API, version 2:
//! <https://github.com/sigstore/fulcio/blob/main/fulcio.proto>

mod look;

use super::{CaError, CertificateAuthority, CertificateChain, CertificateRequest, chain};
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::base64;
use crate::base::encoding::json::{self, Fields, Json, ShapeError};
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Response, Service, excerpt};
use crate::service::identity::{IdToken, Issuers, TokenClaims};
use crate::service::look::Looked;
use crate::service::signer::sign_message;

/// A Fulcio, or an authority that speaks as it does.
#[derive(Debug, Clone)]
pub struct Fulcio {
    endpoint: Endpoint,
    configuration: Endpoint,
    trust_bundle: Endpoint,
    http: HttpClient,
}

/// What it says of the issuers that it knows.
enum Told {
    Issuers(Issuers),
    /// It is older than the endpoint of its configuration.
    NoConfiguration,
    /// Its answer lists none.
    NoList,
}

impl Fulcio {
    /// The authority at a base URL, as a signing config's `caUrls` has it.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`].
    pub fn new(base_url: &str, http: HttpClient) -> Result<Self, HttpError> {
        let base = Endpoint::parse(Service::CertificateAuthority, base_url)?;
        let (endpoint, configuration) = (base.below("api/v2/signingCert"), base.below("api/v2/configuration"));
        Ok(Self { endpoint, configuration, trust_bundle: base.below("api/v2/trustBundle"), http })
    }

    async fn call(&self, endpoint: &Endpoint, body: Option<&str>, token: Option<&str>) -> Result<Response, HttpError> {
        let request = Request {
            service: Service::CertificateAuthority,
            endpoint,
            accept: "application/json",
            body: body.map(|body| ("application/json", body.as_bytes())),
            bearer: token,
            expected: &[200, 201],
            secrets: &[],
        };
        self.http.send(request).await
    }

    /// Refuses a token of an issuer that it does not know, before the token is sent. What has no list of its issuers,
    /// or none that can be read, is asked for the certificate all the same; what cannot be reached is not asked twice.
    async fn check_issuer(&self, claims: &TokenClaims) -> Result<(), CaError> {
        let issuer = claims.issuer().unwrap_or_default();
        match self.told().await {
            Ok(Told::Issuers(issuers)) if !issuers.contains(issuer) => Err(self.unknown(issuer, &issuers)),
            Ok(_) | Err(HttpError::Refused { .. } | HttpError::TooLong { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks whose tokens it takes.
    async fn told(&self) -> Result<Told, HttpError> {
        let response = match self.call(&self.configuration, None, None).await {
            Err(HttpError::Refused { status: 404, .. }) => return Ok(Told::NoConfiguration),
            answer => answer?,
        };
        Ok(Issuers::read(&response.body).map_or(Told::NoList, Told::Issuers))
    }

    fn unknown(&self, issuer: &str, issuers: &Issuers) -> CaError {
        let known = excerpt(issuers.list().as_bytes(), &[]);
        CaError::UnknownIssuer { url: self.endpoint.to_string(), issuer: issuer.to_owned(), known }
    }

    fn malformed(&self, problem: &'static str) -> CaError {
        let url = self.endpoint.to_string();
        HttpError::Malformed { service: Service::CertificateAuthority, url, problem }.into()
    }

    fn read(&self, body: &[u8]) -> Result<CertificateChain, CaError> {
        let answer = Json::parse(body).map_err(|_| self.malformed("not JSON"))?;
        let given = |name| answer.member(name).filter(|json| **json != Json::Null);
        let (signed, beside) = match (given("signedCertificateEmbeddedSct"), given("signedCertificateDetachedSct")) {
            (Some(embedded), _) => (embedded, false),
            // Where there is no CT log, nothing is beside it either.
            (None, Some(detached)) => {
                let sct = detached.member("signedCertificateTimestamp").and_then(Json::as_str);
                (detached, sct.is_some_and(|sct| !sct.is_empty()))
            }
            (None, None) => return Err(self.malformed("signedCertificateEmbeddedSct is missing")),
        };
        let texts = certificates(signed).map_err(|_| self.malformed("a chain of PEM certificates is missing"))?;
        Ok(CertificateChain { sct_beside: beside, ..chain::read(&self.endpoint, texts)? })
    }
}

fn certificates<'j>(signed: &'j Json<'_>) -> Result<Vec<&'j str>, ShapeError> {
    let mut chain = Fields::of(signed, "signedCertificate")?.require_object("chain")?;
    let items = chain.items("certificates", limits::CHAIN)?;
    items.iter().map(|item| json::string(item, "certificates")).collect()
}

/// The body with a public key and its proof of possession; the token goes into the header.
fn body(key: &PublicKey, proof_of_possession: &[u8]) -> String {
    let algorithm = match key.kind() {
        KeyKind::Ed25519 => "ED25519",
        KeyKind::Rsa { .. } => "RSA_PSS",
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => "ECDSA",
    };
    // Base64 and PEM need no escapes but the line ends.
    let key = key.to_pem().replace('\n', "\\n");
    let proof = base64::encode(proof_of_possession);
    format!(
        r#"{{"publicKeyRequest":{{"publicKey":{{"algorithm":"{algorithm}","content":"{key}"}},"proofOfPossession":"{proof}"}}}}"#
    )
}

impl CertificateAuthority for Fulcio {
    fn name(&self) -> String {
        self.endpoint.to_string()
    }

    fn is_public(&self) -> bool {
        self.endpoint.is_of_public_good()
    }

    fn takes<'a>(&'a self, claims: &'a TokenClaims) -> BoxFuture<'a, Result<bool, CaError>> {
        Box::pin(async move {
            let issuer = claims.issuer().unwrap_or_default();
            match self.told().await? {
                Told::Issuers(issuers) if issuers.contains(issuer) => Ok(true),
                Told::Issuers(issuers) => Err(self.unknown(issuer, &issuers)),
                Told::NoConfiguration => Ok(false),
                Told::NoList => Err(self.malformed("it lists no issuers")),
            }
        })
    }

    fn look<'a>(&'a self, token: Option<&'a IdToken>) -> BoxFuture<'a, Looked> {
        Box::pin(self.look_at(token))
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            let token = request.needed_token()?;
            let challenge = token.claims().challenge().ok_or(CaError::NoChallenge)?;
            self.check_issuer(token.claims()).await?;
            let proof = sign_message(request.key, challenge.as_bytes()).await?;
            let body = body(request.key.public_key(), &proof);
            let answer = self.call(&self.endpoint, Some(&body), Some(token.reveal())).await?;
            self.read(&answer.body)
        })
    }
}

#[cfg(test)]
mod tests;
