//! An authority that takes the tokens of another audience than others of its kind.

use super::{CaError, CertificateAuthority, CertificateChain, CertificateRequest};
use crate::format::x509::San;
use crate::service::BoxFuture;
use crate::service::identity::TokenClaims;

/// The same authority, asked with tokens of this audience: platforms whose tokens have a fixed one can sign
/// where a private authority takes that.
#[derive(Debug)]
pub struct ForAudience<A> {
    authority: A,
    audience: String,
}

impl<A: CertificateAuthority> ForAudience<A> {
    /// This authority, for tokens of `audience`.
    pub fn new(authority: A, audience: String) -> Self {
        Self { authority, audience }
    }
}

impl<A: CertificateAuthority> CertificateAuthority for ForAudience<A> {
    fn name(&self) -> String {
        self.authority.name()
    }

    fn audience(&self) -> Option<&str> {
        Some(&self.audience)
    }

    fn is_public(&self) -> bool {
        self.authority.is_public()
    }

    fn wanted_name(&self, claims: Option<&TokenClaims>) -> Result<Option<San>, CaError> {
        self.authority.wanted_name(claims)
    }

    fn takes<'a>(&'a self, claims: &'a TokenClaims) -> BoxFuture<'a, Result<bool, CaError>> {
        self.authority.takes(claims)
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        self.authority.issue(request)
    }
}
