use super::*;
use crate::service::environment::FixedEnvironment;
use crate::service::http::fake::block_on;

fn auths(entries: &[(&str, &str)]) -> String {
    let entry = |(key, pair): &(&str, &str)| format!(r#""{key}":{{"auth":"{}"}}"#, base64::encode(pair.as_bytes()));
    format!(r#"{{"auths":{{{}}}}}"#, entries.iter().map(entry).collect::<Vec<_>>().join(","))
}

fn find(environment: FixedEnvironment, repository: &str) -> Result<Option<Credential>, StoreError> {
    let credentials = Credentials::new(Arc::new(environment));
    let repository = Repository::parse(repository).unwrap();
    block_on(credentials.find(&repository)).map(|found| found.map(|(credential, _)| credential))
}

fn in_file(text: &str, repository: &str) -> Option<Credential> {
    let environment = FixedEnvironment::with_variables([("HOME", "/home/me")]);
    find(environment.with_file("/home/me/.docker/config.json", text), repository).unwrap()
}

#[test]
fn the_first_file_with_an_entry_wins() {
    let file = |user: &str| auths(&[("registry.example", &format!("{user}:pw"))]);
    let variables = [
        ("HOME", "/home/me"),
        ("REGISTRY_AUTH_FILE", "/auth/file.json"),
        ("XDG_RUNTIME_DIR", "/run/user/1"),
        ("DOCKER_CONFIG", "/docker"),
    ];
    let mut environment = FixedEnvironment::with_variables(variables);
    for (path, user) in [
        ("/home/me/.docker/config.json", None),
        ("/docker/config.json", Some("docker")),
        ("/home/me/.config/containers/auth.json", Some("config")),
        ("/run/user/1/containers/auth.json", Some("runtime")),
        ("/auth/file.json", Some("named")),
    ] {
        environment = environment.with_file(path, file(user.unwrap_or("not looked at")));
        let found = find(environment.clone(), "registry.example/app").unwrap();
        assert_eq!(found, user.map(|user| basic(user, "pw")), "{path}");
    }
    assert_eq!(find(environment, "other.example/app").unwrap(), None);
}

#[test]
fn a_credential_is_for_its_host_alone() {
    let file = auths(&[
        ("registry.example", "a:1"),
        ("registry.example:5000", "b:2"),
        ("https://index.docker.io/v1/", "hub:3"),
        ("https://old.example/v2/", "old:4"),
    ]);
    for (repository, expected) in [
        ("registry.example/app", Some(basic("a", "1"))),
        ("registry.example:443/app", Some(basic("a", "1"))),
        ("registry.example:5000/app", Some(basic("b", "2"))),
        ("ubuntu", Some(basic("hub", "3"))),
        ("old.example/app", Some(basic("old", "4"))),
        ("registry.example.evil.com/app", None),
        ("evil-registry.example/app", None),
        ("sub.registry.example/app", None),
        ("example/app", None),
    ] {
        let expected = if repository == "example/app" { Some(basic("hub", "3")) } else { expected };
        assert_eq!(in_file(&file, repository), expected, "{repository}");
    }
}

#[test]
fn the_longest_path_wins() {
    let file = auths(&[
        ("registry.example", "host:1"),
        ("registry.example/acme", "owner:2"),
        ("registry.example/acme/app", "app:3"),
    ]);
    assert_eq!(in_file(&file, "registry.example/acme/app"), Some(basic("app", "3")));
    assert_eq!(in_file(&file, "registry.example/acme/app2"), Some(basic("owner", "2")));
    assert_eq!(in_file(&file, "registry.example/acme/app/sub"), Some(basic("app", "3")));
    assert_eq!(in_file(&file, "registry.example/acme2"), Some(basic("host", "1")));
}

#[test]
fn every_kind_of_entry() {
    let entry = |entry: &str| in_file(&format!(r#"{{"auths":{{"r.example":{entry}}}}}"#), "r.example/app");
    assert_eq!(entry("{}"), None);
    assert_eq!(entry(r#"{"username":"u","password":"p:q"}"#), Some(basic("u", "p:q")));
    assert_eq!(entry(&format!(r#"{{"auth":"{}"}}"#, base64::encode(b"u:p:q"))), Some(basic("u", "p:q")));
    let token = |text| Some(Credential::IdentityToken(Secret::new(text)));
    assert_eq!(entry(r#"{"auth":"dTpw","identitytoken":"it"}"#), token("it"));
    assert_eq!(entry(r#"{"registrytoken":"rt"}"#), Some(Credential::RegistryToken(Secret::new("rt"))));
}

#[test]
fn helpers_come_before_entries_and_stores_after() {
    let repository = Repository::parse("r.example/app").unwrap();
    let auths = r#""auths":{"r.example":{"auth":"dTpw"},"s.example":{}}"#;
    let named = |text: String| entry(text.as_bytes(), &repository).unwrap();
    let helper = |name: &str| Some(Entry::Helper(name.to_owned()));
    assert_eq!(named(format!(r#"{{{auths},"credHelpers":{{"r.example":"h"}},"credsStore":"s"}}"#)), helper("h"));
    assert_eq!(named(format!(r#"{{{auths},"credsStore":"s"}}"#)), Some(Entry::Credential(basic("u", "p"))));
    assert_eq!(named(r#"{"auths":{"r.example":{}},"credsStore":"s"}"#.to_owned()), helper("s"));
    assert_eq!(named(r#"{"credHelpers":{"other.example":"h"}}"#.to_owned()), None);
}

#[test]
fn a_broken_file_is_named_and_its_content_is_not() {
    for text in ["{", r#"{"auths":[]}"#, r#"{"auths":{"r.example":{"auth":"canary!"}}}"#] {
        let environment = FixedEnvironment::with_variables([("HOME", "/home/me")]);
        let found = find(environment.with_file("/home/me/.docker/config.json", text), "r.example/app");
        let error = found.unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("registry-credentials", 2), "{text}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("/home/me/.docker/config.json") && !shown.contains("canary"), "{shown}");
    }
    assert!(!format!("{:?}", basic("u", "canary")).contains("canary"));
}
