//! An identity that a SPIFFE agent gives, key and all.

use std::sync::Arc;

use super::keyless::Issued;
use super::{CredentialError, CredentialSource, SigningCredential};
use crate::format::spiffe::SpiffeId;
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::spiffe::WorkloadApi;
use crate::verify::Verifier;

/// Signs with the X.509-SVID that the agent beside this process has for it, a new one for each session: the agent
/// replaces it long before it ends. The verifier's trusted root must say that SVIDs of its trust domain may sign
/// ([`LeafProfile::X509Svid`](crate::format::trust::LeafProfile::X509Svid)).
#[derive(Debug)]
pub struct WorkloadSvid {
    agent: WorkloadApi,
    wanted: Option<SpiffeId>,
    verifier: Arc<Verifier>,
    environment: Arc<dyn Environment>,
}

impl WorkloadSvid {
    /// Asks `agent` for a credential, which `verifier` must find good.
    pub fn new(agent: WorkloadApi, verifier: Arc<Verifier>, environment: Arc<dyn Environment>) -> Self {
        Self { agent, wanted: None, verifier, environment }
    }

    /// For a process that has several identities; without it the first one signs.
    #[must_use]
    pub fn with_id(self, id: SpiffeId) -> Self {
        Self { wanted: Some(id), ..self }
    }

    async fn fetch(&self) -> Result<SigningCredential, CredentialError> {
        let svid = self.agent.x509_svid(self.wanted.as_ref()).await?;
        let issued = Issued { chain: &svid.chain, authority: self.agent.address() };
        issued.check_path(&self.verifier, &*self.environment)?;
        SigningCredential::new(Arc::new(svid.key), svid.chain.leaf)
    }
}

impl CredentialSource for WorkloadSvid {
    fn needs_proven_time(&self) -> bool {
        true
    }

    fn acquire(&self) -> BoxFuture<'_, Result<SigningCredential, CredentialError>> {
        Box::pin(self.fetch())
    }
}
