//! A webhook that is told things in JSON. Its URL is a secret with most services, and is shown nowhere but for its
//! host.

use thiserror::Error;

use super::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Service};
use crate::base::code::Code;
use crate::base::limits;

/// Where to tell.
#[derive(Debug, Clone)]
pub struct Webhook {
    endpoint: Endpoint,
    http: HttpClient,
}

/// What was to be told was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the webhook at {host} was not told: {problem}")]
pub struct WebhookError {
    host: String,
    problem: String,
    code: Code,
}

impl WebhookError {
    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl Webhook {
    /// The webhook at a URL.
    ///
    /// # Errors
    ///
    /// [`WebhookError`], which does not show the URL.
    pub fn new(url: &str, http: HttpClient) -> Result<Self, WebhookError> {
        let wrong = |error: HttpError| {
            let problem = match &error {
                HttpError::Url { problem, .. } => (*problem).to_owned(),
                _ => "it is not used".to_owned(),
            };
            WebhookError { host: "(the URL that was given)".to_owned(), problem, code: error.code() }
        };
        Ok(Self { endpoint: Endpoint::parse(Service::Webhook, url).map_err(wrong)?, http })
    }

    /// Posts a JSON document, again when it meets an outage, within the client's budget.
    ///
    /// # Errors
    ///
    /// [`WebhookError`].
    pub async fn post(&self, json: &str) -> Result<(), WebhookError> {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert(reqwest::header::CONTENT_TYPE, reqwest::header::HeaderValue::from_static("application/json"));
        let call = Exchange {
            service: Service::Webhook,
            method: &Method::POST,
            endpoint: &self.endpoint,
            headers: &headers,
            body: Some(json.as_bytes()),
            limit: limits::ERROR_RESPONSE_BYTES,
            repeat: Repeat::Allowed,
            secrets: &[],
        };
        let failed = |problem: String, code| WebhookError { host: self.endpoint.host().to_owned(), problem, code };
        match self.http.exchange(&call).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => {
                let refused = HttpError::Refused {
                    service: Service::Webhook,
                    url: String::new(),
                    status: answer.status,
                    answer: String::new(),
                };
                Err(failed(format!("it answered {}", answer.status), refused.code()))
            }
            Err(error) => Err(failed(error.code().name().to_owned(), error.code())),
        }
    }
}
