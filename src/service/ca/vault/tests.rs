//! A Vault of one login role and one PKI role, with the rules and words of its sources.

mod words;

use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::*;
use crate::base::encoding::{base64, pem};
use crate::format::x509::build::Extension;
use crate::format::x509::testing::{Authority, Key, Template};
use crate::format::x509::{CertificateRequest as Csr, San};
use crate::service::http::fake::{Answer, FakeServer, Received, block_on, impatient_client};
use crate::service::identity::IdToken;
use crate::service::signer::EphemeralKey;

const NAME: &str = "https://gitlab.com/my-group/app";
const CLIENT_TOKEN: &str = "hvs.CAESIcanarycanary";

/// The roles; the good ones are those of `examples/authorities/vault-role.sh`.
#[derive(Clone)]
struct Roles {
    role_type: &'static str,
    bound_audiences: Option<&'static str>,
    bound_issuer: &'static str,
    bound_project: &'static str,
    may_sign: bool,
    key_type: &'static str,
    require_cn: bool,
    allowed_uri: &'static str,
    use_csr_sans: bool,
    full_chain: bool,
}

impl Roles {
    const GOOD: Self = Self {
        role_type: "jwt",
        bound_audiences: Some("https://vault.example.com"),
        bound_issuer: "https://gitlab.com",
        bound_project: "my-group/",
        may_sign: true,
        key_type: "any",
        require_cn: false,
        allowed_uri: NAME,
        use_csr_sans: false,
        full_chain: true,
    };
}

struct FakeVault {
    server: FakeServer,
    root: Arc<Authority>,
}

fn errors(status: u16, words: &str) -> Answer {
    Answer::new(status, serde_json::json!({ "errors": [words] }).to_string())
}

impl FakeVault {
    fn start(roles: Roles) -> Self {
        let root = Arc::new(Authority::root("root"));
        let issuer = Mutex::new((Arc::clone(&root), root.intermediate("intermediate")));
        let server = FakeServer::start(move |_, sent| {
            let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap_or_default();
            match sent.target.as_str() {
                "/v1/auth/jwt/login" => login(&roles, &body),
                "/v1/auth/approle/login" if body["role_id"] == "R" && body["secret_id"] == "S" => welcome(),
                "/v1/auth/approle/login" => errors(400, "invalid role or secret ID"),
                "/v1/auth/kubernetes/login" if body["role"] == "ci" && body["jwt"] == "pod-token" => welcome(),
                "/v1/auth/cert/login" if body["name"] == "ci" => welcome(),
                "/v1/auth/token/revoke-self" => Answer::new(204, ""),
                "/v1/pki/sign/ci-signing" => {
                    let issuer = issuer.lock().unwrap();
                    sign(&roles, sent, &body, &issuer.0, &issuer.1)
                }
                "/v1/pki/sign/other" => errors(400, "unknown role: other"),
                other => errors(404, &format!("no handler for route \"{}\". route entry not found.", &other[4..])),
            }
        });
        Self { server, root }
    }

    fn client(&self, login: VaultLogin) -> Vault {
        let name = SanTemplate::parse("https://gitlab.com/{project_path}").unwrap();
        self.with_role("ci-signing", name, login)
    }

    fn with_role(&self, role: &str, name: SanTemplate, login: VaultLogin) -> Vault {
        let role =
            VaultRole { mount: "pki".to_owned(), role: role.to_owned(), name: Some(name), lifetime_secs: Some(600) };
        Vault::new(&self.server.url, role, login, impatient_client())
            .unwrap()
            .with_audience("https://vault.example.com")
    }

    fn targets(&self) -> Vec<String> {
        self.server.received().into_iter().map(|sent| sent.target).collect()
    }
}

fn welcome() -> Answer {
    Answer::new(200, serde_json::json!({ "auth": { "client_token": CLIENT_TOKEN, "lease_duration": 300 } }).to_string())
}

