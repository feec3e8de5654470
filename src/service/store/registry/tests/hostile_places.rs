//! Registries that send elsewhere: for a download, for a token.

use super::*;
use crate::format::oci::Registry;
use crate::service::http::{Endpoint, Service};

const PAIR: &str = "bWU6c2VjcmV0";

fn code<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> (&'static str, u8) {
    let error = outcome.unwrap_err();
    (error.code().name(), error.code().exit_code())
}

/// A store that may sign in to `authority`.
fn signed_in(authority: &str) -> RegistryStore {
    let mut settings = impatient();
    let credential = Credential::Basic { username: "me".to_owned(), password: Secret::new("secret") };
    let host = HostSettings { credential: Some(credential), ..HostSettings::default() };
    settings.hosts.insert(Registry::parse(authority).unwrap(), host);
    RegistryStore::new(settings, Arc::new(FixedEnvironment::default()))
}

#[test]
fn o15_o16_a_download_from_elsewhere_goes_without_credentials_and_they_do_not_come_back() {
    let home = Arc::new(std::sync::Mutex::new(String::new()));
    let told = Arc::clone(&home);
    // Sends back to the registry, which serves it under another path.
    let storage = TestRegistry::lying(move |_| {
        let back = format!("http://{}/back", told.lock().unwrap());
        Some(Answer::new(307, "").with("location", back).with("set-cookie", "session=1"))
    });
    let target = format!("http://{}/storage?signature=canary", storage.authority);
    let registry = TestRegistry::start(Options {
        login: Some(Login::Basic(PAIR)),
        lie: Some(Box::new(move |asked| match asked.path.as_str() {
            "/back" => Some(Answer::new(200, "v1")),
            path if asked.method == "GET" && path.contains("/blobs/") && asked.header("authorization").is_some() => {
                Some(Answer::new(307, "").with("location", target.clone()).with("set-cookie", "own=1"))
            }
            _ => None,
        })),
        ..Options::default()
    });
    home.lock().unwrap().clone_from(&registry.authority);
    let store = signed_in(&registry.authority);
    let repository = repository(&registry.authority);
    let image = block_on(image(&store, &repository, "v1"));
    let layer = image.manifest().image().unwrap().layers[0].clone();
    assert_eq!(block_on(store.blob(&repository, &layer, 100)).unwrap(), b"v1");
    let [there] = storage.asked().try_into().unwrap();
    assert_eq!((there.line().as_str(), there.query.as_str()), ("GET /storage", "signature=canary"));
    let back = registry.asked().into_iter().find(|asked| asked.path == "/back").unwrap();
    for asked in [&there, &back] {
        assert_eq!((asked.header("authorization"), asked.header("cookie")), (None, None), "{}", asked.path);
    }
}

#[test]
fn o20_no_way_leads_from_https_to_http() {
    let endpoint = |text: &str| Endpoint::parse(Service::Registry, text).unwrap();
    let redirected = |from: &str, to: &str| {
        let headers = [(reqwest::header::LOCATION, to.parse().unwrap())].into_iter().collect();
        transport::redirected(&endpoint(from), &headers).map(|target| target.to_string())
    };
    let code = |from, to| redirected(from, to).unwrap_err().code().name();
    assert_eq!(redirected("https://r.example/a", "/b").unwrap(), "https://r.example/b");
    assert_eq!(redirected("https://r.example/a", "https://s.example/b?x#y").unwrap(), "https://s.example/b");
    assert_eq!(code("https://r.example/a", "http://r.example/a"), "net-downgrade");
    assert_eq!(code("https://r.example/a", "http://127.0.0.1/a"), "net-downgrade");
    // Plain http on loopback does not make it right elsewhere.
    assert_eq!(code("http://127.0.0.1:5000/a", "http://localhost.evil.com/a"), "net-downgrade");
    assert_eq!(code("http://127.0.0.1:5000/a", "http://127.0.0.1.evil.com/a"), "net-downgrade");
    for this_machine in
        ["https://127.0.0.1/a", "https://localhost/a", "https://169.254.169.254/a", "https://[::ffff:127.0.0.1]/a"]
    {
        assert_eq!(code("https://r.example/a", this_machine), "net-cross-host", "{this_machine}");
    }
    for no_url in ["ftp://s.example/a", "https://u:p@s.example/a", "file:///etc/passwd", "https://"] {
        assert_eq!(code("https://r.example/a", no_url), "net-cross-host", "{no_url}");
    }
}

