//! Looking at a cert-manager: what the pod's account may do (`SelfSubjectAccessReview`), and its issuer, as far as the
//! account may read it. No request is made.

use super::error::{ABSENT, FORBIDDEN};
use super::state::{condition, field, words};
use super::{CertManager, GROUP, Requests};
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::service::http::Method;
use crate::service::kubernetes::ApiAnswer;
use crate::service::look::{Looked, Seen};

const ABOUT: &str = "cert-manager";
const ISSUER: &str = "issuer";

const NOT_READY: Code = Code::refused(
    "cert-manager-issuer",
    "make the issuer ready: `kubectl describe` it; its Secret or its Vault is missing or wrong",
);

impl CertManager {
    pub(super) async fn look_at(&self) -> Looked {
        let known = match self.call(&Method::GET, &format!("apis/{GROUP}/v1"), None).await {
            Ok(answer) => answer,
            Err(error) => return Looked::at(vec![Seen::failed(ABOUT, error.to_string(), error.code())]),
        };
        let address = self.server.address();
        if known.status == 404 {
            let words = format!("{address} knows no certificate requests");
            return Looked { date: known.date, ..Looked::at(vec![Seen::failed(ABOUT, words, ABSENT)]) };
        }
        if known.status >= 400 {
            let error = self.refusal(&known);
            return Looked {
                date: known.date,
                ..Looked::at(vec![Seen::failed(ABOUT, error.to_string(), error.code())])
            };
        }
        let seen = vec![self.look_at_account().await, self.look_at_issuer().await];
        Looked { date: known.date, ..Looked::at(seen) }
    }

    async fn look_at_account(&self) -> Seen {
        let verbs: &[&str] = match self.requests {
            Requests::Delete => &["create", "get", "delete"],
            Requests::Keep => &["create", "get"],
        };
        let mut missing = Vec::new();
        for verb in verbs {
            match self.may(verb).await {
                Some(true) => {}
                Some(false) => missing.push(*verb),
                None => return Seen::skipped(ABOUT, "the API server does not say what this account may do"),
            }
        }
        let place = format!("certificate requests in {}", self.namespace);
        if missing.is_empty() {
            return Seen::good(ABOUT, format!("{} lets this pod make {place}", self.server.address()));
        }
        Seen::failed(ABOUT, format!("this pod's account may not {} {place}", missing.join(", ")), FORBIDDEN)
    }

    /// <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/>,
    /// which every account may ask.
    async fn may(&self, verb: &str) -> Option<bool> {
        let body = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "namespace": self.namespace, "verb": verb, "group": GROUP, "resource": "certificaterequests",
            } },
        });
        let path = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.call(&Method::POST, path, Some(&body.to_string())).await.ok()?;
        let json = Json::parse(&answer.body).ok()?;
        match json.member("status")?.member("allowed")? {
            Json::Bool(allowed) => Some(*allowed),
            _ => None,
        }
    }

    async fn look_at_issuer(&self) -> Seen {
        let named = format!("{} {}", self.issuer.kind, self.issuer.name);
        if self.issuer.group != GROUP {
            return Seen::skipped(
                ISSUER,
                format!("{named} is of {}, whose kinds are not looked at", self.issuer.group),
            );
        }
        let path = match self.issuer.kind.as_str() {
            "ClusterIssuer" => format!("apis/{GROUP}/v1/clusterissuers/{}", self.issuer.name),
            _ => self.path(&format!("issuers/{}", self.issuer.name)),
        };
        match self.call(&Method::GET, &path, None).await {
            Ok(answer) if answer.status == 200 => judge(&named, &answer),
            Ok(answer) if answer.status == 403 => {
                Seen::skipped(ISSUER, format!("this pod may not read {named}; the first signature will tell"))
            }
            Ok(answer) if answer.status == 404 => Seen::failed(ISSUER, format!("there is no {named}"), NOT_READY),
            Ok(answer) => {
                let error = self.refusal(&answer);
                Seen::failed(ISSUER, error.to_string(), error.code())
            }
            Err(error) => Seen::failed(ISSUER, error.to_string(), error.code()),
        }
    }
}

fn judge(named: &str, answer: &ApiAnswer) -> Seen {
    let json = Json::parse(&answer.body).ok();
    match json.as_ref().and_then(|json| condition(json, "Ready")) {
        Some(ready) if field(ready, "status") == "True" => Seen::good(ISSUER, format!("{named} is ready")),
        Some(ready) => Seen::failed(ISSUER, format!("{named} is not ready: {}", words(ready)), NOT_READY),
        None => Seen::failed(ISSUER, format!("{named} is not ready: nothing has looked at it"), NOT_READY),
    }
}
