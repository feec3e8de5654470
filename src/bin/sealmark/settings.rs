//! What flags and environment mean together: the one place where implementations are chosen.

mod authority;
mod expected;
mod gate;
mod identity;
mod images;
mod key;
mod known;
mod person;
mod registries;
mod registry;
mod runtime;
mod secrets;
mod services;
mod serving;
mod signatory;
mod trust;

use std::io;
use std::path::PathBuf;

use sealmark::base::code::Code;
use thiserror::Error;

use crate::report::text::visible_path;

pub(crate) use authority::{CertifiedFor, agent, client_with_root, named_authority};
pub(crate) use expected::{Expected, certified, expected, now, policy};
pub(crate) use gate::{gate_sources, gate_stores};
use identity::patient_http;
pub(crate) use identity::{environment, http, patient, token_sources};
pub(crate) use images::{image, images};
pub(crate) use key::{new_password, new_stack_password, private_key, signing_key, stack_password};
pub(crate) use known::known_as;
pub(crate) use registries::Registries;
pub(crate) use registry::{registries, registry_scheme, registry_store, registry_store_with};
pub(crate) use runtime::{interrupted, runtime, server_runtime};
pub(crate) use secrets::keep_from_dumps;
pub(crate) use services::Signing;
pub(crate) use serving::{Serving, serving};
pub(crate) use signatory::{Signatory, key_log};
pub(crate) use trust::{TrustAnchor, client_config, packed_trust, trust, trust_file};

