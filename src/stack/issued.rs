//! Certificates that are known to be the CA's own: those that this process issued, and those whose signature it has
//! verified. A log that takes entries of its own CA only need not verify the same signature twice.
//!
//! A certificate is known by the digest of its whole DER, its signature included, so that nothing but what was
//! verified is ever taken for it. What is forgotten is verified again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::base::crypto::sha256;
use crate::base::limits;
use crate::format::x509::Certificate;

/// The certificate that issues, and what is known to be signed by it.
#[derive(Debug)]
pub struct Issued {
    issuer: Certificate,
    known: Mutex<Generations>,
}

/// When the younger half is full, the older is forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
}

impl Issued {
    /// Nothing is known yet of the certificates that `issuer` signs.
    pub fn by(issuer: Certificate) -> Self {
        Self { issuer, known: Mutex::default() }
    }

    /// Remembers a certificate that was just signed by the issuer's key.
    pub fn remember(&self, certificate: &Certificate) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= limits::ISSUED_REMEMBERED / 2 {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(sha256(&[certificate.der()]));
    }

    /// Whether the issuer signed a certificate.
    pub fn signed(&self, certificate: &Certificate) -> bool {
        if certificate.issuer().der() != self.issuer.subject().der() {
            return false;
        }
        let digest = sha256(&[certificate.der()]);
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.young.contains(&digest) || known.old.contains(&digest) {
                return true;
            }
        }
        let signed = certificate.verify_signature(self.issuer.public_key()).is_ok();
        if signed {
            self.remember(certificate);
        }
        signed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::KeyKind;
    use crate::base::time::UnixTime;
    use crate::format::x509::oids;
    use crate::stack::ca::profile::Authority;
    use crate::stack::keys::PrivateKey;

    fn authority(common_name: &str) -> Authority<'_> {
        Authority { organization: "test", common_name, from: UnixTime::from_secs(1_800_000_000), until: None }
    }

    /// Certificates of an issuer, and one that only bears its name.
    fn scene() -> (Issued, Certificate, Certificate) {
        let key = || PrivateKey::generate(KeyKind::P256).unwrap();
        let (ours, theirs, leaf) = (key(), key(), key());
        let root = authority("root").root(&ours).unwrap();
        let other = authority("root").root(&theirs).unwrap();
        let below =
            |root, by| authority("leaf").intermediate(leaf.public_key(), oids::CODE_SIGNING, (root, by)).unwrap();
        (Issued::by(root.clone()), below(&root, &ours), below(&other, &theirs))
    }

    #[test]
    fn k01_what_is_remembered_is_the_whole_certificate() {
        let (issued, good, foreign) = scene();
        assert!(!issued.signed(&foreign), "the name alone is not enough");
        assert!(issued.signed(&good));
        assert!(issued.signed(&good), "now from memory");
        let mut der = good.der().to_vec();
        let last = der.len() - 1;
        der[last] ^= 1;
        let changed = Certificate::from_der(&der).unwrap();
        assert_eq!(changed.tbs(), good.tbs());
        assert!(!issued.signed(&changed), "the same to be signed, and another signature");
        assert!(!issued.signed(&foreign));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (issued, good, _) = scene();
        for number in 0..3 * limits::ISSUED_REMEMBERED as u64 {
            let mut known = issued.known.lock().unwrap();
            if known.young.len() >= limits::ISSUED_REMEMBERED / 2 {
                drop(known);
                issued.remember(&good);
            } else {
                known.young.insert(sha256(&[&number.to_be_bytes()]));
            }
        }
        let known = issued.known.lock().unwrap();
        assert!(known.young.len() + known.old.len() <= limits::ISSUED_REMEMBERED);
    }
}
