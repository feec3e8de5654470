//! The rows of a walkthrough from GitLab to Vault that fails, each found: by a Vault with the rules and words of its
//! sources (`builtin/credential/jwt`, `builtin/logical/pki`), or in the job itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::super::fixture::{Desk, stack_dir};
use super::super::stdout;
use super::{doctor, found, now, one, token, troubles};

const TOKEN: &str = "hvs.CAESIcanarycanary";

/// The roles and the policy; as they should be.
#[derive(Clone)]
struct Roles {
    role_type: &'static str,
    bound_audiences: bool,
    bound_issuer: &'static str,
    may: Vec<&'static str>,
    may_read: bool,
    code_signing: bool,
    ttl: i64,
}

const GOOD: fn() -> Roles = || Roles {
    role_type: "jwt",
    bound_audiences: true,
    bound_issuer: "https://gitlab.com",
    may: vec!["sign"],
    may_read: true,
    code_signing: true,
    ttl: 600,
};

/// A Vault at this address; its thread ends with the process.
fn vault(roles: Roles) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let own = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let mut reader = BufReader::new(&stream);
            let (mut head, mut length) = (Vec::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" || line.is_empty() {
                    break;
                }
                head.push(line.trim_end().to_owned());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let known = head.iter().any(|line| line.eq_ignore_ascii_case(&format!("x-vault-token: {TOKEN}")));
            let line = head.first().cloned().unwrap_or_default();
            let (status, answer) =
                serve(&roles, &own, &line, known, &serde_json::from_slice(&body).unwrap_or_default());
            let date = "date: ".to_owned() + &http_date();
            let answer = format!(
                "HTTP/1.1 {status} X\r\n{date}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                answer.len()
            );
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    address
}

