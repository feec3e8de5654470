//! SPIFFE: a JWT-SVID of the agent beside this process.
//! <https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md>

use std::sync::Arc;

use super::{IdToken, IdentityError, IdentityTokenSource};
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::spiffe::WorkloadApi;

/// Asks the agent that `SPIFFE_ENDPOINT_SOCKET` names, for the audience at hand.
#[derive(Debug)]
pub struct JwtSvid {
    environment: Arc<dyn Environment>,
}

impl JwtSvid {
    /// Looks at the variable.
    pub fn new(environment: Arc<dyn Environment>) -> Self {
        Self { environment }
    }
}

impl IdentityTokenSource for JwtSvid {
    fn name(&self) -> &'static str {
        "SPIFFE"
    }

    fn detect<'a>(&'a self, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async {
            let Some(agent) = WorkloadApi::of(&*self.environment)? else { return Ok(None) };
            IdToken::new(agent.jwt_svid(audience).await?, "the SPIFFE agent").map(Some)
        })
    }
}
