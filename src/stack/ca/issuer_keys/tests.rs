//! Issuers that are asked for their keys, and what they may answer.

use super::*;
use crate::format::jwt::Jwk;
use crate::format::x509::testing::Key;
use crate::service::http::fake::{Answer, FakeServer, block_on};
use crate::service::http::{Reach, Settings};

fn client(reach: Reach) -> HttpClient {
    HttpClient::new(Settings {
        connect_timeout: Duration::from_secs(1),
        attempt_timeout: Duration::from_secs(1),
        budget: Duration::from_secs(1),
        attempts: 1,
        reach,
        ..Settings::default()
    })
}

fn asked(reach: Reach) -> Asked {
    Asked { client: client(reach), keys: None, token_file: None, known: Mutex::default() }
}

fn key_set(kids: &[&str]) -> String {
    let keys = kids.iter().map(|kid| Jwk::new(kid, Key::p256().public().clone()).to_json().unwrap()).collect();
    let keys = Json::Object(vec![("keys".into(), Json::Array(keys))]);
    crate::base::encoding::json::canonical(&keys).unwrap()
}

fn metadata(host: &str, issuer: &str, keys: &str) -> Answer {
    Answer::new(200, format!(r#"{{"issuer":"http://{host}{issuer}","jwks_uri":"{keys}"}}"#))
}

/// An issuer that serves its metadata, and keys by `keys`.
fn issuer(keys: impl Fn(usize) -> Answer + Send + 'static) -> FakeServer {
    FakeServer::start(move |count, request| match request.target.as_str() {
        "/.well-known/openid-configuration" => {
            let host = request.header("host").unwrap();
            metadata(host, "", &format!("http://{host}/keys"))
        }
        _ => keys(count),
    })
}

#[test]
fn f13_keys_rotate_and_no_token_makes_us_ask_often() {
    let server = issuer(|count| Answer::new(200, key_set(if count < 2 { &["one"] } else { &["one", "two"] })));
    let (asked, start) = (asked(Reach::Any), Instant::now());
    let ask =
        |kid: &str, seconds: u64| block_on(asked.of(&server.url, Some(kid), start + Duration::from_secs(seconds)));
    let has = |keys: Result<Arc<KeySet>, KeysError>, kid: &str| keys.unwrap().find(Some(kid)).is_some();
    assert!(has(ask("one", 0), "one"));
    assert!(has(ask("one", 599), "one"));
    assert!(!has(ask("two", 9), "two"), "asked a moment ago");
    assert_eq!(server.received().len(), 2);
    assert!(has(ask("two", 10), "two"), "rotated");
    for _ in 0..50 {
        assert!(!has(ask("forged", 19), "forged"));
    }
    assert_eq!(server.received().len(), 4);
    assert!(has(ask("one", 611), "one"));
    assert_eq!(server.received().len(), 6, "no longer fresh");
}

#[test]
fn f13_keys_are_used_for_a_while_when_the_issuer_is_down() {
    let server = issuer(|count| if count < 2 { Answer::new(200, key_set(&["one"])) } else { Answer::new(500, "") });
    let (asked, start) = (asked(Reach::Any), Instant::now());
    let ask = |seconds: u64| block_on(asked.of(&server.url, Some("one"), start + Duration::from_secs(seconds)));
    assert!(ask(0).is_ok() && ask(700).is_ok() && ask(3599).is_ok());
    assert!(matches!(ask(3700), Err(KeysError::Http(_))));
    assert!(matches!(ask(3701), Err(KeysError::Paused { .. })));
}

/// What is wrong with an issuer that answers its metadata so.
fn problem(answer: impl Fn(&str) -> Answer + Send + 'static) -> (KeysError, FakeServer) {
    let server = FakeServer::start(move |_, request| answer(request.header("host").unwrap()));
    let error = block_on(asked(Reach::Any).of(&server.url, None, Instant::now())).unwrap_err();
    (error, server)
}

#[test]
fn f09_f11_metadata_that_leads_elsewhere() {
    let elsewhere = FakeServer::start(|_, _| Answer::new(200, key_set(&["evil"])));
    let (evil, inside) = (elsewhere.url.clone(), "http://169.254.169.254/keys".to_owned());
    for keys in [evil.clone(), inside, "file:///etc/passwd".to_owned(), "//evil.example/keys".to_owned()] {
        let (error, server) = problem(move |host| metadata(host, "", &keys));
        let KeysError::Metadata { problem, .. } = error else { panic!("{error}") };
        assert_eq!(problem, "jwks_uri is on another host; if that is right, configure it");
        assert_eq!(server.received().len(), 1);
    }
    let redirect = evil.clone();
    let (error, _) = problem(move |_| Answer::new(302, "").with("location", redirect.clone()));
    assert!(matches!(error, KeysError::Http(HttpError::Refused { status: 302, .. })), "{error}");
    assert!(elsewhere.received().is_empty());

    let (error, _) = problem(|host| metadata(host, "/", &format!("http://{host}/keys")));
    assert!(error.to_string().ends_with("it is another issuer's"), "{error}");
    for document in ["", "[]", "{}", "{\"issuer\":1}"] {
        let (error, _) = problem(move |_| Answer::new(200, document));
        assert!(matches!(error, KeysError::Metadata { .. }), "{error}");
    }
    let (error, _) = problem(|_| Answer::new(200, vec![b' '; limits::KEY_SET_BYTES + 1]));
    assert!(error.to_string().ends_with("it is too long"), "{error}");
    let (error, _) = problem(|_| Answer::new(200, vec![b' '; limits::RESPONSE_BYTES + 1]));
    assert!(matches!(error, KeysError::Http(HttpError::TooLong { .. } | HttpError::Malformed { .. })), "{error}");
}

#[test]
fn f13_key_sets_that_are_refused() {
    let many = format!(r#"{{"keys":[{}]}}"#, vec![r#"{"kty":"oct","k":"AA"}"#; 100_000].join(","));
    let twice = key_set(&["one"]).replace("]}", "") + "," + &key_set(&["one"])[9..];
    for document in [many, twice, "{}".to_owned(), r#"{"keys":[{"kty":"oct","k":"AA"}]}"#.to_owned()] {
        let server = issuer(move |_| Answer::new(200, document.clone()));
        let error = block_on(asked(Reach::Any).of(&server.url, None, Instant::now())).unwrap_err();
        assert!(matches!(error, KeysError::Keys(_)), "{error}");
    }
}

#[test]
fn f11_an_address_that_is_not_public_is_not_asked() {
    let server = issuer(|_| Answer::new(200, key_set(&["one"])));
    let port = server.url.rsplit(':').next().unwrap();
    for url in
        [server.url.clone(), format!("http://localhost:{port}"), "https://10.0.0.1".into(), "https://[fd00::1]".into()]
    {
        let error = block_on(asked(Reach::Public).of(&url, None, Instant::now())).unwrap_err();
        assert!(error.to_string().contains("not of the public Internet"), "{url}: {error}");
    }
    let error = block_on(asked(Reach::Public).of("http://x.example", None, Instant::now())).unwrap_err();
    assert!(matches!(error, KeysError::Http(HttpError::Url { .. })), "plain http: {error}");
    assert!(server.received().is_empty());
}

#[test]
fn f12_a_cluster_s_token_goes_to_its_issuer_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "secret\n").unwrap();
    let server = issuer(|_| Answer::new(200, key_set(&["one"])));
    let with_token = Asked { token_file: Some(file.clone()), ..asked(Reach::Any) };
    block_on(with_token.of(&server.url, None, Instant::now())).unwrap();
    let bearers = |server: &FakeServer| -> Vec<_> {
        server.received().iter().map(|request| request.header("authorization").map(str::to_owned)).collect()
    };
    assert_eq!(bearers(&server), vec![Some("Bearer secret".to_owned()); 2]);
    // Keys that were configured to be elsewhere.
    let elsewhere = FakeServer::start(|_, _| Answer::new(200, key_set(&["one"])));
    let keys = Some(elsewhere.endpoint(Service::IdentityProvider, "/keys"));
    let apart = Asked { keys, token_file: Some(file.clone()), ..asked(Reach::Any) };
    block_on(apart.of(&server.url, None, Instant::now())).unwrap();
    assert_eq!(bearers(&elsewhere), [None]);
    std::fs::remove_file(&file).unwrap();
    let error = block_on(with_token.of("https://x.example", None, Instant::now())).unwrap_err();
    assert!(matches!(error, KeysError::Token { .. }), "{error}");
}

#[test]
fn the_memory_of_issuers_is_bounded() {
    let asked = asked(Reach::Public);
    for number in 0..3 * ISSUERS {
        assert!(block_on(asked.of(&format!("https://10.0.0.1/{number}"), None, Instant::now())).is_err());
    }
    assert!(asked.known.lock().unwrap().len() <= ISSUERS);
}
