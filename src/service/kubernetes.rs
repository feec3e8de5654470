//! Kubernetes' API server, spoken to by a pod's own service account.
//! <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use thiserror::Error;
use zeroize::Zeroizing;

use super::environment::Environment;
use super::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Service, Settings, excerpt};
use crate::base::code::Code;
use crate::base::limits;
use crate::base::time::UnixTime;

/// Why the API server could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ApiServerError {
    /// A file of the service account.
    #[error("{path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// The way there.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl ApiServerError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::undecided("pod-account-unreadable", "see whether the pod mounts its account"),
            Self::Http(error) => error.code(),
        }
    }
}

/// An API server, and the account by which it is spoken to.
#[derive(Debug)]
pub struct ApiServer {
    endpoint: Endpoint,
    folder: PathBuf,
    environment: Arc<dyn Environment>,
    settings: Settings,
    /// The client, with the authorities that it trusts: the kubelet replaces their file.
    client: Mutex<Option<(Vec<u8>, HttpClient)>>,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiCall<'a> {
    pub(crate) method: &'a Method,
    /// Below the server's address.
    pub(crate) path: &'a str,
    /// The body and its type.
    pub(crate) body: Option<(&'static str, &'a str)>,
    pub(crate) repeat: Repeat,
}

/// What it answered.
#[derive(Debug, Clone)]
pub(crate) struct ApiAnswer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) date: Option<UnixTime>,
    /// Of an error the server's words, without the account's token.
    pub(crate) words: String,
}

impl ApiServer {
    /// The one of the cluster that this process runs in, by the account that is mounted at `folder`; `None` outside, or
    /// where none is mounted.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`] when the environment's address is none.
    pub fn of_cluster(
        environment: Arc<dyn Environment>,
        folder: &Path,
        settings: Settings,
    ) -> Result<Option<Self>, HttpError> {
        let Some(host) = environment.var("KUBERNETES_SERVICE_HOST") else { return Ok(None) };
        if !environment.exists(&folder.join("token")) {
            return Ok(None);
        }
        let port = environment.var("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let endpoint = Endpoint::parse(Service::ApiServer, &format!("https://{host}:{port}/"))?;
        Ok(Some(Self { endpoint, folder: folder.to_owned(), environment, settings, client: Mutex::new(None) }))
    }

    #[cfg(test)]
    pub(crate) fn at(endpoint: Endpoint, folder: &Path, settings: Settings) -> Self {
        let environment = Arc::new(super::environment::SystemEnvironment);
        Self { endpoint, folder: folder.to_owned(), environment, settings, client: Mutex::new(None) }
    }

    /// Its address, for people.
    pub fn address(&self) -> String {
        self.endpoint.to_string()
    }

    /// How long it is waited for, and how often it is asked.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The namespace of the pod.
    ///
    /// # Errors
    ///
    /// [`ApiServerError::File`].
    pub fn namespace(&self) -> Result<String, ApiServerError> {
        let path = self.folder.join("namespace");
        let text = String::from_utf8_lossy(&self.read("namespace")?).trim().to_owned();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > 63 || !text.bytes().all(plain) {
            return Err(ApiServerError::File { path, kind: std::io::ErrorKind::InvalidData });
        }
        Ok(text)
    }

    /// Asks; an answer of any status is one.
    pub(crate) async fn call(&self, call: &ApiCall<'_>) -> Result<ApiAnswer, ApiServerError> {
        let client = self.client()?;
        // The kubelet replaces tokens before they expire.
        let token = Zeroizing::new(self.read("token")?);
        let token = Zeroizing::new(String::from_utf8_lossy(&token).trim().to_owned());
        let mut headers = HeaderMap::new();
        if let Some((media_type, _)) = call.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        let unsendable =
            || ApiServerError::File { path: self.folder.join("token"), kind: std::io::ErrorKind::InvalidData };
        let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
        let mut field = HeaderValue::from_str(&bearer).map_err(|_| unsendable())?;
        field.set_sensitive(true);
        headers.insert(AUTHORIZATION, field);
        let secrets = [token.as_str()];
        let exchange = Exchange {
            service: Service::ApiServer,
            method: call.method,
            endpoint: &self.endpoint.below(call.path),
            headers: &headers,
            body: call.body.map(|(_, body)| body.as_bytes()),
            limit: limits::RESPONSE_BYTES,
            repeat: call.repeat,
            secrets: &secrets,
        };
        let answer = client.exchange(&exchange).await?;
        let words = if answer.status < 400 { String::new() } else { excerpt(&answer.body, &secrets) };
        Ok(ApiAnswer { status: answer.status, date: answer.date(), words, body: answer.body })
    }

    fn client(&self) -> Result<HttpClient, ApiServerError> {
        let authorities = self.read("ca.crt")?;
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, client)) = &*kept
            && *known == authorities
        {
            return Ok(client.clone());
        }
        let extra_roots = Some(String::from_utf8_lossy(&authorities).into_owned());
        let client = HttpClient::new(Settings { extra_roots, ..self.settings.clone() });
        *kept = Some((authorities, client.clone()));
        Ok(client)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, ApiServerError> {
        let path = self.folder.join(name);
        let read = self.environment.read(&path, limits::PEM_BYTES);
        read.map_err(|error| ApiServerError::File { path, kind: error.kind() })
    }
}
