//! GitLab CI: tokens are declared by `id_tokens` and arrive in variables
//! (<https://docs.gitlab.com/ci/secrets/id_token_authentication/>).

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{IdToken, IdentityError, IdentityTokenSource, env, is_true};
use crate::service::BoxFuture;
use crate::service::environment::Environment;

const ORIGIN: &str = "GitLab CI";

/// Takes the token that the job declared for the audience: `SIGSTORE_ID_TOKEN`, or
/// `<AUDIENCE>_ID_TOKEN` for another audience.
#[derive(Debug)]
pub struct GitlabCi {
    environment: Arc<dyn Environment>,
}

impl GitlabCi {
    /// Looks into this environment.
    pub fn new(environment: Arc<dyn Environment>) -> Self {
        Self { environment }
    }
}

impl IdentityTokenSource for GitlabCi {
    fn name(&self) -> &'static str {
        ORIGIN
    }

    fn detect<'a>(&'a self, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async move {
            if !is_true(&*self.environment, "GITLAB_CI") {
                return Ok(None);
            }
            let own = variable(audience);
            let text = self.environment.var(&own).or_else(|| self.environment.var(env::VARIABLE));
            let missing = || IdentityError::GitlabToken { variable: own.clone(), audience: audience.to_owned() };
            let token = IdToken::new(Zeroizing::new(text.ok_or_else(missing)?), ORIGIN)?;
            // Declared for another service: the same lines put it right.
            let fits = token.claims().audience().iter().any(|found| found == audience);
            if fits { Ok(Some(token)) } else { Err(missing()) }
        })
    }
}

/// The variable of an audience: upper case, all but letters and digits made `_`.
fn variable(audience: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = audience.chars().map(plain).collect();
    format!("{name}_ID_TOKEN")
}