/// `builtin/credential/jwt/path_login.go`, in its order.
fn login(roles: &Roles, body: &serde_json::Value) -> Answer {
    let jwt = body["jwt"].as_str().unwrap_or_default();
    if body["role"] != "ci-signing" {
        return errors(400, &format!("role {} could not be found", body["role"]));
    }
    if roles.role_type == "oidc" {
        return errors(400, "role with oidc role_type is not allowed");
    }
    if jwt.is_empty() {
        return errors(400, "missing token");
    }
    let claims: serde_json::Value =
        serde_json::from_slice(&base64::decode_url(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap();
    if claims["iss"] != roles.bound_issuer {
        return errors(400, "error validating token: invalid issuer (iss) claim");
    }
    match roles.bound_audiences {
        Some(bound) if claims["aud"] != bound => {
            return errors(
                400,
                "error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
            );
        }
        Some(_) => {}
        None => return errors(400, "audience claim found in JWT but no audiences bound to the role"),
    }
    if !claims["project_path"].as_str().unwrap_or_default().starts_with(roles.bound_project) {
        return errors(
            400,
            "error validating claims: claim \"project_path\" does not match any associated bound claim values",
        );
    }
    welcome()
}

/// `builtin/logical/pki/issuing/sign_cert.go` and `cert_util.go`, in their order.
fn sign(roles: &Roles, sent: &Received, body: &serde_json::Value, root: &Authority, issuer: &Authority) -> Answer {
    if sent.header("x-vault-token") != Some(CLIENT_TOKEN) || !roles.may_sign {
        return errors(403, "1 error occurred:\n\t* permission denied\n\n");
    }
    let csr = body["csr"].as_str().unwrap_or_default();
    let key = match Csr::from_pem(csr) {
        Ok(csr) => csr.public_key().clone(),
        Err(error) => return errors(400, &format!("certificate request could not be parsed: {error}")),
    };
    if roles.key_type == "rsa" {
        return errors(400, "role requires keys of type rsa");
    }
    if roles.require_cn {
        return errors(
            400,
            "the common_name field is required, or must be provided in a CSR with \"use_csr_common_name\" set to true, unless \"require_cn\" is set to false",
        );
    }
    let wished = pem::decode_one(csr, "CERTIFICATE REQUEST").unwrap();
    let in_csr = wished.windows(NAME.len()).any(|part| part == NAME.as_bytes()).then_some(NAME);
    let asked = if roles.use_csr_sans { in_csr } else { body["uri_sans"].as_str() };
    if roles.allowed_uri.is_empty() {
        return errors(
            400,
            "URI Subject Alternative Names are not allowed in this role, but were provided via the API",
        );
    }
    let Some(uri) = asked.filter(|uri| *uri == roles.allowed_uri) else {
        return errors(
            400,
            "URI Subject Alternative Names were provided via the API which are not valid for this role",
        );
    };
    let mut template = Template::leaf(&Key::p256()).with(Extension::subject_alt_name(&San::Uri(uri.to_owned())));
    template.spki = key.spki().to_vec();
    let leaf = issuer.sign(template).to_pem();
    let issuing = issuer.certificate.to_pem();
    let mut data = serde_json::json!({ "certificate": leaf.trim_end(), "issuing_ca": issuing.trim_end() });
    if roles.full_chain {
        data["ca_chain"] = serde_json::json!([issuing, root.certificate.to_pem()]);
    }
    Answer::new(200, serde_json::json!({ "data": data }).to_string())
}

fn job_token(claims: serde_json::Value) -> IdToken {
    let part = |text: &str| base64::encode_url(text.as_bytes());
    let text = format!("{}.{}.Y2FuYXJ5LWNhbmFyeQ", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()));
    IdToken::new(Zeroizing::new(text), "test").unwrap()
}

fn gitlab() -> serde_json::Value {
    serde_json::json!({ "iss": "https://gitlab.com", "sub": "project_path:my-group/app:ref_type:branch:ref:main",
        "aud": "https://vault.example.com", "project_path": "my-group/app", "exp": 4_102_444_800_u64 })
}

fn jwt() -> VaultLogin {
    VaultLogin::Jwt { mount: "jwt".to_owned(), role: "ci-signing".to_owned() }
}

fn issue(vault: &Vault, token: Option<&IdToken>) -> Result<CertificateChain, CaError> {
    let key = EphemeralKey::generate().unwrap();
    block_on(vault.issue(CertificateRequest { key: &key, token }))
}

fn refused(roles: Roles, claims: serde_json::Value) -> (&'static str, u8) {
    let fake = FakeVault::start(roles);
    let error = issue(&fake.client(jwt()), Some(&job_token(claims))).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("Y2FuYXJ5") && !shown.contains(CLIENT_TOKEN), "{shown}");
    (error.code().name(), error.code().exit_code())
}

