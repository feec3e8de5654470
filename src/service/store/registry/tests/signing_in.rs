//! Signing in, as registries want it.

use super::*;
use crate::base::encoding::base64;
use crate::format::oci::Registry;

const PAIR: &str = "bWU6c2VjcmV0";

fn registry(login: Login) -> TestRegistry {
    TestRegistry::start(Options { login: Some(login), ..Options::default() })
}

/// A store with a file of credentials for `authority`, and for another registry.
pub(super) fn with_file(authority: &str, pair: &str) -> RegistryStore {
    let other = base64::encode(b"other:canary");
    let file = format!(r#"{{"auths":{{"{authority}":{{"auth":"{pair}"}},"other.example":{{"auth":"{other}"}}}}}}"#);
    let environment = FixedEnvironment::with_variables([("HOME", "/h")]).with_file("/h/.docker/config.json", file);
    RegistryStore::new(impatient(), Arc::new(environment))
}

/// A store that was told who it is at `authority`.
fn given(authority: &str, credential: Credential) -> RegistryStore {
    let mut settings = impatient();
    let host = HostSettings { credential: Some(credential), ..HostSettings::default() };
    settings.hosts.insert(Registry::parse(authority).unwrap(), host);
    RegistryStore::new(settings, Arc::new(FixedEnvironment::default()))
}

#[test]
fn by_name_and_password_or_by_token() {
    for login in [Login::Basic(PAIR), Login::Bearer(Some(PAIR))] {
        let registry = registry(login);
        block_on(contract(&with_file(&registry.authority, PAIR), &repository(&registry.authority)));
        assert!(registry.asked().iter().all(|asked| !format!("{asked:?}").contains("canary")));
    }
}

#[test]
fn without_or_with_wrong_credentials() {
    for login in [Login::Basic(PAIR), Login::Bearer(Some(PAIR))] {
        let registry = registry(login.clone());
        let repository = repository(&registry.authority);
        for store in [store(), with_file(&registry.authority, &base64::encode(b"me:wrong-password"))] {
            let error = block_on(store.put_bytes(&repository, "x", b"x")).unwrap_err();
            assert_eq!((error.code().name(), error.code().exit_code()), ("registry-unauthorized", 3), "{login:?}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("wrong-password") && !shown.contains(&base64::encode(b"me:wrong")), "{shown}");
        }
    }
}

#[test]
fn anyone_reads_with_an_anonymous_token_once_for_all() {
    let registry = registry(Login::Bearer(Some(PAIR)));
    let repository = repository(&registry.authority);
    let image = block_on(image(&with_file(&registry.authority, PAIR), &repository, "v1"));
    registry.forget_requests();
    let store = store();
    block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (store, image) = (store.clone(), image.image().clone());
            tasks.spawn(async move { store.manifest(&image).await.unwrap() });
        }
        tasks.join_all().await;
    });
    let tokens: Vec<_> = registry.asked().into_iter().filter(|asked| asked.path == "/token").collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].header("authorization"), None);
    assert_eq!(tokens[0].query, "service=test&scope=repository%3Aacme%2Fapp%3Apull");
    // Known by then: one request for one answer.
    registry.forget_requests();
    block_on(store.manifest(image.image())).unwrap();
    assert_eq!(registry.asked().len(), 1);
}

#[test]
fn the_scope_is_ours_and_not_the_registrys() {
    let own = Arc::new(std::sync::Mutex::new(String::new()));
    let told = Arc::clone(&own);
    let registry = TestRegistry::start(Options {
        login: Some(Login::Bearer(Some(PAIR))),
        lie: Some(Box::new(move |asked| {
            let challenge = format!(
                "Bearer realm=\"http://{}/token\",service=\"test\",scope=\"repository:victim/app:pull,push,delete\"",
                told.lock().unwrap()
            );
            (asked.header("authorization").is_none() && asked.path != "/token")
                .then(|| Answer::error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
        })),
        ..Options::default()
    });
    own.lock().unwrap().clone_from(&registry.authority);
    let store = with_file(&registry.authority, PAIR);
    block_on(image(&store, &repository(&registry.authority), "v1"));
    let scopes: Vec<_> = registry.asked().into_iter().filter(|asked| asked.path == "/token").collect();
    assert!(!scopes.is_empty() && scopes.iter().all(|asked| !asked.query.contains("victim")));
}

#[test]
fn an_identity_token_is_exchanged_and_a_registry_token_is_sent() {
    let registry = TestRegistry::start(Options {
        login: Some(Login::Bearer(Some(PAIR))),
        lie: Some(Box::new(|asked| {
            let form = String::from_utf8_lossy(&asked.body).into_owned();
            let exchanged =
                asked.method == "POST" && asked.path == "/token" && form.contains("refresh_token=it-canary");
            let token = r#"{"access_token":"rw|repository:acme/app:pull,push","expires_in":300}"#;
            exchanged.then(|| Answer::new(200, token))
        })),
        ..Options::default()
    });
    let repository = repository(&registry.authority);
    let store = given(&registry.authority, Credential::IdentityToken(Secret::new("it-canary")));
    block_on(image(&store, &repository, "v1"));
    let exchange = registry.asked().into_iter().find(|asked| asked.method == "POST" && asked.path == "/token").unwrap();
    let form = String::from_utf8(exchange.body).unwrap();
    assert!(form.starts_with("grant_type=refresh_token&service=test&client_id=sealmark&scope=repository%3A"), "{form}");

    registry.forget_requests();
    let token = Credential::RegistryToken(Secret::new("rw|repository:acme/app:pull,push"));
    block_on(image(&given(&registry.authority, token), &repository, "v2"));
    assert!(registry.lines().iter().all(|line| !line.contains("/token")));
}

#[test]
fn a_token_that_ran_out_is_renewed_once() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let registry = TestRegistry::start(Options {
        login: Some(Login::Bearer(None)),
        lie: Some(Box::new(move |asked| {
            let second =
                asked.header("authorization").is_some() && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1;
            let host = asked.header("host").unwrap_or_default();
            let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"test\"");
            second.then(|| Answer::error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
        })),
        ..Options::default()
    });
    let store = store();
    let name = repository(&registry.authority).tagged(Tag::parse("v1").unwrap());
    for _ in 0..2 {
        assert_eq!(block_on(store.resolve(&name)).unwrap_err().code().name(), "image-not-found");
    }
}

