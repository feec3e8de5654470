//! The SPIFFE Workload API, as SPIRE's agents serve it to the processes beside them:
//! <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md>. A call is one question and one
//! answer: what comes later on the stream is asked for anew, when the next session begins.

mod error;
mod message;
mod svid;

use std::fmt;
use std::time::Duration;

use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;
use zeroize::Zeroizing;

use super::environment::Environment;
use crate::base::limits;
use crate::format::spiffe::{SpiffeId, TrustDomain};
use crate::format::x509::Certificate;

pub use error::SpiffeError;
pub use svid::X509Svid;

/// The variable that names the agent's socket (SPIFFE Workload Endpoint, section 4).
pub const SOCKET_VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";
/// Attempts while the agent is starting, and the pause before the second; each further pause is twice as long.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// An agent beside this process.
#[derive(Clone)]
pub struct WorkloadApi {
    address: String,
    endpoint: Endpoint,
}

impl WorkloadApi {
    /// The agent at an address: `unix:///PATH` or `tcp://IP:PORT` (SPIFFE Workload Endpoint, section 4).
    ///
    /// # Errors
    ///
    /// [`SpiffeError::Address`].
    pub fn at(address: &str) -> Result<Self, SpiffeError> {
        let bad = || SpiffeError::Address { found: address.to_owned() };
        let target = match address.split_once(':') {
            Some(("unix", rest)) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if !path.starts_with('/') || path.contains(['?', '#', '\0']) {
                    return Err(bad());
                }
                format!("unix://{path}")
            }
            Some(("tcp", rest)) => {
                let socket: std::net::SocketAddr =
                    rest.strip_prefix("//").and_then(|socket| socket.parse().ok()).ok_or_else(bad)?;
                format!("http://{socket}")
            }
            _ => return Err(bad()),
        };
        let endpoint = Endpoint::from_shared(target).map_err(|_| bad())?;
        let limit = Duration::from_secs(limits::WORKLOAD_API_SECS);
        Ok(Self { address: address.to_owned(), endpoint: endpoint.connect_timeout(limit).timeout(limit) })
    }

    /// The agent that the environment names; `None` when it names none.
    ///
    /// # Errors
    ///
    /// [`SpiffeError::Address`].
    pub fn of(environment: &dyn Environment) -> Result<Option<Self>, SpiffeError> {
        environment.var(SOCKET_VARIABLE).map(|address| Self::at(&address)).transpose()
    }

    /// Where it is, for messages.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The first X.509-SVID of this process, or the one with this ID.
    ///
    /// # Errors
    ///
    /// [`SpiffeError`].
    pub async fn x509_svid(&self, wanted: Option<&SpiffeId>) -> Result<X509Svid, SpiffeError> {
        let answer: message::X509SvidResponse = self.ask(message::FETCH_X509_SVID, message::X509SvidRequest {}).await?;
        let mut names = Vec::new();
        for svid in answer.svids.into_iter().take(limits::WORKLOAD_API_SVIDS) {
            if wanted.is_none_or(|wanted| wanted.as_str() == svid.spiffe_id) {
                return X509Svid::read(&self.address, svid);
            }
            names.push(svid.spiffe_id.clone());
        }
        match wanted {
            Some(wanted) if !names.is_empty() => {
                Err(SpiffeError::NoSuchId { wanted: wanted.to_string(), given: names.join(", ") })
            }
            _ => Err(self.malformed("no SVID is in it")),
        }
    }

    /// The identity token of this process for an audience.
    ///
    /// # Errors
    ///
    /// [`SpiffeError`].
    pub async fn jwt_svid(&self, audience: &str) -> Result<Zeroizing<String>, SpiffeError> {
        let question = message::JwtSvidRequest { audience: vec![audience.to_owned()], spiffe_id: String::new() };
        let answer: message::JwtSvidResponse = self.ask(message::FETCH_JWT_SVID, question).await?;
        let svid = answer.svids.into_iter().next().map(|mut svid| Zeroizing::new(std::mem::take(&mut svid.svid)));
        svid.filter(|svid| !svid.is_empty()).ok_or_else(|| self.malformed("no SVID is in it"))
    }

    /// The roots of a trust domain, as they are now.
    ///
    /// # Errors
    ///
    /// [`SpiffeError`].
    pub async fn x509_bundle(&self, domain: &TrustDomain) -> Result<Vec<Certificate>, SpiffeError> {
        let answer: message::X509BundlesResponse =
            self.ask(message::FETCH_X509_BUNDLES, message::X509BundlesRequest {}).await?;
        let id = format!("spiffe://{domain}");
        let bundle = answer.bundles.get(&id).or_else(|| answer.bundles.get(&format!("{id}/")));
        let Some(bundle) = bundle else {
            let given = answer.bundles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(SpiffeError::NoSuchId { wanted: id, given });
        };
        svid::certificates(&self.address, bundle)
    }

    fn malformed(&self, problem: &'static str) -> SpiffeError {
        SpiffeError::Malformed { agent: self.address.clone(), problem }
    }

    /// Asks, again while nobody listens: an agent that starts is there in a moment.
    async fn ask<Q, A>(&self, method: &'static str, question: Q) -> Result<A, SpiffeError>
    where
        Q: prost::Message + Clone + 'static,
        A: prost::Message + Default + 'static,
    {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match self.ask_once(method, question.clone()).await {
                Err(SpiffeError::Unreachable { .. }) if attempt < ATTEMPTS => tokio::time::sleep(pause).await,
                answer => return answer,
            }
            pause *= 2;
        }
        Err(self.malformed("none"))
    }

    async fn ask_once<Q, A>(&self, method: &'static str, question: Q) -> Result<A, SpiffeError>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let failed = |status: &tonic::Status| SpiffeError::of(&self.address, status);
        let limit = Duration::from_secs(limits::WORKLOAD_API_SECS);
        let exchange = async {
            let channel: Channel = self.endpoint.connect().await.map_err(|error| SpiffeError::Unreachable {
                agent: self.address.clone(),
                problem: error::root_cause(&error),
            })?;
            let mut client = Grpc::new(channel).max_decoding_message_size(limits::WORKLOAD_API_BYTES);
            client.ready().await.map_err(|error| SpiffeError::Unreachable {
                agent: self.address.clone(),
                problem: error::root_cause(&error),
            })?;
            let mut request = tonic::Request::new(question);
            // An agent refuses without: a browser that was tricked cannot send it.
            request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
            let path = tonic::codegen::http::uri::PathAndQuery::from_static(method);
            let answer = client.server_streaming(request, path, ProstCodec::<Q, A>::default()).await;
            let mut answers = answer.map_err(|status| failed(&status))?.into_inner();
            let first = answers.message().await.map_err(|status| failed(&status))?;
            first.ok_or_else(|| self.malformed("it is empty"))
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
            Err(SpiffeError::Unreachable { agent: self.address.clone(), problem: "no answer in time".to_owned() })
        })
    }
}

impl fmt::Debug for WorkloadApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkloadApi({})", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in
            ["unix:///run/spire/api.sock", "unix:/run/spire/api.sock", "tcp://127.0.0.1:8000", "tcp://[::1]:8000"]
        {
            assert_eq!(WorkloadApi::at(good).unwrap().address(), good);
        }
        for bad in
            ["", "/run/api.sock", "unix://host", "unix:api.sock", "unix:///a?b", "tcp://localhost:1", "https://a"]
        {
            assert_eq!(WorkloadApi::at(bad).unwrap_err().code().name(), "spiffe-address", "{bad}");
        }
    }
}
