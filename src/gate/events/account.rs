//! The gate's service account, and the API server that it speaks to.
//! <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>

use std::path::{Path, PathBuf};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use thiserror::Error;
use zeroize::Zeroizing;

use std::time::Duration;

use crate::base::code::Code;
use crate::base::limits;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Service, Settings};

/// Why an event cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// A file of the service account.
    #[error("{path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// The API server cannot be reached.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It does not take events of this account.
    #[error("the API server answered {status} to an event")]
    Refused {
        /// The status.
        status: u16,
    },
}

impl EventsError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::undecided("events-account", "see whether the pod mounts its service account"),
            Self::Http(error) => error.code(),
            Self::Refused { .. } => {
                Code::undecided("events-refused", "give the gate's service account the role that the manifests have")
            }
        }
    }
}

/// An API server, and the account by which it is spoken to.
#[derive(Debug)]
pub struct ApiServer {
    endpoint: Endpoint,
    folder: PathBuf,
    /// The client, with the authorities that it trusts.
    client: Option<(Vec<u8>, HttpClient)>,
}

impl ApiServer {
    /// The one of the cluster that this process runs in; `None` outside, or where no account is mounted at `folder`.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`] when the environment's address is none.
    pub fn of_cluster(environment: &dyn Environment, folder: &Path) -> Result<Option<Self>, HttpError> {
        let Some(host) = environment.var("KUBERNETES_SERVICE_HOST") else { return Ok(None) };
        if !environment.exists(&folder.join("token")) {
            return Ok(None);
        }
        let port = environment.var("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let endpoint = Endpoint::parse(Service::ApiServer, &format!("https://{host}:{port}/"))?;
        Ok(Some(Self { endpoint, folder: folder.to_owned(), client: None }))
    }

    #[cfg(test)]
    pub(super) fn at(endpoint: Endpoint, folder: &Path) -> Self {
        Self { endpoint, folder: folder.to_owned(), client: None }
    }

    /// Its address, for people.
    pub fn address(&self) -> String {
        self.endpoint.to_string()
    }

    /// Writes; gives the status of what is there now, or 404.
    pub(super) async fn write(
        &mut self,
        environment: &dyn Environment,
        method: &Method,
        path: &str,
        media_type: &'static str,
        body: &str,
    ) -> Result<u16, EventsError> {
        let client = self.client(environment)?;
        // The kubelet replaces tokens before they expire.
        let token = Zeroizing::new(read(environment, &self.folder.join("token"))?);
        let token = Zeroizing::new(String::from_utf8_lossy(&token).trim().to_owned());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        let unsendable =
            || EventsError::File { path: self.folder.join("token"), kind: std::io::ErrorKind::InvalidData };
        let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
        let mut field = HeaderValue::from_str(&bearer).map_err(|_| unsendable())?;
        field.set_sensitive(true);
        headers.insert(AUTHORIZATION, field);
        let call = Exchange {
            service: Service::ApiServer,
            method,
            endpoint: &self.endpoint.below(path),
            headers: &headers,
            body: Some(body.as_bytes()),
            limit: limits::RESPONSE_BYTES,
            repeat: Repeat::Never,
            secrets: &[token.as_str()],
        };
        match client.exchange(&call).await?.status {
            status @ (200..300 | 404 | 409) => Ok(status),
            status => Err(EventsError::Refused { status }),
        }
    }

    fn client(&mut self, environment: &dyn Environment) -> Result<HttpClient, EventsError> {
        let authorities = read(environment, &self.folder.join("ca.crt"))?;
        if let Some((known, client)) = &self.client
            && *known == authorities
        {
            return Ok(client.clone());
        }
        let limit = Duration::from_secs(5);
        let extra_roots = Some(String::from_utf8_lossy(&authorities).into_owned());
        let settings = Settings {
            connect_timeout: limit,
            attempt_timeout: limit,
            budget: limit,
            extra_roots,
            ..Settings::default()
        };
        let client = HttpClient::new(settings);
        self.client = Some((authorities, client.clone()));
        Ok(client)
    }
}

fn read(environment: &dyn Environment, path: &Path) -> Result<Vec<u8>, EventsError> {
    let read = environment.read(path, limits::PEM_BYTES);
    read.map_err(|error| EventsError::File { path: path.to_owned(), kind: error.kind() })
}
