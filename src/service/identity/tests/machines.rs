//! Machines: clouds, clusters and sockets.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::time::{Duration, Instant};

use super::asked::Machine;
use super::found::{at, named, platform, shows_fix};
use super::*;
use crate::service::http::fake::tls_server;

fn google(host: &str) -> FixedEnvironment {
    FixedEnvironment::with_variables([("GCE_METADATA_HOST", host)])
}

const EMAIL: &str = r#"{"iss":"https://accounts.google.com","sub":"1","email":"ci@p.iam.gserviceaccount.com","email_verified":true,"aud":"sigstore","exp":4102444800}"#;
const IDENTITY: &str = "/computeMetadata/v1/instance/service-accounts/default/identity?audience=sigstore&format=full";

#[test]
fn google_is_asked() {
    let server = FakeServer::start(|_, request| match (request.header("metadata-flavor"), request.target.as_str()) {
        (Some("Google"), IDENTITY) => Answer::new(200, jwt(EMAIL)).with("metadata-flavor", "Google"),
        (Some("Google"), "/computeMetadata/v1/instance/service-accounts/default/token") => {
            Answer::new(200, r#"{"access_token":"canary-access","token_type":"Bearer"}"#)
                .with("metadata-flavor", "Google")
        }
        _ => Answer::new(403, "Missing Metadata-Flavor:Google header."),
    });
    let host = server.url.trim_start_matches("http://");
    let found = search(google(host)).unwrap();
    assert_eq!((found.reveal(), found.origin()), (jwt(EMAIL).as_str(), "Google Cloud"));
    // Another account, by impersonation.
    let target = "/v1/projects/-/serviceAccounts/signer@p.iam.gserviceaccount.com:generateIdToken";
    let credentials = FakeServer::start(move |_, request| {
        let right = request.method == "POST"
            && request.target == target
            && request.header("authorization") == Some("Bearer canary-access")
            && request.body == br#"{"audience":"sigstore","includeEmail":true}"#;
        if right {
            Answer::new(200, format!(r#"{{"token":"{}"}}"#, jwt(EMAIL)))
        } else {
            let refusal = "Permission 'iam.serviceAccounts.getOpenIdToken' denied for canary-access";
            Answer::new(
                403,
                format!(r#"{{"error":{{"code":403,"message":"{refusal}","status":"PERMISSION_DENIED"}}}}"#),
            )
        }
    });
    let mut impersonating = google(host);
    let mut set = |name: &str, value: &str| drop(impersonating.variables.insert(name.to_owned(), value.to_owned()));
    set("GOOGLE_SERVICE_ACCOUNT_NAME", "signer@p.iam.gserviceaccount.com");
    set("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", &credentials.url);
    assert_eq!(search(impersonating.clone()).unwrap().reveal(), jwt(EMAIL));
    impersonating.variables.insert("GOOGLE_SERVICE_ACCOUNT_NAME".to_owned(), "other@p".to_owned());
    let error = search(impersonating).unwrap_err();
    assert_eq!(error.code().name(), "identity-platform");
    assert!(error.to_string().contains("Permission 'iam.serviceAccounts") && !error.to_string().contains("canary"));
    shows_fix(&error, "google");
}

#[test]
fn metadata_servers_have_a_second() {
    // One that takes connections and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let error = search(google(&listener.local_addr().unwrap().to_string())).unwrap_err();
    let elapsed = started.elapsed();
    assert_eq!((error.code().name(), error.code().exit_code()), ("identity-platform", 2), "{error}");
    assert!(elapsed > Duration::from_millis(900) && elapsed < Duration::from_secs(4), "{elapsed:?}");
    shows_fix(&error, "google");
    // Somebody else who answers there.
    let server = FakeServer::start(|_, _| Answer::new(200, good()));
    let error = search(google(server.url.trim_start_matches("http://"))).unwrap_err();
    assert_eq!(error.code().name(), "identity-provider-malformed");
    assert_eq!(search(google("h/../x")).unwrap_err().code().name(), "identity-provider-url");
}

#[test]
fn kubernetes_is_asked_for_a_token() {
    let own = jwt(
        r#"{"iss":"https://k","sub":"s","aud":"https://k","kubernetes.io":{"namespace":"ci","serviceaccount":{"name":"signer"}}}"#,
    );
    let bearer = format!("Bearer {own}");
    let server = tls_server(move |request| {
        let wanted = r#""audiences":["sigstore"],"expirationSeconds":600"#;
        let body = String::from_utf8_lossy(&request.body).into_owned();
        if request.header("authorization") != Some(bearer.as_str()) {
            return Answer::new(401, r#"{"kind":"Status","message":"Unauthorized","code":401}"#);
        }
        if request.target == "/api/v1/namespaces/ci/serviceaccounts/signer/token"
            && request.method == "POST"
            && body.contains(wanted)
            && body.contains(r#""apiVersion":"authentication.k8s.io/v1""#)
        {
            let status = format!(r#"{{"expirationTimestamp":"2100-01-01T00:00:00Z","token":"{}"}}"#, good());
            return Answer::new(201, format!(r#"{{"kind":"TokenRequest","status":{status}}}"#));
        }
        let message = "serviceaccounts is forbidden: User cannot create resource";
        Answer::new(
            403,
            format!(r#"{{"kind":"Status","status":"Failure","message":"{message}","reason":"Forbidden","code":403}}"#),
        )
    });
    let pod = |token: &str, roots: &str| {
        let folder = "/var/run/secrets/kubernetes.io/serviceaccount";
        let mut pod = FixedEnvironment::with_variables([
            ("KUBERNETES_SERVICE_HOST", "localhost"),
            ("KUBERNETES_SERVICE_PORT", &server.port.to_string()),
        ])
        .with_file(format!("{folder}/token"), token)
        .with_file(format!("{folder}/ca.crt"), roots);
        pod.now = None;
        pod
    };
    let found = search(pod(&own, &server.root)).unwrap();
    assert_eq!((found.reveal(), found.origin()), (good().as_str(), "Kubernetes"));
    // An account that may not.
    let other = own.strip_suffix(&base64::encode_url(b"canary-signature")).unwrap().to_owned()
        + &base64::encode_url(b"another-signature");
    let error = search(pod(&other, &server.root)).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("identity-platform", 2), "{error}");
    assert!(error.to_string().contains("answered 401: Unauthorized"), "{error}");
    shows_fix(&error, "kubernetes");
    // Another cluster's root.
    let stranger = tls_server(|_| Answer::new(500, ""));
    assert_eq!(search(pod(&own, &stranger.root)).unwrap_err().code().name(), "net-tls");
    // No account in the token.
    let error = search(pod(&good(), &server.root)).unwrap_err();
    assert!(error.to_string().contains("names no service account"), "{error}");
}

const STS_BODY: &str = "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=sigstore&DurationSeconds=300&SigningAlgorithm=RS256";

#[test]
fn aws_is_asked_by_name() {
    let server = FakeServer::start(|_, request| {
        let authorization = request.header("authorization").unwrap_or_default();
        let scope = "/eu-central-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
        let signed =
            authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") && authorization.contains(scope);
        let error = |code: &str, message: &str| {
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
        };
        if !signed || request.header("x-amz-security-token") != Some("session") {
            return Answer::new(
                403,
                error("SignatureDoesNotMatch", "The request signature we calculated does not match"),
            );
        }
        if request.method != "POST" || request.target != "/" || request.body != STS_BODY.as_bytes() {
            return Answer::new(400, error("OutboundWebIdentityFederationDisabled", "not enabled for the account"));
        }
        let token = good();
        Answer::new(
            200,
            format!(
                "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>{token}</WebIdentityToken></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
            ),
        )
    });
    let job = |session: &str| {
        FixedEnvironment::with_variables([
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "canary-of-the-account"),
            ("AWS_SESSION_TOKEN", session),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL_STS", &server.url),
        ])
    };
    let found = named("aws", job("session")).unwrap();
    assert_eq!((found.reveal(), found.origin()), (good().as_str(), "AWS"));
    let error = named("aws", job("")).unwrap_err();
    assert_eq!(error.code().name(), "identity-platform");
    assert!(error.to_string().contains("SignatureDoesNotMatch") && !error.to_string().contains("canary"), "{error}");
    shows_fix(&error, "aws");
    // An account that has not been told to issue tokens.
    let environment: Arc<dyn Environment> = Arc::new(job("session"));
    let source = provider("aws", &environment, &impatient_client()).unwrap();
    let error = block_on(find(&[source], "https://other.example/?a b")).unwrap_err();
    assert!(error.to_string().contains("OutboundWebIdentityFederationDisabled"), "{error}");
    // Nobody signs as a role by accident.
    assert_eq!(search(job("session")).unwrap_err().code().name(), "identity-missing");
}

/// Fly's row with another socket.
#[cfg(unix)]
fn fly(socket: &'static str) -> &'static Platform {
    let row = platform("fly");
    let Some(Ask::Call(call)) = row.ask.first() else { panic!("Fly is called") };
    let ask: &'static [Ask] = Box::leak(Box::new([Ask::Call(Call { socket: Some(socket), ..*call })]));
    let marks: &'static [Mark] = Box::leak(Box::new([Mark::Set("FLY_APP_NAME"), Mark::Exists(socket)]));
    Box::leak(Box::new(Platform { ask, marks, ..*row }))
}

#[test]
#[cfg(unix)]
fn fly_is_asked_over_its_socket() {
    let dir = tempfile::tempdir().unwrap();
    let socket: &'static str = dir.path().join("api").display().to_string().leak();
    let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let mut reader = BufReader::new(&stream);
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                head += &std::mem::take(&mut line);
            }
            let mut body = [0; 18];
            let right = head.starts_with("POST /v1/tokens/oidc HTTP/1.1\r\n")
                && reader.read_exact(&mut body).is_ok()
                && &body == br#"{"aud":"sigstore"}"#;
            let (status, answer) = if right { (200, good()) } else { (400, "invalid aud".to_owned()) };
            let length = answer.len();
            let _ =
                write!(&stream, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}");
        }
    });
    let platform = fly(socket);
    let detect = |variables: FixedEnvironment, audience: &str| {
        let site = Site { environment: Arc::new(Machine(variables)), http: impatient_client() };
        block_on(PlatformToken::new(platform, site).detect(audience))
    };
    let machine = FixedEnvironment::with_variables([("FLY_APP_NAME", "app")]);
    let found = detect(machine.clone(), SIGSTORE_AUDIENCE).unwrap().unwrap();
    assert_eq!((found.reveal(), found.origin()), (good().as_str(), "Fly.io"));
    let error = detect(machine, "https://else.example").unwrap_err();
    assert_eq!(error.code().name(), "identity-platform");
    assert!(error.to_string().contains("answered 400: invalid aud"), "{error}");
    assert!(error.to_string().ends_with("chmod a+rw /.fly/api"), "{error}");
    assert!(detect(FixedEnvironment::default(), SIGSTORE_AUDIENCE).unwrap().is_none());
    // Where the socket is not, it is no Machine.
    assert_eq!(named("fly", at("google")).unwrap_err().code().name(), "identity-provider-unreachable");
}
