//! What authorities are sent and answer with in PEM: a certification request, certificates.

use super::{CaError, CertificateChain};
use crate::base::encoding::pem;
use crate::base::limits;
use crate::format::x509::build::Extension;
use crate::format::x509::{Certificate, CertificateError, CertificateRequest as Csr, San};
use crate::service::http::{Endpoint, HttpError, Service};
use crate::service::signer::{Signer, SignerError, sign_message};

/// Reads PEM texts, the leaf first. Some authorities put the rest of the chain into one text, and some name
/// the leaf's issuer twice: a repeated certificate is read once.
pub(super) fn read<'t>(
    endpoint: &Endpoint,
    texts: impl IntoIterator<Item = &'t str>,
) -> Result<CertificateChain, CaError> {
    let mut certificates = self::certificates(endpoint, texts)?.into_iter();
    match certificates.next() {
        Some(leaf) => Ok(CertificateChain { leaf, above: certificates.collect(), sct_beside: false }),
        None => Err(malformed(endpoint, "a chain of one to eight certificates is expected")),
    }
}

/// An answer of another shape than the authority's protocol has.
pub(super) fn malformed(endpoint: &Endpoint, problem: &'static str) -> CaError {
    HttpError::Malformed { service: Service::CertificateAuthority, url: endpoint.to_string(), problem }.into()
}

/// A certification request in PEM by a key, that asks for a name.
pub(super) async fn request(key: &dyn Signer, name: Option<&San>) -> Result<String, SignerError> {
    request_with(key, name.map(Extension::subject_alt_name)).await
}

/// The same with the names in an extension.
pub(super) async fn request_with(key: &dyn Signer, names: Option<Extension>) -> Result<String, SignerError> {
    let wished: Vec<Extension> = names.into_iter().collect();
    let info = Csr::info_with(key.public_key(), &wished);
    let signature = sign_message(key, &info).await?;
    Ok(pem::encode("CERTIFICATE REQUEST", &Csr::write(&info, key.scheme(), &signature)))
}

/// Certificates in PEM, each once.
pub(super) fn certificates<'t>(
    endpoint: &Endpoint,
    texts: impl IntoIterator<Item = &'t str>,
) -> Result<Vec<Certificate>, CaError> {
    let unusable = |error| CaError::Certificate { url: endpoint.to_string(), error };
    let certificates = decode(texts).map_err(unusable)?;
    if certificates.len() > limits::CHAIN {
        return Err(malformed(endpoint, "more than eight certificates"));
    }
    Ok(certificates)
}

/// The same: those of a chain, and at most one more.
pub(super) fn decode<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<Certificate>, CertificateError> {
    let mut certificates = Vec::new();
    for text in texts {
        for der in pem::decode_all(text, "CERTIFICATE")? {
            let certificate = Certificate::from_der(&der)?;
            if !certificates.contains(&certificate) {
                certificates.push(certificate);
            }
            if certificates.len() > limits::CHAIN {
                return Ok(certificates);
            }
        }
    }
    Ok(certificates)
}
