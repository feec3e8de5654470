//! What can go wrong between us and a service.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::base::code::Code;

/// The services that are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Hands out identity tokens.
    IdentityProvider,
    /// Issues certificates.
    CertificateAuthority,
    /// Takes entries into a transparency log.
    Log,
    /// Issues timestamps.
    TimestampAuthority,
    /// Keeps images and what is attached to them.
    Registry,
    /// Holds keys and signs with them.
    KeyService,
    /// Gives out trust roots.
    TrustRepository,
    /// Issues serving certificates.
    AcmeServer,
    /// Cosigns the checkpoints of a log.
    Witness,
    /// Is told what a monitor found.
    Webhook,
    /// Collects traces.
    TraceCollector,
    /// Kubernetes' API server.
    ApiServer,
    /// Holds the objects of a log.
    ObjectStore,
}

struct Codes {
    url: Code,
    unreachable: Code,
    unavailable: Code,
    refused: Code,
    malformed: Code,
}

macro_rules! codes {
    ($prefix:literal, $refused:literal) => {
        Codes {
            url: Code::usage(concat!($prefix, "-url"), "give an https URL; http is for loopback only"),
            unreachable: Code::undecided(
                concat!($prefix, "-unreachable"),
                "check the URL, the network and the proxy, then run it again",
            ),
            unavailable: Code::undecided(
                concat!($prefix, "-unavailable"),
                "the service is overloaded or broken: wait, or ask its operator, then run it again",
            ),
            refused: Code::refused(concat!($prefix, "-refused"), $refused),
            malformed: Code::undecided(
                concat!($prefix, "-malformed"),
                "the URL may point at another service, or a proxy answered: fetch it by hand to see",
            ),
        }
    };
}

static IDENTITY_PROVIDER: Codes =
    codes!("identity-provider", "check that this job may ask for a token, and for this audience");
static CERTIFICATE_AUTHORITY: Codes = codes!(
    "ca",
    "run `sealmark whoami`: it says what is wrong with the token; then see whether the CA trusts its issuer"
);
static LOG: Codes = codes!("log", "read its answer: an entry is refused when its key, digest or signature do not fit");
static TIMESTAMP_AUTHORITY: Codes =
    codes!("tsa", "read its answer: the URL must be the whole path of the RFC 3161 endpoint");

static REGISTRY: Codes =
    codes!("registry", "read its answer: it says what is wrong with what was written, or who may write");

static KEY_SERVICE: Codes =
    codes!("kms", "read its answer: check the key's name, its kind, and whether these credentials may sign with it");
static ACME_SERVER: Codes = codes!("acme-server", "read its answer");
static TRACE_COLLECTOR: Codes = codes!("trace-collector", "read its answer");
static API_SERVER: Codes = codes!("api-server", "read its answer: the gate's service account may need a role");

static WITNESS: Codes =
    codes!("witness", "read its answer: it must know the log by its name and key, and have seen no other tree of it");
static WEBHOOK: Codes = codes!("webhook", "read its answer; what was found is printed, and kept as evidence");

static OBJECT_STORE: Codes =
    codes!("object-store", "read its answer: these credentials may lack a right on the bucket");

static TRUST_REPOSITORY: Codes =
    codes!("trust", "read its answer: the URL must be the folder that timestamp.json is in");

impl Service {
    fn codes(self) -> &'static Codes {
        match self {
            Self::IdentityProvider => &IDENTITY_PROVIDER,
            Self::CertificateAuthority => &CERTIFICATE_AUTHORITY,
            Self::Log => &LOG,
            Self::TimestampAuthority => &TIMESTAMP_AUTHORITY,
            Self::Registry => &REGISTRY,
            Self::KeyService => &KEY_SERVICE,
            Self::TrustRepository => &TRUST_REPOSITORY,
            Self::AcmeServer => &ACME_SERVER,
            Self::Witness => &WITNESS,
            Self::Webhook => &WEBHOOK,
            Self::TraceCollector => &TRACE_COLLECTOR,
            Self::ApiServer => &API_SERVER,
            Self::ObjectStore => &OBJECT_STORE,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IdentityProvider => "identity provider",
            Self::CertificateAuthority => "certificate authority",
            Self::Log => "transparency log",
            Self::TimestampAuthority => "timestamp authority",
            Self::Registry => "registry",
            Self::KeyService => "key service",
            Self::TrustRepository => "trust repository",
            Self::AcmeServer => "ACME server",
            Self::Witness => "witness",
            Self::Webhook => "webhook",
            Self::TraceCollector => "trace collector",
            Self::ApiServer => "API server",
            Self::ObjectStore => "object store",
        })
    }
}

