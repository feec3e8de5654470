//! How a Vault learns who asks: <https://developer.hashicorp.com/vault/api-docs/auth>.

use std::fmt;

use zeroize::Zeroizing;

use super::super::CaError;
use crate::service::identity::IdToken;

/// A way to log in. Secrets are wiped when dropped and never shown.
#[non_exhaustive]
pub enum VaultLogin {
    /// The job's identity token, at a `jwt` method.
    Jwt {
        /// The method's mount, `jwt`.
        mount: String,
        /// The login role.
        role: String,
    },
    /// A token of Vault's own that was given; it is not revoked.
    Token(Zeroizing<String>),
    /// A role's id and secret.
    AppRole {
        /// The method's mount, `approle`.
        mount: String,
        /// `role_id`
        role_id: String,
        /// `secret_id`
        secret_id: Zeroizing<String>,
    },
    /// A pod's service account token.
    Kubernetes {
        /// The method's mount, `kubernetes`.
        mount: String,
        /// The login role.
        role: String,
        /// The token.
        jwt: Zeroizing<String>,
    },
    /// The client certificate of the HTTP client.
    Certificate {
        /// The method's mount, `cert`.
        mount: String,
        /// The login role; the server looks for one when `None`.
        role: Option<String>,
    },
}

/// The call of a login.
pub(super) struct LoginCall {
    pub(super) mount: String,
    pub(super) body: Zeroizing<String>,
    pub(super) secrets: Vec<Zeroizing<String>>,
}

impl VaultLogin {
    /// The login's call; `None` when a token was given.
    pub(super) fn call(&self, token: Option<&IdToken>) -> Result<Option<LoginCall>, CaError> {
        let call = |mount: &str, body: serde_json::Value, secrets: Vec<&str>| {
            let secrets = secrets.into_iter().map(|secret| Zeroizing::new(secret.to_owned())).collect();
            Some(LoginCall { mount: mount.to_owned(), body: Zeroizing::new(body.to_string()), secrets })
        };
        Ok(match self {
            Self::Token(_) => None,
            Self::Jwt { mount, role } => {
                let jwt = token.ok_or(CaError::TokenNeeded)?.reveal();
                call(mount, serde_json::json!({ "role": role, "jwt": jwt }), vec![jwt])
            }
            Self::AppRole { mount, role_id, secret_id } => {
                let body = serde_json::json!({ "role_id": role_id, "secret_id": secret_id.as_str() });
                call(mount, body, vec![secret_id, role_id])
            }
            Self::Kubernetes { mount, role, jwt } => {
                call(mount, serde_json::json!({ "role": role, "jwt": jwt.trim() }), vec![jwt.trim()])
            }
            Self::Certificate { mount, role } => {
                let body =
                    role.as_ref().map_or_else(|| serde_json::json!({}), |role| serde_json::json!({ "name": role }));
                call(mount, body, Vec::new())
            }
        })
    }

    pub(super) fn given(&self) -> Option<Zeroizing<String>> {
        if let Self::Token(token) = self { Some(token.clone()) } else { None }
    }

    pub(super) fn takes_identity_token(&self) -> bool {
        matches!(self, Self::Jwt { .. })
    }

    /// The parts that stand in URLs.
    pub(super) fn paths(&self) -> Vec<&str> {
        match self {
            Self::Token(_) => Vec::new(),
            Self::Jwt { mount, .. }
            | Self::AppRole { mount, .. }
            | Self::Kubernetes { mount, .. }
            | Self::Certificate { mount, .. } => vec![mount],
        }
    }
}

impl fmt::Debug for VaultLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jwt { .. } => "VaultLogin(jwt)",
            Self::Token(_) => "VaultLogin(token)",
            Self::AppRole { .. } => "VaultLogin(approle)",
            Self::Kubernetes { .. } => "VaultLogin(kubernetes)",
            Self::Certificate { .. } => "VaultLogin(cert)",
        })
    }
}
