//! Signed certificate timestamps, RFC 6962 sections 3.2 and 3.3, with the extension of the static CT
//! API: <https://c2sp.org/static-ct-api>

use thiserror::Error;

use crate::base::crypto::{DigestAlgorithm, Family, Scheme};
use crate::base::limits;
use crate::base::time::UnixTime;

/// Why bytes are not a list of SCTs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SctParseError {
    /// The bytes end within a value, or more follow.
    #[error("SCT list does not have the lengths that it states")]
    Length,
    /// A list or an SCT of no bytes.
    #[error("SCT list is empty or holds an empty SCT")]
    Empty,
    /// More than [`limits::SCTS`].
    #[error("SCT list holds more than {limit} SCTs", limit = limits::SCTS)]
    TooMany,
    /// Not version 1.
    #[error("SCT of version byte {0}, only v1 (0) is used")]
    Version(u8),
    /// A pair of TLS hash and signature algorithms that is not SHA-2 with ECDSA or RSA, nor Ed25519.
    #[error("SCT signature algorithm {hash}/{signature} is not supported")]
    Algorithm {
        /// TLS HashAlgorithm
        hash: u8,
        /// TLS SignatureAlgorithm
        signature: u8,
    },
    /// A time beyond the year 292 million.
    #[error("SCT timestamp is out of range")]
    Timestamp,
}

/// One SCT, version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sct {
    /// The log: SHA-256 of its key's SubjectPublicKeyInfo.
    pub log_id: [u8; 32],
    /// When the log took the certificate, to the millisecond.
    pub timestamp: UnixTime,
    /// CtExtensions, as signed.
    pub extensions: Vec<u8>,
    /// How the log signed.
    pub scheme: Scheme,
    /// The signature over [`signed_data`].
    pub signature: Vec<u8>,
}

impl Sct {
    /// Reads one serialized SCT that fills `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, SctParseError> {
        let mut cursor = Cursor(bytes);
        let [version] = cursor.array()?;
        if version != 0 {
            return Err(SctParseError::Version(version));
        }
        let log_id = cursor.array()?;
        let millis = i64::try_from(u64::from_be_bytes(cursor.array()?)).map_err(|_| SctParseError::Timestamp)?;
        let extensions = cursor.vector()?.to_vec();
        let scheme = read_scheme(cursor.array()?)?;
        let signature = cursor.vector()?.to_vec();
        cursor.finish()?;
        Ok(Self { log_id, timestamp: UnixTime::from_millis(millis), extensions, scheme, signature })
    }

    /// The serialized SCT; `None` for a scheme that TLS has no numbers for, a time before 1970, or a
    /// field beyond 65,535 bytes.
    pub fn write(&self) -> Option<Vec<u8>> {
        let millis = u64::try_from(self.timestamp.millis()).ok()?;
        let mut out = vec![0];
        out.extend_from_slice(&self.log_id);
        out.extend_from_slice(&millis.to_be_bytes());
        put_vector(&mut out, &self.extensions)?;
        out.extend_from_slice(&write_scheme(self.scheme)?);
        put_vector(&mut out, &self.signature)?;
        Some(out)
    }

    /// The leaf's index in the log, when the log says it (static CT API, extension 0).
    pub fn leaf_index(&self) -> Option<u64> {
        let mut cursor = Cursor(&self.extensions);
        while !cursor.0.is_empty() {
            let [kind] = cursor.array().ok()?;
            let value = cursor.vector().ok()?;
            if let (0, &[a, b, c, d, e]) = (kind, value) {
                return Some(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]));
            }
        }
        None
    }
}

/// Reads the list of an embedded-SCT extension, at most [`limits::SCTS`].
pub fn read_list(bytes: &[u8]) -> Result<Vec<Sct>, SctParseError> {
    let mut cursor = Cursor(bytes);
    let mut list = Cursor(cursor.vector()?);
    cursor.finish()?;
    let mut scts = Vec::new();
    while !list.0.is_empty() {
        if scts.len() == limits::SCTS {
            return Err(SctParseError::TooMany);
        }
        match list.vector()? {
            [] => return Err(SctParseError::Empty),
            sct => scts.push(Sct::read(sct)?),
        }
    }
    if scts.is_empty() { Err(SctParseError::Empty) } else { Ok(scts) }
}

/// The list of an embedded-SCT extension; `None` where [`Sct::write`] is, or beyond 65,535 bytes.
pub fn write_list(scts: &[Sct]) -> Option<Vec<u8>> {
    let mut list = Vec::new();
    for sct in scts {
        put_vector(&mut list, &sct.write()?)?;
    }
    let mut out = Vec::new();
    put_vector(&mut out, &list)?;
    Some(out)
}

/// What the log signs for a precertificate (RFC 6962 section 3.2). The same bytes are the log's
/// MerkleTreeLeaf (section 3.4), whose version and type bytes are zero as well.
///
/// `issuer_key_hash` is SHA-256 of the issuing certificate's SubjectPublicKeyInfo, `tbs` the signed
/// part without poison and SCT list. `None` for a time before 1970 or a part too long for its length.
pub fn signed_data(timestamp: UnixTime, issuer_key_hash: &[u8; 32], tbs: &[u8], extensions: &[u8]) -> Option<Vec<u8>> {
    const VERSION_1_CERTIFICATE_TIMESTAMP: [u8; 2] = [0, 0];
    const PRECERT_ENTRY: [u8; 2] = [0, 1];
    let length = u32::try_from(tbs.len()).ok().filter(|length| *length < 1 << 24)?.to_be_bytes();
    let mut out = Vec::with_capacity(tbs.len() + extensions.len() + 49);
    out.extend_from_slice(&VERSION_1_CERTIFICATE_TIMESTAMP);
    out.extend_from_slice(&u64::try_from(timestamp.millis()).ok()?.to_be_bytes());
    out.extend_from_slice(&PRECERT_ENTRY);
    out.extend_from_slice(issuer_key_hash);
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(tbs);
    put_vector(&mut out, extensions)?;
    Some(out)
}