#[test]
fn a_job_logs_in_gets_its_certificate_and_logs_out() {
    for (full_chain, use_csr_sans, above) in [(true, false, 2), (false, true, 1)] {
        let fake = FakeVault::start(Roles { full_chain, use_csr_sans, ..Roles::GOOD });
        let vault = fake.client(jwt()).with_namespace("team-a");
        let token = job_token(gitlab());
        assert_eq!(vault.audience(), Some("https://vault.example.com"));
        assert_eq!(vault.wanted_name(Some(token.claims())).unwrap(), Some(San::Uri(NAME.to_owned())));
        let chain = issue(&vault, Some(&token)).unwrap();
        assert_eq!((chain.leaf.san().unwrap().as_str(), chain.above.len()), (NAME, above));
        assert_eq!(chain.above.contains(&fake.root.certificate), full_chain);
        let sent = fake.server.received();
        let targets: Vec<&str> = sent.iter().map(|sent| sent.target.as_str()).collect();
        assert_eq!(targets, ["/v1/auth/jwt/login", "/v1/pki/sign/ci-signing", "/v1/auth/token/revoke-self"]);
        assert!(sent.iter().all(|sent| sent.header("x-vault-namespace") == Some("team-a")));
        assert_eq!(sent[0].header("x-vault-token"), None);
        assert_eq!(sent[2].header("x-vault-token"), Some(CLIENT_TOKEN));
        let body: serde_json::Value = serde_json::from_slice(&sent[1].body).unwrap();
        assert_eq!((&body["ttl"], &body["exclude_cn_from_sans"]), (&"600s".into(), &true.into()));
    }
}

#[test]
fn every_login() {
    let fake = FakeVault::start(Roles::GOOD);
    let name = || SanTemplate::parse(NAME).unwrap();
    let secret = |text: &str| Zeroizing::new(text.to_owned());
    let logins = [
        (VaultLogin::AppRole { mount: "approle".to_owned(), role_id: "R".to_owned(), secret_id: secret("S") }, 3),
        (
            VaultLogin::Kubernetes {
                mount: "kubernetes".to_owned(),
                role: "ci".to_owned(),
                jwt: secret("pod-token\n"),
            },
            3,
        ),
        (VaultLogin::Certificate { mount: "cert".to_owned(), role: Some("ci".to_owned()) }, 3),
        // A token that was given is its owner's to revoke.
        (VaultLogin::Token(secret(CLIENT_TOKEN)), 1),
    ];
    for (login, calls) in logins {
        let before = fake.targets().len();
        let vault = fake.with_role("ci-signing", name(), login);
        assert_eq!(vault.audience(), None);
        assert_eq!(issue(&vault, None).unwrap().leaf.san().unwrap().as_str(), NAME);
        assert_eq!(fake.targets().len() - before, calls);
        assert!(!format!("{vault:?}").contains("canary"));
    }
}

