//! Why an agent gave nothing.

use thiserror::Error;
use tonic::{Code as GrpcCode, Status};

use crate::base::code::Code;
use crate::service::http::excerpt;

/// Why there is no SVID.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpiffeError {
    /// Not the address of an agent.
    #[error("{found:?} is no address of a SPIFFE agent: unix:///PATH or tcp://IP:PORT")]
    Address {
        /// What was given.
        found: String,
    },
    /// Nobody there, or no answer in time.
    #[error("the SPIFFE agent at {agent} does not answer: {problem}")]
    Unreachable {
        /// Where it should be.
        agent: String,
        /// Why.
        problem: String,
    },
    /// The agent knows this process as no workload.
    #[error("the SPIFFE agent at {agent} has no identity for this process: {answer}")]
    NotRegistered {
        /// The agent.
        agent: String,
        /// Its words.
        answer: String,
    },
    /// Another no.
    #[error("the SPIFFE agent at {agent} refuses: {answer}")]
    Refused {
        /// The agent.
        agent: String,
        /// Its words.
        answer: String,
    },
    /// Identities, and not the one that is wanted.
    #[error("the SPIFFE agent does not have {wanted}; it has: {given}")]
    NoSuchId {
        /// The ID of a workload or a trust domain.
        wanted: String,
        /// What it gives.
        given: String,
    },
    /// An answer that cannot be used.
    #[error("the SPIFFE agent at {agent} gave an answer that cannot be used: {problem}")]
    Malformed {
        /// The agent.
        agent: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl SpiffeError {
    /// By gRPC status, as SPIRE's agents use them.
    pub(super) fn of(agent: &str, status: &Status) -> Self {
        let (agent, answer) = (agent.to_owned(), excerpt(status.message().as_bytes(), &[]));
        match status.code() {
            GrpcCode::PermissionDenied => Self::NotRegistered { agent, answer },
            GrpcCode::Unavailable | GrpcCode::DeadlineExceeded | GrpcCode::Cancelled => {
                Self::Unreachable { agent, problem: answer }
            }
            GrpcCode::OutOfRange => Self::Malformed { agent, problem: "it is too long" },
            GrpcCode::Internal => Self::Malformed { agent, problem: "it is not of the Workload API" },
            GrpcCode::Unimplemented => Self::Malformed { agent, problem: "it has no Workload API" },
            _ => Self::Refused { agent, answer },
        }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Address { .. } => Code::usage(
                "spiffe-address",
                "set SPIFFE_ENDPOINT_SOCKET as the agent's admin says: unix:///run/spire/agent/api.sock",
            ),
            Self::Unreachable { .. } => Code::undecided(
                "spiffe-unreachable",
                "see that the agent runs and its socket is mounted here (in Kubernetes by the CSI driver csi.spiffe.io)",
            ),
            Self::NotRegistered { .. } => Code::refused(
                "spiffe-not-registered",
                "register this process: `spire-server entry create -parentID AGENT -spiffeID ID -selector unix:uid:N`, or k8s:ns:NS and k8s:sa:SA",
            ),
            Self::Refused { .. } => Code::refused("spiffe-refused", "read its answer, and the agent's own log"),
            Self::NoSuchId { .. } => Code::usage("spiffe-id", "name one of those that it has, or have it registered"),
            Self::Malformed { .. } => Code::undecided(
                "spiffe-malformed",
                "the socket may be another service's: `spire-agent api fetch` shows what the agent says",
            ),
        }
    }
}

/// The innermost reason: those around it say that a transport failed.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