/// A call of a service that gave no usable answer. URLs are without query and user information,
/// answers are cut short, escaped and without the secrets that were sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// A URL that is not used.
    #[error("{service} URL {url:?}: {problem}")]
    Url {
        /// The service.
        service: Service,
        /// The URL, or what stands for one.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The client could not be set up: extra roots or proxies that do not parse.
    #[error("HTTP client: {0}")]
    Setup(String),
    /// No answer, or one that broke off.
    #[error("{service} {url} cannot be reached ({attempts} tried): {cause}")]
    Unreachable {
        /// The service.
        service: Service,
        /// Its URL.
        url: String,
        /// Attempts made.
        attempts: u32,
        /// What happened on the way.
        cause: String,
    },
    /// The service answered that it cannot serve now (408, 429, 5xx), to every attempt.
    #[error("{service} {url} answered {status} ({attempts} tried{}): {answer}", pause(*.asks))]
    Unavailable {
        /// The service.
        service: Service,
        /// Its URL.
        url: String,
        /// The last status.
        status: u16,
        /// Attempts made.
        attempts: u32,
        /// How long it asks to wait.
        asks: Option<Duration>,
        /// What it answered.
        answer: String,
    },
    /// The service said no.
    #[error("{service} {url} answered {status}: {answer}")]
    Refused {
        /// The service.
        service: Service,
        /// Its URL.
        url: String,
        /// The status.
        status: u16,
        /// What it answered.
        answer: String,
    },
    /// The host's addresses are none that may be called ([`Reach`](super::Reach)).
    #[error("{service} {url} is not called: {cause}")]
    OutOfReach {
        /// The service.
        service: Service,
        /// Its URL.
        url: String,
        /// Which.
        cause: String,
    },
    /// The other side's certificate is not trusted, or not for this host, or its TLS is too old.
    #[error("{service} {url}: TLS: {cause}")]
    Tls {
        /// The service.
        service: Service,
        /// Its URL.
        url: String,
        /// What is wrong.
        cause: String,
        /// Whether a root was given, beside the public ones.
        with_root: bool,
    },
    /// An answer that is longer than the call's bound.
    #[error("{service} {url} answered more than {limit} bytes")]
    TooLong {
        /// The service.
        service: Service,
        /// Its URL.
        url: String,
        /// The bound.
        limit: usize,
    },
    /// An answer that is not what the service's protocol has.
    #[error("{service} {url} answered something else than its protocol: {problem}")]
    Malformed {
        /// The service.
        service: Service,
        /// Its URL.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
}

fn pause(asks: Option<Duration>) -> String {
    asks.map_or_else(String::new, |asks| format!(", and asks to wait {} s", asks.as_secs()))
}

impl HttpError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Url { service, .. } => service.codes().url,
            Self::Setup(_) => {
                Code::usage("http-setup", "check the proxy variables and the file of extra CA certificates")
            }
            Self::Unreachable { service, .. } => service.codes().unreachable,
            Self::Unavailable { service, .. } => service.codes().unavailable,
            Self::Refused { service, .. } => service.codes().refused,
            Self::OutOfReach { .. } => Code::refused(
                "address-forbidden",
                "nothing was sent; a host with a private address has to be named where the caller's settings have those",
            ),
            Self::Tls { service: Service::CertificateAuthority, with_root: true, .. } => Code::undecided(
                "ca-tls-root",
                "give the root of the authority's TLS certificate: the one that was given did not issue it, or it is for another host",
            ),
            Self::Tls { service: Service::CertificateAuthority, .. } => Code::undecided(
                "ca-tls",
                "give the root of its TLS certificate: --authority-tls-root FILE; else VAULT_CACERT, or a step-ca's STEP_FINGERPRINT",
            ),
            Self::Tls { .. } => Code::undecided(
                "net-tls",
                "compare the host's certificate with what it should be; a private CA's is given as a file of PEM",
            ),
            Self::Malformed { service, .. } | Self::TooLong { service, .. } => service.codes().malformed,
        }
    }
}
