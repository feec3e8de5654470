//! A Kubernetes pod without a projected token: its own service account asks the API server for one (TokenRequest).

use std::path::Path;

use reqwest::header::{self, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::http::{Endpoint, HttpClient, Service, Settings};
use crate::service::identity::ask::{Ask, Asked, Site, malformed, member_of};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};
use crate::service::identity::{IdToken, IdentityError};

const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The clusters whose tokens the public Fulcio takes.
pub(super) const PUBLIC: &[&str] = &[
    "https://oidc.eks.*.amazonaws.com/id/*",
    "https://container.googleapis.com/v1/projects/*/locations/*/clusters/*",
    AKS[0],
    AKS[1],
    AKS[2],
];

/// Those of Azure among them; the first is the form that Azure has them in today
/// (<https://github.com/sigstore/fulcio/blob/main/docs/configuration.md>).
pub(super) const AKS: &[&str] = &[
    "https://*.oic.prod-aks.azure.com/*/*",
    "https://*.oic.prod-aks.azure.com/*",
    "https://oidc.prod-aks.azure.com/*",
];

pub(super) static PLATFORM: Platform = Platform {
    key: "kubernetes",
    name: "Kubernetes",
    search: Search::Automatic,
    marks: &[Mark::Set("KUBERNETES_SERVICE_HOST"), Mark::Exists("/var/run/secrets/kubernetes.io/serviceaccount/token")],
    ask: &[Ask::Own { how: "a TokenRequest of the pod's own service account, of ten minutes", find }],
    issuer: "the cluster's",
    public: PUBLIC,
    claims: "kubernetes.io (namespace, serviceaccount)",
    san: "https://kubernetes.io/namespaces/NAMESPACE/serviceaccounts/NAME",
    fix: Fix {
        say: "project a token of the audience {audience} into the pod (or allow its account `create` on `serviceaccounts/token`; on Google Cloud, --identity-provider google takes the machine's identity):",
        lines: super::projected::VOLUME,
        language: "yaml",
    },
    documentation: "https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/",
    run: Run { against: "a strict fake of the API server, over TLS", test: "kubernetes_is_asked_for_a_token" },
};

fn find<'a>(site: &'a Site, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
    Box::pin(async move { request(site, audience).await.map(Some) })
}

async fn request(site: &Site, audience: &str) -> Result<IdToken, IdentityError> {
    let stopped = |problem: String| IdentityError::Platform {
        platform: PLATFORM.name,
        problem,
        fix: PLATFORM.fix.text(audience),
    };
    let folder = Path::new(FOLDER);
    let own = site.read(&folder.join("token"), PLATFORM.name)?;
    let account = own.claims().service_account();
    let (namespace, name) = account.ok_or_else(|| stopped("its own token names no service account".to_owned()))?;
    let authority = folder.join("ca.crt");
    let roots = site.environment.read(&authority, limits::PEM_BYTES).ok().and_then(|pem| String::from_utf8(pem).ok());
    let roots = roots.ok_or_else(|| stopped(format!("{} cannot be read", authority.display())))?;
    let http = HttpClient::new(Settings { extra_roots: Some(roots), ..site.http.settings().clone() });
    let variable = |name: &str| site.environment.var(name).ok_or_else(|| stopped(format!("{name} is not set")));
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, site.environment.var("KUBERNETES_SERVICE_PORT"));
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let url = format!("https://{host}:{}/", port.as_deref().unwrap_or("443"));
    let endpoint = Endpoint::parse(Service::IdentityProvider, &url)?;
    let endpoint = endpoint.below(&format!("api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"));
    let json = HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::from_iter([(header::ACCEPT, json.clone()), (header::CONTENT_TYPE, json)]);
    let bearer = Zeroizing::new(format!("Bearer {}", own.reveal()));
    // A token is text of a header: it was read as one.
    if let Ok(mut value) = HeaderValue::from_str(&bearer) {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    let body = serde_json::json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": { "audiences": [audience], "expirationSeconds": 600 },
    });
    let body = body.to_string();
    let asked = Asked { http: &http, endpoint: &endpoint, headers: &headers, body: Some(&body), secret: own.reveal() };
    let answer = asked.send(true).await.map_err(|error| error.stopped(stopped))?;
    let token = member_of(&answer.body, &["status", "token"]).map(Zeroizing::new);
    IdToken::new(token.ok_or_else(|| malformed(&endpoint))?, PLATFORM.name)
}
