//! The transit engine of HashiCorp Vault and OpenBao:
//! <https://openbao.org/api-docs/secret/transit/>

use reqwest::header::HeaderName;
use zeroize::Zeroizing;

use super::{Call, Caller, Remote, RemoteKey, endpoint, json_headers, public_key, secret_header};
use crate::base::crypto::{Digest, DigestAlgorithm, KeyKind, PublicKey};
use crate::base::encoding::base64;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::ca::{vault_client_pair, vault_variable};
use crate::service::environment::Environment;
use crate::service::http::{ClientCertificate, Endpoint, HttpClient, Method};
use crate::service::signer::{Prepared, SignerError};

/// A version of a transit key.
#[derive(Debug)]
pub(crate) struct TransitKey {
    caller: Caller,
    access: Access,
    sign: Endpoint,
    version: u64,
    kind: KeyKind,
}

/// Who asks.
struct Access {
    token: Zeroizing<String>,
    namespace: Option<String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

/// Where a home folder keeps the token that `vault login` or `bao login` wrote.
const TOKEN_FILE: &str = ".vault-token";

/// The client, with the root of the server's TLS and with a certificate of its own where the variables name them.
fn client(http: &HttpClient, environment: &dyn Environment) -> Result<HttpClient, SignerError> {
    let text = |path: String, unreadable| {
        let bytes = environment.read(path.as_ref(), limits::PEM_BYTES);
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or(SignerError::Credentials(unreadable))
    };
    let mut settings = http.settings().clone();
    if let Some(root) = vault_variable(environment, "CACERT") {
        settings.extra_roots = Some(text(root, "the file that VAULT_CACERT names cannot be read")?);
    }
    if let Some((chain, key)) = vault_client_pair(environment)? {
        let chain = text(chain, "the file that VAULT_CLIENT_CERT names cannot be read")?;
        let key = Zeroizing::new(text(key, "the file that VAULT_CLIENT_KEY names cannot be read")?);
        settings.client_certificate = Some(ClientCertificate::new(chain, key)?);
    }
    Ok(HttpClient::new(settings))
}

impl Access {
    fn of(environment: &dyn Environment) -> Result<Self, SignerError> {
        let file = || {
            let path = std::path::PathBuf::from(environment.var("HOME")?).join(TOKEN_FILE);
            let bytes = environment.read(&path, limits::TOKEN_BYTES).ok()?;
            Some(String::from_utf8(bytes).ok()?.trim().to_owned())
        };
        let token = vault_variable(environment, "TOKEN").or_else(file).filter(|token| !token.is_empty());
        let token = token.ok_or(SignerError::Credentials("VAULT_TOKEN is not set, and there is no ~/.vault-token"))?;
        Ok(Self { token: Zeroizing::new(token), namespace: vault_variable(environment, "NAMESPACE") })
    }

    fn headers(&self) -> Result<reqwest::header::HeaderMap, SignerError> {
        let mut headers = json_headers();
        secret_header(&mut headers, HeaderName::from_static("x-vault-token"), &self.token)?;
        if let Some(namespace) = &self.namespace {
            secret_header(&mut headers, HeaderName::from_static("x-vault-namespace"), namespace)?;
        }
        Ok(headers)
    }
}

impl TransitKey {
    /// Reads the public key of a version, the latest unless one is named. `VAULT_ADDR` says where,
    /// `TRANSIT_SECRET_ENGINE_PATH` at which mount (`transit`).
    pub(crate) async fn open(
        name: &str,
        version: Option<u64>,
        http: &HttpClient,
        environment: &dyn Environment,
    ) -> Result<Remote<Self>, SignerError> {
        let address = vault_variable(environment, "ADDR").ok_or(SignerError::Credentials("VAULT_ADDR is not set"))?;
        let mount = environment.var("TRANSIT_SECRET_ENGINE_PATH").unwrap_or_else(|| "transit".to_owned());
        let base = endpoint(&address)?.below(&format!("v1/{}", mount.trim_matches('/')));
        let (access, caller) = (Access::of(environment)?, Caller { http: client(http, environment)? });
        let place = base.below(&format!("keys/{name}"));
        let (headers, secrets) = (access.headers()?, [access.token.as_str()]);
        let call = Call { method: Method::GET, endpoint: &place, headers, body: None, secrets: &secrets };
        let answer = caller.json(call).await?;
        let (version, text) = answer.read("data.keys has no public key of the version", |json| {
            let data = json.member("data")?;
            let latest = || number(data.member("latest_version")?);
            let version = version.or_else(latest)?;
            let key = data.member("keys")?.member(&version.to_string())?;
            Some((version, key.member("public_key")?.as_str()?.to_owned()))
        })?;
        // Ed25519 keys come as their 32 bytes, all others in PEM.
        let public_key = match base64::decode(text.trim()).filter(|bytes| bytes.len() == 32) {
            Some(bytes) => PublicKey::from_key_bytes(KeyKind::Ed25519, &bytes).map_err(SignerError::PublicKey)?,
            None => public_key(&text)?,
        };
        let (sign, kind) = (base.below(&format!("sign/{name}")), public_key.kind());
        Ok(Remote { key: Self { caller, access, sign, version, kind }, public_key })
    }

    async fn signature(&self, prepared: Prepared<'_>) -> Result<Vec<u8>, SignerError> {
        let mut body = serde_json::json!({ "key_version": self.version, "marshaling_algorithm": "asn1" });
        match prepared {
            Prepared::Digest(digest) => prehashed(&mut body, digest),
            Prepared::Message(message) => body["input"] = base64::encode(message).into(),
        }
        if matches!(self.kind, KeyKind::Rsa { .. }) {
            body["signature_algorithm"] = "pkcs1v15".into();
        }
        let body = body.to_string();
        let (headers, secrets) = (self.access.headers()?, [self.access.token.as_str()]);
        let (method, body) = (Method::POST, Some(body.as_bytes()));
        let answer = self.caller.json(Call { method, endpoint: &self.sign, headers, body, secrets: &secrets }).await?;
        answer.read("data.signature is not vault:vN:BASE64", |json| {
            let text = json.member("data")?.member("signature")?.as_str()?;
            let (version, signature) = text.strip_prefix("vault:v")?.split_once(':')?;
            base64::decode(signature).filter(|_| version.parse() == Ok(self.version))
        })
    }
}

fn prehashed(body: &mut serde_json::Value, digest: &Digest) {
    body["input"] = base64::encode(digest.as_bytes()).into();
    body["prehashed"] = true.into();
    body["hash_algorithm"] = match digest.algorithm() {
        DigestAlgorithm::Sha256 => "sha2-256",
        DigestAlgorithm::Sha384 => "sha2-384",
        DigestAlgorithm::Sha512 => "sha2-512",
    }
    .into();
}

fn number(json: &Json<'_>) -> Option<u64> {
    crate::base::encoding::json::unsigned(json, "").ok()
}

impl RemoteKey for TransitKey {
    fn ask<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(self.signature(prepared))
    }
}
