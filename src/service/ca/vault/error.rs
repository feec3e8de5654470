//! What Vault's words mean, and what to do about them. The words are those of the sources of Vault and OpenBao
//! (`builtin/credential/jwt`, `builtin/logical/pki`); of others the answer itself is shown.

use thiserror::Error;

use crate::base::code::Code;
use crate::service::http::{Endpoint, HttpError};

/// A Vault that said no.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A mount or role that would lead to another path.
    #[error("{path:?} is no mount or role of a Vault")]
    Path {
        /// What was given.
        path: String,
    },
    /// A client's certificate without its key, or the key without it.
    #[error("VAULT_{missing} is not set, which belongs to VAULT_{given}")]
    ClientPair {
        /// What is there.
        given: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// No login.
    #[error("Vault {url} let nobody in ({status}): {answer}")]
    Login {
        /// Where.
        url: String,
        /// The status.
        status: u16,
        /// Its words.
        answer: String,
        /// What they mean.
        reason: LoginReason,
    },
    /// No role, or no engine that could have it.
    #[error("Vault {url} is not there")]
    Absent {
        /// Where.
        url: String,
        /// What its words mean.
        reason: SigningReason,
    },
    /// A login, and no certificate.
    #[error("Vault {url} signed nothing ({status}): {answer}")]
    Signing {
        /// Where.
        url: String,
        /// The status.
        status: u16,
        /// Its words.
        answer: String,
        /// What they mean.
        reason: SigningReason,
    },
}

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$text:meta])* $variant:ident: $code:expr, [$($words:literal),*];)* }
     other: $other:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$text])* $variant,)*
            /// Something else; its words are shown.
            Other,
        }

        impl $name {
            /// By its words, the first that fit.
            fn of(answer: &str) -> Self {
                $(if [$($words),*].iter().any(|words: &&str| answer.contains(words)) {
                    return Self::$variant;
                })*
                Self::Other
            }

            fn code(self) -> Code {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Other => $other,
                }
            }
        }
    };
}

reasons! {
    /// Why a login was refused.
    LoginReason {
        /// The JWT was empty.
        NoToken: Code::refused("vault-token-missing",
            "GitLab removed CI_JOB_JWT in 17.0: give the job id_tokens: { SIGSTORE_ID_TOKEN: { aud: VAULT_ADDR } }"),
            ["missing token"];
        /// The role is of the kind for browsers.
        RoleType: Code::refused("vault-role-type",
            "make the login role with role_type=jwt: without it a role is one for browsers (oidc)"),
            ["oidc role_type is not allowed", "'allowed_redirect_uris' must be set"];
        /// The role binds no audience.
        Unbound: Code::refused("vault-audience-unbound",
            "set bound_audiences of the login role to the aud of the token: `sealmark whoami` shows it"),
            ["no audiences bound to the role"];
        /// Another audience.
        Audience: Code::refused("vault-audience",
            "ask the platform for a token with an audience that the login role binds (bound_audiences)"),
            ["invalid audience (aud)", "audience claim does not match"];
        /// Another issuer.
        Issuer: Code::refused("vault-issuer",
            "set bound_issuer to the token's iss with its scheme: https://gitlab.com, not gitlab.com"),
            ["invalid issuer (iss)", "issuer claim does not match"];
        /// Too old.
        Expired: Code::refused("vault-token-expired",
            "get a new token: this one expired on its way, or the clocks differ"),
            ["token is expired", "invalid expiration time (exp)"];
        /// The claims are not those that the role binds.
        Claims: Code::refused("vault-claims",
            "compare the role's bound_claims with the token's claims; globs need bound_claims_type=glob"),
            ["error validating claims", "not found in token"];
        /// The signature or the token as such.
        Token: Code::refused("vault-token-invalid",
            "check the method's oidc_discovery_url or jwks_url, bound_issuer (with https://) and bound_audiences"),
            ["error validating token", "error verifying token", "no known key successfully validated"];
        /// No such role.
        Role: Code::refused("vault-login-role",
            "name a role of that login method: `vault list auth/jwt/role` lists them"),
            ["could not be found", "missing role", "invalid role name"];
        /// The method was never set up.
        Unconfigured: Code::refused("vault-login-unconfigured",
            "configure the method: `vault write auth/jwt/config oidc_discovery_url=https://gitlab.com`"),
            ["could not load configuration"];
        /// The role's id or secret.
        Secret: Code::refused("vault-approle",
            "check role_id and secret_id: a secret_id may be for one use, and expires"),
            ["invalid secret id", "invalid role or secret ID", "failed to validate credentials"];
        /// A pod of another account than the role is for.
        Account: Code::refused("vault-pod-account",
            "let the role's bound_service_account_names and bound_service_account_namespaces have the pod's account"),
            ["service account name not authorized", "namespace not authorized"];
        /// No such method, or no such namespace.
        Mount: Code::refused("vault-login-mount",
            "check the login's mount and VAULT_NAMESPACE: `vault auth list` shows the mounts"),
            ["no handler for route", "unsupported path", "permission denied", "namespace not found"];
    }
    other: Code::refused("vault-login-refused", "read its answer: the login was refused")
}

