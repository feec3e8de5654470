//! The issuer over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::{AUDIENCE, IssueError, Issuer, TokenRequest};
use crate::base::encoding::base64;
use crate::base::encoding::json::{Json, canonical};
use crate::base::limits;
use crate::serve::{Status, body};
use crate::stack::clock::Clock;
use crate::stack::config::IssuerKind;

/// What the handlers share.
#[derive(Debug, Clone)]
struct Shared {
    issuer: Arc<Issuer>,
    clock: Clock,
}

/// The issuers' routes.
pub fn routes(issuer: Arc<Issuer>, clock: Clock) -> Router {
    let mut router = Router::new().route("/jwks", get(keys)).route("/github/request", get(github_request));
    for kind in IssuerKind::ALL {
        let path = kind.path();
        router = router
            .route(
                &format!("{path}/.well-known/openid-configuration"),
                get(async move |State(shared): State<Shared>| json(&shared.issuer.discovery(kind))),
            )
            .route(&format!("{path}/authorize"), get(authorize))
            .route(
                &format!("{path}/token"),
                post(async move |State(shared): State<Shared>, headers: HeaderMap, body: Body| {
                    token(&shared, kind, &headers, body).await.unwrap_or_else(OAuthError::into_response)
                }),
            );
    }
    router.with_state(Shared { issuer, clock })
}

fn json(json: &Json<'_>) -> Response {
    body::json(canonical(json).unwrap_or_default())
}

async fn keys(State(shared): State<Shared>) -> Response {
    body::json(shared.issuer.key_set_json())
}

/// Clients want this endpoint to exist; there is nobody here to log in.
async fn authorize() -> Status {
    Status::invalid("this issuer has no login page: ask its token endpoint with client credentials")
}

/// An error of the token endpoint, RFC 6749 section 5.2.
struct OAuthError(&'static str, Status);

impl OAuthError {
    fn into_response(self) -> Response {
        let Self(code, status) = self;
        let text = |text: &str| Json::String(text.to_owned().into());
        let mut response = json(&Json::Object(vec![
            ("error".into(), text(code)),
            ("error_description".into(), text(status.message())),
        ]));
        *response.status_mut() = status.into_response().status();
        response
    }
}

impl From<IssueError> for OAuthError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Signing(_) => Self("server_error", Status::internal("the token could not be signed")),
            other => Self("invalid_request", Status::invalid(other.to_string())),
        }
    }
}

/// `grant_type=client_credentials`, the client's id and secret in the form or as Basic, and parameters of
/// the kind.
async fn token(shared: &Shared, kind: IssuerKind, headers: &HeaderMap, form: Body) -> Result<Response, OAuthError> {
    let invalid = |text: &str| OAuthError("invalid_request", Status::invalid(text));
    let form =
        body::read(form, limits::TOKEN_REQUEST_BYTES).await.map_err(|status| OAuthError("invalid_request", status))?;
    let form = std::str::from_utf8(&form).ok().and_then(parse_form).ok_or_else(|| invalid("the body is not a form"))?;
    let (mut id, mut secret) = basic(headers).unwrap_or_default();
    let mut request = TokenRequest::new(kind);
    let mut grant = None;
    for (name, value) in form {
        match name.as_str() {
            "grant_type" => grant = Some(value),
            "client_id" => id = value,
            "client_secret" => secret = value,
            // Dex and Keycloak ask for a scope; it adds nothing here.
            "scope" => {}
            "audience" if value == AUDIENCE => {}
            "audience" => return Err(invalid("the audience of every token here is sigstore")),
            other => request = request.with(other, &value)?,
        }
    }
    if !shared.issuer.knows(&id, &secret) {
        return Err(OAuthError("invalid_client", Status::unauthenticated("the client's id or secret is wrong")));
    }
    if grant.as_deref() != Some("client_credentials") {
        return Err(OAuthError("unsupported_grant_type", Status::invalid("grant_type must be client_credentials")));
    }
    let token = shared.issuer.issue(&request, shared.clock.now())?;
    let text = |text: &str| Json::String(text.to_owned().into());
    Ok(json(&Json::Object(vec![
        ("access_token".into(), text(&token)),
        ("id_token".into(), text(&token)),
        ("token_type".into(), text("Bearer")),
        ("expires_in".into(), Json::Integer(super::LIFETIME.into())),
    ])))
}

/// What `ACTIONS_ID_TOKEN_REQUEST_URL` answers, with the client's secret as the request token.
async fn github_request(State(shared): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    if !bearer.is_some_and(|secret| shared.issuer.knows(super::CLIENT_ID, secret)) {
        return Status::unauthenticated("the request token is wrong").into_response();
    }
    let mut request = TokenRequest::new(IssuerKind::GithubWorkflow);
    for (name, value) in parse_form(&query.unwrap_or_default()).unwrap_or_default() {
        request = match name.as_str() {
            "audience" if value == AUDIENCE => request,
            "audience" => return Status::invalid("the audience of every token here is sigstore").into_response(),
            "api-version" => request,
            other => match request.with(other, &value) {
                Ok(request) => request,
                Err(error) => return Status::invalid(error.to_string()).into_response(),
            },
        };
    }
    match shared.issuer.issue(&request, shared.clock.now()) {
        Ok(token) => json(&Json::Object(vec![("value".into(), Json::String(token.into()))])),
        Err(error) => OAuthError::from(error).1.into_response(),
    }
}

/// The id and secret of a Basic authorization, each form-encoded (RFC 6749 section 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = value.split_once(' ')?;
    let text = String::from_utf8(base64::decode(value)?).ok()?;
    let (id, secret) = text.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    Some((percent_decode(id)?, percent_decode(secret)?))
}

/// `application/x-www-form-urlencoded`; `None` when a name comes twice or an escape is broken.
fn parse_form(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decode(name)?, percent_decode(value)?);
        if pairs.len() == 64 || pairs.iter().any(|(other, _)| *other == name) {
            return None;
        }
        pairs.push((name, value));
    }
    Some(pairs)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parse_form("a=1&b=x%2Fy+z&c"), Some(vec![pair("a", "1"), pair("b", "x/y z"), pair("c", "")]));
        for bad in ["a=1&a=2", "a=%", "a=%2", "a=%zz", "a=%+1", "a=%ff"] {
            assert_eq!(parse_form(bad), None, "{bad}");
        }
        assert_eq!(parse_form(&"a&".repeat(2)), None);
    }
}
