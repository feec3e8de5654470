//! Certification request (PKCS#10), RFC 2986: a public key and the proof that its owner asks. Every
//! other field is read past: what a certificate says is the authority's to decide.

use thiserror::Error;

use super::algorithm::{self, AlgorithmError};
use super::build::{EMPTY_NAME, Extension, assemble};
use super::oids;
use crate::base::code::Code;
use crate::base::crypto::{KeyError, PublicKey, Scheme};
use crate::base::encoding::der::{self, DerError, Reader, tag};
use crate::base::encoding::pem::{self, PemError};
use crate::base::limits;

/// Why bytes are not a certification request that proves the possession of its key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Not DER of a request.
    #[error("certificate request is malformed: {0}")]
    Parse(#[from] DerError),
    /// Not PEM.
    #[error("certificate request is not PEM: {0}")]
    Pem(#[from] PemError),
    /// Larger than [`limits::CERTIFICATE_BYTES`].
    #[error("certificate request of {found} bytes, {limit} allowed", limit = limits::CERTIFICATE_BYTES)]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// The signature's algorithm.
    #[error("certificate request's signature: {0}")]
    Algorithm(#[from] AlgorithmError),
    /// The key.
    #[error("certificate request's key: {0}")]
    Key(KeyError),
    /// The signature does not verify under the request's own key.
    #[error("certificate request is not signed by its own key: {0}")]
    Possession(KeyError),
}

impl RequestError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Parse(_) | Self::Algorithm(_) => Code::refused(
                "csr-parse",
                "send a PKCS#10 request: `openssl req -verify -noout -in FILE` should read it",
            ),
            Self::Pem(error) => error.code(),
            Self::TooLong { .. } => Code::refused("limit-csr", "send a request with only a key and its signature"),
            Self::Key(error) => error.code(),
            Self::Possession(_) => {
                Code::refused("proof-of-possession", "sign the request with the private half of the key in it")
            }
        }
    }
}

/// A request whose signature verified under the key that it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    public_key: PublicKey,
}

impl CertificateRequest {
    /// Reads a request in DER and verifies its signature over the bytes received.
    pub fn from_der(request: &[u8]) -> Result<Self, RequestError> {
        if request.len() > limits::CERTIFICATE_BYTES {
            return Err(RequestError::TooLong { found: request.len() });
        }
        let mut outer = Reader::whole(request, tag::SEQUENCE)?;
        let info = outer.expect(tag::SEQUENCE)?;
        let scheme = algorithm::read_signature(&mut outer.sequence()?)?;
        let signature = outer.bits()?;
        outer.finish()?;

        let mut body = info.reader()?;
        if body.small()? != 0 {
            return Err(DerError::Value("version").into());
        }
        let _subject = body.expect(tag::SEQUENCE)?;
        let public_key = PublicKey::from_spki(body.expect(tag::SEQUENCE)?.raw).map_err(RequestError::Key)?;
        // The attributes are mandatory in RFC 2986, empty or not; some writers leave them out.
        let _attributes = body.optional(tag::context(0))?;
        body.finish()?;
        public_key.verify(scheme, info.raw, signature).map_err(RequestError::Possession)?;
        Ok(Self { public_key })
    }

    /// Reads one PEM block `CERTIFICATE REQUEST`.
    pub fn from_pem(text: &str) -> Result<Self, RequestError> {
        Self::from_der(&pem::decode_one(text, "CERTIFICATE REQUEST")?)
    }

    /// The key whose possession the request proves.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// What the owner of a key signs to ask for a certificate: no subject, no attributes.
    pub fn info_der(public_key: &PublicKey) -> Vec<u8> {
        Self::info_with(public_key, &[])
    }

    /// The same with extensions that the certificate should have (RFC 2985 section 5.4.2), no subject.
    pub fn info_with(public_key: &PublicKey, wished: &[Extension]) -> Vec<u8> {
        let wishes = match wished {
            [] => Vec::new(),
            list => {
                let list: Vec<u8> = list.iter().flat_map(|extension| extension.der()).copied().collect();
                let values = der::set_of(vec![der::tlv(tag::SEQUENCE, &list)]);
                der::sequence(&[&der::oid(oids::EXTENSION_REQUEST), &values])
            }
        };
        der::sequence(&[&der::integer(0), EMPTY_NAME, public_key.spki(), &der::tlv(tag::context(0), &wishes)])
    }

    /// The request in DER, from the signature over [`CertificateRequest::info_der`].
    pub fn write(info: &[u8], scheme: Scheme, signature: &[u8]) -> Vec<u8> {
        assemble(info, scheme, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::x509::testing::Key;

    fn request(owner: &Key, signer: &Key) -> Vec<u8> {
        let info = CertificateRequest::info_der(owner.public());
        CertificateRequest::write(&info, signer.scheme(), &signer.sign(&info))
    }

    #[test]
    fn what_is_written_is_read_back() {
        for key in [Key::p256(), Key::p384(), Key::p521(), Key::ed25519()] {
            let der = request(&key, &key);
            let text = pem::encode("CERTIFICATE REQUEST", &der);
            assert_eq!(CertificateRequest::from_pem(&text).unwrap().public_key(), key.public());
        }
    }

    #[test]
    fn f20_signature_by_another_key() {
        let error = CertificateRequest::from_der(&request(&Key::p256(), &Key::p256())).unwrap_err();
        assert_eq!(error.code().name(), "proof-of-possession");
    }

    #[test]
    fn f20_two_requests_in_one_pem() {
        let key = Key::p256();
        let text = pem::encode("CERTIFICATE REQUEST", &request(&key, &key)).repeat(2);
        assert_eq!(CertificateRequest::from_pem(&text).unwrap_err().code().name(), "pem-parse");
    }

    #[test]
    fn f20_wishes_are_read_past() {
        let key = Key::p256();
        let subject = crate::format::x509::build::authority_name("victim", "victim");
        let wishes = der::tlv(tag::context(0), &der::sequence(&[&der::boolean(true)]));
        let info = der::sequence(&[&der::integer(0), &subject, key.public().spki(), &wishes]);
        let request = CertificateRequest::write(&info, key.scheme(), &key.sign(&info));
        assert_eq!(CertificateRequest::from_der(&request).unwrap().public_key(), key.public());
    }

    #[test]
    fn other_bytes_are_no_request() {
        let key = Key::p256();
        let good = request(&key, &key);
        let code = |bytes: &[u8]| CertificateRequest::from_der(bytes).unwrap_err().code().name();
        assert_eq!(code(&[&good[..], &[0]].concat()), "csr-parse");
        assert_eq!(code(&good[..good.len() - 1]), "csr-parse");
        assert_eq!(code(&vec![0; limits::CERTIFICATE_BYTES + 1]), "limit-csr");
    }
}
