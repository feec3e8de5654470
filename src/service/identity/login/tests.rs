use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use reqwest::Url;

use super::*;
use crate::base::crypto::sha256;
use crate::base::encoding::base64;
use crate::service::environment::FixedEnvironment;
use crate::service::http::fake::{Answer, FakeServer, Received, block_on, impatient_client};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    State,
    NoState,
    Issuer,
    Nonce,
    Audience,
    Signature,
    Denied,
    Replayed,
    NoToken,
    Pending,
    Expired,
    NoDevices,
}

/// What the provider keeps of a login.
#[derive(Debug, Default)]
struct Kept {
    nonce: Option<String>,
    challenge: Option<String>,
    redirect: Option<String>,
    used: bool,
    polls: usize,
}

struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwks(&self) -> String {
        let point = self.0.public_key().as_ref();
        let (x, y) = (base64::encode_url(&point[1..33]), base64::encode_url(&point[33..65]));
        format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"k","x":"{x}","y":"{y}"}}]}}"#)
    }

    fn token(&self, claims: &str) -> String {
        let part = |text: &str| base64::encode_url(text.as_bytes());
        let signed = format!("{}.{}", part(r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64::encode_url(signature.as_ref()))
    }
}

/// A provider by the rules of OpenID Connect and PKCE.
fn provider(fault: Fault, kept: &Arc<Mutex<Kept>>) -> FakeServer {
    let (key, other, kept) = (Key::new(), Key::new(), Arc::clone(kept));
    FakeServer::start(move |_, request| {
        let base = format!("http://{}", request.header("host").unwrap());
        match request.target.as_str() {
            "/.well-known/openid-configuration" => Answer::new(200, format!(
                r#"{{"issuer":"{base}","authorization_endpoint":"{base}/auth","token_endpoint":"{base}/token","jwks_uri":"{base}/jwks",
                    {}"response_types_supported":["code"],
                    "subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}}"#,
                if fault == Fault::NoDevices { String::new() } else { format!(r#""device_authorization_endpoint":"{base}/device","#) }
            )),
            "/jwks" => Answer::new(200, key.jwks()).with("content-type", "application/json"),
            "/device" => Answer::new(200, format!(
                r#"{{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"{base}/activate","expires_in":60,"interval":1}}"#
            )).with("content-type", "application/json"),
            "/token" => {
                let signer = if fault == Fault::Signature { &other } else { &key };
                token(request, &base, fault, &mut kept.lock().unwrap(), signer).with("content-type", "application/json")
            }
            _ => Answer::new(404, ""),
        }
    })
}

fn form(request: &Received) -> BTreeMap<String, String> {
    let url = Url::parse(&format!("http://h/?{}", String::from_utf8_lossy(&request.body))).unwrap();
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn token(request: &Received, base: &str, fault: Fault, kept: &mut Kept, key: &Key) -> Answer {
    let form = form(request);
    let field = |name: &str| form.get(name).map(String::as_str);
    let refuse = |error: &str| Answer::new(400, format!(r#"{{"error":"{error}","error_description":"no"}}"#));
    match field("grant_type") {
        Some("authorization_code") => {
            let challenge = base64::encode_url(&sha256(&[field("code_verifier").unwrap_or_default().as_bytes()]));
            let right = field("code") == Some("good-code")
                && field("redirect_uri") == kept.redirect.as_deref()
                && Some(challenge) == kept.challenge
                && !kept.used;
            kept.used = true;
            if !right {
                return refuse("invalid_grant");
            }
        }
        Some("urn:ietf:params:oauth:grant-type:device_code") => {
            kept.polls += 1;
            if fault == Fault::Expired {
                return refuse("expired_token");
            }
            if fault == Fault::Denied {
                return refuse("access_denied");
            }
            if fault == Fault::Pending && kept.polls < 2 {
                return refuse("authorization_pending");
            }
        }
        Some("client_credentials") => {
            let expected = format!("Basic {}", base64::encode(b"sigstore:canary-secret"));
            if request.header("authorization") != Some(expected.as_str()) {
                return refuse("invalid_client");
            }
        }
        _ => return refuse("unsupported_grant_type"),
    }
    if fault == Fault::NoToken {
        return Answer::new(200, r#"{"access_token":"opaque","token_type":"Bearer"}"#);
    }
    let nonce = match (fault, &kept.nonce) {
        (Fault::Nonce, _) => r#","nonce":"of-another-login""#.to_owned(),
        (_, Some(nonce)) => format!(r#","nonce":"{nonce}""#),
        (_, None) => String::new(),
    };
    let audience = if fault == Fault::Audience { "another" } else { "sigstore" };
    let claims = format!(
        r#"{{"iss":"{base}","sub":"1","aud":"{audience}","exp":4102444800,"iat":1700000000,"email":"a@b.example","email_verified":true{nonce}}}"#
    );
    Answer::new(
        200,
        format!(r#"{{"access_token":"opaque","token_type":"Bearer","id_token":"{}"}}"#, key.token(&claims)),
    )
}

/// Somebody with a browser that signs in at once.
#[derive(Debug)]
struct Somebody {
    there: bool,
    fault: Fault,
    kept: Arc<Mutex<Kept>>,
    told: Mutex<String>,
    pages: Arc<Mutex<Vec<String>>>,
}

impl Somebody {
    fn keep(&self, url: &str) -> BTreeMap<String, String> {
        let url = Url::parse(url).unwrap();
        let query: BTreeMap<_, _> = url.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["scope"], "openid email");
        let mut kept = self.kept.lock().unwrap();
        (kept.nonce, kept.challenge) = (query.get("nonce").cloned(), query.get("code_challenge").cloned());
        kept.redirect = query.get("redirect_uri").cloned();
        if self.fault == Fault::Replayed {
            kept.used = true;
        }
        query
    }
}

impl Person for Somebody {
    fn is_there(&self) -> bool {
        self.there
    }

    fn tell(&self, text: &str) {
        if let Some(page) = text.lines().find(|line| line.contains("/auth?")) {
            self.keep(page.trim());
        }
        self.told.lock().unwrap().push_str(text);
    }

    fn open(&self, url: &str) -> bool {
        let query = self.keep(url);
        let base = Url::parse(url).unwrap().origin().ascii_serialization();
        let state = if self.fault == Fault::State { "guessed".to_owned() } else { query["state"].clone() };
        let mut parameters = match self.fault {
            Fault::NoState => "code=good-code".to_owned(),
            Fault::Denied => format!("error=access_denied&error_description=no\u{1b}way&state={state}"),
            _ => format!("code=good-code&state={state}"),
        };
        parameters += &match self.fault {
            Fault::Issuer => "&iss=https%3A%2F%2Fevil.example".to_owned(),
            _ => format!("&iss={base}"),
        };
        let redirect = Url::parse(&query["redirect_uri"]).unwrap();
        let port = redirect.port().unwrap();
        assert_eq!((redirect.host_str(), redirect.path()), (Some("localhost"), "/auth/callback"));
        let pages = Arc::clone(&self.pages);
        std::thread::spawn(move || {
            // What a browser asks for by itself, and somebody who says nothing.
            let _idle: Vec<_> = (0..20).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
            for target in ["/favicon.ico".to_owned(), format!("/auth/callback?{parameters}")] {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                write!(stream, "GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
                let mut page = String::new();
                let _ = stream.read_to_string(&mut page);
                pages.lock().unwrap().push(page);
            }
        });
        true
    }

    fn ask(&self, _question: &str) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(" good-code ".to_owned()))
    }
}

struct Scene {
    server: FakeServer,
    somebody: Arc<Somebody>,
}

impl Scene {
    fn new(fault: Fault) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let server = provider(fault, &kept);
        let (told, pages) = (Mutex::default(), Arc::default());
        Self { server, somebody: Arc::new(Somebody { there: true, fault, kept, told, pages }) }
    }

    fn with(&self, method: LoginMethod, secret: Option<&str>, environment: FixedEnvironment) -> Login {
        let provider = LoginProvider {
            issuer: self.server.url.clone(),
            client_id: "sigstore".to_owned(),
            client_secret: secret.map(|secret| Zeroizing::new(secret.to_owned())),
        };
        let somebody = Arc::clone(&self.somebody) as Arc<dyn Person>;
        Login::new(method, provider, somebody, Arc::new(environment), impatient_client())
    }

    fn sign_in(&self, method: LoginMethod, secret: Option<&str>) -> Result<IdToken, IdentityError> {
        let login = self.with(method, secret, FixedEnvironment::default());
        block_on(login.detect("sigstore")).map(Option::unwrap)
    }
}

fn code_of(result: Result<IdToken, IdentityError>) -> (&'static str, u8) {
    let error = result.unwrap_err();
    (error.code().name(), error.code().exit_code())
}

#[test]
fn a_browser_signs_in() {
    let scene = Scene::new(Fault::None);
    let token = scene.sign_in(LoginMethod::Browser, None).unwrap();
    assert_eq!((token.claims().email(), token.origin()), (Some("a@b.example"), "login"));
    for _ in 0..100 {
        if scene.somebody.pages.lock().unwrap().len() == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pages = scene.somebody.pages.lock().unwrap().clone();
    assert!(pages[0].starts_with("HTTP/1.1 404") && pages[1].starts_with("HTTP/1.1 200"), "{pages:?}");
    assert!(pages[1].contains("You are signed in") && pages[1].contains("default-src 'none'"), "{pages:?}");
    // With a client's secret the same.
    assert!(Scene::new(Fault::None).sign_in(LoginMethod::Browser, Some("canary-secret")).is_ok());
}

#[test]
fn a_browser_with_the_answer_to_another_login() {
    let code = |fault| code_of(Scene::new(fault).sign_in(LoginMethod::Browser, None));
    for fault in [Fault::State, Fault::NoState, Fault::Issuer] {
        assert_eq!(code(fault), ("login-foreign", 1), "{fault:?}");
    }
    for fault in [Fault::Nonce, Fault::Audience, Fault::Signature, Fault::NoToken] {
        assert_eq!(code(fault), ("login-token", 1), "{fault:?}");
    }
    for fault in [Fault::Replayed, Fault::Denied] {
        assert_eq!(code(fault), ("login-refused", 1), "{fault:?}");
    }
    let error = Scene::new(Fault::Denied).sign_in(LoginMethod::Browser, None).unwrap_err().to_string();
    assert!(error.contains("access_denied") && !error.contains('\u{1b}'), "{error}");
    // A foreign answer is not brought to the provider.
    let scene = Scene::new(Fault::State);
    assert!(scene.sign_in(LoginMethod::Browser, None).is_err());
    assert!(scene.server.received().iter().all(|request| request.method == "GET"));
}

#[test]
fn a_code_is_typed_in() {
    let scene = Scene::new(Fault::None);
    assert!(scene.sign_in(LoginMethod::Code, None).is_ok());
    assert!(scene.somebody.told.lock().unwrap().contains("redirect_uri=urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob"));
    assert_eq!(code_of(Scene::new(Fault::Replayed).sign_in(LoginMethod::Code, None)), ("login-refused", 1));
    assert_eq!(code_of(Scene::new(Fault::Nonce).sign_in(LoginMethod::Code, None)), ("login-token", 1));
}

#[test]
fn another_device_signs_in() {
    let scene = Scene::new(Fault::Pending);
    assert!(scene.sign_in(LoginMethod::Device, None).is_ok());
    assert_eq!(scene.somebody.kept.lock().unwrap().polls, 2);
    let told = scene.somebody.told.lock().unwrap().clone();
    assert!(told.contains("/activate") && told.contains("WDJB-MJHT"), "{told}");
    assert_eq!(code_of(Scene::new(Fault::Denied).sign_in(LoginMethod::Device, None)), ("login-refused", 1));
    assert_eq!(code_of(Scene::new(Fault::Expired).sign_in(LoginMethod::Device, None)), ("login-timeout", 3));
    assert_eq!(code_of(Scene::new(Fault::Signature).sign_in(LoginMethod::Device, None)), ("login-token", 1));
    assert_eq!(code_of(Scene::new(Fault::NoDevices).sign_in(LoginMethod::Device, None)), ("login-unsupported", 2));
    assert!(Scene::new(Fault::NoDevices).sign_in(LoginMethod::Browser, None).is_ok());
}

#[test]
fn x09_a_client_signs_in_by_its_secret() {
    let scene = Scene::new(Fault::None);
    assert!(scene.sign_in(LoginMethod::ClientCredentials, Some("canary-secret")).is_ok());
    let error = scene.sign_in(LoginMethod::ClientCredentials, Some("canary-wrong")).unwrap_err();
    assert_eq!(error.code().name(), "login-refused");
    assert!(!format!("{error} {error:?}").contains("canary"));
    assert_eq!(code_of(scene.sign_in(LoginMethod::ClientCredentials, None)), ("login-settings", 2));
    let opaque = Scene::new(Fault::NoToken).sign_in(LoginMethod::ClientCredentials, Some("canary-secret"));
    assert_eq!(code_of(opaque), ("identity-token-malformed", 2));
    let login = scene.with(LoginMethod::Browser, Some("canary-secret"), FixedEnvironment::default());
    assert!(!format!("{login:?}").contains("canary"));
}

#[test]
fn nobody_is_waited_for_where_nobody_is() {
    let scene = Scene::new(Fault::None);
    for (variable, value) in
        [("CI", "true"), ("CI", "1"), ("GITHUB_ACTIONS", "true"), ("GITLAB_CI", "true"), ("CF_BUILD_ID", "1")]
    {
        for method in [LoginMethod::Browser, LoginMethod::Device, LoginMethod::Code] {
            let login = scene.with(method, None, FixedEnvironment::with_variables([(variable, value)]));
            assert_eq!(
                code_of(block_on(login.detect("sigstore")).map(Option::unwrap)),
                ("login-in-ci", 2),
                "{variable}"
            );
        }
    }
    let kept = Arc::clone(&scene.somebody.kept);
    let nobody = Somebody { there: false, fault: Fault::None, kept, told: Mutex::default(), pages: Arc::default() };
    let scene = Scene { somebody: Arc::new(nobody), ..scene };
    for method in [LoginMethod::Browser, LoginMethod::Device, LoginMethod::Code] {
        assert_eq!(code_of(scene.sign_in(method, None)), ("login-no-terminal", 2));
    }
    assert!(scene.server.received().is_empty(), "somebody was asked");
    // A client needs nobody.
    assert!(scene.sign_in(LoginMethod::ClientCredentials, Some("canary-secret")).is_ok());
}

#[test]
fn providers_that_are_none() {
    let somewhere = |body: &'static str, status: u16| {
        let server = FakeServer::start(move |_, _| Answer::new(status, body));
        code_of(Scene { server, ..Scene::new(Fault::None) }.sign_in(LoginMethod::Browser, None)).0
    };
    assert_eq!(somewhere("<html>", 200), "login-malformed");
    assert_eq!(somewhere("", 404), "login-malformed");
    assert_eq!(somewhere("", 503), "identity-provider-unavailable");
    let another = r#"{"issuer":"https://another.example","authorization_endpoint":"https://a.example","jwks_uri":"https://a.example",
        "response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}"#;
    assert_eq!(somewhere(another, 200), "login-malformed");
}
