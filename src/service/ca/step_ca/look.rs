//! Looking at a step-ca: its health, its provisioners and its roots, none of which takes a token.

use super::{CaError, StepCa};
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::encoding::pem;
use crate::base::limits;
use crate::format::x509::Certificate;
use crate::service::http::{Endpoint, Request, Response, Service};
use crate::service::identity::IdToken;
use crate::service::look::{Looked, Seen};

const ABOUT: &str = "authority";

const PROVISIONER: Code = Code::refused(
    "step-ca-provisioner",
    "add an OIDC provisioner whose clientID is the token's aud, or name its clientID: --authority-audience",
);

impl StepCa {
    pub(super) async fn look_at(&self, token: Option<&IdToken>) -> Looked {
        let provisioners = match self.get("provisioners").await {
            Ok(response) => response,
            Err(error) => return Looked::at(vec![Seen::failed(ABOUT, error.to_string(), error.code())]),
        };
        let name = self.base.to_string();
        let seen = match &self.own {
            Some(own) => match self.token_maker(&own.provisioner).await {
                Ok(_) => Seen::good(
                    ABOUT,
                    format!("{name} has a JWK provisioner {:?}, whose key opens", own.provisioner.name()),
                ),
                Err(error) => Seen::failed(ABOUT, error.to_string(), error.code()),
            },
            None if has_provisioner(&provisioners.body, &self.audience) => {
                let issuer = token.and_then(|token| token.claims().issuer()).unwrap_or("any issuer");
                Seen::good(ABOUT, format!("{name} has an OIDC provisioner for {:?} (issuer {issuer})", self.audience))
            }
            None => {
                let words = format!("{name} has no OIDC provisioner whose clientID is {:?}", self.audience);
                Seen::failed(ABOUT, words, PROVISIONER)
            }
        };
        let roots = self.get("roots.pem").await.ok();
        let own_certificates = roots.map(|roots| certificates(&roots.body)).unwrap_or_default();
        Looked { date: provisioners.date(), own_certificates, ..Looked::at(vec![seen]) }
    }

    /// Over the TLS that its root proves, where that is known.
    pub(super) async fn get(&self, path: &str) -> Result<Response, CaError> {
        let endpoint: Endpoint = self.base.below(path);
        // As many provisioners as one answer holds.
        let endpoint = if path == "provisioners" { endpoint.with_query("limit", "100") } else { endpoint };
        let request = Request {
            service: Service::CertificateAuthority,
            endpoint: &endpoint,
            accept: "*/*",
            body: None,
            bearer: None,
            expected: &[200, 201],
            secrets: &[],
        };
        Ok(self.client().await?.send(request).await?)
    }
}

fn has_provisioner(body: &[u8], audience: &str) -> bool {
    let Ok(json) = Json::parse(body) else { return false };
    let Some(Json::Array(all)) = json.member("provisioners") else { return false };
    let text = |one: &Json<'_>, name: &str| one.member(name).and_then(Json::as_str).map(str::to_owned);
    all.iter().take(limits::ISSUERS).any(|one| {
        text(one, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("oidc"))
            && text(one, "clientID").as_deref() == Some(audience)
    })
}

fn certificates(body: &[u8]) -> Vec<Certificate> {
    let text = String::from_utf8_lossy(body);
    let ders = pem::decode_all(&text, "CERTIFICATE").unwrap_or_default();
    ders.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::ca::CertificateAuthority as _;
    use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
    use crate::service::look::Status;

    #[test]
    fn the_provisioner_for_this_audience() {
        let server = FakeServer::start(|_, sent| match sent.target.as_str() {
            "/provisioners?limit=100" => Answer::new(
                200,
                r#"{"provisioners":[{"type":"JWK","name":"a"},{"type":"OIDC","name":"b","clientID":"sigstore"}]}"#,
            ),
            _ => Answer::new(404, "{}"),
        });
        let look = |audience| {
            let ca = StepCa::new(&server.url, audience, impatient_client()).unwrap();
            let [seen] = block_on(ca.look(None)).seen.try_into().unwrap();
            (seen.status, seen.code.map(Code::name))
        };
        assert_eq!(look("sigstore"), (Status::Good, None));
        assert_eq!(look("other"), (Status::Bad, Some("step-ca-provisioner")));
    }
}
