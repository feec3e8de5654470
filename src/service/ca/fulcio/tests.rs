use zeroize::Zeroizing;

use super::*;
use crate::base::encoding::hex;
use crate::format::x509::Certificate;
use crate::format::x509::testing::Authority;
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
use crate::service::identity::IdToken;
use crate::service::signer::EphemeralKey;

/// `{"alg":"ES256"}`, `{"iss":"i","sub":"me","aud":"sigstore","exp":4102444800}`
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJpIiwic3ViIjoibWUiLCJhdWQiOiJzaWdzdG9yZSIsImV4cCI6NDEwMjQ0NDgwMH0.Y2FuYXJ5LWNhbmFyeQ";

/// An authority that takes the tokens of `i`, and gives this for a certificate.
fn authority(answer: impl Fn() -> Answer + Send + 'static) -> FakeServer {
    FakeServer::start(move |_, sent| match sent.target.as_str() {
        "/api/v2/configuration" => Answer::new(200, r#"{"issuers":[{"issuerUrl":"i"}]}"#),
        _ => answer(),
    })
}

fn issue(server: &FakeServer) -> Result<CertificateChain, CaError> {
    let token = IdToken::new(Zeroizing::new(TOKEN.to_owned()), "test").unwrap();
    let key = EphemeralKey::generate().unwrap();
    let fulcio = Fulcio::new(&server.url, impatient_client()).unwrap();
    block_on(async { fulcio.issue(CertificateRequest { key: &key, token: Some(&token) }).await })
}

fn chain_json(key: &str, certificates: &[&Certificate]) -> String {
    let list: Vec<String> =
        certificates.iter().map(|one| format!("\"{}\"", one.to_pem().replace('\n', "\\n"))).collect();
    format!(r#"{{"{key}":{{"chain":{{"certificates":[{}]}}}}}}"#, list.join(","))
}

#[test]
fn asks_with_key_proof_and_token_and_reads_the_chain() {
    let root = Authority::root("root");
    let issuer = root.intermediate("intermediate");
    let (leaf, _) = issuer.leaf();
    let json = chain_json("signedCertificateEmbeddedSct", &[&leaf, &issuer.certificate, &root.certificate]);
    let server = authority(move || Answer::new(200, json.clone()));
    let chain = issue(&server).unwrap();
    assert_eq!((&chain.leaf, chain.above.as_slice()), (&leaf, &[issuer.certificate, root.certificate][..]));

    let [asked, sent] = server.received().try_into().unwrap();
    assert_eq!((asked.target.as_str(), asked.header("authorization")), ("/api/v2/configuration", None));
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/api/v2/signingCert"));
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    let body = Json::parse(&sent.body).unwrap();
    let request = body.member("publicKeyRequest").unwrap();
    let pem = request.member("publicKey").unwrap().member("content").unwrap().as_str().unwrap();
    let key = crate::base::crypto::PublicKey::from_pem(pem).unwrap();
    let proof = base64::decode(request.member("proofOfPossession").unwrap().as_str().unwrap()).unwrap();
    assert!(key.verify_default(b"me", &proof).is_ok());
}

#[test]
fn the_chain_is_read_with_an_sct_beside_it_or_none() {
    let (leaf, _) = Authority::root("root").leaf();
    let bare = chain_json("signedCertificateDetachedSct", &[&leaf]);
    let with =
        |sct: &str| bare.replacen("{\"chain\"", &format!(r#"{{"signedCertificateTimestamp":"{sct}","chain""#), 1);
    for (json, beside) in [(bare.clone(), false), (with(""), false), (with("eyJpZCI6IiJ9"), true)] {
        let server = authority(move || Answer::new(200, json.clone()));
        let chain = issue(&server).unwrap();
        assert_eq!((chain.leaf, chain.sct_beside), (leaf.clone(), beside));
    }
}

#[test]
fn the_servers_own_words_are_shown_and_the_token_is_not() {
    for (status, message, code) in [
        (400, "There was an error processing the identity token", "ca-refused"),
        (400, "The signature supplied in the request could not be verified", "ca-refused"),
        (500, "Error entering certificate in CTL", "ca-unavailable"),
        (429, TOKEN, "ca-unavailable"),
    ] {
        let server = authority(move || Answer::gateway(status, message));
        let error = issue(&server).unwrap_err();
        assert_eq!(error.code().name(), code);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(if message == TOKEN { "[redacted]" } else { message }), "{shown}");
        assert!(!shown.contains("Y2FuYXJ5"), "{shown}");
    }
}

#[test]
fn answers_that_are_no_chain() {
    let nine: Vec<Certificate> = (0..9).map(|_| Authority::root("root").certificate).collect();
    let nine = chain_json("signedCertificateEmbeddedSct", &nine.iter().collect::<Vec<_>>());
    let empty = chain_json("signedCertificateEmbeddedSct", &[]);
    let not_der = format!(
        r#"{{"signedCertificateEmbeddedSct":{{"chain":{{"certificates":["-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"]}}}}}}"#,
        base64::encode(&hex::decode("3000").unwrap())
    );
    let wrong = r#"{"signedCertificateEmbeddedSct":{"chain":{"certificates":["text"]}}}"#.to_owned();
    for (body, code) in [
        (String::new(), "ca-malformed"),
        ("<html>".to_owned(), "ca-malformed"),
        ("{}".to_owned(), "ca-malformed"),
        (r#"{"signedCertificateEmbeddedSct":{}}"#.to_owned(), "ca-malformed"),
        (empty, "ca-malformed"),
        (nine, "ca-malformed"),
        (wrong, "pem-parse"),
        (not_der, "cert-parse"),
    ] {
        let shown = body.clone();
        let server = authority(move || Answer::new(200, body.clone()));
        assert_eq!(issue(&server).unwrap_err().code().name(), code, "{shown}");
    }
}

#[test]
fn an_authority_is_asked_whose_tokens_it_takes() {
    let takes = |body: &'static str, status: u16| {
        let server = FakeServer::start(move |_, _| Answer::new(status, body));
        let token = IdToken::new(Zeroizing::new(TOKEN.to_owned()), "test").unwrap();
        let answer = block_on(Fulcio::new(&server.url, impatient_client()).unwrap().takes(token.claims()));
        let received = server.received();
        assert!(received.iter().all(|sent| sent.target == "/api/v2/configuration" && sent.method == "GET"));
        assert!(received.iter().all(|sent| sent.header("authorization").is_none()), "a token is not for asking");
        answer.map_err(|error| (error.code().name(), error.to_string()))
    };
    assert_eq!(takes(r#"{"issuers":[{"issuerUrl":"https://a.example"},{"issuerUrl":"i"}]}"#, 200), Ok(true));
    assert_eq!(takes(r#"{"code":5,"message":"Not Found"}"#, 404), Ok(false));
    // Anchored at both ends.
    let (code, text) = takes(r#"{"issuers":[{"issuerUrl":"ii"},{"wildcardIssuerUrl":"i/*"}]}"#, 200).unwrap_err();
    assert_eq!(code, "ca-issuer-unknown");
    assert!(text.contains("takes no tokens of \"i\"; it takes those of ii, i/*"), "{text}");
    assert_eq!(takes("<html>", 200).unwrap_err().0, "ca-malformed");
    assert_eq!(takes("later", 503).unwrap_err().0, "ca-unavailable");
}

#[test]
fn a_token_of_an_unknown_issuer_is_not_sent() {
    let configured = r#"{"issuers":[{"issuerUrl":"https://accounts.example"}]}"#;
    let server = FakeServer::start(move |_, _| Answer::new(200, configured));
    let error = issue(&server).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("ca-issuer-unknown", 1));
    assert!(error.to_string().contains("tokens of \"i\"; it takes those of https://accounts.example"), "{error}");
    assert!(server.received().iter().all(|sent| sent.header("authorization").is_none()));
}

#[test]
fn an_authority_that_lists_no_issuers_is_asked_for_a_certificate() {
    let (leaf, _) = Authority::root("root").leaf();
    let json = chain_json("signedCertificateEmbeddedSct", &[&leaf]);
    let endless = || Answer::new(200, "x".repeat(limits::RESPONSE_BYTES + 1));
    let configurations: [fn() -> Answer; 5] = [
        || Answer::gateway(404, "Not Found"),
        || Answer::gateway(403, "Forbidden"),
        || Answer::new(200, "<html>"),
        || Answer::new(200, r#"{"issuers":[]}"#),
        endless,
    ];
    for configuration in configurations {
        let json = json.clone();
        let server = FakeServer::start(move |_, sent| match sent.target.as_str() {
            "/api/v2/configuration" => configuration(),
            _ => Answer::new(200, json.clone()),
        });
        assert_eq!(issue(&server).unwrap().leaf, leaf);
    }
}

#[test]
fn an_authority_that_cannot_serve_now_is_not_sent_the_token() {
    let server = FakeServer::start(|_, _| Answer::gateway(503, "later"));
    assert_eq!(issue(&server).unwrap_err().code().name(), "ca-unavailable");
    assert!(server.received().iter().all(|sent| sent.target == "/api/v2/configuration"));
}

#[test]
fn an_authority_behind_the_seam_says_of_itself_what_it_says_without() {
    for url in ["https://fulcio.sigstore.dev", "https://fulcio.example.com"] {
        let fulcio = Fulcio::new(url, impatient_client()).unwrap();
        let boxed: Box<dyn CertificateAuthority> = Box::new(fulcio.clone());
        assert_eq!(boxed.is_public(), fulcio.is_public());
        assert_eq!((boxed.name(), boxed.audience()), (fulcio.name(), fulcio.audience()));
        assert_eq!(boxed.is_public(), url == "https://fulcio.sigstore.dev");
    }
}