#[test]
fn a_registry_that_repeats_our_secrets_is_not_quoted() {
    for login in [Login::Basic(PAIR), Login::Bearer(Some(PAIR))] {
        let sent = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = Arc::clone(&sent);
        let registry = TestRegistry::start(Options {
            login: Some(login),
            lie: Some(Box::new(move |asked| {
                let authorization = asked.header("authorization")?;
                if asked.path == "/token" {
                    return None;
                }
                let sent = authorization.split_once(' ').unwrap().1.to_owned();
                seen.lock().unwrap().push(sent.clone());
                let status = if asked.method == "GET" { 400 } else { 413 };
                // Whoever is given a password knows it, whoever is given a token does not.
                let password = if authorization.starts_with("Basic") { "secret" } else { "" };
                Some(Answer::new(status, format!("no, {authorization}, {sent}, {password}")))
            })),
            ..Options::default()
        });
        let store = with_file(&registry.authority, PAIR);
        let repository = repository(&registry.authority);
        let name = repository.tagged(Tag::parse("v1").unwrap());
        let blob = Descriptor::of("x", b"x");
        let errors = block_on(async {
            [
                store.resolve(&name).await.map(drop).unwrap_err(),
                store.open_blob(&repository, &blob).await.map(drop).unwrap_err(),
                store.put_bytes(&repository, "x", b"x").await.map(drop).unwrap_err(),
            ]
        });
        let shown = format!("{errors:?} {}", errors[0]);
        assert!(shown.contains("[redacted]") && !shown.contains("secret"), "{shown}");
        let sent = sent.lock().unwrap();
        assert!(!sent.is_empty() && sent.iter().all(|sent| !shown.contains(sent.as_str())), "{shown}");
    }
}

#[test]
fn a_client_certificate_is_for_its_registry_alone() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

    use crate::base::encoding::pem;
    use crate::format::x509::testing::Authority;
    use crate::service::http::{ClientCertificate, Endpoint, Service};

    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = pem::encode("EC PRIVATE KEY", b"of another form");
    let chain = Authority::root("client").certificate.to_pem();
    assert!(ClientCertificate::new(chain.clone(), zeroize::Zeroizing::new(key)).is_err(), "not PKCS#8");
    let key = pem::encode("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref());
    let own = ClientCertificate::new(chain, zeroize::Zeroizing::new(key.clone())).unwrap();
    assert!(!format!("{own:?}").contains(key.lines().nth(1).unwrap()));

    let registry = Registry::parse("registry.example").unwrap();
    let mut settings = impatient();
    let host = HostSettings { client_certificate: Some(own), ..HostSettings::default() };
    settings.hosts.insert(registry.clone(), host);
    let transport = Transport::new(settings, Arc::new(FixedEnvironment::default()));
    let shows = |registry: &Registry, url: &str| {
        let endpoint = Endpoint::parse(Service::Registry, url).unwrap();
        transport.client(registry, &endpoint).settings().client_certificate.is_some()
    };
    assert!(shows(&registry, "https://registry.example/v2/"));
    for url in ["https://registry.example:8443/", "https://sub.registry.example/", "https://storage.example/"] {
        assert!(!shows(&registry, url), "{url}");
    }
    assert!(!shows(&Registry::parse("other.example").unwrap(), "https://other.example/v2/"));
}