#[test]
fn diagnoses_of_logins() {
    let code = |roles: Roles| refused(roles, gitlab());
    assert_eq!(code(Roles { role_type: "oidc", ..Roles::GOOD }), ("vault-role-type", 1));
    assert_eq!(code(Roles { bound_audiences: None, ..Roles::GOOD }), ("vault-audience-unbound", 1));
    assert_eq!(code(Roles { bound_audiences: Some("x"), ..Roles::GOOD }), ("vault-audience", 1));
    assert_eq!(code(Roles { bound_issuer: "gitlab.com", ..Roles::GOOD }), ("vault-issuer", 1));
    assert_eq!(code(Roles { bound_project: "other/", ..Roles::GOOD }), ("vault-claims", 1));
    let fake = FakeVault::start(Roles::GOOD);
    let at = |mount: &str, role: &str| {
        let login = VaultLogin::Jwt { mount: mount.to_owned(), role: role.to_owned() };
        issue(&fake.client(login), Some(&job_token(gitlab()))).unwrap_err().code().name()
    };
    assert_eq!(at("jwt", "absent"), "vault-login-role");
    assert_eq!(at("gitlab", "ci-signing"), "vault-login-mount");
    let secret_id = Zeroizing::new("wrong".to_owned());
    let login = VaultLogin::AppRole { mount: "approle".to_owned(), role_id: "R".to_owned(), secret_id };
    assert_eq!(issue(&fake.client(login), Some(&job_token(gitlab()))).unwrap_err().code().name(), "vault-approle");
}

#[test]
fn diagnoses_of_signing() {
    let code = |roles: Roles| refused(roles, gitlab());
    assert_eq!(code(Roles { may_sign: false, ..Roles::GOOD }), ("vault-sign-denied", 1));
    assert_eq!(code(Roles { key_type: "rsa", ..Roles::GOOD }), ("vault-key-type", 1));
    assert_eq!(code(Roles { require_cn: true, ..Roles::GOOD }), ("vault-require-cn", 1));
    assert_eq!(code(Roles { allowed_uri: "", ..Roles::GOOD }), ("vault-name", 1));
    assert_eq!(code(Roles { allowed_uri: "https://gitlab.com/else", ..Roles::GOOD }), ("vault-name", 1));
    let fake = FakeVault::start(Roles::GOOD);
    let name = SanTemplate::parse(NAME).unwrap();
    let vault = fake.with_role("other", name, jwt());
    assert_eq!(issue(&vault, Some(&job_token(gitlab()))).unwrap_err().code().name(), "vault-pki-role");
    // Who got in gets out, whatever came of it.
    assert_eq!(fake.targets().last().unwrap(), "/v1/auth/token/revoke-self");
}

#[test]
fn what_never_leaves_this_machine() {
    let fake = FakeVault::start(Roles::GOOD);
    let code = |result: Result<CertificateChain, CaError>| result.unwrap_err().code().name();
    assert_eq!(code(issue(&fake.client(jwt()), None)), "ca-token-needed");
    let mut claims = gitlab();
    claims["project_path"] = "my-group/app,https://github.com/victim".into();
    let token = job_token(claims);
    assert_eq!(fake.client(jwt()).wanted_name(Some(token.claims())).unwrap_err().code().name(), "ca-name-value");
    for path in ["", "../sys", "pki/", "a b", "pki?x", "%2e%2e"] {
        let name = Some(SanTemplate::parse(NAME).unwrap());
        let role = VaultRole { mount: path.to_owned(), role: "r".to_owned(), name, lifetime_secs: None };
        let error = Vault::new(&fake.server.url, role, jwt(), impatient_client()).unwrap_err();
        assert_eq!(error.code().name(), "vault-path", "{path}");
    }
    let role = VaultRole { mount: "pki".to_owned(), role: "r".to_owned(), name: None, lifetime_secs: None };
    let nameless = Vault::new(&fake.server.url, role, jwt(), impatient_client()).unwrap();
    assert_eq!(code(issue(&nameless, Some(&job_token(gitlab())))), "ca-name-needed");
    assert!(fake.targets().is_empty());
}
