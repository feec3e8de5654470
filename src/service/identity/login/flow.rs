//! The four ways to sign in.

use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreDeviceAuthorizationResponse, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl,
    DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, ErrorResponse, HttpRequest, HttpResponse, IssuerUrl,
    Nonce, NonceVerifier, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl,
    RequestTokenError, Scope, TokenResponse as _,
};
use zeroize::{Zeroize as _, Zeroizing};

use super::redirect::Redirect;
use super::{Login, LoginError, LoginMethod};
use crate::base::limits;
use crate::service::http::{Endpoint, Exchange, HttpClient, HttpError, Repeat, Service, excerpt};
use crate::service::identity::IdToken;

const ORIGIN: &str = "login";
/// The redirect of a browser that shows the code itself.
const SHOWN: &str = "urn:ietf:wg:oauth:2.0:oob";
/// What tokens may be signed with: by keys that the provider publishes, and nothing that its clients know.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What discovery says beyond OpenID Connect: RFC 8628 section 4.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Device {
    device_authorization_endpoint: Option<DeviceAuthorizationUrl>,
}

impl AdditionalProviderMetadata for Device {}

type Metadata = ProviderMetadata<
    Device,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// One call for the library.
async fn send(http: HttpClient, secret: Zeroizing<String>, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let endpoint = Endpoint::parse(Service::IdentityProvider, &request.uri().to_string())?;
    let reads = request.method() == openidconnect::http::Method::GET;
    let response = http
        .exchange(&Exchange {
            service: Service::IdentityProvider,
            method: request.method(),
            endpoint: &endpoint,
            headers: request.headers(),
            body: (!reads).then_some(request.body().as_slice()),
            limit: limits::KEY_SET_BYTES,
            // A code is good for one request.
            repeat: if reads { Repeat::Allowed } else { Repeat::Never },
            secrets: &[&secret],
        })
        .await?;
    let mut answer = HttpResponse::new(response.body);
    *answer.status_mut() = openidconnect::http::StatusCode::from_u16(response.status).unwrap_or_default();
    *answer.headers_mut() = response.headers;
    Ok(answer)
}

impl Login {
    /// The token of whoever signs in.
    pub(super) async fn token(&self) -> Result<IdToken, LoginError> {
        let issuer =
            IssuerUrl::new(self.provider.issuer.clone()).map_err(|_| LoginError::Settings("the issuer is no URL"))?;
        let (http, secret) = (self.http.clone(), self.provider.client_secret.clone().unwrap_or_default());
        let call = move |request| send(http.clone(), secret.clone(), request);
        let metadata = Metadata::discover_async(issuer, &call).await.map_err(|error| self.discovery(error))?;
        let device = metadata.additional_metadata().device_authorization_endpoint.clone();
        let secret = self.provider.client_secret.as_ref().map(|secret| ClientSecret::new(secret.to_string()));
        let client_id = ClientId::new(self.provider.client_id.clone());
        let client: Client = CoreClient::from_provider_metadata(metadata, client_id, secret);
        let unsupported = |what| LoginError::Unsupported { issuer: self.provider.issuer.clone(), what };
        let no_tokens = |_| unsupported("token endpoint");
        match self.method {
            LoginMethod::Browser => {
                let redirect = Redirect::listen().await.map_err(LoginError::Listener)?;
                let begun = self.begin(&client, redirect.url())?;
                let opened = self.person.open(&begun.page);
                let how = if opened { "Sign in in the browser. If it does not open, go to" } else { "Sign in at" };
                self.person.tell(&format!("{how}\n\n    {}\n", begun.page));
                let code = redirect.code(begun.state.secret(), &self.provider.issuer).await?;
                let request = client.exchange_code(AuthorizationCode::new(code.to_string())).map_err(no_tokens)?;
                let request = request.set_pkce_verifier(begun.verifier);
                let request = request.set_redirect_uri(std::borrow::Cow::Owned(begun.redirect));
                let answer = request.request_async(&call).await.map_err(|error| self.request(error))?;
                self.verified(&client, &answer, &begun.nonce)
            }
            LoginMethod::Code => {
                let begun = self.begin(&client, SHOWN.to_owned())?;
                self.person.tell(&format!("Sign in at\n\n    {}\n", begun.page));
                let person = std::sync::Arc::clone(&self.person);
                let asked = tokio::task::spawn_blocking(move || person.ask("The code that the page shows: "));
                let code = asked.await.ok().flatten().filter(|code| !code.trim().is_empty());
                let code = code.ok_or(LoginError::Settings("no code was given"))?;
                let code = AuthorizationCode::new(code.trim().to_owned());
                let request = client.exchange_code(code).map_err(no_tokens)?.set_pkce_verifier(begun.verifier);
                let request = request.set_redirect_uri(std::borrow::Cow::Owned(begun.redirect));
                let answer = request.request_async(&call).await.map_err(|error| self.request(error))?;
                self.verified(&client, &answer, &begun.nonce)
            }
            LoginMethod::Device => {
                let place = device.ok_or_else(|| unsupported("login by another device"))?;
                let client = client.set_device_authorization_url(place);
                let begun = client.exchange_device_code().add_scope(Scope::new("email".to_owned()));
                let details: CoreDeviceAuthorizationResponse =
                    begun.request_async(&call).await.map_err(|error| self.request(error))?;
                self.person.tell(&format!(
                    "On any device, go to\n\n    {}\n\nand confirm the code {}\n",
                    details.verification_uri().as_str(),
                    shown(details.user_code().secret()),
                ));
                let patience = details.expires_in().min(Duration::from_secs(limits::LOGIN_SECS));
                let request = client.exchange_device_access_token(&details).map_err(no_tokens)?;
                let answer = request.request_async(&call, tokio::time::sleep, Some(patience)).await;
                let answer = answer.map_err(|error| match error {
                    RequestTokenError::ServerResponse(error) if error.error().to_string() == "expired_token" => {
                        LoginError::TimedOut { seconds: patience.as_secs() }
                    }
                    error => self.request(error),
                })?;
                // There was no page to give a nonce to.
                self.verified(&client, &answer, |_: Option<&Nonce>| Ok(()))
            }
            LoginMethod::ClientCredentials => {
                if self.provider.client_secret.is_none() {
                    return Err(LoginError::Settings("client credentials need the client's secret"));
                }
                let request = client.exchange_client_credentials().map_err(no_tokens)?;
                let request = request.add_scope(Scope::new("openid".to_owned()));
                let answer = request.request_async(&call).await.map_err(|error| self.request(error))?;
                if answer.id_token().is_some() {
                    return self.verified(&client, &answer, |_: Option<&Nonce>| Ok(()));
                }
                // Who is no person gets an access token, which may be of the same kind.
                self.read(Zeroizing::new(answer.access_token().secret().clone()))
            }
        }
    }

