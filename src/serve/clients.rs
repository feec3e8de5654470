//! Who may ask, by bearer tokens in a file (RFC 6750): `NAME TOKEN`, one client a line, `#` before what is none.
//!
//! A client may have several lines, so that its token can be replaced. Tokens are kept as their SHA-256; names are for
//! the journal.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use thiserror::Error;
use zeroize::Zeroizing;

use super::Status;
use crate::base::code::Code;
use crate::base::crypto::sha256;
use crate::base::limits;
use crate::service::environment::Environment;

/// Why a file says nobody's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClientsError {
    /// It cannot be read.
    #[error("{path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// A line that is not a name and a token.
    #[error("{path}: line {line} {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong; never what the line says.
        problem: &'static str,
    },
    /// Nobody could ask.
    #[error("{path} names nobody")]
    Nobody {
        /// The file.
        path: PathBuf,
    },
}

impl ClientsError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::undecided("clients-file", "check the path and who may read it"),
            Self::Line { .. } | Self::Nobody { .. } => {
                Code::usage("clients", "one client a line: its name, a space, its token of 16 characters or more")
            }
        }
    }
}

/// What a look at the file brought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Reload {
    /// The clients are those in force.
    Same,
    /// New ones are in force.
    Replaced,
    /// The file is not good: those before stay in force.
    Kept(ClientsError),
}

/// Names by the SHA-256 of a token.
type Known = BTreeMap<[u8; 32], Arc<str>>;

/// The clients of a server.
pub struct Clients {
    path: PathBuf,
    known: RwLock<Known>,
}

impl Clients {
    /// Reads the file.
    pub fn read(environment: &dyn Environment, path: &Path) -> Result<Arc<Self>, ClientsError> {
        let known = RwLock::new(known(environment, path)?);
        Ok(Arc::new(Self { path: path.to_owned(), known }))
    }

    /// Looks at the file again.
    pub fn reload(&self, environment: &dyn Environment) -> Reload {
        let read = match known(environment, &self.path) {
            Ok(read) => read,
            Err(error) => return Reload::Kept(error),
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if *known == read {
            return Reload::Same;
        }
        *known = read;
        Reload::Replaced
    }

    /// The name of who asks: 401 without a token, or with one that is nobody's.
    pub fn name(&self, headers: &HeaderMap) -> Result<Arc<str>, Status> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let token = match (given.next(), given.next()) {
            (Some(one), None) => bearer(one.as_bytes()),
            _ => None,
        };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let name = token.and_then(|token| known.get(&sha256(&[token])));
        name.cloned().ok_or_else(|| Status::unauthenticated("a bearer token of a client is needed"))
    }
}

/// The token of `Bearer TOKEN`; the scheme in any case (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn known(environment: &dyn Environment, path: &Path) -> Result<Known, ClientsError> {
    let bytes = environment.read(path, limits::CLIENTS_BYTES);
    let bytes = bytes.map_err(|error| ClientsError::File { path: path.to_owned(), kind: error.kind() })?;
    let bytes = Zeroizing::new(bytes);
    let mut known = Known::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |problem| ClientsError::Line { path: path.to_owned(), line: index + 1, problem };
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let (Some(name), Some(token), None) = (words.next(), words.next(), words.next()) else {
            return Err(wrong("is not a name and a token"));
        };
        if !line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(wrong("has characters that are not printable ASCII"));
        }
        if token.len() < limits::CLIENT_TOKEN_BYTES {
            return Err(wrong("has a token that could be guessed: it is too short"));
        }
        let name: Arc<str> = String::from_utf8_lossy(name).into();
        if known.insert(sha256(&[token]), name).is_some() {
            return Err(wrong("has a token that another line has"));
        }
    }
    if known.is_empty() { Err(ClientsError::Nobody { path: path.to_owned() }) } else { Ok(known) }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clients({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::response::IntoResponse as _;

    use super::*;
    use crate::service::environment::SystemEnvironment;

    const GOOD: &str = "# who may ask\nargo 0123456789abcdef\n\nci abcdefghijklmnop\nci ABCDEFGHIJKLMNOP\n";

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clients");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    fn asked(clients: &Clients, values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        match clients.name(&headers) {
            Ok(name) => Some(name.to_string()),
            Err(status) => {
                assert_eq!(status.into_response().status(), 401);
                None
            }
        }
    }

    #[test]
    fn a_token_is_a_clients_or_nobodys() {
        let (_dir, path) = file(GOOD);
        let clients = Clients::read(&SystemEnvironment, &path).unwrap();
        for (values, name) in [
            (&["Bearer 0123456789abcdef"][..], Some("argo")),
            (&["bearer abcdefghijklmnop"], Some("ci")),
            (&["Bearer ABCDEFGHIJKLMNOP"], Some("ci")),
            (&[], None),
            (&[""], None),
            (&["Bearer "], None),
            (&["Bearer 0123456789abcde"], None),
            (&["Bearer 0123456789abcdef "], None),
            (&["Bearer argo 0123456789abcdef"], None),
            (&["Basic 0123456789abcdef"], None),
            (&["0123456789abcdef"], None),
            (&["Bearer 0123456789abcdef", "Bearer abcdefghijklmnop"], None),
        ] {
            assert_eq!(asked(&clients, values).as_deref(), name, "{values:?}");
        }
    }

    #[test]
    fn a_file_is_taken_whole_or_not_at_all() {
        let (_dir, path) = file(GOOD);
        let clients = Clients::read(&SystemEnvironment, &path).unwrap();
        assert_eq!(clients.reload(&SystemEnvironment), Reload::Same);
        for bad in [
            "",
            "# nobody\n",
            "argo\n",
            "argo 0123456789abcde\n",
            "argo 0123456789abcdef x\n",
            "argo 0123456789abcd\u{e9}f\n",
            "argo 0123456789abcdef\nci 0123456789abcdef\n",
        ] {
            std::fs::write(&path, bad).unwrap();
            let Reload::Kept(error) = clients.reload(&SystemEnvironment) else { panic!("{bad:?} is taken") };
            assert_eq!(error.code().name(), "clients", "{bad:?}");
            assert!(!error.to_string().contains("0123"), "{error}");
            assert_eq!(asked(&clients, &["Bearer 0123456789abcdef"]).as_deref(), Some("argo"));
        }
        std::fs::write(&path, "new 0123456789abcdeX\n").unwrap();
        assert_eq!(clients.reload(&SystemEnvironment), Reload::Replaced);
        assert_eq!(asked(&clients, &["Bearer 0123456789abcdef"]), None);
        std::fs::remove_file(&path).unwrap();
        let Reload::Kept(error) = clients.reload(&SystemEnvironment) else { panic!("a file that is gone") };
        assert_eq!(error.code().name(), "clients-file");
        assert_eq!(asked(&clients, &["Bearer 0123456789abcdeX"]).as_deref(), Some("new"));
    }
}
