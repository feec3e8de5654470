//! `SIGSTORE_ID_TOKEN`, the variable that Sigstore clients read on every platform.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{IdToken, IdentityError, IdentityTokenSource};
use crate::service::BoxFuture;
use crate::service::environment::Environment;

/// The name of the variable.
pub(super) const VARIABLE: &str = "SIGSTORE_ID_TOKEN";

/// Takes the token from the variable, for whichever audience it was made.
#[derive(Debug)]
pub struct VariableToken {
    environment: Arc<dyn Environment>,
}

impl VariableToken {
    /// Looks into this environment.
    pub fn new(environment: Arc<dyn Environment>) -> Self {
        Self { environment }
    }
}

impl IdentityTokenSource for VariableToken {
    fn name(&self) -> &'static str {
        VARIABLE
    }

    fn detect<'a>(&'a self, _audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async {
            self.environment.var(VARIABLE).map(|text| IdToken::new(Zeroizing::new(text), VARIABLE)).transpose()
        })
    }
}
