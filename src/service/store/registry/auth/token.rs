//! Tokens: <https://distribution.github.io/distribution/spec/auth/token/> and, for identity tokens,
//! <https://distribution.github.io/distribution/spec/auth/oauth/>.

use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::{self, HeaderMap, HeaderValue};

use super::{Authorization, Challenge, Issued};
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::http::{Endpoint, Exchange, HttpError, Method, Repeat, Response, Service, excerpt};
use crate::service::store::StoreError;
use crate::service::store::registry::credentials::{Credential, Secret};
use crate::service::store::registry::transport::{Call, Transport};
use crate::service::store::registry::{RegistryError, answer};

/// What a token lives without a word of its server, in seconds.
const DEFAULT_SECS: u64 = 60;
/// The longest that one is kept, in seconds.
const LONGEST_SECS: u64 = 3600;
/// A token is renewed this long before its end, in seconds.
const EARLY_SECS: u64 = 5;

/// Asks a token server, whose realm was checked, for a token with the scope of `call`.
pub(super) async fn fetch(
    transport: &Transport,
    call: &Call<'_>,
    challenge: &Challenge,
    credential: Option<(Credential, &'static str)>,
) -> Result<Issued, StoreError> {
    let Challenge::Bearer { realm, service } = challenge else {
        return Err(answer::malformed(&call.endpoint, "basic authentication has no tokens"));
    };
    let scopes = call.action.scopes(call.repository);
    let origin = credential.as_ref().map_or("with an anonymous token", |(_, origin)| origin);
    let asked_at = Instant::now();
    let response = match &credential {
        Some((Credential::IdentityToken(token), _)) => {
            let service = service.as_deref().unwrap_or_default();
            let form = form(&[
                ("grant_type", "refresh_token"),
                ("service", service),
                ("client_id", "sealmark"),
                // Space-separated, as OAuth has them (RFC 6749 section 3.3).
                ("scope", &scopes.join(" ")),
                ("refresh_token", token.reveal()),
            ]);
            send(transport, call, realm, Some(&form), None, &[token.reveal()]).await?
        }
        other => {
            let basic = match other {
                Some((Credential::Basic { username, password }, origin)) => {
                    Authorization::basic(username, password, origin)
                }
                _ => None,
            };
            let endpoint = match service {
                Some(service) => realm.with_query("service", service),
                None => realm.clone(),
            };
            let endpoint = scopes.iter().fold(endpoint, |endpoint, scope| endpoint.with_query("scope", scope));
            let secrets = basic.as_ref().map(Authorization::secrets).unwrap_or_default();
            send(transport, call, &endpoint, None, basic.as_ref(), &secrets).await?
        }
    };
    let (token, secs) = read(realm, &response, origin)?;
    let lived = secs.min(LONGEST_SECS).saturating_sub(EARLY_SECS);
    Ok(Issued { authorization: token, until: asked_at + Duration::from_secs(lived) })
}

async fn send(
    transport: &Transport,
    call: &Call<'_>,
    endpoint: &Endpoint,
    form: Option<&str>,
    basic: Option<&Authorization>,
    secrets: &[&str],
) -> Result<Response, StoreError> {
    let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
    headers.extend(basic.map(|basic| (header::AUTHORIZATION, basic.value.clone())));
    if form.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    }
    let exchange = Exchange {
        service: Service::Registry,
        method: if form.is_some() { &Method::POST } else { &Method::GET },
        endpoint,
        headers: &headers,
        body: form.map(str::as_bytes),
        limit: limits::REGISTRY_TOKEN_BYTES,
        repeat: Repeat::Allowed,
        secrets,
    };
    let response = match transport.client(call.repository.registry(), endpoint).exchange(&exchange).await {
        Err(HttpError::TooLong { url, .. }) => {
            return Err(RegistryError::Token { url, problem: "the answer is too long" }.into());
        }
        other => other?,
    };
    let (url, status) = (endpoint.to_string(), response.status);
    match status {
        200 => Ok(response),
        400 | 401 | 403 => {
            let credentials =
                if secrets.is_empty() { "without credentials" } else { "with the registry's credentials" };
            let answer = excerpt(&response.body, secrets);
            Err(RegistryError::Unauthorized { url, status, answer, credentials }.into())
        }
        _ => Err(RegistryError::Unexpected { url, status, answer: excerpt(&response.body, secrets) }.into()),
    }
}

fn read(realm: &Endpoint, response: &Response, origin: &'static str) -> Result<(Authorization, u64), RegistryError> {
    let wrong = |problem| RegistryError::Token { url: realm.to_string(), problem };
    let json = Json::parse(&response.body).map_err(|_| wrong("the answer is not JSON"))?;
    let text = |name| json.member(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let token = text("token").or_else(|| text("access_token")).ok_or_else(|| wrong("the answer holds none"))?;
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("it holds spaces or control characters"));
    }
    let secs = match json.member("expires_in") {
        Some(Json::Integer(secs)) => u64::try_from(*secs).unwrap_or(DEFAULT_SECS),
        _ => DEFAULT_SECS,
    };
    let authorization = Authorization::bearer(Secret::new(token), origin);
    authorization.map(|found| (found, secs)).ok_or_else(|| wrong("it is not text for a header"))
}

/// `application/x-www-form-urlencoded`
fn form(fields: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse("form:") else { return String::new() };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}