/// Why the flags mean nothing, or the system cannot do what they ask.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SettingsError {
    /// A folder that no stack lives in.
    #[error("{dir} is not the folder of a stack: it has no client_trust_config.json", dir = visible_path(dir))]
    NotAStack { dir: PathBuf },
    /// A key was to stand in a variable that is not set.
    #[error("--key env://{name}: the variable is not set")]
    KeyVariable { name: String },
    /// A password that is not text, or could not be read from the terminal.
    #[error("the password is not text")]
    PasswordText,
    /// Two different passwords for one new key.
    #[error("the two passwords differ")]
    PasswordsDiffer,
    /// The certificate names somebody else than the flags.
    #[error("the certificate is for {found:?}, and --signer-identity says {expected:?}")]
    OtherSigner { expected: String, found: String },
    /// A file of a build that names no digest.
    #[error("{path} is neither a digest nor the metadata of a build", path = visible_path(path))]
    DigestFile { path: PathBuf },
    /// A digest without a repository.
    #[error("the file of --digest-file does not say which one repository the image lies in")]
    DigestFileName,
    /// One digest for several images.
    #[error("--digest-file is about one image, {images} were named")]
    DigestFileImages { images: usize },
    /// Credentials for one registry, and images in several.
    #[error("credentials and client certificates are for one registry; the images lie in {registries}")]
    OneRegistry { registries: usize },
    /// A form of signature that cannot wait.
    #[error("--spool keeps bundles, and the older form was asked for too")]
    SpoolLegacy,
    /// A flag that names no authority or login.
    #[error("{flag} {found:?} is not known")]
    Authority { flag: &'static str, found: String },
    /// A Vault certifies the name that it is asked for.
    #[error("this authority needs to be told whom to certify")]
    AuthorityName,
    /// A variable of Vault's own client.
    #[error("VAULT_{name} is not set")]
    VaultVariable { name: &'static str },
    /// No pod.
    #[error("there is no service account token of a pod here")]
    PodToken,
    /// A provisioner's key is encrypted.
    #[error("the key of a JWK provisioner is opened by a password, and there is none")]
    ProvisionerPassword,
    /// No account to speak to a cluster by.
    #[error("there is no service account of a pod here")]
    NoPod,
    /// No SPIFFE agent.
    #[error("SPIFFE_ENDPOINT_SOCKET is not set")]
    NoAgent,
    /// Not a digest.
    #[error("STEP_FINGERPRINT is not 64 hexadecimal digits")]
    StepFingerprint,
    /// Not the name of a trust domain.
    #[error("{found:?} is no trust domain of SPIFFE")]
    TrustDomain { found: String },
    /// Only SPIFFE's own profile is known beside code signing.
    #[error("--leaf-eku is for authorities of SPIFFE")]
    LeafEku,
    /// Certificates that are no authority.
    #[error("the chain cannot be added: {problem}")]
    TrustChain { problem: &'static str },
    /// A command that names no program.
    #[error("--identity-token-command names no program")]
    TokenCommand,
    /// The system gives no threads or timers.
    #[error("the asynchronous runtime cannot start: {0}")]
    Runtime(io::ErrorKind),
}

impl SettingsError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::NotAStack { .. } => Code::undecided("stack-missing", "make one with `sealmark stack init DIR`"),
            Self::KeyVariable { .. } => Code::usage("signer-key-variable", "set it to the key in PEM"),
            Self::PasswordText | Self::PasswordsDiffer => {
                Code::usage("signer-key-password-input", "type it again, or keep it in a file: --key-password-file")
            }
            Self::OtherSigner { .. } => {
                Code::usage("signer-other", "name the identity of this job's token: `sealmark whoami` shows it")
            }
            Self::DigestFile { .. } => Code::usage(
                "digest-file",
                "give what `docker buildx build --metadata-file` or `podman push --digestfile` wrote",
            ),
            Self::DigestFileName | Self::DigestFileImages { .. } => {
                Code::usage("digest-file-image", "name the one image that was pushed, beside --digest-file")
            }
            Self::OneRegistry { .. } => Code::usage(
                "registry-one",
                "name the images of one registry in a call, or log in with docker or podman",
            ),
            Self::SpoolLegacy => Code::usage(
                "spool-legacy",
                "write the two forms in two calls: the older one's log proves the time, so that nothing can wait for it",
            ),
            Self::Authority { .. } => Code::usage(
                "authority-unknown",
                "give vault:MOUNT/ROLE, step-ca:URL, fulcio:URL, cert-manager:KIND/NAME or spiffe; logins are jwt:ROLE, token, approle, kubernetes:ROLE, cert:ROLE, and jwk:PROVISIONER of a step-ca",
            ),
            Self::AuthorityName => Code::usage(
                "authority-name",
                "give the name with claims in braces: --authority-name 'https://gitlab.com/{project_path}'",
            ),
            Self::VaultVariable { .. } => Code::usage("vault-variable", "set it as for the `vault` command"),
            Self::StepFingerprint => {
                Code::usage("step-fingerprint", "set it to what `step certificate fingerprint root_ca.crt` prints")
            }
            Self::TrustDomain { .. } => Code::usage("trust-domain", "give its name alone, such as example.org"),
            Self::LeafEku => Code::usage(
                "trust-add-leaf-eku",
                "have the authority issue for code signing: roles and templates of Vault and step-ca can",
            ),
            Self::NoAgent => Code::usage(
                "spiffe-socket",
                "set it to the agent's socket, for example unix:///run/spire/agent/public/api.sock",
            ),
            Self::ProvisionerPassword => {
                Code::usage("authority-password", "keep it in a file: --authority-password-file FILE")
            }
            Self::NoPod => Code::usage(
                "pod-account",
                "run it in a pod that mounts its account; name the folder: --authority-account DIR",
            ),
            Self::PodToken => Code::usage("vault-pod-token", "log in by another method outside of a pod"),
            Self::TrustChain { .. } => {
                Code::usage("trust-add-chain", "give one authority's certificates in PEM: intermediates, then the root")
            }
            Self::TokenCommand => Code::usage(
                "identity-command-empty",
                "give words between blanks, or a JSON list of them: '[\"vault\", \"read\", \"-field=token\", \"identity/oidc/token/ci\"]'",
            ),
            Self::Runtime(_) => Code::undecided("runtime-failed", "check the limits of this process"),
        }
    }
}
