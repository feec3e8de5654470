//! Authorities that stand in for one another.

use super::{CaError, CertificateAuthority, CertificateChain, CertificateRequest};
use crate::base::code::Class;
use crate::service::BoxFuture;
use crate::service::identity::{IdToken, TokenClaims};
use crate::service::look::Looked;

/// Asks one authority after the other until one answers. A refusal is an answer.
#[derive(Debug)]
pub struct AnyOf {
    authorities: Vec<Box<dyn CertificateAuthority>>,
}

impl AnyOf {
    /// These authorities, best first.
    pub fn new(authorities: Vec<Box<dyn CertificateAuthority>>) -> Self {
        Self { authorities }
    }
}

impl CertificateAuthority for AnyOf {
    fn name(&self) -> String {
        self.authorities.iter().map(|authority| authority.name()).collect::<Vec<_>>().join(" or ")
    }

    fn is_public(&self) -> bool {
        self.authorities.iter().any(|authority| authority.is_public())
    }

    fn takes<'a>(&'a self, claims: &'a TokenClaims) -> BoxFuture<'a, Result<bool, CaError>> {
        Box::pin(async move {
            let mut failed = CaError::NoAuthority;
            for authority in &self.authorities {
                match authority.takes(claims).await {
                    Err(error) if error.code().class() == Class::Undecided => failed = error,
                    answer => return answer,
                }
            }
            Err(failed)
        })
    }

    fn look<'a>(&'a self, token: Option<&'a IdToken>) -> BoxFuture<'a, Looked> {
        Box::pin(async move {
            let mut looked = Looked::default();
            for authority in &self.authorities {
                looked = looked.and(authority.look(token).await);
            }
            looked
        })
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            let mut failed = CaError::NoAuthority;
            for authority in &self.authorities {
                match authority.issue(request).await {
                    Err(error) if error.code().class() == Class::Undecided => failed = error,
                    answer => return answer,
                }
            }
            Err(failed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::http::fake::block_on;
    use crate::service::signer::EphemeralKey;

    #[test]
    fn nobody_answers_for_none() {
        let key = EphemeralKey::generate().unwrap();
        let error = block_on(AnyOf::new(Vec::new()).issue(CertificateRequest { key: &key, token: None })).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("ca-none", 2));
    }
}
