//! The client against a server of the tests' own.

mod families;
mod tls;

use std::net::TcpListener;

use super::fake::{Answer, FakeServer, block_on, impatient_client};
use super::*;
use crate::service::environment::FixedEnvironment;

fn call(server: &FakeServer, path: &str) -> Result<Response, HttpError> {
    let endpoint = server.endpoint(Service::Log, path);
    block_on(impatient_client().send(Request {
        service: Service::Log,
        endpoint: &endpoint,
        accept: "application/json",
        body: Some(("application/json", b"{}")),
        bearer: Some("eyJh.canary-canary.canary-signature"),
        expected: &[201],
        secrets: &[],
    }))
}

#[test]
fn sends_what_is_asked_and_reads_the_answer() {
    let server = FakeServer::start(|_, _| Answer::new(201, "yes").with("location", "/there"));
    let response = call(&server, "/a?q=1").unwrap();
    assert_eq!((response.status, response.body.as_slice()), (201, &b"yes"[..]));
    assert_eq!(response.headers.get("location").unwrap(), "/there");
    let [sent] = server.received().try_into().unwrap();
    assert_eq!((sent.method.as_str(), sent.target.as_str(), sent.body.as_slice()), ("POST", "/a?q=1", &b"{}"[..]));
    assert_eq!(sent.header("authorization"), Some("Bearer eyJh.canary-canary.canary-signature"));
    assert_eq!(sent.header("content-type"), Some("application/json"));
}

#[test]
fn a_post_of_nothing_says_so() {
    let server = FakeServer::start(|_, _| Answer::new(200, "yes"));
    let endpoint = server.endpoint(Service::Registry, "/v2/");
    for (method, length) in [(Method::POST, Some("0")), (Method::PUT, Some("0")), (Method::GET, None)] {
        let exchange = Exchange {
            service: Service::Registry,
            method: &method,
            endpoint: &endpoint,
            headers: &HeaderMap::new(),
            body: None,
            limit: 10,
            repeat: Repeat::Never,
            secrets: &[],
        };
        block_on(impatient_client().exchange(&exchange)).unwrap();
        assert_eq!(server.received().last().unwrap().header("content-length"), length, "{method}");
    }
}

#[test]
fn a_call_says_which_trace_it_belongs_to_only_within_one() {
    let server = FakeServer::start(|_, _| Answer::new(201, "yes"));
    let field = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let endpoint = server.endpoint(Service::Registry, "/v2/");
    let call = Exchange {
        service: Service::Registry,
        method: &Method::GET,
        endpoint: &endpoint,
        headers: &HeaderMap::new(),
        body: None,
        limit: 100,
        repeat: Repeat::Never,
        secrets: &[],
    };
    let client = impatient_client();
    block_on(within_trace(field, client.exchange(&call))).unwrap();
    block_on(client.exchange(&call)).unwrap();
    let fields: Vec<_> = server.received().iter().map(|sent| sent.header("traceparent").map(str::to_owned)).collect();
    assert_eq!(fields, [Some(field.to_owned()), None]);
}

#[test]
fn overload_is_waited_out_and_then_named() {
    let server =
        FakeServer::start(|count, _| Answer::gateway(if count < 2 { 503 } else { 201 }, "reached max pushback; retry"));
    assert!(call(&server, "/").is_ok());
    let server = FakeServer::start(|_, _| Answer::gateway(503, "reached max pushback; retry"));
    let error = call(&server, "/").unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("log-unavailable", 3));
    assert!(error.to_string().contains("answered 503 (3 tried): reached max pushback; retry"), "{error}");
    assert_eq!(server.received().len(), 3);
}

#[test]
fn a_no_is_not_repeated() {
    let server = FakeServer::start(|_, _| Answer::gateway(400, "invalid type, must be hashedrekord"));
    let error = call(&server, "/secret-free?query=hidden").unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("log-refused", 1));
    assert!(error.to_string().ends_with("/secret-free answered 400: invalid type, must be hashedrekord"), "{error}");
    assert_eq!(server.received().len(), 1);
}

