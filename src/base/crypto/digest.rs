//! SHA-2 digests (FIPS 180-4), streamed or at once.

use std::fmt;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::base::encoding::hex;

/// The digest algorithms that signatures and subjects may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlgorithm {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl DigestAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Bytes of a digest.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The name that in-toto subjects and `sha256:…` strings use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The name in the Sigstore protobuf enum `HashAlgorithm`.
    pub const fn proto_name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    /// From the in-toto name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// From the name in the Sigstore protobuf enum `HashAlgorithm`.
    pub fn from_proto_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.proto_name() == name)
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest with its algorithm. Its length always fits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    bytes: [u8; 64],
}

impl Digest {
    /// The digest of `data`.
    pub fn of(algorithm: DigestAlgorithm, data: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(data);
        hasher.finish()
    }

    /// A digest from received bytes; `None` when the length is not the algorithm's.
    pub fn from_bytes(algorithm: DigestAlgorithm, bytes: &[u8]) -> Option<Self> {
        let mut padded = [0; 64];
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (bytes.len() == algorithm.len()).then_some(Self { algorithm, bytes: padded })
    }

    /// A digest from lower-case hexadecimal.
    pub fn from_hex(algorithm: DigestAlgorithm, text: &str) -> Option<Self> {
        Self::from_bytes(algorithm, &hex::decode(text)?)
    }

    /// A digest from `sha256:HEX`, `sha384:HEX` or `sha512:HEX`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digits) = text.split_once(':')?;
        Self::from_hex(DigestAlgorithm::from_name(name)?, digits)
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.len()]
    }

    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm)?;
        hex::write(self.as_bytes(), f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A digest in the making.
#[derive(Debug, Clone)]
pub struct Hasher(State);

#[derive(Debug, Clone)]
enum State {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// An empty one.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            DigestAlgorithm::Sha384 => State::Sha384(Sha384::new()),
            DigestAlgorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Takes more data in.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(data),
            State::Sha384(state) => state.update(data),
            State::Sha512(state) => state.update(data),
        }
    }

    /// The digest of all data taken in.
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 64];
        let algorithm = match self.0 {
            State::Sha256(state) => {
                bytes[..32].copy_from_slice(&state.finalize());
                DigestAlgorithm::Sha256
            }
            State::Sha384(state) => {
                bytes[..48].copy_from_slice(&state.finalize());
                DigestAlgorithm::Sha384
            }
            State::Sha512(state) => {
                bytes.copy_from_slice(&state.finalize());
                DigestAlgorithm::Sha512
            }
        };
        Digest { algorithm, bytes }
    }
}

/// SHA-256 of the parts, one after another.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Sha256::new();
    for part in parts {
        state.update(part);
    }
    state.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest = Digest::of(DigestAlgorithm::Sha256, b"");
        assert_eq!(digest.hex(), empty);
        assert_eq!(digest.as_bytes(), sha256(&[]));
        assert_eq!(Digest::parse(&format!("sha256:{empty}")), Some(digest));
        for bad in [
            format!("sha512:{empty}"),
            format!("md5:{empty}"),
            empty.to_owned(),
            "sha256:".to_owned(),
            format!("sha256:{}", empty.to_uppercase()),
        ] {
            assert_eq!(Digest::parse(&bad), None, "{bad}");
        }
        for algorithm in DigestAlgorithm::ALL {
            let digest = Digest::of(algorithm, b"abc");
            assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        }
    }
}
