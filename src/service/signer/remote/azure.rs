//! Azure Key Vault: <https://learn.microsoft.com/rest/api/keyvault/keys/operation-groups>

use reqwest::header::{self, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::{Call, Caller, Remote, RemoteKey, bearer, digest, endpoint, json_headers};
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::base64;
use crate::base::encoding::der;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::format::jwt::Jwk;
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, HttpClient, Method};
use crate::service::signer::{Prepared, SignerError};

const API: (&str, &str) = ("api-version", "7.4");

/// A version of a key.
pub(crate) struct AzureKey {
    caller: Caller,
    token: Zeroizing<String>,
    sign: Endpoint,
    public_key: PublicKey,
}

impl std::fmt::Debug for AzureKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AzureKey({})", self.sign)
    }
}

impl AzureKey {
    /// Reads the public key of `KEY` or `KEY/VERSION` in a vault. The token is that of `AZURE_ACCESS_TOKEN`, or one
    /// for `AZURE_TENANT_ID` and `AZURE_CLIENT_ID` by `AZURE_FEDERATED_TOKEN_FILE` or `AZURE_CLIENT_SECRET`.
    pub(crate) async fn open(
        vault: &str,
        name: &str,
        http: &HttpClient,
        environment: &dyn Environment,
    ) -> Result<Remote<Self>, SignerError> {
        let caller = Caller { http: http.clone() };
        let base = endpoint(vault)?;
        let token = token(&caller, environment).await?;
        let place = base.below(&format!("keys/{name}")).with_query(API.0, API.1);
        let mut headers = json_headers();
        bearer(&mut headers, &token)?;
        let call = Call { method: Method::GET, endpoint: &place, headers, body: None, secrets: &[&token] };
        let answer = caller.json(call).await?;
        let (id, public_key) = answer.read("key is no EC or RSA key", |json| {
            let key = json.member("key")?;
            Some((key.member("kid")?.as_str()?.to_owned(), public_key(key)?))
        })?;
        // The id holds the version that this key is of.
        let id = endpoint(&id).ok().filter(|id| id.same_origin(&base));
        let id = id.ok_or_else(|| answer.malformed("kid leads to another vault"))?;
        let sign = id.below("sign").with_query(API.0, API.1);
        Ok(Remote { key: Self { caller, token, sign, public_key: public_key.clone() }, public_key })
    }

    async fn signature(&self, prepared: Prepared<'_>) -> Result<Vec<u8>, SignerError> {
        let digest = digest(prepared, &self.public_key)?;
        let algorithm = match self.public_key.kind() {
            KeyKind::P256 => "ES256",
            KeyKind::P384 => "ES384",
            KeyKind::P521 => "ES512",
            KeyKind::Rsa { .. } => "RS256",
            KeyKind::Ed25519 => return Err(SignerError::Algorithm("Ed25519".to_owned())),
        };
        let body = serde_json::json!({ "alg": algorithm, "value": base64::encode_url(digest.as_bytes()) }).to_string();
        let mut headers = json_headers();
        bearer(&mut headers, &self.token)?;
        let (method, body, secrets) = (Method::POST, Some(body.as_bytes()), [self.token.as_str()]);
        let answer = self.caller.json(Call { method, endpoint: &self.sign, headers, body, secrets: &secrets }).await?;
        let raw = answer.read("value is not base64url", |json| {
            base64::decode_url(json.member("value")?.as_str()?.trim_end_matches('='))
        })?;
        if matches!(self.public_key.kind(), KeyKind::Rsa { .. }) {
            return Ok(raw);
        }
        ecdsa_der(&raw).ok_or_else(|| answer.malformed("value is not two numbers of one length"))
    }
}

/// `r` and `s` of one length (RFC 7518 section 3.4) as an `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3).
pub(in crate::service::signer) fn ecdsa_der(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(raw.len() / 2).filter(|(r, s)| r.len() == s.len() && !r.is_empty())?;
    Some(der::sequence(&[&der::unsigned(r), &der::unsigned(s)]))
}

/// `kty` is `EC` or `RSA`, or the same with `-HSM`; the rest is a JWK.
fn public_key(key: &Json<'_>) -> Option<PublicKey> {
    let Json::Object(members) = key else { return None };
    let kty = key.member("kty")?.as_str()?.strip_suffix("-HSM").unwrap_or(key.member("kty")?.as_str()?).to_owned();
    let plain = members.iter().filter(|(name, _)| ["crv", "x", "y", "n", "e"].contains(&name.as_ref())).cloned();
    let jwk = Json::Object(plain.chain([("kty".into(), Json::String(kty.into()))]).collect());
    Jwk::parse(&jwk).ok().flatten().map(|jwk| jwk.key().clone())
}

/// RFC 6749 section 4.4, with a secret or with a token of the platform (RFC 7523 section 2.2).
async fn token(caller: &Caller, environment: &dyn Environment) -> Result<Zeroizing<String>, SignerError> {
    if let Some(token) = environment.var("AZURE_ACCESS_TOKEN") {
        return Ok(Zeroizing::new(token));
    }
    let var = |name| environment.var(name);
    let (Some(tenant), Some(client)) = (var("AZURE_TENANT_ID"), var("AZURE_CLIENT_ID")) else {
        return Err(SignerError::Credentials(
            "AZURE_ACCESS_TOKEN is not set, nor are AZURE_TENANT_ID and AZURE_CLIENT_ID",
        ));
    };
    let file = |path: String| {
        let bytes = environment.read(path.as_ref(), limits::TOKEN_BYTES).ok()?;
        Some(String::from_utf8(bytes).ok()?.trim().to_owned())
    };
    let (kind, secret) = match (var("AZURE_FEDERATED_TOKEN_FILE").and_then(file), var("AZURE_CLIENT_SECRET")) {
        (Some(assertion), _) => ("client_assertion", Zeroizing::new(assertion)),
        (None, Some(secret)) => ("client_secret", Zeroizing::new(secret)),
        (None, None) => {
            return Err(SignerError::Credentials("neither AZURE_FEDERATED_TOKEN_FILE nor AZURE_CLIENT_SECRET is set"));
        }
    };
    let authority = var("AZURE_AUTHORITY_HOST").unwrap_or_else(|| "https://login.microsoftonline.com".to_owned());
    let place = endpoint(&authority)?.below(&format!("{tenant}/oauth2/v2.0/token"));
    let mut form = reqwest::Url::parse("form:").map_err(|_| SignerError::Randomness)?;
    form.query_pairs_mut()
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &client)
        .append_pair("scope", "https://vault.azure.net/.default")
        .append_pair(kind, &secret);
    if kind == "client_assertion" {
        let jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        form.query_pairs_mut().append_pair("client_assertion_type", jwt_bearer);
    }
    let body = Zeroizing::new(form.query().unwrap_or_default().to_owned());
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form_type)]);
    let (method, body, secrets) = (Method::POST, Some(body.as_bytes()), [secret.as_str()]);
    let answer = caller.json(Call { method, endpoint: &place, headers, body, secrets: &secrets }).await?;
    answer
        .read("access_token is missing", |json| Some(Zeroizing::new(json.member("access_token")?.as_str()?.to_owned())))
}

impl RemoteKey for AzureKey {
    fn ask<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(self.signature(prepared))
    }
}
