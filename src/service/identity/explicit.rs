//! A token that the user gives: as text, in a file, or on standard input.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{IdToken, IdentityError, IdentityTokenSource};
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::environment::{Environment, read_bounded};

/// Names the token; always this environment.
pub struct ExplicitToken(Given);

enum Given {
    Text(Zeroizing<String>),
    File(PathBuf, Arc<dyn Environment>),
    Stdin,
}

impl ExplicitToken {
    /// The token itself.
    pub fn text(token: Zeroizing<String>) -> Self {
        Self(Given::Text(token))
    }

    /// The file that holds it.
    pub fn file(path: impl Into<PathBuf>, environment: Arc<dyn Environment>) -> Self {
        Self(Given::File(path.into(), environment))
    }

    /// Standard input, to its end.
    pub fn stdin() -> Self {
        Self(Given::Stdin)
    }

    fn read(&self) -> Result<IdToken, IdentityError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            |error| IdentityError::Unreadable { path, error }
        };
        match &self.0 {
            Given::Text(token) => IdToken::new(token.clone(), "the command line"),
            Given::File(path, environment) => {
                let bytes = environment.read(path, limits::TOKEN_BYTES).map_err(unreadable(path))?;
                IdToken::from_bytes(bytes, "the given file")
            }
            Given::Stdin => {
                let bytes = read_bounded(std::io::stdin().lock(), limits::TOKEN_BYTES);
                IdToken::from_bytes(bytes.map_err(unreadable(Path::new("-")))?, "standard input")
            }
        }
    }
}

impl IdentityTokenSource for ExplicitToken {
    fn name(&self) -> &'static str {
        "the given token"
    }

    fn detect<'a>(&'a self, _audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async { self.read().map(Some) })
    }
}

impl fmt::Debug for ExplicitToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Given::Text(_) => f.write_str("ExplicitToken(text)"),
            Given::File(path, _) => write!(f, "ExplicitToken({})", path.display()),
            Given::Stdin => f.write_str("ExplicitToken(standard input)"),
        }
    }
}