    /// The page where one signs in, and what must come back with its answer.
    fn begin(&self, client: &Client, redirect: String) -> Result<Begun, LoginError> {
        let redirect = RedirectUrl::new(redirect).map_err(|_| LoginError::Settings("the redirect is no URL"))?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (page, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .set_redirect_uri(std::borrow::Cow::Borrowed(&redirect))
            .url();
        Ok(Begun { page: page.to_string(), state, nonce, verifier, redirect })
    }

    /// The identity token, which is the provider's, for this client and this login.
    fn verified<A, D, I, R, T, U>(
        &self,
        client: &CoreClient<A, D, I, R, T, U>,
        answer: &CoreTokenResponse,
        nonce: impl NonceVerifier,
    ) -> Result<IdToken, LoginError>
    where
        A: openidconnect::EndpointState,
        D: openidconnect::EndpointState,
        I: openidconnect::EndpointState,
        R: openidconnect::EndpointState,
        T: openidconnect::EndpointState,
        U: openidconnect::EndpointState,
    {
        let issuer = || self.provider.issuer.clone();
        let none = || LoginError::Token { issuer: issuer(), problem: "there is none in its answer".to_owned() };
        let token = answer.id_token().ok_or_else(none)?;
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        token
            .claims(&verifier, nonce)
            .map_err(|error| LoginError::Token { issuer: issuer(), problem: shown(&error.to_string()) })?;
        self.read(Zeroizing::new(token.to_string()))
    }

    fn read(&self, token: Zeroizing<String>) -> Result<IdToken, LoginError> {
        IdToken::new(token, ORIGIN).map_err(|error| LoginError::NoToken(Box::new(error)))
    }

    fn malformed(&self, problem: &str) -> LoginError {
        LoginError::Malformed { issuer: self.provider.issuer.clone(), problem: shown(problem) }
    }

    fn discovery(&self, error: DiscoveryError<HttpError>) -> LoginError {
        match error {
            DiscoveryError::Request(error) => error.into(),
            DiscoveryError::Response(status, mut body, _) => {
                body.zeroize();
                self.malformed(&format!("its configuration's status is {}", status.as_u16()))
            }
            DiscoveryError::Validation(problem) => self.malformed(&problem),
            _ => self.malformed("its configuration cannot be read"),
        }
    }

    fn request<E: ErrorResponse + std::fmt::Display + 'static>(
        &self,
        error: RequestTokenError<HttpError, E>,
    ) -> LoginError {
        match error {
            RequestTokenError::Request(error) => error.into(),
            RequestTokenError::ServerResponse(error) => {
                LoginError::Refused { issuer: self.provider.issuer.clone(), answer: shown(&error.to_string()) }
            }
            RequestTokenError::Parse(_, mut body) => {
                body.zeroize();
                self.malformed("its answer cannot be read")
            }
            RequestTokenError::Other(problem) => self.malformed(&problem),
        }
    }
}

/// A login that waits for its answer.
struct Begun {
    page: String,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    redirect: RedirectUrl,
}

/// Words of others: escaped, cut short, without tokens.
fn shown(text: &str) -> String {
    excerpt(text.as_bytes(), &[])
}
