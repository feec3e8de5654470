//! A program that signs: for keys that only another program reaches.
//!
//! It is started once for each question, gets one JSON document on standard input, and answers with one on standard
//! output, within [`limits::SIGNER_SECS`] and [`limits::SIGNER_BYTES`]; the exit code is 0. The protocol,
//! `sealmark.signer/v1`:
//!
//! ```text
//! {"protocol":"sealmark.signer/v1","operation":"public-key","key":"NAME"}
//!   -> {"publicKey":"-----BEGIN PUBLIC KEY-----…"}
//! {"protocol":"sealmark.signer/v1","operation":"sign","key":"NAME","scheme":"ecdsa-sha256","digest":"BASE64"}
//! {"protocol":"sealmark.signer/v1","operation":"sign","key":"NAME","scheme":"ed25519","message":"BASE64"}
//!   -> {"signature":"BASE64"}
//! any -> {"error":"what is wrong, in words"}
//! ```
//!
//! Schemes are `ecdsa-sha256`, `-sha384` and `-sha512` (signatures in DER), `rsa-pkcs1v15-sha256`, and `ed25519`,
//! which alone gets the message. `key` is what `--key exec:PROGRAM?key=NAME` names, else empty. Whatever comes back
//! is verified under the public key before it is used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Prepared, Signer, SignerError};
use crate::base::crypto::{Family, PublicKey, Scheme};
use crate::base::encoding::base64;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::http::excerpt;
use crate::service::program;

const PROTOCOL: &str = "sealmark.signer/v1";

/// A key that a program reaches.
pub struct ExternalSigner {
    program: PathBuf,
    key: String,
    public_key: PublicKey,
    timeout: Duration,
}

impl ExternalSigner {
    /// Asks the program for the public key of `key`. A program without a slash in its path is not looked for.
    ///
    /// # Errors
    ///
    /// [`SignerError::Program`], and [`SignerError::PublicKey`] for a key that is none.
    pub async fn open(program: &Path, key: &str) -> Result<Self, SignerError> {
        Self::open_within(program, key, Duration::from_secs(limits::SIGNER_SECS)).await
    }

    pub(super) async fn open_within(program: &Path, key: &str, timeout: Duration) -> Result<Self, SignerError> {
        let question = serde_json::json!({ "protocol": PROTOCOL, "operation": "public-key", "key": key });
        let pem = ask(program, question.to_string(), "publicKey", timeout).await?;
        let public_key = PublicKey::from_pem(&pem).map_err(SignerError::PublicKey)?;
        Ok(Self { program: program.to_owned(), key: key.to_owned(), public_key, timeout })
    }

    async fn answer(&self, prepared: Prepared<'_>) -> Result<Vec<u8>, SignerError> {
        let scheme = self.scheme();
        let mut question = serde_json::json!({
            "protocol": PROTOCOL, "operation": "sign", "key": self.key, "scheme": scheme_name(scheme),
        });
        match (prepared, scheme.family) {
            (Prepared::Message(message), Family::Ed25519) => question["message"] = base64::encode(message).into(),
            (Prepared::Digest(digest), _) => question["digest"] = base64::encode(digest.as_bytes()).into(),
            (Prepared::Message(_), _) => return Err(SignerError::Scheme { scheme }),
        }
        let signature = ask(&self.program, question.to_string(), "signature", self.timeout).await?;
        base64::decode(&signature).ok_or_else(|| failed(&self.program, "its signature is not base64"))
    }
}

fn scheme_name(scheme: Scheme) -> String {
    match scheme.family {
        Family::Ecdsa => format!("ecdsa-{}", scheme.digest),
        Family::RsaPkcs1 => format!("rsa-pkcs1v15-{}", scheme.digest),
        Family::RsaPss => format!("rsa-pss-{}", scheme.digest),
        Family::Ed25519 => "ed25519".to_owned(),
    }
}

/// The one member of the answer that is wanted.
async fn ask(program: &Path, question: String, wanted: &str, timeout: Duration) -> Result<String, SignerError> {
    let path = program.to_owned();
    let run = move || program::ask(&path, &[], question.as_bytes(), timeout, limits::SIGNER_BYTES);
    let answer = tokio::task::spawn_blocking(run).await.unwrap_or(Err("it was interrupted"));
    let answer = answer.map_err(|problem| failed(program, problem))?;
    let json = Json::parse(&answer.output).map_err(|_| failed(program, "its answer is not JSON"))?;
    if json.member("error").is_some() {
        return Err(failed(program, &excerpt(&answer.output, &[])));
    }
    if !answer.success {
        return Err(failed(program, "it failed"));
    }
    let text = json.member(wanted).and_then(Json::as_str);
    text.map(str::to_owned).ok_or_else(|| failed(program, "its answer lacks what was asked for"))
}

fn failed(program: &Path, problem: &str) -> SignerError {
    SignerError::Program { program: program.to_owned(), problem: problem.to_owned() }
}

impl Signer for ExternalSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(self.answer(prepared))
    }
}

impl fmt::Debug for ExternalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalSigner({}, {:?})", self.program.display(), self.public_key)
    }
}

#[cfg(test)]
mod tests;