reasons! {
    /// Why nothing was signed.
    SigningReason {
        /// The policy does not allow it.
        Denied: Code::refused("vault-sign-denied",
            "give the login role a policy with `path \"pki/sign/ROLE\" { capabilities = [\"update\"] }`"),
            ["permission denied"];
        /// No such engine.
        Mount: Code::refused("vault-pki-mount",
            "check the mount and VAULT_NAMESPACE: `vault secrets list` shows the PKI engines"),
            ["no handler for route", "unsupported path"];
        /// No such role.
        Role: Code::refused("vault-pki-role",
            "name a role of that engine: `vault list pki/roles` lists them"),
            ["unknown role"];
        /// A role for RSA keys.
        KeyType: Code::refused("vault-key-type",
            "set key_type=any on the role: its default takes RSA keys only"),
            ["role requires keys of type", "requires a minimum of a"];
        /// A role that wants a common name.
        CommonName: Code::refused("vault-require-cn",
            "set require_cn=false on the role: a signing certificate has no subject"),
            ["common_name field is required"];
        /// A name that the role does not allow.
        Name: Code::refused("vault-name",
            "let the role's allowed_uri_sans (or its template) cover the name that is asked for"),
            ["Subject Alternative Name", "subject alternate name", "not allowed by this role"];
        /// The lifetime.
        Lifetime: Code::refused("vault-lifetime",
            "ask for a shorter life, or raise the role's max_ttl"),
            ["ttl or not_after", "cannot satisfy request", "ttl must be"];
        /// No issuing certificate.
        NoIssuer: Code::refused("vault-no-issuer",
            "give the engine a CA: `vault write pki/root/generate/internal` or an intermediate; or mend the role's issuer_ref"),
            ["no default issuer", "unable to find PKI issuer", "unable to fetch corresponding issuer", "CA not initialised", "could not fetch the CA certificate"];
        /// The request itself.
        Request: Code::refused("vault-csr",
            "this is a defect of one of the two: report it with the answer"),
            ["\"csr\" is empty", "certificate request could not be parsed"];
    }
    other: Code::refused("vault-sign-refused", "read its answer: the role refused the request")
}

impl VaultError {
    pub(super) fn at_login(endpoint: &Endpoint, status: u16, answer: String) -> Self {
        let reason = LoginReason::of(&answer);
        Self::Login { url: endpoint.to_string(), status, answer, reason }
    }

    /// An engine that has no CA answers 500, as a server does that is to be asked again; this one is not.
    pub(super) fn without_issuer(error: HttpError) -> Result<Self, HttpError> {
        let lasting = |answer: &str| {
            ["no default issuer", "unable to find PKI issuer"].iter().any(|words| answer.contains(words))
        };
        match error {
            HttpError::Unavailable { url, status, answer, .. } if lasting(&answer) => {
                Ok(Self::Signing { url, status, answer, reason: SigningReason::NoIssuer })
            }
            error => Err(error),
        }
    }

    /// A look at a role that answered 404: with the words of an engine that is not there, or with none.
    pub(super) fn at_role(endpoint: &Endpoint, answer: &str) -> Self {
        let reason = match SigningReason::of(answer) {
            SigningReason::Mount => SigningReason::Mount,
            _ => SigningReason::Role,
        };
        Self::Absent { url: endpoint.to_string(), reason }
    }

    pub(super) fn at_signing(endpoint: &Endpoint, status: u16, answer: String) -> Self {
        let reason = SigningReason::of(&answer);
        Self::Signing { url: endpoint.to_string(), status, answer, reason }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Path { .. } => Code::usage("vault-path", "give mounts and roles as Vault has them: pki/ROLE"),
            Self::ClientPair { .. } => Code::usage(
                "vault-client-pair",
                "set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY together (or BAO_CLIENT_CERT and BAO_CLIENT_KEY), or neither",
            ),
            Self::Login { reason, .. } => reason.code(),
            Self::Absent { reason, .. } | Self::Signing { reason, .. } => reason.code(),
        }
    }
}