/// The CtExtensions that say a leaf's index, 40 bits; `None` when it is larger.
pub fn leaf_index_extension(index: u64) -> Option<Vec<u8>> {
    let [0, 0, 0, low @ ..] = index.to_be_bytes() else { return None };
    Some([&[0, 0, 5], &low[..]].concat())
}

/// TLS SignatureAndHashAlgorithm, RFC 5246 section 7.4.1.4.1; Ed25519 as in RFC 8422 section 5.1.3.
const SCHEMES: [([u8; 2], Scheme); 7] = {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    const fn scheme(family: Family, digest: DigestAlgorithm) -> Scheme {
        Scheme { family, digest }
    }
    [
        ([4, 3], scheme(Family::Ecdsa, Sha256)),
        ([5, 3], scheme(Family::Ecdsa, Sha384)),
        ([6, 3], scheme(Family::Ecdsa, Sha512)),
        ([4, 1], scheme(Family::RsaPkcs1, Sha256)),
        ([5, 1], scheme(Family::RsaPkcs1, Sha384)),
        ([6, 1], scheme(Family::RsaPkcs1, Sha512)),
        ([8, 7], scheme(Family::Ed25519, Sha512)),
    ]
};

fn read_scheme(bytes: [u8; 2]) -> Result<Scheme, SctParseError> {
    let [hash, signature] = bytes;
    let known = SCHEMES.into_iter().find(|(pair, _)| *pair == bytes);
    known.map(|(_, scheme)| scheme).ok_or(SctParseError::Algorithm { hash, signature })
}

fn write_scheme(scheme: Scheme) -> Option<[u8; 2]> {
    SCHEMES.into_iter().find(|(_, known)| *known == scheme).map(|(pair, _)| pair)
}

/// Appends a vector with a length of two bytes.
fn put_vector(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SctParseError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(SctParseError::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    /// A vector with a length of two bytes.
    fn vector(&mut self) -> Result<&'a [u8], SctParseError> {
        let length = u16::from_be_bytes(self.array()?);
        let (head, rest) = self.0.split_at_checked(usize::from(length)).ok_or(SctParseError::Length)?;
        self.0 = rest;
        Ok(head)
    }

    fn finish(self) -> Result<(), SctParseError> {
        if self.0.is_empty() { Ok(()) } else { Err(SctParseError::Length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sct() -> Sct {
        Sct {
            log_id: [7; 32],
            timestamp: UnixTime::from_millis(1_700_000_000_123),
            extensions: leaf_index_extension(0x12_3456_789a).unwrap(),
            scheme: Scheme { family: Family::Ecdsa, digest: DigestAlgorithm::Sha256 },
            signature: vec![1, 2, 3],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let list = vec![sct(), Sct { extensions: Vec::new(), ..sct() }];
        assert_eq!(read_list(&write_list(&list).unwrap()), Ok(list));
        assert_eq!(sct().leaf_index(), Some(0x12_3456_789a));
        assert_eq!(Sct { extensions: Vec::new(), ..sct() }.leaf_index(), None);
        assert_eq!(leaf_index_extension(1 << 40), None);
    }

    #[test]
    fn signed_data_layout() {
        let data = signed_data(UnixTime::from_millis(0x0102), &[9; 32], b"tbs", b"e").unwrap();
        let expected = [&[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1][..], &[9; 32], b"\0\0\x03tbs\0\x01e"].concat();
        assert_eq!(data, expected);
        assert_eq!(signed_data(UnixTime::from_millis(-1), &[9; 32], b"tbs", b""), None);
    }

    #[test]
    fn sct02_empty_lists_and_wrong_lengths() {
        let good = write_list(&[sct()]).unwrap();
        assert_eq!(read_list(&[0, 0]), Err(SctParseError::Empty));
        assert_eq!(read_list(&[0, 2, 0, 0]), Err(SctParseError::Empty));
        assert_eq!(read_list(&[]), Err(SctParseError::Length));
        assert_eq!(read_list(&[&good[..], &[0]].concat()), Err(SctParseError::Length));
        for end in 0..good.len() {
            assert!(read_list(&good[..end]).is_err(), "{end}");
        }
        let mut longer = sct().write().unwrap();
        longer.push(0);
        assert_eq!(Sct::read(&longer), Err(SctParseError::Length));
    }

    #[test]
    fn sct10_version_and_algorithm() {
        let good = sct().write().unwrap();
        let mut version = good.clone();
        version[0] = 1;
        assert_eq!(Sct::read(&version), Err(SctParseError::Version(1)));
        let at = good.len() - 2 - 3 - 2;
        let mut algorithm = good.clone();
        algorithm[at] = 2;
        assert_eq!(Sct::read(&algorithm), Err(SctParseError::Algorithm { hash: 2, signature: 3 }));
        let mut late = good;
        late[33] = 0xff;
        assert_eq!(Sct::read(&late), Err(SctParseError::Timestamp));
    }

    #[test]
    fn sct12_a_thousand() {
        let many = vec![Sct { signature: Vec::new(), ..sct() }; 1000];
        assert_eq!(read_list(&write_list(&many).unwrap()), Err(SctParseError::TooMany));
    }
}
