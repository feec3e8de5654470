//! The stack's private keys: made once by `init`, one PKCS#8 file each, mode 0600, in a folder of their
//! own with mode 0700. Their bytes are wiped when dropped and appear in no output.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::base::code::Code;
use crate::base::crypto::{KeyKind, PublicKey, Scheme};
use crate::base::encoding::pem;
use crate::base::limits;
use crate::stack::log::SigningError;

/// The label of a PKCS#8 key in PEM.
const LABEL: &str = "PRIVATE KEY";

/// A private key that signs with the default scheme of its kind.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a key cannot be made, written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// The file.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the file.
    #[error("{} may be read by others than its owner (mode {mode:o})", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Not the key that belongs there.
    #[error("{} does not hold a {kinds} key in PKCS#8 PEM", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What belongs there.
        kinds: String,
    },
    /// A kind that the stack does not sign with.
    #[error("the stack signs with P-256, P-384 and Ed25519 keys, not with {0}")]
    Kind(KeyKind),
    /// The system's randomness, or the library's.
    #[error("no key could be made")]
    Generation,
}

impl PrivateKeyError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Io { .. } => Code::undecided("stack-key-io", "look at the file and its permissions"),
            Self::Permissions { .. } => Code::undecided(
                "stack-key-permissions",
                "`chmod 600` it; if others could read it, make a new stack: who holds the key can forge",
            ),
            Self::Malformed { .. } | Self::Kind(_) => {
                Code::undecided("stack-key-parse", "put the file back that `sealmark stack init` wrote")
            }
            Self::Generation => Code::undecided("stack-key-generation", "try again; look at the system's randomness"),
        }
    }

    fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }
}

impl PrivateKey {
    /// Makes a key of kind P-256, P-384 or Ed25519.
    pub fn generate(kind: KeyKind) -> Result<Self, PrivateKeyError> {
        let made = |_| PrivateKeyError::Generation;
        match kind {
            KeyKind::P256 | KeyKind::P384 => {
                Self::new(Pair::Ecdsa(EcdsaKeyPair::generate(ecdsa(kind)?).map_err(made)?))
            }
            KeyKind::Ed25519 => Self::new(Pair::Ed25519(Ed25519KeyPair::generate().map_err(made)?)),
            KeyKind::P521 | KeyKind::Rsa { .. } => None,
        }
        .ok_or(PrivateKeyError::Kind(kind))
    }

    fn new(pair: Pair) -> Option<Self> {
        let spki = match &pair {
            Pair::Ecdsa(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        };
        let public = PublicKey::from_spki(spki.ok()?.as_ref()).ok()?;
        Some(Self { pair, public })
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The scheme that it signs with.
    pub fn scheme(&self) -> Scheme {
        Scheme::default_for(self.public.kind())
    }

    /// Signs a message: ECDSA in DER, Ed25519 as it is.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| SigningError)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// Writes the key to a new file that only its owner reads.
    pub fn write(&self, path: &Path) -> Result<(), PrivateKeyError> {
        let der = match &self.pair {
            Pair::Ecdsa(pair) => pair.to_pkcs8v1(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
        };
        let der = der.map_err(|_| PrivateKeyError::Generation)?;
        let text = Zeroizing::new(pem::encode(LABEL, der.as_ref()));
        write_secret(path, text.as_bytes())
    }

    /// Reads a key of the kind that belongs there.
    pub fn read(path: &Path, kind: KeyKind) -> Result<Self, PrivateKeyError> {
        Self::read_any(path, &[kind])
    }

    /// Reads a key of one of the kinds that belong there.
    pub fn read_any(path: &Path, kinds: &[KeyKind]) -> Result<Self, PrivateKeyError> {
        let der = read_pkcs8(path, kinds)?;
        for kind in kinds {
            let pair = match kind {
                KeyKind::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Pair::Ed25519),
                kind => EcdsaKeyPair::from_pkcs8(ecdsa(*kind)?, &der).map(Pair::Ecdsa),
            };
            if let Some(key) = pair.ok().and_then(Self::new) {
                return Ok(key);
            }
        }
        Err(malformed(path, kinds))
    }
}

/// Reads the PKCS#8 of a key that should be of one of `kinds`, which the caller finds out.
pub fn read_pkcs8(path: &Path, kinds: &[KeyKind]) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let der = pem::decode_one(&read_secret(path)?, LABEL).map(Zeroizing::new);
    der.map_err(|_| malformed(path, kinds))
}

fn malformed(path: &Path, kinds: &[KeyKind]) -> PrivateKeyError {
    let kinds: Vec<_> = kinds.iter().map(KeyKind::to_string).collect();
    PrivateKeyError::Malformed { path: path.to_owned(), kinds: kinds.join(" or ") }
}

fn ecdsa(kind: KeyKind) -> Result<&'static aws::EcdsaSigningAlgorithm, PrivateKeyError> {
    match kind {
        KeyKind::P256 => Ok(&aws::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyKind::P384 => Ok(&aws::ECDSA_P384_SHA384_ASN1_SIGNING),
        other => Err(PrivateKeyError::Kind(other)),
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.public)
    }
}

