//! What the words of a Vault mean, where no role of the fake brings them about.

use super::*;

/// The authority over the role `r`, with a template for names or without.
fn vault(server: &FakeServer, name: Option<&str>) -> Vault {
    let name = name.map(|template| SanTemplate::parse(template).unwrap());
    let role = VaultRole { mount: "pki".to_owned(), role: "r".to_owned(), name, lifetime_secs: None };
    Vault::new(&server.url, role, jwt(), impatient_client()).unwrap()
}

fn named(server: &FakeServer) -> Vault {
    vault(server, Some(NAME))
}

#[test]
fn diagnoses_of_words() {
    for (words, code) in [
        ("missing token", "vault-token-missing"),
        ("could not load configuration", "vault-login-unconfigured"),
        (
            "error validating token: error verifying token signature: no known key successfully validated the token signature",
            "vault-token-invalid",
        ),
        ("error validating token: invalid expiration time (exp) claim: token is expired", "vault-token-expired"),
        (
            "error validating token: error verifying token signature: fetching keys oidc: get keys failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
            "vault-token-invalid",
        ),
        ("claim \"ref_protected\" not found in token", "vault-claims"),
        ("service account name not authorized", "vault-pod-account"),
        ("namespace not authorized", "vault-pod-account"),
        ("something new", "vault-login-refused"),
    ] {
        let server = FakeServer::start(move |_, _| errors(400, words));
        let error = issue(&named(&server), Some(&job_token(gitlab()))).unwrap_err();
        assert_eq!(error.code().name(), code);
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// The words of `builtin/logical/pki` that no role of this fake brings about.
#[test]
fn diagnoses_of_words_at_signing() {
    for (words, code) in [
        (
            "cannot satisfy request, as TTL would result in notAfter of 2026-11-27 that is beyond the expiration",
            "vault-lifetime",
        ),
        (
            "either ttl or not_after should be provided. Both should not be provided in the same request.",
            "vault-lifetime",
        ),
        ("no default issuer currently configured", "vault-no-issuer"),
        ("error fetching CA certificate: could not fetch the CA certificate (was one set?)", "vault-no-issuer"),
        ("\"csr\" is empty", "vault-csr"),
        ("something new", "vault-sign-refused"),
    ] {
        let server = FakeServer::start(move |_, sent| match sent.target.as_str() {
            "/v1/auth/jwt/login" => welcome(),
            "/v1/pki/sign/r" => errors(400, words),
            "/v1/auth/token/revoke-self" => Answer::new(204, ""),
            other => panic!("{other}"),
        });
        let error = issue(&named(&server), Some(&job_token(gitlab()))).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), (code, 1), "{words}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// OpenBao 2.4 answers 500.
#[test]
fn an_engine_without_a_ca() {
    let words = "1 error occurred:\n\t* could not fetch the CA certificate (was one set?): ";
    let code = |why: &str| {
        let answer = format!("{words}{why}\n\n");
        let server = FakeServer::start(move |_, sent| match sent.target.as_str() {
            "/v1/auth/jwt/login" => welcome(),
            _ => errors(500, &answer),
        });
        let code = issue(&named(&server), Some(&job_token(gitlab()))).unwrap_err().code();
        (code.name(), code.exit_code())
    };
    assert_eq!(code("no default issuer currently configured"), ("vault-no-issuer", 1));
    assert_eq!(code("unable to find PKI issuer for reference: nothing"), ("vault-no-issuer", 1));
    // One that has lost its store has to be asked again.
    assert_eq!(code("error fetching issuer: context deadline exceeded"), ("ca-unavailable", 3));
}

const NO_ENGINE: &str = "no handler for route \"pki/roles/r\". route entry not found.";

/// All of the look is good but for the role, which cannot be read for another reason than a missing right.
#[test]
fn a_look_at_a_role_that_cannot_be_read() {
    let look = |role: fn() -> Answer| {
        let server = FakeServer::start(move |_, sent| match sent.target.as_str() {
            "/v1/auth/jwt/login" => welcome(),
            "/v1/sys/capabilities-self" => Answer::new(200, r#"{"data":{"pki/sign/r":["update"]}}"#),
            "/v1/pki/roles/r" => role(),
            "/v1/pki/ca_chain" => Answer::new(200, ""),
            "/v1/auth/token/revoke-self" => Answer::new(204, ""),
            other => panic!("{other}"),
        });
        let looked = block_on(vault(&server, None).look(Some(&job_token(gitlab()))));
        looked.seen.iter().filter_map(|seen| seen.code.map(|code| code.name())).collect::<Vec<_>>()
    };
    assert_eq!(look(|| Answer::new(200, r#"{"data":{"code_signing_flag":true,"ttl":600}}"#)), [""; 0]);
    // OpenBao 2.4 has no words for a role that is not there.
    assert_eq!(look(|| Answer::new(404, r#"{"errors":[]}"#)), ["vault-pki-role"]);
    assert_eq!(look(|| errors(404, NO_ENGINE)), ["vault-pki-mount"]);
    assert_eq!(look(|| errors(405, "unsupported operation")), ["vault-role-unreadable"]);
    assert_eq!(look(|| Answer::new(200, "<html>")), ["vault-role-unreadable"]);
}

#[test]
fn a_sealed_vault_is_no_refusal() {
    let server = FakeServer::start(|_, _| errors(503, "Vault is sealed"));
    let error = issue(&named(&server), Some(&job_token(gitlab()))).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("ca-unavailable", 3));
    assert!(error.to_string().contains("Vault is sealed"), "{error}");
}
