//! Google Cloud: the metadata server of a machine, a pod with workload identity, Cloud Run or Cloud Build; or a
//! service account that is impersonated.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::service::BoxFuture;
use crate::service::http::{Endpoint, HttpError, Service};
use crate::service::identity::ask::{Ask, Asked, CallError, Site, malformed, member_of};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};
use crate::service::identity::{IdToken, IdentityError};

/// Both what is sent, and what the server proves itself by.
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const ACCOUNT: &str = "GOOGLE_SERVICE_ACCOUNT_NAME";
const METADATA: &str = "computeMetadata/v1/instance/service-accounts/default";

pub(super) static PLATFORM: Platform = Platform {
    key: "google",
    name: "Google Cloud",
    search: Search::Automatic,
    marks: &[Mark::Any(&[
        Mark::Set("GCE_METADATA_HOST"),
        Mark::Set("K_SERVICE"),
        Mark::Set("CLOUD_RUN_JOB"),
        Mark::Set(ACCOUNT),
        Mark::Holds("/sys/class/dmi/id/product_name", "Google"),
    ])],
    ask: &[Ask::Own {
        how: "the metadata server, for at most a second; where `GOOGLE_SERVICE_ACCOUNT_NAME` is set, \
              `generateIdToken` of the IAM credentials API",
        find,
    }],
    issuer: "https://accounts.google.com",
    public: &["https://accounts.google.com"],
    claims: "email, email_verified, sub, google.compute_engine",
    san: "the service account's e-mail address",
    fix: Fix {
        say: "give the machine a service account, or let it impersonate one (by roles/iam.serviceAccountOpenIdTokenCreator and the access scope cloud-platform) and name that:",
        lines: "export GOOGLE_SERVICE_ACCOUNT_NAME=signer@PROJECT.iam.gserviceaccount.com",
        language: "sh",
    },
    documentation: "https://cloud.google.com/compute/docs/instances/verifying-instance-identity",
    run: Run { against: "strict fakes of the metadata server and the IAM credentials API", test: "google_is_asked" },
};

fn find<'a>(site: &'a Site, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
    Box::pin(async move {
        let token = match site.environment.var(ACCOUNT) {
            Some(account) => impersonate(site, &account, audience).await,
            None => identity(site, audience).await,
        };
        let fix = || PLATFORM.fix.text(audience);
        let stopped = |problem| IdentityError::Platform { platform: PLATFORM.name, problem, fix: fix() };
        token.map(Some).map_err(|error| match error {
            // Nobody there is what a wrong hint looks like.
            CallError::Other(IdentityError::Http(HttpError::Unreachable { url, cause, .. })) => {
                stopped(format!("{url} does not answer: {cause}"))
            }
            other => other.stopped(stopped),
        })
    })
}

/// A path of the metadata server. It has no TLS: it is a part of the machine.
fn metadata(site: &Site, path: &str) -> Result<Endpoint, CallError> {
    let host = site.environment.var("GCE_METADATA_HOST").unwrap_or_else(|| "metadata.google.internal".to_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    if !host.chars().all(plain) {
        let problem = "it is no host";
        return Err(HttpError::Url { service: Service::IdentityProvider, url: host, problem }.into());
    }
    Ok(Endpoint::at(Service::IdentityProvider, "http", &host, &format!("{METADATA}/{path}"))?)
}

/// What the metadata server answers.
async fn ask(site: &Site, endpoint: &Endpoint) -> Result<Vec<u8>, CallError> {
    let headers = HeaderMap::from_iter([(FLAVOR, HeaderValue::from_static("Google"))]);
    let http = site.metadata_client();
    let asked = Asked { http: &http, endpoint, headers: &headers, body: None, secret: "" };
    let answer = asked.send(false).await?;
    if answer.headers.get(FLAVOR).is_none_or(|flavor| flavor != "Google") {
        let (service, url) = (Service::IdentityProvider, endpoint.to_string());
        return Err(HttpError::Malformed { service, url, problem: "it is no metadata server of Google's" }.into());
    }
    Ok(answer.body)
}

async fn identity(site: &Site, audience: &str) -> Result<IdToken, CallError> {
    // Without the full format the token has no e-mail address.
    let endpoint = metadata(site, "identity")?.with_query("audience", audience).with_query("format", "full");
    IdToken::from_bytes(ask(site, &endpoint).await?, PLATFORM.name).map_err(CallError::Other)
}

/// An access token: that of `gcloud`'s variables, else the machine's.
async fn access(site: &Site) -> Result<Zeroizing<String>, CallError> {
    let given = ["CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"];
    if let Some(token) = given.into_iter().find_map(|variable| site.environment.var(variable)) {
        return Ok(Zeroizing::new(token));
    }
    let endpoint = metadata(site, "token")?;
    let body = Zeroizing::new(ask(site, &endpoint).await?);
    Ok(Zeroizing::new(member_of(&body, &["access_token"]).ok_or_else(|| malformed(&endpoint))?))
}

async fn impersonate(site: &Site, account: &str, audience: &str) -> Result<IdToken, CallError> {
    let access = access(site).await?;
    let base = site.environment.var("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS");
    let base = base.as_deref().unwrap_or("https://iamcredentials.googleapis.com/");
    let endpoint = Endpoint::parse(Service::IdentityProvider, base)?;
    let endpoint = endpoint.below(&format!("v1/projects/-/serviceAccounts/{account}:generateIdToken"));
    let json = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::from_iter([(header::ACCEPT, json.clone()), (header::CONTENT_TYPE, json)]);
    let bearer = Zeroizing::new(format!("Bearer {}", *access));
    let mut value = HeaderValue::from_str(&bearer).map_err(|_| malformed(&endpoint))?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    let body = serde_json::json!({ "audience": audience, "includeEmail": true }).to_string();
    let asked = Asked { http: &site.http, endpoint: &endpoint, headers: &headers, body: Some(&body), secret: &access };
    let answer = asked.send(true).await?;
    let token = member_of(&answer.body, &["token"]).map(Zeroizing::new);
    IdToken::new(token.ok_or_else(|| malformed(&endpoint))?, PLATFORM.name).map_err(CallError::Other)
}