#[test]
fn x09_a_token_that_is_answered_back_is_hidden() {
    let server = FakeServer::start(|_, request| {
        Answer::new(400, request.header("authorization").unwrap_or_default().as_bytes())
    });
    let error = call(&server, "/").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

#[test]
fn redirects_are_not_followed() {
    let target = FakeServer::start(|_, _| Answer::new(201, "followed"));
    let url = target.url.clone();
    let server = FakeServer::start(move |_, _| Answer::new(307, "").with("location", url.clone()));
    assert_eq!(call(&server, "/").unwrap_err().code().name(), "log-refused");
    assert!(target.received().is_empty());
}

#[test]
fn answers_are_bounded() {
    let server = FakeServer::start(|_, _| Answer::new(201, vec![b'x'; limits::RESPONSE_BYTES + 1]));
    assert_eq!(call(&server, "/").unwrap_err().code().name(), "log-malformed");
    let server = FakeServer::start(|_, _| Answer::new(400, vec![b'x'; limits::RESPONSE_BYTES]));
    assert_eq!(call(&server, "/").unwrap_err().code().name(), "log-refused");
}

/// A request for whatever is there.
fn get(service: Service, endpoint: &Endpoint) -> Request<'_> {
    Request { service, endpoint, accept: "*/*", body: None, bearer: None, expected: &[200], secrets: &[] }
}

#[test]
fn nobody_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint::parse(Service::TimestampAuthority, &format!("http://{port}/?key=hidden")).unwrap();
    let error = block_on(impatient_client().send(get(Service::TimestampAuthority, &endpoint))).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("tsa-unreachable", 3));
    assert!(error.to_string().contains("(3 tried)") && !error.to_string().contains("hidden"), "{error}");
}

#[test]
fn plain_http_is_for_loopback_only() {
    let parse = |text| Endpoint::parse(Service::CertificateAuthority, text);
    for good in ["https://fulcio.example", "http://127.0.0.1:1/x", "http://localhost:8080", "http://[::1]:1"] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for bad in [
        "http://fulcio.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "ftp://fulcio.example",
        "https://user:pass@fulcio.example",
        "https://fulcio.example/#x",
        "fulcio.example",
        "",
    ] {
        let error = parse(bad).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("ca-url", 2), "{bad}");
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
}

#[test]
fn locations_stay_on_their_host() {
    let base = Endpoint::parse(Service::Log, "https://log.example/prefix/").unwrap();
    assert_eq!(base.below("api/v1").to_string(), "https://log.example/prefix/api/v1");
    assert_eq!(base.location("/api/1").unwrap().to_string(), "https://log.example/api/1");
    assert_eq!(base.location("https://evil.example/api/1"), None);
    assert_eq!(base.location("http://log.example/api/1"), None);
}

#[test]
fn x16_proxies_come_from_the_environment_and_are_visible() {
    let environment = FixedEnvironment::with_variables([
        ("HTTPS_PROXY", "http://user:hidden@proxy.example:3128"),
        ("NO_PROXY", "internal.example"),
        ("HTTP_PROXY", "http://ignored.example"),
    ]);
    let proxies = Settings::from_environment(&environment).proxies;
    assert_eq!(proxies.to_string(), "http://proxy.example:3128/ (not for internal.example)");
    assert!(!format!("{proxies:?}").contains("hidden"));
    assert_eq!(Proxies::from_environment(&FixedEnvironment::default()).to_string(), "none");
}

#[test]
fn loopback_is_never_reached_through_a_proxy() {
    let proxy = FakeServer::start(|_, _| Answer::new(201, "proxied"));
    let server = FakeServer::start(|_, _| Answer::new(201, "direct"));
    let proxies = Proxies { https: Some(proxy.url.clone()), exempt: None };
    let client = HttpClient::new(Settings { proxies, ..impatient_client().settings().clone() });
    let endpoint = server.endpoint(Service::Log, "/");
    let request = Request {
        service: Service::Log,
        endpoint: &endpoint,
        accept: "*/*",
        body: None,
        bearer: None,
        expected: &[201],
        secrets: &[],
    };
    assert_eq!(block_on(client.send(request)).unwrap().body, b"direct");
    assert!(proxy.received().is_empty());
}

#[test]
fn extra_roots_must_parse() {
    let settings = Settings { extra_roots: Some("not PEM".to_owned()), ..Settings::default() };
    let endpoint = Endpoint::parse(Service::Log, "https://log.example").unwrap();
    let request = Request {
        service: Service::Log,
        endpoint: &endpoint,
        accept: "*/*",
        body: None,
        bearer: None,
        expected: &[200],
        secrets: &[],
    };
    assert_eq!(block_on(HttpClient::new(settings).send(request)).unwrap_err().code().name(), "http-setup");
}
