//! What a cluster's words mean, and what to do about them.

use thiserror::Error;

use crate::base::code::Code;
use crate::service::kubernetes::ApiAnswer;

/// A cluster in which nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertManagerError {
    /// The API server does not know the account.
    #[error("the API server {url} does not take the pod's token: {answer}")]
    Account {
        /// The server.
        url: String,
        /// Its words.
        answer: String,
    },
    /// The account may not do it.
    #[error("the API server {url} forbids it: {answer}")]
    Forbidden {
        /// The server.
        url: String,
        /// Its words.
        answer: String,
    },
    /// Nothing there knows CertificateRequests.
    #[error("the API server {url} knows no certificate requests: {answer}")]
    Absent {
        /// The server.
        url: String,
        /// Its words.
        answer: String,
    },
    /// Another no: of an admission webhook, for example.
    #[error("the API server {url} answered {status}: {answer}")]
    Refused {
        /// The server.
        url: String,
        /// The status.
        status: u16,
        /// Its words.
        answer: String,
    },
    /// Nobody approved it in time.
    #[error("{request}: nobody has approved it")]
    Unapproved {
        /// The request.
        request: String,
    },
    /// Approved, and not signed in time.
    #[error("{request} waits: {words}")]
    Pending {
        /// The request.
        request: String,
        /// Why.
        words: String,
    },
    /// An approver said no.
    #[error("{request} was denied: {words}")]
    Denied {
        /// The request.
        request: String,
        /// Why.
        words: String,
    },
    /// The issuer cannot sign such a request.
    #[error("{request} is invalid: {words}")]
    Invalid {
        /// The request.
        request: String,
        /// Why.
        words: String,
    },
    /// The issuer tried, once.
    #[error("{request} failed: {words}")]
    Failed {
        /// The request.
        request: String,
        /// Why.
        words: String,
    },
    /// Somebody deleted it.
    #[error("{request} was deleted before it was answered")]
    Gone {
        /// The request.
        request: String,
    },
    /// The system has none to give.
    #[error("there is no randomness for a name")]
    Randomness,
}

pub(super) const FORBIDDEN: Code = Code::refused(
    "cert-manager-forbidden",
    "give the pod's account a role in its namespace: create, get, delete on certificaterequests.cert-manager.io",
);
pub(super) const ABSENT: Code = Code::refused(
    "cert-manager-absent",
    "install cert-manager in this cluster: `kubectl get crd certificaterequests.cert-manager.io` shows it",
);

impl CertManagerError {
    /// What an answer that is an error means.
    pub(super) fn of(url: &str, answer: &ApiAnswer) -> Self {
        let (url, words, status) = (url.to_owned(), answer.words.clone(), answer.status);
        let by_webhook = words.contains("admission webhook");
        let unknown = ["could not find the requested resource", "404 page not found"];
        match status {
            401 => Self::Account { url, answer: words },
            403 if !by_webhook => Self::Forbidden { url, answer: words },
            404 if unknown.iter().any(|unknown| words.contains(unknown)) => Self::Absent { url, answer: words },
            _ => Self::Refused { url, status, answer: words },
        }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Account { .. } => Code::refused(
                "cert-manager-account",
                "see whether the pod's token is of this cluster and not too old: the kubelet renews it",
            ),
            Self::Forbidden { .. } => FORBIDDEN,
            Self::Absent { .. } => ABSENT,
            Self::Refused { .. } => {
                Code::refused("cert-manager-refused", "read its answer: an admission webhook may have refused it")
            }
            Self::Unapproved { .. } => Code::undecided(
                "cert-manager-unapproved",
                "approve such requests: an approver-policy, or `cmctl approve`; wait longer with --retry-budget",
            ),
            Self::Pending { .. } => Code::undecided(
                "cert-manager-pending",
                "see the issuer: `kubectl describe issuer` (or clusterissuer); wait longer with --retry-budget",
            ),
            Self::Denied { .. } => Code::refused(
                "cert-manager-denied",
                "read the approver's reason: a policy of the cluster does not let this account have that name",
            ),
            Self::Invalid { .. } => Code::refused(
                "cert-manager-invalid",
                "read the issuer's reason: it cannot sign such a request; name another issuer",
            ),
            Self::Failed { .. } => Code::refused(
                "cert-manager-failed",
                "read the issuer's reason: of a Vault behind it the role, of an ACME issuer that it does not sign code",
            ),
            Self::Gone { .. } => {
                Code::undecided("cert-manager-gone", "run it again; see what deletes certificate requests there")
            }
            Self::Randomness => Code::undecided("cert-manager-randomness", "check the system's random generator"),
        }
    }
}
