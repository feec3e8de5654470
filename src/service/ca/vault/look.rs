//! Looking at a Vault: the login, what its token may do (`sys/capabilities-self`), and the role of the PKI engine,
//! as far as the token may read it. Nothing is signed, and the login's token is revoked.

use super::{CaError, Vault, VaultError, VaultToken, excerpt};
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::encoding::pem;
use crate::format::x509::Certificate;
use crate::service::http::{Method, Response};
use crate::service::identity::IdToken;
use crate::service::look::{Looked, Seen};

const LOGIN: &str = "vault login";
const POLICY: &str = "vault policy";
const ROLE: &str = "vault role";

/// A signing certificate is needed for minutes; one that lives for a day is one that can be stolen.
const LONG_SECS: i128 = 24 * 60 * 60;

const MAY_NOT_SIGN: Code = Code::refused(
    "vault-policy-sign",
    "give the login role a policy with `path \"pki/sign/ROLE\" { capabilities = [\"update\"] }`",
);
const MAY_ISSUE: Code = Code::refused(
    "vault-policy-issue",
    "leave pki/issue out of the policy: there Vault makes the private key and sends it; pki/sign takes a request",
);
const NOT_FOR_SIGNING: Code = Code::refused(
    "vault-role-not-signing",
    "make a role of its own for signing: code_signing_flag=true server_flag=false client_flag=false",
);
const LONG_LIVED: Code = Code::refused(
    "vault-role-lifetime",
    "set ttl=10m on the signing role: a timestamp proves the time, not the lifetime",
);
const UNREADABLE: Code =
    Code::undecided("vault-role-unreadable", "read its answer: `vault read pki/roles/ROLE` shows the same");

impl Vault {
    pub(super) async fn look_at(&self, token: Option<&IdToken>) -> Looked {
        let vault = match self.token(token).await {
            Ok(vault) => vault,
            Err(error @ CaError::TokenNeeded) => return Looked::at(vec![Seen::skipped(LOGIN, error.to_string())]),
            Err(error) => return Looked::at(vec![Seen::failed(LOGIN, error.to_string(), error.code())]),
        };
        let how = if vault.own { "let this job in" } else { "is asked with the token given" };
        let mut looked = Looked::at(vec![Seen::good(LOGIN, format!("{} {how}", self.base))]);
        let (policy, date) = self.look_at_policy(&vault).await;
        looked.seen.extend(policy);
        looked.seen.push(self.look_at_role(&vault).await);
        looked.date = date;
        looked.own_certificates = self.own_certificates().await;
        self.revoke(&vault).await;
        looked
    }

    async fn look_at_policy(&self, vault: &VaultToken) -> (Vec<Seen>, Option<crate::base::time::UnixTime>) {
        let path = |call: &str| format!("{}/{call}/{}", self.role.mount, self.role.role);
        let (sign, issue) = (path("sign"), path("issue"));
        let body = serde_json::json!({ "paths": [sign, issue] }).to_string();
        let asked = self.post(&self.at("sys/capabilities-self"), Some(&vault.text), &body, &[&vault.text]).await;
        let response = match asked {
            Ok(response) if response.status == 200 => response,
            Ok(_) => return (vec![Seen::skipped(POLICY, "this token may not ask what it may do")], None),
            Err(error) => return (vec![Seen::failed(POLICY, error.to_string(), error.code())], None),
        };
        let may = |path: &str| may_update(&response.body, path);
        let mut seen = vec![match may(&sign) {
            true => Seen::good(POLICY, format!("this job may have {sign} sign")),
            false => Seen::failed(POLICY, format!("this job may not have {sign} sign"), MAY_NOT_SIGN),
        }];
        if may(&issue) {
            seen.push(Seen::doubtful(POLICY, format!("this job may also have {issue} make private keys"), MAY_ISSUE));
        }
        (seen, response.date())
    }

    async fn look_at_role(&self, vault: &VaultToken) -> Seen {
        let endpoint = self.at(&format!("{}/roles/{}", self.role.mount, self.role.role));
        let asked = self.call(&Method::GET, &endpoint, Some(&vault.text), None, &[&vault.text]).await;
        match asked {
            Ok(response) if response.status == 200 => judge_role(&endpoint.to_string(), &response),
            Ok(response) if response.status == 403 => {
                Seen::skipped(ROLE, format!("this job may not read {endpoint}; the first signature will tell"))
            }
            Ok(response) if response.status == 404 => {
                let error = VaultError::at_role(&endpoint, &excerpt(&response.body, &[&vault.text]));
                Seen::failed(ROLE, error.to_string(), error.code())
            }
            Ok(response) => {
                let answer = excerpt(&response.body, &[&vault.text]);
                Seen::failed(ROLE, format!("{endpoint} answered {}: {answer}", response.status), UNREADABLE)
            }
            Err(error) => Seen::failed(ROLE, error.to_string(), error.code()),
        }
    }

    /// The engine's chain, which anyone may read.
    async fn own_certificates(&self) -> Vec<Certificate> {
        let endpoint = self.at(&format!("{}/ca_chain", self.role.mount));
        let Ok(response) = self.call(&Method::GET, &endpoint, None, None, &[]).await else { return Vec::new() };
        let text = String::from_utf8_lossy(&response.body);
        let ders = pem::decode_all(&text, "CERTIFICATE").unwrap_or_default();
        ders.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
    }
}

/// Whether an answer of `sys/capabilities-self` has an `update` (or `root`) for this path.
fn may_update(body: &[u8], path: &str) -> bool {
    let Ok(json) = Json::parse(body) else { return false };
    let data = json.member("data").unwrap_or(&json);
    let Some(Json::Array(found)) = data.member(path) else { return false };
    found.iter().filter_map(Json::as_str).any(|word| matches!(word, "update" | "root"))
}

fn judge_role(name: &str, response: &Response) -> Seen {
    let Ok(json) = Json::parse(&response.body) else {
        return Seen::failed(ROLE, format!("{name} answered no JSON"), UNREADABLE);
    };
    let field = |name: &str| json.member("data").and_then(|data| data.member(name));
    if field("code_signing_flag") != Some(&Json::Bool(true)) {
        let words = format!("{name} certifies for TLS (server and client) and not for code signing");
        return Seen::failed(ROLE, words, NOT_FOR_SIGNING);
    }
    match field("ttl") {
        Some(Json::Integer(secs)) if *secs > LONG_SECS => {
            Seen::doubtful(ROLE, format!("{name} gives certificates for {} hours", secs / 3600), LONG_LIVED)
        }
        _ => Seen::good(ROLE, format!("{name} certifies for code signing")),
    }
}
