//! AWS KMS: <https://docs.aws.amazon.com/kms/latest/APIReference/>

use std::sync::Arc;

use reqwest::header::HeaderMap;

use super::{Answer, Call, Caller, Remote, RemoteKey, digest, endpoint};
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::base64;
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, HttpClient, Method};
use crate::service::signer::{Prepared, SignerError};
use crate::service::sigv4::{self, Credentials, Signing};

/// A key of an account; it has one version.
#[derive(Debug)]
pub(crate) struct AwsKey {
    service: AwsService,
    id: String,
    public_key: PublicKey,
}

#[derive(Debug)]
struct AwsService {
    caller: Caller,
    endpoint: Endpoint,
    credentials: Credentials,
    region: String,
    environment: Arc<dyn Environment>,
}

impl AwsService {
    async fn call(&self, action: &str, body: &serde_json::Value) -> Result<Answer, SignerError> {
        let body = body.to_string();
        let target = format!("TrentService.{action}");
        let headers = self.credentials.sign(&Signing {
            endpoint: &self.endpoint,
            region: &self.region,
            service: "kms",
            content_type: "application/x-amz-json-1.1",
            target: Some(&target),
            body: body.as_bytes(),
            now: self.environment.now(),
        });
        let headers: HeaderMap = headers.ok_or(SignerError::Credentials("the credentials are no header text"))?;
        let secrets = self.credentials.secrets();
        let (method, body, endpoint) = (Method::POST, Some(body.as_bytes()), &self.endpoint);
        self.caller.json(Call { method, endpoint, headers, body, secrets: &secrets }).await
    }
}

impl AwsKey {
    /// Reads the public key of a key id, an alias or an ARN. Credentials and region are those of the variables that
    /// AWS's own programs read; an ARN names the region itself.
    pub(crate) async fn open(
        host: &str,
        id: &str,
        http: &HttpClient,
        environment: Arc<dyn Environment>,
    ) -> Result<Remote<Self>, SignerError> {
        let of_arn = id.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2)).map(str::to_owned);
        let of_variables = || environment.var("AWS_REGION").or_else(|| environment.var("AWS_DEFAULT_REGION"));
        let region = of_arn.or_else(of_variables).ok_or(SignerError::Credentials("AWS_REGION is not set"))?;
        if !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(SignerError::Credentials("the AWS region is no name of a region"));
        }
        let url = match host {
            "" => format!("https://{}/", sigv4::host("kms", &region)),
            host if host.starts_with("127.0.0.1:") || host.starts_with("localhost:") => format!("http://{host}/"),
            host => format!("https://{host}/"),
        };
        let credentials = Credentials::of(&*environment).map_err(SignerError::Credentials)?;
        let (caller, endpoint) = (Caller { http: http.clone() }, endpoint(&url)?);
        let service = AwsService { caller, endpoint, credentials, region, environment };
        let answer = service.call("GetPublicKey", &serde_json::json!({ "KeyId": id })).await?;
        let (id, spki) = answer.read("KeyId and PublicKey are missing", |json| {
            let text = |name| json.member(name)?.as_str();
            Some((text("KeyId")?.to_owned(), base64::decode(text("PublicKey")?)?))
        })?;
        let public_key = PublicKey::from_spki(&spki).map_err(SignerError::PublicKey)?;
        // From here on by the id itself: an alias may be moved.
        Ok(Remote { key: Self { service, id, public_key: public_key.clone() }, public_key })
    }

    async fn signature(&self, prepared: Prepared<'_>) -> Result<Vec<u8>, SignerError> {
        let kind = self.public_key.kind();
        let algorithm = match kind {
            KeyKind::P256 => "ECDSA_SHA_256",
            KeyKind::P384 => "ECDSA_SHA_384",
            KeyKind::P521 => "ECDSA_SHA_512",
            KeyKind::Rsa { .. } => "RSASSA_PKCS1_V1_5_SHA_256",
            // As RFC 8032 has it. `ED25519_PH_SHA_512` is another scheme, which our verifiers do not take.
            KeyKind::Ed25519 => "ED25519_SHA_512",
        };
        let (what, bytes) = match prepared {
            Prepared::Message(message) if kind == KeyKind::Ed25519 => ("RAW", within(message)?),
            _ => ("DIGEST", digest(prepared, &self.public_key)?.as_bytes()),
        };
        let body = serde_json::json!({
            "KeyId": self.id,
            "Message": base64::encode(bytes),
            "MessageType": what,
            "SigningAlgorithm": algorithm,
        });
        let answer = self.service.call("Sign", &body).await?;
        answer.read("Signature is not base64", |json| base64::decode(json.member("Signature")?.as_str()?))
    }
}

/// A message that the service takes whole (Sign, Message: 1 to 4096 bytes).
fn within(message: &[u8]) -> Result<&[u8], SignerError> {
    let (length, limit) = (message.len(), limits::AWS_KMS_MESSAGE_BYTES);
    if length > limit { Err(SignerError::Length { holder: "AWS KMS", length, limit }) } else { Ok(message) }
}

impl RemoteKey for AwsKey {
    fn ask<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(self.signature(prepared))
    }
}
