//! The stack's private keys: made once by `init`, one PKCS#8 file each, encrypted where there is a
//! password, mode 0600, in a folder of their own with mode 0700. A file may name a key in a PKCS#11 token instead, with
//! its public key, so that another one in its place is noticed. Their bytes are wiped when dropped and appear in no output.

mod held;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::base::code::Code;
use crate::base::crypto::{KeyKind, PublicKey, Scheme};
use crate::base::encoding::pem;
use crate::base::limits;
use crate::service::signer::{self, Password, Protection, Signer, SignerError};
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
    /// In a token.
    Held(Arc<dyn Signer>),
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
    /// A password is needed or wrong, or a token does not open.
    #[error("{}: {error}", path.display())]
    Unopened {
        /// The file.
        path: PathBuf,
        /// Why.
        error: SignerError,
    },
    /// A token holds another key than the one that was taken over from it.
    #[error("{}: the token holds another key under this name than it did", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// A kind that the stack does not sign with.
    #[error("the stack signs with P-256, P-384 and Ed25519 keys, not with {0}")]
    Kind(KeyKind),
    /// A key that does not leave what holds it, and so is in no file.
    #[error("{}: a key that something else holds is not written", path.display())]
    Held {
        /// The file.
        path: PathBuf,
    },
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
            Self::Unopened { error, .. } => error.code(),
            Self::Replaced { .. } => Code::undecided(
                "stack-key-replaced",
                "have the token hold the key again that it held; for new keys of the logs use `sealmark stack rotate`",
            ),
            Self::Held { .. } => {
                Code::usage("stack-key-held", "leave it in its token: `sealmark stack init` writes its URI")
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
            Pair::Held(_) => return None,
        };
        let public = PublicKey::from_spki(spki.ok()?.as_ref()).ok()?;
        Some(Self { pair, public })
    }

    /// A key that something else holds and signs with in the call itself, without waiting.
    pub fn held(signer: Arc<dyn Signer>) -> Self {
        let public = signer.public_key().clone();
        Self { pair: Pair::Held(signer), public }
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
            Pair::Held(signer) => held::sign(&**signer, message),
        }
    }

    /// Writes the key to a new file that only its owner reads.
    pub fn write(&self, path: &Path) -> Result<(), PrivateKeyError> {
        self.write_locked(path, None)
    }

    /// The same, encrypted by a password where there is one: PBES2 with scrypt and AES-256-CBC (RFC 8018).
    pub fn write_locked(&self, path: &Path, password: Option<&Password>) -> Result<(), PrivateKeyError> {
        let lost = |_| PrivateKeyError::Generation;
        let der = match &self.pair {
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map_err(lost)?,
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map_err(lost)?,
            Pair::Held(_) => return Err(PrivateKeyError::Held { path: path.to_owned() }),
        };
        let mut text = Zeroizing::new(pem::encode(LABEL, der.as_ref()));
        if let Some(password) = password {
            let key = signer::PrivateKey::import(&text, None).map_err(|_| PrivateKeyError::Generation)?;
            text = key.to_pem(Protection::Pkcs8(password)).map_err(|_| PrivateKeyError::Generation)?;
        }
        write_secret(path, text.as_bytes())
    }

    /// Opens a key in a PKCS#11 token. `path` is the file that stands for it, or is to.
    pub fn in_token(uri: &str, path: &Path, kinds: &[KeyKind]) -> Result<Self, PrivateKeyError> {
        let unfit = || PrivateKeyError::Unopened { path: path.to_owned(), error: held::unfit(uri) };
        let key = Self::held(held::open(held::uri(uri).ok_or_else(unfit)?, path)?);
        if kinds.contains(&key.public.kind()) { Ok(key) } else { Err(malformed(path, kinds)) }
    }

    /// Takes over a key in a PKCS#11 token: writes its URI and its public key to a new file, by which it is opened
    /// from now on.
    pub fn adopt(uri: &str, path: &Path, kinds: &[KeyKind]) -> Result<Self, PrivateKeyError> {
        let key = Self::in_token(uri, path, kinds)?;
        write_secret(path, held::file(uri, &key.public).as_bytes())?;
        Ok(key)
    }

    /// Whether a token holds it.
    pub fn is_held(&self) -> bool {
        matches!(self.pair, Pair::Held(_))
    }

    /// Reads a key of the kind that belongs there.
    pub fn read(path: &Path, kind: KeyKind) -> Result<Self, PrivateKeyError> {
        Self::read_any(path, &[kind])
    }

    /// Reads a key of one of the kinds that belong there.
    pub fn read_any(path: &Path, kinds: &[KeyKind]) -> Result<Self, PrivateKeyError> {
        Self::read_locked(path, kinds, None)
    }

    /// The same, with a password for a key that is encrypted: PKCS#8's way, or cosign's. The file may also have the
    /// URI of a key in a token.
    pub fn read_locked(path: &Path, kinds: &[KeyKind], password: Option<&Password>) -> Result<Self, PrivateKeyError> {
        let text = read_secret(path)?;
        if let Some(uri) = held::uri(&text) {
            let key = Self::in_token(uri, path, kinds)?;
            let same = held::public_key(&text).is_none_or(|taken| taken == key.public);
            return if same { Ok(key) } else { Err(PrivateKeyError::Replaced { path: path.to_owned() }) };
        }
        let der = pkcs8(&text, path, kinds, password)?;
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

/// The PKCS#8 of a key in PEM.
fn pkcs8(
    text: &str,
    path: &Path,
    kinds: &[KeyKind],
    password: Option<&Password>,
) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let plain = match signer::PrivateKey::import(text, password).and_then(|key| key.to_pem(Protection::NoneUnsafe)) {
        Ok(plain) => plain,
        Err(error @ (SignerError::PasswordNeeded | SignerError::Password)) => {
            return Err(PrivateKeyError::Unopened { path: path.to_owned(), error });
        }
        Err(_) => return Err(malformed(path, kinds)),
    };
    pem::decode_one(&plain, LABEL).map(Zeroizing::new).map_err(|_| malformed(path, kinds))
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

    #[test]
    fn x11_a_key_is_read_with_its_password_alone() {
        let dir = tempfile::tempdir().unwrap();
        let password = |text: &str| Password::new(text.to_owned());
        let key = PrivateKey::generate(KeyKind::P384).unwrap();
        let (sealed, cosign) = (dir.path().join("sealed.pem"), dir.path().join("cosign.pem"));
        key.write_locked(&sealed, Some(&password("right"))).unwrap();
        assert!(fs::read_to_string(&sealed).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        let kinds = [KeyKind::P256, KeyKind::P384];
        let read = |path: &Path, password: Option<&str>| {
            PrivateKey::read_locked(path, &kinds, password.map(|text| Password::new(text.to_owned())).as_ref())
        };
        assert_eq!(read(&sealed, Some("right")).unwrap().public_key(), key.public_key());
        assert_eq!(read(&sealed, Some("wrong")).unwrap_err().code().name(), "signer-key-password");
        assert_eq!(read(&sealed, None).unwrap_err().code().name(), "signer-key-encrypted");
        let other = signer::PrivateKey::generate(KeyKind::P256).unwrap();
        write_secret(&cosign, other.to_pem(Protection::Cosign(&password("c"))).unwrap().as_bytes()).unwrap();
        assert_eq!(read(&cosign, Some("c")).unwrap().public_key(), other.signer().public_key());
        let error = PrivateKey::read_locked(&sealed, &[KeyKind::P256], Some(&password("right"))).unwrap_err();
        assert_eq!(error.code().name(), "stack-key-parse", "another kind than belongs there");
    }

    #[test]
    fn a_key_that_is_held_elsewhere() {
        let key = PrivateKey::held(Arc::new(signer::EphemeralKey::generate().unwrap()));
        let signature = key.sign(b"message").unwrap();
        key.public_key().verify(key.scheme(), b"message", &signature).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let written = key.write(&dir.path().join("key.pem")).unwrap_err();
        assert_eq!(written.code().name(), "stack-key-held", "it does not leave its holder");
        let path = dir.path().join("named.pem");
        write_secret(&path, b"pkcs11:token=none;object=none\n").unwrap();
        let code = PrivateKey::read(&path, KeyKind::P256).unwrap_err().code().name();
        assert!(matches!(code, "signer-no-pkcs11" | "signer-token"), "{code}");
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