/// The time of now, as servers write it.
fn http_date() -> String {
    let time = sealmark::base::time::UnixTime::from_secs(now());
    let (year, month, day, hour, minute, second) = time.civil();
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = names[usize::from(month) - 1];
    format!("Thu, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

fn serve(roles: &Roles, own: &str, line: &str, known: bool, body: &Value) -> (u16, String) {
    let errors = |status: u16, words: &str| (status, json!({ "errors": [words] }).to_string());
    let path = line.split(' ').nth(1).unwrap_or_default();
    match path {
        "/v1/auth/jwt/login" => login(roles, own, body),
        _ if path != "/v1/pki/ca_chain" && !known => errors(403, "permission denied"),
        "/v1/sys/capabilities-self" => {
            let one = |path: &Value| {
                let call = path.as_str().unwrap().split('/').nth(1).unwrap().to_owned();
                let may = if roles.may.contains(&call.as_str()) { "update" } else { "deny" };
                (path.as_str().unwrap().to_owned(), json!([may]))
            };
            let data: serde_json::Map<_, _> = body["paths"].as_array().unwrap().iter().map(one).collect();
            (200, json!({ "data": data }).to_string())
        }
        "/v1/pki/roles/ci-signing" if !roles.may_read => errors(403, "1 error occurred:\n\t* permission denied\n\n"),
        "/v1/pki/roles/ci-signing" => {
            (200, json!({ "data": { "code_signing_flag": roles.code_signing, "ttl": roles.ttl } }).to_string())
        }
        "/v1/auth/token/revoke-self" => (204, String::new()),
        other => errors(404, &format!("no handler for route \"{}\". route entry not found.", &other[4..])),
    }
}

fn login(roles: &Roles, own: &str, body: &Value) -> (u16, String) {
    let errors = |words: &str| (400, json!({ "errors": [words] }).to_string());
    let jwt = body["jwt"].as_str().unwrap_or_default();
    if roles.role_type == "oidc" {
        return errors("role with oidc role_type is not allowed");
    }
    if jwt.is_empty() {
        return errors("missing token");
    }
    let claims = jwt.split('.').nth(1).unwrap();
    let claims = sealmark::base::encoding::base64::decode_url(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    if claims["iss"] != roles.bound_issuer {
        return errors("error validating token: invalid issuer (iss) claim");
    }
    if roles.bound_audiences && claims["aud"] != own {
        return errors(
            "error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
        );
    }
    if !roles.bound_audiences {
        return errors("audience claim found in JWT but no audiences bound to the role");
    }
    (200, json!({ "auth": { "client_token": TOKEN } }).to_string())
}

/// A GitLab job with a token for this Vault.
fn job(desk: &Desk, roles: Roles) -> (i32, Vec<String>) {
    let address = vault(roles);
    let jwt = token(&[
        ("iss", json!("https://gitlab.com")),
        ("aud", json!(address)),
        ("project_path", json!("acme/app")),
        ("ci_config_ref_uri", json!("gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main")),
    ]);
    desk.write("vault.jwt", jwt.as_bytes());
    let output = at(desk, &[("VAULT_ADDR", &address)], &["--identity-token-file", "vault.jwt"]);
    assert!(!stdout(&output).contains(TOKEN) && !stdout(&output).contains(&jwt));
    found(&output)
}

fn at(desk: &Desk, variables: &[(&str, &str)], args: &[&str]) -> std::process::Output {
    let with = ["--authority", "vault:pki/ci-signing", "--authority-name", "https://gitlab.com/{project_path}"];
    doctor(desk, variables, &[&["--stack", stack_dir()], &with[..], args].concat())
}

#[test]
fn a_vault_as_it_should_be() {
    let desk = Desk::new();
    assert_eq!(job(&desk, GOOD()), (0, Vec::new()));
    // Not to be allowed to read the role is how it should be, too.
    assert_eq!(job(&desk, Roles { may_read: false, ..GOOD() }), (0, Vec::new()));
}

#[test]
fn row_1_the_variable_that_gitlab_removed() {
    let desk = Desk::new();
    let address = vault(GOOD());
    // Nothing declared: GitLab sets no token by itself any more.
    let output = at(&desk, &[("VAULT_ADDR", &address), ("GITLAB_CI", "true")], &[]);
    assert_eq!(troubles(&output)[0], "token fail gitlab-id-token");
    assert!(stdout(&output).contains("id_tokens:"), "{}", stdout(&output));
    // A server that still sets it is one before 17.0.
    let old = [("VAULT_ADDR", address.as_str()), ("GITLAB_CI", "true"), ("CI_JOB_JWT", "eyJ")];
    assert!(troubles(&at(&desk, &old, &[])).contains(&"gitlab warn gitlab-job-jwt".to_owned()));
}

#[test]
fn rows_2_to_4_what_the_login_role_lacks() {
    let desk = Desk::new();
    for (roles, code) in [
        (Roles { role_type: "oidc", ..GOOD() }, "vault-role-type"),
        (Roles { bound_audiences: false, ..GOOD() }, "vault-audience-unbound"),
        (Roles { bound_issuer: "gitlab.com", ..GOOD() }, "vault-issuer"),
    ] {
        assert_eq!(job(&desk, roles), one(1, &format!("vault login fail {code}")));
    }
}

#[test]
fn row_5_keys_that_vault_makes_and_jobs_that_print_them() {
    let desk = Desk::new();
    assert_eq!(
        job(&desk, Roles { may: vec!["sign", "issue"], ..GOOD() }),
        one(0, "vault policy warn vault-policy-issue")
    );
    assert_eq!(job(&desk, Roles { may: Vec::new(), ..GOOD() }), one(1, "vault policy fail vault-policy-sign"));
}

#[test]
fn row_6_a_role_for_servers() {
    let desk = Desk::new();
    let tls = Roles { code_signing: false, ttl: 259_200, ..GOOD() };
    assert_eq!(job(&desk, tls), one(1, "vault role fail vault-role-not-signing"));
    assert_eq!(job(&desk, Roles { ttl: 259_200, ..GOOD() }), one(0, "vault role warn vault-role-lifetime"));
}
