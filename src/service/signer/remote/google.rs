//! Google Cloud KMS: <https://cloud.google.com/kms/docs/reference/rest>

use zeroize::Zeroizing;

use super::{Call, Caller, Remote, RemoteKey, bearer, endpoint, json_headers, public_key};
use crate::base::encoding::base64;
use crate::base::encoding::json::Json;
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, HttpClient, Method};
use crate::service::signer::{Prepared, SignerError};

/// A version of a key.
pub(crate) struct GoogleKey {
    caller: Caller,
    token: Zeroizing<String>,
    sign: Endpoint,
}

impl std::fmt::Debug for GoogleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GoogleKey({})", self.sign)
    }
}

impl GoogleKey {
    /// Reads the public key of `projects/…/cryptoKeyVersions/N`. The access token is that of
    /// `CLOUDSDK_AUTH_ACCESS_TOKEN` or `GOOGLE_OAUTH_ACCESS_TOKEN`.
    pub(crate) async fn open(
        name: &str,
        http: &HttpClient,
        environment: &dyn Environment,
    ) -> Result<Remote<Self>, SignerError> {
        let token = ["CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"];
        let token = token.into_iter().find_map(|variable| environment.var(variable)).ok_or(SignerError::Credentials(
            "neither CLOUDSDK_AUTH_ACCESS_TOKEN nor GOOGLE_OAUTH_ACCESS_TOKEN is set (`gcloud auth print-access-token`)",
        ))?;
        let base = environment.var("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS");
        let base = endpoint(base.as_deref().unwrap_or("https://cloudkms.googleapis.com"))?;
        let caller = Caller { http: http.clone() };
        let place = base.below(&format!("v1/{name}/publicKey"));
        let mut headers = json_headers();
        bearer(&mut headers, &token)?;
        let call = Call { method: Method::GET, endpoint: &place, headers, body: None, secrets: &[&token] };
        let answer = caller.json(call).await?;
        let (found, pem, algorithm) = answer.read("name, pem and algorithm are missing", |json| {
            let text = |name| json.member(name).and_then(Json::as_str).map(str::to_owned);
            Some((text("name")?, text("pem")?, text("algorithm")?))
        })?;
        if found != name {
            return Err(answer.malformed("it names another key"));
        }
        if !signs_here(&algorithm) {
            return Err(SignerError::Algorithm(algorithm));
        }
        let public_key = public_key(&pem)?;
        let sign = base.below(&format!("v1/{name}:asymmetricSign"));
        let key = Self { caller, token: Zeroizing::new(token), sign };
        Ok(Remote { key, public_key })
    }

    async fn signature(&self, prepared: Prepared<'_>) -> Result<Vec<u8>, SignerError> {
        let body = match prepared {
            Prepared::Message(message) => serde_json::json!({ "data": base64::encode(message) }),
            Prepared::Digest(digest) => {
                serde_json::json!({ "digest": { digest.algorithm().name(): base64::encode(digest.as_bytes()) } })
            }
        };
        let body = body.to_string();
        let mut headers = json_headers();
        bearer(&mut headers, &self.token)?;
        let (method, body, secrets) = (Method::POST, Some(body.as_bytes()), [self.token.as_str()]);
        let answer = self.caller.json(Call { method, endpoint: &self.sign, headers, body, secrets: &secrets }).await?;
        answer.read("signature is not base64", |json| base64::decode(json.member("signature")?.as_str()?))
    }
}

/// The algorithm is a property of the key there (`CryptoKeyVersionAlgorithm`): one of another padding or digest than
/// that of our schemes signs nothing for us.
fn signs_here(algorithm: &str) -> bool {
    let rsa = algorithm.strip_prefix("RSA_SIGN_PKCS1_").is_some_and(|rest| rest.ends_with("_SHA256"));
    rsa || matches!(algorithm, "EC_SIGN_P256_SHA256" | "EC_SIGN_P384_SHA384" | "EC_SIGN_ED25519")
}

impl RemoteKey for GoogleKey {
    fn ask<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(self.signature(prepared))
    }
}