#[test]
fn redirects_have_an_end_and_writes_are_not_sent_on() {
    let registry = TestRegistry::lying(|asked| Some(Answer::new(307, "").with("location", format!("{}x", asked.path))));
    let repository = repository(&registry.authority);
    let name = repository.tagged(Tag::parse("v1").unwrap());
    assert_eq!(code(block_on(store().resolve(&name))), ("limit-redirects", 3));
    let sent_on = TestRegistry::lying(|asked| {
        (asked.method == "POST").then(|| Answer::new(307, "").with("location", "/v2/acme/other/blobs/uploads/"))
    });
    let repository = super::repository(&sent_on.authority);
    assert_eq!(code(block_on(store().put_bytes(&repository, "x", b"x"))), ("registry-unexpected", 3));
    assert!(sent_on.lines().iter().all(|line| !line.contains("other")));
}

#[test]
fn an_upload_goes_on_at_the_registry_itself() {
    let elsewhere = TestRegistry::honest();
    let target = format!("http://{}/v2/acme/app/blobs/uploads/1", elsewhere.authority);
    let registry = TestRegistry::lying(move |asked| {
        (asked.method == "POST").then(|| Answer::new(202, "").with("location", target.clone()))
    });
    let repository = repository(&registry.authority);
    assert_eq!(code(block_on(store().put_bytes(&repository, "x", b"x"))), ("net-cross-host", 3));
    assert!(elsewhere.asked().is_empty());
}

/// What a challenge of `registry` comes to.
fn realm(registry: &str, realm: &str) -> Result<(), &'static str> {
    let transport = store().transport;
    let registry = Registry::parse(registry).unwrap();
    let challenge = format!("Bearer realm=\"{realm}\",service=\"s\"");
    let headers = [(reqwest::header::WWW_AUTHENTICATE, challenge.parse().unwrap())].into_iter().collect();
    auth::Challenge::read(&transport, &registry, &headers).map(drop).map_err(|error| error.code().name())
}

