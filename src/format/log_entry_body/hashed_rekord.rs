//! hashedrekord: a signature over a digest.

use super::{BodyError, Verifier, algorithm, read_hash, write_hash};
use crate::base::crypto::{Digest, DigestAlgorithm, Scheme};
use crate::base::encoding::base64;
use crate::base::encoding::json::Fields;

/// hashedrekord 0.0.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedRekord {
    /// Digest of what was signed.
    pub digest: Digest,
    /// The signature.
    pub signature: Vec<u8>,
    /// Certificate or key, PEM.
    pub verifier: Vec<u8>,
}

impl HashedRekord {
    pub(super) fn read(mut spec: Fields<'_, '_>) -> Result<Self, BodyError> {
        let mut data = spec.require_object("data")?;
        let digest = read_hash(data.require_object("hash")?)?;
        data.finish()?;
        let mut fields = spec.require_object("signature")?;
        let signature = fields.require_bytes("content")?;
        let mut key = fields.require_object("publicKey")?;
        let verifier = key.require_bytes("content")?;
        key.finish()?;
        fields.finish()?;
        spec.finish()?;
        Ok(Self { digest, signature, verifier })
    }

    /// The body, canonical. It is also the proposal that a client sends (`POST /api/v1/log/entries`).
    pub fn body(digest: &Digest, signature: &[u8], verifier: &Verifier<'_>) -> String {
        format!(
            r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{hash}}},"signature":{{"content":"{signature}","publicKey":{{"content":"{verifier}"}}}}}}}}"#,
            hash = write_hash(digest),
            signature = base64::encode(signature),
            verifier = base64::encode(verifier.pem().as_bytes()),
        )
    }
}

/// hashedrekord 0.0.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedRekordV2 {
    /// Digest of what was signed.
    pub digest: Digest,
    /// The signature.
    pub signature: Vec<u8>,
    /// Certificate or key.
    pub verifier: VerifierDer,
    /// The name of the key's scheme in the Sigstore protobuf enum `PublicKeyDetails`.
    pub key_details: String,
}

/// What a v2 body carries of a [`Verifier`], in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifierDer {
    /// A certificate.
    Certificate(Vec<u8>),
    /// A SubjectPublicKeyInfo.
    PublicKey(Vec<u8>),
}

impl HashedRekordV2 {
    pub(super) fn read(mut spec: Fields<'_, '_>) -> Result<Self, BodyError> {
        let mut record = spec.require_object("hashedRekordV002")?;
        spec.finish()?;
        let mut data = record.require_object("data")?;
        let algorithm = algorithm(data.string("algorithm")?, DigestAlgorithm::from_proto_name)?;
        let digest = super::digest(algorithm, &data.require_bytes("digest")?)?;
        data.finish()?;
        let mut fields = record.require_object("signature")?;
        record.finish()?;
        let signature = fields.require_bytes("content")?;
        let mut verifier = fields.require_object("verifier")?;
        fields.finish()?;
        let key_details = verifier.require_string("keyDetails")?.to_owned();
        let mut bytes = |name| -> Result<Option<Vec<u8>>, BodyError> {
            let Some(mut fields) = verifier.object(name)? else { return Ok(None) };
            let bytes = fields.require_bytes("rawBytes")?;
            fields.finish()?;
            Ok(Some(bytes))
        };
        let found = match (bytes("x509Certificate")?, bytes("publicKey")?) {
            (Some(der), None) => VerifierDer::Certificate(der),
            (None, Some(der)) => VerifierDer::PublicKey(der),
            _ => return Err(BodyError::Value("the verifier")),
        };
        verifier.finish()?;
        Ok(Self { digest, signature, verifier: found, key_details })
    }

    /// The body, canonical: the one that a log makes of [`Self::request`].
    pub fn body(digest: &Digest, signature: &[u8], verifier: &Verifier<'_>) -> Result<String, BodyError> {
        Ok(format!(
            r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"data":{{"algorithm":"{algorithm}","digest":"{digest}"}},"signature":{{"content":"{signature}","verifier":{verifier}}}}}}}}}"#,
            algorithm = digest.algorithm().proto_name(),
            digest = base64::encode(digest.as_bytes()),
            signature = base64::encode(signature),
            verifier = write_verifier(verifier)?,
        ))
    }

    /// The request that a client sends (`POST /api/v2/log/entries`).
    pub fn request(digest: &Digest, signature: &[u8], verifier: &Verifier<'_>) -> Result<String, BodyError> {
        Ok(format!(
            r#"{{"hashedRekordRequestV002":{{"digest":"{digest}","signature":{{"content":"{signature}","verifier":{verifier}}}}}}}"#,
            digest = base64::encode(digest.as_bytes()),
            signature = base64::encode(signature),
            verifier = write_verifier(verifier)?,
        ))
    }
}

fn write_verifier(verifier: &Verifier<'_>) -> Result<String, BodyError> {
    let kind = verifier.key().kind();
    let details = Scheme::key_details(kind).ok_or(BodyError::KeyDetails(kind))?;
    let der = base64::encode(verifier.der());
    Ok(match verifier {
        Verifier::Certificate(_) => {
            format!(r#"{{"keyDetails":"{details}","x509Certificate":{{"rawBytes":"{der}"}}}}"#)
        }
        Verifier::PublicKey(_) => format!(r#"{{"keyDetails":"{details}","publicKey":{{"rawBytes":"{der}"}}}}"#),
    })
}
