//! A call fails in five ways, and each service has a code for each of them.

use super::*;

/// A URL that is not used, nobody there, overload, a no, and an answer that is no end of.
const CODES: [(Service, [&str; 5]); 13] = [
    (
        Service::IdentityProvider,
        [
            "identity-provider-url",
            "identity-provider-unreachable",
            "identity-provider-unavailable",
            "identity-provider-refused",
            "identity-provider-malformed",
        ],
    ),
    (Service::CertificateAuthority, ["ca-url", "ca-unreachable", "ca-unavailable", "ca-refused", "ca-malformed"]),
    (Service::Log, ["log-url", "log-unreachable", "log-unavailable", "log-refused", "log-malformed"]),
    (Service::TimestampAuthority, ["tsa-url", "tsa-unreachable", "tsa-unavailable", "tsa-refused", "tsa-malformed"]),
    (
        Service::Registry,
        ["registry-url", "registry-unreachable", "registry-unavailable", "registry-refused", "registry-malformed"],
    ),
    (Service::KeyService, ["kms-url", "kms-unreachable", "kms-unavailable", "kms-refused", "kms-malformed"]),
    (
        Service::TrustRepository,
        ["trust-url", "trust-unreachable", "trust-unavailable", "trust-refused", "trust-malformed"],
    ),
    (
        Service::AcmeServer,
        [
            "acme-server-url",
            "acme-server-unreachable",
            "acme-server-unavailable",
            "acme-server-refused",
            "acme-server-malformed",
        ],
    ),
    (
        Service::Witness,
        ["witness-url", "witness-unreachable", "witness-unavailable", "witness-refused", "witness-malformed"],
    ),
    (
        Service::Webhook,
        ["webhook-url", "webhook-unreachable", "webhook-unavailable", "webhook-refused", "webhook-malformed"],
    ),
    (
        Service::TraceCollector,
        [
            "trace-collector-url",
            "trace-collector-unreachable",
            "trace-collector-unavailable",
            "trace-collector-refused",
            "trace-collector-malformed",
        ],
    ),
    (
        Service::ApiServer,
        [
            "api-server-url",
            "api-server-unreachable",
            "api-server-unavailable",
            "api-server-refused",
            "api-server-malformed",
        ],
    ),
    (
        Service::ObjectStore,
        [
            "object-store-url",
            "object-store-unreachable",
            "object-store-unavailable",
            "object-store-refused",
            "object-store-malformed",
        ],
    ),
];

fn code(service: Service, url: &str) -> (&'static str, u8) {
    let sent =
        Endpoint::parse(service, url).and_then(|endpoint| block_on(impatient_client().send(get(service, &endpoint))));
    let error = sent.unwrap_err();
    assert!(error.to_string().contains(&service.to_string()), "{error}");
    (error.code().name(), error.code().exit_code())
}

#[test]
fn every_service_has_a_code_for_each_fault() {
    let server = FakeServer::start(|_, sent| match sent.target.as_str() {
        "/busy" => Answer::new(503, ""),
        "/no" => Answer::new(403, ""),
        "/long" => Answer::new(200, vec![b'x'; limits::RESPONSE_BYTES + 1]),
        other => panic!("{other}"),
    });
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = |path: &str| format!("{}{path}", server.url);
    let faults =
        ["http://service.example/".to_owned(), format!("http://{nobody}/"), at("/busy"), at("/no"), at("/long")];
    for (service, codes) in CODES {
        for ((url, code_of_it), exit) in faults.iter().zip(codes).zip([2, 3, 3, 1, 3]) {
            assert_eq!(code(service, url), (code_of_it, exit), "{service}");
        }
    }
}
