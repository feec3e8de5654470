//! An X.509-SVID: <https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md>.

use zeroize::Zeroizing;

use super::SpiffeError;
use super::message::X509SvidMessage;
use crate::base::encoding::der::Reader;
use crate::base::limits;
use crate::format::spiffe::SpiffeId;
use crate::format::x509::{Certificate, San};
use crate::service::ca::CertificateChain;
use crate::service::signer::{KeyFile, Signer as _};

/// A workload's certificate with its key, which the agent made; the key is wiped when dropped.
#[derive(Debug)]
pub struct X509Svid {
    /// Whose it is: the certificate says the same.
    pub id: SpiffeId,
    /// The key.
    pub key: KeyFile,
    /// The certificate and those above it, without the root: nothing about them is proven.
    pub chain: CertificateChain,
}

impl X509Svid {
    /// Reads one: the certificate must be of the key and of the ID beside it.
    pub(super) fn read(agent: &str, mut svid: X509SvidMessage) -> Result<Self, SpiffeError> {
        let bad = |problem| SpiffeError::Malformed { agent: agent.to_owned(), problem };
        let pkcs8 = Zeroizing::new(std::mem::take(&mut svid.x509_svid_key));
        let id = SpiffeId::parse(&svid.spiffe_id).ok_or_else(|| bad("its name is no SPIFFE ID"))?;
        let key = KeyFile::from_pkcs8(&pkcs8).map_err(|_| bad("its private key cannot be read"))?;
        let mut chain = certificates(agent, &svid.x509_svid)?.into_iter();
        let leaf = chain.next().ok_or_else(|| bad("it holds no certificate"))?;
        if leaf.public_key() != key.public_key() {
            return Err(bad("its certificate is of another key"));
        }
        match leaf.san() {
            Ok(San::Uri(uri)) if uri == id.as_str() => {}
            _ => return Err(bad("its certificate does not name the ID alone")),
        }
        Ok(Self { id, key, chain: CertificateChain { leaf, above: chain.collect(), sct_beside: false } })
    }
}

/// Reads certificates in DER that stand one after the other.
pub(super) fn certificates(agent: &str, der: &[u8]) -> Result<Vec<Certificate>, SpiffeError> {
    let bad = |problem| SpiffeError::Malformed { agent: agent.to_owned(), problem };
    let mut certificates = Vec::new();
    let mut rest = Reader::new(der);
    while !rest.is_empty() {
        if certificates.len() == limits::WORKLOAD_API_CERTIFICATES {
            return Err(bad("it holds too many certificates"));
        }
        let element = rest.element().map_err(|_| bad("its certificates are not DER"))?;
        certificates.push(Certificate::from_der(element.raw).map_err(|_| bad("a certificate cannot be read"))?);
    }
    Ok(certificates)
}
