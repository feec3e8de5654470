//! The certificates of an authority, from the authority: what is to be trusted is for people to say, by the digest of
//! the root or by the TLS that it came over.

use thiserror::Error;

use super::{CaError, chain};
use crate::base::code::Code;
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::format::x509::Certificate;
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Service};

/// The SHA-256 of a root's DER: what step-ca calls its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootDigest([u8; 32]);

/// A root that is not the one that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the root has the digest {found}, not {expected}")]
pub struct OtherRoot {
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl OtherRoot {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::refused("ca-other-root", "compare both digests with the authority's operator: nothing of it was used")
    }
}

impl RootDigest {
    /// Reads 64 hexadecimal digits; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = hex::decode(&text.to_ascii_lowercase())?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Compares a root.
    ///
    /// # Errors
    ///
    /// [`OtherRoot`].
    pub fn check(&self, root: &Certificate) -> Result<(), OtherRoot> {
        let found = sha256(&[root.der()]);
        if found == self.0 {
            return Ok(());
        }
        Err(OtherRoot { expected: hex::encode(&self.0), found: hex::encode(&found) })
    }
}

/// Those of a Vault's or OpenBao's engine, at `ADDRESS/v1/MOUNT`: `GET ca_chain`, which needs no token.
///
/// # Errors
///
/// [`CaError`].
pub async fn vault_anchors(engine: &str, http: &HttpClient) -> Result<Vec<Certificate>, CaError> {
    let endpoint = Endpoint::parse(Service::CertificateAuthority, engine)?.below("ca_chain");
    let body = get(&endpoint, http).await?;
    chain::certificates(&endpoint, std::iter::once(text(&endpoint, &body)?))
}

/// Those of a step-ca: its intermediates, then its roots.
///
/// # Errors
///
/// [`CaError`].
pub async fn step_ca_anchors(url: &str, http: &HttpClient) -> Result<Vec<Certificate>, CaError> {
    let base = Endpoint::parse(Service::CertificateAuthority, url)?;
    let intermediates = get(&base.below("intermediates.pem"), http).await?;
    let roots = base.below("roots.pem");
    let bodies = [intermediates, get(&roots, http).await?];
    let texts = bodies.iter().map(|body| text(&roots, body)).collect::<Result<Vec<_>, _>>()?;
    chain::certificates(&roots, texts)
}

/// The root of a step-ca by its digest (`GET /root/{sha256}`), whoever sends it: what `step ca bootstrap` does.
///
/// # Errors
///
/// [`CaError`]; [`CaError::OtherRoot`] when another came.
pub async fn step_ca_root(base: &Endpoint, digest: RootDigest, http: &HttpClient) -> Result<Certificate, CaError> {
    let endpoint = base.below(&format!("root/{}", hex::encode(&digest.0)));
    let body = get(&endpoint, &HttpClient::for_known_content(http.settings().clone())).await?;
    let json = Json::parse(&body).map_err(|_| chain::malformed(&endpoint, "not JSON"))?;
    let root = json.member("ca").and_then(Json::as_str).unwrap_or_default();
    let root = chain::certificates(&endpoint, std::iter::once(root))?.into_iter().next();
    let root = root.ok_or_else(|| chain::malformed(&endpoint, "a root is missing"))?;
    digest.check(&root)?;
    Ok(root)
}

/// The chains of a Fulcio (`GET /api/v2/trustBundle`), each with its root last.
///
/// # Errors
///
/// [`CaError`].
pub async fn fulcio_anchors(url: &str, http: &HttpClient) -> Result<Vec<Vec<Certificate>>, CaError> {
    let endpoint = Endpoint::parse(Service::CertificateAuthority, url)?.below("api/v2/trustBundle");
    let body = get(&endpoint, http).await?;
    let json = Json::parse(&body).map_err(|_| chain::malformed(&endpoint, "not JSON"))?;
    let Some(Json::Array(chains)) = json.member("chains") else {
        return Err(chain::malformed(&endpoint, "chains are missing"));
    };
    let of = |chain: &Json<'_>| match chain.member("certificates") {
        Some(Json::Array(items)) => chain::certificates(&endpoint, items.iter().filter_map(Json::as_str)),
        _ => Err(chain::malformed(&endpoint, "a chain has no certificates")),
    };
    chains.iter().take(limits::CHAIN).map(of).collect()
}

async fn get(endpoint: &Endpoint, http: &HttpClient) -> Result<Vec<u8>, HttpError> {
    let request = Request {
        service: Service::CertificateAuthority,
        endpoint,
        accept: "application/pem-certificate-chain, application/json, text/plain, */*",
        body: None,
        bearer: None,
        expected: &[200, 201],
        secrets: &[],
    };
    Ok(http.send(request).await?.body)
}

fn text<'b>(endpoint: &Endpoint, body: &'b [u8]) -> Result<&'b str, CaError> {
    std::str::from_utf8(body).map_err(|_| chain::malformed(endpoint, "not text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::x509::testing::Authority;
    use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};

    #[test]
    fn a_root_is_known_by_its_digest() {
        let root = Authority::root("root").certificate;
        let digest = RootDigest(sha256(&[root.der()]));
        assert_eq!(RootDigest::parse(&hex::encode(&digest.0).to_uppercase()), Some(digest));
        for bad in ["", "00", "zz"] {
            assert_eq!(RootDigest::parse(bad), None, "{bad}");
        }
        let ask = |sent: Certificate| {
            let server = FakeServer::start(move |_, _| {
                Answer::new(200, format!(r#"{{"ca":"{}"}}"#, sent.to_pem().replace('\n', "\\n")))
            });
            let base = server.endpoint(Service::CertificateAuthority, "");
            let answer = block_on(step_ca_root(&base, digest, &impatient_client()));
            assert_eq!(server.received()[0].target, format!("/root/{}", hex::encode(&digest.0)));
            answer
        };
        assert_eq!(ask(root.clone()).unwrap(), root);
        let error = ask(Authority::root("root").certificate).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("ca-other-root", 1));
    }

    #[test]
    fn what_authorities_publish() {
        let root = Authority::root("root");
        let intermediate = root.intermediate("intermediate").certificate;
        let (top, middle) = (root.certificate.to_pem(), intermediate.to_pem());
        let server = FakeServer::start(move |_, sent| match sent.target.as_str() {
            "/v1/pki/ca_chain" => Answer::new(200, format!("{middle}{top}")),
            "/intermediates.pem" => Answer::new(200, middle.clone()),
            "/roots.pem" => Answer::new(201, top.clone()),
            "/api/v2/trustBundle" => {
                let chain = serde_json::json!({ "chains": [{ "certificates": [middle, top] }] });
                Answer::new(200, chain.to_string())
            }
            _ => Answer::new(404, ""),
        });
        let (http, both) = (impatient_client(), vec![intermediate, root.certificate]);
        block_on(async {
            assert_eq!(vault_anchors(&format!("{}/v1/pki", server.url), &http).await.unwrap(), both);
            assert_eq!(step_ca_anchors(&server.url, &http).await.unwrap(), both);
            assert_eq!(fulcio_anchors(&server.url, &http).await.unwrap(), [both]);
            let absent = vault_anchors(&format!("{}/v1/other", server.url), &http).await.unwrap_err();
            assert_eq!(absent.code().name(), "ca-refused");
        });
    }
}