#[test]
fn o17_o18_token_servers_that_do_not_belong_to_the_registry() {
    for (registry, good) in [
        ("ghcr.io", "https://ghcr.io/token"),
        ("registry.example:5000", "https://registry.example/token"),
        ("registry.gitlab.example", "https://gitlab.example/jwt/auth"),
        ("icr.example", "https://us.icr.example/oauth/token"),
        ("docker.io", "https://auth.docker.io/token"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/token"),
    ] {
        assert_eq!(realm(registry, good), Ok(()), "{registry} {good}");
    }
    let long = format!("https://ghcr.io/token?scope={}", "x".repeat(1 << 20));
    for (registry, bad) in [
        ("ghcr.io", "https://attacker.example/token"),
        ("ghcr.io", "https://ghcr.io.attacker.example/token"),
        ("ghcr.io", "https://evilghcr.io/token"),
        ("ghcr.io", "https://io/token"),
        ("ghcr.io", "http://ghcr.io/token"),
        ("ghcr.io", "https://169.254.169.254/latest/meta-data"),
        ("ghcr.io", "http://169.254.169.254/latest/meta-data"),
        ("ghcr.io", "https://127.0.0.1:8080/token"),
        ("ghcr.io", "https://localhost/token"),
        ("ghcr.io", "https://0.0.0.0/token"),
        ("ghcr.io", "https://[::]/token"),
        ("ghcr.io", "https://[::1]/token"),
        ("ghcr.io", "https://[::ffff:127.0.0.1]/token"),
        ("ghcr.io", "https://2130706433/token"),
        ("ghcr.io", "https://0x7f.1/token"),
        ("ghcr.io", "https://10.0.0.1/token"),
        ("127.0.0.1:5000", "http://127.0.0.1:5001/token"),
        ("127.0.0.1:5000", "http://localhost:5000/token"),
        ("127.0.0.1:5000", "http://localhost.evil.com:5000/token"),
        ("ghcr.io", "https://me:secret@ghcr.io/token"),
        ("ghcr.io", "https://ghcr.io@attacker.example/token"),
        ("ghcr.io", "https://ghcr.io/to\tken"),
        ("ghcr.io", "https://ghcr.io/token x"),
        ("ghcr.io", "/token"),
        ("ghcr.io", "//attacker.example/token"),
        ("ghcr.io", "file:///etc/passwd"),
        ("ghcr.io", ""),
        ("ghcr.io", &long),
    ] {
        let shown: String = bad.chars().take(80).collect();
        assert_eq!(realm(registry, bad), Err("net-forbidden-realm"), "{registry} {shown}");
    }
}

#[test]
fn o17_a_forbidden_token_server_is_not_asked() {
    let attacker = TestRegistry::honest();
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"s\"", attacker.authority);
    let registry = TestRegistry::lying(move |_| {
        Some(Answer::error(401, "UNAUTHORIZED").with("www-authenticate", challenge.clone()))
    });
    let name = repository(&registry.authority).tagged(Tag::parse("v1").unwrap());
    let error = block_on(signed_in(&registry.authority).resolve(&name)).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("net-forbidden-realm", 3));
    assert!(attacker.asked().is_empty());
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn o19_tokens_that_are_none() {
    let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(1 << 20));
    for (answer, expected) in [
        (Answer::new(200, "<html>"), "auth-parse"),
        (Answer::new(200, "{}"), "auth-parse"),
        (Answer::new(200, r#"{"token":""}"#), "auth-parse"),
        (Answer::new(200, r#"{"token":7}"#), "auth-parse"),
        (Answer::new(200, r#"{"token":"a\nb"}"#), "auth-parse"),
        (Answer::new(200, r#"{"token":"a\r\nX-Evil: 1"}"#), "auth-parse"),
        (Answer::new(200, r#"{"token":"a","token":"b"}"#), "auth-parse"),
        (Answer::new(200, long), "auth-parse"),
        (Answer::new(200, vec![b' '; 4096]).by(Way::Endless), "auth-parse"),
        (Answer::new(302, "").with("location", "https://attacker.example"), "registry-unexpected"),
        (Answer::error(401, "UNAUTHORIZED"), "registry-unauthorized"),
        (Answer::error(500, "X"), "registry-unavailable"),
    ] {
        let (status, start) =
            (answer.status, String::from_utf8_lossy(&answer.body).chars().take(40).collect::<String>());
        let registry = TestRegistry::start(Options {
            login: Some(Login::Bearer(Some(PAIR))),
            lie: Some(Box::new(move |asked| (asked.path == "/token").then(|| answer.clone()))),
            ..Options::default()
        });
        let name = repository(&registry.authority).tagged(Tag::parse("v1").unwrap());
        let error = block_on(signed_in(&registry.authority).resolve(&name)).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), (expected, 3), "{status} {start}");
    }
}

#[test]
fn o21_urls_of_layers_are_not_fetched() {
    let internal = TestRegistry::honest();
    let registry = TestRegistry::honest();
    let repository = repository(&registry.authority);
    let image = block_on(image(&store(), &repository, "v1"));
    let urls = format!("\"urls\":[\"http://{}/x\"],\"digest\"", internal.authority);
    let foreign = String::from_utf8(image.bytes().to_vec()).unwrap().replace("\"digest\"", &urls);
    let missing = foreign.replace(&server::digest(b"v1"), &server::digest(b"nowhere"));
    registry.plant("acme/app", Some("foreign"), image.manifest().media_type(), missing.as_bytes());
    let name = repository.tagged(Tag::parse("foreign").unwrap());
    let layer = block_on(store().resolve(&name)).unwrap().manifest().image().unwrap().layers[0].clone();
    assert_eq!(code(block_on(store().blob(&repository, &layer, 100))), ("blob-not-found", 1));
    assert!(internal.asked().is_empty());
}

#[test]
fn what_another_host_wants_is_not_answered() {
    // The storage asks for a password of its own.
    let storage = TestRegistry::lying(|_| {
        Some(Answer::error(401, "UNAUTHORIZED").with("www-authenticate", "Basic realm=\"storage\""))
    });
    let target = format!("http://{}/storage", storage.authority);
    let registry = TestRegistry::lying(move |asked| {
        let download = asked.method == "GET" && asked.path.contains("/blobs/");
        download.then(|| Answer::new(307, "").with("location", target.clone()))
    });
    let store = signed_in(&registry.authority);
    let repository = repository(&registry.authority);
    let image = block_on(image(&store, &repository, "v1"));
    let layer = image.manifest().image().unwrap().layers[0].clone();
    assert_eq!(code(block_on(store.blob(&repository, &layer, 100))), ("registry-unexpected", 3));
    assert_eq!(storage.asked().len(), 1);
}