/// Makes the folder for secrets.
pub fn create_dir(path: &Path) -> Result<(), PrivateKeyError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| PrivateKeyError::io("create", path, error))
}

/// Writes a secret to a new file (`O_EXCL`), durably, mode 0600.
pub fn write_secret(path: &Path, secret: &[u8]) -> Result<(), PrivateKeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(secret)?;
        file.sync_all()
    });
    written.map_err(|error| PrivateKeyError::io("write", path, error))
}

/// Reads a secret that only its owner may read, at most [`limits::PEM_BYTES`].
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, PrivateKeyError> {
    let read = |error| PrivateKeyError::io("read", path, error);
    let metadata = fs::metadata(path).map_err(read)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            return Err(PrivateKeyError::Permissions { path: path.to_owned(), mode: mode & 0o777 });
        }
    }
    if metadata.len() > limits::PEM_BYTES as u64 {
        return Err(read(io::Error::new(io::ErrorKind::FileTooLarge, "too large for a secret")));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(read)
}

/// Random bytes of the system.
pub fn random<const N: usize>() -> Result<[u8; N], SigningError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SigningError)?;
    Ok(bytes)
}

/// A serial number for certificates and timestamps: 20 bytes, positive, 158 random bits.
pub fn serial() -> Result<[u8; 20], SigningError> {
    let mut serial: [u8; 20] = random()?;
    // The top bit clear keeps it positive in 20 bytes; the next one set keeps it 20 bytes long.
    serial[0] = serial[0] & 0x3f | 0x40;
    Ok(serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("keys");
        create_dir(&folder).unwrap();
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519] {
            let path = folder.join(format!("{kind}.pem"));
            let made = PrivateKey::generate(kind).unwrap();
            made.write(&path).unwrap();
            let read = PrivateKey::read(&path, kind).unwrap();
            assert_eq!(read.public_key(), made.public_key());
            let signature = read.sign(b"message").unwrap();
            made.public_key().verify(made.scheme(), b"message", &signature).unwrap();
            assert_eq!(made.write(&path).unwrap_err().code().name(), "stack-key-io", "never replaced");
        }
        let p256 = folder.join("P-256.pem");
        assert_eq!(PrivateKey::read(&p256, KeyKind::P384).unwrap_err().code().name(), "stack-key-parse");
        assert!(PrivateKey::generate(KeyKind::P521).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn x10_x11_only_the_owner_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (folder, path) = (dir.path().join("keys"), dir.path().join("keys/a.pem"));
        create_dir(&folder).unwrap();
        PrivateKey::generate(KeyKind::P256).unwrap().write(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = PrivateKey::read(&path, KeyKind::P256).unwrap_err();
        assert_eq!(error.code().name(), "stack-key-permissions");
    }

    #[test]
    fn f25_serials() {
        let serials: std::collections::HashSet<_> = (0..1000).map(|_| serial().unwrap()).collect();
        assert_eq!(serials.len(), 1000);
        assert!(serials.iter().all(|serial| serial[0] & 0xc0 == 0x40));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        assert!(format!("{key:?}").starts_with("PrivateKey(PublicKey(P-256"));
    }
}
