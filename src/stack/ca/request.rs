//! The two forms of a request for a certificate: a key with a signature over the challenge, and a PKCS#10
//! request. <https://github.com/sigstore/fulcio/blob/main/fulcio.proto>

use super::weak_key::is_weak;
use super::{AuthenticationError, Issuers, Principal};
use crate::base::crypto::{KeyError, PublicKey};
use crate::base::time::UnixTime;
use crate::format::x509::{CertificateRequest, RequestError};
use crate::serve::Status;
use crate::stack::proto_json::{self, Message};

const IDENTITY: &str = "There was an error processing the identity token";
const POSSESSION: &str = "The signature supplied in the request could not be verified";
const INSECURE: &str = "The public key supplied in the request is insecure";
const UNREADABLE: &str = "The public key supplied in the request could not be parsed";
const REQUEST: &str = "The certificate signing request could not be parsed";

/// Reads a request, verifies its token and the possession of its key.
pub(super) async fn read(
    body: &[u8],
    bearer: Option<&str>,
    issuers: &Issuers,
    now: UnixTime,
) -> Result<(Principal, PublicKey), Status> {
    let json = proto_json::parse(body)?;
    let mut fields = Message::of(&json)?;
    let token = token(&mut fields, bearer)?;
    let principal = issuers.authenticate(token, now).await.map_err(refuse)?;
    let key = match (fields.message("publicKeyRequest")?, fields.bytes("certificateSigningRequest")?) {
        (Some(request), None) => public_key(request, principal.challenge())?,
        (None, Some(request)) => signing_request(&request)?,
        _ => {
            return Err(Status::invalid("exactly one of publicKeyRequest and certificateSigningRequest must be given"));
        }
    };
    fields.finish()?;
    if is_weak(&key) { Err(Status::invalid(INSECURE)) } else { Ok((principal, key)) }
}

/// The token: in the body or in the `Authorization` header.
fn token<'j>(fields: &mut Message<'j, '_>, bearer: Option<&'j str>) -> Result<&'j str, Status> {
    let in_body = match fields.message("credentials")? {
        Some(mut credentials) => {
            let token = credentials.string("oidcIdentityToken")?;
            credentials.finish()?;
            token
        }
        None => "",
    };
    match (in_body, bearer.unwrap_or_default()) {
        ("", "") => Err(Status::invalid(format!("{IDENTITY}: there is none"))),
        ("", token) | (token, "") => Ok(token),
        (one, two) if one == two => Ok(one),
        _ => Err(Status::invalid("the token in the body is not the one in the Authorization header")),
    }
}

/// As Fulcio has it, whatever is wrong with a token is 400 with code 3; an issuer that does not say its keys now
/// is not the caller's fault: 503.
fn refuse(error: AuthenticationError) -> Status {
    let message = format!("{IDENTITY}: {error}");
    match error {
        AuthenticationError::Keys(cause) => Status::unavailable(message).because(cause.to_string()),
        _ => Status::invalid(message),
    }
}

/// A key, and a signature of its owner over the challenge.
fn public_key(mut request: Message<'_, '_>, challenge: &str) -> Result<PublicKey, Status> {
    let mut key = request.require_message("publicKey")?;
    // Documented as ignored, and clients send names outside of the enum.
    let _algorithm = key.take("algorithm");
    let content = key.string("content")?;
    key.finish()?;
    let parsed = if content.trim_start().starts_with("-----BEGIN") {
        PublicKey::from_pem(content)
    } else {
        PublicKey::from_spki(&proto_json::decode(content).unwrap_or_default())
    };
    let key = parsed.map_err(|error| key_status(&error))?;
    let proof = request.require_bytes("proofOfPossession")?;
    request.finish()?;
    key.verify_default(challenge.as_bytes(), &proof).map_err(|_| Status::invalid(POSSESSION))?;
    Ok(key)
}

/// A PKCS#10 request in PEM. Its subject and attributes play no part.
fn signing_request(pem: &[u8]) -> Result<PublicKey, Status> {
    let text = std::str::from_utf8(pem).map_err(|_| Status::invalid(REQUEST))?;
    let request = CertificateRequest::from_pem(text).map_err(|error| match error {
        RequestError::Key(error) => key_status(&error),
        RequestError::Possession(_) => Status::invalid(POSSESSION),
        _ => Status::invalid(REQUEST),
    })?;
    Ok(request.public_key().clone())
}

fn key_status(error: &KeyError) -> Status {
    match error {
        KeyError::Weak(_) | KeyError::TooLarge { .. } | KeyError::Invalid(_) => Status::invalid(INSECURE),
        _ => Status::invalid(UNREADABLE),
    }
}
