//! What a CertificateRequest's conditions say.
//! <https://github.com/cert-manager/cert-manager/blob/v1.19.0/pkg/apis/certmanager/v1/types_certificaterequest.go>

use crate::base::encoding::base64;
use crate::base::encoding::json::Json;
use crate::service::http::excerpt;

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has said that it may be signed.
    Unapproved,
    /// It may be, and is not yet; the words say why.
    Pending(String),
    /// PEM texts: the certificate with what leads to its root, and the root where the issuer knows it.
    Issued(Vec<String>),
    /// An approver said no.
    Denied(String),
    /// The issuer cannot sign such a request.
    Invalid(String),
    /// The issuer tried, once.
    Failed(String),
}

impl State {
    /// Reads a CertificateRequest; `None` when it is none, or one with a certificate that is no text.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let json = Json::parse(body).ok()?;
        if json.member("kind").and_then(Json::as_str) != Some("CertificateRequest") {
            return None;
        }
        let holds = |kind| condition(&json, kind).filter(|one| field(one, "status") == "True");
        // A refusal counts whatever else is said.
        if let Some(denied) = holds("Denied") {
            return Some(Self::Denied(words(denied)));
        }
        if let Some(invalid) = holds("InvalidRequest") {
            return Some(Self::Invalid(words(invalid)));
        }
        let Some(ready) = condition(&json, "Ready") else {
            return Some(match holds("Approved") {
                Some(_) => Self::Pending("the issuer has not taken it up".to_owned()),
                None => Self::Unapproved,
            });
        };
        Some(match (field(ready, "status"), field(ready, "reason")) {
            ("True", _) => Self::Issued(texts(json.member("status")?)?),
            (_, "Denied") => Self::Denied(words(ready)),
            (_, "Failed") => Self::Failed(words(ready)),
            _ if holds("Approved").is_none() => Self::Unapproved,
            _ => Self::Pending(words(ready)),
        })
    }
}

/// The condition of this type that an object has.
pub(super) fn condition<'o, 'j>(object: &'o Json<'j>, kind: &str) -> Option<&'o Json<'j>> {
    match object.member("status")?.member("conditions")? {
        Json::Array(conditions) => conditions.iter().find(|one| field(one, "type") == kind),
        _ => None,
    }
}

/// A field that is a text; empty when it is none.
pub(super) fn field<'j>(of: &'j Json<'_>, name: &str) -> &'j str {
    of.member(name).and_then(Json::as_str).unwrap_or_default()
}

/// Why a condition is as it is, as far as it may be shown.
pub(super) fn words(condition: &Json<'_>) -> String {
    excerpt(format!("{}: {}", field(condition, "reason"), field(condition, "message")).as_bytes(), &[])
}

fn texts(status: &Json<'_>) -> Option<Vec<String>> {
    let text = |name| {
        let bytes = base64::decode(status.member(name)?.as_str()?)?;
        String::from_utf8(bytes).ok()
    };
    let certificate = text("certificate")?;
    Some(std::iter::once(certificate).chain(text("ca")).collect())
}
